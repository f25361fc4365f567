"""The fit badge: how a model lies on this machine, as a shape and a word."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme

_TOKENS = {
    "gpu": "accent",
    "experts_on_cpu": "info",
    "partial": "warning",
    "cpu": "secondary",
    "wont_fit": "error",
}
# How much of the circle is filled: the shape says it without the colour.
_FILLED = {"gpu": 1.0, "experts_on_cpu": 0.5, "partial": 0.25, "cpu": 0.0}
_GAP = 6


def badge_word(verdict: str) -> str:
    """The word of a verdict in the user's language."""
    translate = QCoreApplication.translate
    return {
        "gpu": translate("FitBadge", "Full GPU"),
        "experts_on_cpu": translate("FitBadge", "Experts on CPU"),
        "partial": translate("FitBadge", "Partial"),
        "cpu": translate("FitBadge", "CPU"),
        "wont_fit": translate("FitBadge", "Won't fit"),
    }.get(verdict, "")


def badge_width(verdict: str, metrics: QFontMetrics) -> int:
    return metrics.height() * 3 // 4 + _GAP + metrics.horizontalAdvance(badge_word(verdict))


def paint_badge(painter: QPainter, box: QRectF, theme: Theme, verdict: str) -> float:
    """Draw shape and word at the left of `box` in the painter's font; returns the width taken."""
    metrics, token = painter.fontMetrics(), _TOKENS.get(verdict)
    if token is None:
        return 0.0
    side = metrics.height() * 0.75
    circle = QRectF(box.left() + 1, box.center().y() - side / 2 + 0.5, side - 1, side - 1)
    colour = theme.colour(token)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if verdict == "wont_fit":
        pen = QPen(colour, 2.2)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        cross = circle.adjusted(1.5, 1.5, -1.5, -1.5)
        painter.drawLine(cross.topLeft(), cross.bottomRight())
        painter.drawLine(cross.topRight(), cross.bottomLeft())
    else:
        painter.setPen(QPen(colour, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(circle)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        inside = circle.adjusted(2, 2, -2, -2) if _FILLED[verdict] < 1 else circle
        painter.drawPie(inside, 90 * 16, round(-360 * 16 * _FILLED[verdict]))
    painter.setPen(theme.colour("text"))
    left = box.left() + side + _GAP
    base = box.center().y() + (metrics.ascent() - metrics.descent()) / 2
    word = badge_word(verdict)
    painter.drawText(QPointF(left, base), word)
    painter.restore()
    return side + _GAP + metrics.horizontalAdvance(word)


class FitBadge(Translated, QWidget):
    """The badge as a widget; `tell` says the binding resource in its tooltip."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._verdict = ""
        self.setFont(theme.font(semibold=True))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def verdict(self) -> str:
        return self._verdict

    def show_verdict(self, verdict: str, why: str = "") -> None:
        """Args: verdict: "gpu", "experts_on_cpu", "partial", "cpu", "wont_fit", or "" for none."""
        self._verdict = verdict
        self.setToolTip(why)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(badge_word(self._verdict))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = badge_width(self._verdict, metrics) + 2 if self._verdict else 0
        return QSize(width, metrics.height() + 4)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        paint_badge(painter, QRectF(self.rect()), self._theme, self._verdict)
