"""A run beside published speeds of other devices, without calling apples oranges.

A published figure can be set against a run's only where model, quant type and test are the same;
everything else is shown under its own name and never put into a ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from desktop.core.bench.schema import Document
from desktop.core.hardware.known import KnownSpeed

# Two files of one model differ a little in what counts as a parameter (tied embeddings, a head for
# speculative decoding); the next size of any family is further away.
_SAME_SIZE = 0.03

Test = Literal["prefill", "decode"]
TESTS: tuple[Test, ...] = ("prefill", "decode")


class Kinship(StrEnum):
    """How far a published figure and a run can be compared, the closest first."""

    SAME_TEST = "same_test"  # model, quant type and test are the same
    SAME_MODEL = "same_model"  # the test is another one, or nobody says which
    OTHER_MODEL = "other_model"


@dataclass(frozen=True)
class Published:
    """One figure of a published speed beside a run.

    Attributes:
        tokens: of llama-bench's test; None where the source's test was another one or is unknown.
        test_words: the source's own name of its test.
        share: the run's figure over the published one; None unless it is the same test.
    """

    speed: KnownSpeed
    test: Test
    tokens: int | None
    test_words: str
    tokens_per_second: float
    kinship: Kinship
    share: float | None


def same_model(speed: KnownSpeed, document: Document) -> bool:
    """Whether it ran a model that is as fast as the run's: its shape and quant type are the same.

    Fine-tunes of one model have its shape, and the engine cannot tell them apart.
    """
    model = document["model"]
    parameters, quant = model["parameters"], model["quant_type"]
    if not parameters or not quant or speed.parameters is None:
        return False
    return bool(
        speed.architecture == model["architecture"]
        and speed.quant_type == quant
        and abs(speed.parameters - parameters) <= _SAME_SIZE * parameters
    )


def beside(speed: KnownSpeed, document: Document) -> tuple[Published, ...]:
    """The figures a published speed has, each with how far it can be compared with the run."""
    is_same = same_model(speed, document)
    found = []
    for test in TESTS:
        figure, tokens, test_words = _figures(speed, test)
        if figure is None:
            continue
        measured = _measured(document, test, tokens) if is_same else None
        kinship = Kinship.SAME_MODEL if is_same else Kinship.OTHER_MODEL
        share = None
        if measured is not None:
            kinship, share = Kinship.SAME_TEST, measured / figure
        found.append(Published(speed, test, tokens, test_words, figure, kinship, share))
    return tuple(found)


def ranked(speeds: Sequence[KnownSpeed], document: Document | None) -> list[KnownSpeed]:
    """Those of the run's own model first, then by device; `document` None: by device alone."""

    def key(speed: KnownSpeed) -> tuple[bool, str, str, str, str]:
        other = document is None or not same_model(speed, document)
        return other, speed.device.casefold(), speed.model, speed.quant_type, speed.backend

    return sorted(speeds, key=key)


def _figures(speed: KnownSpeed, test: Test) -> tuple[float | None, int | None, str]:
    if test == "prefill":
        return speed.prefill_tokens_per_second, speed.prefill_tokens, speed.prefill_test
    return speed.decode_tokens_per_second, speed.decode_tokens, speed.decode_test


def _measured(document: Document, test: Test, tokens: int | None) -> float | None:
    """The run's figure of the same test: from an empty context, one request at a time."""
    for result in document["results"]:
        asked = result["test"], result["tokens"], result["depth"], result["concurrency"]
        if asked == (test, tokens, 0, 1) and result["tokens_per_second"] > 0:
            return float(result["tokens_per_second"])
    return None
