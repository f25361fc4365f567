"""What is wrong with a widget tree as it stands on the screen: each check yields its findings.

They look at what is visible now: geometry, the accessibility interface, the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QAccessible, QFontMetrics, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollBar,
    QStyle,
    QStyleOptionComboBox,
    QTableView,
    QTextEdit,
    QWidget,
)

from desktop.ui.shell.rail import NARROW, RailButton
from desktop.ui.theme.tokens import Tokens, contrast
from desktop.ui.widgets.base import Button
from desktop.ui.widgets.sidepanel import SidePanel
from desktop.ui.widgets.tables import PADDING

# They lie over others on purpose.
_OVERLAYS = {"Toast", "FirstRun", "DropOverlay", "Palette", "DownloadsPanel"}
# Their insides are Qt's, or a library's.
_CLOSED = (
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTextEdit,
)
_CLOSED_NAMES = {"PlotWidget", "GraphicsView"}
_INTERACTIVE = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
_ELLIPSIS = "…"


@dataclass(frozen=True)
class Problem:
    """One finding. `where` names the widget by its place in the tree."""

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.what}"


def name_of(widget: QWidget) -> str:
    """The way to a widget: "MainWindow > LibraryPage > Text “3 models”"."""
    way = []
    each: QWidget | None = widget
    while each is not None:
        kind = type(each).__name__
        if kind not in ("QWidget", "QStackedWidget", "QScrollArea") or each is widget:
            way.append(each.objectName() or kind)
        each = each.parentWidget()
    text = widget.text() if isinstance(widget, (QLabel, QAbstractButton, QLineEdit)) else ""
    return " > ".join(reversed(way)) + (f" “{text[:60]}”" if text else "")


def _closed(widget: QWidget) -> bool:
    return isinstance(widget, _CLOSED) or type(widget).__name__ in _CLOSED_NAMES


def visible_tree(top: QWidget) -> list[QWidget]:
    """Every visible widget of ours; what lies inside a field of Qt's is left to Qt."""
    found, waiting = [], [top]
    while waiting:
        widget = waiting.pop(0)
        found.append(widget)
        if _closed(widget):
            continue
        for child in widget.children():
            if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
                waiting.append(child)
    return found


# --- texts that are cut ---------------------------------------------------------------------------


def clipped(widget: QWidget) -> Iterator[Problem]:
    """Texts that do not fit into the widget that paints them."""
    if isinstance(widget, QLabel):
        yield from _clipped_label(widget)
    elif isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        style = QStyle.SubControl.SC_ComboBoxEditField
        control = QStyle.ComplexControl.CC_ComboBox
        room = widget.style().subControlRect(control, option, style, widget).width()
        yield from _too_wide(widget, widget.currentText(), room)
    elif isinstance(widget, QAbstractSpinBox):
        edit = widget.findChild(QLineEdit)
        if edit is not None:
            yield from _too_wide(widget, edit.text(), edit.contentsRect().width())
    elif isinstance(widget, QLineEdit):
        margins = widget.textMargins()
        room = widget.contentsRect().width() - margins.left() - margins.right() - 4
        if not widget.text():
            yield from _too_wide(widget, widget.placeholderText(), room)
    elif isinstance(widget, Button):
        told = widget.shrinks and widget.toolTip()
        hint = widget.minimumSizeHint() if told else widget.sizeHint()
        needed = hint - QSize(24, 8)  # of its margins, a part may go
        if widget.width() < needed.width() or widget.height() < needed.height():
            yield _squashed(widget, needed)
    elif isinstance(widget, RailButton) and widget.width() > NARROW:
        needed = widget.sizeHint()
        if widget.width() < needed.width() or widget.height() < needed.height():
            yield _squashed(widget, needed)
    if isinstance(widget, QTableView):
        yield from _clipped_cells(widget)
    if isinstance(widget, QTextEdit) and widget.isReadOnly():
        document, view = widget.document(), widget.viewport()
        wide = document.size().width() > view.width() + 1
        never = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        if wide and widget.horizontalScrollBarPolicy() is never:
            yield Problem("clipped", name_of(widget), f"its text is wider than {view.width()}")


def _clipped_label(label: QLabel) -> Iterator[Problem]:
    text = label.text().replace("\u200b", "")
    if not text or label.pixmap().width():
        return
    if text.endswith(_ELLIPSIS) and _was_elided(label):
        yield Problem("elided without tooltip", name_of(label), text)
    room, metrics = label.contentsRect(), QFontMetrics(label.font())
    indent = max(0, label.indent()) + 2 * label.margin()
    width, height = room.width() - indent, room.height()
    if label.wordWrap():
        flags = int(Qt.TextFlag.TextWordWrap)
        needed = metrics.boundingRect(QRect(0, 0, width, 100_000), flags, label.text())
        if needed.width() > width + 1:
            yield Problem("clipped", name_of(label), f"{needed.width()} wide in {width}")
        if needed.height() > height + 1:
            yield Problem("clipped", name_of(label), f"{needed.height()} high in {height}")
        return
    needed_width = max(metrics.horizontalAdvance(line) for line in text.split("\n"))
    if needed_width > width + 1:
        yield Problem("clipped", name_of(label), f"{needed_width} wide in {width}")
    if metrics.height() * (1 + text.count("\n")) > height + 3:
        yield Problem("clipped", name_of(label), f"{metrics.height()} high in {height}")


def _was_elided(label: QLabel) -> bool:
    """Texts such as "Reading …" end so by themselves, with a space before or after a word; what was
    cut fills its room."""
    full = label.fontMetrics().horizontalAdvance(label.text()) > label.width() - 24
    return full and not label.toolTip() and not label.text().endswith((" …", "…”"))


def _too_wide(widget: QWidget, text: str, room: int) -> Iterator[Problem]:
    needed = widget.fontMetrics().horizontalAdvance(text)
    if needed > room + 1 and not widget.toolTip():
        yield Problem("clipped", name_of(widget), f"“{text}” is {needed} wide in {room}")


def _squashed(widget: QWidget, needed: QSize) -> Problem:
    return Problem(
        "squashed",
        name_of(widget),
        f"{widget.width()}×{widget.height()} where {needed.width()}×{needed.height()} are needed",
    )


def squashed(widget: QWidget) -> Iterator[Problem]:
    """Widgets smaller than they say they can be: what they paint does not fit."""
    least = widget.minimumSizeHint()
    own = type(widget).minimumSizeHint is not QWidget.minimumSizeHint
    if own and widget.layout() is None and not isinstance(widget, (QLabel, QAbstractScrollArea)):
        maximum = widget.maximumSize()
        needed = least.boundedTo(maximum)
        if widget.width() + 1 < needed.width() or widget.height() + 1 < needed.height():
            yield _squashed(widget, needed)


def _clipped_cells(table: QTableView) -> Iterator[Problem]:
    model, header = table.model(), table.horizontalHeader()
    shown = [c for c in range(model.columnCount()) if not table.isColumnHidden(c)]
    titles = QFontMetrics(header.font())
    for column in shown:
        title = str(model.headerData(column, Qt.Orientation.Horizontal) or "")
        room = table.columnWidth(column) - 2 * PADDING
        if titles.horizontalAdvance(title) > room + 1:
            yield Problem("clipped", f"{name_of(table)} title", f"“{title}” in {room}")
        for row in range(min(model.rowCount(), 40)):
            index = model.index(row, column)
            cell = table.visualRect(index)
            if not cell.intersects(table.viewport().rect()):
                continue
            text = str(index.data() or "")
            needed = table.fontMetrics().horizontalAdvance(text)
            if needed > cell.width() - 2 * PADDING + 1 and not index.data(
                Qt.ItemDataRole.ToolTipRole
            ):
                where = f"{name_of(table)} row {row}, “{title}”"
                what = f"“{text}” is cut to {cell.width() - 2 * PADDING} and has no tooltip"
                yield Problem("elided without tooltip", where, what)
    right = sum(table.columnWidth(column) for column in shown)
    bar = table.horizontalScrollBar()
    if right > table.viewport().width() + 1 and not bar.isVisible():
        what = f"{right} wide in {table.viewport().width()}"
        yield Problem("columns cut off", name_of(table), what)


# --- places ---------------------------------------------------------------------------------------


def misplaced(widget: QWidget) -> Iterator[Problem]:
    """Children outside this widget, or over one another."""
    if _closed(widget) or isinstance(widget, (QAbstractScrollArea, QHeaderView)):
        return
    children = [
        child
        for child in widget.children()
        if isinstance(child, QWidget)
        and child.isVisible()
        and not child.isWindow()
        and type(child).__name__ not in _OVERLAYS
        and not child.size().isEmpty()
    ]
    parent = widget.parentWidget()
    scrolled = isinstance(parent, QAbstractScrollArea) and parent.viewport() is widget
    for child in () if scrolled else children:
        if not widget.rect().adjusted(-1, -1, 1, 1).contains(child.geometry()):
            place, size = child.geometry().getRect(), widget.size().toTuple()
            yield Problem("outside its parent", name_of(child), f"{place} in {size}")
    for number, one in enumerate(children):
        for other in children[number + 1 :]:
            if any(isinstance(each, SidePanel) for each in (one, other)):
                continue
            both = one.geometry().intersected(other.geometry())
            if both.width() > 1 and both.height() > 1:
                yield Problem("overlap", name_of(one), f"{name_of(other)} {both.getRect()}")


# --- names ----------------------------------------------------------------------------------------


def unnamed(widget: QWidget) -> Iterator[Problem]:
    """What hands can use must have a name to be read out; what is only an icon, a tooltip too."""
    if not isinstance(widget, _INTERACTIVE) or isinstance(widget, QScrollBar):
        return
    if isinstance(widget, QHeaderView):
        return
    if isinstance(widget, QTextEdit) and widget.isReadOnly() and widget.toPlainText():
        return  # it says itself
    face = QAccessible.queryAccessibleInterface(widget)
    name = face.text(QAccessible.Text.Name) if face is not None else ""
    if isinstance(widget, (QTextEdit, QPlainTextEdit)):
        name = name or widget.accessibleName()
    if not name.strip():
        yield Problem("no accessible name", name_of(widget), "")
    if isinstance(widget, QAbstractButton) and not widget.text() and not widget.toolTip():
        yield Problem("no tooltip", name_of(widget), name)


# --- language -------------------------------------------------------------------------------------

_PHRASE = re.compile(r"\b[A-Za-z][a-z']+ [a-z']+ [a-z']+ ?[a-z']*")


def texts_of(widget: QWidget) -> Iterator[str]:
    """Everything this widget says."""
    yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription())
    if widget.isWindow():
        yield widget.windowTitle()
    if isinstance(widget, (QLabel, QAbstractButton)):
        yield widget.text()
    if isinstance(widget, (QLineEdit, QPlainTextEdit, QTextEdit)):
        yield widget.placeholderText()
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(n) for n in range(widget.count()))
    if isinstance(widget, QAbstractSpinBox):
        yield from (widget.specialValueText(), widget.text())
    if isinstance(widget, QMenu):
        yield from (action.text() for action in widget.actions())
    if isinstance(widget, QTableView):
        model = widget.model()
        for column in range(model.columnCount()):
            yield str(model.headerData(column, Qt.Orientation.Horizontal) or "")
            for row in range(min(model.rowCount(), 40)):
                for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
                    yield str(model.index(row, column).data(role) or "")


class English:
    """The source texts of the window; `left_in` finds them in what should be Japanese."""

    def __init__(self, catalogue: dict[tuple[str, str], str], data: frozenset[str]) -> None:
        """Args: data: texts of the made-up service, which are nobody's to translate."""
        differ = {source for (_, source), text in catalogue.items() if source != text}
        known = [re.escape(each) for each in sorted(data, key=len, reverse=True)]
        self._not_ours = re.compile("|".join([*known, r"「paddock [^」]+」", r"`paddock [^`]+`"]))
        self._plain = {source for source in differ if "{" not in source}
        self._patterns = [
            re.compile(
                ".+".join(re.escape(part) for part in re.split(r"\{\w+\}|%n", source)), re.DOTALL
            )
            for source in differ
            if "{" in source and len(re.findall("[A-Za-z]", re.sub(r"\{\w+\}", "", source))) > 3
        ]

    def left_in(self, text: str) -> str | None:
        """The English that is left in this text, or None."""
        text = self._not_ours.sub("", text)
        for part in (text, *re.split(r" · |\n|(?<=[.。]) ", text)):
            bare = re.sub(r"^[^\w“]+ |^[✓✕●○◔■~→⚠] ?", "", part).strip()
            if bare in self._plain or any(p.fullmatch(bare) for p in self._patterns):
                return bare
            if found := _PHRASE.search(bare):
                return found[0]
        return None


def untranslated(widget: QWidget, english: English) -> Iterator[Problem]:
    for text in texts_of(widget):
        left = english.left_in(text)
        if left is not None:
            yield Problem("left in English", name_of(widget), f"“{left}”")


# --- colours --------------------------------------------------------------------------------------


def pixels(image: QImage) -> np.ndarray:
    """height × width numbers 0xRRGGBB."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    lines = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)
    return lines[:, : image.width()] & 0xFFFFFF


def _covers(overlay: QWidget, widget: QWidget) -> bool:
    if overlay is widget or overlay.isAncestorOf(widget) or widget.isAncestorOf(overlay):
        return False
    place = QRect(widget.mapToGlobal(QPoint()), widget.size())
    return place.intersects(QRect(overlay.mapToGlobal(QPoint()), overlay.size()))


def faint(top: QWidget, widgets: list[QWidget], tokens: Tokens) -> Iterator[Problem]:
    """Texts whose strongest pixel does not stand out from their ground as it must.

    The ground is the colour most of the widget's pixels have; disabled ones are left out, as the
    WCAG does.
    """
    image = top.grab().toImage()
    scale, screen = image.devicePixelRatio(), pixels(image)
    least = 7.0 if "contrast" in tokens.name else 4.5
    over = [
        each for each in widgets if type(each).__name__ in _OVERLAYS or isinstance(each, SidePanel)
    ]
    for widget in widgets:
        if any(_covers(each, widget) for each in over):
            continue
        texts = isinstance(widget, (QLabel, QAbstractButton)) and widget.text().strip()
        if not texts or not widget.isEnabled():
            continue
        seen = widget.visibleRegion().boundingRect()
        if seen.height() < widget.height() or seen.width() < widget.width() * 0.5:
            continue  # scrolled half out of sight
        place = widget.mapTo(top, seen.topLeft()) if widget is not top else QPoint()
        x, y = round(place.x() * scale), round(place.y() * scale)
        part = screen[y : y + round(seen.height() * scale), x : x + round(seen.width() * scale)]
        colours, counts = np.unique(part, return_counts=True)
        if len(colours) < 2:
            continue  # scrolled to where only its margin can be seen
        ground = f"#{colours[counts.argmax()]:06X}"
        best = max(contrast(f"#{colour:06X}", ground) for colour in colours)
        if best < least:
            what = f"{best:.1f} : 1 on {ground}, {least} are needed"
            yield Problem("faint", name_of(widget), what)


# --- all of it ------------------------------------------------------------------------------------


def problems(top: QWidget, tokens: Tokens, english: English | None = None) -> list[Problem]:
    """Everything wrong with what `top` shows now. `english`: where Japanese is on."""
    found: list[Problem] = []
    widgets = visible_tree(top)
    for widget in widgets:
        for check in (clipped, squashed, misplaced, unnamed):
            found += check(widget)
        if english is not None:
            found += untranslated(widget, english)
    found += faint(top, widgets, tokens)
    return found
