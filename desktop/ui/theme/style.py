"""What Fusion draws too loudly: scroll bars, fields, menus. The rest stays Fusion's."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QLineEdit,
    QProxyStyle,
    QStyle,
    QStyleOption,
    QStyleOptionComboBox,
    QStyleOptionComplex,
    QStyleOptionMenuItem,
    QStyleOptionSlider,
    QStyleOptionSpinBox,
    QWidget,
)

from desktop.ui.theme import menus

_BAR = 10  # pixels a scroll bar takes
_RADIUS = 6
_TEXT = 6  # pixels between a field's edge and its text, besides the style's own
_FIELD = 16  # of a field's height, above and below its text together: as high as a button
_MENU_MARGINS = {
    QStyle.PixelMetric.PM_MenuPanelWidth: 1,
    QStyle.PixelMetric.PM_MenuHMargin: 3,
    QStyle.PixelMetric.PM_MenuVMargin: 4,
}


class CalmStyle(QProxyStyle):
    """Fusion with thin scroll bars and quiet fields, in the palette's own colours."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def pixelMetric(
        self,
        metric: QStyle.PixelMetric,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> int:
        if metric is QStyle.PixelMetric.PM_ScrollBarExtent:
            return _BAR
        if metric is QStyle.PixelMetric.PM_ScrollBarSliderMin:
            return 32
        if metric in _MENU_MARGINS:
            return _MENU_MARGINS[metric]
        return super().pixelMetric(metric, option, widget)

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returned: object = None,
    ) -> int:
        if hint is QStyle.StyleHint.SH_ScrollBar_Transient:
            return 0
        return super().styleHint(hint, option, widget, returned)  # type: ignore[arg-type]

    def sizeFromContents(
        self,
        kind: QStyle.ContentsType,
        option: QStyleOption,
        size: QSize,
        widget: QWidget | None = None,
    ) -> QSize:
        if kind is QStyle.ContentsType.CT_MenuItem and isinstance(option, QStyleOptionMenuItem):
            return menus.size_of(option)
        found = super().sizeFromContents(kind, option, size, widget)  # type: ignore[arg-type]
        fields = (
            QStyle.ContentsType.CT_LineEdit,
            QStyle.ContentsType.CT_ComboBox,
            QStyle.ContentsType.CT_SpinBox,
        )
        if kind in fields:
            found.setHeight(option.fontMetrics.height() + _FIELD)
        return found

    def subControlRect(
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex,
        part: QStyle.SubControl,
        widget: QWidget | None = None,
    ) -> QRect:
        arrows = (QStyle.SubControl.SC_ScrollBarAddLine, QStyle.SubControl.SC_ScrollBarSubLine)
        if control is QStyle.ComplexControl.CC_ScrollBar and isinstance(option, QStyleOptionSlider):
            if part in arrows:
                return QRect()
            if part is QStyle.SubControl.SC_ScrollBarGroove:
                return option.rect
            if part is QStyle.SubControl.SC_ScrollBarSlider:
                return self._slider(option)
        found = super().subControlRect(control, option, part, widget)  # type: ignore[arg-type]
        if part is QStyle.SubControl.SC_ComboBoxEditField and control is (
            QStyle.ComplexControl.CC_ComboBox
        ):
            return found.adjusted(_TEXT, 0, 0, 0)
        if part is QStyle.SubControl.SC_SpinBoxEditField:
            inside = option.rect.adjusted(0, 2, 0, -2)  # its frame stays in sight
            return QRect(found.x() + _TEXT, inside.y(), found.width() - _TEXT, inside.height())
        return found

    def subElementRect(
        self, element: QStyle.SubElement, option: QStyleOption, widget: QWidget | None = None
    ) -> QRect:
        found = super().subElementRect(element, option, widget)  # type: ignore[arg-type]
        inside = isinstance(widget, QLineEdit) and isinstance(widget.parent(), QAbstractSpinBox)
        if element is QStyle.SubElement.SE_LineEditContents and not inside:
            return found.adjusted(_TEXT, 0, -_TEXT, 0)
        return found

    def _slider(self, option: QStyleOptionSlider) -> QRect:
        rect = option.rect
        upright = option.orientation is Qt.Orientation.Vertical
        whole = rect.height() if upright else rect.width()
        span = option.maximum - option.minimum
        length = whole
        if span > 0:
            shown = option.pageStep / (span + option.pageStep)
            length = min(whole, max(32, round(whole * shown)))
        start = QStyle.sliderPositionFromValue(
            option.minimum,
            option.maximum,
            option.sliderPosition,
            whole - length,
            option.upsideDown,
        )
        if upright:
            return QRect(rect.x(), rect.y() + start, rect.width(), length)
        return QRect(rect.x() + start, rect.y(), length, rect.height())

    def drawComplexControl(
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        if control is QStyle.ComplexControl.CC_ScrollBar and isinstance(option, QStyleOptionSlider):
            self._draw_scroll_bar(option, painter)
        elif control is QStyle.ComplexControl.CC_ComboBox and isinstance(
            option, QStyleOptionComboBox
        ):
            self._draw_combo(option, painter)
        elif control is QStyle.ComplexControl.CC_SpinBox and isinstance(
            option, QStyleOptionSpinBox
        ):
            self._draw_spin_box(option, painter, widget)
        else:
            super().drawComplexControl(control, option, painter, widget)

    def _draw_scroll_bar(self, option: QStyleOptionSlider, painter: QPainter) -> None:
        if option.maximum <= option.minimum:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        over = bool(option.state & QStyle.StateFlag.State_MouseOver)
        role = QPalette.ColorRole.PlaceholderText if over else QPalette.ColorRole.Mid
        painter.setBrush(option.palette.color(role))
        thumb = QRectF(self._slider(option)).adjusted(2, 2, -2, -2)
        radius = min(thumb.width(), thumb.height()) / 2
        painter.drawRoundedRect(thumb, radius, radius)
        painter.restore()

    def _draw_combo(self, option: QStyleOptionComboBox, painter: QPainter) -> None:
        self._draw_field(option, painter)
        self._draw_chevron(option, painter, option.rect.right() - 16, option.rect.center().y(), 4)

    def _draw_spin_box(
        self, option: QStyleOptionSpinBox, painter: QPainter, widget: QWidget | None
    ) -> None:
        self._draw_field(option, painter)
        if option.buttonSymbols is QAbstractSpinBox.ButtonSymbols.NoButtons:
            return
        for part, height in (
            (QStyle.SubControl.SC_SpinBoxUp, -3),
            (QStyle.SubControl.SC_SpinBoxDown, 3),
        ):
            where = self.subControlRect(QStyle.ComplexControl.CC_SpinBox, option, part, widget)
            self._draw_chevron(option, painter, where.center().x(), where.center().y(), height)

    @staticmethod
    def _draw_chevron(option: QStyleOption, painter: QPainter, x: int, y: int, height: int) -> None:
        """An angle that points down, or up where `height` is negative."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(option.palette.color(QPalette.ColorRole.PlaceholderText), 1.6)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        path = QPainterPath()
        path.moveTo(x - abs(height), y - height / 2)
        path.lineTo(x, y + height / 2)
        path.lineTo(x + abs(height), y - height / 2)
        painter.drawPath(path)
        painter.restore()

    def drawControl(
        self,
        element: QStyle.ControlElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        item = element is QStyle.ControlElement.CE_MenuItem
        if item and isinstance(option, QStyleOptionMenuItem):
            menus.draw_item(option, painter)
        elif element is not QStyle.ControlElement.CE_MenuEmptyArea:
            super().drawControl(element, option, painter, widget)

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        if element is QStyle.PrimitiveElement.PE_FrameLineEdit:
            self._draw_field(option, painter, filled=False)
        elif element is QStyle.PrimitiveElement.PE_PanelMenu:
            menus.draw_panel(option.rect, option.palette, painter)
        elif element is not QStyle.PrimitiveElement.PE_FrameMenu:
            super().drawPrimitive(element, option, painter, widget)

    def _draw_field(self, option: QStyleOption, painter: QPainter, *, filled: bool = True) -> None:
        state, palette = option.state, option.palette
        focus = bool(state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        role = QPalette.ColorRole.Highlight if focus else QPalette.ColorRole.Mid
        if not state & QStyle.StateFlag.State_Enabled:
            role = QPalette.ColorRole.Midlight
        painter.setPen(QPen(palette.color(role), 1.5 if focus else 1))
        if filled:
            painter.setBrush(palette.color(QPalette.ColorRole.Base))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
        box = QRectF(option.rect).adjusted(0.75, 0.75, -0.75, -0.75)
        painter.drawRoundedRect(box, _RADIUS, _RADIUS)
        painter.restore()
