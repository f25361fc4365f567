"""Colours that can be read, and one switch that repaints everything."""

from __future__ import annotations

import gc

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.theme.tokens import (
    CONTRAST_DARK,
    CONTRAST_LIGHT,
    DARK,
    LIGHT,
    Tokens,
    contrast,
    mixed,
)
from desktop.ui.widgets.base import Button, Surface, Text, column
from desktop.ui.widgets.parts import IconLabel

ALL = (LIGHT, DARK, CONTRAST_LIGHT, CONTRAST_DARK)
# Disabled texts are left out, as WCAG does: they are not there to be read.
TEXTS = ("text", "secondary", "info", "warning", "error", "accent")
GROUNDS = ("window", "surface", "raised", "hover", "tint")


def _least(tokens: Tokens) -> float:
    return 7.0 if tokens in (CONTRAST_LIGHT, CONTRAST_DARK) else 4.5


@pytest.mark.parametrize("tokens", ALL, ids=lambda tokens: tokens.name)
def test_every_text_can_be_read_on_every_ground(tokens: Tokens) -> None:
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs.append(("on_accent", "accent"))
    weak = [
        f"{text} on {ground}: {found:.2f}"
        for text, ground in pairs
        if (found := contrast(getattr(tokens, text), getattr(tokens, ground))) < _least(tokens)
    ]
    assert not weak, weak


@pytest.mark.parametrize("tokens", ALL, ids=lambda tokens: tokens.name)
def test_chart_lines_can_be_seen_and_told_apart(tokens: Tokens) -> None:
    """WCAG 1.4.11 asks 3 : 1 of what is not text."""
    assert len(set(tokens.series)) == len(tokens.series) >= 6
    assert all(contrast(colour, tokens.surface) >= 3 for colour in tokens.series)


def test_the_measure_is_the_standards() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert mixed("#000000", "#FFFFFF", 0.5) == "#808080"


def _share(widget: object, colour: QColor) -> float:
    """How much of what a widget shows has this colour."""
    image = widget.grab().toImage()  # type: ignore[attr-defined]
    points = [
        image.pixelColor(x, y) for x in range(0, image.width(), 3) for y in range(image.height())
    ]
    return sum(point.name() == colour.name() for point in points) / len(points)


@pytest.mark.parametrize("mode", ["light", "dark", "contrast"])
def test_a_switch_repaints_what_is_there(qtbot: QtBot, theme: Theme, mode: str) -> None:
    theme.set_mode("dark" if mode == "light" else "light")
    box = Surface(theme)
    qtbot.addWidget(box)
    label, button = Text(theme, "A text"), Button(theme, "Do it", "primary", "play")
    box.body.addLayout(column(label, button))
    box.show()
    box.grab()
    theme.set_mode(mode)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: _share(box, theme.colour("surface")) > 0.3)
    assert _share(button, theme.colour("accent")) > 0.3
    assert label.palette().color(QPalette.ColorRole.WindowText) == theme.colour("text")
    base = QPalette.ColorRole.Base
    qtbot.waitUntil(lambda: box.palette().color(base) == theme.colour("surface"))


def test_a_switch_is_told_once_and_only_when_something_changes(qtbot: QtBot, theme: Theme) -> None:
    said: list[bool] = []
    theme.changed.connect(lambda: said.append(True))
    theme.set_mode("light")
    assert not said
    theme.set_mode("dark")
    theme.set_mode("dark")
    assert len(said) == 1


def test_icons_take_the_colour_of_the_moment(qtbot: QtBot, theme: Theme) -> None:
    """The same QIcon, drawn before and after a switch."""
    drawn = icon(theme, "server", "text")

    def colours() -> set[str]:
        image = drawn.pixmap(64, 64).toImage()
        found = (image.pixelColor(x, y) for x in range(64) for y in range(64))
        return {point.name() for point in found if point.alpha() == 255}

    assert theme.colour("text").name() in colours()
    theme.set_mode("dark")
    assert colours() == {theme.colour("text").name()}


def test_the_whole_palette_is_ours(qapp: QApplication, theme: Theme) -> None:
    """No role is left to the platform, where a colour of another theme could come through."""
    theme.set_mode("dark")
    ours = {QColor(value).name() for value in vars(DARK).values() if str(value).startswith("#")}
    palette = qapp.palette()
    for role in QPalette.ColorRole:
        if role not in (QPalette.ColorRole.NoRole, QPalette.ColorRole.NColorRoles):
            assert palette.color(QPalette.ColorGroup.Active, role).name() in ours, role


def test_font_sizes_are_steps_of_the_systems(qapp: QApplication, theme: Theme) -> None:
    body = theme.font().pointSizeF()
    assert theme.font(-1).pointSizeF() == body - 1
    assert theme.font(8).pointSizeF() == body + 8


def test_icons_outlive_widgets_that_only_the_collector_frees(theme: Theme) -> None:
    """PySide crashes where it frees an icon with an engine in Python: the theme keeps them."""
    for _ in range(60):
        labels = [IconLabel(theme, name) for name in ("search", "info")]
        for label in labels:
            label.all = labels  # type: ignore[attr-defined]
        del label, labels
    gc.collect()
    assert set(theme.icons) == {("search", "secondary"), ("info", "secondary")}
    assert icon(theme, "search") is icon(theme, "search")
