"""The columns of the library, and what is asked of an entry everywhere."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

Json = dict[str, Any]
_CHIP_CHARS = 24


class Column(IntEnum):
    NAME = 0
    PARAMETERS = 1
    QUANT = 2
    SIZE = 3
    CONTEXT = 4
    FIT = 5
    WHERE = 6
    LAST_USED = 7
    ADDED = 8
    STATE = 9
    ACTION = 10


FIGURES = (Column.PARAMETERS, Column.SIZE, Column.CONTEXT, Column.LAST_USED, Column.ADDED)
KEYS: dict[Column, Callable[[Json], Any]] = {
    Column.NAME: lambda entry: entry["id"].lower(),
    Column.PARAMETERS: lambda entry: entry["parameters"] or 0,
    Column.QUANT: lambda entry: entry["quant_type"] or "",
    Column.SIZE: lambda entry: entry["size_bytes"],
    Column.CONTEXT: lambda entry: entry["context_tokens"] or 0,
    Column.WHERE: lambda entry: entry["source"],
    Column.LAST_USED: lambda entry: entry["last_used"] or 0.0,
    Column.ADDED: lambda entry: entry["added"] or 0.0,
}


def loadable(entry: Json) -> bool:
    """Only a whole model can be loaded by itself."""
    return not entry["broken"] and entry["kind"] == "model"


def deletable(entry: Json) -> bool:
    """Whether deleting it deletes something: a file that Paddock fetched, or a made model."""
    return bool(entry["downloaded"] or entry["variant"] is not None)


def short(text: str) -> str:
    """A chip's word, cut where it would be as wide as a column."""
    return text if len(text) <= _CHIP_CHARS else text[: _CHIP_CHARS - 1].rstrip() + "…"
