"""How well this machine's speed is known, how far predictions were off, and measuring it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Signal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.learned import learned_facts
from desktop.core.fit.speed_book import Calibration, SpeedBook
from desktop.core.hardware.facts import Deviation, LearnedFacts
from desktop.core.paths import Paths
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, Surface, Text, row
from desktop.ui.widgets.progressrow import ProgressRow

Json = dict[str, Any]
_KIND = "calibrate"
translate = QCoreApplication.translate


@dataclass(frozen=True)
class Known:
    """What the database shows of speeds and predictions."""

    calibrations: tuple[Calibration, ...] = ()
    learned: LearnedFacts | None = None


def read_known(paths: Paths) -> Known:
    """Raises:
    AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    return Known(SpeedBook.open(paths).calibrations, learned_facts(paths))


class CalibrationPresenter(QObject):
    """Reads what is known and has it measured.

    Attributes:
        known: None until it was read; error: why the last measurement was of no use.

    Signals:
        changed: any of it, or the job.
    """

    changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.known: Known | None = None
        self.error: AppError | None = None
        self._asked = False  # for a measurement of which no job is known yet
        context.state.jobs_changed.connect(self.changed)
        context.state.online_changed.connect(self.changed)
        context.state.job_finished.connect(self._on_job_finished)

    @property
    def online(self) -> bool:
        return self._context.state.online

    @property
    def job(self) -> Json | None:
        jobs = self._context.state.jobs.values()
        return next((job for job in jobs if job["kind"] == _KIND), None)

    @property
    def busy(self) -> bool:
        return self._asked or self.job is not None

    def read(self) -> None:
        paths = self._context.paths
        self._context.tasks.run(lambda: read_known(paths), self._on_read, self._on_failed)

    def calibrate(self) -> None:
        if self.busy:
            return
        self._asked, self.error = True, None
        self.changed.emit()
        self._context.ask(
            lambda client: client.submit(_KIND, {}), self._on_submitted, self._on_failed
        )

    def cancel(self) -> None:
        job = self.job
        if job is not None:
            number = int(job["id"])
            self._context.ask(lambda client: client.cancel_job(number))

    def _on_read(self, known: Known) -> None:
        self.known = known
        self.changed.emit()

    def _on_submitted(self, job: Json) -> None:
        self._asked = False
        self.changed.emit()

    def _on_failed(self, error: AppError) -> None:
        self._asked, self.error = False, error
        self.changed.emit()

    def _on_job_finished(self, job: Json) -> None:
        if job["kind"] != _KIND:
            return
        self._asked = False
        error = AppError.from_dict(job["error"]) if job["state"] == "failed" else None
        self.error = None if error and error.code is ErrorCode.CANCELLED else error
        self.changed.emit()
        self.read()


class CalibrationCard(Translated, Surface):
    """Shows what a `CalibrationPresenter` knows.

    Signals:
        calibrate_asked, cancel_asked: the buttons.
    """

    calibrate_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._presenter: CalibrationPresenter | None = None
        self._title = Text(theme, role="strong")
        self.state = Text(theme, wrap=True)
        self.errors = Text(theme, token="secondary", wrap=True)
        self.failure = Text(theme, token="error", wrap=True)
        self.button = Button(theme)
        self.button.setObjectName("calibrate")
        self.button.clicked.connect(self.calibrate_asked)
        self.progress = ProgressRow(theme)
        self.progress.cancel_asked.connect(self.cancel_asked)
        for widget in (self._title, self.state, self.errors, self.failure, self.progress):
            self.body.addWidget(widget)
        self.body.addLayout(row(self.button, 1))
        self.retranslate()

    def show_state(self, presenter: CalibrationPresenter) -> None:
        self._presenter = presenter
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("How fast this machine computes"))
        presenter = self._presenter
        known = None if presenter is None else presenter.known
        calibrations = () if known is None else known.calibrations
        self.state.setText("\n".join(self._told(calibrations)))
        errors = [] if known is None or known.learned is None else _errors(known.learned)
        self.errors.setText("\n".join(errors))
        self.errors.setVisible(bool(errors))
        error = None if presenter is None else presenter.error
        self.failure.setVisible(error is not None)
        if error is not None:
            self.failure.setText(message(error).line)
        again = self.tr("Calibrate again (under a minute)")
        self.button.setText(again if calibrations else self.tr("Calibrate (under a minute)"))
        self.button.setToolTip(
            self.tr("Measures with small models made up on the spot: nothing is downloaded")
        )
        self.button.updateGeometry()
        busy = presenter is not None and presenter.busy
        self.button.setVisible(not busy)
        self.button.setEnabled(presenter is not None and presenter.online)
        self.progress.setVisible(busy)
        if presenter is not None and busy:
            self._show_job(presenter.job)

    def _told(self, calibrations: tuple[Calibration, ...]) -> list[str]:
        if not calibrations:
            return [
                self.tr(
                    "Not calibrated: speeds are told from what others measured on such devices."
                )
            ]
        text = self.tr("{device}: calibrated on {date}, answers within ± {band} %")
        return [
            text.format(
                device=each.speed.device,
                date=datetime.fromtimestamp(each.created).strftime("%Y-%m-%d %H:%M"),
                band=f"{100 * each.speed.spread_decode:.0f}",
            )
            for each in calibrations
        ]

    def _show_job(self, job: Json | None) -> None:
        progress = None if job is None else job["progress"]
        waiting = self.tr("Waiting for its turn")
        if not progress:
            self.progress.show_progress(waiting, None)
            return
        done, total = progress["done"], progress["total"]
        share = done / total if total else None
        what = self.tr("Measuring")
        if progress["what"] == "waiting for answers in progress":
            what = self.tr("Waiting for answers in progress")
        figures = ""
        if total and progress["unit"] == "seconds":
            left = units.seconds(max(0.0, total - done))
            figures = self.tr("{left} left at most").format(left=left)
        self.progress.show_progress(what, share, figures)


def _errors(learned: LearnedFacts) -> list[str]:
    """How far off predictions were so far."""
    found = []
    memory, decode = learned.memory.get("total_bytes"), learned.speed.get("decode")
    prefill = learned.speed.get("prefill")
    if memory and memory.count:
        text = translate(
            "CalibrationCard", "Memory of {count} loads: {mean} % off on average, at most {worst} %"
        )
        found.append(_filled(text, memory))
    for text, each in (
        (
            translate(
                "CalibrationCard",
                "Speed of {count} answers: {mean} % off on average, {inside} % within the band",
            ),
            decode,
        ),
        (
            translate(
                "CalibrationCard",
                "Speed of reading {count} prompts: {mean} % off on average, {inside} % within "
                "the band",
            ),
            prefill,
        ),
    ):
        if each and each.count:
            found.append(_filled(text, each))
    return found


def _filled(text: str, deviation: Deviation) -> str:
    return text.format(
        count=units.count(deviation.count),
        mean=f"{100 * deviation.mean:.1f}",
        worst=f"{100 * deviation.worst:.1f}",
        inside=f"{100 * (deviation.inside or 0):.0f}",
    )
