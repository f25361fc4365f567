"""The part of the Server page about requests: the chart, the filter, the list, one in detail."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QPainter, QPen, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QHeaderView,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.core.errors import AppError
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.shell.page import BAR_ROOM
from desktop.ui.tabs.server import requests_model as columns
from desktop.ui.tabs.server.boxes import fit
from desktop.ui.tabs.server.request_detail import RequestDetail
from desktop.ui.tabs.server.requests_presenter import RequestsPresenter, Wanted
from desktop.ui.tabs.server.throughput_card import ThroughputCard
from desktop.ui.widgets.base import Button, Surface, Text, row
from desktop.ui.widgets.parts import Banner
from desktop.ui.widgets.segments import Segments
from desktop.ui.widgets.sidepanel import WithPanel
from desktop.ui.widgets.tables import TOKEN_ROLE, Cells, DataTable, Index

Json = dict[str, Any]

# What goes first when the table gets narrow: how it ended must stay in sight.
_GOES_FIRST = (
    columns.KEY,
    columns.INPUT,
    columns.ROUTE,
    columns.TTFT,
    columns.OUTPUT,
    columns.SPEED,
    columns.TIME,
)
_STATUS_LETTERS = 24
_LETTERS_OF_NAMES = 16
_TYPING_MS = 250
_ROWS_SHOWN = 3
_CHART_FROM_LINES = 26  # in a lower page the list has all the room


class SpanCells(Cells):
    """The total time, over a thin line: waiting, reading the prompt, answering."""

    longest = 0.0

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        super().content(painter, rect, index)
        span = index.data(columns.SPAN_ROLE)
        if span is None:
            return
        waited, first, whole = span
        self.longest = max(self.longest, whole)
        width = rect.width() * whole / self.longest
        y, left = rect.bottom() - 4, rect.right() - width
        ends = [min(1.0, (each or 0.0) / whole) for each in (waited, first)]
        marks = [0.0, ends[0], max(ends), 1.0]
        for token, begin, end in zip(
            ("line_strong", "info", "accent"), marks, marks[1:], strict=False
        ):
            if end > begin:
                painter.setPen(QPen(self.theme.colour(token), 2))
                painter.drawLine(round(left + width * begin), y, round(left + width * end), y)


class StatusCells(Cells):
    """How it ended; a long reason loses its end, not its middle."""

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        text = painter.fontMetrics().elidedText(
            str(index.data()), Qt.TextElideMode.ElideRight, rect.width()
        )
        painter.setPen(self.theme.colour(str(index.data(TOKEN_ROLE))))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter), text)


class RequestsTable(DataTable):
    """Signals: resized: there is more or less room for columns."""

    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()


class RequestsPane(Translated, QWidget):
    """What the presenter has, and what a person wants of it."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        theme = context.theme
        self.presenter = RequestsPresenter(context, self)
        self._url = ""
        self._low = False
        self._models: list[str] = []
        self._key_names: list[str] = []
        self.chart = ThroughputCard(context)
        self.chart.span_chosen.connect(self.presenter.choose_span)
        self.words = QLineEdit()
        self.words.setClearButtonEnabled(True)
        self.model_box, self.key_box = QComboBox(), QComboBox()
        for box in (self.model_box, self.key_box):
            box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            box.currentIndexChanged.connect(self._on_filter_changed)
        self.status = Segments(theme, ("all", "ok", "error"))
        self.status.choose("all")
        self.status.chosen.connect(self._on_filter_changed)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._on_filter_changed)
        self.words.textChanged.connect(self._on_typed)
        self.words.returnPressed.connect(self._on_filter_changed)
        self.banner = Banner(theme, "error")
        self.banner.pressed.connect(self.presenter.read)
        self.banner.hide()
        self.more = Button(theme, kind="plain", icon_name="chevron-up")
        self.more.hide()
        self.more.clicked.connect(self._on_more_clicked)
        self._text = Text(theme, token="secondary", wrap=True)
        self.table = RequestsTable(theme)
        self._widths = dict.fromkeys(range(columns.STATUS), 0)
        self.table.setModel(self.presenter.model)
        self.table.setItemDelegateForColumn(columns.TOTAL, SpanCells(theme, self.table))
        self.table.setItemDelegateForColumn(columns.STATUS, StatusCells(theme, self.table))
        height = self.table.verticalHeader().defaultSectionSize()
        self.table.setMinimumHeight(self.table.horizontalHeader().height() + _ROWS_SHOWN * height)
        self.detail = RequestDetail(theme)
        self._build()
        self._connect()

    def _build(self) -> None:
        theme = self.context.theme
        filters = row(self.status, self.words)
        filters.setStretch(1, 1)
        box = self._box = Surface(theme, padding=1)
        box.body.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(11, 11, 11, 8)
        inner.setSpacing(8)
        inner.addLayout(filters)
        inner.addLayout(row(self.model_box, self.key_box, 1, self.more))
        inner.addWidget(self._text)
        box.body.addLayout(inner)
        box.body.addWidget(self.table, 1)
        box.body.addStretch(0)
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(self.banner)
        column.addWidget(self.chart)
        column.addWidget(box, 1)
        self.split = WithPanel(theme, main, self.detail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, BAR_ROOM, 0)
        layout.addWidget(self.split)

    def _connect(self) -> None:
        presenter = self.presenter
        presenter.changed.connect(self._on_changed)
        presenter.charted.connect(self.chart.show_slices)
        for signal in (presenter.model.rowsInserted, presenter.model.modelReset):
            signal.connect(self._on_changed)
        self.table.resized.connect(self._hide_columns)
        self.table.row_clicked.connect(self._on_row_chosen)
        self.table.row_entered.connect(self._on_row_chosen)
        self.table.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.table.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.detail.close_asked.connect(self.split.close_panel)
        self.detail.copied.connect(self._on_copied)
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Find), self._on_find),
            (QKeySequence("Esc"), self._on_escape),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    # --- texts --------------------------------------------------------------------------------

    def retranslate(self) -> None:
        titles = [
            self.tr("Time"),
            self.tr("Model"),
            self.tr("Route"),
            self.tr("Key"),
            self.tr("In"),
            self.tr("Out"),
            "TTFT",
            self.tr("tok/s"),
            self.tr("Total"),
            self.tr("Status"),
        ]
        texts = {
            "ok": self.tr("done"),
            "left": self.tr("client left"),
            "failed": self.tr("failed"),
            "repeat": self.tr("repeat"),
        }
        self.presenter.model.set_texts(titles, texts)
        self.table.setAccessibleName(self.tr("Requests"))
        self.words.setPlaceholderText(self.tr("Find by id, route, error …"))
        self.words.setAccessibleName(self.tr("Find requests"))
        self.model_box.setAccessibleName(self.tr("Model"))
        self.key_box.setAccessibleName(self.tr("Key"))
        self.status.setAccessibleName(self.tr("Status"))
        self.status.set_words(
            {"all": self.tr("All"), "ok": self.tr("Done"), "error": self.tr("Failed")}
        )
        self._fill_boxes()
        self._fit_columns()
        self._on_changed()

    def _fill_boxes(self) -> None:
        """Keep what was chosen."""
        for box, first, names in (
            (self.model_box, [(self.tr("All models"), None)], self._models),
            (
                self.key_box,
                [(self.tr("All keys"), None), (self.tr("Without a key"), "")],
                self._key_names,
            ),
        ):
            chosen = box.currentData()
            box.blockSignals(True)
            box.clear()
            for text, value in [*first, *((name, name) for name in names)]:
                box.addItem(text, value)
            box.setCurrentIndex(max(0, box.findData(chosen)) if chosen is not None else 0)
            fit(box, _LETTERS_OF_NAMES)
            box.blockSignals(False)

    def _fit_columns(self) -> None:
        """Columns as wide as their titles and usual contents in the language and font in use."""
        header, metrics = self.table.horizontalHeader(), self.table.fontMetrics()
        usual = {
            columns.TIME: "00-00 00:00:00",
            columns.MODEL: "x" * 18,
            columns.ROUTE: "/v1/chat/completions",
            columns.KEY: "x" * 10,
            columns.TOTAL: "1 min 50 s",
        }
        for column in range(columns.STATUS):
            title = self.presenter.model.headerData(column, Qt.Orientation.Horizontal)
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

    def _hide_columns(self) -> None:
        header, metrics = self.table.horizontalHeader(), self.table.fontMetrics()
        room = self.table.width() - _STATUS_LETTERS * metrics.averageCharWidth()
        widths = [self._widths[column] for column in range(columns.STATUS)]
        for column in _GOES_FIRST:
            header.setSectionHidden(column, sum(widths) > room)
            widths[column] = 0 if header.isSectionHidden(column) else widths[column]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        lines = self.height() / max(1, self.fontMetrics().height())
        self._low = lines < _CHART_FROM_LINES
        self.chart.setVisible(not self._low)
        self._on_changed()

    # --- the page -----------------------------------------------------------------------------

    def shown(self) -> None:
        self.chart.load()
        self.presenter.show()

    def hidden(self) -> None:
        self.presenter.hide()

    def set_names(self, models: list[str], keys: list[str]) -> None:
        """What can be chosen in the filter."""
        if (models, keys) != (self._models, self._key_names):
            self._models, self._key_names = models, keys
            self._fill_boxes()

    def set_url(self, url: str) -> None:
        """Of the server, for curl."""
        self._url = url

    # --- what is shown ------------------------------------------------------------------------

    def _on_changed(self) -> None:
        presenter = self.presenter
        trouble = presenter.trouble
        self.banner.setVisible(trouble is not None)
        if trouble is not None:
            words = message(trouble)
            self.banner.tell(words.title, words.text, self.tr("Try again"), kind="error")
        empty = presenter.model.rowCount() == 0
        self.table.setVisible(not empty)
        self._text.setText(self._sentence(empty))
        self._text.setVisible(empty or not self._low)
        held = len(presenter.held)
        self.more.setVisible(held > 0)
        one = self.tr("1 new request")
        self.more.setText(
            one if held == 1 else self.tr("{count} new requests").format(count=f"{held:,}")
        )
        self.more.updateGeometry()

    def _sentence(self, empty: bool) -> str:
        presenter = self.presenter
        if not self.context.state.online:
            return self.tr("Waiting for Paddock's service.")
        if not empty:
            return self.tr("The newest on top; figures only, never what was asked or answered.")
        if presenter.reading:
            return self.tr("Reading the requests …")
        if not presenter.wanted.everything:
            return self.tr("No request is like that.")
        return self.tr("Nothing has been asked yet. Each request appears here with its figures.")

    # --- what is done -------------------------------------------------------------------------

    def _on_typed(self) -> None:
        self._typing.start()

    def _on_filter_changed(self) -> None:
        self._typing.stop()
        status = self.status.current
        self.presenter.choose(
            Wanted(
                self.model_box.currentData(),
                self.key_box.currentData(),
                None if status == "all" else status,
                self.words.text().strip(),
            )
        )

    def _on_scrolled(self, value: int) -> None:
        self.presenter.set_at_top(value <= 0)

    def _on_more_clicked(self) -> None:
        self.table.scrollToTop()
        self.presenter.show_held()
        self.table.setFocus()

    def _on_row_chosen(self, index: Index) -> None:
        self.split.open_panel()
        self._show_detail(index.row())

    def _on_current_changed(self, index: Index, before: Index) -> None:
        if index.isValid() and not self.split.panel.isHidden():
            self._show_detail(index.row())

    def _show_detail(self, number: int) -> None:
        request = self.presenter.model.request(number)
        self.detail.show_request(request, self._url)
        name = request.get("id")
        if not name:
            return

        def known(found: Json) -> None:
            shown = self.detail.request
            if shown is not None and shown.get("id") == name:
                self.detail.show_request({**shown, **found}, self._url)

        def unknown(error: AppError) -> None:
            """It is not stored yet, or no longer: what the list knows is shown."""

        self.context.ask(lambda client: client.ledger_request(str(name)), known, unknown)

    def _on_copied(self) -> None:
        self.context.toast(self.tr("The request was copied as a curl line."), "check")

    def _on_find(self) -> None:
        self.words.setFocus()
        self.words.selectAll()

    def _on_escape(self) -> None:
        if self.words.hasFocus() and self.words.text():
            self.words.clear()
        elif not self.split.panel.isHidden():
            self.split.close_panel()
        self.table.setFocus()
