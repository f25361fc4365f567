"""Which result is shown, and which it is compared with: of all jobs that finished."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.server.boxes import fit
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP
from desktop.ui.widgets.flow import FlowLayout

Json = dict[str, Any]
# Number of the job, its title, when it finished (seconds since 1970), its result.
Entry = tuple[int, str, float | None, Mapping[str, Any]]
_LETTERS, _LEAST_LETTERS = 56, 12  # of an entry are seen where there is room, and where not


class _Box(QComboBox):
    """Shrinks where there is no room; its tooltip says the entry in full."""

    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        least = _LEAST_LETTERS * self.fontMetrics().averageCharWidth()
        return QSize(min(least, hint.width()), hint.height())


class ResultsHistory(Translated, QWidget):
    """Two lists to choose from; each is shown only where it has something to offer.

    Signals:
        changed: another result is to be shown, or to be compared with.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []
        self._shown: int | None = None
        self._other: int | None = None
        self.box, self.other_box = _Box(), _Box()
        for box, name in ((self.box, "results-shown"), (self.other_box, "results-compared")):
            box.setObjectName(name)
            box.setFont(theme.font())
        self.box.activated.connect(self._on_box_activated)
        self.other_box.activated.connect(self._on_other_activated)
        layout = FlowLayout(self, GAP)
        layout.addWidget(self.box)
        layout.addWidget(self.other_box)
        self.retranslate()

    def retranslate(self) -> None:
        self.box.setAccessibleName(self.tr("Result shown"))
        self.other_box.setAccessibleName(self.tr("Compared with"))
        self._fill()

    def set_results(self, entries: list[Entry]) -> None:
        """Args: entries: the newest first. What was chosen stays, else the newest is shown."""
        if entries == self._entries:
            return  # a list that is open stays open
        before = (self.shown, self.other)
        self._entries = list(entries)
        self._fill()
        if (self.shown, self.other) != before:
            self.changed.emit()

    def choose(self, job: int) -> None:
        """Show the result of this job, where it is known."""
        if job != self._shown and any(entry[0] == job for entry in self._entries):
            self._shown = job
            self._fill()
            self.changed.emit()

    @property
    def shown(self) -> Entry | None:
        return self._entry(self._shown)

    @property
    def other(self) -> Entry | None:
        """What the shown one is compared with."""
        return self._entry(self._other)

    def _entry(self, job: int | None) -> Entry | None:
        return next((entry for entry in self._entries if entry[0] == job), None)

    def _rivals(self) -> list[Entry]:
        """Results of the same model: figures of others cannot be compared."""
        shown = self.shown
        if shown is None:
            return []
        source = shown[3].get("source_sha256")
        return [
            entry
            for entry in self._entries
            if entry is not shown and source and entry[3].get("source_sha256") == source
        ]

    def _fill(self) -> None:
        if self.shown is None:
            self._shown = self._entries[0][0] if self._entries else None
        rivals = self._rivals()
        if self.other not in rivals:
            self._other = None
        for box, entries, chosen in (
            (self.box, self._entries, self._shown),
            (self.other_box, rivals, self._other),
        ):
            box.clear()
            if box is self.other_box:
                box.addItem(self.tr("Compare with …"), None)
            for entry in entries:
                box.addItem(self._words(entry), entry[0])
            box.setCurrentIndex(max(0, box.findData(chosen)))
            box.setToolTip(f"<span>{escape(box.currentText())}</span>")
            fit(box, _LETTERS)
        self.box.setVisible(len(self._entries) > 1)
        self.other_box.setVisible(bool(rivals))
        self.setVisible(len(self._entries) > 1)
        self.updateGeometry()

    def _words(self, entry: Entry) -> str:
        _, title, finished, result = entry
        count = len(result["outputs"])
        files = self.tr("1 file") if count == 1 else self.tr("{count} files").format(count=count)
        return " · ".join((title, units.day(finished), files))

    def _on_box_activated(self, place: int) -> None:
        self._shown = self.box.itemData(place)
        self._fill()
        self.changed.emit()

    def _on_other_activated(self, place: int) -> None:
        self._other = self.other_box.itemData(place)
        self._fill()
        self.changed.emit()
