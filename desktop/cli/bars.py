"""A progress bar on a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text


@contextlib.contextmanager
def bar(stream: IO[str], colour: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """One bar that goes away with the block; what it is given last is what it shows."""
    console = Console(file=stream, force_terminal=True, no_color=not colour)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, figures="")

        def show(what: Mapping[str, Any]) -> None:
            progress.update(
                task,
                description=Text(str(what["what"])).plain,
                completed=what["done"],
                total=what.get("total"),
                figures=_figures(what),
            )

        yield show


def _figures(what: Mapping[str, Any]) -> str:
    total, unit = what.get("total"), what.get("unit")
    if not total:
        return ""
    if unit in ("steps", None):
        return f"{100 * what['done'] / total:.0f} %"
    if unit == "bytes":
        return f"{what['done'] / 2**30:.2f}/{total / 2**30:.2f} GiB"
    return f"{what['done']:.0f}/{total:.0f} {unit}"
