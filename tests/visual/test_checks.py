"""The checks find what they are for, and leave alone what is right."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before the first import of Qt

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.core.paths import resources
from desktop.ui.i18n import read_catalogue
from desktop.ui.theme.theme import Theme
from desktop.ui.theme.tokens import CONTRAST_LIGHT, LIGHT
from desktop.ui.widgets.base import Button, IconButton, Text
from desktop.ui.widgets.tables import DataTable
from tests.visual.checks import English, problems


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    palette, font = qapp.palette(), qapp.font()
    theme = Theme(qapp, "light")
    yield theme
    qapp.setPalette(palette)
    qapp.setFont(font)
    theme.deleteLater()


@pytest.fixture
def box(theme: Theme) -> Iterator[QWidget]:
    box = QWidget()
    box.resize(600, 400)
    box.show()
    yield box
    box.close()
    box.deleteLater()


def put(box: QWidget, widget: QWidget, *place: int) -> QWidget:
    widget.setParent(box)
    widget.setGeometry(*place)
    widget.show()
    return widget


def kinds(box: QWidget, english: English | None = None) -> list[str]:
    return sorted({problem.kind for problem in problems(box, LIGHT, english)})


LONG = "A text that is longer than the little room it has been given here"


@pytest.fixture
def english() -> English:
    return English(read_catalogue(resources() / "i18n" / "ja"), frozenset(["not for you to say"]))


def test_a_label_that_is_too_narrow_or_too_low_is_found(box: QWidget, theme: Theme) -> None:
    label = put(box, Text(theme, LONG), 10, 10, 560, 30)
    assert kinds(box) == []
    label.resize(120, 30)
    assert kinds(box) == ["clipped"]
    label.setWordWrap(True)
    assert kinds(box) == ["clipped"]  # three lines are higher than 30 pixels
    label.resize(120, 200)
    assert kinds(box) == []


def test_a_cut_word_of_a_wrapped_label_is_found(box: QWidget, theme: Theme) -> None:
    put(box, Text(theme, "averylongwordwithnoplacetobreakit", wrap=True), 10, 10, 60, 200)
    assert kinds(box) == ["clipped"]


def test_a_button_smaller_than_its_text_is_found(box: QWidget, theme: Theme) -> None:
    button = put(box, Button(theme, LONG), 10, 10, 560, 40)
    assert kinds(box) == []
    button.resize(200, 40)
    assert kinds(box) == ["squashed"]


def test_a_button_may_be_cut_where_its_tooltip_says_it_all(box: QWidget, theme: Theme) -> None:
    button = put(box, Button(theme, LONG, shrinks=True), 10, 10, 200, 40)
    assert kinds(box) == ["squashed"]
    button.setToolTip(LONG)
    assert kinds(box) == []


def test_a_placeholder_that_is_cut_is_found(box: QWidget) -> None:
    field = QLineEdit()
    field.setPlaceholderText(LONG)
    field.setAccessibleName("A field")
    put(box, field, 10, 10, 150, 30)
    assert kinds(box) == ["clipped"]


def test_cells_and_titles_of_tables_are_looked_at(qtbot: QtBot, box: QWidget, theme: Theme) -> None:
    model = QStandardItemModel(1, 1, box)
    model.setItem(0, 0, QStandardItem(LONG))
    model.setHorizontalHeaderLabels(["A title"])
    table = DataTable(theme)
    table.setAccessibleName("A table")
    table.setModel(model)
    put(box, table, 0, 0, 600, 200)
    table.setColumnWidth(0, 580)
    assert kinds(box) == []
    table.setColumnWidth(0, 100)
    assert kinds(box) == ["elided without tooltip"]
    model.item(0, 0).setToolTip(LONG)
    assert kinds(box) == []
    table.setColumnWidth(0, 30)
    assert kinds(box) == ["clipped"]
    table.setColumnWidth(0, 900)
    qtbot.waitUntil(table.horizontalScrollBar().isVisible)
    assert kinds(box) == []  # its scroll bar shows that there is more
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    assert kinds(box) == ["columns cut off"]


def test_what_lies_over_or_outside_is_found(box: QWidget, theme: Theme) -> None:
    put(box, Text(theme, "One"), 10, 10, 100, 30)
    other = put(box, Text(theme, "Two"), 10, 60, 100, 30)
    assert kinds(box) == []
    other.move(50, 20)
    assert kinds(box) == ["overlap"]
    other.move(560, 60)
    assert kinds(box) == ["outside its parent"]


def test_widgets_without_a_name_are_found(box: QWidget, theme: Theme) -> None:
    field = put(box, QLineEdit(), 10, 10, 100, 30)
    button = put(box, IconButton(theme, "copy", ""), 150, 10, 30, 30)
    assert kinds(box) == ["no accessible name", "no tooltip"]
    field.setAccessibleName("A field")
    assert isinstance(button, IconButton)
    button.set_name("Copy")
    assert kinds(box) == []


def test_a_label_names_its_field(box: QWidget) -> None:
    label, field = QLabel("Name"), QLineEdit()
    label.setBuddy(field)
    layout = QHBoxLayout(box)
    layout.addWidget(label)
    layout.addWidget(field)
    QApplication.processEvents()
    assert kinds(box) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Settings", True),
        ("設定", False),
        ("7 models, 65.8 GiB", True),  # of a text with fields
        ("✓ Loaded", True),
        ("モデル · no GPU", True),
        ("モデル: nobody has translated this", True),
        ("not for you to say", False),  # a name from the data
        ("「paddock engine build --backend cuda」", False),
        ("qwen3-8b:q4_k_m", False),
        ("NVIDIA GeForce RTX 4090", False),
    ],
)
def test_english_is_found_among_japanese(
    box: QWidget, theme: Theme, english: English, text: str, left: bool
) -> None:
    put(box, Text(theme, text), 10, 10, 500, 30)
    assert kinds(box, english) == (["left in English"] if left else [])


def test_tooltips_and_names_are_read_too(box: QWidget, theme: Theme, english: English) -> None:
    button = put(box, IconButton(theme, "copy", "コピー"), 10, 10, 30, 30)
    assert kinds(box, english) == []
    button.setToolTip("Copy")
    assert kinds(box, english) == ["left in English"]


def test_grey_on_grey_is_found(box: QWidget, theme: Theme) -> None:
    label = put(box, Text(theme, "Quiet words"), 10, 10, 200, 30)
    assert isinstance(label, Text)
    assert kinds(box) == []
    label.set_token("disabled")
    assert kinds(box) == ["faint"]
    label.set_token("secondary")  # 5.7 : 1 on the light window
    assert kinds(box) == []
    assert [each.kind for each in problems(box, CONTRAST_LIGHT)] == ["faint"]


def test_what_is_disabled_may_be_faint(box: QWidget, theme: Theme) -> None:
    button = put(box, Button(theme, "Do it"), 10, 10, 100, 40)
    button.setEnabled(False)
    plain = put(box, QPushButton("Do it"), 150, 10, 100, 40)
    plain.setEnabled(False)
    assert kinds(box) == []
