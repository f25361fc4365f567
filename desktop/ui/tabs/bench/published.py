"""Published speeds beside the chosen runs: bars, and a table that names every source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.core.bench.published import Kinship, Published, beside
from desktop.core.hardware.known import KnownSpeed, Status
from desktop.ui import units
from desktop.ui.charts.data import OTHERS, Bar, Group
from desktop.ui.charts.tabletwin import Sheet
from desktop.ui.tabs.bench import words
from desktop.ui.tabs.bench.words import translated

LIMIT = 6  # of the published speeds in one chart
_BACKENDS = {
    "cpu": "CPU",
    "cuda": "CUDA",
    "hip": "HIP",
    "hip+wmma+fa": "HIP + WMMA + FA",
    "hip/vulkan": "HIP or Vulkan",
    "metal": "Metal",
    "rocm": "ROCm",
    "vulkan": "Vulkan",
    "vulkan+fa": "Vulkan + FA",
}


def letter(place: int) -> str:
    """What a published speed is called beside its bar: runs have numbers, these have letters."""
    return chr(ord("A") + place)


def device(speed: KnownSpeed) -> str:
    """ "RTX 4090, CUDA"; an engine that is not llama.cpp is named."""
    parts = [speed.device, _BACKENDS.get(speed.backend, speed.backend)]
    if speed.engine != "llama.cpp":
        parts.append(speed.engine)
    return ", ".join(part for part in parts if part)


def model(speed: KnownSpeed) -> str:
    return f"{speed.model} {speed.quant_type}"


def status(speed: KnownSpeed) -> str:
    """How directly the figure was read."""
    if speed.status is Status.READ:
        return translated("read at its source")
    return translated("read in a copy of its source")


def groups(test: str, speeds: Sequence[KnownSpeed], document: dict[str, Any]) -> tuple[Group, ...]:
    """The bars of one panel: each under its device, with its own model and test below."""
    found = []
    for place, speed in enumerate(speeds):
        for each in beside(speed, document):
            if each.test == test:
                figure = units.speed(each.tokens_per_second)
                value = each.tokens_per_second
                bar = Bar(OTHERS, letter(place), value, None, figure, _tip(each))
                found.append(Group(device(speed), (bar,), _note(each)))
    if found:
        found.insert(0, Group(translated("Published by others"), ()))
    return tuple(found)


def sheet(speeds: Sequence[KnownSpeed], document: dict[str, Any]) -> Sheet:
    """All of it as a table; the ratio only where the same was measured."""
    columns = (
        translated("Device"),
        translated("Model"),
        translated("Test"),
        translated("tok/s"),
        translated("Run {number} reaches").format(number=document["id"]),
        translated("Comparison"),
        translated("Source"),
        translated("Status"),
        translated("Engine build"),
        translated("Note"),
    )
    rows = []
    for place, speed in enumerate(speeds):
        for each in beside(speed, document):
            rows.append(
                (
                    f"{letter(place)}: {device(speed)}",
                    model(speed),
                    _test(each),
                    units.speed(each.tokens_per_second),
                    "–" if each.share is None else _share(each.share),
                    _kinship(each),
                    speed.source,
                    status(speed),
                    speed.build,
                    speed.notes,
                )
            )
    return Sheet(columns, tuple(rows), (0, 1, 2, 5, 6, 7, 8, 9))


def _share(share: float) -> str:
    """The run's figure in percent of the published one, or as a multiple of it."""
    if share >= 2:
        return f"×{share:,.1f}"
    return f"{share * 100:,.{0 if share >= 0.0995 else 1}f} %"


def _test(each: Published) -> str:
    """The test in words; a source's own test in the source's words."""
    panel = words.panel(each.test)
    if each.tokens is not None:
        return words.whole_test(each.test, each.tokens, 0, 1, None)
    if not each.test_words:
        return panel
    return translated("{kind}, {test}").format(kind=panel, test=f"“{each.test_words}”")


def _kinship(each: Published) -> str:
    return {
        Kinship.SAME_TEST: translated("same model, quant type and test"),
        Kinship.SAME_MODEL: translated("same model, another test"),
        Kinship.OTHER_MODEL: translated("another model"),
    }[each.kinship]


def _note(each: Published) -> str:
    """The published model under its bar, and how far it can be compared."""
    name, tokens = model(each.speed), each.tokens
    if each.kinship is Kinship.SAME_TEST:
        return f"{name}: {_kinship(each)}"
    test = words.test(each.test, tokens, 0, 1, None) if tokens else f"“{each.test_words}”"
    text = translated("{kinship}: {model}, {test}")
    return text.format(kinship=_kinship(each), model=name, test=test)


def _tip(each: Published) -> str:
    speed = each.speed
    lines = [
        f"{device(speed)}: {units.speed(each.tokens_per_second)} {translated('tokens per second')}",
        f"{model(speed)}, {_test(each)} ({_kinship(each)})",
        translated("Source: {source}").format(source=speed.source),
        translated("{status}; build {build}").format(status=status(speed), build=speed.build),
    ]
    return "\n".join([*lines, speed.notes] if speed.notes else lines)
