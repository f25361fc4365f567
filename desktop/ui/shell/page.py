"""A page of the window: title on the left, its one primary action on the right, content below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.widgets.base import GAP, MARGIN, Text

BAR_ROOM = 16  # of the margin on the right: a scroll bar stands in it


class ScrollingColumn(QScrollArea):
    """What is too high for its page, as wide with a scroll bar as without."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self._inside = inside
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        for each in (self.viewport(), inside):
            each.setAutoFillBackground(False)
        self.verticalScrollBar().rangeChanged.connect(self._on_range_changed)
        self._on_range_changed(0, 0)

    def _on_range_changed(self, low: int, high: int) -> None:
        layout = self._inside.layout()
        assert layout is not None
        taken = self.verticalScrollBar().sizeHint().width() if high > low else 0
        margins = layout.contentsMargins()
        margins.setRight(max(0, BAR_ROOM - taken))
        layout.setContentsMargins(margins)


class Page(Translated, QWidget):
    """The frame of a page. Subclasses fill `content` and may put buttons into `tools`.

    The shell calls `shown` each time the page comes to the front and `hidden` when it goes.
    """

    name = ""  # of the page and of its icon: a key of `page_makers` in app.py

    def __init__(self, context: Context, *, full_width: bool = True) -> None:
        super().__init__()
        self.context = context
        self.heading = Text(context.theme, role="title")
        self.tools = QHBoxLayout()
        self.tools.setSpacing(GAP)
        header = self._header = QHBoxLayout()
        header.addStrut(max(36, self.fontMetrics().height() + 16))  # the same on every page
        header.addWidget(self.heading)
        header.addStretch(1)
        header.addLayout(self.tools)
        self.content = QVBoxLayout()
        self.content.setSpacing(16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, 16, MARGIN, 16)
        layout.setSpacing(16)
        layout.addLayout(header)
        if full_width:
            layout.addLayout(self.content, 1)
        else:  # where lines are read: at most 1,100 wide
            inner = QWidget()
            inner.setMaximumWidth(1100)
            inner.setLayout(self.content)
            self.content.setContentsMargins(0, 0, 0, 0)
            line = QHBoxLayout()
            line.addWidget(inner, 10_000)
            line.addStretch(1)
            layout.addLayout(line, 1)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, False)

    def add_scrolled(self, inside: QWidget) -> ScrollingColumn:
        """Fill the content with `inside`, which may be higher: its scroll bar stands in the margin,
        so that what scrolls is as wide as the header."""
        self.leave_bar_room()
        area = ScrollingColumn(inside)
        self.content.addWidget(area, 1)
        return area

    def leave_bar_room(self) -> None:
        """Give `BAR_ROOM` of the right margin to the content, for scroll bars in it."""
        frame = self.layout()
        assert frame is not None
        margins = frame.contentsMargins()
        margins.setRight(MARGIN - BAR_ROOM)
        frame.setContentsMargins(margins)
        self._header.addSpacing(BAR_ROOM)

    def title(self) -> str:
        """What stands above the content, in the user's language; pages say their own."""
        return self.name

    def retranslate(self) -> None:
        self.heading.setText(self.title())

    def tells_failure_of(self, model: str) -> bool:
        """Whether it tells in place that this model failed: the window says nothing then."""
        return False

    def panes(self) -> list[QWidget]:
        """Its parts that F6 goes through."""
        return [self]

    def show_model(self, model: str) -> None:
        """Show the library's model of this id, or have it ready to be used; after `shown`."""

    def shown(self) -> None:
        """The page came to the front."""

    def hidden(self) -> None:
        """Another page came to the front."""
