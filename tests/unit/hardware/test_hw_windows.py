from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from typing import Any

import pytest

from desktop.core.hardware import dxgi
from desktop.core.hardware.dxgi import DxgiAdapter, dxgi_adapters
from desktop.core.hardware.gpu import Gpu, GpusFound
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.sources import GIB
from desktop.core.hardware.windows_gpu import windows_gpus
from tests.unit.hardware.sysfs import DATA

RAM = MemoryInfo(32 * GIB, 20 * GIB, 32 * GIB, "ram", "ram", 0, 0)


def read(name: str, ram: MemoryInfo | None = RAM, **leave_out: bool) -> GpusFound:
    told = json.loads((DATA / f"{name}.json").read_text("utf-8"))
    keys = [
        {
            key: bytes.fromhex(value[4:]) if str(value).startswith("hex:") else value
            for key, value in each.items()
        }
        for each in told["registry"]
    ]
    adapters = [DxgiAdapter(**each) for each in told["dxgi"]]
    return windows_gpus(
        ram,
        registry=lambda: [] if leave_out.get("registry") else keys,
        adapters=lambda: [] if leave_out.get("dxgi") else adapters,
    )


def one(found: GpusFound) -> Gpu:
    assert found.problems == ()
    (gpu,) = found.gpus
    return gpu


@pytest.mark.parametrize("without", ["", "registry", "dxgi"])
def test_a_card_beyond_four_gib(without: str) -> None:
    gpu = one(read("documented_windows_r9700", **{without: True}))
    assert (gpu.name, gpu.backend, gpu.pci_id) == ("AMD Radeon AI PRO R9700", "rocm", "1002:7551")
    assert gpu.total_bytes == (34014756864 if without == "registry" else 34208743424)
    assert not gpu.integrated and not gpu.shares_ram
    assert gpu.free_bytes == (None if without == "dxgi" else 33100000000 - 2000000)
    assert gpu.driver_version == (None if without == "registry" else "32.0.22029.1019")


def test_nvidias_are_left_to_nvml_and_the_processors_own_gpu_shares_the_ram() -> None:
    gpu = one(read("documented_windows_4070ti_and_ryzen"))
    assert (gpu.name, gpu.own_bytes) == ("AMD Radeon Graphics", 536870912)
    assert gpu.integrated and gpu.shares_ram
    assert gpu.total_bytes == 34000000000
    assert gpu.free_bytes == 20 * GIB  # what others left of the RAM


def test_where_the_firmwares_share_and_the_rams_are_both_large_the_larger_one_counts() -> None:
    gpu = one(read("documented_windows_780m"))
    assert gpu.own_bytes == 0x210000000  # the registry's eight bytes
    assert gpu.integrated and gpu.shares_ram
    assert (gpu.total_bytes, gpu.free_bytes) == (12789481472, 12000000000)


@pytest.mark.parametrize("without", ["", "registry"])
def test_memory_set_aside_by_the_firmware_is_not_the_ram(without: str) -> None:
    small = MemoryInfo(63 * GIB, 50 * GIB, 63 * GIB, "ram", "ram", 0, 0)
    gpu = one(read("documented_windows_strix_halo_own64", small, **{without: True}))
    assert gpu.integrated and not gpu.shares_ram
    assert gpu.total_bytes == gpu.own_bytes == 64 * GIB
    assert gpu.free_bytes == 65283502080


def test_without_dxgi_half_of_the_ram() -> None:
    gpu = one(read("documented_windows_4070ti_and_ryzen", dxgi=True))
    assert (gpu.total_bytes, gpu.free_bytes) == (16 * GIB, 16 * GIB)


def test_two_alike_and_a_card_that_was_taken_out() -> None:
    key = {
        "DriverDesc": "Intel(R) Arc(TM) B580 Graphics",
        "MatchingDeviceId": r"PCI\VEN_8086&DEV_E20B",
        "HardwareInformation.qwMemorySize": 12 * GIB,
    }
    gone = {**key, "MatchingDeviceId": r"PCI\VEN_8086&DEV_56A0"}
    same = DxgiAdapter("Intel(R) Arc(TM) B580 Graphics", 0x8086, 0xE20B, 12 * GIB, 16 * GIB)
    found = windows_gpus(RAM, registry=lambda: [gone, key, key], adapters=lambda: [same, same])
    assert [gpu.name for gpu in found.gpus] == ["Intel Arc B580 Graphics"] * 2
    assert [gpu.pci_id for gpu in found.gpus] == ["8086:e20b"] * 2


BAD: list[Any] = [0, -1, None, "text", b"", b"\x01\x02\x03", 1 << 63, 2.5]


@pytest.mark.parametrize("size", BAD)
def test_sizes_that_make_no_sense_are_told(size: Any) -> None:
    key = {
        "MatchingDeviceId": "pci\\ven_1002&dev_744c",
        "HardwareInformation.AdapterString": "Radeon RX 7900 XTX\0".encode("utf-16-le"),
        "HardwareInformation.qwMemorySize": size,
    }
    found = windows_gpus(None, registry=lambda: [key, {}, {"MatchingDeviceId": 7}])
    (gpu,) = found.gpus
    assert (gpu.name, gpu.total_bytes) == ("Radeon RX 7900 XTX", None)
    assert "gpu_memory_unknown" in [each.code for each in found.problems]


def test_a_source_that_fails_is_told_and_the_other_one_used() -> None:
    def broken() -> Any:
        raise OSError("Access is denied")

    adapter = DxgiAdapter("AMD Radeon RX 7600", 0x1002, 0x7480, 8 * GIB, 16 * GIB)
    found = windows_gpus(RAM, registry=broken, adapters=lambda: [adapter])
    assert [gpu.total_bytes for gpu in found.gpus] == [8 * GIB]
    (problem,) = found.problems
    assert "Access is denied" in problem.reason
    assert len(windows_gpus(RAM, registry=broken, adapters=broken).problems) == 2


# DXGI's tables, made by hand after dxgi.h and dxgi1_4.h.

_POINTER = ctypes.POINTER(ctypes.c_void_p)
_KEPT: list[Any] = []


class FakeDxgi:
    """A factory with adapters; counts how often each object was given and given back."""

    def __init__(self, adapters: list[tuple[str, int, int, int]], *, old: bool = False) -> None:
        self.references = 0
        self._old = old
        self._adapters = [self._adapter(each) for each in adapters]
        self._factory = self._object({12: (self._enumerate, (ctypes.c_uint32, _POINTER))})

    def create(self, iid: Any, out: Any) -> int:
        assert bytes(iid) == bytes.fromhex("78ae0a776ff2ba4da829253c83d1b387")
        return self._give(self._factory, out)

    def _give(self, instance: int, out: Any) -> int:
        ctypes.cast(out, _POINTER)[0] = instance
        self.references += 1
        return 0

    def _release(self, this: int) -> int:
        self.references -= 1
        return self.references

    def _object(self, functions: dict[int, tuple[Callable[..., int], tuple[Any, ...]]]) -> int:
        table = (ctypes.c_void_p * 18)()
        for place, (function, types) in {**functions, 2: (self._release, ())}.items():
            made = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *types)(function)
            table[place] = ctypes.cast(made, ctypes.c_void_p)
            _KEPT.append(made)
        instance = ctypes.pointer(ctypes.cast(table, ctypes.c_void_p))
        _KEPT.extend((table, instance))
        address = ctypes.cast(instance, ctypes.c_void_p).value
        assert address is not None
        return address

    def _enumerate(self, this: int, index: int, out: Any) -> int:
        if index >= len(self._adapters):
            return -2005270526  # DXGI_ERROR_NOT_FOUND, 0x887A0002
        return self._give(self._adapters[index], out)

    def _adapter(self, told: tuple[str, int, int, int]) -> int:
        name, device, dedicated, flags = told

        def describe(this: int, out: Any) -> int:
            # the structure's layout by its offsets on 64-bit Windows, not by our own class
            raw = (ctypes.c_ubyte * 312).from_address(out)
            encoded = name.encode("utf-16-le")
            for place, value in enumerate(encoded):
                raw[place] = value
            at = ctypes.addressof(raw)
            for offset, value in ((256, 0x1002), (260, device), (304, flags), (296, device)):
                ctypes.c_uint32.from_address(at + offset).value = value
            ctypes.c_uint64.from_address(at + 272).value = dedicated
            ctypes.c_uint64.from_address(at + 288).value = 16 * GIB
            return 0

        def query(this: int, iid: int, out: Any) -> int:
            wanted = bytes((ctypes.c_ubyte * 16).from_address(iid))
            assert wanted == bytes.fromhex("a46759649213104 3a7988053ce3e93fd".replace(" ", ""))
            return -2147467262 if self._old else self._give(this, out)  # E_NOINTERFACE

        def memory(this: int, node: int, group: int, out: Any) -> int:
            assert node == 0
            ctypes.c_uint64.from_address(out).value = (7 * GIB, 15 * GIB)[group]
            ctypes.c_uint64.from_address(out + 8).value = GIB
            return 0

        pointer = ctypes.c_void_p
        return self._object(
            {
                0: (query, (pointer, _POINTER)),
                10: (describe, (pointer,)),
                14: (memory, (ctypes.c_uint32, ctypes.c_int32, pointer)),
            }
        )


def test_dxgi_is_asked_as_its_headers_say() -> None:
    made = FakeDxgi(
        [
            ("AMD Radeon RX 7600", 0x7480, 8 * GIB, 0),
            ("Microsoft Basic Render Driver", 0x8C, 0, 2),
            ("AMD Radeon RX 7600", 0x7480, 8 * GIB, 0),  # the same one once more
        ]
    )
    (adapter,) = dxgi_adapters(made.create)
    assert adapter == DxgiAdapter(
        "AMD Radeon RX 7600", 0x1002, 0x7480, 8 * GIB, 16 * GIB, 7 * GIB, GIB, 15 * GIB, 0x7480
    )
    assert made.references == 0  # everything was given back
    assert ctypes.sizeof(dxgi._Desc1) == 312


def test_an_old_windows_tells_no_budget() -> None:
    made = FakeDxgi([("AMD Radeon RX 7600", 0x7480, 8 * GIB, 0)], old=True)
    (adapter,) = dxgi_adapters(made.create)
    assert (adapter.budget_bytes, adapter.shared_budget_bytes) == (None, None)
    assert made.references == 0


def test_a_refusal_is_an_error_that_says_so() -> None:
    with pytest.raises(OSError, match="0x80004005"):
        dxgi_adapters(lambda iid, out: -2147467259)
