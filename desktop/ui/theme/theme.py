"""From tokens to Qt: palette, fonts, and following what the system prefers."""

from __future__ import annotations

import sys
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontInfo,
    QFontMetrics,
    QGuiApplication,
    QIcon,
    QPalette,
)
from PySide6.QtWidgets import QApplication

from desktop.ui.theme.style import CalmStyle
from desktop.ui.theme.tokens import CONTRAST_DARK, CONTRAST_LIGHT, DARK, LIGHT, Tokens

Mode = Literal["system", "light", "dark", "contrast"]
_MONOSPACED = ("Cascadia Mono", "SF Mono", "DejaVu Sans Mono", "Noto Sans Mono CJK JP")
_JAPANESE = "Noto Sans CJK JP"
MODES: tuple[Mode, ...] = ("system", "light", "dark", "contrast")


def palette_of(tokens: Tokens) -> QPalette:
    """A whole palette: nothing is left to a platform that might mix its own colours in."""
    palette = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.window,
        role.WindowText: tokens.text,
        role.Base: tokens.surface,
        role.AlternateBase: tokens.window,
        role.Text: tokens.text,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.error,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.secondary,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Link: tokens.info,
        role.LinkVisited: tokens.info,
        role.Light: tokens.raised,
        role.Midlight: tokens.line,
        role.Mid: tokens.line_strong,
        role.Dark: tokens.line_strong,
        role.Shadow: tokens.line,
        role.Accent: tokens.accent,
    }
    for each, colour in colours.items():
        palette.setColor(each, QColor(colour))
    disabled = QPalette.ColorGroup.Disabled
    for each in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(disabled, each, QColor(tokens.disabled))
    palette.setColor(disabled, role.Highlight, QColor(tokens.line))
    return palette


class Theme(QObject):
    """The colours and fonts in use. Widgets read `tokens` when they paint and repaint on `changed`.

    Fonts are steps from the system's own: caption -1, body 0, title +3, figure +8 points.
    """

    changed = Signal()

    def __init__(self, application: QApplication, mode: Mode = "system") -> None:
        super().__init__(application)
        self._application = application
        self.icons: dict[tuple[str, str], QIcon] = {}  # by name and colour: see `icons.icon`
        self._base = QFont(application.font())
        if sys.platform.startswith("linux"):
            # Else digits among Japanese words come from whichever font has those.
            self._base.setFamilies([QFontInfo(self._base).family(), _JAPANESE])
            application.setFont(self._base)
        self._mode: Mode = mode
        if sys.platform != "darwin":
            application.setStyle(CalmStyle())
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_system_changed)
        self.tokens = self._chosen()
        self._apply()

    @property
    def mode(self) -> Mode:
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        self._mode = mode
        self._refresh()

    def _on_system_changed(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        tokens = self._chosen()
        if tokens != self.tokens:
            self.tokens = tokens
            self._apply()
            self.changed.emit()

    def _chosen(self) -> Tokens:
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        if self._mode == "contrast":
            return CONTRAST_DARK if dark else CONTRAST_LIGHT
        if self._mode == "system":
            return DARK if dark else LIGHT
        return DARK if self._mode == "dark" else LIGHT

    def _apply(self) -> None:
        self._application.setPalette(palette_of(self.tokens))

    def colour(self, name: str) -> QColor:
        """A token as a colour: `theme.colour("accent")`."""
        return QColor(getattr(self.tokens, name))

    def font(self, step: int = 0, *, semibold: bool = False, tabular: bool = False) -> QFont:
        """The base font, `step` points larger; tabular digits where figures stand in columns."""
        font = QFont(self._base)
        font.setPointSizeF(max(6.0, self._base_points() + step))
        if semibold:
            font.setWeight(QFont.Weight.DemiBold)
        if tabular:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def icon_side(self, pixels: int) -> int:
        """The side of an icon that is `pixels` at letters of the usual size (14 to 16 high)."""
        height = QFontMetrics(self._base).height()
        return max(pixels, round(pixels * height / 16))

    def mono(self, step: int = 0) -> QFont:
        """A monospaced font for code, paths, ids and keys."""
        font = QFont(self._base)
        font.setFamilies([*_MONOSPACED, "monospace"])
        font.setStyleHint(QFont.StyleHint.Monospace)
        font.setPointSizeF(max(6.0, self._base_points() + step))
        return font

    def _base_points(self) -> float:
        size = self._base.pointSizeF()
        return size if size > 0 else QFontInfo(self._base).pointSizeF()
