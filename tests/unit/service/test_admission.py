"""Which models go for another one."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.core.engine.allocations import DeviceMemory
from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.estimate import (
    GPU_RESERVE_BYTES,
    HOST,
    OS_RESERVE_BYTES,
    Available,
    DeviceNeed,
    Estimate,
    Figure,
)
from desktop.core.service.admission import freed, held, on_gpu, standing, victims
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded, Standing
from tests.helpers.scripted_loader import entry

GIB = 1 << 30


def need(**gib: float) -> Estimate:
    """What a load needs by device."""
    devices = tuple(
        DeviceNeed(name, weights_bytes=Figure(int(size * GIB), 0, 0)) for name, size in gib.items()
    )
    return Estimate("new", LoadSettings(gpu_layers=99), devices)


def there(**gib: float) -> tuple[Available, ...]:
    """What can be had beside what the system keeps for itself."""
    reserve = {HOST: OS_RESERVE_BYTES}
    return tuple(
        Available(name, int(size * GIB) + reserve.get(name, GPU_RESERVE_BYTES))
        for name, size in gib.items()
    )


def model(name: str, gib: float, cost: float = 1.0, device: str = HOST, **more: Any) -> Standing:
    return Standing(name, {device: int(gib * GIB)}, cost_seconds=cost, **more)


def test_nobody_goes_where_it_fits() -> None:
    assert victims(need(CPU=4), there(CPU=4), [model("a", 8)]) == ()


def test_the_cheapest_to_bring_back_goes_first() -> None:
    others = [model("dear", 4, 30), model("cheap", 4, 2), model("middling", 4, 9)]
    assert victims(need(CPU=6), there(CPU=2), others) == ("cheap",)
    assert set(victims(need(CPU=10), there(CPU=2), others)) == {"cheap", "middling"}


def test_no_more_go_than_must() -> None:
    """A small cheap one is spared where a larger one has to go anyway."""
    others = [model("small", 1, 1), model("large", 8, 5)]
    assert victims(need(CPU=8), there(CPU=0), others) == ("large",)


def test_a_busy_one_goes_only_where_no_idle_one_is_enough() -> None:
    others = [model("busy", 8, 1, idle=False), model("idle", 4, 90)]
    assert victims(need(CPU=4), there(CPU=0), others) == ("idle",)
    assert victims(need(CPU=8), there(CPU=0), others) == ("busy",)


def test_a_pinned_one_never_goes() -> None:
    others = [model("pinned", 8, 1, pinned=True), model("a", 2)]
    assert victims(need(CPU=2), there(CPU=0), others) == ("a",)
    assert victims(need(CPU=8), there(CPU=0), others) == ("a",)  # all that may: it is not enough


def test_only_those_on_the_device_that_is_short_help() -> None:
    others = [model("host", 20, 1), model("gpu", 6, 9, device="CUDA0")]
    assert victims(need(CUDA0=5, CPU=1), there(CUDA0=1, CPU=4), others) == ("gpu",)


def test_who_is_on_a_gpu_in_the_order_of_going() -> None:
    others = [
        model("host", 4),
        model("busy", 4, 1, device="CUDA0", idle=False),
        model("dear", 4, 9, device="CUDA0"),
        model("cheap", 4, 2, device="CUDA1"),
        model("pinned", 4, 0, device="CUDA0", pinned=True),
    ]
    assert [each.id for each in on_gpu(others)] == ["cheap", "dear", "busy"]


def test_what_comes_back_counts_on_its_own_device() -> None:
    gone = [Standing("a", {HOST: 3, "CUDA0": 5}), Standing("b", {HOST: 1})]
    before = (Available(HOST, 10), Available("CUDA0", 20), Available("CUDA1", 30))
    assert [each.available_bytes for each in freed(before, gone)] == [14, 25, 30]
    assert (held(gone).host_bytes, held([]).host_bytes) == (4, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere pages of files count as used")
def test_a_loaded_model_as_others_see_it() -> None:
    memory = (
        DeviceMemory(HOST, 1, 2, 3),
        DeviceMemory("CUDA0", 5, 0, 0),
        DeviceMemory(HOST, 4, 0, 0),
    )
    loaded = Loaded(entry("a"), LoadRequest(), pinned=True, load_seconds=2.5)
    loaded.server = SimpleNamespace(memory=memory, pid=os.getpid())  # type: ignore[assignment]
    seen = standing(loaded, idle=False)
    assert seen.devices == {HOST: 10, "CUDA0": 5} and seen.pinned and not seen.idle
    assert seen.cost_seconds == 2.5 and seen.mapped_bytes > 0  # Python's own libraries
    loaded.server = SimpleNamespace(memory=memory, pid=2**22 + 1)  # type: ignore[assignment]
    assert standing(loaded, idle=True).mapped_bytes == 0  # it has ended
