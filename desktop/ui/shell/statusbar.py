"""The line at the bottom: loaded models and their memory, downloads, jobs, the server's address.
Each is a place to act: click the models to unload them, the downloads to see them, the jobs to stop
them, the address to copy it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.downloads import words
from desktop.ui.i18n import Translated
from desktop.ui.models import standing
from desktop.ui.models.downloads import KIND as DOWNLOAD
from desktop.ui.models.jobs import waits_for_idle
from desktop.ui.shell.loadedmenu import LoadedMenu
from desktop.ui.widgets.base import Button, Text
from desktop.ui.widgets.progressrow import Bar

_ROOM_LETTERS = 100  # in a narrower bar the downloads' speed is left to their panel


class StatusBar(Translated, QWidget):
    """Shows `ServiceState`; asks the service for what is clicked.

    Signals:
        downloads_asked: the panel of downloads is to be shown, or to go.
    """

    downloads_asked = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        theme, state = context.theme, context.state
        self._model = Button(theme, kind="quiet", shrinks=True)
        self._model.setObjectName("status-model")
        self._model.clicked.connect(self._on_model_clicked)
        self._memory = Text(theme, role="caption")
        self._speed = Text(theme, role="caption")
        self._progress = Bar(theme)
        self._progress.setFixedWidth(120)
        self._progress.hide()
        self._downloads = Button(theme, kind="quiet", icon_name="download", shrinks=True)
        self._downloads.setObjectName("status-downloads")
        self._downloads.clicked.connect(self.downloads_asked)
        self._narrow = False
        self._arrived = Bar(theme)
        self._arrived.setFixedWidth(60)
        self._jobs = Button(theme, kind="quiet", shrinks=True)
        self._jobs.setObjectName("status-jobs")
        self._jobs.clicked.connect(self._on_jobs_clicked)
        self._address = Button(theme, kind="quiet", icon_name="server")
        self._address.setObjectName("status-address")
        self._address.clicked.connect(self._on_address_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 2)
        layout.setSpacing(8)
        for widget in (self._model, self._progress, self._memory, self._speed):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self._arrived)
        layout.addWidget(self._downloads)
        layout.addWidget(self._jobs)
        layout.addWidget(self._address)
        state.online_changed.connect(self.retranslate)
        state.loaded_changed.connect(self._show_model)
        state.public_changed.connect(self._show_address)
        state.jobs_changed.connect(self._show_jobs)
        state.request_finished.connect(self._on_request_finished)
        state.downloads.changed.connect(self._show_downloads)
        state.downloads.progressed.connect(self._show_downloads)
        self.retranslate()

    def retranslate(self) -> None:
        self._show_model()
        self._show_downloads()
        self._show_jobs()
        self._show_address()

    def _show_model(self) -> None:
        """The model on its way in, else the one used last; with more, how many more."""
        state = self._context.state
        models, loading = list(state.models.values()), state.loading
        first = loading or next(iter(state.ready), None) or state.loaded
        self._progress.setVisible(loading is not None)
        self._memory.setText("")
        self._model.setEnabled(first is not None)
        if not state.online or first is None:
            none, waits = self.tr("No model loaded"), self.tr("Waiting for the service")
            nothing = none if state.online else waits
            self._model.setText(nothing)
            self._model.setToolTip(nothing)
            self._speed.setText("")
        else:
            more = f" + {len(models) - 1}" if len(models) > 1 else ""
            self._model.setText(f"{first['id']}{more}")
            hint = self.tr("Unload models, or keep them loaded")
            self._model.setToolTip("\n".join([*map(self._line, models), hint]))
            if loading is not None:
                self._memory.setText(self.stage(loading["stage"]))
                self._progress.set_share(loading["progress"])
                self._progress.setAccessibleName(self._memory.text())
            elif held := standing.memory_bytes(models):
                self._memory.setText(f"✓ {units.size(held)}")
        self._model.updateGeometry()

    def _line(self, model: dict[str, Any]) -> str:
        """A loaded model in a line: its name, its memory, and how long it stays."""
        size = units.size(model["memory_bytes"]) if model.get("memory_bytes") else ""
        said = standing.stay(model) or self.stage(model["stage"])
        return words.joined([model["id"], size, said])

    def stage(self, stage: str) -> str:
        """The stage of a load in the user's language."""
        return {
            "checking memory": self.tr("Checking memory"),
            "making room": self.tr("Making room"),
            "reading file": self.tr("Reading file"),
            "placing layers": self.tr("Placing layers"),
            "warming up": self.tr("Warming up"),
            "ready": self.tr("Ready"),
            "stopping": self.tr("Stopping"),
        }.get(stage, stage)

    def _show_downloads(self) -> None:
        """Their number and how far they are together; only the icon while there are none."""
        totals = self._context.state.downloads.totals
        self._arrived.setVisible(totals.share is not None)
        self._arrived.set_share(totals.share)
        text = words.totals(totals, short=self._narrow)
        name = words.counted(totals) if totals.count else self.tr("Downloads")
        self._arrived.setAccessibleName(name)
        self._downloads.setAccessibleName(name)
        left = words.left(totals.seconds_left)
        self._downloads.setToolTip(words.joined([f"{self.tr('Downloads')} (Ctrl+J)", text, left]))
        if text != self._downloads.text():
            self._downloads.setText(text)
            self._downloads.updateGeometry()

    def _other_jobs(self) -> list[dict[str, Any]]:
        """All but the downloads, which have their own place."""
        return [j for j in self._context.state.jobs.values() if j["kind"] != DOWNLOAD]

    def _show_jobs(self) -> None:
        jobs = self._other_jobs()
        self._jobs.setVisible(bool(jobs))
        if jobs:
            one = len(jobs) == 1
            text = self.tr("1 job") if one else self.tr("{count} jobs").format(count=len(jobs))
            busy = [job for job in jobs if not waits_for_idle(job)]
            newest = (busy or jobs)[-1]
            progress = newest.get("progress")
            if not busy:
                text += " · " + self.tr("{kind} waits for an idle machine").format(
                    kind=self.kind(newest)
                )
            elif progress and progress.get("total"):
                text += f" · {self.kind(newest)} {progress['done'] / progress['total']:.0%}"
            self._jobs.setText(text)
            self._jobs.setToolTip(text)
            self._jobs.updateGeometry()

    def kind(self, job: dict[str, object]) -> str:
        """What a job does, in the user's language."""
        names = {
            "bench": self.tr("Benchmark"),
            "calibrate": self.tr("Calibration"),
            "engine_build": self.tr("Engine build"),
            "acceptance": self.tr("Test of a new model"),
            "verify": self.tr("Check of files"),
            "adopt": self.tr("Taking over of models"),
            "move_models": self.tr("Move of the models folder"),
            "duplicates": self.tr("Search for duplicates"),
            "link": self.tr("Linking of duplicates"),
            "quantize": self.tr("Quantization"),
            "target": self.tr("Search for a recipe"),
            "convert": self.tr("Conversion"),
            "toolkit": self.tr("Conversion toolkit"),
            "merge": self.tr("Merging of adapters"),
            "split": self.tr("Splitting of a model"),
            "join": self.tr("Joining of a model"),
        }
        return names.get(str(job["kind"]), str(job["kind"]))

    def _show_address(self) -> None:
        public = self._context.state.public
        if public["on"]:
            self._address.setText(self.tr("Server on :{port}").format(port=public["port"]))
            self._address.setToolTip(self.tr("Copy the base URL"))
        else:
            self._address.setText(self.tr("Server off"))
            self._address.setToolTip(self.tr("Open the Server page"))
        self._address.updateGeometry()

    def _on_request_finished(self, record: dict[str, object]) -> None:
        rate = record.get("tokens_per_second")
        if isinstance(rate, float):
            self._speed.setText(f"✓ {units.speed(rate)} tok/s")

    def _on_model_clicked(self) -> None:
        models = list(self._context.state.models.values())
        if models:
            menu = LoadedMenu(self._context, models, [self._line(each) for each in models], self)
            self._popup(menu, self._model)

    @staticmethod
    def _popup(menu: QMenu, above: QWidget) -> None:
        menu.popup(above.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    def _on_jobs_clicked(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for job in self._other_jobs():
            text = self.tr("Stop {kind} {number}").format(kind=self.kind(job), number=job["id"])
            menu.addAction(text).setData(job["id"])
        menu.triggered.connect(self._on_job_triggered)
        self._popup(menu, self._jobs)

    def _on_job_triggered(self, action: QAction) -> None:
        job_id = action.data()
        self._context.ask(lambda client: client.cancel_job(job_id))

    def _on_address_clicked(self) -> None:
        public = self._context.state.public
        if public["on"]:
            QGuiApplication.clipboard().setText(f"{public['url']}/v1")
            self._context.toast(self.tr("The base URL was copied."), "check")
        else:
            self._context.go_to("server")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _ROOM_LETTERS * self.fontMetrics().averageCharWidth()
        if narrow != self._narrow:
            self._narrow = narrow
            self._show_downloads()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._context.theme.colour("surface"))
        painter.setPen(self._context.theme.colour("line"))
        painter.drawLine(0, 0, self.width(), 0)
