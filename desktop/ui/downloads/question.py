"""The question before much that was fetched is thrown away, asked where it would happen."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.models.downloads import Download
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Text, row

# Fetched bytes that are not thrown away without a question.
ASK_ABOVE_BYTES = 1 << 30


class CancelQuestion(Translated, QWidget):
    """Hidden until it is asked; Esc keeps.

    Signals:
        confirmed: id of the download: it is to be cancelled and what was fetched deleted.
        kept: it is not.
    """

    confirmed = Signal(int)
    kept = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._download: Download | None = None
        self._text = Text(theme, wrap=True)
        self.keep = Button(theme, kind="quiet")
        self.confirm = Button(theme)
        self.keep.clicked.connect(self._on_keep_clicked)
        self.confirm.clicked.connect(self._on_confirm_clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, TIGHT, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._text)
        layout.addLayout(row(1, self.keep, self.confirm))
        self.retranslate()
        self.hide()

    def retranslate(self) -> None:
        self.keep.setText(self.tr("Keep it"))
        self.confirm.setText(self.tr("Delete"))
        if self._download is not None and not self._download.ended:
            self.confirm.setText(self.tr("Cancel and delete"))
        for button in (self.keep, self.confirm):
            button.updateGeometry()
        self._say()

    def _say(self) -> None:
        download = self._download
        if download is not None:
            text = self.tr("Delete the {size} that were fetched?")
            if not download.done_bytes:
                text = self.tr("Delete what was fetched of it?")
            self._text.setText(text.format(size=units.size(download.done_bytes)))

    def cancel(self, download: Download) -> None:
        """Cancel it: at once where little was fetched, else when it was asked."""
        self._download = download
        # Of one that failed before this window opened, nobody told how much there is.
        unknown = download.ended and download.step == "fetch" and download.total_bytes is None
        if download.done_bytes <= ASK_ABOVE_BYTES and not unknown:
            self.confirmed.emit(download.id)
            return
        self.retranslate()
        self.show()
        self.keep.setFocus(Qt.FocusReason.OtherFocusReason)

    def follow(self, download: Download) -> None:
        """More of it was fetched, or another one is shown now."""
        if self._download is None or self.isHidden():
            return
        if download.id != self._download.id:
            self.hide()
            return
        self._download = download
        self._say()

    def _on_keep_clicked(self) -> None:
        self.hide()
        self.kept.emit()

    def _on_confirm_clicked(self) -> None:
        self.hide()
        if self._download is not None:
            self.confirmed.emit(self._download.id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._on_keep_clicked()
            event.accept()
        else:
            super().keyPressEvent(event)
