"""A real service of a benchmark's own, with a real engine or one whose answers are scripted."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks import scripted_engine
from benchmarks.models import engine_bin
from benchmarks.streams import Target
from desktop.core.client.client import Client
from desktop.core.client.connect import connect_or_start
from desktop.core.engine.server import free_port
from desktop.core.paths import paths


@dataclass
class House:
    """A running service with its server on."""

    folder: Path
    client: Client
    url: str
    runtimes: set[str] = field(default_factory=set)

    @property
    def pid(self) -> int:
        return self.client.endpoint.pid

    def target(self, model: str) -> Target:
        return Target("paddock", self.url, "none", model)

    def scripted(self, tokens: int, rate: float) -> None:
        """From the next load on answers are so many tokens, at so many a second."""
        name = f"scripted-{tokens}-{rate:g}"
        if name not in self.runtimes:
            folder = self.folder / name
            scripted_engine.install(folder, engine_bin(), tokens=tokens, rate=rate)
            self.client.add_engine(name, str(folder))
            self.runtimes.add(name)
        self.client.use_engine(name)

    def add(self, model: Path) -> str:
        """A model of the benchmark's own; its id."""
        self.client.add_models(str(model))
        return next(str(e["id"]) for e in self.client.models() if e["path"] == str(model))

    def load(self, model: str, slots: int, context_tokens: int = 512) -> dict[str, Any]:
        """Load it anew."""
        self.client.unload(model)
        return self.client.load(model, slots=slots, context_tokens=context_tokens, force=True)

    @property
    def bundled(self) -> str:
        return next(str(each["id"]) for each in self.client.models() if each["bundled"])


@contextlib.contextmanager
def house() -> Iterator[House]:
    """One in a folder of its own; everything ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PADDOCK_HOME"] = folder
        os.environ["PADDOCK_LIBRARY_TEST_NEW_MODELS"] = "false"
        client = connect_or_start(paths())
        try:
            public = client.public_on(port=free_port())
            yield House(Path(folder), client, public["url"])
        finally:
            client.stop()
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(client.endpoint.pid).wait(60)


def engine_url(pid: int) -> str:
    """Where a llama-server listens, by its arguments."""
    arguments = psutil.Process(pid).cmdline()
    return f"http://127.0.0.1:{arguments[arguments.index('--port') + 1]}"


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def started(command: list[str], **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()


def script(name: str) -> list[str]:
    """The command line of a benchmark's own helper."""
    return [sys.executable, str(Path(__file__).with_name(name))]
