"""What a loaded model really holds on each device, read from the engine's own log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

MIB = 1 << 20


@dataclass
class _Parts:
    weights: float = 0.0
    kv: float = 0.0
    compute: float = 0.0


@dataclass(frozen=True)
class DeviceMemory:
    """What one device holds, in bytes. `name` is "CPU" for the host, else the engine's name."""

    name: str
    weights_bytes: int
    kv_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.compute_bytes

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "weights_bytes": self.weights_bytes,
            "kv_bytes": self.kv_bytes,
            "compute_bytes": self.compute_bytes,
        }


_BUFFER = re.compile(
    r"\w+: +(?P<name>\S+) +(?P<kind>model|KV|RS|DSV4 \w+ state|output|compute) buffer size = +"
    r"(?P<mib>[\d.]+) MiB"
)


def device_of(buffer: str) -> str:
    """The device a buffer type lies on: `CUDA0`, or "CPU" for everything in host memory."""
    if buffer.startswith("CPU") or buffer.endswith("_Host") or buffer in ("Host", "BLAS", "AMX"):
        return "CPU"
    return re.sub(r"_(Mapped|Private|Split|Shared|REPACK)$", "", buffer)


class MemoryReader:
    """Sums the buffer sizes that `-lv 4` prints during a load (two decimals of a MiB).

    The mapped part of a file counts its whole span, also tensors that were copied elsewhere
    (CPU_REPACK), so the host's weights are taken from the size of all tensors, which the engine
    reports when it is ready, less what lies on other devices.
    """

    def __init__(self) -> None:
        self._devices: dict[str, _Parts] = {}
        self._mapped = False

    def feed(self, text: str) -> None:
        if "loading model tensors" in text:
            self._devices.clear()
            self._mapped = False
            return
        match = _BUFFER.search(text)
        if match is None:
            return
        parts = self._devices.setdefault(device_of(match["name"]), _Parts())
        mib = float(match["mib"])
        if match["kind"] == "model":
            parts.weights += mib
            self._mapped |= match["name"].endswith("_Mapped")
        elif match["kind"] in ("KV", "RS") or match["kind"].startswith("DSV4"):
            parts.kv += mib
        else:
            parts.compute += mib

    def devices(self, tensor_bytes: int | None = None) -> tuple[DeviceMemory, ...]:
        weights = {name: round(p.weights * MIB) for name, p in self._devices.items()}
        if tensor_bytes is not None and self._mapped and "CPU" in weights:
            elsewhere = sum(size for name, size in weights.items() if name != "CPU")
            weights["CPU"] = min(weights["CPU"], max(0, tensor_bytes - elsewhere))
        return tuple(
            DeviceMemory(name, weights[name], round(p.kv * MIB), round(p.compute * MIB))
            for name, p in self._devices.items()
        )
