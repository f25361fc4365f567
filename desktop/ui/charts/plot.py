"""What our plots have in common: nothing to zoom, nothing to drag, a tip for what is pointed at.

This module imports pyqtgraph, and pyqtgraph numpy: half a second. It is imported in a task, when
the first page with a chart is shown; nothing else may import it at its top.
"""

from __future__ import annotations

import os
from abc import abstractmethod

os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"  # read when pyqtgraph is imported

import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QTransform, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from desktop.ui.theme.theme import Theme


class Axis(pg.AxisItem):  # type: ignore[misc]
    """Derived axes say how their figures read."""


class Painting(pg.GraphicsObject):  # type: ignore[misc]
    """What a plot shows, painted in pixels: patterns and lines stay sharp at every scale."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._box = QRectF()

    def set_box(self, box: QRectF) -> None:
        """Args: box: what it takes of the plot, in the plot's units; it is painted anew."""
        self.prepareGeometryChange()
        self._box = box
        self.update()

    def boundingRect(self) -> QRectF:
        return self._box

    def paint(self, painter: QPainter, *args: object) -> None:
        to_pixels = painter.worldTransform()
        painter.save()
        painter.resetTransform()
        self.draw(painter, to_pixels)
        painter.restore()

    @abstractmethod
    def draw(self, painter: QPainter, to_pixels: QTransform) -> None:
        """Paint it; the painter's units are pixels."""


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """Args:
    axes: those that are not pyqtgraph's own, by their side.
    """

    def __init__(
        self,
        theme: Theme,
        painting: Painting,
        axes: dict[str, Axis],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, background=None, axisItems=axes)
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseEnabled(False, False)
        self.setMenuEnabled(False)
        self.hideButtons()
        # WORKAROUND(pyqtgraph makes a menu without a parent for each plot; drop when it does not)
        menu = self.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self.getViewBox().setDefaultPadding(0)
        self.addItem(painting, ignoreBounds=True)
        theme.changed.connect(self._on_theme_changed)

    def _on_theme_changed(self) -> None:
        small = self._theme.font(-1, tabular=True)
        self.setBackground(self._theme.colour("surface"))
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickFont=small, tickLength=-4, maxTickLevel=0)
            axis.setPen(self._theme.colour("line_strong"))
            axis.setTextPen(self._theme.colour("secondary"))
        self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the page scrolls

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return bool(super().viewportEvent(event))

    @abstractmethod
    def tip_at(self, position: QPoint) -> str:
        """What lies at a place of this widget, in words."""
