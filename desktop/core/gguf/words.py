"""Texts from strangers, made fit to be shown: names in headers, names of files."""

from __future__ import annotations

import os
from pathlib import Path


def clean(text: str, limit: int) -> str:
    """`text` on one line, without control or formatting characters, of at most `limit` characters.

    Formatting characters go too: with them a name can show its letters in another order.
    """
    kept = "".join(character if character.isprintable() else " " for character in text[: 4 * limit])
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def shown(path: Path) -> str:
    """The path as text that can be printed anywhere, whatever bytes its name is made of."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "�" for character in text)
