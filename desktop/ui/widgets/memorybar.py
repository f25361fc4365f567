"""What fills a device's memory: one bar of segments, and the same figures as a legend below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.theme.theme import Theme
from desktop.ui.theme.tokens import mixed
from desktop.ui.widgets.base import GAP

_SERIES = {"weights": 0, "kv": 1, "compute": 2, "paddock": 3, "overhead": 4}
_HEIGHT = 18


@dataclass(frozen=True)
class Segment:
    """A part of a device's memory.

    Attributes:
        kind: "weights", "kv", "compute", "overhead", "paddock", "other", "reserve" or "free".
        label: its name, translated.
        preview: not real yet (a slider is moving): drawn hatched.
    """

    kind: str
    label: str
    size_bytes: int
    preview: bool = False


def colour_of(theme: Theme, kind: str) -> QColor:
    """A segment's fill."""
    if kind in _SERIES:
        return QColor(theme.tokens.series[_SERIES[kind]])
    if kind == "other":
        return QColor(mixed(theme.tokens.surface, theme.tokens.secondary, 0.55))
    if kind == "reserve":
        return theme.colour("line_strong")
    return theme.colour("window")


def figures(segment: Segment, total_bytes: int) -> str:
    """ "Weights: 4.3 GiB, 54 %"."""
    share = segment.size_bytes / total_bytes if total_bytes else 0.0
    return f"{segment.label}: {units.size(segment.size_bytes)}, {share:.0%}"


def by_kind(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """One segment of each kind, with the sum; a preview where a part of it is one."""
    found: dict[str, Segment] = {}
    for each in segments:
        known = found.get(each.kind)
        if known is not None:
            size, preview = known.size_bytes + each.size_bytes, known.preview or each.preview
            found[each.kind] = replace(known, size_bytes=size, preview=preview)
        else:
            found[each.kind] = each
    return tuple(found.values())


class _Bar(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.segments: tuple[Segment, ...] = ()
        self.total_bytes = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(160, _HEIGHT)

    def places(self) -> list[tuple[Segment, QRectF]]:
        """Each segment's box. Those too small to see still get two pixels."""
        width, left, found = float(self.width()), 0.0, []
        whole = max(1, self.total_bytes, sum(each.size_bytes for each in self.segments))
        for segment in self.segments:
            share = segment.size_bytes / whole * width
            if segment.size_bytes <= 0:
                continue
            share = min(max(share, 2.0), width - left)
            found.append((segment, QRectF(left, 0, share, self.height())))
            left += share
        return found

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for segment, box in self.places():
                if box.contains(QPointF(event.pos())):
                    area = QRect(box.toAlignedRect())
                    text = figures(segment, self.total_bytes)
                    QToolTip.showText(event.globalPos(), text, self, area)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        outline = QPainterPath()
        outline.addRoundedRect(whole, 5, 5)
        painter.fillPath(outline, theme.colour("window"))
        painter.setClipPath(outline)
        for segment, box in self.places():
            colour = colour_of(theme, segment.kind)
            if segment.preview:
                painter.fillRect(box, theme.colour("surface"))
                painter.fillRect(box, QBrush(colour, Qt.BrushStyle.BDiagPattern))
            else:
                painter.fillRect(box, colour)
            if segment.kind != "free":  # segments stand apart by a gap too, not by colour alone
                painter.fillRect(
                    QRectF(box.right() - 1, 0, 1, box.height()), theme.colour("surface")
                )
        needed = sum(each.size_bytes for each in self.segments)
        if needed > self.total_bytes > 0:  # where the device ends
            end = self.width() * self.total_bytes / needed
            painter.fillRect(QRectF(end - 2, 0, 4, self.height()), theme.colour("surface"))
            painter.fillRect(QRectF(end - 1, 0, 2, self.height()), theme.colour("error"))
        painter.setClipping(False)
        painter.setPen(QPen(theme.colour("line_strong"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(outline)


class _Legend(QWidget):
    """Square, name and figure of each segment, flowing into as many lines as needed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.segments: tuple[Segment, ...] = ()
        self.setFont(theme.font(-1, tabular=True))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def _flow(self, width: int) -> tuple[list[tuple[Segment, QPointF]], int]:
        metrics = self.fontMetrics()
        line, found, x, y = metrics.height() + 6, [], 0, 0
        for segment in self.segments:
            needed = 14 + metrics.horizontalAdvance(self._text(segment)) + 20
            if x and x + needed - 20 > width:
                x, y = 0, y + line
            found.append((segment, QPointF(x, y)))
            x += needed
        return found, y + metrics.height()

    @staticmethod
    def _text(segment: Segment) -> str:
        return f"{segment.label}  {units.size(segment.size_bytes)}"

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._flow(width)[1]

    def sizeHint(self) -> QSize:
        return QSize(160, self._flow(max(160, self.width()))[1])

    def minimumSizeHint(self) -> QSize:
        return QSize(100, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, metrics = self._theme, self.fontMetrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for segment, place in self._flow(self.width())[0]:
            square = QRectF(place.x() + 0.5, place.y() + metrics.height() / 2 - 3.5, 8, 8)
            colour = colour_of(theme, segment.kind)
            free = segment.kind == "free"
            painter.setPen(QPen(theme.colour("secondary") if free else colour, 1))
            pattern = Qt.BrushStyle.BDiagPattern if segment.preview else Qt.BrushStyle.SolidPattern
            painter.setBrush(QBrush(colour, pattern))
            painter.drawRoundedRect(square, 2, 2)
            base = place.y() + metrics.ascent()
            painter.setPen(theme.colour("secondary"))
            painter.drawText(QPointF(place.x() + 14, base), segment.label)
            painter.setPen(theme.colour("text"))
            after = metrics.horizontalAdvance(f"{segment.label}  ")
            painter.drawText(QPointF(place.x() + 14 + after, base), units.size(segment.size_bytes))


class MemoryBar(QWidget):
    """A device's memory. The legend is its table twin; the accessible text says the same."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = _Bar(theme)
        self._legend = _Legend(theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._bar)
        layout.addWidget(self._legend)

    def show_memory(self, segments: Sequence[Segment], total_bytes: int, name: str) -> None:
        """Args: name: the device, for screen readers. Segments of no bytes are left out."""
        shown = tuple(each for each in segments if each.size_bytes > 0)
        self._bar.segments, self._bar.total_bytes = shown, total_bytes
        told = by_kind(shown)
        if told != self._legend.segments:
            self._legend.segments = told
            self._legend.updateGeometry()
        self._bar.update()
        self._legend.update()
        self.setAccessibleName(name)
        self.setAccessibleDescription("; ".join(figures(each, total_bytes) for each in told))

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What it shows, from left to right."""
        return self._bar.segments


__all__ = ["MemoryBar", "Segment", "colour_of", "figures"]
