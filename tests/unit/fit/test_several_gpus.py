"""Machines with several GPUs, from what their drivers tell to what a load on them costs.

The machines are fixtures (tests/data/hardware): no such machine was at hand. That the formula
places layers as the engine does is checked against the engine itself, on two devices of its own
RPC server, here and in test_fit_formula.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core import procs
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import (
    EngineDevice,
    Runtime,
    environment_folder,
    parse_devices,
    read_runtime,
)
from desktop.core.fit.devices import available_on, gpus_on
from desktop.core.fit.estimate import (
    HOST,
    Available,
    DeviceNeed,
    Estimate,
    Figure,
    check_fits,
    verdict,
)
from desktop.core.fit.formula import estimate
from desktop.core.fit.placement import KV_TYPES, Body, Load, Room
from desktop.core.fit.simulate import Machine, machine_of
from desktop.core.hardware.amd import amd_gpus
from desktop.core.hardware.cpu import fallback_cpu
from desktop.core.hardware.engine_devices import with_engine_devices
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.probe import Hardware
from desktop.core.hardware.sources import GIB
from tests.helpers.model_zoo import Spec, write_stub
from tests.helpers.rpc_device import RpcDevices
from tests.unit.fit.test_fit_formula import shape_of
from tests.unit.hardware.sysfs import DATA, sysfs


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="module")
def devices_of_the_engine(runtime: Runtime) -> Iterator[RpcDevices]:
    with RpcDevices(runtime, 2) as devices:
        yield devices


RAM = MemoryInfo(64 * GIB, 56 * GIB, 64 * GIB, "ram", "ram", 0, 0)
LAYERS = (8, 24, 40, 56, 64, 72, 80, 96, 128, 160)


def hardware_of(tmp_path: Path, name: str) -> tuple[Hardware, tuple[EngineDevice, ...]]:
    """The machine, and the engine's list of its GPUs: by what the driver says is free."""
    gpus = amd_gpus(sysfs(tmp_path, name), RAM).gpus
    devices = tuple(
        EngineDevice(
            f"ROCm{index}",
            gpu.name,
            "hip",
            gpu.total_bytes or 0,
            gpu.available_bytes,
            gpu.integrated,
        )
        for index, gpu in enumerate(gpus)
    )
    hardware = with_engine_devices(Hardware(fallback_cpu(), RAM, gpus), devices)
    return hardware, devices


def stub(tmp_path: Path, layers: int) -> Path:
    """A dense model of 0.35 GiB a layer: 3 to 55 GiB."""
    spec = Spec("llama", layers, 8192, 64, 8, 128, 22_016, 32_000, kind="Q4_0")
    return write_stub(tmp_path / f"{layers}.gguf", spec)


def used_on(found: Estimate) -> dict[str, int]:
    return {need.name: need.own_bytes.value for need in found.devices if need.name != HOST}


@pytest.mark.parametrize(
    "name", ["handmade_sysfs_two_rx7900xtx", "handmade_sysfs_rx7900xtx_and_rx7600"]
)
def test_what_is_called_full_gpu_fits_on_every_one_of_them(tmp_path: Path, name: str) -> None:
    _, devices = hardware_of(tmp_path, name)
    gpus, available = gpus_on(devices), available_on(devices, RAM)
    free = {device.name: device.free_bytes for device in devices}
    seen = set()
    for layers in LAYERS:
        shape = shape_of(stub(tmp_path, layers))
        found = estimate(shape, LoadSettings(context_tokens=8192), gpus)
        assert found is not None
        word = verdict(found, available)
        seen.add(word)
        assert all(size <= free[each] for each, size in used_on(found).items()), layers
        if word == "gpu":
            assert found.layers_on_gpu == layers
            assert set(used_on(found)) == {"ROCm0", "ROCm1"}
        elif word == "partial":
            assert found.layers_on_gpu is not None and 0 < found.layers_on_gpu < layers
            # what they hold leaves no more than the engine's margin and a layer on each
            unused = sum(free.values()) - sum(used_on(found).values())
            assert unused < 2 * (GIB + shape.layers[0].dense.size_bytes + GIB // 2)
    assert {"gpu", "partial"} <= seen


def test_what_two_gpus_cannot_hold_is_placed_as_the_engine_itself_does(
    devices_of_the_engine: RpcDevices, runtime: Runtime, tmp_path: Path
) -> None:
    """The engine's tool says how many layers it would give to each of two devices."""
    address = ("--rpc", devices_of_the_engine.address)
    server, tool = runtime.tool("llama-server"), runtime.tool("llama-fit-params")
    asked = procs.run([server, *address, "--list-devices"], timeout_seconds=60)
    gpus = gpus_on(parse_devices(asked.stdout + asked.stderr))
    assert [gpu.name for gpu in gpus] == ["RPC0", "RPC1"]
    # twice what they have: 0.35 GiB a layer and 31 MiB of cache
    layers = max(16, sum(gpu.free_bytes for gpu in gpus) * 5 // GIB)
    model = stub(tmp_path, layers)
    settings = LoadSettings(context_tokens=8192)
    ours = estimate(shape_of(model), settings, gpus)
    assert ours is not None
    context = ("-c", "8192", "-np", "1", "-ub", str(settings.ubatch))
    done = procs.run([tool, "-m", str(model), *address, *context], timeout_seconds=120)
    words = done.stdout.decode().split()
    theirs = {flag: words[words.index(flag) + 1] for flag in ("-ngl", "-ts")}
    assert ours.layers_on_gpu is not None and 0 < ours.layers_on_gpu < layers
    assert abs(int(theirs["-ngl"]) - (ours.layers_on_gpu + 1)) <= 1  # it counts the output
    each = shape_of(model).layers[0].dense.size_bytes
    for gpu, count in zip(gpus, theirs["-ts"].split(","), strict=True):
        need = next(need for need in ours.devices if need.name == gpu.name)
        assert abs(need.weights_bytes.value / each - int(count)) <= 1.1


@pytest.mark.parametrize("ratio", [(1, 1), (3, 1)])
def test_shares_are_priced_on_the_gpus_they_go_to(tmp_path: Path, ratio: tuple[int, int]) -> None:
    _, devices = hardware_of(tmp_path, "handmade_sysfs_rx7900xtx_and_rx7600")
    settings = LoadSettings(context_tokens=4096, gpu_layers=99, tensor_split=ratio)
    found = estimate(shape_of(stub(tmp_path, 56)), settings, gpus_on(devices))  # 20 GiB
    assert found is not None
    weights = {need.name: need.weights_bytes.value for need in found.devices}
    assert weights["ROCm0"] / weights["ROCm1"] == pytest.approx(ratio[0] / ratio[1], rel=0.12)
    problem = check_fits(found, available_on(devices, RAM))
    # half of it is more than the small card has; a quarter is not
    assert (problem is not None) == (ratio == (1, 1))
    if problem is not None:
        assert problem.params["device"] == "AMD Radeon RX 7600"


def test_only_the_card_is_used_however_much_ram_the_integrated_gpu_could_have(
    tmp_path: Path,
) -> None:
    hardware, devices = hardware_of(tmp_path, "handmade_sysfs_ryzen_and_rx7900xtx")
    assert devices[1].integrated and devices[1].free_bytes > devices[0].free_bytes
    gpus, available = gpus_on(devices), available_on(devices, RAM)
    words = {}
    for layers in (40, 128):  # 14 and 44 GiB
        found = estimate(shape_of(stub(tmp_path, layers)), LoadSettings(context_tokens=4096), gpus)
        assert found is not None
        assert set(used_on(found)) == {"ROCm0"}
        words[layers] = verdict(found, available)
    assert words == {40: "gpu", 128: "partial"}
    room = machine_of(hardware).gpu
    assert room is not None and (room.count, room.description) == (1, "AMD Radeon RX 7900 XTX")


@pytest.mark.parametrize(
    "name",
    [
        "handmade_sysfs_two_rx7900xtx",
        "handmade_sysfs_rx7900xtx_and_rx7600",
        "handmade_sysfs_ryzen_and_rx7900xtx",
    ],
)
def test_lists_promise_no_more_than_the_price_of_the_load(tmp_path: Path, name: str) -> None:
    """A list adds up one GPU of all; the formula places each layer. A promise of the list is kept,
    and at most two layers and the margins are lost to caution."""
    hardware, devices = hardware_of(tmp_path, name)
    machine = machine_of(hardware)
    gpus, available = gpus_on(devices), available_on(devices, RAM)
    whole: dict[str, list[int]] = {"list": [], "price": []}
    for layers in range(30, 140, 2):
        shape = shape_of(stub(tmp_path, layers))
        found = estimate(shape, LoadSettings(context_tokens=8192), gpus)
        assert found is not None
        if verdict(found, available) == "gpu":
            whole["price"].append(layers)
        placements = Load(Body(shape), 1.0).placements(8192, KV_TYPES[0], Room.of(machine))
        if placements and placements[0].verdict == "gpu":
            whole["list"].append(layers)
    print({kind: max(sizes) for kind, sizes in whole.items()})
    assert whole["list"] and set(whole["list"]) <= set(whole["price"])
    assert max(whole["price"]) - max(whole["list"]) <= 4


def test_unified_memory_with_some_of_its_own(tmp_path: Path) -> None:
    """Strix Halo as Vulkan lists it, with 4 GiB set aside by the firmware."""
    gpus = amd_gpus(sysfs(tmp_path, "documented_sysfs_strix_halo_gtt96"), RAM).gpus
    text = (DATA / "documented_devices_strix_halo_vulkan.txt").read_bytes()
    devices = parse_devices(text)
    host, inside = available_on(devices, RAM, lambda each: {"Vulkan0": gpus[0].own_bytes or 0})
    assert (inside.unified, inside.own_bytes) == (True, 4 * GIB)
    assert gpus_on(devices)[0].integrated

    def needs(gib: float, on_host: float) -> Estimate:
        size = round(gib * GIB)
        return Estimate(
            "model",
            LoadSettings(gpu_layers=99),
            (
                DeviceNeed("Vulkan0", weights_bytes=Figure(size, size, size)),
                DeviceNeed(HOST, weights_bytes=Figure(round(on_host * GIB), 0, 0)),
            ),
        )

    # 56 GiB are available, one is the system's: 54 and 1 fit, and 4 more of the GPU's own
    for on_gpu, on_host, fits in ((54, 1, True), (58, 1, True), (59, 1, False), (58, 2, False)):
        problem = check_fits(needs(on_gpu, on_host), (host, inside))
        assert (problem is None) == fits, (on_gpu, on_host)


def test_what_is_too_much_for_unified_memory_is_counted_once() -> None:
    size = 12 * GIB
    settings = LoadSettings()  # the engine places: what is too much stays on the host
    both = (
        DeviceNeed("MTL0", weights_bytes=Figure(size, size, size)),
        DeviceNeed(HOST, weights_bytes=Figure(GIB, GIB, GIB)),
    )
    found = Estimate("model", settings, both)
    device = Available("MTL0", 10 * GIB, unified=True)
    assert check_fits(found, [Available(HOST, 14 * GIB), device]) is None
    assert check_fits(found, [Available(HOST, 14 * GIB - 1), device]) is not None
    apart = replace(device, unified=False)  # a card: 2.25 GiB go to the host
    assert check_fits(found, [Available(HOST, 17 * GIB // 4), apart]) is None
    assert check_fits(found, [Available(HOST, 4 * GIB), apart]) is not None


def test_a_machine_without_room_on_its_gpus() -> None:
    full = EngineDevice("CUDA0", "NVIDIA GeForce RTX 3060", "cuda", 12 * GIB, 0)
    gpus = gpus_on([full, replace(full, name="CUDA1")])
    assert [gpu.free_bytes for gpu in gpus] == [0, 0]
    assert machine_of(Hardware(fallback_cpu(), RAM)) == Machine(
        RAM.available_bytes, None, cpu=fallback_cpu()
    )
