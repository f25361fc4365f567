"""Tables as text for other programs: CSV, and words inside Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# A spreadsheet takes a cell that begins so for a formula; names may come from a stranger's file.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180), its head first; no cell of it is a formula."""
    columns = list(columns)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")

    def line(cells: Iterable[Any]) -> str:
        writer.writerow(list(cells))
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    yield line(columns)
    for row in rows:
        yield line(_cell(row.get(name)) for name in columns)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)) or value is None:
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def markdown_text(value: Any) -> str:
    """A text as Markdown shows it: no table cell, link, image or HTML comes of it."""
    text = " ".join(str(value).splitlines())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>|#!~$&" else c for c in text)


def markdown_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[str]:
    """The lines of a table; a column that begins with ">" holds figures. Cells are escaped."""
    columns = list(columns)
    heads = [markdown_text(column.removeprefix(">")) for column in columns]
    rules = ["---:" if column.startswith(">") else "---" for column in columns]
    lines = [heads, rules, *([markdown_text(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]
