"""The downloads below one another: those under way in their order, then those that ended."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.downloads.ended import EndedRow
from desktop.ui.downloads.row import DownloadRow
from desktop.ui.i18n import Translated
from desktop.ui.models.downloads import Download
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, Text, row
from desktop.ui.widgets.parts import Line


class _Marker(QWidget):
    """Where what is dragged would be put."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.colour("accent"))


class DownloadList(Translated, QWidget):
    """Signals:
    put: a download's id and the place it was dragged to, counted without itself.
    clear_asked: all that are done are to be shown no more.
    row_made, ended_made: a row came into being, to be listened to.
    """

    put = Signal(int, int)
    clear_asked = Signal()
    row_made = Signal(object)
    ended_made = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: dict[int, DownloadRow] = {}
        self._ended: dict[int, EndedRow] = {}
        self._lines: list[Line] = []
        self._order: list[int] = []
        self._target = -1
        self._marker = _Marker(theme, self)
        self._head = QWidget()
        self._title = Text(theme, role="strong")
        self.clear = Button(theme, kind="quiet")
        self.clear.clicked.connect(self.clear_asked)
        line = row(self._title, 1, self.clear)
        line.setContentsMargins(12, 12, 0, 0)
        self._head.setLayout(line)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._head)
        self._layout.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Ended"))
        self.clear.setText(self.tr("Clear the list"))
        self.clear.updateGeometry()

    # --- what is shown --------------------------------------------------------------------------

    @property
    def rows(self) -> list[DownloadRow]:
        """Those under way, from the top."""
        return [self._rows[number] for number in self._order]

    @property
    def ended(self) -> list[EndedRow]:
        return list(self._ended.values())

    def show_downloads(self, queue: list[Download], history: list[Download]) -> None:
        """Rows that stay keep the keyboard and what was opened in them."""
        self._order = [each.id for each in queue]
        for number in [number for number in self._rows if number not in self._order]:
            _drop(self._rows.pop(number))
        for place, download in enumerate(queue, 1):
            if download.id not in self._rows:
                made = DownloadRow(self._theme, download)
                made.dragged.connect(self._on_row_dragged)
                made.dropped.connect(self._on_row_dropped)
                self._rows[download.id] = made
                self.row_made.emit(made)
            self._rows[download.id].show_download(download, place, len(queue))
        shown = {each.id: each for each in history}
        for number in list(self._ended):
            if shown.get(number) != self._ended[number].download:
                _drop(self._ended.pop(number))
        for download in history:
            if download.id not in self._ended:
                self._ended[download.id] = ended = EndedRow(self._theme, download)
                self.ended_made.emit(ended)
        self._ended = {each.id: self._ended[each.id] for each in history}
        self._arrange()

    def _arrange(self) -> None:
        """Rows in their order with lines between them."""
        for line in self._lines:
            _drop(line)
        self._lines = []
        place = 0
        for group in (self.rows, [self._head, *self._ended.values()] if self._ended else []):
            for number, widget in enumerate(group):
                if number and widget is not self._head and group[number - 1] is not self._head:
                    line = Line(self._theme)
                    self._lines.append(line)
                    self._layout.insertWidget(place, line)
                    line.show()
                    place += 1
                if self._layout.indexOf(widget) != place:
                    self._layout.insertWidget(place, widget)
                    widget.show()
                place += 1
        self._head.setVisible(bool(self._ended))
        done = any(each.download.state == "done" for each in self._ended.values())
        self.clear.setVisible(done)

    def show_figures(self, download: Download) -> None:
        if download.id in self._rows:
            self._rows[download.id].show_figures(download)

    # --- dragging -------------------------------------------------------------------------------

    def _on_row_dragged(self, number: int, place: QPoint) -> None:
        """Mark the gap between two rows that is nearest to the mouse."""
        y = self.mapFromGlobal(place).y()
        others = [row for row in self.rows if row.download.id != number]
        self._target = sum(row.geometry().center().y() < y for row in others)
        if self._target < len(others):
            edge = others[self._target].geometry().top()
        else:
            edge = others[-1].geometry().bottom() + 1
        self._marker.setGeometry(QRect(8, edge - 1, self.width() - 16, 2))
        self._marker.show()
        self._marker.raise_()

    def _on_row_dropped(self, number: int) -> None:
        self._marker.hide()
        if number in self._order and self._target not in (-1, self._order.index(number)):
            self.put.emit(number, self._target)
        self._target = -1


def _drop(widget: QWidget) -> None:
    widget.hide()
    widget.setParent(None)
    widget.deleteLater()
