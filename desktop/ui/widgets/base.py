"""The smallest parts: texts in their sizes, surfaces, buttons, spacing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QKeySequence, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme

# The 8-pixel grid (LOOK): page margin and gaps between groups, gaps between rows, inside controls.
MARGIN = 24
GAP = 8
TIGHT = 4
RADIUS = 8


class Text(QLabel):
    """A text in one of the sizes and a colour of the theme. Plain text always: what comes from
    files and models is never markup.

    Args:
        role: "body", "caption" (one step smaller, secondary), "title" (+3, semibold), "figure"
            (+8, semibold, tabular digits), "strong" (semibold), "mono".
        token: a colour's name; the role's own by default.
    """

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        role: str = "body",
        token: str | None = None,
        *,
        wrap: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._theme, self._role, self._token = theme, role, token
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def set_token(self, token: str | None) -> None:
        self._token = token
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        theme, role = self._theme, self._role
        if role == "caption":
            self.setFont(theme.font(-1))
        elif role == "title":
            self.setFont(theme.font(3, semibold=True))
        elif role == "figure":
            self.setFont(theme.font(8, semibold=True, tabular=True))
        elif role == "strong":
            self.setFont(theme.font(semibold=True))
        elif role == "mono":
            self.setFont(theme.mono(-1))
        else:
            self.setFont(theme.font(tabular=True))
        token = self._token or ("secondary" if role == "caption" else "text")
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, theme.colour(token))
        self.setPalette(palette)


class Surface(QFrame):
    """A quiet box: surface colour, one-pixel line, rounded corners. Its layout is `body`.

    Args:
        token: the fill's token; "tint" for what is selected or speaks for the user.
        outlined: whether it has its line; line: the token of that.
    """

    def __init__(
        self,
        theme: Theme,
        *,
        token: str = "surface",
        outlined: bool = True,
        line: str = "line",
        horizontal: bool = False,
        padding: int = 16,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._token = theme, token
        self._line = line if outlined else None
        self.body = QHBoxLayout(self) if horizontal else QVBoxLayout(self)
        self.body.setContentsMargins(padding, padding, padding, padding)
        self.body.setSpacing(GAP)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        clear = QColor(Qt.GlobalColor.transparent)
        painter.setPen(QPen(self._theme.colour(self._line) if self._line else clear, 1))
        painter.setBrush(self._theme.colour(self._token))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, RADIUS, RADIUS)


class KeyboardFocus:
    """Mixed into a button: `_by_keyboard` tells whether focus came from the keyboard, which is
    when a ring must show where it is; after a click it would only be in the way."""

    _by_keyboard = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._by_keyboard = event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        super().focusInEvent(event)  # type: ignore[misc]


class Button(KeyboardFocus, QPushButton):
    """A button of ours.

    Args:
        kind: "primary" (one per page), "plain" with a line, or "quiet" without one.
        shrinks: where there is little room its text is cut; its tooltip says it in full then.
        flush: it stands in line with texts above and below it, with little around its own.
    """

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        kind: str = "plain",
        icon_name: str | None = None,
        parent: QWidget | None = None,
        *,
        shrinks: bool = False,
        flush: bool = False,
    ) -> None:
        super().__init__(text, parent)
        self._theme, self._kind, self.shrinks = theme, kind, shrinks
        self._around = 2 * TIGHT if flush else 32  # pixels beside its content, both sides together
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFont(theme.font(semibold=kind == "primary"))
        wide = QSizePolicy.Policy.Maximum if shrinks else QSizePolicy.Policy.Fixed
        self.setSizePolicy(wide, QSizePolicy.Policy.Fixed)
        self._side = theme.icon_side(16)
        self.setIconSize(QSize(self._side, self._side))
        self._icon_name = icon_name
        if icon_name:
            self.set_icon(icon_name)
        theme.changed.connect(self.update)

    def set_icon(self, name: str) -> None:
        token = "on_accent" if self._kind == "primary" else "text"
        self.setIcon(icon(self._theme, name, token))

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(self.text()) + self._around
        if not self.icon().isNull():
            width += self._side + 8 if self.text() else 0
        return QSize(max(width, 36), metrics.height() + 16)

    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        least = 8 * self.fontMetrics().averageCharWidth() + self._around
        return QSize(min(least, hint.width()), hint.height()) if self.shrinks else hint

    def _shown_text(self) -> str:
        if not self.shrinks:
            return self.text()
        room = self.width() - self._around + 1 - (0 if self.icon().isNull() else self._side + 8)
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, tokens, words = self._theme, self._theme.tokens, self._shown_text()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill, line, text = self._colours()
        if self.isDown():
            fill = QColor(fill).darker(108) if not tokens.dark else QColor(fill).lighter(112)
        painter.setPen(QPen(line, 1))
        painter.setBrush(fill)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 6, 6)
        if self._by_keyboard and self.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 5, 5)
        painter.setPen(text)
        painter.setFont(self.font())
        content = self.rect()
        if not self.icon().isNull():
            mode = self.icon().Mode.Normal if self.isEnabled() else self.icon().Mode.Disabled
            side = self._side
            total = side + (8 + self.fontMetrics().horizontalAdvance(words) if words else 0)
            left = (self.width() - total) // 2
            self.icon().paint(
                painter,
                left,
                (self.height() - side) // 2,
                side,
                side,
                Qt.AlignmentFlag.AlignCenter,
                mode,
            )
            content.setLeft(left + side + 8)
            painter.drawText(
                content,
                int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
                words,
            )
        else:
            painter.drawText(content, int(Qt.AlignmentFlag.AlignCenter), words)

    def _colours(self) -> tuple[QColor, QColor, QColor]:
        theme = self._theme
        clear = QColor(Qt.GlobalColor.transparent)
        if not self.isEnabled():
            fill = clear if self._kind == "quiet" else theme.colour("window")
            line = clear if self._kind == "quiet" else theme.colour("line")
            return fill, line, theme.colour("disabled")
        if self._kind == "primary":
            accent = theme.colour("accent")
            return (
                (accent.lighter(108) if self.underMouse() else accent),
                accent,
                theme.colour("on_accent"),
            )
        fill = theme.colour("hover") if self.underMouse() else theme.colour("raised")
        if self._kind == "quiet":
            return (fill if self.underMouse() else clear), clear, theme.colour("text")
        return fill, theme.colour("line_strong"), theme.colour("text")


class IconButton(QToolButton):
    """A button that is only an icon: it always has a name, which is its tooltip too."""

    def __init__(
        self,
        theme: Theme,
        icon_name: str,
        name: str,
        shortcut: str | None = None,
        *,
        token: str = "secondary",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._token = theme, token
        self.setAutoRaise(True)
        side = theme.icon_side(18)
        self.setIconSize(QSize(side, side))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._shortcut = shortcut
        if shortcut:
            self.setShortcut(QKeySequence(shortcut))
        self.set_icon(icon_name)
        self.set_name(name)

    def set_icon(self, icon_name: str) -> None:
        self.setIcon(icon(self._theme, icon_name, self._token))

    def set_name(self, name: str) -> None:
        self.setAccessibleName(name)
        keys = QKeySequence(self._shortcut or "").toString(QKeySequence.SequenceFormat.NativeText)
        self.setToolTip(f"{name} ({keys})" if self._shortcut else name)


def row(*widgets: QWidget | int, spacing: int = GAP) -> QHBoxLayout:
    """Widgets side by side; a number is a stretch of that weight."""
    layout = QHBoxLayout()
    _fill(layout, widgets, spacing)
    return layout


def column(*widgets: QWidget | int, spacing: int = GAP) -> QVBoxLayout:
    """Widgets below one another; a number is a stretch of that weight."""
    layout = QVBoxLayout()
    _fill(layout, widgets, spacing)
    return layout


def _fill(layout: QBoxLayout, widgets: Sequence[QWidget | int], spacing: int) -> None:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for widget in widgets:
        if isinstance(widget, int):
            layout.addStretch(widget)
        else:
            layout.addWidget(widget)


def clear(layout: QLayout) -> None:
    """Remove and delete everything a layout holds."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
