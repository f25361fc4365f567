"""What the service is doing, as the window knows it: the state it was told, and events since."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError
from desktop.core.version import VERSION, is_older
from desktop.ui.models.downloads import KIND, Downloads

Json = dict[str, Any]


class ServiceState(QObject):
    """Models, server and jobs of the service. One signal per part, sent when that part changed.

    Attributes:
        loaded: the model in the engine (`Loaded.to_dict`), or None.
        public: the server's switch: {"on", "url", "host", "port", …}.
        jobs: unfinished jobs by id, with their progress.
        downloads: those of them that are downloads, and the ones that ended.
        online: whether the service answers; `trouble` says why not.
        version: the service's; `older`: than this window's.
        models_folder: where downloads go; None while it has not said.
        making_room: whether it ends when its jobs have, for another one to follow.
    """

    online_changed = Signal()
    version_changed = Signal()  # or whether it makes room
    server_lost = Signal(dict)  # it was on in a service that died or was replaced
    loaded_changed = Signal()
    public_changed = Signal()
    jobs_changed = Signal()
    library_changed = Signal()
    conversations_changed = Signal(dict)
    results_changed = Signal()
    settings_changed = Signal(list)  # names: "general.theme"
    hardware_measured = Signal()  # by the service, of its own accord
    model_failed = Signal(str, object)  # id, AppError
    job_finished = Signal(dict)
    request_finished = Signal(dict)
    told = Signal(dict)  # a notice (`vars(Notice)`), of the service or of a load that has ended

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.online = False
        self.trouble: AppError | None = None
        self.loaded: Json | None = None
        self.public: Json = {"on": False, "url": None}
        self.jobs: dict[int, Json] = {}
        self.downloads = Downloads(self)
        self.version = VERSION
        self.making_room = False
        self.models_folder: str | None = None
        self._epoch: str | None = None
        self._server_before: Json | None = None
        self._told: set[str] = set()

    @property
    def older(self) -> bool:
        return is_older(self.version)

    # --- slots of ServiceLink -----------------------------------------------------------------

    def on_connected(self, state: Json) -> None:
        self.online, self.trouble = True, None
        self.loaded = state["models"][0] if state["models"] else None
        self.public = state["public"]
        self.jobs = {job["id"]: job for job in state["jobs"]}
        self.downloads.read(state["jobs"])
        self.version, self.making_room = state["version"], state["making_room"]
        self.models_folder = state.get("models_folder")  # of a service that is new enough
        before, self._server_before = self._server_before, None
        another, self._epoch = state["epoch"] != self._epoch, state["epoch"]
        for signal in (
            self.version_changed,
            self.online_changed,
            self.loaded_changed,
            self.public_changed,
            self.jobs_changed,
            self.library_changed,
        ):
            signal.emit()
        for notice in state.get("notices", ()):
            if notice["text"] not in self._told:
                self._told.add(notice["text"])
                self.told.emit(notice)
        if before is not None and another and not self.public["on"]:
            self.server_lost.emit(before)

    def on_lost(self, error: AppError) -> None:
        if self.public["on"]:
            self._server_before = self.public
        self.online, self.trouble, self.loaded = False, error, None
        self.public = {**self.public, "on": False, "url": None}
        self.online_changed.emit()
        self.loaded_changed.emit()
        self.public_changed.emit()

    def on_event(self, kind: str, data: Json) -> None:
        if kind == "model.changed":
            was_ready = self.loaded is not None and self.loaded["state"] == "ready"
            self.loaded = data
            self.loaded_changed.emit()
            if data["state"] == "ready" and not was_ready:
                for notice in data.get("notices", ()):
                    self.told.emit(notice)
        elif kind in ("model.unloaded", "model.failed", "model.died"):
            self.loaded = None
            self.loaded_changed.emit()
            if kind != "model.unloaded":
                self.model_failed.emit(data["id"], AppError.from_dict(data["error"]))
        elif kind == "public.changed":
            self.public = data
            self.public_changed.emit()
        elif kind == "service.making_room":
            self.making_room = True
            self.version_changed.emit()
        elif kind == "service.stopping" and not data["making_room"]:
            # Somebody ended it on purpose: what was on is not wanted any more.
            self.public = {**self.public, "on": False, "url": None}
            self.public_changed.emit()
        elif kind == "library.changed":
            self.library_changed.emit()
        elif kind == "request.finished":
            self.request_finished.emit(data)
        elif kind.startswith("job."):
            self._on_job(kind, data)
        elif kind.startswith("conversation."):
            self.conversations_changed.emit(data)
        elif kind == "hardware.measured":
            self.hardware_measured.emit()
        elif kind == "results.changed":
            self.results_changed.emit()
        elif kind == "settings.changed":
            self.settings_changed.emit(data["names"])

    def _on_job(self, kind: str, data: Json) -> None:
        job_id = data["id"]
        if kind == "job.changed":
            if data["kind"] == KIND:
                self.downloads.on_job(data)
            if data["finished"] is not None:
                self.jobs.pop(job_id, None)
                self.jobs_changed.emit()
                self.job_finished.emit(data)
                return
            self.jobs[job_id] = data
        elif kind == "job.progress" and job_id in self.jobs:
            self.jobs[job_id] = {**self.jobs[job_id], "progress": data["progress"]}
            self.downloads.on_progress(job_id, data["progress"])
        self.jobs_changed.emit()
