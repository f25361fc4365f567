"""Embeddings: what may be embedded, and vectors in the wanted length and form."""

from __future__ import annotations

import array
import base64
import math
import sys
from typing import Any

from desktop.core.service import limits
from desktop.core.service.asking.completions import tokens_of
from desktop.core.service.asking.values import Body, refused, whole

_MOST_DIMENSIONS = 1 << 20


def check(body: Body, vocabulary: int | None = None) -> None:
    """Refuse what cannot be embedded.

    Args:
        vocabulary: how many tokens the model knows.

    Raises:
        ApiError: 400, naming the parameter.
    """
    _check_input(body.get("input"), vocabulary)
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise refused("encoding_format", "“encoding_format” must be “float” or “base64”.")
    if body.get("dimensions") is not None:
        whole(body["dimensions"], "dimensions", 1, _MOST_DIMENSIONS)


def _check_input(value: Any, vocabulary: int | None) -> None:
    if value is None:
        raise refused("input", "“input” is missing.", "missing_parameter")
    if value in ("", []):
        raise refused("input", "“input” is empty.")
    if isinstance(value, str):
        return
    if not isinstance(value, list):
        raise refused("input", "“input” must be a text, a list of texts or of tokens.")
    if any(isinstance(each, int) for each in value):
        tokens_of(value, "input", vocabulary)
        return
    if len(value) > limits.INPUTS:
        raise refused(
            "input", f"“input” has {len(value)} entries; {limits.INPUTS} are allowed.", "too_many"
        )
    for each in value:
        if each == "":
            raise refused("input", "An entry of “input” is empty.")
        if not isinstance(each, str):
            tokens_of(each, "input", vocabulary)


def asked(body: Body, model: str) -> Body:
    """What the engine is asked: nothing it does not know, always numbers."""
    return {"model": model, "input": body["input"], "encoding_format": "float"}


def shaped(reply: Body, body: Body) -> Body:
    """The engine's vectors as the client wants them; long lists take their time.

    Raises:
        ApiError: 400 where the model's vectors are shorter than the wanted ones.
    """
    wanted, form = body.get("dimensions"), body.get("encoding_format") or "float"
    for item in reply.get("data") or ():
        vector = item["embedding"]
        if wanted is not None and wanted != len(vector):
            if wanted > len(vector):
                raise refused(
                    "dimensions",
                    f"This model's vectors have {len(vector)} dimensions; {wanted} were asked for.",
                )
            vector = _normal(vector[:wanted])
        item["embedding"] = vector if form == "float" else _base64(vector)
    return reply


def _normal(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector


def _base64(vector: list[float]) -> str:
    """32-bit floats, little-endian, as OpenAI sends them."""
    packed = array.array("f", vector)
    if sys.byteorder == "big":
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()
