"""Icons: our own SVG outlines, tinted with a token, sharp at every scale."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from desktop.core.paths import resources
from desktop.ui.theme.theme import Theme


class _TintedEngine(QIconEngine):
    """Draws an SVG whose `currentColor` is a token of the theme, read at each paint."""

    def __init__(self, theme: Theme, svg: str, token: str) -> None:
        super().__init__()
        self._theme, self._svg, self._token = theme, svg, token

    def clone(self) -> QIconEngine:
        return _TintedEngine(self._theme, self._svg, self._token)

    def paint(self, painter: QPainter, rect: object, mode: QIcon.Mode, state: QIcon.State) -> None:
        token = "disabled" if mode is QIcon.Mode.Disabled else self._token
        colour = getattr(self._theme.tokens, token)
        svg = self._svg.replace("currentColor", colour).encode()
        QSvgRenderer(QByteArray(svg)).render(painter, QRectF(rect))  # type: ignore[call-overload]

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap


def icon(theme: Theme, name: str, token: str = "secondary") -> QIcon:
    """The icon `resources/icons/<name>.svg` in the colour of `token`."""
    svg = (resources() / "icons" / f"{name}.svg").read_text("utf-8")
    return QIcon(_TintedEngine(theme, svg, token))
