"""Widgets below one another of which only those near what is seen exist: a long text costs no more
than a short one.

What is out of sight is a height. Columns may lie within columns: each hands on what part of it is
seen, and a place in the inner one can be found again after heights above it have changed.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from bisect import bisect_right
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

# Item, and a place within it: pixels from its top, or an anchor of the column it is.
Anchor = tuple[int, "Anchor | int"]

# So far beyond what is seen widgets are made, and further out they are let go again.
MAKE_PIXELS = 600
KEEP_PIXELS = 1800
# As long the making may take in one turn of the event loop; what is seen comes first.
_BUDGET_SECONDS = 0.012


class Nested:
    """Mixed into a widget that is a column or holds one."""

    @abstractmethod
    def look(self, top: int, bottom: int, until: float | None = None) -> None:
        """What part of the widget is seen, in its own coordinates; what is near is made.

        Args:
            top, bottom: in pixels from the widget's top.
            until: when to stop making (of `time.monotonic`); the rest is made in later turns of
                the event loop. None: as long as one turn may take.
        """

    @abstractmethod
    def anchor(self, y: int) -> Anchor | int:
        """A place in the widget that can be found again when heights have changed."""

    @abstractmethod
    def place(self, anchor: Anchor | int) -> int:
        """Where an anchor's place is now, in pixels from the top."""


@dataclass(slots=True)
class _Item:
    height: int
    top: int = 0
    measured: bool = False


class Column(Nested, QWidget):
    """The base: say what the items are with `make`, `estimate` and `may_let_go`.

    Signals:
        moved: heights changed, so things lie elsewhere now.
    """

    moved = Signal()

    def __init__(self, spacing: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spacing = spacing
        self._items: list[_Item] = []
        self._tops: list[int] = []
        self._made: dict[int, QWidget] = {}
        self._seen = (0, 0)
        self._making = False
        self._width = 0
        self._below = 0
        self._total = 0
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(0)
        self._rest.timeout.connect(self._on_rest_timeout)

    # --- what the items are -------------------------------------------------------------------

    @abstractmethod
    def make(self, index: int) -> QWidget:
        """The widget of an item, when it comes near."""

    @abstractmethod
    def estimate(self, index: int, width: int) -> int:
        """About how tall an item will be that was never made, in pixels."""

    def may_let_go(self, index: int, widget: QWidget) -> bool:
        """Whether a widget may be deleted while it is out of sight; a place to keep its state."""
        return True

    # --- items --------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        return len(self._items)

    def widget(self, index: int) -> QWidget | None:
        """The widget of an item, if it exists now."""
        return self._made.get(index)

    def widgets(self) -> list[QWidget]:
        """Those that exist now, from the top."""
        return [self._made[index] for index in sorted(self._made)]

    def set_count(self, count: int, first: int) -> None:
        """The items from `first` on are others now, and there are `count` in all."""
        for index in [index for index in self._made if index >= first]:
            self._let_go(index)
        del self._items[first:]
        width = self._width or 1
        self._items += [_Item(self.estimate(index, width)) for index in range(first, count)]
        self._lay_out(first)
        self._make_near(time.monotonic() + _BUDGET_SECONDS)

    def set_below(self, pixels: int) -> None:
        """Room at the end for what will come."""
        if pixels != self._below:
            self._below = pixels
            self._lay_out(len(self._items))

    def _let_go(self, index: int) -> None:
        widget = self._made.pop(index)
        widget.hide()
        widget.deleteLater()

    # --- where they are -----------------------------------------------------------------------

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if width != self._width and width > 0:
            self._set_width(width)
        return self._total

    def sizeHint(self) -> QSize:
        return QSize(200, self._total)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.width() != self._width:
            self._set_width(self.width())
        self._rest.start()
        super().resizeEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._measure()
        return super().event(event)

    def _set_width(self, width: int) -> None:
        before, self._width = self._width, width
        for index, item in enumerate(self._items):
            widget = self._made.get(index)
            if widget is not None:
                item.height = _height(widget, width)
            elif before and item.measured:
                item.height = max(1, item.height * before // width)
            else:
                item.height = self.estimate(index, width)
        self._lay_out(0)

    def _measure(self) -> None:
        first = None
        for index in sorted(self._made):
            height = _height(self._made[index], self._width)
            if height != self._items[index].height:
                self._items[index].height = height
                first = index if first is None else first
        if first is not None:
            self._lay_out(first)
            self._make_near(time.monotonic() + _BUDGET_SECONDS)

    def _lay_out(self, first: int) -> None:
        """Put the items from `first` on where they belong."""
        y = 0
        if first:
            before = self._items[first - 1]
            y = before.top + before.height + self._spacing
        del self._tops[first:]
        for index in range(first, len(self._items)):
            item = self._items[index]
            item.top = y
            self._tops.append(y)
            widget = self._made.get(index)
            if widget is not None:
                widget.setGeometry(0, y, self._width, item.height)
            y += item.height + self._spacing
        total = max(0, y - self._spacing) + self._below
        if total != self._total:
            self._total = total
            self.updateGeometry()
        self.moved.emit()

    def _at(self, y: int) -> int:
        return max(0, bisect_right(self._tops, y) - 1)

    # --- what is seen -------------------------------------------------------------------------

    def look(self, top: int, bottom: int, until: float | None = None) -> None:
        self._seen = (top, bottom)
        self._make_near(time.monotonic() + _BUDGET_SECONDS if until is None else until)

    def _on_rest_timeout(self) -> None:
        self._make_near(0.0, least=1)

    def _make_near(self, until: float, least: int = 0) -> None:
        if self._making or not self._items or self._width <= 0 or self._seen[0] >= self._seen[1]:
            return
        self._making = True  # what is made may move what is seen: the loop goes on from there
        try:
            while (index := self._next_missing()) is not None:
                if least <= 0 and time.monotonic() > until:
                    self._rest.start()
                    break
                least -= 1
                self._make(index)
            self._let_go_of_far()
        finally:
            self._making = False
        top, bottom = self._seen
        for index, widget in list(self._made.items()):
            if isinstance(widget, Nested):
                y = self._items[index].top
                widget.look(top - y, bottom - y, until)

    def _next_missing(self) -> int | None:
        """What is nearest to the middle of what is seen and has no widget yet."""
        top, bottom = self._seen
        middle = (top + bottom) // 2
        near = range(self._at(top - MAKE_PIXELS), self._at(bottom + MAKE_PIXELS) + 1)

        def distance(index: int) -> int:
            item = self._items[index]
            return max(item.top - middle, middle - item.top - item.height)

        return min((i for i in near if i not in self._made), key=distance, default=None)

    def _make(self, index: int) -> None:
        widget = self.make(index)
        widget.setParent(self)
        self._made[index] = widget
        item = self._items[index]
        height = _height(widget, self._width)
        item.measured = True
        widget.setGeometry(0, item.top, self._width, height)
        self._order(index, widget)
        widget.show()
        if height != item.height:
            item.height = height
            self._lay_out(index)

    def _order(self, index: int, widget: QWidget) -> None:
        """Tab goes from the top to the bottom, whatever was made first."""
        others = sorted(each for each in self._made if each != index)
        if not others or others[-1] < index:
            return  # Qt puts the newest last
        above = [each for each in others if each < index]
        last: QWidget = self
        if above:
            last = self._made[above[-1]]
            inside = _focusable(last)
            last = inside[-1] if inside else last
        for each in (widget, *_focusable(widget)):
            QWidget.setTabOrder(last, each)
            last = each

    def _let_go_of_far(self) -> None:
        top, bottom = self._seen
        for index, widget in list(self._made.items()):
            item = self._items[index]
            if top - KEEP_PIXELS <= item.top + item.height and item.top <= bottom + KEEP_PIXELS:
                continue
            focus = widget.window().focusWidget()
            held = focus is not None and (focus is widget or widget.isAncestorOf(focus))
            if not held and self.may_let_go(index, widget):
                self._let_go(index)

    def anchor(self, y: int) -> Anchor:
        if not self._items:
            return 0, y
        index = self._at(y)
        inside = y - self._items[index].top
        widget = self._made.get(index)
        return index, widget.anchor(inside) if isinstance(widget, Nested) else inside

    def place(self, anchor: Anchor | int) -> int:
        if isinstance(anchor, int) or not self._items:
            return anchor if isinstance(anchor, int) else 0
        index, inside = min(anchor[0], len(self._items) - 1), anchor[1]
        widget = self._made.get(index)
        if isinstance(widget, Nested):
            inside = widget.place(inside)
        return self._items[index].top + (inside if isinstance(inside, int) else 0)


def _height(widget: QWidget, width: int) -> int:
    if widget.hasHeightForWidth():
        return max(1, widget.heightForWidth(width))
    return max(1, widget.sizeHint().height())


def _focusable(widget: QWidget) -> list[QWidget]:
    return [
        each
        for each in widget.findChildren(QWidget)
        if each.focusPolicy() != Qt.FocusPolicy.NoFocus
    ]
