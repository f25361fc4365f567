"""A page of the window: title on the left, its one primary action on the right, content below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.widgets.base import GAP, MARGIN, Text


class Page(Translated, QWidget):
    """The frame of a page. Subclasses fill `content` and may put buttons into `tools`.

    The shell calls `shown` each time the page comes to the front and `hidden` when it goes.
    """

    name = ""  # "chat", "library", "server", "bench", "machine": also its icon's name

    def __init__(self, context: Context, *, full_width: bool = True) -> None:
        super().__init__()
        self.context = context
        self.heading = Text(context.theme, role="title")
        self.tools = QHBoxLayout()
        self.tools.setSpacing(GAP)
        header = QHBoxLayout()
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
            line.addWidget(inner, 100)
            line.addStretch(1)
            layout.addLayout(line, 1)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, False)

    def title(self) -> str:
        """What stands above the content, in the user's language; pages say their own."""
        return self.name

    def retranslate(self) -> None:
        self.heading.setText(self.title())

    def shown(self) -> None:
        """The page came to the front."""

    def hidden(self) -> None:
        """Another page came to the front."""
