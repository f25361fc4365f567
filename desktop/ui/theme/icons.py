"""Icons: our own SVG outlines, tinted with a token, sharp at every scale."""

from __future__ import annotations

import weakref

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from desktop.core.paths import resources
from desktop.ui.theme.theme import Theme


class _TintedEngine(QIconEngine):
    """Draws an SVG whose `currentColor` is a token of the theme, read at each paint; what was drawn
    in a size and colour is kept."""

    def __init__(self, theme: Theme, svg: str, token: str) -> None:
        super().__init__()
        self._theme, self._svg, self._token = weakref.ref(theme), svg, token
        self._drawn: dict[tuple[str, int, int], QPixmap] = {}

    def clone(self) -> QIconEngine:
        theme = self._theme()
        assert theme is not None
        return _TintedEngine(theme, self._svg, self._token)

    def _colour(self, mode: QIcon.Mode) -> str:
        token = "disabled" if mode is QIcon.Mode.Disabled else self._token
        theme = self._theme()
        return "#808080" if theme is None else str(getattr(theme.tokens, token))

    def paint(self, painter: QPainter, rect: object, mode: QIcon.Mode, state: QIcon.State) -> None:
        svg = self._svg.replace("currentColor", self._colour(mode)).encode()
        QSvgRenderer(QByteArray(svg)).render(painter, QRectF(rect))  # type: ignore[call-overload]

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        key = (self._colour(mode), size.width(), size.height())
        if key not in self._drawn:
            pixmap = QPixmap(size)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            self.paint(painter, pixmap.rect(), mode, state)
            painter.end()
            self._drawn[key] = pixmap
        return self._drawn[key]


def icon(theme: Theme, name: str, token: str = "secondary") -> QIcon:
    """The icon `resources/icons/<name>.svg` in the colour of `token`; one for all who ask."""
    # WORKAROUND(PySide6 6.11 crashes when the cycle collector frees an icon whose engine is
    # written in Python, so icons belong to the theme and not to widgets, drop when it does not)
    found = theme.icons.get((name, token))
    if found is None:
        svg = (resources() / "icons" / f"{name}.svg").read_text("utf-8")
        found = theme.icons[name, token] = QIcon(_TintedEngine(theme, svg, token))
    return found
