"""A real llama-server: loaded, watched, stopped, killed, orphaned."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import LoadStage, ServerState, ServerStatus, overall
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

SETTINGS = LoadSettings(context_tokens=512, slots=2, threads=2)
ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition of another process; nothing here can tell us of it."""
    deadline = time.monotonic() + seconds
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        tick.wait(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Watched:
    """A server whose changes are kept and can be waited for."""

    def __init__(self, runtime: Runtime, model: Path, tmp: Path, **options: object) -> None:
        self.seen: list[ServerStatus] = []
        self._news = threading.Condition()
        settings = options.pop("settings", SETTINGS)
        self.server = EngineServer(
            runtime,
            model,
            "tiny:q8_0",
            settings,  # type: ignore[arg-type]
            logs=tmp / "logs",
            work_root=tmp / "work",
            on_change=self._on_change,
            **options,  # type: ignore[arg-type]
        )

    def _on_change(self, status: ServerStatus) -> None:
        with self._news:
            self.seen.append(status)
            self._news.notify_all()

    def wait_for(self, condition: Callable[[ServerStatus], bool], seconds: float = 30) -> None:
        with self._news:
            assert self._news.wait_for(lambda: any(map(condition, self.seen)), seconds), self.seen


@pytest.fixture
def watch(runtime: Runtime, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(model: Path, **options: object) -> Watched:
        made.append(Watched(options.pop("runtime", runtime), model, tmp_path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for watched in made:
        watched.server.stop(0)
        assert watched.server.pid is None or gone(watched.server.pid)
    assert not list((tmp_path / "work").glob("*")), "a working folder was left behind"


def get(server: EngineServer, path: str, key: str | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(server.base_url + path, headers=headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_load_serve_and_stop(watch: Callable[..., Watched], tiny: Path, tmp_path: Path) -> None:
    watched = watch(tiny)
    server = watched.server
    server.start()
    server.wait_ready(30)
    assert server.state is ServerState.READY
    assert server.facts["meta"]["n_ctx"] == 512  # per slot
    assert server.facts["id"] == "tiny:q8_0"
    (cpu,) = server.memory
    assert cpu.name == "CPU"
    assert cpu.weights_bytes == server.facts["meta"]["size"]
    assert cpu.kv_bytes > 0 and cpu.compute_bytes > 0
    assert get(server, "/v1/chat/completions")[0] == 401
    assert get(server, "/metrics", server.api_key)[0] == 200
    assert get(server, "/slots", server.api_key)[0] == 501
    command = psutil.Process(server.pid).cmdline()
    assert server.api_key not in " ".join(command)
    pid = server.pid
    assert pid is not None
    server.stop(10)
    assert gone(pid)
    assert server.state is ServerState.ENDED and server.death is None
    assert [s.state for s in watched.seen][-2:] == [ServerState.STOPPING, ServerState.ENDED]
    stages = [s.stage for s in watched.seen if s.state is ServerState.LOADING]
    assert stages[0] is LoadStage.READING and stages[-1] is LoadStage.WARMING_UP
    assert any("exit command received" in line for line in server.log.lines())
    stored = (tmp_path / "logs" / "engine-tiny_q8_0.log").read_text()
    assert "KV buffer size" in stored and server.api_key[-4:] not in stored
    server.stop()  # once more does nothing
    with pytest.raises(AppError) as caught:
        server.wait_ready()
    assert caught.value.code is ErrorCode.LOAD_CANCELLED


def test_no_prompt_reaches_the_log(watch: Callable[..., Watched], tiny: Path) -> None:
    server = watch(tiny).server
    server.start()
    server.wait_ready(30)
    for body in (
        json.dumps({"prompt": "XYZZYPROMPT", "max_tokens": 4}).encode(),
        json.dumps({"prompt": "a", "grammar": 'root ::= "XYZZYPROMPT" ('}).encode(),
        b'{"prompt": "XYZZYPROMPT \xff',
    ):
        headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
        request = urllib.request.Request(server.base_url + "/completion", body, headers)
        try:
            urllib.request.urlopen(request).read()
        except urllib.error.HTTPError as error:
            error.read()
    server.stop(10)
    text = "\n".join(server.log.lines())
    assert "prompt eval time" in text and "refused with code" in text
    assert "XYZZY" not in text


def test_progress_of_a_slow_load_and_stop_in_the_middle(
    watch: Callable[..., Watched], slow: Path
) -> None:
    watched = watch(slow)
    server = watched.server
    server.start()
    watched.wait_for(lambda s: s.stage is LoadStage.PLACING and 0 < s.value < 1)
    pid = server.pid
    assert pid is not None
    began = time.monotonic()
    threads = [threading.Thread(target=server.stop) for _ in range(3)]
    for thread in threads:
        thread.start()
    with pytest.raises(AppError) as caught:
        server.wait_ready(30)
    assert caught.value.code is ErrorCode.LOAD_CANCELLED
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 5
    assert gone(pid) and server.state is ServerState.ENDED and server.death is None
    values = [s.value for s in watched.seen if s.state is ServerState.LOADING]
    assert values == sorted(values)


def test_a_cancelled_wait_stops_the_load(watch: Callable[..., Watched], slow: Path) -> None:
    watched = watch(slow)
    cancel = CancelToken()
    watched.server.start()
    watched.wait_for(lambda s: s.stage is LoadStage.PLACING)
    threading.Thread(target=cancel.cancel).start()
    with pytest.raises(AppError) as caught:
        watched.server.wait_ready(30, cancel)
    assert caught.value.code is ErrorCode.CANCELLED
    assert watched.server.state is ServerState.ENDED


def test_a_wait_that_is_over_leaves_the_load_alone(
    watch: Callable[..., Watched], slow: Path
) -> None:
    server = watch(slow).server
    server.start()
    with pytest.raises(AppError) as caught:
        server.wait_ready(0.05)
    assert caught.value.code is ErrorCode.TIMED_OUT
    assert server.state in (ServerState.STARTING, ServerState.LOADING)


@posix
def test_a_killed_child_is_explained(watch: Callable[..., Watched], tiny: Path, slow: Path) -> None:
    serving = watch(tiny).server
    serving.start()
    serving.wait_ready(30)
    assert serving.pid is not None
    os.kill(serving.pid, signal.SIGKILL)
    assert serving.wait_ended(10)
    assert serving.death is not None and serving.death.code is ErrorCode.ENGINE_KILLED
    assert "running" in serving.death.cause
    watched = watch(slow)
    loading = watched.server
    loading.start()
    watched.wait_for(lambda s: s.stage is LoadStage.PLACING)
    assert loading.pid is not None
    os.kill(loading.pid, signal.SIGKILL)
    with pytest.raises(AppError) as caught:
        loading.wait_ready(10)
    assert caught.value.code is ErrorCode.ENGINE_KILLED and "loading" in caught.value.cause


@posix
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a file that never gives anything")
def test_a_load_that_stands_still(watch: Callable[..., Watched], tmp_path: Path) -> None:
    pipe = tmp_path / "never.gguf"
    os.mkfifo(pipe)
    server = watch(pipe, stall_seconds=1.5).server
    server.start()
    with pytest.raises(AppError) as caught:
        server.wait_ready(30)
    assert caught.value.code is ErrorCode.ENGINE_STALLED


def test_a_taken_port_is_tried_again_elsewhere(watch: Callable[..., Watched], tiny: Path) -> None:
    with socket.socket() as holder, socket.socket() as free:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        free.bind(("127.0.0.1", 0))
        ports = iter([holder.getsockname()[1]] * 2 + [free.getsockname()[1]])
        free.close()
        server = watch(tiny, pick_port=lambda: next(ports)).server
        server.start()
        server.wait_ready(30)
        assert get(server, "/health")[0] == 200
        assert sum("was taken" in line for line in server.log.lines()) == 2
        taken = holder.getsockname()[1]
        other = watch(tiny, pick_port=lambda: taken).server
        other.start()
        with pytest.raises(AppError) as caught:
            other.wait_ready(30)
        assert caught.value.code is ErrorCode.ENGINE_PORT_TAKEN
        assert str(taken) in caught.value.cause


def test_health_is_asked_where_the_protocol_is_silent(
    watch: Callable[..., Watched], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(tiny)
    monkeypatch.setattr(watched.server, "_take_state", lambda data: None)
    watched.server.start()
    watched.server.wait_ready(30)
    assert watched.server.facts["meta"]["n_ctx"] == 512


def test_a_broken_model_says_why(watch: Callable[..., Watched], tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny.read_bytes()[:-100_000])
    server = watch(broken).server
    server.start()
    with pytest.raises(AppError) as caught:
        server.wait_ready(30)
    assert caught.value.code is ErrorCode.ENGINE_CORRUPT_MODEL
    assert server.death is caught.value


def test_what_cannot_even_start(
    watch: Callable[..., Watched], runtime: Runtime, tiny: Path
) -> None:
    nowhere = replace(runtime, tools={**runtime.tools, "llama-server": Path("/nowhere/x")})
    server = watch(tiny, runtime=nowhere).server
    with pytest.raises(AppError) as caught:
        server.start()
    assert caught.value.code is ErrorCode.ENGINE_BAD_RUNTIME
    with pytest.raises(AppError):
        watch(tiny, settings=LoadSettings(kv_type_k="q9")).server.start()


def test_a_listener_that_fails_does_not_stop_the_load(
    watch: Callable[..., Watched], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(tiny)
    monkeypatch.setattr(watched.server, "_on_change", lambda status: 1 / 0)
    watched.server.start()
    watched.server.wait_ready(30)
    assert any("ZeroDivisionError" in line for line in watched.server.log.lines())


def test_a_client_that_stays_does_not_hold_up_the_stop(
    watch: Callable[..., Watched], tiny: Path
) -> None:
    server = watch(tiny, settings=replace(SETTINGS, context_tokens=2048)).server
    server.start()
    server.wait_ready(30)
    body = json.dumps({"prompt": "a", "n_predict": 100_000, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(
            b"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
            % (server.api_key.encode(), len(body), body)
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 200")  # and never reads again
        began = time.monotonic()
        server.stop(0.5)
        assert time.monotonic() - began < 4
    assert server.state is ServerState.ENDED and server.death is None


def test_progress_over_several_stages() -> None:
    stages = ["text_model", "mmproj_model"]
    assert overall({"stages": stages, "current": "text_model", "value": 1.0}) == 0.5
    assert overall({"stages": stages, "current": "mmproj_model", "value": 0.5}) == 0.75
    assert overall({"value": 0.3}) == 0.3
    assert overall({"value": "x"}) == 0.0
    assert overall({}) == 0.0


PARENT = """
import sys, threading
from pathlib import Path
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import environment_folder, read_runtime
from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import LoadStage, ServerState
model, until, tmp = sys.argv[1:]
said = threading.Event()
def on_change(status):
    placing = status.stage is LoadStage.PLACING and status.value > 0
    if (until == "placing" and placing) or status.state is ServerState.READY:
        print(server.pid, status.state, flush=True)
runtime = read_runtime("environment", environment_folder(), Path(tmp))
server = EngineServer(runtime, Path(model), "m", LoadSettings(context_tokens=512),
                      work_root=Path(tmp) / "work", on_change=on_change)
server.start()
said.wait()
"""


@posix
@pytest.mark.parametrize("moment", ["placing", "ready"])
def test_a_killed_parent_leaves_no_child(
    moment: str, tiny: Path, slow: Path, tmp_path: Path
) -> None:
    model = slow if moment == "placing" else tiny
    command = [sys.executable, "-c", PARENT, str(model), moment, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pid_text, state = parent.stdout.readline().split()
        assert state == (b"loading" if moment == "placing" else b"ready")
        pid = int(pid_text)
        assert not gone(pid)
        parent.kill()
        until(lambda: gone(pid), 5)
