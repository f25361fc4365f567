"""The chosen runs: chart or table, verdicts, and what was not the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.charts.tabletwin import TableTwin
from desktop.ui.i18n import Translated
from desktop.ui.tabs.bench.figures import Shown
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, clear, column
from desktop.ui.widgets.segments import Segments

if TYPE_CHECKING:
    from desktop.ui.charts.bars import BarChart

_LINES_LIMIT = 12  # of the verdicts and of the differences; the table and the export have all
_SIDE_BY_SIDE_FROM = 640


class Findings(Translated, QWidget):
    """Verdicts on the left, differences on the right; below one another where it is narrow."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: Shown | None = None
        self._verdict_title = Text(theme, role="strong")
        self._verdicts = QVBoxLayout()
        self._verdicts.setSpacing(TIGHT)
        self._different_title = Text(theme, role="strong", wrap=True)
        self._different = QGridLayout()
        self._different.setHorizontalSpacing(12)
        self._different.setVerticalSpacing(TIGHT)
        self._different.setColumnStretch(1, 1)
        left, right = column(self._verdict_title), column(self._different_title)
        left.addLayout(self._verdicts)
        right.addLayout(self._different)
        left.addStretch(1)
        right.addStretch(1)
        self._sides = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._sides.setContentsMargins(0, GAP, 0, 0)
        self._sides.setSpacing(24)
        self._sides.addLayout(left, 1)
        self._sides.addLayout(right, 1)
        self.retranslate()

    def retranslate(self) -> None:
        self._write()

    def show_findings(self, shown: Shown) -> None:
        self._shown = shown
        self._write()

    def _write(self) -> None:
        shown = self._shown
        if shown is None:
            return
        self._verdict_title.setText(shown.findings_title)
        clear(self._verdicts)
        while (item := self._different.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if not shown.findings:
            none = self.tr("These runs have no test in common.")
            self._verdicts.addWidget(Text(self._theme, none, token="secondary", wrap=True))
        for finding in shown.findings[:_LINES_LIMIT]:
            mark = Text(self._theme, finding.mark, token=finding.token)
            mark.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
            mark.setMinimumWidth(mark.fontMetrics().height())
            line = QWidget()
            layout = QHBoxLayout(line)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(GAP)
            layout.addWidget(mark)
            layout.addWidget(Text(self._theme, finding.text, wrap=True), 1)
            self._verdicts.addWidget(line)
        self._more(self._verdicts, len(shown.findings))
        self._write_differences(shown)

    def _write_differences(self, shown: Shown) -> None:
        if shown.differences:
            title = self.tr("What was not the same (run {order})").format(order=shown.order)
        else:
            title = self.tr("Same machine, engine, settings and model")
        self._different_title.setText(title)
        for number, (what, values) in enumerate(shown.differences[:_LINES_LIMIT]):
            label = Text(self._theme, what, token="secondary")
            top = Qt.AlignmentFlag.AlignTop
            self._different.addWidget(label, number, 0, top)
            self._different.addWidget(Text(self._theme, values, wrap=True), number, 1, top)
        more = len(shown.differences) - _LINES_LIMIT
        if more > 0:
            text = self.tr("and {number} more").format(number=more)
            self._different.addWidget(Text(self._theme, text, "caption"), _LINES_LIMIT, 1)

    def _more(self, layout: QVBoxLayout, count: int) -> None:
        if count > _LINES_LIMIT:
            text = self.tr("and {number} more in the table").format(number=count - _LINES_LIMIT)
            layout.addWidget(Text(self._theme, text, "caption"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        wide = self.width() >= _SIDE_BY_SIDE_FROM
        self._sides.setDirection(direction.LeftToRight if wide else direction.TopToBottom)


class ComparisonView(Translated, Surface):
    """What the chosen runs measured, and the published speeds beside them.

    Signals:
        published_asked: the person wants to choose published devices.
    """

    published_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent=parent)
        self._shown: Shown | None = None
        self._chart: BarChart | None = None
        self._title = Text(theme, role="strong", wrap=True)
        self._subtitle = Text(theme, role="caption", wrap=True)
        self.published_button = Button(theme)
        self.published_button.clicked.connect(self.published_asked)
        self._form = Segments(theme, ("chart", "table"))
        self._form.choose("chart")
        self._form.chosen.connect(self._on_form_chosen)
        self._waiting = Text(theme, token="secondary", wrap=True)
        self._table = TableTwin(theme)
        self._table.setObjectName("bench-table-twin")
        self._published_title = Text(theme, role="strong", wrap=True)
        self._published = TableTwin(theme)
        self._published.setObjectName("bench-published-twin")
        self._findings = Findings(theme)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addLayout(column(self._title, self._subtitle, spacing=0), 1)
        top.addWidget(self.published_button, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self._form, 0, Qt.AlignmentFlag.AlignTop)
        self._place = QVBoxLayout()
        for widget in (self._waiting, self._table, self._published_title, self._published):
            self._place.addWidget(widget)
        self.body.addLayout(top)
        self.body.addLayout(self._place)
        self.body.addWidget(self._findings)
        self.retranslate()
        self._arrange()

    def retranslate(self) -> None:
        self.published_button.setText(self.tr("Published devices"))
        self.published_button.setToolTip(
            self.tr("Set speeds that others measured beside the chosen runs")
        )
        self._form.set_words({"chart": self.tr("Chart"), "table": self.tr("Table")})
        self._form.setAccessibleName(self.tr("Show as"))
        self._table.setAccessibleName(self.tr("The figures of the chart"))
        self._published_title.setText(self.tr("Published by others"))
        self._published.setAccessibleName(self.tr("Published figures with their sources"))
        if self._chart is not None:
            self._chart.setAccessibleName(self.tr("Tokens per second of the chosen runs"))
        self._tell_waiting()

    def set_chart(self, chart: BarChart) -> None:
        """The chart is there (its library is imported while the page is shown already)."""
        self._chart = chart
        self._place.insertWidget(0, chart)
        if self._shown is not None:
            chart.show_panels(self._shown.panels, self._shown.summary)
        self.retranslate()
        self._arrange()

    def show_runs(self, shown: Shown | None) -> None:
        self._shown = shown
        self._title.setText(shown.title if shown else "")
        self._subtitle.setText(shown.subtitle if shown else "")
        self._subtitle.setVisible(bool(shown and shown.subtitle))
        if shown is not None:
            self._table.show_sheet(shown.sheet)
            if shown.published is not None:
                self._published.show_sheet(shown.published)
            if self._chart is not None:
                self._chart.show_panels(shown.panels, shown.summary)
            if len(shown.numbers) > 1:
                self._findings.show_findings(shown)
        self._tell_waiting()
        self._arrange()

    def _tell_waiting(self) -> None:
        if self._shown is None:
            self._waiting.setText(self.tr("Choose a run below to see its figures."))
        else:
            self._waiting.setText(self.tr("The chart is being prepared."))

    def _on_form_chosen(self, form: str) -> None:
        self._arrange()

    def _arrange(self) -> None:
        shown, table = self._shown, self._form.current == "table"
        self._form.setVisible(shown is not None)
        self.published_button.setVisible(shown is not None)
        self._table.setVisible(shown is not None and table)
        others = shown is not None and table and shown.published is not None
        self._published_title.setVisible(others)
        self._published.setVisible(others)
        if self._chart is not None:
            self._chart.setVisible(shown is not None and not table)
        self._waiting.setVisible(shown is None or (self._chart is None and not table))
        self._findings.setVisible(shown is not None and len(shown.numbers) > 1)
