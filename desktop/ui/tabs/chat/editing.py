"""Fields to write in: they grow with their text, and Enter sends."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPalette
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, Surface, row

MOST_LINES = 8
# A longer text that is pasted is kept beside the field: one line of it would hold the window up.
LONG_CHARS = 20_000


class GrowingEdit(QPlainTextEdit):
    """One line tall, up to MOST_LINES. Enter sends, Shift+Enter begins a new line, and Enter that
    ends the input of a Japanese word does neither."""

    sent = Signal()
    escaped = Signal()
    long_text_pasted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(2)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        theme.changed.connect(self._style)
        self._style()

    def _style(self) -> None:
        self.setFont(self._theme.font())
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Base, QColor(Qt.GlobalColor.transparent))
        palette.setColor(QPalette.ColorRole.Text, self._theme.colour("text"))
        palette.setColor(QPalette.ColorRole.PlaceholderText, self._theme.colour("secondary"))
        self.setPalette(palette)
        self._fit()

    def _fit(self) -> None:
        # The layout of a plain text counts lines, not pixels.
        lines = min(MOST_LINES, max(1, round(self.document().size().height())))
        height = lines * self.fontMetrics().lineSpacing() + 8
        if height != self.height():
            self.setFixedHeight(height)

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, shift = event.key(), event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shift:
            self.sent.emit()
        elif key == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        text = source.text()
        if len(text) > LONG_CHARS:
            self.long_text_pasted.emit(text)
        elif text:
            self.insertPlainText(text)


class Editor(Translated, Surface):
    """A message that was sent, to change and send again."""

    accepted = Signal(str)
    cancelled = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, token="surface", padding=12, parent=parent)
        self._rest = ""
        self._edit = GrowingEdit(theme)
        self._edit.sent.connect(self._on_sent)
        self._edit.escaped.connect(self.cancelled)
        self._edit.long_text_pasted.connect(self._edit.insertPlainText)
        self._send = Button(theme)
        self._send.clicked.connect(self._on_sent)
        self._cancel = Button(theme, kind="quiet")
        self._cancel.clicked.connect(self.cancelled)
        self.body.addWidget(self._edit)
        self.body.addLayout(row(1, self._cancel, self._send))
        self.retranslate()

    def retranslate(self) -> None:
        self._edit.setAccessibleName(self.tr("Change your message"))
        self._send.setText(self.tr("Send again"))
        self._cancel.setText(self.tr("Cancel"))

    def begin(self, text: str) -> None:
        # What is too long to be edited at once stays as it is, after what is shown.
        self._rest = text[LONG_CHARS:]
        self._edit.setPlainText(text[:LONG_CHARS])
        self.show()
        self._edit.setFocus()
        self._edit.moveCursor(self._edit.textCursor().MoveOperation.End)

    def _on_sent(self) -> None:
        text = self._edit.toPlainText() + self._rest
        if text.strip():
            self.accepted.emit(text)
