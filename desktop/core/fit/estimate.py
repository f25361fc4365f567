"""What a load needs and whether it fits: the object that badge, table, CLI and API all show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError, ErrorCode

HOST = "CPU"
GIB = 1 << 30
OS_RESERVE_BYTES = 1 * GIB
GPU_RESERVE_BYTES = GIB // 4

Source = Literal["dry_run", "formula", "calibrated", "seed_table", "measured"]
Verdict = Literal["gpu", "experts_on_cpu", "partial", "cpu", "wont_fit"]


@dataclass(frozen=True)
class Figure:
    """A figure with its band and where it comes from."""

    value: int
    low: int
    high: int
    source: Source = "dry_run"

    def __add__(self, other: Figure) -> Figure:
        source = self.source if self.value or not other.value else other.source
        return Figure(
            self.value + other.value, self.low + other.low, self.high + other.high, source
        )

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "source": self.source}


ZERO = Figure(0, 0, 0)


@dataclass(frozen=True)
class DeviceNeed:
    """What a load needs on one device ("CPU" is the host), in bytes."""

    name: str
    weights_bytes: Figure = ZERO
    kv_bytes: Figure = ZERO
    compute_bytes: Figure = ZERO
    overhead_bytes: Figure = ZERO

    @property
    def own_bytes(self) -> Figure:
        """What a model takes there itself: without the process or the device's context."""
        return self.weights_bytes + self.kv_bytes + self.compute_bytes

    @property
    def total_bytes(self) -> Figure:
        return self.own_bytes + self.overhead_bytes

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "weights_bytes": self.weights_bytes.value,
            "kv_bytes": self.kv_bytes.value,
            "compute_bytes": self.compute_bytes.value,
            "overhead_bytes": self.overhead_bytes.value,
            "total_bytes": self.total_bytes.to_dict(),
        }


@dataclass(frozen=True)
class Beside:
    """What is loaded beside the model, in bytes; all of it is in the devices' needs already.

    Attributes:
        draft_bytes: its weights, cache and working memory.
        ngram_bytes: tables of speculation from the text itself.
    """

    adapters_bytes: int = 0
    projector_bytes: int = 0
    draft_bytes: int = 0
    ngram_bytes: int = 0


@dataclass(frozen=True)
class Estimate:
    """What a load needs, per device and in all.

    Attributes:
        beside: how much of it is not the model's own.
        prompt_cache_bytes: bound of the engine's host cache; it fills with use and is not needed
            to load, so it is not in any total.
        layers_on_gpu: how many layers the estimate places on GPUs; None where it does not say.
        expert_layers_on_host: of those, the ones whose experts stay on the host.
        n_layers: how many layers the model has, where the estimate says how it places them.
    """

    model: str
    settings: LoadSettings
    devices: tuple[DeviceNeed, ...]
    prompt_cache_bytes: int = 0
    tool: str = "llama-server"
    verdict: Verdict | None = None
    notes: tuple[str, ...] = ()
    layers_on_gpu: int | None = None
    expert_layers_on_host: int | None = None
    n_layers: int | None = None
    beside: Beside = Beside()

    def part(self, name: str) -> Figure:
        """The sum of one part ("weights_bytes", …, "total_bytes") over all devices."""
        total = ZERO
        for device in self.devices:
            total = total + getattr(device, name)
        return total

    @property
    def total_bytes(self) -> Figure:
        return self.part("total_bytes")

    def to_dict(self) -> dict[str, Any]:
        """The memory keys of `paddock fit --json`."""
        parts = ("weights_bytes", "kv_bytes", "compute_bytes", "overhead_bytes")
        return {
            "model": self.model,
            "context_tokens": self.settings.context_tokens,
            "slots": self.settings.slots,
            "verdict": self.verdict,
            "total_bytes": self.total_bytes.to_dict(),
            "parts": {name: self.part(name).value for name in parts},
            "devices": [device.to_dict() for device in self.devices],
            "beside": asdict(self.beside),
            "prompt_cache_bytes": self.prompt_cache_bytes,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Available:
    """What a device can give now, in bytes, before the reserve is taken off.

    Attributes:
        unified: the device's memory is the host's: what is on it counts there too, once.
        own_bytes: of a unified device, what the firmware set aside for it: no part of the host's.
    """

    name: str
    available_bytes: int
    description: str = ""
    unified: bool = False
    own_bytes: int = 0


def check_fits(
    estimate: Estimate,
    available: Sequence[Available],
    *,
    os_reserve_bytes: int = OS_RESERVE_BYTES,
    gpu_reserve_bytes: int = GPU_RESERVE_BYTES,
) -> AppError | None:
    """LOAD_WONT_FIT for the device that lacks most, or None when it fits everywhere.

    A device the list does not name has nothing to give. On a GPU what is too much goes to host
    memory when the engine places layers itself (`gpu_layers` None), so then the sum is what counts.
    """
    room = {
        a.name: a.available_bytes - (os_reserve_bytes if a.name == HOST else gpu_reserve_bytes)
        for a in available
    }
    needs = {need.name: need.total_bytes.value for need in estimate.devices}
    unified = {a.name: a.own_bytes for a in available if a.unified and a.name != HOST}
    shared = sum(max(0, needs.get(name, 0) - own) for name, own in unified.items())
    if shared:
        needs[HOST] = needs.get(HOST, 0) + shared
    lacking = {name: need - room.get(name, 0) for name, need in needs.items()}
    if estimate.settings.gpu_layers is None:
        over = {name: lack for name, lack in lacking.items() if name != HOST and lack > 0}
        if over:
            # What is on a unified device is among the host's needs already.
            spilled = sum(lack for name, lack in over.items() if name not in unified)
            lacking = {HOST: needs.get(HOST, 0) + spilled - room.get(HOST, 0)}
            needs = {HOST: needs.get(HOST, 0) + spilled}
    if not lacking:
        return None
    worst = max(lacking, key=lambda name: lacking[name])
    if lacking[worst] <= 0:
        return None
    described = {a.name: a.description for a in available}
    return AppError(
        ErrorCode.LOAD_WONT_FIT,
        model=estimate.model,
        need=gib(needs[worst]),
        available=gib(max(0, room.get(worst, 0))),
        device=described.get(worst) or ("this machine's memory" if worst == HOST else worst),
    )


def verdict(
    estimate: Estimate, available: Sequence[Available], *, experts_on_cpu: bool | None = None
) -> Verdict:
    """The one word of `paddock fit` for these settings on this machine."""
    if check_fits(estimate, available) is not None:
        return "wont_fit"
    gpus = [need for need in estimate.devices if need.name != HOST]
    if not gpus or estimate.settings.gpu_layers == 0:
        return "cpu"
    room = {a.name: a.available_bytes - GPU_RESERVE_BYTES for a in available}
    if any(need.total_bytes.value > room.get(need.name, 0) for need in gpus):
        return "partial"
    if estimate.layers_on_gpu is not None and estimate.n_layers is not None:
        if estimate.layers_on_gpu == 0:
            return "cpu"
        if estimate.layers_on_gpu < estimate.n_layers:
            return "partial"
        if estimate.expert_layers_on_host:
            return "experts_on_cpu"
    if estimate.settings.experts_on_cpu if experts_on_cpu is None else experts_on_cpu:
        return "experts_on_cpu"
    return "gpu"


def gib(size_bytes: int) -> str:
    """A size for people; below a GiB in MiB, where a tenth of a GiB would hide the difference."""
    if size_bytes < GIB:
        return f"{round(size_bytes / (1 << 20))} MiB"
    return f"{size_bytes / GIB:.1f} GiB"
