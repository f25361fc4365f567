"""A progress bar on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text


class Bar:
    """One bar. It appears with the first progress, goes away with the block, and makes room for
    lines that are printed meanwhile."""

    def __init__(self, stream: IO[str], colour: bool) -> None:
        self._console = Console(file=stream, force_terminal=True, no_color=not colour)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task("", total=None, figures="")

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress.live.is_started:
            self._progress.stop()

    def show(self, what: Mapping[str, Any]) -> None:
        self._progress.update(
            self._task,
            description=str(what["what"]),
            completed=what["done"],
            total=what.get("total"),
            figures=_figures(what),
        )
        self._progress.start()

    def line(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(Text(text), soft_wrap=True)


def _figures(what: Mapping[str, Any]) -> str:
    total, unit = what.get("total"), what.get("unit")
    if not total:
        return ""
    if unit in ("steps", None):
        return f"{100 * what['done'] / total:.0f} %"
    if unit == "bytes":
        return f"{what['done'] / 2**30:.2f}/{total / 2**30:.2f} GiB"
    return f"{what['done']:.0f}/{total:.0f} {unit}"
