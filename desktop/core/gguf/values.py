"""A header's keys and values as JSON, for those who want to see them; without its vocabulary."""

from __future__ import annotations

import math
from typing import Any

from desktop.core.gguf.header import Header

# One reply of the reader's child holds a megabyte, and a character takes up to six bytes in it.
MAX_CHARS = 150_000
_KEY_CHARS, _TEXT_CHARS, _TEMPLATE_CHARS, _LIST_ITEMS = 128, 500, 100_000, 64
_NUMBER_CHARS = 4
_TEMPLATE = "tokenizer.chat_template"


def values_of(header: Header) -> dict[str, Any]:
    """Numbers, texts (long ones cut, a chat template kept) and short lists; a long list is None.
    What is too much for one reply is left out."""
    found: dict[str, Any] = {}
    left = MAX_CHARS
    for key, value in header.values.items():
        most = _TEMPLATE_CHARS if key == _TEMPLATE else _TEXT_CHARS
        plain = _plain(value, most)
        left -= len(key) + _chars(plain)
        if left < 0:
            break
        found[key] = plain
    return found


def _chars(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_chars, value))
    return len(value) if isinstance(value, str) else _NUMBER_CHARS


def _plain(value: Any, most: int) -> Any:
    if isinstance(value, str):
        # Half a surrogate pair is no text that JSON could carry further.
        return value[:most].encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, tuple) and len(value) <= _LIST_ITEMS:
        return [_plain(each, _KEY_CHARS) for each in value]
    return None
