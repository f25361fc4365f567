"""The same file twice: where, and what one file in their place would save."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.widgets.base import GAP, MARGIN, Button, Text, clear, row
from desktop.ui.widgets.progressrow import ProgressRow
from desktop.ui.widgets.scrolled import Scrolled

Json = dict[str, Any]
_BREAK = "\u200b"
_SHOWN = 100  # groups; the largest come first


class DuplicatesDialog(Translated, QDialog):
    """How far the search is, then a tick for each group; nothing is ticked by itself.

    Signals:
        cancel_asked: the search is to stop.
        link_asked: the groups that were ticked, each a list of paths.
    """

    cancel_asked = Signal()
    link_asked = Signal(list)

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = self._theme = context.theme
        self._progress: Json | None = None
        self._result: Json | None = None
        self._error: AppError | None = None
        self._ticked: set[int] = set()
        self._title = Text(theme, role="strong", wrap=True)
        self.row = ProgressRow(theme)
        self.row.setMinimumWidth(self.fontMetrics().averageCharWidth() * 56)
        self.row.cancel_asked.connect(self.reject)
        inner = QWidget()
        body = QVBoxLayout(inner)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(GAP)
        self._lines = QVBoxLayout()
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(GAP // 2)
        self._scroll = Scrolled(inner, self.fontMetrics().averageCharWidth() * 80)
        self._warning = Text(theme, token="warning", wrap=True)
        body.addWidget(self._warning)
        body.addLayout(self._lines)
        body.addStretch(1)
        self._close = Button(theme, kind="quiet")
        self._close.setDefault(True)
        self._close.clicked.connect(self.reject)
        self.link = Button(theme)
        self.link.setObjectName("link-confirm")
        self.link.setAutoDefault(False)
        self.link.clicked.connect(self._on_link)
        self.ticks: list[QCheckBox] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(2 * GAP)
        layout.addWidget(self._title)
        layout.addWidget(self.row)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(row(1, self._close, self.link))
        self.retranslate()

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Find duplicates"))
        self._close.setText(self.tr("Close"))
        self._warning.setText(
            self.tr(
                "Each ticked group becomes one file that keeps all its names, so every program "
                "goes on finding it. Both are compared byte by byte before. There is no way back."
            )
        )
        self._show()

    def show_progress(self, progress: Json | None) -> None:
        """Args: progress: of the search; None while it waits for its turn."""
        self._progress = progress
        self._show_progress()

    def show_groups(self, result: Json) -> None:
        """Args: result: of the job "duplicates"."""
        self._result = result
        self._show()
        self.adjustSize()

    def show_error(self, error: AppError) -> None:
        self._error = error
        self._show()

    def reject(self) -> None:
        if self._result is None and self._error is None:
            self.cancel_asked.emit()
        super().reject()

    def _show(self) -> None:
        searching = self._result is None and self._error is None
        groups = self._result["groups"] if self._result else []
        self.row.setVisible(searching)
        self._scroll.setVisible(bool(groups))
        self._warning.setVisible(bool(groups))
        self.link.setVisible(bool(groups))
        if self._error is not None:
            self._title.setText(message(self._error).line)
        elif searching:
            self._title.setText(self.tr("Comparing the files of the library…"))
        elif not groups:
            self._title.setText(self.tr("No file is there twice."))
        else:
            saved = units.size((self._result or {})["saved_bytes"])
            words = self.tr("The same content lies in several places. {size} could be saved.")
            self._title.setText(words.format(size=saved))
        self._show_progress()
        self._show_groups(groups)
        self._on_toggled()

    def _show_progress(self) -> None:
        what = self.tr("Comparing files")
        progress = self._progress
        if not progress or not progress.get("total"):
            self.row.show_progress(what, None)
            return
        share = progress["done"] / progress["total"]
        self.row.show_progress(what, share, f"{share:.0%}")

    def _show_groups(self, groups: list[Json]) -> None:
        clear(self._lines)
        self.ticks = []
        for number, group in enumerate(groups[:_SHOWN]):
            tick = QCheckBox()
            tick.setObjectName(f"twins-{number}")
            saved = group["saved_bytes"]
            count, size = len(group["files"]), units.size(group["size_bytes"])
            words = (
                self.tr("{count} × {size}: saves {saved}")
                if saved
                else self.tr("{count} × {size}: on different disks, where nothing can be saved")
            )
            tick.setText(words.format(count=count, size=size, saved=units.size(saved)))
            tick.setEnabled(bool(saved))
            tick.setChecked(number in self._ticked)
            tick.toggled.connect(self._on_toggled)
            self.ticks.append(tick)
            self._add(tick)
            paths = "\n".join(_breakable(file["path"]) for file in group["files"])
            self._add(Text(self._theme, paths, role="mono", wrap=True))
            self._lines.addSpacing(GAP)
        if len(groups) > _SHOWN:
            more = self.tr("and {count} more").format(count=len(groups) - _SHOWN)
            self._add(Text(self._theme, more, token="secondary"))
        self._scroll.updateGeometry()

    def _add(self, widget: QWidget) -> None:
        self._lines.addWidget(widget)
        widget.show()  # now, so that the dialog gets the height of it

    def _chosen(self) -> list[Json]:
        groups = self._result["groups"] if self._result else []
        return [groups[number] for number in sorted(self._ticked)]

    def _on_toggled(self) -> None:
        self._ticked = {n for n, tick in enumerate(self.ticks) if tick.isChecked()}
        saved = sum(group["saved_bytes"] for group in self._chosen())
        self.link.setEnabled(bool(self._ticked))
        words = self.tr("Make one file of each, save {size}")
        text = words.format(size=units.size(saved)) if saved else self.tr("Make one file of each")
        self.link.setText(text)
        self.link.updateGeometry()

    def _on_link(self) -> None:
        groups = [[file["path"] for file in group["files"]] for group in self._chosen()]
        self.accept()
        self.link_asked.emit(groups)


def _breakable(path: str) -> str:
    for mark in "/\\-_":
        path = path.replace(mark, f"{mark}{_BREAK}")
    return path
