"""The rail on the left: one button per page, with icon and word, collapsible to icons."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeySequence, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, KeyboardFocus

WIDE, NARROW = 176, 56
_WORDS_FROM_LETTERS = 75  # of a window's width: with letters this large, icons must do
_AFTER = 20  # pixels after a word, for the dot


class RailButton(KeyboardFocus, QAbstractButton):
    """One entry: icon, word, and a dot while something behind it is on."""

    def __init__(
        self, theme: Theme, icon_name: str, *, checkable: bool = True, brand: bool = False
    ) -> None:
        super().__init__()
        self._theme, self._icon_name, self._brand = theme, icon_name, brand
        self._dot = False
        self._narrow = False
        self.setCheckable(checkable)
        self.setAutoExclusive(checkable)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFont(theme.font())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_word(self, word: str, shortcut: str = "") -> None:
        self.setText(word)
        self.setAccessibleName(word)
        if shortcut:
            keys = QKeySequence(shortcut)
            self.setToolTip(f"{word} ({keys.toString(QKeySequence.SequenceFormat.NativeText)})")
        else:
            self.setToolTip(word)

    def set_dot(self, on: bool, what: str = "") -> None:
        self._dot = on
        self.setAccessibleDescription(what if on else "")
        self.update()

    def set_narrow(self, narrow: bool) -> None:
        self._narrow = narrow
        self.update()

    def _before(self) -> int:
        """Pixels before a word: its icon."""
        return 20 + self._theme.icon_side(20)

    def _bold(self) -> QFont:
        return self._theme.font(1 if self._brand else 0, semibold=True)

    def sizeHint(self) -> QSize:
        """With room for its word when it is chosen, and bold."""
        word = QFontMetrics(self._bold()).horizontalAdvance(self.text())
        width = self._theme.icon_side(20) + 20 if self._narrow else word + self._before() + _AFTER
        return QSize(width, max(36, self.fontMetrics().height() + 16))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.isChecked():
            painter.setBrush(theme.colour("tint"))
            painter.drawRoundedRect(box, 6, 6)
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(QRectF(0, box.height() * 0.25, 3, box.height() * 0.5), 1.5, 1.5)
        elif self.underMouse():
            painter.setBrush(theme.colour("hover"))
            painter.drawRoundedRect(box, 6, 6)
        if self._by_keyboard and self.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 5, 5)
        token = "accent" if self.isChecked() or self._brand else "secondary"
        side = theme.icon_side(20)
        top = (self.height() - side) // 2
        icon(theme, self._icon_name, token).paint(painter, 10, top, side, side)
        if not self._narrow:
            painter.setFont(self._bold() if self.isChecked() or self._brand else self.font())
            painter.setPen(theme.colour("text"))
            area = self.rect().adjusted(self._before(), 0, -_AFTER, 0)
            painter.drawText(
                area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self.text()
            )
        if self._dot:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent"))
            x = self.width() - 12 if self._narrow else self.width() - 16
            y = 6 if self._narrow else self.height() / 2 - 4
            painter.drawEllipse(QRectF(x, y, 8, 8))


class Rail(Translated, QWidget):
    """The entries of all pages; the ones at the bottom are no pages."""

    chosen = Signal(str)
    search_asked = Signal()
    settings_asked = Signal()

    def __init__(self, theme: Theme, pages: list[str]) -> None:
        super().__init__()
        self._theme = theme
        self._narrow = self._tight = False
        self._buttons: dict[str, RailButton] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 16, 8, 8)
        self._layout.setSpacing(TIGHT)
        self._brand = RailButton(theme, "paddock", checkable=False, brand=True)
        self._brand.set_word("Paddock")
        self._brand.clicked.connect(self._on_brand_clicked)
        self._layout.addWidget(self._brand)
        self._layout.addSpacing(GAP * 2)
        for name in pages:
            button = RailButton(theme, name)
            button.setObjectName(f"rail-{name}")
            button.clicked.connect(self._on_button_clicked)
            self._buttons[name] = button
            self._layout.addWidget(button)
        self._layout.addStretch(1)
        self._search = RailButton(theme, "search", checkable=False)
        self._search.setObjectName("rail-search")
        self._search.clicked.connect(self.search_asked)
        self._layout.addWidget(self._search)
        self._settings = RailButton(theme, "settings", checkable=False)
        self._settings.setObjectName("rail-settings")
        self._settings.clicked.connect(self.settings_asked)
        self._layout.addWidget(self._settings)
        theme.changed.connect(self.update)
        self.retranslate()

    def words(self) -> dict[str, str]:
        return {
            "chat": self.tr("Chat"),
            "discover": self.tr("Discover"),
            "library": self.tr("Library"),
            "server": self.tr("Server"),
            "bench": self.tr("Benchmark"),
            "quantize": self.tr("Quantize"),
            "machine": self.tr("Machine"),
        }

    def pages(self) -> dict[str, str]:
        """The pages there are, with their words, from the top."""
        words = self.words()
        return {name: words[name] for name in self._buttons}

    def retranslate(self) -> None:
        words = self.words()
        for number, (name, button) in enumerate(self._buttons.items(), 1):
            button.set_word(words[name], f"Ctrl+{number}")
        self._search.set_word(self.tr("Search"), "Ctrl+K")
        self._settings.set_word(self.tr("Settings"), "Ctrl+,")
        self._brand.setToolTip(self.tr("Show icons only, or words too"))
        self._fit()

    def choose(self, name: str) -> None:
        self._buttons[name].setChecked(True)

    def set_dot(self, name: str, on: bool) -> None:
        self._buttons[name].set_dot(on, self.tr("on"))

    def set_narrow(self, narrow: bool) -> None:
        self._narrow = narrow
        for button in self._all():
            button.set_narrow(narrow)
        self._fit()

    def fit_to(self, window_width: int) -> None:
        """Show icons only where the letters are too large for the window; a choice made by hand
        holds until that changes."""
        letters = _WORDS_FROM_LETTERS * self.fontMetrics().averageCharWidth()
        tight = window_width < letters
        if tight != self._tight:
            self._tight = tight
            self.set_narrow(tight)

    def _all(self) -> list[RailButton]:
        return [*self._buttons.values(), self._search, self._settings, self._brand]

    def _fit(self) -> None:
        """As wide as the longest word of the language and font in use."""
        widest = max(button.sizeHint().width() for button in self._all())
        self.setFixedWidth(max(NARROW if self._narrow else WIDE, widest + 16))

    def _on_brand_clicked(self) -> None:
        self.set_narrow(not self._narrow)

    def _on_button_clicked(self) -> None:
        for name, button in self._buttons.items():
            if button is self.sender():
                self.chosen.emit(name)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surface"))
        painter.setPen(self._theme.colour("line"))
        painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())
