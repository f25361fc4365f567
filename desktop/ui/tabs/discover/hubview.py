"""What the hub found: how it is sorted and sieved, the repositories, and when that was said."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.tabs.discover import hubwords
from desktop.ui.tabs.discover.getting import LocalModels
from desktop.ui.tabs.discover.hubgrid import RepoGrid, ReposModel
from desktop.ui.tabs.discover.hubsearch import HubSearch
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, Text, row
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import Banner, EmptyState
from desktop.ui.widgets.progressrow import ProgressRow

KINDS = ("gguf", "checkpoint", "all")
SORTS = ("trending", "downloads", "likes", "updated")
_B = 10**9
SIZES: tuple[tuple[int | None, int | None], ...] = (
    (None, None),
    (None, 4 * _B),
    (4 * _B, 10 * _B),
    (10 * _B, 35 * _B),
    (35 * _B, None),
)
LICENCES = (None, "apache-2.0", "mit")


class HubFilters(Translated, QWidget):
    """Signals:
    chosen: what is changed of the question, as keywords of `HubSearch.ask`.
    """

    chosen = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self.sort_box, self.kind_box = QComboBox(), QComboBox()
        self.size_box, self.licence_box = QComboBox(), QComboBox()
        for key in SORTS:
            self.sort_box.addItem("", key)
        for key in KINDS:
            self.kind_box.addItem("", key)
        for number, _ in enumerate(SIZES):
            self.size_box.addItem("", number)
        for licence in LICENCES:
            self.licence_box.addItem("", licence)
        flow = FlowLayout(self, GAP)
        names = ("sort", "kind", "size", "licence")
        boxes = (self.sort_box, self.kind_box, self.size_box, self.licence_box)
        for name, box in zip(names, boxes, strict=True):
            box.setObjectName(f"discover-hub-{name}")
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            flow.addWidget(box)
            box.activated.connect(self._on_activated)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.retranslate()

    def retranslate(self) -> None:
        sorts = (
            self.tr("Trending first"),
            self.tr("Most downloads first"),
            self.tr("Most likes first"),
            self.tr("Last changed first"),
        )
        kinds = (self.tr("GGUF files"), self.tr("Original weights"), self.tr("Both"))
        sizes = (
            self.tr("Any size"),
            self.tr("Up to 4 B"),
            self.tr("4 B to 10 B"),
            self.tr("10 B to 35 B"),
            self.tr("Over 35 B"),
        )
        licences = (self.tr("Any licence"), "Apache-2.0", "MIT")
        for box, texts, name in (
            (self.sort_box, sorts, self.tr("Order")),
            (self.kind_box, kinds, self.tr("What kind of files")),
            (self.size_box, sizes, self.tr("Number of parameters")),
            (self.licence_box, licences, self.tr("Licence")),
        ):
            for number, text in enumerate(texts):
                box.setItemText(number, text)
            metrics = box.fontMetrics()  # Qt leaves no room for what stands beside the text
            widest = max(map(metrics.horizontalAdvance, texts))
            box.setMinimumContentsLength(widest // metrics.horizontalAdvance("X") + 2)
            box.setAccessibleName(name)
            box.updateGeometry()

    def _on_activated(self) -> None:
        self.chosen.emit(
            {
                "sort": self.sort_box.currentData(),
                "kind": self.kind_box.currentData(),
                "sizes": SIZES[self.size_box.currentData()],
                "license": self.licence_box.currentData(),
            }
        )


class HubView(Translated, QWidget):
    """Signals:
    left: back to the catalogue.
    opened: the row of a repository to be opened.
    """

    left = Signal()
    opened = Signal(int)

    def __init__(self, theme: Theme, search: HubSearch, library: LocalModels) -> None:
        super().__init__()
        self._search = search
        self.back = Button(theme, kind="quiet", icon_name="chevron-left", flush=True)
        self.back.setObjectName("discover-back")
        self.back.clicked.connect(self.left)
        self.count = Text(theme, token="secondary", wrap=True)
        self.filters = HubFilters()
        self.banner = Banner(theme, "warning")
        self.banner.pressed.connect(search.again)
        self.progress = ProgressRow(theme)
        self.progress.cancel_asked.connect(search.cancel)
        self.repos = ReposModel(self)
        self.grid = RepoGrid(theme, self.repos, library)
        self.grid.opened.connect(self.opened)
        self.empty = EmptyState(theme, "search")
        self.empty.pressed.connect(search.again)
        self.more = Button(theme)
        self.more.setObjectName("discover-more")
        self.more.clicked.connect(search.more)
        self._stack = QStackedWidget()
        self._stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self._stack.addWidget(self.grid)
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        head = row(self.back, self.count)
        head.setStretch(1, 1)
        layout.addLayout(head)
        for widget in (self.filters, self.banner, self.progress):
            layout.addWidget(widget)
        layout.addWidget(self._stack, 1)
        layout.addLayout(row(1, self.more, 1))
        self.filters.chosen.connect(self._on_filters_chosen)
        search.changed.connect(self._show)
        self.setFocusProxy(self.grid)
        self.retranslate()

    def retranslate(self) -> None:
        self.back.setText(self.tr("Catalogue"))
        self.back.setToolTip(self.tr("Back to the catalogue"))
        self.back.updateGeometry()
        self.more.setText(self.tr("Show more"))
        self.more.updateGeometry()
        self.grid.setAccessibleName(self.tr("Repositories at Hugging Face"))
        self.grid.viewport().update()
        self._show()

    def _on_filters_chosen(self, changes: dict[str, object]) -> None:
        self._search.ask(**changes)

    def _show(self) -> None:
        search = self._search
        if not search.active:
            return
        found, text = search.result, search.wanted.text
        self.repos.set_repos(() if found is None else found.models)
        self.count.setText(self._counted())
        self.progress.setVisible(search.busy)
        self.progress.show_progress(self.tr("Asking Hugging Face"), None)
        self.more.setVisible(search.can_show_more and bool(self.repos.rowCount()))
        self.more.setEnabled(not search.busy)
        self._show_banner()
        failed = search.error is not None and not self.repos.rowCount()
        self.filters.setVisible(not failed)  # what went wrong has their room
        self._stack.setCurrentIndex(0 if self.repos.rowCount() else 1)
        if self.repos.rowCount():
            return
        if search.error is not None:
            words = replace(message(search.error), remedy="")  # the button is one
            self.empty.tell(words.line, self.tr("Try again"))
        elif search.busy:
            self.empty.tell("")
        elif text:
            none = self.tr("Hugging Face has no such repository for “{text}”.")
            self.empty.tell(none.format(text=text))
        else:
            self.empty.tell(self.tr("Hugging Face has no such repository."))

    def _counted(self) -> str:
        found, text = self._search.result, self._search.wanted.text
        if found is None:
            return ""
        count = units.count(len(found.models))
        if found.more:
            count += "+"
        one = len(found.models) == 1 and not found.more
        if not text:
            words = self.tr("1 repository") if one else self.tr("{count} repositories")
            return words.format(count=count)
        words = self.tr("{count} repositories for “{text}”")
        if one:
            words = self.tr("1 repository for “{text}”")
        return words.format(count=count, text=text)

    def _show_banner(self) -> None:
        """Where the hub could not be asked: what is shown is older, and why."""
        found, error = self._search.result, self._search.error
        old = found is not None and found.source == "cache"
        self.banner.setVisible(old or (error is not None and bool(self.repos.rowCount())))
        if old:
            assert found is not None
            title = self.tr("These are answers of {date}: Hugging Face cannot be asked now")
            why = message(found.problem).cause if found.problem is not None else ""
            date = hubwords.moment(found.as_of)
            self.banner.tell(title.format(date=date), why, self.tr("Try again"), kind="warning")
        elif error is not None:
            words = message(error)
            self.banner.tell(words.title, words.text, self.tr("Try again"), kind="error")
