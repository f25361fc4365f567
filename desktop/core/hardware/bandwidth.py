"""Memory bandwidth of this machine, measured once and kept.

The measuring is done by a child process (`bandwidth_worker`, which says what is counted); here it
is decided how, and the result is kept in the cache folder's `bandwidth.json`. A result belongs to
one CPU, count of usable CPUs and amount of RAM: when one of them changes it is measured anew.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core import procs
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.files import write_atomic
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.paths import own_command

_VERSION = 1
_BUDGET_SECONDS = 1.7  # in the child; with its start the whole stays below 2 s
_QUICK_SECONDS = 0.6  # where nobody asked for it
_MIN_BUFFER_BYTES = 128 << 20
_DEFAULT_CACHE_BYTES = 32 << 20  # where the system does not tell


@dataclass(frozen=True)
class Rate:
    """GB (10^9 bytes) per second with this many threads."""

    threads: int
    gb_per_second: float


@dataclass(frozen=True)
class Bandwidth:
    """Measured memory bandwidth.

    Attributes:
        gb_per_second: the best rate of all kinds and thread counts, 10^9 bytes per second: what
            the memory has been seen to deliver, so the truth is this or a little more.
        copy: bytes read plus bytes written; read: bytes read.
        buffer_bytes: size of what was gone through.
        beyond_caches: the buffer was at least four times the last-level cache; when not (too
            little free RAM), the figure is too good.
        measured_at: seconds since 1970; age_seconds: how old it was when handed out.
        cached: it was read from the cache, not measured now.
    """

    gb_per_second: float
    copy: tuple[Rate, ...]
    read: tuple[Rate, ...]
    buffer_bytes: int
    beyond_caches: bool
    measured_at: float
    age_seconds: float = 0.0
    cached: bool = False


def cache_file(cache_folder: Path) -> Path:
    return cache_folder / "bandwidth.json"


def buffer_bytes(cpu: CpuInfo, memory: MemoryInfo) -> int:
    """How much to go through: four times the last-level cache, at least 128 MiB, at most a quarter
    of the RAM that is available."""
    wanted = max(_MIN_BUFFER_BYTES, 4 * (cpu.last_level_cache_bytes or _DEFAULT_CACHE_BYTES))
    return min(wanted, memory.available_bytes // 4)


def thread_counts(cpu: CpuInfo) -> list[int]:
    """One thread, half the cores, all cores, all logical CPUs: the best of them counts."""
    most = cpu.usable_cpus
    cores = min(cpu.usable_physical_cores or most, most)
    return sorted({1, max(1, math.ceil(cores / 2)), cores, most})


def load(cache_folder: Path, cpu: CpuInfo, memory: MemoryInfo) -> Bandwidth | None:
    """The kept result for this machine; None where there is none, or none that can be read."""
    try:
        kept = json.loads(cache_file(cache_folder).read_text("utf-8"))
        if kept["key"] != _key(cpu, memory):
            return None
        measured_at = float(kept["measured_at"])
        age = max(0.0, time.time() - measured_at)
        return _from_worker(kept["result"], cpu, measured_at, age_seconds=age, cached=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, cut off, or of another version: measured anew


def measure(
    cache_folder: Path,
    cpu: CpuInfo,
    memory: MemoryInfo,
    *,
    work_root: Path | None = None,
    cancel: CancelToken | None = None,
    command: Sequence[str] | None = None,
    quick: bool = False,
) -> Bandwidth:
    """Measure now (at most 2 s) and keep the result.

    Args:
        quick: in less than a second and at the lowest priority: of an idle machine.
        command: how to start the worker; this program's own hidden command by default.

    Raises:
        AppError: CANCELLED, TIMED_OUT, or PROBE_FAILED with the reason.
    """
    size = buffer_bytes(cpu, memory)
    arguments = [
        *(own_command("_bandwidth_worker") if command is None else command),
        "--buffer-bytes",
        str(size),
        "--threads",
        ",".join(str(count) for count in thread_counts(cpu)),
        "--budget-seconds",
        str(_QUICK_SECONDS if quick else _BUDGET_SECONDS),
    ]
    # numpy's BLAS would start a thread per CPU of its own.
    environment = procs.clean_environment(
        {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}
    )
    try:
        outcome = procs.run(
            arguments,
            timeout_seconds=30,
            cancel=cancel,
            environment=environment,
            work_root=work_root,
            background=quick,
        )
        if not outcome.ok:
            how = procs.exit_words(outcome.returncode)
            raise _failed(f"the measuring process ended with {how}. {outcome.tail(1)}".strip())
        raw = json.loads(outcome.stdout)
        now = time.time()
        result = _from_worker(raw, cpu, now)
    except OSError as error:
        raise _failed(f"the measuring process cannot be started: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _failed("the measuring process gave no figures") from error
    store(cache_folder, {"key": _key(cpu, memory), "measured_at": now, "result": raw})
    return result


def store(cache_folder: Path, content: dict[str, Any]) -> bool:
    """Replace the cache file in one step; False where it cannot be written: the figure is then
    measured again next time, which is no reason to fail now."""
    try:
        write_atomic(cache_file(cache_folder), json.dumps(content).encode())
    except (OSError, AppError):
        return False
    return True


def _key(cpu: CpuInfo, memory: MemoryInfo) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "cpu": cpu.name,
        "usable_cpus": cpu.usable_cpus,
        "ram_bytes": memory.physical_bytes,
    }


def _from_worker(
    raw: dict[str, Any],
    cpu: CpuInfo,
    measured_at: float,
    *,
    age_seconds: float = 0.0,
    cached: bool = False,
) -> Bandwidth:
    copy, read = (_rates(raw[kind]) for kind in ("copy", "read"))
    size = int(raw["buffer_bytes"])
    best = max(rate.gb_per_second for rate in copy + read)
    if not (0 < best < math.inf):
        raise ValueError("no rate")
    # A margin of 1 %: parts of the buffer are whole numbers of elements.
    enough = size * 1.01 >= 4 * (cpu.last_level_cache_bytes or _DEFAULT_CACHE_BYTES)
    return Bandwidth(best, copy, read, size, enough, measured_at, age_seconds, cached)


def _rates(raw: list[dict[str, Any]]) -> tuple[Rate, ...]:
    return tuple(Rate(int(each["threads"]), float(each["gb_per_second"])) for each in raw)


def _failed(reason: str) -> AppError:
    return AppError(ErrorCode.PROBE_FAILED, what="memory bandwidth", reason=reason)
