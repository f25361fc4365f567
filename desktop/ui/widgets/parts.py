"""Parts used on every page: figure, banner, empty state, chip, code box, hairline."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Surface, Text, column, row


class Figure(QWidget):
    """A big number with a small unit, marked ~ where it is predicted and ✓ where measured."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = Text(theme, role="figure")
        self._unit = Text(theme, role="caption")
        self._note = Text(theme, role="caption")
        self._note.hide()
        line = QHBoxLayout()
        line.setSpacing(TIGHT)
        line.addWidget(self._value, 0, Qt.AlignmentFlag.AlignBaseline)
        line.addWidget(self._unit, 0, Qt.AlignmentFlag.AlignBaseline)
        line.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(line)
        layout.addWidget(self._note)

    def show_value(self, value: str, unit: str = "", note: str = "", mark: str = "") -> None:
        """Args: mark: "~" predicted, "✓" measured, "" for what is simply so."""
        self._value.setText(f"{mark}{' ' if mark == '✓' else ''}{value}")
        self._unit.setText(unit)
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self.setAccessibleName(f"{mark} {value} {unit} {note}".strip())


class Chip(QWidget):
    """A small word in a rounded box: a capability, a state. Colour never says it alone."""

    def __init__(self, theme: Theme, text: str = "", token: str = "secondary") -> None:
        super().__init__()
        self._theme, self._text, self._token = theme, text, token
        self.setFont(theme.font(-1))
        theme.changed.connect(self.update)
        self.setAccessibleName(text)

    def set_text(self, text: str, token: str = "secondary") -> None:
        self._text, self._token = text, token
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        return self._text

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 16, metrics.height() + 6)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self._theme.colour(self._token)
        painter.setPen(QPen(self._theme.colour("line_strong"), 1))
        size = self.sizeHint()
        box = QRectF(
            0.5, (self.height() - size.height()) / 2 + 0.5, size.width() - 1, size.height() - 1
        )
        painter.setBrush(self._theme.colour("window"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setPen(colour)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), self._text)


class Banner(Surface):
    """A state that lasts, told in the page: an icon, what it is, what to do, and a button.

    Args:
        kind: "info", "warning" or "error".
    """

    pressed = Signal()

    def __init__(self, theme: Theme, kind: str = "info", parent: QWidget | None = None) -> None:
        super().__init__(theme, horizontal=True, padding=12, parent=parent)
        self._theme = theme
        self._icon = IconLabel(theme, kind, kind)
        self._title = Text(theme, role="strong", wrap=True)
        self._text = Text(theme, role="body", token="secondary", wrap=True)
        self._button = Button(theme)
        self._button.clicked.connect(self.pressed)
        texts = column(self._title, self._text, spacing=2)
        self.body.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(texts, 1)
        self.body.addWidget(self._button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._button.hide()

    def tell(self, title: str, text: str = "", action: str = "", kind: str | None = None) -> None:
        if kind:
            self._icon.set_icon(kind, kind)
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self.setAccessibleName(f"{title} {text}")


class Line(QWidget):
    """A hairline between rows."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(10, 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.colour("line"))


class IconLabel(QWidget):
    """An icon that is not a button."""

    def __init__(self, theme: Theme, name: str, token: str = "secondary", size: int = 20) -> None:
        super().__init__()
        self._icon = icon(theme, name, token)
        self._theme = theme
        side = theme.icon_side(size)
        self.setFixedSize(side, side)
        theme.changed.connect(self.update)

    def set_icon(self, name: str, token: str) -> None:
        self._icon = icon(self._theme, name, token)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._icon.paint(QPainter(self), self.rect())


class EmptyState(QWidget):
    """Nothing here yet: one sentence, one button."""

    pressed = Signal()

    def __init__(self, theme: Theme, icon_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = Text(theme, role="body", token="secondary", wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text.setMaximumWidth(480)
        self._button = Button(theme, kind="primary")
        self._button.clicked.connect(self.pressed)
        layout = QVBoxLayout(self)
        layout.setSpacing(16)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout.addStretch(1)
        layout.addWidget(IconLabel(theme, icon_name, "secondary", 48), 0, centre)
        text_row = QHBoxLayout()
        text_row.addStretch(1)
        text_row.addWidget(self._text, 4)
        text_row.addStretch(1)
        layout.addLayout(text_row)
        layout.addWidget(self._button, 0, centre)
        layout.addStretch(2)

    def tell(self, text: str, action: str = "") -> None:
        self._text.setText(text)
        self._button.setText(action)
        self._button.setVisible(bool(action))


class CopyButton(IconButton):
    """Copies a text and says so by its icon for a moment."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, "copy", name, parent=parent)
        self._value = ""
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.setInterval(1500)
        self._back.timeout.connect(self._on_back_timeout)
        self.clicked.connect(self._on_clicked)

    def set_value(self, value: str) -> None:
        self._value = value

    def _on_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self._value)
        self.set_icon("check")
        self._back.start()

    def _on_back_timeout(self) -> None:
        self.set_icon("copy")


class Mono(Text):
    """A text in monospace that can be selected; too long a line is wrapped, never cut."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, role="mono", wrap=True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )


class CodeBox(Translated, Surface):
    """Lines to copy, in a monospaced font."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, token="window", horizontal=True, padding=12, parent=parent)
        self._text = Mono(theme)
        self._copy = CopyButton(theme, "")
        self.body.addWidget(self._text, 1)
        self.body.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignTop)
        self.retranslate()

    def retranslate(self) -> None:
        self._copy.set_name(self.tr("Copy"))

    def set_text(self, text: str) -> None:
        self._text.setText(text)
        self._copy.set_value(text)

    def text(self) -> str:
        return self._text.text()


__all__ = [
    "GAP",
    "Banner",
    "Chip",
    "CodeBox",
    "CopyButton",
    "EmptyState",
    "Figure",
    "IconLabel",
    "Line",
    "Mono",
    "row",
]
