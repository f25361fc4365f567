"""How menus and the lists of combo boxes look: room around each word, a mark for what is chosen."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyleOptionMenuItem

_SIDE = 12  # pixels beside the words
_UPRIGHT = 14  # above and below them, together
_MARK = 24  # of the column of marks
_SEPARATOR = 9
_KIND = QStyleOptionMenuItem.MenuItemType


def size_of(option: QStyleOptionMenuItem) -> QSize:
    """What an entry takes."""
    if option.menuItemType is _KIND.Separator:
        return QSize(10, _SEPARATOR)
    metrics = QFontMetrics(option.font)
    words = [metrics.horizontalAdvance(part) for part in _plain(option.text).split("\t")]
    width = sum(words) + (len(words) - 1) * 32 + 2 * _SIDE
    width += _MARK if option.menuHasCheckableItems else 0
    width += _MARK if option.menuItemType is _KIND.SubMenu else 0
    return QSize(width, metrics.height() + _UPRIGHT)


def _plain(text: str) -> str:
    """Without the signs of mnemonics: “&&” is an “&”."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def draw_item(option: QStyleOptionMenuItem, painter: QPainter) -> None:
    """One entry, with the palette's colours."""
    rect: QRect = option.rect
    palette, state = option.palette, option.state
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if option.menuItemType is _KIND.Separator:
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Midlight), 1))
        middle = rect.center().y() + 0.5
        painter.drawLine(QPointF(rect.left() + 4, middle), QPointF(rect.right() - 4, middle))
        painter.restore()
        return
    able = bool(state & QStyle.StateFlag.State_Enabled)
    here = able and bool(state & QStyle.StateFlag.State_Selected)
    if here:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(QPalette.ColorRole.Highlight))
        painter.drawRoundedRect(QRectF(rect).adjusted(2, 1, -2, -1), 5, 5)
    group = QPalette.ColorGroup.Active if able else QPalette.ColorGroup.Disabled
    role = QPalette.ColorRole.HighlightedText if here else QPalette.ColorRole.Text
    painter.setPen(palette.color(group, role))
    painter.setFont(option.font)
    box = rect.adjusted(_SIDE, 0, -_SIDE, 0)
    if option.menuHasCheckableItems:
        if option.checked:
            _draw_mark(painter, QPointF(box.left() + 6, box.center().y() + 0.5))
        box.setLeft(box.left() + _MARK)
    words, _, keys = _plain(option.text).partition("\t")
    middle_left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, int(middle_left | Qt.TextFlag.TextSingleLine), words)
    if keys:
        if not here:
            painter.setPen(palette.color(group, QPalette.ColorRole.PlaceholderText))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(box, int(right), keys)
    painter.restore()


def _draw_mark(painter: QPainter, middle: QPointF) -> None:
    pen = QPen(painter.pen().color(), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.save()
    painter.setPen(pen)
    painter.drawPolyline(
        [middle + QPointF(-5, 0), middle + QPointF(-1.5, 3.5), middle + QPointF(5, -4)]
    )
    painter.restore()


def draw_panel(rect: QRect, palette: QPalette, painter: QPainter) -> None:
    """The ground of a menu, with its line."""
    painter.save()
    painter.fillRect(rect, palette.color(QPalette.ColorRole.Button))
    painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(0, 0, -1, -1))
    painter.restore()
