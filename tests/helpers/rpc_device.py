"""Devices that take layers like a GPU: the engine's own RPC servers, on loopback.

So the engine's placement, and what it plans for a device, can be had on a machine without a GPU.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from desktop.core.engine.flags import LoadSettings, memory_arguments
from desktop.core.engine.runtime import Runtime
from desktop.core.fit.estimate import DeviceNeed
from desktop.core.fit.memory import needs_from_rows


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
        command = [str(self._runtime.tool("llama-server")), "-m", str(model)]
        command += ["--rpc", self.address, *memory_arguments(self._runtime, settings)]
        command += ["--host", "127.0.0.1", "--port", "0", "-fit", "on", "-lv", "4"]
        command += ["--log-jsonl", "--offline", "--no-ui", "--cache-ram", "0"]
        lines: list[str] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
            assert server.stdout is not None
            for raw in server.stdout:
                lines.append(raw.decode(errors="replace"))
                if "fit_memory_breakdown" in lines[-1]:
                    server.kill()
                    rows = json.loads(lines[-1])["data"]["rows"]
                    return needs_from_rows(rows)
        raise AssertionError("no plan: " + re.sub(r"\s+", " ", "".join(lines[-20:])))


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
