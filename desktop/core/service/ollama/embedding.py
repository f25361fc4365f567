"""Ollama's embeddings: what is asked of the engine, and vectors in the wanted length."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from desktop.core.service import limits
from desktop.core.service.api_errors import ApiError
from desktop.core.service.loaded import Loaded

Json = dict[str, Any]
Ask = Callable[[str, Json], Awaitable[Json]]

_MOST_DIMENSIONS = 1 << 20


def inputs_of(body: Json) -> list[str]:
    """The texts of a request.

    Raises:
        ApiError: 400.
    """
    value = body.get("input")
    texts = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ApiError(400, "invalid input type", param="input", code="invalid_value")
    if len(texts) > limits.INPUTS:
        raise ApiError(400, f"“input” has {len(texts)} entries; {limits.INPUTS} are allowed.")
    return texts


def dimensions_of(body: Json) -> int | None:
    """How long the vectors are to be; None: as they are.

    Raises:
        ApiError: 400.
    """
    value = body.get("dimensions")
    if value in (None, 0):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST_DIMENSIONS:
        raise ApiError(400, "“dimensions” must be a whole number.", param="dimensions")
    return value


async def shortened(texts: list[str], loaded: Loaded, ask: Ask) -> list[str | list[int]]:
    """The texts, those that are too long for the model as the tokens that fit.

    Args:
        ask: the engine, by route and body.
    """
    settings = loaded.prepared.settings if loaded.prepared is not None else None
    if settings is None:
        return list(texts)
    most = min(settings.context_tokens, settings.ubatch)
    found: list[str | list[int]] = []
    for text in texts:
        if len(text.encode("utf-8", "replace")) < most - 2:  # no token is shorter than a byte
            found.append(text)
            continue
        tokens = await _tokens(text, ask)
        if len(tokens) <= most:
            found.append(text)
            continue
        marks = await _tokens("", ask)  # of beginning and end, where the model has them
        closed = len(marks) > 1 and tokens[-1] == marks[-1]
        found.append([*tokens[: most - 1], tokens[-1]] if closed else tokens[:most])
    return found


async def _tokens(text: str, ask: Ask) -> list[int]:
    reply = await ask("/tokenize", {"content": text, "add_special": True})
    return list(reply["tokens"])


def vectors_of(reply: Json, dimensions: int | None) -> list[list[float]]:
    """The engine's vectors in the order of the texts, cut to a length and then of length 1.

    Raises:
        ApiError: 400 where they are shorter than wanted.
    """
    found = []
    for item in sorted(reply["data"], key=lambda each: int(each.get("index", 0))):
        vector: list[float] = item["embedding"]
        if dimensions is not None and dimensions > len(vector):
            raise ApiError(
                400, f"This model's vectors have {len(vector)} dimensions.", param="dimensions"
            )
        found.append(_normal(vector[:dimensions]) if dimensions is not None else vector)
    return found


def _normal(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector
