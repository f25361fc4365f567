"""The one sink of everything a command prints: human, json or quiet.

Results go to stdout, all else (notes, progress, logs, errors) to stderr. With `--json` stdout gets
one document and nothing more. `rich` is imported where a table or a bar is drawn, not before.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import IO, Any

# Control characters of a stranger's text could drive the terminal; line ends and tabs may stay.
_CONTROLS = {code: None for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0))}

ShowProgress = Callable[[Mapping[str, Any]], None]


class Mode(Enum):
    HUMAN = "human"
    JSON = "json"
    QUIET = "quiet"


class Output:
    """Where a command prints. Made once a run; `mode` is settled when the words are parsed."""

    def __init__(
        self,
        mode: Mode = Mode.HUMAN,
        stdout: IO[str] | None = None,
        stderr: IO[str] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.mode = mode
        self._out = stdout or sys.stdout
        self._err = stderr or sys.stderr
        self._environ = environ
        self._told: set[str] = set()
        self._documented = False
        self._above_bar: Callable[[str], None] | None = None

    @property
    def json(self) -> bool:
        return self.mode is Mode.JSON

    @property
    def interactive(self) -> bool:
        """A person types: there can be a prompt."""
        return self.mode is not Mode.JSON and sys.stdin is not None and sys.stdin.isatty()

    def prompt(self) -> str | None:
        """A line the person types, or None at the end (Ctrl-D)."""
        if not self._out.isatty():  # `input` would write its prompt into the pipe
            self._err.write("> ")
            self._err.flush()
            line = sys.stdin.readline()
            return line or None
        with contextlib.suppress(ImportError):  # Windows: the console edits lines by itself
            import readline  # noqa: F401  (gives `input` its editing and history)
        try:
            return input("> ")
        except EOFError:
            self.line()
            return None

    def _colour(self, stream: IO[str]) -> bool:
        plain = self._environ.get("NO_COLOR") or self._environ.get("TERM") == "dumb"
        return stream.isatty() and not plain

    # --- results, on stdout ---------------------------------------------------------------------

    def document(self, document: Any) -> None:
        """The one JSON document, in ASCII: file names that are no valid text survive in it."""
        self._documented = True
        indent = 2 if self._out.isatty() else None
        self._out.write(json.dumps(document, indent=indent) + "\n")

    def result(self, document: Any, show: Callable[[], None] | None = None) -> None:
        """What a command found or did: as JSON, or by `show` for people."""
        if self.json:
            self.document(document)
        elif show is not None:
            show()

    def line(self, text: str = "") -> None:
        """A line of the result for people; never printed with --json."""
        if not self.json:
            self._out.write(self._shown(text, self._out) + "\n")

    def write(self, text: str) -> None:
        """A piece of an answer, at once."""
        if not self.json:
            self._out.write(self._shown(text, self._out))
            self._out.flush()

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Rows under headings; a heading that begins with ">" stands over figures.

        Quiet prints the first column alone, one a line.
        """
        if self.mode is Mode.QUIET:
            for row in rows:
                self.line(str(row[0]))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            right = column.startswith(">")
            wrap = not right and column == columns[-1]
            table.add_column(
                column.removeprefix(">"), justify="right" if right else "left", no_wrap=not wrap
            )
        for row in rows:
            cells = ("" if cell is None else str(cell) for cell in row)
            table.add_row(*(Text(self._shown(cell, self._out)) for cell in cells))
        # A pipe has no width: nothing is cut or wrapped there.
        width = None if self._out.isatty() else 100_000
        console = Console(
            file=self._out, width=width, highlight=False, no_color=not self._colour(self._out)
        )
        with console.capture() as drawn:
            console.print(table)
        for text in drawn.get().splitlines():
            self._out.write(text.rstrip() + "\n")

    # --- all else, on stderr --------------------------------------------------------------------

    def note(self, text: str = "") -> None:
        """A line beside the result."""
        shown = self._shown(text, self._err)
        if self.mode is Mode.QUIET:
            return
        if self._above_bar is not None:
            self._above_bar(shown)
        else:
            self._err.write(shown + "\n")
            self._err.flush()

    def aside(self, text: str) -> None:
        """A piece of what a model thinks before it answers: greyed where there are colours."""
        if self.mode is Mode.HUMAN:
            shown = self._shown(text, self._err)
            self._err.write(f"\x1b[2m{shown}\x1b[0m" if self._colour(self._err) else shown)
            self._err.flush()

    def once(self, text: str) -> None:
        """Something everybody must be told, in every mode, once a run."""
        if text not in self._told:
            self._told.add(text)
            self._err.write(f"paddock: {self._shown(text, self._err)}\n")
            self._err.flush()

    def error(self, error: Mapping[str, Any]) -> None:
        """An error as its words: what happened, why, and what to do."""
        if self.json and not self._documented:  # `serve` may fail after its one document
            self.document({"error": error})
            return
        self._out.flush()
        self._err.write(f"paddock: {self._shown(str(error['title']), self._err)}\n")
        for name in ("cause", "remedy"):
            if error.get(name):
                self._err.write(f"  {self._shown(str(error[name]), self._err)}\n")
        self._err.flush()

    @contextlib.contextmanager
    def progress(self) -> Iterator[ShowProgress]:
        """What shows progress ({"what", "done", "total", "unit"}) while the block runs."""
        if self.mode is Mode.QUIET:
            yield lambda progress: None
        elif self._err.isatty() and self._environ.get("TERM") != "dumb":
            from desktop.cli.bars import Bar

            with Bar(self._err, colour=self._colour(self._err)) as bar:
                self._above_bar = bar.line
                try:
                    yield bar.show
                finally:
                    self._above_bar = None
        else:
            yield _PlainProgress(self.note)

    def flush(self) -> None:
        self._out.flush()

    def _shown(self, text: str, stream: IO[str]) -> str:
        return text.translate(_CONTROLS) if stream.isatty() else text


class _PlainProgress:
    """A line when the work changes; figures only at its quarters, for logs stay short."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last: tuple[str, int] | None = None

    def __call__(self, progress: Mapping[str, Any]) -> None:
        what, total = str(progress["what"]), progress.get("total")
        quarter = int(4 * progress["done"] / total) if total else 0
        if (what, quarter) == self._last:
            return
        is_new = self._last is None or self._last[0] != what
        self._last = (what, quarter)
        if total and quarter:
            share = f"{what}: {100 * progress['done'] / total:.0f} %"
            self._write(f"{share}{_of_bytes(progress)}")
        elif is_new:
            self._write(what)


def _of_bytes(progress: Mapping[str, Any]) -> str:
    """Of a download: of how much, and how fast."""
    if progress.get("unit") != "bytes" or "detail" not in progress:
        return ""
    from desktop.cli.transfers import pace
    from desktop.cli.units import size

    return ", ".join(filter(None, (f" of {size(progress['total'])}", pace(progress))))
