"""The downloads over the page: a panel in the corner above the status bar."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLayoutItem,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

from desktop.core.client.client import Client
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.downloads import words
from desktop.ui.downloads.actions import DownloadActions
from desktop.ui.downloads.ended import EndedRow
from desktop.ui.downloads.forgotten import Forgotten
from desktop.ui.downloads.limit import NAME as LIMIT
from desktop.ui.downloads.limit import LimitBox
from desktop.ui.downloads.list import DownloadList
from desktop.ui.downloads.row import DownloadRow
from desktop.ui.i18n import Translated
from desktop.ui.widgets.base import GAP, IconButton, Surface, Text, row
from desktop.ui.widgets.parts import Line

_WIDTH, _LETTERS = 460, 54  # pixels, and letters where these are large
_EDGE = 8
_LEAST_HEIGHT = 180
_MOST_DONE = 8  # the latest; all of them are in the library


class DownloadsPanel(Translated, Surface):
    """Shows `ServiceState.downloads`. Esc, its cross, and what opened it close it.

    Signals:
        token_asked: the settings are to be shown, where a token is entered.
    """

    token_asked = Signal()

    def __init__(self, context: Context, over: QWidget, above: QWidget) -> None:
        """Args: over: the window's ground; above: what it stands on, the status bar."""
        super().__init__(context.theme, token="raised", line="line_strong", padding=1, parent=over)
        self._context, self._over, self._above = context, over, above
        theme = context.theme
        self.hands = DownloadActions(context)
        self._forgotten = Forgotten(context.paths)
        self._before: QWidget | None = None
        self.setObjectName("downloads-panel")
        self._title = Text(theme, role="strong")
        self._sum = Text(theme, role="caption", wrap=True)
        self.hold_all = IconButton(theme, "pause", "")
        self.close_ = IconButton(theme, "close", "")
        self._limit_label = Text(theme, role="caption")
        self.limit = LimitBox()
        self._limit_label.setBuddy(self.limit)
        self.list = DownloadList(theme)
        self._empty = Text(theme, token="secondary", wrap=True)
        self._scroll = QScrollArea()
        self._build()
        self._connect()
        self.hide()
        over.installEventFilter(self)
        self.retranslate()

    def _build(self) -> None:
        self.body.setSpacing(0)
        head = row(self._title, spacing=GAP)
        head.setContentsMargins(12, 8, 8, 8)
        head.addWidget(self._sum, 1)
        head.addWidget(self.hold_all)
        head.addWidget(self.close_)
        self.body.addLayout(head)
        self.body.addWidget(Line(self._context.theme))
        self._empty.setContentsMargins(12, 16, 12, 16)
        self.body.addWidget(self._empty)
        scroll = self._scroll
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.list)
        for each in (scroll.viewport(), self.list):
            each.setAutoFillBackground(False)
        self.list.installEventFilter(self)
        self.body.addWidget(scroll, 1)
        self.body.addWidget(Line(self._context.theme))
        foot = QWidget()
        foot.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        line = QHBoxLayout(foot)
        line.setContentsMargins(12, 8, 12, 8)
        line.addWidget(self._limit_label)
        line.addWidget(self.limit)
        line.addStretch(1)
        self.body.addWidget(foot)

    def _connect(self) -> None:
        state, downloads = self._context.state, self._context.state.downloads
        downloads.changed.connect(self._on_downloads_changed)
        downloads.progressed.connect(self._on_progressed)
        state.online_changed.connect(self._on_online_changed)
        state.settings_changed.connect(self._on_settings_changed)
        self.hold_all.clicked.connect(self._on_hold_all_clicked)
        self.close_.clicked.connect(self.close_up)
        self.limit.limit_chosen.connect(self._on_limit_chosen)
        self.list.row_made.connect(self._on_row_made)
        self.list.ended_made.connect(self._on_ended_made)
        self.list.put.connect(self.hands.move_to)
        self.list.clear_asked.connect(self._on_clear_asked)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Downloads"))
        self.setAccessibleName(self.tr("Downloads"))
        self.close_.set_name(self.tr("Close the downloads"))
        self._limit_label.setText(self.tr("Speed limit"))
        self._empty.setText(
            self.tr("Nothing is being downloaded. Find a model in Discover and get it.")
        )
        self._show()

    # --- opening --------------------------------------------------------------------------------

    def toggle(self) -> None:
        """By the mouse."""
        if self.isHidden():
            self.open_up()
        else:
            self.close_up()

    def toggle_by_keys(self) -> None:
        if self.isHidden():
            self.open_up(Qt.FocusReason.ShortcutFocusReason)
        else:
            self.close_up()

    def open_up(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:
        if not self.isHidden():
            return
        self._before = self.window().focusWidget()
        self._read_limit()
        self._show()
        self._place()
        self.show()
        self.raise_()
        rows = self.list.rows
        first = rows[0] if rows else self.close_
        first.setFocus(reason)

    def ask_cancel(self, number: int) -> None:
        """Show that download, and ask about it where much of it was fetched."""
        self.open_up()
        found = next((each for each in self.list.rows if each.download.id == number), None)
        if found is not None:
            found.ask_cancel()
            self._scroll.ensureWidgetVisible(found)

    def close_up(self) -> None:
        """What had the keyboard before gets it back."""
        inside = self.isAncestorOf(self.window().focusWidget())
        self.hide()
        if inside and self._before is not None and self._before.isVisible():
            self._before.setFocus()
        self._before = None

    def _read_limit(self) -> None:
        if self._context.state.online:
            self._context.ask(Client.settings, self._on_settings_read, lambda error: None)

    def _on_settings_read(self, settings: dict[str, dict[str, float | None]]) -> None:
        self.limit.set_limit(settings["downloads"]["limit_mib_per_second"])

    def _on_settings_changed(self, names: list[str]) -> None:
        if LIMIT in names and not self.isHidden():
            self._read_limit()

    # --- what is shown --------------------------------------------------------------------------

    def _on_online_changed(self) -> None:
        if self._context.state.online:
            self.hands.read_history()

    def _on_downloads_changed(self) -> None:
        if not self.isHidden():
            self._show()

    def _on_progressed(self, number: int) -> None:
        if self.isHidden():
            return
        download = self._context.state.downloads.get(number)
        if download is not None:
            self.list.show_figures(download)
            self._show_sum()

    def _show(self) -> None:
        downloads = self._context.state.downloads
        queue = downloads.queue
        history = [each for each in downloads.history if each.id not in self._forgotten]
        done = [each.id for each in history if each.state == "done"][:_MOST_DONE]
        history = [each for each in history if each.state == "failed" or each.id in done]
        self.list.show_downloads(queue, history)
        self._empty.setVisible(not queue and not history)
        self._scroll.setVisible(bool(queue or history))
        self._show_sum()
        self._place()

    def _show_sum(self) -> None:
        totals = self._context.state.downloads.totals
        parts = []
        if totals.share is not None:
            parts.append(words.percent(totals.share))
        elif totals.count:
            parts.append(words.counted(totals))
        if totals.bytes_per_second is not None:
            parts.append(units.rate(totals.bytes_per_second))
        parts.append(words.left(totals.seconds_left))
        self._sum.setText(words.joined(parts))
        self.hold_all.setVisible(totals.count > 1)
        paused = totals.paused == totals.count
        self.hold_all.set_icon("play" if paused else "pause")
        self.hold_all.set_name(self.tr("Resume all") if paused else self.tr("Pause all"))

    def _on_row_made(self, made: DownloadRow) -> None:
        made.pause_asked.connect(self.hands.pause)
        made.resume_asked.connect(self.hands.resume)
        made.cancel_asked.connect(self.hands.cancel)
        made.move_asked.connect(self.hands.move)
        made.left.connect(self._go)

    def _on_ended_made(self, made: EndedRow) -> None:
        made.chat_asked.connect(self._on_chat_asked)
        made.library_asked.connect(self._on_library_asked)
        made.again_asked.connect(self.hands.resume)
        made.page_asked.connect(self.hands.open_page)
        made.token_asked.connect(self.token_asked)
        made.remove_asked.connect(self.hands.cancel)
        made.forget_asked.connect(self._on_forget_asked)

    # --- what is done ---------------------------------------------------------------------------

    def _on_hold_all_clicked(self) -> None:
        totals = self._context.state.downloads.totals
        if totals.paused == totals.count:
            self.hands.resume_all()
        else:
            self.hands.pause_all()

    def _on_limit_chosen(self, limit: float | None) -> None:
        self._context.ask(lambda client: client.change_settings({LIMIT: limit}))

    def _on_chat_asked(self, model: str) -> None:
        self.close_up()
        self._context.go_to("chat", model)

    def _on_library_asked(self, model: str) -> None:
        self.close_up()
        self._context.go_to("library", model)

    def _on_forget_asked(self, number: int) -> None:
        self._forgotten.add([number])
        self._show()

    def _on_clear_asked(self) -> None:
        """Those that failed stay: each wants something done."""
        history = self._context.state.downloads.history
        self._forgotten.add([each.id for each in history if each.state == "done"])
        self._show()

    # --- place ----------------------------------------------------------------------------------

    def _place(self) -> None:
        """In the corner above the status bar, as high as what it shows and no higher than there is
        room."""
        letters = _LETTERS * self.fontMetrics().averageCharWidth()
        width = min(max(_WIDTH, letters), self._over.width() - 2 * _EDGE)
        bottom = self._above.geometry().top() - _EDGE
        inside = width - 2
        wanted = 2
        for number in range(self.body.count()):
            item = self.body.itemAt(number)
            if item is not None and not item.isEmpty() and item.widget() is not self._scroll:
                wanted += _height_of(item, inside)
        if not self._scroll.isHidden():
            layout = self.list.layout()
            assert layout is not None
            wanted += layout.totalHeightForWidth(inside)
        height = min(max(_LEAST_HEIGHT, wanted), bottom - _EDGE)
        place = QRect(self._over.width() - width - _EDGE, bottom - height, width, height)
        if place != self.geometry():
            self.setGeometry(place)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        resized = watched is self._over and event.type() == QEvent.Type.Resize
        laid_out = watched is self.list and event.type() == QEvent.Type.LayoutRequest
        if (resized or laid_out) and not self.isHidden():
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_up()
            event.accept()
        else:
            super().keyPressEvent(event)

    def _go(self, step: int) -> None:
        """From row to row."""
        rows = self.list.rows
        here = next((n for n, each in enumerate(rows) if _holds(each)), None)
        if rows:
            place = 0 if here is None else min(max(0, here + step), len(rows) - 1)
            rows[place].setFocus(Qt.FocusReason.ShortcutFocusReason)
            self._scroll.ensureWidgetVisible(rows[place])


def _height_of(item: QLayoutItem, width: int) -> int:
    return item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()


def _holds(widget: QWidget) -> bool:
    focus = widget.window().focusWidget()
    return focus is not None and (focus is widget or widget.isAncestorOf(focus))
