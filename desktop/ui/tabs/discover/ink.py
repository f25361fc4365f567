"""What tiles are painted with: texts that are cut where they end, chips, bars, buttons."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen

from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme

_ELIDE = Qt.TextElideMode.ElideRight
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Hit:
    """A painted button.

    Attributes:
        name: what a tooltip says; text: what is painted beside the icon, if anything.
    """

    key: str
    place: QRect
    name: str
    icon: str = ""
    text: str = ""
    primary: bool = False
    enabled: bool = True

    def at(self, place: QRect) -> Hit:
        """The same button, there."""
        return replace(self, place=place)


class Ink:
    """The fonts of a tile, and the parts that are drawn with them."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.name, self.body = theme.font(1, semibold=True), theme.font(tabular=True)
        self.strong, self.small = theme.font(semibold=True, tabular=True), theme.font(-1)

    def heights(self) -> tuple[int, int, int]:
        """Of a line in the fonts of names, of texts and of small texts."""
        name, body, small = (
            QFontMetrics(font).height() for font in (self.name, self.body, self.small)
        )
        return name, body, small

    def button(self, painter: QPainter, hit: Hit, *, over: bool, held: bool) -> None:
        """A button as `widgets.base.Button` paints one."""
        theme = self._theme
        over = over and hit.enabled
        text = "disabled" if not hit.enabled else "on_accent" if hit.primary else "text"
        fill = theme.colour("accent" if hit.primary and hit.enabled else "raised")
        if over:
            fill = fill.lighter(108) if hit.primary else theme.colour("hover")
        if held and over:
            fill = fill.lighter(112) if theme.tokens.dark else fill.darker(108)
        if hit.text or over:  # what is an icon alone has a ground only under the mouse
            line = "accent" if hit.primary and hit.enabled else "line_strong"
            painter.setPen(QPen(theme.colour(line), 1) if hit.text else Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawRoundedRect(QRectF(hit.place).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        side = theme.icon_side(16)
        painter.setFont(self.body)
        words = painter.fontMetrics().horizontalAdvance(hit.text)
        gap = 6 if hit.text and hit.icon else 0
        left = hit.place.left() + (hit.place.width() - words - gap - (side if hit.icon else 0)) // 2
        if hit.icon:
            top = hit.place.top() + (hit.place.height() - side) // 2
            token = "secondary" if not hit.text and hit.enabled else text
            icon(theme, hit.icon, token).paint(painter, left, top, side, side)
            left += side + gap
        painter.setPen(theme.colour(text))
        room = QRect(left, hit.place.top(), words + 2, hit.place.height())
        painter.drawText(room, int(LEFT), hit.text)

    def button_size(self, text: str, icon_name: str) -> QSize:
        """Of a painted button."""
        metrics = QFontMetrics(self.body)
        side = self._theme.icon_side(16)
        if not text:
            return QSize(side + 12, max(side, metrics.height()) + 10)
        width = metrics.horizontalAdvance(text) + 22 + (side + 6 if icon_name else 0)
        return QSize(width, metrics.height() + 10)

    def chips(self, painter: QPainter, inside: QRect, top: int, chips: list[str]) -> int:
        """As many as there is room for, and how many more there are."""
        painter.setFont(self.small)
        metrics = painter.fontMetrics()
        height, left = metrics.height() + 6, inside.left()
        for number, chip in enumerate(chips):
            rest = len(chips) - number - 1
            width = metrics.horizontalAdvance(chip) + 16
            kept = metrics.horizontalAdvance(f"+{rest}") + 8 if rest else 0
            if left + width + kept > inside.right():
                place = QRect(left, top, inside.right() - left, height)
                self.text(painter, place, f"+{rest + 1}", "secondary")
                break
            box = QRectF(left + 0.5, top + 0.5, width - 1, height - 1)
            painter.setPen(QPen(self._theme.colour("line_strong"), 1))
            painter.setBrush(self._theme.colour("window"))
            painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            painter.setPen(self._theme.colour("secondary"))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), chip)
            left += width + 4
        return top + height

    def bar(self, painter: QPainter, box: QRect, share: float) -> None:
        """How far something is, as `widgets.progressrow.Bar` paints it."""
        bar = QRectF(box.left() + 0.5, box.center().y() - 2.5, box.width() - 1, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("line"))
        painter.drawRoundedRect(bar, 2.5, 2.5)
        if share > 0:
            bar.setWidth(max(bar.height(), bar.width() * min(1.0, share)))
            painter.setBrush(self._theme.colour("accent"))
            painter.drawRoundedRect(bar, 2.5, 2.5)

    def two_lines(self, painter: QPainter, box: QRect, text: str, token: str = "secondary") -> None:
        """A text in two lines, the second one cut where there is more."""
        metrics, width = painter.fontMetrics(), box.width()
        first = _fitting(text, metrics, width)
        height = metrics.height()
        line = QRect(box.left(), box.top(), width, height)
        self.text(painter, line, text[:first], token)
        line.translate(0, height)
        self.text(painter, line, text[first:].lstrip(), token)

    def text(
        self,
        painter: QPainter,
        box: QRect,
        text: str,
        token: str = "text",
        side: Qt.AlignmentFlag = LEFT,
    ) -> None:
        painter.setPen(self._theme.colour(token))
        shown = painter.fontMetrics().elidedText(text, _ELIDE, box.width())
        painter.drawText(box, int(side), shown)


def _fitting(text: str, metrics: QFontMetrics, width: int) -> int:
    """How many letters fit in a line, broken after a word; Japanese breaks anywhere."""
    if metrics.horizontalAdvance(text) <= width:
        return len(text)
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        if metrics.horizontalAdvance(text[:middle]) <= width:
            low = middle
        else:
            high = middle
    place = low
    while place > 0 and not _may_break(text[place - 1], text[place]):
        place -= 1
    return place or low


def _may_break(before: str, after: str) -> bool:
    if after.isspace() or before.isspace():
        return True
    return (
        (not before.isascii() or not after.isascii()) and after not in "。、）%" and before != "（"
    )
