"""A load's price: does it fit, how fast, what of each device, why, and what would be otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.core.fit.trial import Price
from desktop.ui.i18n import Translated
from desktop.ui.price import words
from desktop.ui.price.bars import DeviceBars
from desktop.ui.price.presenter import Priced
from desktop.ui.price.table import MemoryTable
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.badge import FitBadge
from desktop.ui.widgets.base import GAP, Button, Text, row
from desktop.ui.widgets.parts import Figure

Json = dict[str, Any]


class PricePanel(Translated, QWidget):
    """Shows a `Priced`; asks nothing."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._priced: Priced | None = None
        self._error: AppError | None = None
        self._neighbours: list[tuple[str, Price]] | None = None
        self.badge = FitBadge(theme)
        self._total = Text(theme, role="strong")
        self.why = Text(theme, token="secondary", wrap=True)
        self.decode, self.prefill = Figure(theme), Figure(theme)
        self.bars = DeviceBars(theme)
        self.source = Text(theme, role="caption", wrap=True)
        self.toggle = Button(theme, kind="quiet", icon_name="chevron-right")
        self.toggle.setCheckable(True)
        self.toggle.setObjectName("price-table-toggle")
        self.toggle.toggled.connect(self._on_toggled)
        self.table = MemoryTable(theme)
        self.table.hide()
        self._next_title = Text(theme, role="strong")
        self.larger, self.smaller = Text(theme, wrap=True), Text(theme, wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addLayout(row(self.badge, 1, self._total))
        layout.addWidget(self.why)
        self._figures = QWidget()
        speeds = QGridLayout(self._figures)
        speeds.setContentsMargins(0, 0, 0, 0)
        for column, figure in enumerate((self.decode, self.prefill)):
            speeds.addWidget(figure, 0, column)
            speeds.setColumnStretch(column, 1)
        layout.addWidget(self._figures)
        layout.addWidget(self.bars)
        layout.addWidget(self.source)
        layout.addLayout(row(self.toggle, 1))
        layout.addWidget(self.table)
        for text in (self._next_title, self.larger, self.smaller):
            layout.addWidget(text)
        self.retranslate()

    def retranslate(self) -> None:
        self.toggle.setText(self.tr("As a table"))
        self.toggle.updateGeometry()
        self._next_title.setText(self.tr("The next choices"))
        self._show()

    def begin(self, real: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Another file is about to be priced.

        Args:
            real: what it holds now where it is loaded, by device.
        """
        self._priced = self._error = None
        self.bars.begin(real)
        self._show()

    def show_priced(
        self, priced: Priced, neighbours: list[tuple[str, Price]] | None = None
    ) -> None:
        """Args: neighbours: the next larger and smaller files, instead of the next settings."""
        self._priced, self._error, self._neighbours = priced, None, neighbours
        self._show()

    def show_error(self, error: AppError) -> None:
        self._error = error
        self._show()

    # --- its parts ------------------------------------------------------------------------------

    def _show(self) -> None:
        priced, error = self._priced, self._error
        known = priced is not None and error is None
        for widget in (self.badge, self._total, self.bars, self.source, self.toggle):
            widget.setVisible(known)
        self._figures.setVisible(known)
        self.table.setVisible(known and self.toggle.isChecked())
        for text in (self._next_title, self.larger, self.smaller):
            text.setVisible(False)
        if error is not None:
            self.why.set_token("error")
            self.why.setText(words.problem_line(error))
            return
        self.why.set_token("secondary")
        if priced is None:
            self.why.setText(self.tr("Working out what it takes…"))
            return
        price = priced.price
        self._show_memory(priced)
        self._show_speed(price)
        self._show_next(priced)

    def _show_memory(self, priced: Priced) -> None:
        price = priced.price
        why = words.binding(price)
        if price.estimate is None and price.problem is not None:
            why = words.problem_line(price.problem)
        self.badge.show_verdict(price.verdict or "", why)
        self.why.setText(why)
        self.why.set_token("error" if price.verdict == "wont_fit" else "secondary")
        there = price.estimate is not None
        self._total.setText(words.size(price, price.total_bytes) if there else "")
        self.bars.show_price(price, priced.trial.place, settled=priced.settled)
        self.toggle.setVisible(there)
        self.table.setVisible(there and self.toggle.isChecked())
        if price.estimate is not None:
            names = {each.name: each.description for each in price.available}
            self.table.show_estimate(price.estimate.to_dict(), names, exact=price.exact)

    def _show_speed(self, price: Price) -> None:
        speed = price.speed
        runs = price.verdict != "wont_fit" and speed.decode is not None
        self._figures.setVisible(runs)
        sources = [words.memory_source(price)] if price.estimate is not None else []
        if runs and speed.decode is not None:
            sources.append(words.speed_source(speed.decode))
            note = self.tr("writing, {band}").format(band=words.band(speed.decode))
            self.decode.show_value(
                words.rate_value(speed.decode), "tok/s", note, words.mark(speed.decode)
            )
        self.prefill.setVisible(speed.prefill is not None)
        if speed.prefill is not None:
            note = self.tr("reading a prompt, {band}").format(band=words.band(speed.prefill))
            self.prefill.show_value(
                words.rate_value(speed.prefill), "tok/s", note, words.mark(speed.prefill)
            )
        self.source.setText("\n".join(sources))

    def _show_next(self, priced: Priced) -> None:
        price = priced.price
        lines: list[str] = []
        if self._neighbours is not None:
            lines = [words.next_choice(price, other, name) for name, other in self._neighbours]
        else:
            near = (priced.larger, priced.smaller)
            lines = [words.next_choice(price, each) for each in near if each is not None]
        for text, line in zip((self.larger, self.smaller), (*lines, "", ""), strict=False):
            text.setText(line)
            text.setVisible(bool(line))
        self._next_title.setVisible(bool(lines))

    def _on_toggled(self, on: bool) -> None:
        self.toggle.set_icon("chevron-down" if on else "chevron-right")
        self.table.setVisible(on)
