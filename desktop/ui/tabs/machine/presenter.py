"""The Machine page's dealings: the probe, the engines, the doctor, and the jobs that build."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.client.client import Client
from desktop.core.engine.store import RuntimeEntry, RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hardware import doctor_facts
from desktop.core.hardware.doctor import examine
from desktop.core.hardware.engine_devices import with_engine_devices
from desktop.core.hardware.facts import Finding
from desktop.core.hardware.memory import MemoryInfo, probe_memory
from desktop.core.hardware.probe import Hardware, probe
from desktop.ui.context import Context
from desktop.ui.models.standing import held

Json = dict[str, Any]

_RAM_EVERY_MS = 2000
_BUILD = "engine_build"


def resident_bytes(pids: list[int]) -> int:
    """RAM these processes hold; those that are gone hold none."""
    import psutil  # type: ignore[import-untyped]

    whole = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            whole += int(psutil.Process(pid).memory_info().rss)
    return whole


class MachinePresenter(QObject):
    """What this machine is, read in threads.

    Attributes:
        hardware: None until the first probe is done; then also with what the engine in use lists.
        ram, own_bytes: the RAM now, and what Paddock's own processes hold of it.
        engines: None until they are read; `chosen` is the id of the one in use.
        findings: the doctor's, worst first.
        busy: a probe runs; measuring: and it measures the bandwidth.
    """

    hardware_changed = Signal()
    ram_changed = Signal()
    engines_changed = Signal()
    findings_changed = Signal()
    busy_changed = Signal()
    job_changed = Signal()
    engine_refused = Signal(object)  # AppError
    engine_built = Signal(str)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._cancel = CancelToken()
        self._visible = False
        self._stale = False
        self._ram_asked = False
        self.hardware: Hardware | None = None
        self._probed: Hardware | None = None
        self.trouble: AppError | None = None
        self.ram: MemoryInfo | None = None
        self.own_bytes = 0
        self.engines: list[RuntimeEntry] | None = None
        self.chosen = ""
        self.findings: list[Finding] | None = None
        self.busy = False
        self.measuring = False
        self._timer = QTimer(self)
        self._timer.setInterval(_RAM_EVERY_MS)
        self._timer.timeout.connect(self._on_timeout)
        context.state.loaded_changed.connect(self.ram_changed)
        context.state.jobs_changed.connect(self.job_changed)
        context.state.job_finished.connect(self._on_job_finished)
        context.state.online_changed.connect(self._on_online_changed)
        context.state.hardware_measured.connect(self._on_measured)

    # --- what is asked for --------------------------------------------------------------------

    def show(self) -> None:
        self._visible = True
        self._timer.start()
        if self.hardware is None or self._stale:
            self.refresh()

    def hide(self) -> None:
        """Nothing is read while nobody looks."""
        self._visible = False
        self._timer.stop()

    def refresh(self) -> None:
        self._probe(remeasure=False)

    def measure(self) -> None:
        self._probe(remeasure=True)

    def cancel(self) -> None:
        self._cancel.cancel()

    def use_engine(self, name: str) -> None:
        self._context.ask(
            lambda client: client.use_engine(name), self._on_engine_changed, self._on_refused
        )

    def add_engine(self, folder: str) -> None:
        """Link a folder of tools under a name made from its own."""
        taken = {entry.id.lower() for entry in self.engines or ()}
        name = name_for(folder, taken)
        self._context.ask(
            lambda client: client.add_engine(name, folder),
            self._on_engine_changed,
            self._on_refused,
        )

    def build(self, backend: str) -> None:
        taken = {entry.id.lower() for entry in self.engines or ()}
        params = {"backend": backend, "name": name_for(backend, taken)}
        self._context.ask(
            lambda client: client.submit(_BUILD, params), self._on_submitted, self._on_refused
        )

    def cancel_build(self) -> None:
        job = self.build_job
        if job is not None:
            number = int(job["id"])
            self._context.ask(lambda client: client.cancel_job(number))

    # --- what is ------------------------------------------------------------------------------

    @property
    def build_job(self) -> Json | None:
        jobs = self._context.state.jobs.values()
        return next((job for job in jobs if job["kind"] == _BUILD), None)

    @property
    def loaded_memory(self) -> dict[str, Json]:
        """What all loaded models hold, by device: {"CPU": {"weights_bytes": …}, "CUDA0": …}."""
        return held(self._context.state.models.values())

    @property
    def wanted_backend(self) -> str | None:
        """The backend of a GPU that the engine in use cannot drive."""
        for finding in self.findings or ():
            if finding.code == "gpu_engine_cannot_drive":
                return finding.params["wanted"]
        return None

    # --- the probe ----------------------------------------------------------------------------

    def _probe(self, *, remeasure: bool) -> None:
        if self.busy:
            return
        self.busy, self.measuring, self.trouble = True, remeasure, None
        self._stale = False
        self._cancel = cancel = CancelToken()
        paths = self._context.paths

        def work() -> Hardware:
            return probe(paths, with_bandwidth=False, remeasure=remeasure, cancel=cancel)

        self.busy_changed.emit()
        self._context.tasks.run(work, self._on_probed, self._on_probe_failed)

    def _on_probed(self, hardware: Hardware) -> None:
        self.busy = self.measuring = False
        self.hardware = self._probed = hardware
        self.ram = hardware.ram
        self.busy_changed.emit()
        self.hardware_changed.emit()
        self.ram_changed.emit()
        self._examine()

    def _on_probe_failed(self, error: AppError) -> None:
        self.busy = self.measuring = False
        if error.code is not ErrorCode.CANCELLED:
            self.trouble = error
        self.busy_changed.emit()

    def _examine(self) -> None:
        """The engines and what the doctor makes of it all, in one task."""
        hardware, context, online = self._probed, self._context, self._context.state.online
        if hardware is None:
            return
        paths = context.paths

        def work() -> tuple[str, list[RuntimeEntry], Hardware, list[Finding]]:
            state, models, service = _asked(context.link.client) if online else ({}, None, None)
            store = RuntimeStore(paths, (state.get("runtime") or {}).get("id"))
            entries = store.entries()
            runtime = next((e.runtime for e in entries if e.id == store.chosen), None)
            told = with_engine_devices(hardware, () if runtime is None else runtime.devices)
            findings = examine(
                told,
                None if runtime is None else doctor_facts.runtime_facts(runtime),
                doctor_facts.library_facts(models, state),
                service or doctor_facts.stopped_service(paths),
                secrets_facts=doctor_facts.secrets_facts(paths),
            )
            return store.chosen, entries, told, findings

        context.tasks.run(work, self._on_examined, context.show_error)

    def _on_examined(self, result: tuple[str, list[RuntimeEntry], Hardware, list[Finding]]) -> None:
        before = self.hardware
        self.chosen, self.engines, self.hardware, self.findings = result
        if self.hardware != before:
            self.hardware_changed.emit()
        self.engines_changed.emit()
        self.findings_changed.emit()

    # --- the RAM, every other second -----------------------------------------------------------

    def _on_timeout(self) -> None:
        if self._ram_asked:
            return
        self._ram_asked = True
        context = self._context

        def work() -> tuple[MemoryInfo, int]:
            import os

            pids = [os.getpid()]
            if context.state.online:
                pids.append(context.link.client.endpoint.pid)
            return probe_memory(), resident_bytes(pids)

        context.tasks.run(work, self._on_ram_read, self._on_ram_failed)

    def _on_ram_read(self, found: tuple[MemoryInfo, int]) -> None:
        self._ram_asked = False
        self.ram, self.own_bytes = found
        self.ram_changed.emit()

    def _on_ram_failed(self, error: AppError) -> None:
        """The next probe says why, among its problems; this only was an update."""
        self._ram_asked = False

    # --- engines -------------------------------------------------------------------------------

    def _on_engine_changed(self, runtime: Json) -> None:
        self._examine()

    def _on_refused(self, error: AppError) -> None:
        self.engine_refused.emit(error)

    def _on_submitted(self, job: Json) -> None:
        self.job_changed.emit()

    def _on_job_finished(self, job: Json) -> None:
        if job["kind"] != _BUILD:
            return
        if job["state"] == "failed":
            self.engine_refused.emit(AppError.from_dict(job["error"]))
        elif job["state"] == "done":
            self.engine_built.emit(str(job["params"].get("name") or job["params"]["backend"]))
        if self._visible:
            self._examine()

    def _on_measured(self) -> None:
        """The service measured the bandwidth while nobody used the machine."""
        self._stale = True
        if self._visible:
            self.refresh()

    def _on_online_changed(self) -> None:
        if self._visible:
            self._examine()


def _asked(client: Client) -> tuple[Json, list[Json] | None, Any]:
    try:
        state, models = client.state(), client.models()
    except AppError as error:
        return {}, None, doctor_facts.failed_service(error)
    return state, models, doctor_facts.service_facts(state)


def name_for(text: str, taken: set[str]) -> str:
    """An engine's name from a folder or a backend, unlike those there are (in lower case)."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(text).name).strip("-._")[:36] or "engine"
    name, number = plain, 2
    while name.lower() in taken:
        name, number = f"{plain}-{number}", number + 1
    return name
