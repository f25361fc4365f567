"""Which loaded models have to go before another one fits: as few, and as cheap to bring back, as
can be; a busy one only where nothing else helps, a pinned one never."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from desktop.core.fit.estimate import HOST, Available, Estimate, check_fits
from desktop.core.service.loaded import Loaded, Standing


@dataclass(frozen=True)
class Held:
    """What loaded models hold of this machine's memory.

    Attributes:
        host_bytes: by their engines' reports, in host memory.
        mapped_bytes: pages of their files that their engines read in place: the system counts them
            as memory that can be had, and taking it would slow every answer.
    """

    host_bytes: int = 0
    mapped_bytes: int = 0


def held(others: Iterable[Standing]) -> Held:
    found = list(others)
    return Held(
        sum(each.devices.get(HOST, 0) for each in found),
        sum(each.mapped_bytes for each in found),
    )


def freed(available: Sequence[Available], gone: Iterable[Standing]) -> tuple[Available, ...]:
    """What there would be without these models."""
    leaving = list(gone)
    return tuple(
        replace(
            place,
            available_bytes=place.available_bytes
            + sum(each.devices.get(place.name, 0) for each in leaving),
        )
        for place in available
    )


def victims(
    estimate: Estimate, available: Sequence[Available], others: Iterable[Standing]
) -> tuple[str, ...]:
    """The models to take out before this load, in that order; all that may go where even that is
    not enough.

    Args:
        available: what there is beside `others`.
    """
    if check_fits(estimate, available) is None:
        return ()
    pool = sorted(
        (each for each in others if not each.pinned),
        key=lambda each: (not each.idle, each.cost_seconds),
    )
    chosen: list[Standing] = []
    for each in pool:
        chosen.append(each)
        if check_fits(estimate, freed(available, chosen)) is None:
            return tuple(each.id for each in _needed(estimate, available, chosen))
    return tuple(each.id for each in chosen)


def _needed(
    estimate: Estimate, available: Sequence[Available], chosen: list[Standing]
) -> list[Standing]:
    """Without those that need not go after all: busy ones are spared first, then dear ones."""
    for each in sorted(chosen, key=lambda one: (one.idle, -one.cost_seconds)):
        rest = [other for other in chosen if other is not each]
        if check_fits(estimate, freed(available, rest)) is None:
            chosen = rest
    return chosen


def on_gpu(others: Iterable[Standing]) -> list[Standing]:
    """Those that may go and would give memory of a GPU back, in the order in which they go."""
    found = [
        each
        for each in others
        if not each.pinned and any(name != HOST and size for name, size in each.devices.items())
    ]
    return sorted(found, key=lambda each: (not each.idle, each.cost_seconds))


def standing(loaded: Loaded, *, idle: bool) -> Standing:
    """A loaded model as another load sees it; reads the system's figures of its process."""
    server = loaded.server
    devices: dict[str, int] = {}
    if server is not None:
        for device in server.memory:
            devices[device.name] = devices.get(device.name, 0) + device.total_bytes
    return Standing(
        loaded.entry.id,
        devices,
        _mapped_bytes(server.pid) if server is not None else 0,
        idle=idle,
        pinned=loaded.pinned,
        cost_seconds=loaded.load_seconds or 0.0,
    )


def _mapped_bytes(pid: int | None) -> int:
    """Pages of files that a process has in memory, where the system counts them as available.

    So does Linux (`MemAvailable` of proc(5) takes in the page cache); others count them as used.
    """
    if pid is None or sys.platform != "linux":
        return 0
    import psutil  # type: ignore[import-untyped]

    try:
        return int(psutil.Process(pid).memory_info().shared)
    except psutil.Error:
        return 0  # it has ended: it holds nothing
