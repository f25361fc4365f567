"""A reporter that tests can ask."""

from __future__ import annotations

from desktop.core.events import Progress


class Told:
    """A reporter that keeps what it was told."""

    def __init__(self) -> None:
        self.steps: list[Progress] = []
        self.lines: list[str] = []

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)

    def log(self, line: str) -> None:
        self.lines.append(line)
