"""What the service is doing, as the window knows it: the state it was told, and events since."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError
from desktop.core.version import VERSION, is_older
from desktop.ui.models.downloads import KIND, Downloads

Json = dict[str, Any]


class ServiceState(QObject):
    """Models, server and jobs of the service. One signal per part, sent when that part changed.

    Attributes:
        models: what is in the engines, on its way in or out (`Loaded.to_dict`) by id, the latest
            last.
        restarts: ids of models whose engine died and is started again, with when that is, in
            seconds since 1970.
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
    keys_changed = Signal()
    recipes_changed = Signal()  # of quantized files
    budget_warned = Signal(dict)  # a key's budget (`budgets.Standing`) and the "level" it passed
    ledger_changed = Signal(dict)  # {"held", "dropped", "problem"}: whether requests are stored
    settings_changed = Signal(list)  # names: "general.theme"
    hardware_measured = Signal()  # by the service, of its own accord
    model_failed = Signal(str, object)  # id, AppError
    model_restarts = Signal(str, float, object)  # id, in how many seconds, why it died (AppError)
    # The model (`Loaded.to_dict`), "asked", "room" or "idle", and what is on its way in meanwhile.
    model_left = Signal(dict, str, str)
    job_finished = Signal(dict)
    job_logged = Signal(int, str)  # its id, a line
    request_finished = Signal(dict)
    told = Signal(dict)  # a notice (`vars(Notice)`), of the service or of a load that has ended

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.online = False
        self.trouble: AppError | None = None
        self.models: dict[str, Json] = {}
        self.restarts: dict[str, float] = {}
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

    @property
    def loaded(self) -> Json | None:
        """The model that something happened to last; None where none is in an engine."""
        return next(reversed(self.models.values()), None)

    @property
    def loading(self) -> Json | None:
        """The model on its way in; there is one at a time."""
        return next((each for each in self.models.values() if each["state"] == "loading"), None)

    @property
    def ready(self) -> list[Json]:
        """Those that answer, the one used last first."""
        ready = [each for each in self.models.values() if each["state"] == "ready"]
        return sorted(ready, key=lambda each: each.get("last_used") or 0.0, reverse=True)

    # --- slots of ServiceLink -----------------------------------------------------------------

    def on_connected(self, state: Json) -> None:
        self.online, self.trouble = True, None
        self.models = {model["id"]: model for model in state["models"]}
        self.restarts = dict(state.get("returning") or {})
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
        self.online, self.trouble, self.models, self.restarts = False, error, {}, {}
        self.public = {**self.public, "on": False, "url": None}
        self.online_changed.emit()
        self.loaded_changed.emit()
        self.public_changed.emit()

    def on_event(self, kind: str, data: Json) -> None:
        if kind.startswith("model."):
            self._on_model(kind, data)
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
            self._note_use(data)
            self.request_finished.emit(data)
        elif kind.startswith("job."):
            self._on_job(kind, data)
        elif kind.startswith("conversation."):
            self.conversations_changed.emit(data)
        elif kind == "hardware.measured":
            self.hardware_measured.emit()
        elif kind == "results.changed":
            self.results_changed.emit()
        elif kind == "keys.changed":
            self.keys_changed.emit()
        elif kind == "recipes.changed":
            self.recipes_changed.emit()
        elif kind == "budget.warning":
            self.budget_warned.emit(data)
        elif kind == "ledger.changed":
            self.ledger_changed.emit(data)
        elif kind == "settings.changed":
            self.settings_changed.emit(data["names"])

    def _on_model(self, kind: str, data: Json) -> None:
        model = data["id"]
        if kind == "model.changed":
            before = self.models.pop(model, None)
            was_ready = before is not None and before["state"] == "ready"
            self.models[model] = data
            self.restarts.pop(model, None)
            self.loaded_changed.emit()
            if data["state"] == "ready" and not was_ready:
                for notice in data.get("notices", ()):
                    self.told.emit(notice)
        elif kind in ("model.unloaded", "model.failed", "model.died"):
            gone = self.models.pop(model, None) or {"id": model}
            self.restarts.pop(model, None)
            seconds = data.get("restart_seconds")
            if seconds is not None:
                self.restarts[model] = time.time() + seconds
            self.loaded_changed.emit()
            if kind == "model.unloaded":
                guest = str((self.loading or {}).get("id") or "")
                self.model_left.emit(gone, data.get("reason", "asked"), guest)
            elif seconds is not None:
                self.model_restarts.emit(model, seconds, AppError.from_dict(data["error"]))
            else:
                self.model_failed.emit(model, AppError.from_dict(data["error"]))

    def _note_use(self, request: Json) -> None:
        """A model's time begins anew after each answer; the service tells no more than that."""
        loaded = self.models.get(request.get("model") or "")
        if loaded is not None:
            ended = request.get("arrived", time.time()) + (request.get("total_seconds") or 0.0)
            loaded["last_used"] = max(loaded.get("last_used") or 0.0, ended)

    def _on_job(self, kind: str, data: Json) -> None:
        job_id = data["id"]
        if kind == "job.log":
            self.job_logged.emit(job_id, data["line"])
            return
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
