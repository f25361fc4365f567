"""Devices that take layers like a GPU: the engine's own RPC servers, on loopback.

So the engine's placement, and what it plans for a device, can be had on a machine without a GPU.
"""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.fit.estimate import DeviceNeed
from desktop.core.fit.memory import needs_from_rows
from tests.helpers.engine_plan import plan_rows


class RpcDevices:
    """`count` devices named RPC0, RPC1, …; use it as a context manager."""

    def __init__(self, runtime: Runtime, count: int) -> None:
        self._runtime = runtime
        self._count = count
        self._servers: list[subprocess.Popen[bytes]] = []
        self._ports: list[int] = []

    def __enter__(self) -> RpcDevices:
        for _ in range(self._count):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            command = [str(self._runtime.tool("ggml-rpc-server")), "-H", "127.0.0.1"]
            self._servers.append(
                subprocess.Popen(
                    [*command, "-p", str(port)],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            self._ports.append(port)
        for port in self._ports:
            _wait_for(port)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.kill()
            server.wait()

    @property
    def address(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self._ports)

    def plan(self, model: Path, settings: LoadSettings) -> tuple[DeviceNeed, ...]:
        """What the engine plans for a load onto these devices."""
        more = ("--rpc", self.address)
        return needs_from_rows(plan_rows(self._runtime, model, settings, more))


def _wait_for(port: int, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
