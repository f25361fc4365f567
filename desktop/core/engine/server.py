"""One llama-server child: started, watched while it loads, stopped, and explained when it dies.

It is started the way its own router starts its children (SERVER.md): its standard input is a pipe
that takes the exit command, its standard output says how far the load is. That protocol is
internal to llama.cpp, so `/health` is asked beside it. One supervising thread owns the child; two
more read its output.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from desktop.core import procs
from desktop.core.engine.allocations import DeviceMemory, MemoryReader
from desktop.core.engine.enginelog import EngineLog, log_name
from desktop.core.engine.explain import explain, kernel_messages
from desktop.core.engine.flags import LoadSettings, server_arguments
from desktop.core.engine.loglines import Line, Scrubber, parse_line
from desktop.core.engine.runtime import Runtime, start_failure
from desktop.core.engine.serverstate import (
    LoadStage,
    ServerState,
    ServerStatus,
    ask,
    free_port,
    overall,
)
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

EXIT_COMMAND = b"cmd_router_to_child:exit\n"
PORT_TRIES = 5
STALL_SECONDS = 180.0
_TICK_SECONDS = 0.25
_HEALTH_SECONDS = 1.0
_LINE_BYTES = 1 << 16
_LOOP_SECONDS = 1.0
_SCALING_SECONDS = 30.0


class EngineServer:
    """A llama-server child. `start` once; `stop` from any thread, any number of times.

    Args:
        on_change: called with each new status, from the threads that read the child's output; it
            must not block, and not call `stop` or `wait_ready`.
        work_root: where the child's private working folder is made.
        stall_seconds: without any line for so long while loading, the load counts as stalled.
        background: it gets the processor only when nothing else wants it.
    """

    def __init__(
        self,
        runtime: Runtime,
        model_path: Path,
        model_id: str,
        settings: LoadSettings,
        *,
        logs: Path | None = None,
        work_root: Path | None = None,
        on_change: Callable[[ServerStatus], None] | None = None,
        stall_seconds: float = STALL_SECONDS,
        pick_port: Callable[[], int] | None = None,
        background: bool = False,
    ) -> None:
        self.runtime, self.model_path, self.model_id = runtime, model_path, model_id
        self.settings = settings
        self.api_key = secrets.token_urlsafe(32)
        self.port = 0
        self.facts: dict[str, Any] = {}
        self.log = EngineLog(logs / log_name(model_id) if logs else None)
        self._work_root = work_root
        self._on_change = on_change
        self._stall_seconds = stall_seconds
        self._pick_port = pick_port or free_port
        self._background = background
        self._status = ServerStatus(ServerState.STARTING)
        self._changed = threading.Condition(threading.RLock())
        self._telling = threading.RLock()  # keeps the listener's calls in order
        self._wake = threading.Event()
        self._serving = threading.Event()  # its main loop runs
        self._stop_asked = False
        self._kill_at: float | None = None
        self._was_ready = False
        self._last_sign = time.monotonic()
        self._child: procs.Child | None = None
        self._scrubber = Scrubber(self.api_key)
        self._memory = MemoryReader()
        self._thread: threading.Thread | None = None

    # What others read.

    @property
    def status(self) -> ServerStatus:
        return self._status

    @property
    def state(self) -> ServerState:
        return self._status.state

    @property
    def death(self) -> AppError | None:
        """Why it ended; None while it lives and when it was stopped by us."""
        return self._status.death

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child is not None else None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def memory(self) -> tuple[DeviceMemory, ...]:
        """What the load really took on each device, by the engine's own account."""
        meta = self.facts.get("meta")
        size = meta.get("size") if isinstance(meta, dict) else None
        return self._memory.devices(size if isinstance(size, int) else None)

    # What others do.

    def start(self) -> None:
        """Start the child and its supervisor.

        Raises:
            AppError: ENGINE_BAD_FLAG or ENGINE_BAD_RUNTIME, when it cannot even be started.
        """
        if self._thread is not None:
            raise RuntimeError("a server is started once")
        self._spawn()
        self._thread = threading.Thread(target=self._supervise, name="engine", daemon=True)
        self._thread.start()

    def wait_ready(
        self, timeout_seconds: float | None = None, cancel: CancelToken | None = None
    ) -> None:
        """Wait until it serves.

        Raises:
            AppError: why it ended; LOAD_CANCELLED when it was stopped; CANCELLED (it is stopped
                then) or TIMED_OUT (it goes on loading).
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        undo = cancel.on_cancel(self._poke) if cancel else None
        try:
            with self._changed:
                while self.state in (ServerState.STARTING, ServerState.LOADING):
                    if cancel is not None and cancel.cancelled:
                        break
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise AppError(
                            ErrorCode.TIMED_OUT,
                            what=f"Loading {self.model_id}",
                            seconds=round(timeout_seconds or 0),
                        )
                    self._changed.wait(left)
        finally:
            if undo is not None:
                undo()
        if cancel is not None and cancel.cancelled:
            self.stop(0)
            raise AppError(ErrorCode.CANCELLED)
        if self.state is not ServerState.READY:
            raise self.death or AppError(ErrorCode.LOAD_CANCELLED, model=self.model_id)
        self._scale_adapters()

    def _scale_adapters(self) -> None:
        """Set how strongly each adapter works; on the command line all are at 1.

        Raises:
            AppError: ENGINE_BAD_FLAG, where the engine does not take it.
        """
        adapters = self.settings.adapters
        if all(adapter.scale == 1.0 for adapter in adapters):
            return
        scales = [{"id": place, "scale": each.scale} for place, each in enumerate(adapters)]
        body = json.dumps(scales).encode()
        status, reply = ask(self.port, self.api_key, "/lora-adapters", body, _SCALING_SECONDS)
        if status != 200:
            said = reply.decode("utf-8", "replace")[:200] or "no answer"
            reason = f"The adapters' scales could not be set ({said})."
            raise AppError(ErrorCode.ENGINE_BAD_FLAG, reason=reason)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop it and wait until it is gone: asked first when it serves, at once while it loads."""
        thread = self._thread
        if thread is None:
            self._set(ServerStatus(ServerState.ENDED))
            return
        first = polite = False
        with self._changed:
            if self.state is not ServerState.ENDED:
                polite = self._was_ready and grace_seconds > 0
                kill_at = time.monotonic() + (grace_seconds if polite else 0.0)
                self._kill_at = min(kill_at, self._kill_at or kill_at)
                first, self._stop_asked = not self._stop_asked, True
        self._set(ServerStatus(ServerState.STOPPING))
        if first and polite:
            # WORKAROUND(an exit command between "ready" and the start of the main loop is
            # forgotten and the child then hangs, drop when llama-server keeps it)
            self._serving.wait(min(grace_seconds, _LOOP_SECONDS))
            self._say_exit()
        self._wake.set()
        if thread is not threading.current_thread():
            thread.join()

    def wait_ended(self, timeout_seconds: float | None = None) -> bool:
        """Wait until it is gone, however that comes about."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state is ServerState.ENDED, timeout_seconds)

    # The supervisor.

    def _poke(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _set(self, status: ServerStatus) -> None:
        with self._telling:
            with self._changed:
                if status == self._status or self.state is ServerState.ENDED:
                    return
                if self.state is ServerState.STOPPING and status.state is not ServerState.ENDED:
                    return
                self._status = status
                self._changed.notify_all()
            if self._on_change is not None:
                try:
                    self._on_change(status)
                except Exception as error:  # a listener's fault must not stop the readers
                    self.log.add(f"error: a listener of this engine failed: {error!r}")

    def _spawn(self) -> None:
        self.port = self._pick_port()
        arguments = server_arguments(
            self.runtime, self.model_path.absolute(), self.model_id, self.settings, self.port
        )
        # The value would be the router's port; the child only asks whether there is one.
        environment = procs.clean_environment(
            {"LLAMA_SERVER_ROUTER_PORT": "1", "LLAMA_API_KEY": self.api_key}
        )
        try:
            child = procs.start(
                arguments,
                environment=environment,
                work_root=self._work_root,
                stdin=subprocess.PIPE,
                background=self._background,
            )
        except OSError as error:
            raise AppError(
                ErrorCode.ENGINE_BAD_RUNTIME,
                path=str(self.runtime.folder),
                reason=start_failure("llama-server", error),
            ) from error
        self._child = child
        self._memory = MemoryReader()
        self._first_line = len(self.log.lines())
        self._last_sign = time.monotonic()
        assert child.stdout is not None and child.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), name="engine-log", daemon=True)
            for stream in (child.stdout, child.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _supervise(self) -> None:
        try:
            death = self._watch()
            for tries in range(1, PORT_TRIES):
                if death is None or death.code is not ErrorCode.ENGINE_PORT_TAKEN:
                    break
                self.log.add(f"port {self.port} was taken, try {tries + 1} of {PORT_TRIES}")
                self._spawn()
                death = self._watch()
        except AppError as error:
            death = error
        self._set(ServerStatus(ServerState.ENDED, death=None if self._stop_asked else death))

    def _watch(self) -> AppError | None:
        """Wait for the child's end and say why it came; None when it was stopped by us."""
        child = self._child
        assert child is not None
        stalled = False
        first_line = self._first_line
        next_health = time.monotonic() + _HEALTH_SECONDS
        while child.poll() is None:
            self._wake.wait(_TICK_SECONDS)
            self._wake.clear()
            now = time.monotonic()
            if self._kill_at is not None:
                if now >= self._kill_at:
                    self._close_stdin(child)
                    child.kill()
            elif self.state in (ServerState.STARTING, ServerState.LOADING):
                if now - self._last_sign > self._stall_seconds:
                    stalled = True
                    child.kill()
                elif now >= next_health:
                    self._ask_health()
                    next_health = time.monotonic() + _HEALTH_SECONDS
        for reader in self._readers:
            reader.join(2)
        self._close_stdin(child)
        child.kill()  # what it may have started, and its working folder
        if self._stop_asked:
            return None
        if stalled:
            seconds = round(self._stall_seconds)
            return AppError(ErrorCode.ENGINE_STALLED, model=self.model_id, seconds=seconds)
        lines = self.log.lines()[first_line:]
        return explain(
            lines[-50:] if self._was_ready else lines,  # what was overcome long ago is no reason
            child.popen.returncode,
            self.settings,
            self.model_id,
            was_ready=self._was_ready,
            kernel_log=lambda: kernel_messages(child.pid),
        )

    def _say_exit(self) -> None:
        child = self._child
        if child is not None and child.stdin is not None:
            # a pipe that is closed belongs to a child that has ended: nothing is left to ask
            with contextlib.suppress(OSError, ValueError):
                child.stdin.write(EXIT_COMMAND)
                child.stdin.flush()

    @staticmethod
    def _close_stdin(child: procs.Child) -> None:
        if child.stdin is not None:
            with contextlib.suppress(OSError):  # unsent bytes of a child that has ended
                child.stdin.close()

    # What the child says.

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while raw := stream.readline(_LINE_BYTES):
                self._last_sign = time.monotonic()
                line = parse_line(raw)
                if line is not None:
                    self._take(line)
        self._wake.set()

    def _take(self, line: Line) -> None:
        if line.kind == "state":
            self._take_state(line.data)
            return
        if self.state in (ServerState.STARTING, ServerState.LOADING) and line.kind == "log":
            self._memory.feed(line.text)
            if "loading model tensors" in line.text:
                self._set(replace(self._loading(), stage=LoadStage.PLACING))
            elif "warming up the model" in line.text:
                self._set(ServerStatus(ServerState.LOADING, LoadStage.WARMING_UP, 1.0))
        if self._was_ready and "all slots are idle" in line.text:
            self._serving.set()
        text = self._scrubber.text(line)
        if text is not None:
            self.log.add(text)

    def _loading(self) -> ServerStatus:
        if self.state is ServerState.LOADING:
            return self._status
        return ServerStatus(ServerState.LOADING, LoadStage.READING)

    def _take_state(self, data: dict[str, Any]) -> None:
        payload = data.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        if data.get("state") == "ready":
            self._ready(payload)
        elif data.get("state") == "loading":
            value = overall(payload)
            before = self._loading()
            stage = before.stage or LoadStage.READING
            if value >= 1.0:
                stage = LoadStage.WARMING_UP
            elif value > 0 and stage is LoadStage.READING:
                stage = LoadStage.PLACING
            self._set(ServerStatus(ServerState.LOADING, stage, max(before.value, value)))

    def _ready(self, facts: dict[str, Any]) -> None:
        with self._changed:
            if self.state not in (ServerState.STARTING, ServerState.LOADING):
                return
            self.facts = facts or self.facts
            self._was_ready = True
            self._scrubber.ready = True
        self._set(ServerStatus(ServerState.READY, value=1.0))

    def _ask_health(self) -> None:
        status, _ = ask(self.port, self.api_key, "/health")
        if status == 200:
            _, body = ask(self.port, self.api_key, "/v1/models")
            with contextlib.suppress(ValueError, LookupError, TypeError):
                self.facts = self.facts or dict(json.loads(body)["data"][0])
            self._ready({})
