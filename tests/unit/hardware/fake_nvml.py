"""A pynvml module without a GPU: the real module's constants and error classes, and functions that
answer like a driver. The values are hand-written after the data sheet of an RTX 4090 and published
`nvidia-smi` output; they were not recorded from a GPU."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pynvml

TOTAL = 25757220864


def fake_nvml(**answers: Any) -> SimpleNamespace:
    """`answers` replace functions: a value is returned, an exception raised, a callable called."""
    names = [name for name in dir(pynvml) if name.startswith(("NVML_", "NVMLError"))]
    module = SimpleNamespace(**{name: getattr(pynvml, name) for name in names})
    defaults: dict[str, Any] = {
        "nvmlInit": None,
        "nvmlShutdown": None,
        "nvmlSystemGetDriverVersion": "570.124.06",
        "nvmlSystemGetCudaDriverVersion": 12080,
        "nvmlSystemGetProcessName": lambda pid: b"/usr/bin/blender",
        "nvmlDeviceGetCount": 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": "NVIDIA GeForce RTX 4090",
        "nvmlDeviceGetUUID": "GPU-6e1b2b3c-0000-1111-2222-333344445555",
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(
            total=TOTAL, free=TOTAL - (2 << 30), used=2 << 30
        ),
        "nvmlDeviceGetCudaComputeCapability": (8, 9),
        "nvmlDeviceGetPciInfo": SimpleNamespace(busId=b"00000000:01:00.0"),
        "nvmlDeviceGetEnforcedPowerLimit": 450000,
        "nvmlDeviceGetMemoryBusWidth": 384,
        "nvmlDeviceGetMaxClockInfo": lambda handle, kind: 10501,
        "nvmlDeviceGetMigMode": pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED),
        "nvmlDeviceGetMaxMigDeviceCount": 0,
        "nvmlDeviceGetMigDeviceHandleByIndex": pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND),
        "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=4242, usedGpuMemory=1 << 30)],
        "nvmlDeviceGetGraphicsRunningProcesses": [
            SimpleNamespace(pid=4242, usedGpuMemory=1 << 30),
            SimpleNamespace(pid=77, usedGpuMemory=None),
        ],
    }
    for name, answer in {**defaults, **answers}.items():
        setattr(module, name, _function(name, answer))
    return module


def error(name: str) -> Exception:
    raised: Exception = pynvml.NVMLError(getattr(pynvml, f"NVML_ERROR_{name}"))
    return raised


def _function(name: str, answer: Any) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer(*arguments) if callable(answer) else answer

    call.__name__ = name
    return call
