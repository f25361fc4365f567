"""Inputs of ours: a rounded box with a line that every theme shows, and a ring for the focus."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QLineEdit, QSpinBox, QWidget

from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme

_SIDE = 8
_ABOVE = 8  # and below the text


def _height(widget: QWidget) -> int:
    return widget.fontMetrics().height() + 2 * _ABOVE


def _paint_box(widget: QWidget, theme: Theme, focused: bool) -> None:
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    on = widget.isEnabled()
    accent = focused and on
    line = theme.colour("accent" if accent else "line_strong" if on else "line")
    painter.setPen(QPen(line, 2 if accent else 1))
    painter.setBrush(theme.colour("raised" if on else "window"))
    inset = 1.0 if accent else 0.5
    box = QRectF(widget.rect()).adjusted(inset, inset, -inset, -inset)
    painter.drawRoundedRect(box, 6, 6)
    painter.end()


def _clear_base(widget: QWidget) -> None:
    """Let the box be seen through the control's own ground."""
    palette = QPalette()
    for group in (
        QPalette.ColorGroup.Active,
        QPalette.ColorGroup.Inactive,
        QPalette.ColorGroup.Disabled,
    ):
        palette.setColor(group, QPalette.ColorRole.Base, QColor(Qt.GlobalColor.transparent))
    widget.setPalette(palette)


class LineField(QLineEdit):
    """One line of text."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFrame(False)
        self.setFont(theme.font(tabular=True))
        self.setTextMargins(_SIDE - 6, 0, _SIDE - 6, 0)
        _clear_base(self)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), _height(self))

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), _height(self))

    def paintEvent(self, event: QPaintEvent) -> None:
        _paint_box(self, self._theme, self.hasFocus())
        super().paintEvent(event)


class NumberField(QSpinBox):
    """A whole number; the arrow keys and the wheel change it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFrame(False)
        self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setFont(theme.font(tabular=True))
        self.lineEdit().setTextMargins(_SIDE, 0, 0, 0)
        _clear_base(self)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(f"{self.maximum()}") + 4 * _SIDE
        return QSize(width, _height(self))

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        _paint_box(self, self._theme, self.hasFocus())


class ChoiceField(QComboBox):
    """One of a list."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._arrow = icon(theme, "chevron-down")
        self.setFont(theme.font())
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(hint.width() + 2 * _SIDE, _height(self))

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(hint.width() + 2 * _SIDE, _height(self))

    def paintEvent(self, event: QPaintEvent) -> None:
        _paint_box(self, self._theme, self.hasFocus())
        painter = QPainter(self)
        side = 16
        arrow = QRect(self.width() - side - _SIDE, (self.height() - side) // 2, side, side)
        mode = self._arrow.Mode.Normal if self.isEnabled() else self._arrow.Mode.Disabled
        self._arrow.paint(painter, arrow, Qt.AlignmentFlag.AlignCenter, mode)
        room = self.rect().adjusted(_SIDE + 2, 0, -side - 2 * _SIDE, 0)
        painter.setPen(self._theme.colour("text" if self.isEnabled() else "disabled"))
        text = self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideMiddle, room.width()
        )
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), text)
