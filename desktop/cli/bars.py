"""Progress bars on a terminal: one, and below it one for each file of a download under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from desktop.cli.transfers import pace
from desktop.cli.units import size

_MOST_FILES = 8
_NAME_LENGTH = 48


class Bar:
    """A bar. It appears with the first progress, goes away with the block, and makes room for
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
        self._files: dict[str, TaskID] = {}

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
        self._show_files((what.get("detail") or {}).get("files") or ())
        self._progress.start()

    def _show_files(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Those under way; of a single file the bar above tells all."""
        busy = [file for file in files if file["state"] in ("downloading", "checking")]
        shown = {str(file["path"]): file for file in busy[:_MOST_FILES]} if len(files) > 1 else {}
        for path in [path for path in self._files if path not in shown]:
            self._progress.remove_task(self._files.pop(path))
        for path, file in shown.items():
            if path not in self._files:
                self._files[path] = self._progress.add_task("", total=None, figures="")
            checking = file["state"] == "checking"
            done = file["verified_bytes" if checking else "done_bytes"]
            total = file.get("size_bytes")
            self._progress.update(
                self._files[path],
                description=f"  {_short(path)}",
                completed=done,
                total=total,
                figures=f"{_of(done, total)}{' checking' if checking else ''}",
            )

    def line(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(Text(text), soft_wrap=True)


def _short(path: str) -> str:
    """A file's name; of a long one its end, where parts and quants stand."""
    name = path.rpartition("/")[2]
    return name if len(name) <= _NAME_LENGTH else f"…{name[1 - _NAME_LENGTH :]}"


def _of(done: float, total: float | None) -> str:
    """How much of how much, in one unit: "1.20/4.70 GiB", "2.4/9.3 MiB"."""
    if not total:
        return size(done)
    if total >= 1 << 30:
        return f"{done / 2**30:.2f}/{total / 2**30:.2f} GiB"
    return f"{done / 2**20:.1f}/{total / 2**20:.1f} MiB"


def _figures(what: Mapping[str, Any]) -> str:
    total, unit = what.get("total"), what.get("unit")
    if not total:
        return ""
    if unit in ("steps", None):
        return f"{100 * what['done'] / total:.0f} %"
    if unit == "bytes":
        return ", ".join(filter(None, (_of(what["done"], total), pace(what))))
    return f"{what['done']:.0f}/{total:.0f} {unit}"
