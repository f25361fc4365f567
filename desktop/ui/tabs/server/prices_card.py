"""The prices by which requests are counted: electricity, the machine, or a hosted model."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, column, row

Json = dict[str, Any]
_NUMBERS = ("electricity_per_kwh", "busy_watts", "idle_watts", "hardware_per_hour")


class PricesCard(Translated, Surface):
    """Shows the settings of the section "prices".

    Signals:
        changed: names of settings with their new values.
        closed: nothing is to be changed.
    """

    changed = Signal(dict)
    closed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._title = Text(theme, role="strong")
        self._text = Text(theme, token="secondary", wrap=True)
        self._labels = {name: Text(theme, role="caption") for name in ("currency", *_NUMBERS)}
        self._labels["count_as"] = Text(theme, role="caption")
        self.currency = QLineEdit()
        self.currency.setMaxLength(8)
        self.numbers = {name: QLineEdit() for name in _NUMBERS}
        self.count_as = QComboBox()
        for key in ("own", "hosted"):
            self.count_as.addItem("", key)
        self.problem = Text(theme, token="error", wrap=True)
        self.problem.hide()
        self.save, self.cancel = Button(theme), Button(theme, kind="quiet")
        self.save.clicked.connect(self._on_save_clicked)
        self.cancel.clicked.connect(self.closed)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(GAP)
        fields: dict[str, QWidget] = {
            "currency": self.currency,
            **self.numbers,
            "count_as": self.count_as,
        }
        for number, (name, edit) in enumerate(fields.items()):
            holder = QWidget()
            holder.setLayout(column(self._labels[name], edit, spacing=TIGHT))
            grid.addWidget(holder, number // 3, number % 3)
            grid.setColumnStretch(number % 3, 1)
        self.body.addLayout(column(self._title, self._text, spacing=TIGHT))
        self.body.addLayout(grid)
        self.body.addWidget(self.problem)
        self.body.addLayout(row(self.save, self.cancel, 1))
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Prices"))
        self._text.setText(
            self.tr(
                "They count for requests from now on. Prices of hosted models that yours replace "
                "stand under [prices.hosted] in settings.toml."
            )
        )
        words = {
            "currency": self.tr("Currency"),
            "electricity_per_kwh": self.tr("A kilowatt-hour"),
            "busy_watts": self.tr("Watts while answering"),
            "idle_watts": self.tr("Watts while waiting"),
            "hardware_per_hour": self.tr("An hour of the machine at work"),
            "count_as": self.tr("Counts as cost"),
        }
        for name, label in self._labels.items():
            label.setText(words[name])
        self.currency.setAccessibleName(words["currency"])
        self.count_as.setAccessibleName(words["count_as"])
        for name, edit in self.numbers.items():
            edit.setAccessibleName(words[name])
        self.count_as.setItemText(0, self.tr("this machine"))
        self.count_as.setItemText(1, self.tr("the hosted model"))
        self.save.setText(self.tr("Save"))
        self.cancel.setText(self.tr("Cancel"))

    def show_prices(self, prices: Json) -> None:
        self.currency.setText(str(prices.get("currency") or ""))
        for name, edit in self.numbers.items():
            edit.setText(f"{prices.get(name) or 0:g}")
        self.count_as.setCurrentIndex(max(0, self.count_as.findData(prices.get("count_as"))))
        self.problem.hide()

    def _on_save_clicked(self) -> None:
        changes: Json = {
            "prices.currency": self.currency.text().strip(),
            "prices.count_as": self.count_as.currentData(),
        }
        for name, edit in self.numbers.items():
            text = edit.text().replace(",", "").strip() or "0"
            try:
                value = float(text)
            except ValueError:
                value = -1.0
            if not 0 <= value <= 1_000_000:
                words = self.tr("“{text}” is no price. Use numbers such as 0.31.")
                self._refuse(edit, words.format(text=text))
                return
            changes[f"prices.{name}"] = value
        if not changes["prices.currency"] or " " in changes["prices.currency"]:
            self._refuse(self.currency, self.tr("A currency is one word, such as EUR."))
            return
        self.problem.hide()
        self.changed.emit(changes)

    def _refuse(self, edit: QLineEdit, words: str) -> None:
        self.problem.setText(words)
        self.problem.show()
        edit.setFocus()
        edit.selectAll()
