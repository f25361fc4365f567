"""A real service in a home of its own, for tests that drive it from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from desktop.core.client.client import Client
from desktop.core.client.connect import connect
from desktop.core.errors import AppError
from desktop.core.paths import Paths, own_command, paths


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail the test when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


class RunningService:
    """A service process and a client of it."""

    def __init__(self, home: Path, more: Mapping[str, str] | None = None) -> None:
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PADDOCK_", "HF_"))},
            "PADDOCK_HOME": str(home),
            "HF_HOME": str(home / "hf"),
            **(more or {}),
        }
        self.paths: Paths = paths(self.environ).ensure()
        self.output = self.paths.logs / "service-start.log"
        self.process = self._start()
        self.client = self._connect()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as sink:
            return subprocess.Popen(
                own_command("_service", "600"),
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def _connect(self) -> Client:
        found: list[Client] = []

        def answers() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended: {self.output.read_text()}")
            try:
                client = connect(self.paths)
            except AppError:
                return False
            if client.endpoint.pid != self.process.pid:
                return False
            found.append(client)
            return True

        wait_for(answers, "the service answers")
        return found[0]

    def events(self) -> list[dict[str, Any]]:
        """All that the service published so far."""
        state = self.client.state()
        found: list[dict[str, Any]] = []
        for event in self.client.events(state["epoch"], 0):
            if event["type"] != "ping":
                found.append(event)
            if event["type"] == "ping" or event["seq"] >= state["seq"]:
                break
        return found

    def engines(self) -> list[psutil.Process]:
        """The llama-server processes below the service."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        found = []
        for child in children:
            try:
                if child.name().startswith("llama-server"):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    def kill(self) -> list[psutil.Process]:
        """End the service as a crash would; returns what was below it."""
        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        self.process.kill()
        self.process.wait()
        return below

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the service did not end within 30 s") from None

    def restart(self) -> None:
        self.process = self._start()
        self.client = self._connect()


@contextmanager
def running_service(home: Path, more: Mapping[str, str] | None = None) -> Iterator[RunningService]:
    service = RunningService(home, more)
    try:
        yield service
    finally:
        service.stop()


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of these processes lives (a zombie lives no more)."""
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            continue
    return True


def of_version(version: str, admin_api: int) -> list[str]:
    """The command line of the real service, as if it were of another version of Paddock."""
    code = (
        "import sys; from desktop.core import version; "
        f"version.VERSION, version.ADMIN_API = {version!r}, {admin_api}; "
        "from desktop.core.service.process import main; sys.exit(main(sys.argv[2:]))"
    )
    return [sys.executable, "-c", code, "_service", "600"]
