"""What happens to real users: things die, disks fill, files are wrong, clients do not read."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from desktop.core.client.client import ChatFailed
from desktop.core.client.connect import connect_or_start
from desktop.core.db import read_only
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.disk import fill, small_disk
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, gone, running_service, wait_for

HELLO = [{"role": "user", "content": "hello"}]
# An answer that lasts until it is cut off: the whole context, whatever tokens come.
LONG = {"messages": HELLO, "max_tokens": 1900, "ignore_eos": True}


@pytest.fixture
def fresh(tmp_path: Path, tiny_model: Path) -> Iterator[RunningService]:
    """A service of this test alone, with the tiny model in its library."""
    with running_service(tmp_path / "own") as running:
        running.client.add_models(str(tiny_model))
        yield running


def tiny_id(service: RunningService, tiny_model: Path) -> str:
    return next(m["id"] for m in service.client.models() if m["path"] == str(tiny_model))


def test_killed_engine_in_mid_answer(fresh: RunningService, tiny_model: Path) -> None:
    model = tiny_id(fresh, tiny_model)
    pid = fresh.client.load(model)["pid"]
    url = urlsplit(fresh.client.public_on(port=free_port())["url"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
    body = {"model": model, **LONG, "stream": True}
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"}
    )
    reply = connection.getresponse()
    assert reply.readline().startswith(b"data: ")
    os.kill(pid, signal.SIGKILL)
    events = [line for line in reply.read().split(b"\n\n") if line]
    connection.close()
    error = json.loads(events[-1].removeprefix(b"data: "))["error"]
    assert error["code"] == "upstream_failed" and error["type"] == "server_error"
    assert "stopped" in error["message"]

    answer = list(fresh.client.chat({"model": model, "messages": HELLO, "max_tokens": 2}))
    assert answer[-1]["usage"]["completion_tokens"] == 2
    assert fresh.client.state()["models"][0]["pid"] != pid


def test_plain_request_when_the_engine_dies(fresh: RunningService, tiny_model: Path) -> None:
    model = tiny_id(fresh, tiny_model)
    pid = fresh.client.load(model)["pid"]
    url = urlsplit(fresh.client.public_on(port=free_port())["url"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
    body = {"model": model, **LONG}
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    engine = psutil.Process(pid)
    before = sum(engine.cpu_times()[:2])
    wait_for(lambda: sum(engine.cpu_times()[:2]) > before + 0.3, "it is answering")
    os.kill(pid, signal.SIGKILL)
    reply = connection.getresponse()
    assert reply.status == 502
    assert json.loads(reply.read())["error"]["code"] == "upstream_failed"
    connection.close()


def test_kill_of_the_service_leaves_no_engine(fresh: RunningService, tiny_model: Path) -> None:
    fresh.client.load(tiny_id(fresh, tiny_model))
    assert len(fresh.engines()) == 1
    below = fresh.kill()
    wait_for(lambda: gone(below), "no process is left", 5)
    fresh.restart()
    assert tiny_id(fresh, tiny_model)


def test_kill_of_the_service_in_mid_load_leaves_no_engine(
    fresh: RunningService, tiny_model: Path
) -> None:
    model = tiny_id(fresh, tiny_model)

    def load() -> None:
        with pytest.raises(AppError):
            fresh.client.load(model)

    loading = threading.Thread(target=load)
    loading.start()
    wait_for(fresh.engines, "an engine has been started")
    below = fresh.kill()
    wait_for(lambda: gone(below), "no process is left", 5)
    loading.join()


def test_unload_in_mid_load(fresh: RunningService, tiny_model: Path) -> None:
    model = tiny_id(fresh, tiny_model)
    caught: list[AppError] = []

    def load() -> None:
        try:
            fresh.client.load(model)
        except AppError as error:
            caught.append(error)

    loading = threading.Thread(target=load)
    loading.start()
    wait_for(lambda: fresh.client.state()["models"], "the load has begun")
    fresh.client.unload(model)
    loading.join(20)
    wait_for(lambda: not fresh.engines(), "the engine is gone", 10)
    if caught:  # a load so quick that it was ready before is unloaded instead
        assert caught[0].code is ErrorCode.LOAD_CANCELLED
    assert fresh.client.state()["models"] == []


def test_second_service_ends_with_the_reason(fresh: RunningService) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "desktop.cli", "_service"],
        env=fresh.environ,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 3
    assert str(fresh.process.pid) in second.stderr.decode()
    assert fresh.client.hello()["pid"] == fresh.process.pid


def test_many_commands_at_once_start_one_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop.core.paths import paths

    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "many"))
    where = paths()
    pids: list[int] = []

    def start() -> None:
        pids.append(connect_or_start(where).hello()["pid"])

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 4 and len(set(pids)) == 1
    service = psutil.Process(pids[0])
    connect_or_start(where).stop()
    wait_for(lambda: gone([service]), "the service has ended", 20)


def test_a_client_that_never_reads_is_cut_off_and_harms_nobody(
    fresh: RunningService, tiny_model: Path
) -> None:
    model = tiny_id(fresh, tiny_model)
    fresh.client.load(model)
    url = urlsplit(fresh.client.public_on(port=free_port())["url"])
    body = json.dumps({"model": model, **LONG, "stream": True})
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect((url.hostname, url.port))
        deaf.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        wait_for(lambda: fresh.client.state()["models"][0]["active_requests"] == 1, "it runs")
        answer = list(fresh.client.chat({"model": model, "messages": HELLO, "max_tokens": 3}))
        assert answer[-1]["usage"]["completion_tokens"] == 3
    wait_for(lambda: fresh.client.state()["models"][0]["active_requests"] == 0, "its slot is free")


@pytest.mark.parametrize("content", [b"", b"GGUF", b"garbage" * 100, b"\x00" * 4096])
def test_broken_files_are_listed_with_their_reason(
    fresh: RunningService, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(content)
    fresh.client.add_models(str(broken))
    entry = next(m for m in fresh.client.models() if m["path"] == str(broken))
    assert entry["broken"] and entry["error"]["code"].startswith("gguf_")
    with pytest.raises(AppError) as caught:
        fresh.client.load(entry["id"])
    assert caught.value.code is ErrorCode.MODEL_BROKEN
    assert fresh.engines() == []


def test_a_model_the_engine_refuses_says_why(
    fresh: RunningService, tmp_path: Path, tiny_model: Path
) -> None:
    strange = tmp_path / "strange.gguf"
    strange.write_bytes(
        tiny_model.read_bytes()
        .replace(b"llama.", b"lmaxx.")
        .replace(b"\x05\x00\x00\x00\x00\x00\x00\x00llama", b"\x05\x00\x00\x00\x00\x00\x00\x00lmaxx")
    )
    fresh.client.add_models(str(strange))
    entry = next(m for m in fresh.client.models() if m["path"] == str(strange))
    with pytest.raises(AppError) as caught:
        fresh.client.load(entry["id"])
    assert caught.value.code is ErrorCode.ENGINE_UNKNOWN_ARCHITECTURE
    assert "lmaxx" in str(caught.value)
    with pytest.raises(ChatFailed) as failed:
        list(fresh.client.chat({"model": entry["id"], "messages": HELLO}))
    assert failed.value.body["code"] == "load_cooling_down"


def test_a_load_that_would_not_fit_is_refused_with_figures(
    fresh: RunningService, tmp_path: Path
) -> None:
    wide = tmp_path / "wide.gguf"
    tokens = 1 << 22  # 8 KiB of KV cache each, times four slots: 128 GiB
    write_tiny_llama(wide, context=tokens, n_layers=8, n_kv_heads=4)
    fresh.client.add_models(str(wide))
    model = next(m["id"] for m in fresh.client.models() if m["path"] == str(wide))
    with pytest.raises(AppError) as caught:
        fresh.client.load(model, context_tokens=tokens, slots=4)
    assert caught.value.code is ErrorCode.LOAD_WONT_FIT
    assert caught.value.params["need"].endswith("GiB")
    assert caught.value.params["available"].endswith("GiB")
    with pytest.raises(AppError) as caught:
        fresh.client.load(model, context_tokens=tokens, slots=64)
    assert caught.value.code is ErrorCode.LOAD_WONT_FIT
    assert fresh.engines() == []
    assert fresh.client.load(model)["state"] == "ready", "what fits is chosen by itself"


def test_a_context_beyond_the_trained_one_is_refused(
    fresh: RunningService, tiny_model: Path
) -> None:
    model = tiny_id(fresh, tiny_model)
    with pytest.raises(AppError) as caught:
        fresh.client.load(model, context_tokens=4096)
    assert caught.value.code is ErrorCode.SETTING_INVALID
    assert "2048" in str(caught.value)


def test_unknown_model_is_never_a_default(fresh: RunningService) -> None:
    for name in ("gpt-4o", "llama", "tiny", ""):
        with pytest.raises((ChatFailed, AppError)):
            list(fresh.client.chat({"model": name, "messages": HELLO}))
    assert fresh.engines() == []


def test_damaged_settings_and_database_are_kept_and_told(tmp_path: Path) -> None:
    with running_service(tmp_path / "own") as service:
        service.client.create_key("kept")
    service.paths.settings_file.write_bytes(b"[server\x00")
    service.paths.database.write_bytes(b"no database" * 1000)
    service.restart()
    try:
        codes = {notice["code"] for notice in service.client.state()["notices"]}
        assert codes == {"settings_damaged", "database_damaged"}
        assert list(service.paths.data.glob("paddock.db.damaged-*"))
        assert list(service.paths.config.glob("settings.toml.damaged-*"))
    finally:
        service.stop()


def test_newer_database_is_refused_in_plain_words(tmp_path: Path) -> None:
    with running_service(tmp_path / "own") as service:
        pass
    with sqlite3.connect(service.paths.database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(AssertionError, match="newer Paddock"):
        service.restart()
    assert service.process.wait(10) == 1


def test_full_disk_loses_nothing(tmp_path: Path, tiny_model: Path) -> None:
    with small_disk(tmp_path) as place:
        with running_service(place / "own") as service:
            service.client.add_models(str(tiny_model))
            service.client.create_key("before")
            model = tiny_id(service, tiny_model)
            service.client.load(model)
            filler = fill(place)
            with pytest.raises(AppError) as caught:
                for number in range(200):
                    service.client.create_key(f"key {number}")
            assert caught.value.code is ErrorCode.DISK_FULL
            with pytest.raises(AppError) as caught:
                service.client.change_settings({"server.port": 9999})
            assert caught.value.code is ErrorCode.DISK_FULL
            answer = list(service.client.chat({"model": model, "messages": HELLO, "max_tokens": 2}))
            assert answer[-1]["usage"]["completion_tokens"] == 2, "answers need no disk"
            service.client.unload(model)
            assert service.client.load(model)["state"] == "ready", "nor does a load"
            filler.unlink()
            service.client.create_key("after")
            names = [key["name"] for key in service.client.list_keys()]
            assert "before" in names and "after" in names
        with read_only(service.paths.database) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
