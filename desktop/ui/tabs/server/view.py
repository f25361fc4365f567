"""The Server page: the switch, what to copy, keys, a first request, and what has been asked."""

from __future__ import annotations

import re

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHeaderView, QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.shell.page import Page
from desktop.ui.tabs.server import requests_model as columns
from desktop.ui.tabs.server import snippets
from desktop.ui.tabs.server.connect import ConnectCard, ReachCard, SnippetsCard
from desktop.ui.tabs.server.keys import KeysCard
from desktop.ui.tabs.server.portrow import PortRow
from desktop.ui.tabs.server.presenter import ServerPresenter
from desktop.ui.tabs.server.status import StatusLine
from desktop.ui.widgets.base import MARGIN, Surface, Text
from desktop.ui.widgets.parts import Banner
from desktop.ui.widgets.switch import Switch
from desktop.ui.widgets.tables import TOKEN_ROLE, Cells, DataTable, Index

_TWO_COLUMNS_FROM = 860  # pixels, and widths of a letter
_TWO_COLUMNS_FROM_LETTERS = 110
# What goes first when the table gets narrow: how it ended must stay in sight.
_GOES_FIRST = (
    columns.STREAM,
    columns.ROUTE,
    columns.INPUT,
    columns.TTFT,
    columns.OUTPUT,
    columns.SPEED,
    columns.TIME,
)
_STATUS_LETTERS = 24
_HOLDER = re.compile(r"^(.+) \(process (\d+)\) is using it\.$")
_SOMEBODY = "Another program is using it."
_ROWS_SHOWN = 6


class SpanCells(Cells):
    """The total time, over a thin line: waiting for the first token, then answering."""

    longest = 0.0

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        super().content(painter, rect, index)
        span = index.data(columns.SPAN_ROLE)
        if span is None:
            return
        first, whole = span
        self.longest = max(self.longest, whole)
        width = rect.width() * whole / self.longest
        waited = width * min(1.0, (first or 0.0) / whole)
        y = rect.bottom() - 4
        painter.setPen(QPen(self.theme.colour("line_strong"), 2))
        painter.drawLine(round(rect.right() - width), y, round(rect.right() - width + waited), y)
        painter.setPen(QPen(self.theme.colour("accent"), 2))
        if waited < width:
            painter.drawLine(round(rect.right() - width + waited), y, rect.right(), y)


class StatusCells(Cells):
    """How it ended; a long reason loses its end, not its middle."""

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        text = painter.fontMetrics().elidedText(
            str(index.data()), Qt.TextElideMode.ElideRight, rect.width()
        )
        painter.setPen(self.theme.colour(str(index.data(TOKEN_ROLE))))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter), text)


class ServerPage(Page):
    name = "server"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.presenter = ServerPresenter(context, self)
        self.switch = Switch(theme)
        self.switch.asked.connect(self.presenter.switch)
        self.tools.addWidget(self.switch)
        self.banner = Banner(theme, "error")
        self.banner.pressed.connect(self.presenter.make_key_and_open)
        self.port_row = PortRow(theme)
        self.port_row.port_chosen.connect(self.presenter.use_port)
        self.status = StatusLine(theme)
        self.connect_card = ConnectCard(theme)
        self.connect_card.model_chosen.connect(self._on_model_chosen)
        self.reach = ReachCard(theme)
        self.reach.network_chosen.connect(self.presenter.choose_network)
        self.snippets = SnippetsCard(theme)
        self.keys = KeysCard(theme)
        self.keys.make_asked.connect(self.presenter.make_key)
        self.keys.revoke_asked.connect(self.presenter.revoke_key)
        self._build()
        self.presenter.changed.connect(self._on_changed)
        self.presenter.keys_changed.connect(self._on_keys_changed)
        self.presenter.models_changed.connect(self._on_models_changed)
        self.presenter.key_made.connect(self._on_key_made)
        self.presenter.key_refused.connect(self._on_key_refused)
        for signal in (
            self.presenter.requests.rowsInserted,
            self.presenter.requests.modelReset,
        ):
            signal.connect(self._on_requests_changed)

    def _build(self) -> None:
        theme = self.context.theme
        self.table = DataTable(theme)
        self._widths = dict.fromkeys(range(columns.STATUS), 0)
        self.table.setModel(self.presenter.requests)
        self.table.setItemDelegateForColumn(columns.TOTAL, SpanCells(theme, self.table))
        self.table.setItemDelegateForColumn(columns.STATUS, StatusCells(theme, self.table))
        self.table.row_clicked.connect(self._on_row_clicked)
        self._requests_title = Text(theme, role="strong")
        self._requests_text = Text(theme, token="secondary", wrap=True)
        self._why = Text(theme, token="error", wrap=True)
        self._why.hide()
        box = Surface(theme, padding=1)
        box.body.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(15, 11, 15, 11)
        inner.setSpacing(4)
        inner.addWidget(self._requests_title)
        inner.addWidget(self._requests_text)
        inner.addWidget(self._why)
        box.body.addLayout(inner)
        box.body.addWidget(self.table, 1)
        box.body.addStretch(0)  # while there is no table
        row_height = self.table.verticalHeader().defaultSectionSize()
        self.table.setMinimumHeight(
            self.table.horizontalHeader().height() + _ROWS_SHOWN * row_height
        )
        left, right = QVBoxLayout(), QVBoxLayout()
        for side, cards in (
            (left, (self.connect_card, self.reach)),
            (right, (self.snippets, self.keys)),
        ):
            side.setSpacing(16)
            for card in cards:
                side.addWidget(card)
        for side in (left, right):
            side.setStretch(1, 1)  # both end at the same height
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._columns.setSpacing(16)
        self._columns.addLayout(left, 1)
        self._columns.addLayout(right, 1)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.status)
        layout.addWidget(self.banner)
        layout.addWidget(self.port_row)
        layout.addLayout(self._columns)
        layout.addWidget(box, 1)
        self.scroller = self.add_scrolled(whole)

    def title(self) -> str:
        return self.tr("Server")

    def retranslate(self) -> None:
        super().retranslate()
        titles = [
            self.tr("Time"),
            self.tr("Model"),
            self.tr("Route"),
            self.tr("Reply"),
            self.tr("In"),
            self.tr("Out"),
            "TTFT",
            self.tr("tok/s"),
            self.tr("Total"),
            self.tr("Status"),
        ]
        texts = {
            "ok": self.tr("done"),
            "stream": self.tr("stream"),
            "whole": self.tr("whole"),
            "failed": self.tr("failed"),
        }
        self.presenter.requests.set_texts(titles, texts)
        self.table.setAccessibleName(self.tr("Recent requests"))
        self._requests_title.setText(self.tr("Recent requests"))
        self._fit_columns()
        self._on_requests_changed()
        self._on_changed()

    def _fit_columns(self) -> None:
        """Columns as wide as their titles and usual contents in the language and font in use."""
        header, metrics = self.table.horizontalHeader(), self.table.fontMetrics()
        usual = {
            columns.TIME: "00:00:00",
            columns.MODEL: "x" * 18,
            columns.ROUTE: "/chat/completions",
        }
        usual |= {columns.STREAM: "stream", columns.TOTAL: "1 min 50 s"}
        for column in range(columns.STATUS):
            title = self.presenter.requests.headerData(column, Qt.Orientation.Horizontal)
            words = (str(title or ""), usual.get(column, "00,000"))
            width = max(metrics.horizontalAdvance(word) for word in words) + 26
            self._widths[column] = width
            self.table.setColumnHidden(column, False)
            self.table.setColumnWidth(column, width)
        header.setSectionsClickable(False)
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._hide_columns()

    def shown(self) -> None:
        self.presenter.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        letters = _TWO_COLUMNS_FROM_LETTERS * self.fontMetrics().averageCharWidth()
        wide = self.width() >= max(_TWO_COLUMNS_FROM, letters)
        self._columns.setDirection(
            QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        )
        self._hide_columns()

    def _hide_columns(self) -> None:
        header, metrics = self.table.horizontalHeader(), self.table.fontMetrics()
        room = self.width() - 2 * MARGIN - _STATUS_LETTERS * metrics.averageCharWidth()
        widths = [self._widths[column] for column in range(columns.STATUS)]
        for column in _GOES_FIRST:
            header.setSectionHidden(column, sum(widths) > room)
            widths[column] = 0 if header.isSectionHidden(column) else widths[column]

    # --- what the presenter tells ---------------------------------------------------------------

    def _on_changed(self) -> None:
        presenter = self.presenter
        phase = presenter.phase
        words = {
            "on": self.tr("On"),
            "off": self.tr("Off"),
            "failed": self.tr("Off"),
            "away": self.tr("Off"),
            "starting": self.tr("Starting …"),
            "stopping": self.tr("Stopping …"),
        }
        self.switch.set_word(words[phase], tuple(words.values()))
        self.switch.set_on(phase in ("on", "starting"))
        self.switch.setEnabled(phase != "away")
        self.switch.set_busy(phase in ("starting", "stopping"))
        self.switch.setAccessibleName(self.tr("Server: {state}").format(state=words[phase]))
        network = presenter.on_network and phase == "on"
        shown = presenter.lan_urls[0] if network and presenter.lan_urls else presenter.url
        self.status.show_phase(phase, shown, network)
        self._show_trouble()
        self.connect_card.show_address(f"{presenter.url}/v1", presenter.key_needed)
        self.reach.show_reach(presenter.on_network, presenter.lan_urls)
        self.reach.choice.setEnabled(self.switch.isEnabled() and not self.switch.busy)
        self._show_snippets()

    def _show_trouble(self) -> None:
        error, kind = self.presenter.trouble, self.presenter.trouble_kind
        self.banner.setVisible(error is not None)
        self.port_row.setVisible(kind == "port")
        if error is None:
            return
        words = message(error)
        if kind == "key":
            text = self.tr(
                "With a key, only who has it can use your models. Nothing is open until then."
            )
            self.banner.tell(words.title, text, self.tr("Create a key and open"), kind="warning")
        elif kind == "port":
            self.banner.tell(words.title, self._holder(words.cause), kind="error")
            self.port_row.offer(self.presenter.port)
        else:
            self.banner.tell(words.title, words.text, kind="error")

    def _holder(self, text: str) -> str:
        """Who holds the port: the service says it in English."""
        if found := _HOLDER.match(text):
            words = self.tr("{program} (process {pid}) is using it.")
            return words.format(program=found[1], pid=found[2])
        return self.tr("Another program is using it.") if text == _SOMEBODY else text

    def _on_keys_changed(self) -> None:
        self.keys.show_keys(self.presenter.keys)

    def _on_models_changed(self) -> None:
        self.connect_card.show_models(self.presenter.models, self.presenter.loaded_model)

    def _on_model_chosen(self, model: str) -> None:
        self._show_snippets()

    def _show_snippets(self) -> None:
        base, needed = f"{self.presenter.url}/v1", self.presenter.key_needed
        model = self.connect_card.model.currentText() or "MODEL"
        codes = {
            "curl": snippets.curl(base, model, key_needed=needed),
            "python": snippets.python(base, model, key_needed=needed),
        }
        self.snippets.show_codes(codes, needed)

    def _on_key_made(self, name: str, key: str) -> None:
        self.keys.show_made(name, key)
        self.scroller.ensureWidgetVisible(self.keys.fresh)

    def _on_key_refused(self, error: object) -> None:
        self.keys.show_refused(message(error).line)  # type: ignore[arg-type]

    def _on_requests_changed(self) -> None:
        empty = self.presenter.requests.rowCount() == 0
        self.table.setVisible(not empty)
        self._requests_text.setText(
            self.tr("Nothing has been asked yet. Each request appears here with its figures.")
            if empty
            else self.tr("The newest on top; figures only, never what was asked or answered.")
        )

    def _on_row_clicked(self, index: Index) -> None:
        """A request that failed says why, in full."""
        request = self.presenter.requests.request(index.row())
        failed = self.presenter.requests.failed(request)
        self._why.setVisible(failed)
        if failed:
            reason = request.get("error") or self.tr("failed")
            self._why.setText(f"{request['status']} · {request['route']} · {reason}"[:1000])
