"""The part of the Server page about usage: who used how much, and what it cost or would have."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full, write_atomic
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.tabs.server import usage_model as columns
from desktop.ui.tabs.server.boxes import fit
from desktop.ui.tabs.server.prices_card import PricesCard
from desktop.ui.tabs.server.requests_pane import RequestsTable
from desktop.ui.tabs.server.usage_model import UsageModel, hours, money
from desktop.ui.widgets.base import Button, Surface, Text, row
from desktop.ui.widgets.parts import Banner, Figure
from desktop.ui.widgets.segments import Segments

Json = dict[str, Any]
_ROWS_SHOWN = 6
_AGAIN_MS = 1500
_USUAL = {
    columns.REQUESTS: "000,000",
    columns.FAILED: "0,000",
    columns.CACHED: "100%",
    columns.BUSY: "0 h 00 min",
    columns.COST: "0,000.00",
    columns.AT: "0,000.00",
}
_LETTERS_OF_PRICES = 34
_GOES_FIRST = (columns.CACHED, columns.BUSY, columns.FAILED, columns.REQUESTS)


def begin_of(period: str, now: float | None = None) -> str | None:
    """From when on a period counts, as the ledger takes times; None: from the first request."""
    when = time.localtime(now)
    return {
        "today": time.strftime("%Y-%m-%d", when),
        "week": "7d",
        "month": time.strftime("%Y-%m-01", when),
        "all": None,
    }[period]


def save_csv(client: Client, place: Path, by: str, since: str | None, at: str | None) -> Path:
    """Write the usage to a file; called in a task.

    Raises:
        AppError: DISK_FULL, PATH_UNREADABLE, and what the service says.
    """
    content = b"".join(client.usage_csv(by, since=since, at=at))
    try:
        # With the mark by which table programs know that it is UTF-8.
        write_atomic(place, b"\xef\xbb\xbf" + content)
    except OSError as error:
        full = disk_full(error, place)
        reason = error.strerror or str(error)
        raise full or AppError(ErrorCode.PATH_UNREADABLE, path=str(place), reason=reason) from error
    return place


class UsagePane(Translated, QWidget):
    """Asks the ledger; shows what it says."""

    saved = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        theme = context.theme
        self._report: Json | None = None
        self._trouble: AppError | None = None
        self._reading = self._shown = False
        self._asked = 0
        self._prices: list[Json] | None = None
        self.by = Segments(theme, ("model", "key", "day"))
        self.by.choose("model")
        self.by.chosen.connect(self._on_chosen)
        self.period = QComboBox()
        for key in ("today", "week", "month", "all"):
            self.period.addItem("", key)
        self.period.setCurrentIndex(2)
        self.period.currentIndexChanged.connect(self._on_chosen)
        self.at = QComboBox()
        self.at.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.at.addItem("", None)
        self.at.currentIndexChanged.connect(self._on_chosen)
        self._at_label = Text(theme, token="secondary")
        self.export = Button(theme, icon_name="export")
        self.export.clicked.connect(self._on_export_clicked)
        self.prices = Button(theme, kind="quiet")
        self.prices.clicked.connect(self._on_prices_clicked)
        self.prices_card = PricesCard(theme)
        self.prices_card.hide()
        self.prices_card.changed.connect(self._on_prices_changed)
        self.prices_card.closed.connect(self._on_prices_closed)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(self.read)
        self.banner = Banner(theme, "error")
        self.banner.pressed.connect(self.read)
        self.banner.hide()
        self.figures = [Figure(theme) for _ in range(4)]
        self._note = Text(theme, role="caption", wrap=True)
        self.model = UsageModel(self)
        self.table = RequestsTable(theme)
        self.table.resized.connect(self._fit_columns)
        self.table.setModel(self.model)
        self._text = Text(theme, token="secondary", wrap=True)
        self._build()
        context.state.request_finished.connect(self._on_request_finished)
        context.state.online_changed.connect(self._on_online_changed)

    def _build(self) -> None:
        theme = self.context.theme
        height = self.table.verticalHeader().defaultSectionSize()
        self.table.setMinimumHeight(self.table.horizontalHeader().height() + _ROWS_SHOWN * height)
        sums = QHBoxLayout()
        sums.setSpacing(32)
        for figure in self.figures:
            sums.addWidget(figure, 0, Qt.AlignmentFlag.AlignTop)
        sums.addStretch(1)
        top = Surface(theme)
        top.body.addLayout(row(self.by, self.period, 1, self.prices, self.export))
        top.body.addLayout(sums)
        top.body.addWidget(self._note)
        box = Surface(theme, padding=1)
        box.body.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(15, 11, 15, 8)
        line = row(self._text, self._at_label, self.at)
        line.setStretch(0, 1)
        inner.addLayout(line)
        box.body.addLayout(inner)
        box.body.addWidget(self.table, 1)
        box.body.addStretch(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.banner)
        layout.addWidget(self.prices_card)
        layout.addWidget(top)
        layout.addWidget(box, 1)

    # --- texts --------------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.by.set_words(
            {
                "model": self.tr("By model"),
                "key": self.tr("By key"),
                "day": self.tr("By day"),
            }
        )
        self.by.setAccessibleName(self.tr("Summed by"))
        names = (
            self.tr("Today"),
            self.tr("Last 7 days"),
            self.tr("This month"),
            self.tr("All time"),
        )
        for number, name in enumerate(names):
            self.period.setItemText(number, name)
        fit(self.period)
        self.period.setAccessibleName(self.tr("Time"))
        self.at.setItemText(0, self.tr("no hosted model"))
        fit(self.at, _LETTERS_OF_PRICES)
        self.at.setAccessibleName(self.tr("What it would have cost at"))
        self._at_label.setText(self.tr("What it would have cost at"))
        self.export.setText(self.tr("Save as CSV"))
        self.export.updateGeometry()
        self.prices.setText(self.tr("Prices"))
        self.prices.updateGeometry()
        self.table.setAccessibleName(self.tr("Usage"))
        self._show()

    def _titles(self) -> list[str]:
        report = self._report or {}
        currency = report.get("currency") or ""
        at = report.get("at") or {}
        names = {"model": self.tr("Model"), "key": self.tr("Key"), "day": self.tr("Day")}
        return [
            names[self.by.current or "model"],
            self.tr("Requests"),
            self.tr("Failed"),
            self.tr("Tokens in"),
            self.tr("Cached"),
            self.tr("Tokens out"),
            self.tr("At work"),
            f"{self.tr('Cost')} {currency}".strip(),
            self.tr("At {model}").format(model=at.get("name", "")) if at else "",
        ]

    # --- reading ------------------------------------------------------------------------------

    def shown(self) -> None:
        self._shown = True
        if self._prices is None and self.context.state.online:
            self.context.ask(Client.hosted_prices, self._on_prices, self._on_no_prices)
        self.read()

    def hidden(self) -> None:
        self._shown = False
        self._again.stop()

    def read(self) -> None:
        if not self.context.state.online:
            self._show()
            return
        self._asked += 1
        number, by = self._asked, self.by.current or "model"
        since, at = begin_of(str(self.period.currentData())), self.at.currentData()
        self._reading, self._trouble = True, None

        def done(report: Json) -> None:
            if number == self._asked:
                self._reading, self._report = False, report
                self.model.show_rows(report["rows"])
                self._show()

        def failed(error: AppError) -> None:
            if number == self._asked:
                self._reading, self._trouble = False, error
                self._show()

        self.context.ask(lambda client: client.usage(by, since=since, at=at), done, failed)
        self._show()

    def _on_prices(self, prices: list[Json]) -> None:
        self._prices = prices
        self.at.blockSignals(True)
        for each in prices:
            words = f"{each['name']} ({each['into']:g} / {each['out']:g} {each['currency']})"
            self.at.addItem(words, each["name"])
        fit(self.at, _LETTERS_OF_PRICES)
        self.at.blockSignals(False)

    def _on_no_prices(self, error: AppError) -> None:
        self._prices = []
        self.at.setEnabled(False)
        self.at.setToolTip(message(error).line)

    # --- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        trouble, report = self._trouble, self._report
        self.banner.setVisible(trouble is not None)
        if trouble is not None:
            words = message(trouble)
            self.banner.tell(words.title, words.text, self.tr("Try again"), kind="error")
        nameless = {"model": self.tr("no model"), "key": self.tr("without a key")}
        self.model.set_texts(self._titles(), nameless.get(self.by.current or "", "–"))
        empty = not self.model.rowCount()
        self.table.setVisible(not empty)
        self.export.setEnabled(not empty)
        self._text.setText(self._sentence(empty))
        self._show_figures(report)
        self._fit_columns()

    def _sentence(self, empty: bool) -> str:
        if not self.context.state.online:
            return self.tr("Waiting for Paddock's service.")
        if self._reading and self._report is None:
            return self.tr("Adding up …")
        if empty:
            return self.tr("Nothing was asked in this time.")
        at = (self._report or {}).get("at")
        if at is not None:
            return self.tr(
                "For a million tokens of {model}: {into} in, {out} out, {cached} cached "
                "({currency}, {day})."
            ).format(
                model=at["name"],
                into=f"{at['into']:g}",
                out=f"{at['out']:g}",
                cached=f"{at['cached']:g}",
                currency=at["currency"],
                day=at["as_of"],
            )
        return ""

    def _show_figures(self, report: Json | None) -> None:
        total: Json = (report or {}).get("total") or {}
        get = total.get
        currency = (report or {}).get("currency") or ""
        at = (report or {}).get("at")
        requests, tokens, cost, other = self.figures
        there = bool(report)
        failed = get("errors") or 0
        note = self.tr("{count} failed").format(count=units.count(failed)) if failed else ""
        requests.show_value(units.count(get("requests")), self.tr("requests"), note)
        into, out = get("prompt_tokens") or 0, get("completion_tokens") or 0
        said = self.tr("{into} in, {out} out").format(into=units.about(into), out=units.about(out))
        tokens.show_value(units.about(into + out) if there else "–", self.tr("tokens"), said)
        busy = self.tr("{time} at work").format(time=hours(get("busy_seconds")))
        priced = there and get("requests") != get("unpriced")
        cost.show_value(money(get("cost")) if priced else "–", currency, busy if there else "")
        other.setVisible(at is not None)
        if at is not None:
            name = self.tr("at {model}").format(model=at["name"])
            other.show_value(money(get("at_cost")), at["currency"], name)
        unpriced = get("unpriced") or 0
        missing = there and bool(get("requests")) and unpriced == get("requests")
        self._note.setText(self.tr("No prices are set, so nothing has a cost.") if missing else "")
        self._note.setVisible(missing)

    def _fit_columns(self) -> None:
        header, metrics = self.table.horizontalHeader(), self.table.fontMetrics()
        header.setSectionsClickable(False)
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(48)
        at = (self._report or {}).get("at") is not None
        widths = {}
        for column in range(columns.NAME + 1, columns.AT + 1):
            title = self.model.headerData(
                column, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole
            )
            words = (str(title or ""), _USUAL.get(column, "000,000,000"))
            widths[column] = max(metrics.horizontalAdvance(word) for word in words) + 28
        if not at:
            widths[columns.AT] = 0
        name = metrics.horizontalAdvance("x" * 24)
        for column in _GOES_FIRST:
            if sum(widths.values()) + name > self.table.width():
                widths[column] = 0
        for column, width in widths.items():
            self.table.setColumnHidden(column, width == 0)
            if width:
                self.table.setColumnWidth(column, width)
        header.setSectionResizeMode(columns.NAME, QHeaderView.ResizeMode.Stretch)

    # --- what is done -------------------------------------------------------------------------

    def _on_chosen(self) -> None:
        self.read()

    def _on_request_finished(self, request: Json) -> None:
        """The sums have changed; they are read again in a moment."""
        if self._shown and not self._again.isActive():
            self._again.start()

    def _on_online_changed(self) -> None:
        if self._shown:
            self.shown()

    def _on_prices_clicked(self) -> None:
        def known(settings: Json) -> None:
            self.prices_card.show_prices(settings.get("prices") or {})
            self.prices_card.show()
            self.prices_card.currency.setFocus()

        if self.prices_card.isHidden():
            self.context.ask(Client.settings, known)
        else:
            self._on_prices_closed()

    def _on_prices_changed(self, changes: Json) -> None:
        def done(settings: Json) -> None:
            self._on_prices_closed()
            self.context.toast(self.tr("The prices count from now on."), "check")
            self.read()

        self.context.ask(lambda client: client.change_settings(changes), done)

    def _on_prices_closed(self) -> None:
        self.prices_card.hide()
        self.prices.setFocus()

    def _on_export_clicked(self) -> None:
        day = time.strftime("%Y-%m-%d")
        dialog = QFileDialog(self, self.tr("Save the usage"), f"paddock-usage-{day}.csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("CSV (*.csv)")
        dialog.setDefaultSuffix("csv")
        dialog.fileSelected.connect(self.save)
        dialog.open()

    def save(self, name: str) -> None:
        """Write what is shown to a file."""
        by, since = self.by.current or "model", begin_of(str(self.period.currentData()))
        at = self.at.currentData()

        def done(place: Path) -> None:
            self.context.toast(self.tr("Saved as {name}.").format(name=place.name), "check")
            self.saved.emit(str(place))

        self.context.ask(lambda client: save_csv(client, Path(name), by, since, at), done)
