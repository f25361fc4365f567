"""Ollama's options of a request as ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desktop.core.library.adopt.parameters import WITHOUT_PLACE, take_over
from desktop.core.service.api_errors import ApiError

Json = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What a request's options ask for.

    Attributes:
        body: fields of OpenAI's request.
        context_tokens: how much context the model must have at least; None: not said.
    """

    body: Json
    context_tokens: int | None = None


def options_of(value: Any) -> Options:
    """Options of a request; unknown ones and those that are the machine's business are passed over,
    as there.

    Raises:
        ApiError: 400 for a value that makes no sense.
    """
    if value is None:
        return Options({})
    if not isinstance(value, dict):
        raise ApiError(400, "“options” must be an object.", param="options")
    given = {name: one for name, one in value.items() if one is not None}
    for name, one in given.items():  # whole numbers may come as 5.0: JavaScript has no others
        if isinstance(one, float) and one.is_integer() and name not in _FRACTIONS:
            given[name] = int(one)
    _meant(given)
    taken = take_over(given)
    for left in taken.left_out:
        if left.name in given and left.name not in WITHOUT_PLACE and left.name in _CHECKED:
            raise ApiError(400, f'option "{left.name}": {left.reason}', param=left.name)
    return Options(taken.sampling, taken.defaults.get("context_tokens"))


def _meant(given: Json) -> None:
    """Whole numbers that stand for something else there, as what they mean here."""

    def whole(name: str) -> int | None:
        value = given.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    tokens, context = whole("num_predict"), whole("num_ctx")
    if tokens is not None and tokens <= 0:
        del given["num_predict"]  # -1: no limit, -2: until the context is full; 0 is no limit, too
    if context is not None and context < _LEAST_CONTEXT:
        del given["num_ctx"]  # less than a model has is never taken
    if (top := whole("top_k")) is not None and top < 0:
        given["top_k"] = 0  # all of them
    if (seed := whole("seed")) is not None and seed != -1:
        given["seed"] = seed % (1 << 32)  # the engine's has so many bits


_LEAST_CONTEXT = 64  # of a load
_FRACTIONS = frozenset(
    {
        *("temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty"),
        *("frequency_penalty", "mirostat_tau", "mirostat_eta"),
    }
)
_CHECKED = _FRACTIONS | {
    *("seed", "num_predict", "top_k", "repeat_last_n", "mirostat", "stop", "num_ctx"),
}
