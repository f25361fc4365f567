"""Rows of the settings: what is set, what that means, and the field; below one another where there
is little room."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Surface, Text
from desktop.ui.widgets.parts import Line

_HINT_LETTERS, _FIELD_LETTERS = 36, 26
_BETWEEN = 32


class SettingRow(Translated, QWidget):
    """One setting.

    Args:
        words: its name and what it means, in the user's language; asked on each change of it.
        wide: the field wants the whole width: it stands below.
    """

    def __init__(
        self,
        theme: Theme,
        field: QWidget,
        words: Callable[[], tuple[str, str]],
        *,
        wide: bool = False,
    ) -> None:
        super().__init__()
        self._field, self._words, self._wide = field, words, wide
        self._label = Text(theme)
        self._label.setBuddy(field)
        self._hint = Text(theme, role="caption", wrap=True)
        letter = self.fontMetrics().averageCharWidth()
        self._least = (_HINT_LETTERS + _FIELD_LETTERS) * letter + _BETWEEN
        if not wide:
            field.setMinimumWidth(_FIELD_LETTERS * letter)
            field.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._label)
        texts.addWidget(self._hint)
        self._line = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(GAP)
        self._line.addLayout(texts, 1)
        side = Qt.AlignmentFlag.AlignVCenter
        self._line.addWidget(field, 0, Qt.AlignmentFlag(0) if wide else side)
        self.retranslate()

    def retranslate(self) -> None:
        name, hint = self._words()
        self._label.setText(name)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self._field.setAccessibleName(name)
        self._field.setAccessibleDescription(hint)

    @property
    def field(self) -> QWidget:
        return self._field

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        beside = not self._wide and self.width() >= self._least
        along, below = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._line.setDirection(along if beside else below)
        self._line.setSpacing(_BETWEEN if beside else GAP)


class Group(Translated, QWidget):
    """Rows that belong together, under a title."""

    def __init__(self, theme: Theme, title: Callable[[], str], rows: list[SettingRow]) -> None:
        super().__init__()
        self._title_words = title
        self._title = Text(theme, role="strong")
        box = Surface(theme)
        box.body.setSpacing(12)
        for number, each in enumerate(rows):
            if number:
                box.body.addWidget(Line(theme))
            box.body.addWidget(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._title)
        layout.addWidget(box)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self._title_words())
