"""What a key may do, as a form: every field left empty is no limit."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QDate, QDateTime, QTime
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QGridLayout,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from desktop.core.service.key_policy import ROUTES
from desktop.ui.i18n import Translated
from desktop.ui.tabs.server.boxes import fit
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Text, column, row
from desktop.ui.widgets.flow import FlowLayout

Json = dict[str, Any]
_NUMBERS = ("requests_per_minute", "tokens_per_minute", "tokens_per_day", "concurrent")


class KeyForm(Translated, QWidget):
    """The fields of a policy. `policy` is what they say, as `KeyStore.change` takes it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._labels: dict[str, Text] = {}
        self.models = QLineEdit()
        self.numbers = {name: QLineEdit() for name in _NUMBERS}
        self.routes = {name: QCheckBox(name) for name in ROUTES}
        self.ends = QCheckBox()
        self.day = QDateEdit()
        self.day.setDisplayFormat("yyyy-MM-dd")
        self.day.setCalendarPopup(True)
        self.day.setDate(QDate.currentDate().addDays(90))
        self.day.setEnabled(False)
        self.ends.toggled.connect(self.day.setEnabled)
        self.budget = QLineEdit()
        self.unit, self.period = QComboBox(), QComboBox()
        self.stop = QCheckBox()
        self.private, self.exact, self.drop = QCheckBox(), QCheckBox(), QCheckBox()
        self._warn_percent = 80.0
        self.problem = Text(theme, token="error", wrap=True)
        self.problem.hide()
        chips = QWidget()
        flow = FlowLayout(chips, GAP)
        for box in self.routes.values():
            flow.addWidget(box)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        chips.setSizePolicy(policy)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(GAP)

        def field(name: str, place: tuple[int, int], what: QWidget, span: int = 1) -> None:
            label = self._labels[name] = Text(theme, role="caption")
            holder = QWidget()
            holder.setLayout(column(label, what, spacing=TIGHT))
            grid.addWidget(holder, *place, 1, span)

        field("models", (0, 0), self.models, 2)
        for number, name in enumerate(_NUMBERS):
            field(name, (1 + number // 2, number % 2), self.numbers[name])
        budget = QWidget()
        budget.setLayout(row(self.budget, self.unit, self.period))
        field("budget", (3, 0), budget)
        ends = QWidget()
        ends.setLayout(row(self.ends, self.day, 1))
        field("ends", (3, 1), ends)
        field("routes", (4, 0), chips, 2)
        more = QWidget()
        lines = FlowLayout(more, 2 * GAP)
        for each in (self.stop, self.private, self.exact, self.drop):
            lines.addWidget(each)
        more.setSizePolicy(policy)
        grid.addWidget(more, 5, 0, 1, 2)
        grid.addWidget(self.problem, 6, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self._fill()
        self.retranslate()
        self.show_policy({})

    def _fill(self) -> None:
        for key in ("cost", "tokens"):
            self.unit.addItem("", key)
        for key in ("day", "month", "total"):
            self.period.addItem("", key)

    def retranslate(self) -> None:
        names = {
            "models": self.tr("Models (ids, or patterns such as qwen3-*; empty: all)"),
            "requests_per_minute": self.tr("Requests a minute"),
            "tokens_per_minute": self.tr("Tokens a minute"),
            "tokens_per_day": self.tr("Tokens a day"),
            "concurrent": self.tr("Requests at the same time"),
            "budget": self.tr("Budget"),
            "ends": self.tr("Expiry"),
            "routes": self.tr("Routes (none chosen: all but “manage”)"),
        }
        for name, label in self._labels.items():
            label.setText(names[name])
        self.models.setAccessibleName(self.tr("Models"))
        self.models.setPlaceholderText(self.tr("all"))
        for name, edit in self.numbers.items():
            edit.setAccessibleName(names[name])
            edit.setPlaceholderText(self.tr("no limit"))
        self.budget.setAccessibleName(names["budget"])
        self.budget.setPlaceholderText(self.tr("none"))
        self.unit.setAccessibleName(self.tr("Unit of the budget"))
        self.unit.setItemText(0, self.tr("of cost"))
        self.unit.setItemText(1, self.tr("tokens"))
        self.period.setAccessibleName(self.tr("Time of the budget"))
        for number, word in enumerate((self.tr("a day"), self.tr("a month"), self.tr("in all"))):
            self.period.setItemText(number, word)
        for choice in (self.unit, self.period):
            fit(choice)
        self.ends.setText(self.tr("Ends on"))
        self.day.setAccessibleName(self.tr("Last day"))
        self.stop.setText(self.tr("Refuse when the budget is used up"))
        self.private.setText(self.tr("Share no prompt cache"))
        self.exact.setText(self.tr("Answer exact repeats from a table"))
        self.drop.setText(self.tr("Drop the oldest turns when the context is full"))

    def show_policy(self, policy: Json) -> None:
        get = policy.get
        self.models.setText(", ".join(get("models") or ()))
        for name, edit in self.numbers.items():
            edit.setText("" if get(name) is None else str(get(name)))
        for name, box in self.routes.items():
            box.setChecked(name in (get("routes") or ()))
        expires = get("expires")
        self.ends.setChecked(expires is not None)
        if expires is not None:
            self.day.setDate(QDateTime.fromSecsSinceEpoch(int(expires) - 1).date())
        budget = get("budget") or {}
        self.budget.setText(f"{budget['amount']:.10g}" if budget else "")
        self.unit.setCurrentIndex(max(0, self.unit.findData(budget.get("unit", "cost"))))
        self.period.setCurrentIndex(max(0, self.period.findData(budget.get("period", "month"))))
        self.stop.setChecked(bool(budget.get("stop", True)))
        self._warn_percent = float(budget.get("warn_percent", 80.0))
        self.private.setChecked(bool(get("private_cache")))
        self.exact.setChecked(bool(get("exact_cache")))
        self.drop.setChecked(get("overflow") == "drop_oldest")
        self.problem.hide()

    def policy(self) -> Json | None:
        """What the fields say; None where one of them cannot be read, which is told then."""
        self.problem.hide()
        numbers: Json = {}
        for name, edit in self.numbers.items():
            text = edit.text().replace(",", "").replace("_", "").strip()
            if text and not (text.isascii() and text.isdigit() and int(text)):
                self._refuse(edit)
                return None
            numbers[name] = int(text) if text else None
        budget = None
        if amount := self.budget.text().replace(",", "").strip():
            try:
                value = float(amount)
            except ValueError:
                value = 0.0
            if not 0 < value < 1e12:
                self._refuse(self.budget)
                return None
            budget = {
                "amount": value,
                "unit": self.unit.currentData(),
                "period": self.period.currentData(),
                "warn_percent": self._warn_percent,
                "stop": self.stop.isChecked(),
            }
        return {
            "models": [each.strip() for each in self.models.text().split(",") if each.strip()],
            "routes": [name for name, box in self.routes.items() if box.isChecked()],
            **numbers,
            "expires": self._expires(),
            "budget": budget,
            "private_cache": self.private.isChecked(),
            "exact_cache": self.exact.isChecked(),
            "overflow": "drop_oldest" if self.drop.isChecked() else "error",
        }

    def _expires(self) -> float | None:
        """The end of the last day, here."""
        if not self.ends.isChecked():
            return None
        begin = QDateTime(self.day.date().addDays(1), QTime(0, 0))
        return float(begin.toSecsSinceEpoch())

    def _refuse(self, edit: QLineEdit) -> None:
        self.problem.setText(
            self.tr("“{text}” is no number above 0.").format(text=edit.text().strip())
        )
        self.problem.show()
        edit.setFocus()
        edit.selectAll()
