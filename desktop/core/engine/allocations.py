"""What a loaded model really holds on each device, read from the engine's own log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

MIB = 1 << 20


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
    r"(?P<by>\w+): +(?P<name>\S+) +"
    r"(?P<kind>model|KV|RS|DSV4 \w+ state|output|compute|LoRA) buffer size = +(?P<mib>[\d.]+) MiB"
)
_FILE_SIZE = re.compile(r"print_info: file size += +([\d.]+) (MiB|GiB)")
_PROJECTOR = re.compile(r"load_hparams: model size: +([\d.]+) MiB")
_PROJECTOR_DEVICE = re.compile(r"CLIP using (\S+) backend")


def device_of(buffer: str) -> str:
    """The device a buffer type lies on: `CUDA0`, or "CPU" for everything in host memory."""
    if buffer.startswith("CPU") or buffer.endswith("_Host") or buffer in ("Host", "BLAS", "AMX"):
        return "CPU"
    return re.sub(r"_(Mapped|Private|Split|Shared|REPACK)$", "", buffer)


class _Model:
    """One model of a load: the model itself, or its draft model."""

    def __init__(self) -> None:
        self.weights: dict[str, float] = {}
        self.kv: dict[str, float] = {}
        # By context and buffer type, since a device can have several; a later reservation of the
        # same scheduler (an adapter's first use, say) takes the place of the one before.
        self.compute: dict[tuple[int, str, str], float] = {}
        self.contexts = 0
        self.mapped = False
        self.file_mib: float | None = None

    def take(self, kind: str, by: str, name: str, mib: float) -> None:
        device = device_of(name)
        if kind == "model":
            self.weights[device] = self.weights.get(device, 0.0) + mib
            self.mapped |= name.endswith("_Mapped")
        elif kind == "compute":
            self.compute[self.contexts, by, name] = mib
        elif kind == "output":
            self.compute[self.contexts, by, f"{name} output"] = mib
        else:
            self.kv[device] = self.kv.get(device, 0.0) + mib

    def weights_mib(self, tensor_bytes: int | None) -> dict[str, float]:
        """By device; a mapped file's span counts no more than its tensors."""
        weights, total = dict(self.weights), self.file_mib
        if tensor_bytes is not None:
            total = tensor_bytes / MIB
        if total is not None and self.mapped and "CPU" in weights:
            elsewhere = sum(size for name, size in weights.items() if name != "CPU")
            weights["CPU"] = min(weights["CPU"], max(0.0, total - elsewhere))
        return weights


class MemoryReader:
    """Sums the buffer sizes that `-lv 4` prints during a load (two decimals of a MiB).

    The mapped part of a file counts its whole span, also tensors that were copied elsewhere
    (CPU_REPACK), so the host's weights are taken from the size of all tensors, which the engine
    reports when it is ready, less what lies on other devices. A draft model, adapters and a
    projector are counted with it.
    """

    def __init__(self) -> None:
        self._models = [_Model()]
        self._adapters: dict[str, float] = {}
        self._projector = 0.0  # a file for eyes and ears says its size once for each
        self._projector_device = "CPU"

    def feed(self, text: str) -> None:
        if match := _BUFFER.search(text):
            name, mib = match["name"], float(match["mib"])
            if match["kind"] == "LoRA":
                device = device_of(name)
                self._adapters[device] = self._adapters.get(device, 0.0) + mib
            else:
                self._models[-1].take(match["kind"], match["by"], name, mib)
        elif "loading draft model" in text:
            self._models.append(_Model())
        elif "constructing llama_context" in text:
            self._models[-1].contexts += 1
        elif match := _FILE_SIZE.search(text):
            self._models[-1].file_mib = float(match[1]) * (1024 if match[2] == "GiB" else 1)
        elif match := _PROJECTOR_DEVICE.search(text):
            self._projector_device = device_of(match[1])
        elif match := _PROJECTOR.search(text):
            self._projector = float(match[1])

    def devices(self, tensor_bytes: int | None = None) -> tuple[DeviceMemory, ...]:
        """What each device holds.

        Args:
            tensor_bytes: size of the model's tensors, as the engine reports it.
        """
        weights: dict[str, float] = {}
        kv: dict[str, float] = {}
        compute: dict[str, float] = {}
        for place, model in enumerate(self._models):
            for name, mib in model.weights_mib(None if place else tensor_bytes).items():
                weights[name] = weights.get(name, 0.0) + mib
            for name, mib in model.kv.items():
                kv[name] = kv.get(name, 0.0) + mib
            for (_, _, buffer), mib in model.compute.items():
                name = device_of(buffer.removesuffix(" output"))
                compute[name] = compute.get(name, 0.0) + mib
        beside = [*self._adapters.items()]
        if self._projector:
            beside.append((self._projector_device, self._projector))
        for name, mib in beside:
            weights[name] = weights.get(name, 0.0) + mib
        return tuple(
            DeviceMemory(
                name,
                round(weights.get(name, 0.0) * MIB),
                round(kv.get(name, 0.0) * MIB),
                round(compute.get(name, 0.0) * MIB),
            )
            for name in dict.fromkeys((*weights, *kv, *compute))
        )
