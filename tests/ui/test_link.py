"""The window's tie to a real service: its events, its death and its return."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.core.client import client as client_module
from desktop.core.client import connect as connect_module
from desktop.core.client.connect import read_endpoint
from desktop.core.client.ending import ask_to_make_room, kill_hanging
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import Paths, paths
from desktop.core.service.lock import ServiceLock
from desktop.core.version import ADMIN_API, VERSION
from desktop.ui.bridge import Bridge
from desktop.ui.link import ServiceLink
from tests.helpers.service import of_version, wait_for

START_MS = 40_000


class Heard:
    """What a link's signals brought, and in which threads."""

    def __init__(self, link: ServiceLink) -> None:
        self.states: list[dict[str, Any]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.losses: list[AppError] = []
        self.threads: set[threading.Thread] = set()
        link.connected.connect(self._on_connected)
        link.event_received.connect(self._on_event)
        link.lost.connect(self._on_lost)

    def _on_connected(self, state: dict[str, Any]) -> None:
        self.threads.add(threading.current_thread())
        self.states.append(state)

    def _on_event(self, kind: str, data: dict[str, Any]) -> None:
        self.threads.add(threading.current_thread())
        self.events.append((kind, data))

    def _on_lost(self, error: AppError) -> None:
        self.threads.add(threading.current_thread())
        self.losses.append(error)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for each, data in self.events if each == kind]


@pytest.fixture
def home(own_environment: Path) -> Iterator[Paths]:
    """Folders of a service; whatever service uses them at the end is ended."""
    where = paths().ensure()
    yield where
    endpoint = read_endpoint(where)
    if endpoint is not None and psutil.pid_exists(endpoint.pid):
        process = psutil.Process(endpoint.pid)
        process.terminate()
        # Its parent, a thread of ours, takes note of the end as well.
        wait_for(lambda: not _runs(process), "the service ends")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def link(qapp: QApplication, home: Paths) -> Iterator[ServiceLink]:
    bridge = Bridge(qapp)
    made = ServiceLink(home, bridge, qapp)
    yield made
    made.close()
    bridge.close()
    made.deleteLater()
    bridge.deleteLater()


def test_it_starts_a_service_and_follows_it(qtbot: QtBot, link: ServiceLink) -> None:
    heard = Heard(link)
    with pytest.raises(AppError) as before:
        _ = link.client
    assert before.value.code is ErrorCode.SERVICE_NOT_RUNNING
    link.start()
    qtbot.waitUntil(lambda: bool(heard.states), timeout=START_MS)
    assert heard.states[0]["public"]["on"] is False
    port = free_port()
    link.client.public_on(port=port)
    qtbot.waitUntil(lambda: bool(heard.of("public.changed")))
    assert heard.of("public.changed")[-1]["url"] == f"http://127.0.0.1:{port}"
    assert heard.threads == {threading.main_thread()}


def test_it_survives_a_service_that_is_killed(qtbot: QtBot, link: ServiceLink) -> None:
    heard = Heard(link)
    link.start()
    qtbot.waitUntil(lambda: bool(heard.states), timeout=START_MS)
    first = link.client.endpoint.pid
    psutil.Process(first).kill()
    qtbot.waitUntil(lambda: bool(heard.losses), timeout=START_MS)
    assert heard.losses[0].code in (ErrorCode.SERVICE_UNREACHABLE, ErrorCode.SERVICE_NOT_RUNNING)
    qtbot.waitUntil(lambda: len(heard.states) == 2, timeout=START_MS)
    assert link.client.endpoint.pid != first
    assert link.client.hello()
    events = len(heard.events)
    link.client.public_on(port=free_port())
    qtbot.waitUntil(lambda: len(heard.events) > events)


@pytest.fixture
def older(home: Paths, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A real service that is of another version; parameters: its version and its language."""
    process = subprocess.Popen(of_version(*request.param), start_new_session=True)
    wait_for(lambda: read_endpoint(home) is not None, "the other service is ready", 30)
    yield process
    process.kill()
    process.wait()


def replaced(qtbot: QtBot, link: ServiceLink, heard: Heard, pid: int) -> None:
    """Wait until another service than `pid` of this version is followed."""

    def is_new() -> bool:
        return bool(heard.states) and heard.states[-1]["pid"] != pid

    qtbot.waitUntil(is_new, timeout=START_MS)
    assert heard.states[-1]["version"] == VERSION
    assert link.client.hello()["pid"] != pid


@pytest.mark.parametrize("older", [("0.0.9", ADMIN_API)], indirect=True)
def test_an_older_service_is_used_and_replaced_when_asked(
    qtbot: QtBot, link: ServiceLink, home: Paths, older: subprocess.Popen[bytes]
) -> None:
    heard = Heard(link)
    link.start()
    qtbot.waitUntil(lambda: bool(heard.states), timeout=START_MS)
    assert (heard.states[0]["version"], heard.states[0]["pid"]) == ("0.0.9", older.pid)
    ask_to_make_room(home)
    replaced(qtbot, link, heard, older.pid)
    assert heard.of("service.making_room") == [{}]
    assert older.wait(30) == 0, "it ended in good order"


@pytest.mark.parametrize("older", [("0.0.1", ADMIN_API - 1)], indirect=True)
def test_a_service_that_speaks_another_language_is_replaced_when_asked(
    qtbot: QtBot, link: ServiceLink, home: Paths, older: subprocess.Popen[bytes]
) -> None:
    heard = Heard(link)
    link.start()
    qtbot.waitUntil(lambda: len(heard.losses) > 1, timeout=START_MS)
    assert {loss.code for loss in heard.losses} == {ErrorCode.SERVICE_VERSION}
    assert heard.losses[0].params == {"service": "0.0.1", "client": VERSION}
    assert older.poll() is None, "nothing happens before somebody asks for it"
    ask_to_make_room(home)
    replaced(qtbot, link, heard, older.pid)


@pytest.mark.parametrize("older", [("9.0.0", ADMIN_API + 1)], indirect=True)
def test_a_newer_service_is_told_of_as_newer(
    qtbot: QtBot, link: ServiceLink, older: subprocess.Popen[bytes]
) -> None:
    heard = Heard(link)
    link.start()
    qtbot.waitUntil(lambda: bool(heard.losses), timeout=START_MS)
    assert heard.losses[0].code is ErrorCode.SERVICE_NEWER
    with pytest.raises(AppError) as caught:
        _ = link.client
    assert caught.value.code is ErrorCode.SERVICE_NEWER


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_service_that_hangs_is_told_and_taken_back(
    qtbot: QtBot, link: ServiceLink, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "EVENT_SILENCE_SECONDS", 7.0)  # a ping comes every 5
    heard = Heard(link)
    link.start()
    qtbot.waitUntil(lambda: bool(heard.states), timeout=START_MS)
    service = psutil.Process(link.client.endpoint.pid)
    service.suspend()
    qtbot.waitUntil(lambda: bool(heard.losses), timeout=START_MS)
    assert heard.losses[0].code is ErrorCode.SERVICE_UNREACHABLE
    with pytest.raises(AppError) as caught:
        _ = link.client
    assert caught.value.code is ErrorCode.SERVICE_UNREACHABLE
    service.resume()
    qtbot.waitUntil(lambda: len(heard.states) == 2, timeout=START_MS)
    assert heard.states[1]["epoch"] == heard.states[0]["epoch"], "it is the same one"
    service.suspend()
    kill_hanging(home)
    replaced(qtbot, link, heard, service.pid)


def test_a_service_that_cannot_start_is_told_and_tried_again(
    qtbot: QtBot, link: ServiceLink, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    import desktop.ui.link as module

    tries: list[int] = []

    def cannot(where: Paths) -> Any:
        tries.append(1)
        raise AppError(ErrorCode.SERVICE_NOT_STARTING, reason="No room.", log="x")

    monkeypatch.setattr(module, "connect_or_start", cannot)
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    heard = Heard(link)
    link.start()
    qtbot.waitUntil(lambda: len(heard.losses) > 1)
    assert heard.losses[0].code is ErrorCode.SERVICE_NOT_STARTING
    with pytest.raises(AppError):
        _ = link.client


def test_closing_ends_its_thread_and_says_nothing_more(qtbot: QtBot, link: ServiceLink) -> None:
    heard = Heard(link)
    link.start()
    qtbot.waitUntil(lambda: bool(heard.states), timeout=START_MS)
    client = link.client
    link.close()
    wait_for(lambda: not link._thread.is_alive(), "the link's thread ends", 5)
    count = len(heard.events)
    client.public_on(port=free_port())  # the service lives on
    QApplication.processEvents()
    assert len(heard.events) == count
    assert not heard.losses


def test_a_service_whose_address_is_not_here_is_named_and_not_waited_for_in_vain(
    qtbot: QtBot, link: ServiceLink, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two logins have a runtime folder each, and one data folder."""
    monkeypatch.setattr(connect_module, "START_SECONDS", 4.0)
    lock = ServiceLock(home.lock_file)
    lock.acquire()
    try:
        heard = Heard(link)
        link.start()
        qtbot.waitUntil(lambda: bool(heard.losses), timeout=START_MS)
        assert heard.losses[0].code is ErrorCode.SERVICE_LOCKED
        assert heard.losses[0].params["pid"] == str(os.getpid())
    finally:
        link.close()
        lock.release()
