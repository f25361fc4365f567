"""The jobs under way, each with its log, and those that ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.jobs import LOG_LINES, Line, ended_figures
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, row
from desktop.ui.widgets.parts import CopyButton, IconLabel
from desktop.ui.widgets.progressrow import ProgressRow

Json = dict[str, Any]
_LOG_LINES_SHOWN = 10


class LogBox(Translated, QWidget):
    """What a job says, line by line; it follows the end unless somebody scrolled up.

    Args:
        beside: what stands on the line of the button that opens it.

    Signals:
        opened: it is shown for the first time, or again: fill it.
    """

    opened = Signal()

    def __init__(self, theme: Theme, beside: QWidget) -> None:
        super().__init__()
        self.toggle = Button(
            theme, kind="quiet", icon_name="chevron-right", flush=True, shrinks=True
        )
        self.toggle.setObjectName("quantize-log")
        self.toggle.clicked.connect(self._on_toggled)
        self.copy = CopyButton(theme, "")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(theme.mono(-1))
        self.text.setMaximumBlockCount(LOG_LINES)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        lines = _LOG_LINES_SHOWN * self.text.fontMetrics().lineSpacing()
        self.text.setFixedHeight(lines + 2 * GAP)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.viewport().setAutoFillBackground(False)
        self._box = Surface(theme, token="window", padding=GAP)
        self._box.body.addWidget(self.text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        line = row(beside, self.copy, self.toggle)
        line.setStretchFactor(beside, 1)
        layout.addLayout(line)
        layout.addWidget(self._box)
        self._show(False)
        self.retranslate()

    def retranslate(self) -> None:
        self.toggle.setText(self.tr("Log"))
        self.toggle.setToolTip(self.tr("What the job says, as it comes"))
        self.toggle.updateGeometry()
        self.copy.set_name(self.tr("Copy the log"))
        self.text.setAccessibleName(self.tr("Log"))
        self.text.setPlaceholderText(self.tr("Nothing was said yet."))

    @property
    def is_open(self) -> bool:
        return not self._box.isHidden()

    def set_lines(self, lines: Sequence[str]) -> None:
        self.text.setPlainText("\n".join(lines))
        self._to_end()
        self.copy.set_value("\n".join(lines))

    def add_line(self, line: str, lines: Callable[[], Sequence[str]]) -> None:
        """Args: lines: all there are now, this one too."""
        if self.is_open:
            bar = self.text.verticalScrollBar()
            at_end = bar.value() >= bar.maximum() - 2
            self.text.appendPlainText(line)
            if at_end:
                self._to_end()
            self.copy.set_value("\n".join(lines()))

    def _to_end(self) -> None:
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        self.text.moveCursor(QTextCursor.MoveOperation.StartOfLine)

    def _show(self, shown: bool) -> None:
        self._box.setVisible(shown)
        self.copy.setVisible(shown)
        self.toggle.set_icon("chevron-down" if shown else "chevron-right")

    def _on_toggled(self) -> None:
        shown = not self.is_open
        self._show(shown)
        if shown:
            self.opened.emit()


class QueueRow(QWidget):
    """A job under way: what it makes, how far it is, its log."""

    def __init__(self, theme: Theme, job_id: int) -> None:
        super().__init__()
        self.job_id = job_id
        self._title = Text(theme, role="strong", wrap=True)
        self.progress = ProgressRow(theme)
        self._figures = Text(theme, role="caption", wrap=True)
        self.log = LogBox(theme, self._figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        layout.addWidget(self._title)
        layout.addWidget(self.progress)
        layout.addWidget(self.log)

    def show_line(self, line: Line) -> None:
        self._title.setText(line.title)
        self.progress.show_progress(line.what, line.share)
        self._figures.setText(line.figures)
        self.progress.set_cancellable(not line.leaving)
        self.progress.set_holdable(not line.leaving, paused=line.paused)
        self.setAccessibleName(line.title)


class QueuePane(Surface):
    """Signals:
    cancel_asked, hold_asked: a job's id; log_opened: it is to be filled.
    """

    cancel_asked = Signal(int)
    hold_asked = Signal(int)
    log_opened = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self.rows: dict[int, QueueRow] = {}
        self.body.setSpacing(16)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Rows that stay keep the keyboard and their log."""
        wanted = [line.id for line in lines]
        for number in [number for number in self.rows if number not in wanted]:
            gone = self.rows.pop(number)
            gone.hide()
            gone.deleteLater()
        for place, line in enumerate(lines):
            if line.id not in self.rows:
                self.rows[line.id] = self._made(line.id)
            if self.body.indexOf(self.rows[line.id]) != place:
                self.body.insertWidget(place, self.rows[line.id])
            self.rows[line.id].show_line(line)
        self.setVisible(bool(lines))

    def _made(self, job_id: int) -> QueueRow:
        made = QueueRow(self._theme, job_id)
        made.progress.cancel_asked.connect(lambda: self.cancel_asked.emit(job_id))
        made.progress.hold_asked.connect(lambda: self.hold_asked.emit(job_id))
        made.log.opened.connect(lambda: self.log_opened.emit(job_id))
        return made


class EndedRow(Translated, QWidget):
    """A job that ended: what it made, or why it did not, and what can be done with it."""

    opened = Signal(int)
    again_asked = Signal(int)

    def __init__(self, theme: Theme, job: Json) -> None:
        super().__init__()
        self.job = job
        self._failed = job["state"] == "failed"
        kind, token = ("error", "error") if self._failed else ("check", "accent")
        mark = IconLabel(theme, kind, token, 18)
        self._title = Text(theme, wrap=True)
        self._about = Text(theme, role="caption", wrap=True)
        self.results, self.again = Button(theme, shrinks=True), Button(theme, shrinks=True)
        self.results.setObjectName(f"quantize-results-{job['id']}")
        self.again.setObjectName(f"quantize-again-{job['id']}")
        self.results.clicked.connect(self._on_results_clicked)
        self.again.clicked.connect(self._on_again_clicked)
        outputs = bool((job["result"] or {}).get("outputs"))
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self._title)
        texts.addWidget(self._about)
        line = row(mark)
        line.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
        line.addLayout(texts, 1)
        line.addWidget(self.results)
        line.addWidget(self.again)
        self.results.setVisible(outputs and not self._failed)
        self.again.setVisible(self._failed)
        self.setLayout(line)
        self.retranslate()

    def retranslate(self) -> None:
        title = words.job_title(self.job)
        self._title.setText(title)
        if self._failed:
            self._about.setText(message(AppError.from_dict(self.job["error"])).title)
        else:
            self._about.setText(ended_figures(self.job))
        for button, text in (
            (self.results, self.tr("Results")),
            (self.again, self.tr("Try again")),
        ):
            button.setText(text)
            button.setToolTip(text)
            button.setAccessibleDescription(title)
            button.updateGeometry()

    def _on_results_clicked(self) -> None:
        self.opened.emit(self.job["id"])

    def _on_again_clicked(self) -> None:
        self.again_asked.emit(self.job["id"])


class EndedPane(Translated, Surface):
    """Signals:
    opened: the id of a job whose results are to be shown; again_asked: of one to be tried again.
    """

    opened = Signal(int)
    again_asked = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._title = Text(theme, role="strong")
        self.body.addWidget(self._title)
        self.rows: dict[int, EndedRow] = {}
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Ended"))

    def show_jobs(self, jobs: Sequence[Json]) -> None:
        shown = {job["id"]: job for job in jobs}
        for number in list(self.rows):
            if shown.get(number) != self.rows[number].job:
                gone = self.rows.pop(number)
                gone.hide()
                gone.deleteLater()
        for place, job in enumerate(jobs, 1):
            if job["id"] not in self.rows:
                made = EndedRow(self._theme, job)
                made.opened.connect(self.opened)
                made.again_asked.connect(self.again_asked)
                self.rows[job["id"]] = made
            if self.body.indexOf(self.rows[job["id"]]) != place:
                self.body.insertWidget(place, self.rows[job["id"]])
        self.setVisible(bool(jobs))
