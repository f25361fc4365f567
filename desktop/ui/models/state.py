"""What the service is doing, as the window knows it: the state it was told, and events since."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError

Json = dict[str, Any]


class ServiceState(QObject):
    """Models, server and jobs of the service. One signal per part, sent when that part changed.

    Attributes:
        loaded: the model in the engine (`Loaded.to_dict`), or None.
        public: the server's switch: {"on", "url", "host", "port", …}.
        jobs: unfinished jobs by id, with their progress.
        online: whether the service answers; `trouble` says why not.
    """

    online_changed = Signal()
    loaded_changed = Signal()
    public_changed = Signal()
    jobs_changed = Signal()
    library_changed = Signal()
    conversations_changed = Signal(dict)
    results_changed = Signal()
    model_failed = Signal(str, object)  # id, AppError
    job_finished = Signal(dict)
    request_finished = Signal(dict)
    told = Signal(str)  # a notice of the service

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.online = False
        self.trouble: AppError | None = None
        self.loaded: Json | None = None
        self.public: Json = {"on": False, "url": None}
        self.jobs: dict[int, Json] = {}
        self._told: set[str] = set()

    # --- slots of ServiceLink -----------------------------------------------------------------

    def on_connected(self, state: Json) -> None:
        self.online, self.trouble = True, None
        self.loaded = state["models"][0] if state["models"] else None
        self.public = state["public"]
        self.jobs = {job["id"]: job for job in state["jobs"]}
        for signal in (
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
                self.told.emit(notice["text"])

    def on_lost(self, error: AppError) -> None:
        self.online, self.trouble, self.loaded = False, error, None
        self.public = {**self.public, "on": False, "url": None}
        self.online_changed.emit()
        self.loaded_changed.emit()
        self.public_changed.emit()

    def on_event(self, kind: str, data: Json) -> None:
        if kind == "model.changed":
            self.loaded = data
            self.loaded_changed.emit()
        elif kind in ("model.unloaded", "model.failed", "model.died"):
            self.loaded = None
            self.loaded_changed.emit()
            if kind != "model.unloaded":
                self.model_failed.emit(data["id"], AppError.from_dict(data["error"]))
        elif kind == "public.changed":
            self.public = data
            self.public_changed.emit()
        elif kind == "library.changed":
            self.library_changed.emit()
        elif kind == "request.finished":
            self.request_finished.emit(data)
        elif kind.startswith("job."):
            self._on_job(kind, data)
        elif kind.startswith("conversation."):
            self.conversations_changed.emit(data)
        elif kind == "results.changed":
            self.results_changed.emit()

    def _on_job(self, kind: str, data: Json) -> None:
        job_id = data["id"]
        if kind == "job.changed":
            if data["finished"] is not None:
                self.jobs.pop(job_id, None)
                self.jobs_changed.emit()
                self.job_finished.emit(data)
                return
            self.jobs[job_id] = data
        elif kind == "job.progress" and job_id in self.jobs:
            self.jobs[job_id] = {**self.jobs[job_id], "progress": data["progress"]}
        self.jobs_changed.emit()
