"""Choices as round words that flow into as many lines as are needed: one of them, or several."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, KeyboardFocus
from desktop.ui.widgets.flow import FlowLayout


class _ChoiceChip(KeyboardFocus, QAbstractButton):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFont(theme.font())
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 28, metrics.height() + 16)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, chosen = self._theme, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = box.height() / 2
        token = "tint" if chosen else "hover" if self.underMouse() else "surface"
        painter.setPen(QPen(theme.colour("accent" if chosen else "line_strong"), 1))
        painter.setBrush(theme.colour(token))
        painter.drawRoundedRect(box, radius, radius)
        if self._by_keyboard and self.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, radius, radius)
        painter.setPen(theme.colour("text" if chosen else "secondary"))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.text())


class _Chips(QWidget):
    """Chips by their keys; the arrow keys move along them.

    Signals:
        toggled: the key of the word a person chose, or chose no longer.
    """

    toggled = Signal(str, bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._chips: dict[str, _ChoiceChip] = {}
        self._flow = FlowLayout(self, TIGHT)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def _add(self, key: str) -> _ChoiceChip:
        chip = _ChoiceChip(self._theme)
        chip.setObjectName(f"chip-{key}")
        chip.clicked.connect(self._on_clicked)
        self._flow.addWidget(chip)
        self._chips[key] = chip
        return chip

    def chip(self, key: str) -> QAbstractButton:
        return self._chips[key]

    def _on_clicked(self) -> None:
        sender = self.sender()
        key = next(key for key, chip in self._chips.items() if chip is sender)
        self.toggled.emit(key, self._chips[key].isChecked())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        chips = list(self._chips.values())
        focused = next((n for n, chip in enumerate(chips) if chip.hasFocus()), None)
        if step and focused is not None:
            chips[(focused + step) % len(chips)].setFocus(Qt.FocusReason.TabFocusReason)
            event.accept()
        else:
            super().keyPressEvent(event)


class ChoiceChips(_Chips):
    """Exactly one of them is chosen.

    Signals:
        chosen: the key of the word a person chose.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, keys: tuple[str, ...]) -> None:
        super().__init__(theme)
        for key in keys:
            self._add(key)
        self.toggled.connect(self._on_toggled)
        self.choose(keys[0])

    def set_words(self, words: dict[str, str]) -> None:
        for key, word in words.items():
            self._chips[key].setText(word)
            self._chips[key].setAccessibleName(word)
            self._chips[key].updateGeometry()

    def full_width(self) -> int:
        """Pixels all of them take in one line."""
        return sum(chip.sizeHint().width() + TIGHT for chip in self._chips.values())

    def choose(self, key: str) -> None:
        """Show this word as chosen; says nothing."""
        for name, chip in self._chips.items():
            chip.setChecked(name == key)

    @property
    def current(self) -> str:
        return next(key for key, chip in self._chips.items() if chip.isChecked())

    def _on_toggled(self, key: str) -> None:
        self.choose(key)
        self.chosen.emit(key)


class ToggleChips(_Chips):
    """Any number of them is chosen; which there are may change."""

    def show_chips(self, words: Mapping[str, tuple[str, str]], chosen: Collection[str]) -> None:
        """Show these, in this order. A chip that stays keeps the keyboard.

        Args:
            words: of each key its word, and what its tooltip says.
            chosen: keys of those that are chosen.
        """
        for key in [key for key in self._chips if key not in words]:
            chip = self._chips.pop(key)
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        for key, (word, tip) in words.items():
            chip = self._chips.get(key) or self._add(key)
            chip.setText(word)
            chip.setAccessibleName(word)
            chip.setAccessibleDescription(tip)
            chip.setToolTip(tip)
            chip.setChecked(key in chosen)
            chip.updateGeometry()
        order = {key: self._chips[key] for key in words}
        if list(order) != list(self._chips):
            self._chips = order
            for chip in order.values():
                self._flow.removeWidget(chip)
                self._flow.addWidget(chip)

    @property
    def keys(self) -> list[str]:
        return list(self._chips)
