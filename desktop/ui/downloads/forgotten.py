"""Which ended downloads a person has cleared from the list: this window's affair, not the job's."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSettings

from desktop.core.paths import Paths

_KEY = "downloads/forgotten"
_MOST = 200  # of the latest: the service tells of no more than 100 jobs


class Forgotten:
    """Numbers of jobs, kept where the window keeps its place."""

    def __init__(self, where: Paths) -> None:
        self._store = QSettings(str(where.config / "window.ini"), QSettings.Format.IniFormat)
        kept = str(self._store.value(_KEY) or "")
        self._numbers = {int(each) for each in kept.split() if each.isdecimal()}

    def __contains__(self, number: int) -> bool:
        return number in self._numbers

    def add(self, numbers: Iterable[int]) -> None:
        self._numbers |= set(numbers)
        self._numbers = set(sorted(self._numbers)[-_MOST:])
        self._store.setValue(_KEY, " ".join(map(str, sorted(self._numbers))))
