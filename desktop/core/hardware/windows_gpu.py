"""AMD's and Intel's GPUs on Windows: from the display class in the registry, and from DXGI.

Drivers write an adapter's size into `HardwareInformation.qwMemorySize` (bytes) of its key below the
display class; it is what `nvidia-smi` says to the byte on a GeForce RTX 4070 Ti. WMI's AdapterRAM
ends at 4 GiB and is not read. DXGI says the same and what the system grants now. NVIDIA's are left
to NVML. It could not be run on Windows here: the tests use values that others published.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.core.hardware.dxgi import DxgiAdapter, dxgi_adapters
from desktop.core.hardware.gpu import Gpu, GpusFound, memory_unknown, sane_bytes
from desktop.core.hardware.gpu_names import AMD, INTEL, VENDORS, looks_integrated, plain_name
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.sources import ProbeProblem

DISPLAY_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
_BACKENDS = {AMD: "rocm", INTEL: "sycl"}
_IDS = re.compile(r"ven_([0-9a-f]{4})&dev_([0-9a-f]{4})", re.IGNORECASE)

Values = Mapping[str, Any]


@dataclass(frozen=True)
class _Adapter:
    """One adapter as registry or DXGI tell it."""

    vendor: int
    device: int
    name: str
    driver_version: str | None = None
    own_bytes: int | None = None


def windows_gpus(
    ram: MemoryInfo | None,
    registry: Callable[[], Sequence[Values]] | None = None,
    adapters: Callable[[], Sequence[DxgiAdapter]] | None = None,
) -> GpusFound:
    """The adapters; either source may fail, and the other one is used.

    Args:
        ram: of this machine: an integrated GPU's memory is mostly a share of it.
        registry: the values of each key below the display class.
        adapters: DXGI's list.
    """
    problems: list[ProbeProblem] = []
    keys = _tried("display class in the registry", registry or display_keys, problems)
    listed = list(_tried("DXGI", adapters or dxgi_adapters, problems))
    answered = bool(listed)
    found: list[Gpu] = []
    for known in _registered(keys):
        dxgi = next((each for each in listed if _same(known, each)), None)
        if dxgi is not None:
            listed.remove(dxgi)  # two cards of a kind are two adapters in both lists
        elif answered:
            continue  # the key of a card that was taken out stays in the registry
        found.append(_gpu(known, dxgi, ram))
    for each in listed:
        if each.vendor_id in _BACKENDS:
            found.append(_gpu(_Adapter(each.vendor_id, each.device_id, each.name), each, ram))
    problems += [memory_unknown(gpu) for gpu in found if gpu.total_bytes is None]
    return GpusFound(tuple(found), tuple(problems))


def _tried(
    what: str, ask: Callable[[], Sequence[Any]], problems: list[ProbeProblem]
) -> Sequence[Any]:
    try:
        return ask()
    except OSError as error:
        problems.append(ProbeProblem(what, str(error), "GPUs of AMD and Intel may be missing."))
        return ()


def display_keys() -> list[dict[str, Any]]:
    """The values of each adapter's key (0000, 0001, …).

    Raises:
        OSError: the class itself cannot be read.
    """
    if sys.platform != "win32":
        return []
    import winreg

    found = []
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, DISPLAY_CLASS) as folder:
        for index in range(winreg.QueryInfoKey(folder)[0]):
            name = winreg.EnumKey(folder, index)
            if not re.fullmatch(r"\d{4}", name):
                continue  # "Configuration", "Properties": not an adapter
            try:
                with winreg.OpenKey(folder, name) as key:
                    count = winreg.QueryInfoKey(key)[1]
                    found.append(
                        {v[0]: v[1] for v in (winreg.EnumValue(key, i) for i in range(count))}
                    )
            except OSError:
                continue  # an adapter that is being removed, or one we may not read
    return found


def _registered(keys: Sequence[Values]) -> Iterator[_Adapter]:
    for values in keys:
        ids = _IDS.search(str(values.get("MatchingDeviceId", "")))
        vendor = int(ids[1], 16) if ids else 0
        if ids is None or vendor not in _BACKENDS:
            continue
        yield _Adapter(
            vendor,
            int(ids[2], 16),
            str(values.get("DriverDesc") or _text(values, "HardwareInformation.AdapterString")),
            str(values["DriverVersion"]) if values.get("DriverVersion") else None,
            _size(values.get("HardwareInformation.qwMemorySize")),
        )


def _text(values: Values, name: str) -> str:
    """A text; some drivers write it as UTF-16 bytes."""
    value = values.get(name, "")
    if isinstance(value, bytes):
        value = value.decode("utf-16-le", "replace")
    return str(value).partition("\0")[0].strip()


def _size(value: Any) -> int | None:
    """A QWORD, or its bytes; None for anything else, and for what no adapter has."""
    if isinstance(value, bytes):
        value = int.from_bytes(value, "little") if len(value) in (4, 8) else None
    return sane_bytes(value) if isinstance(value, int) else None


def _same(known: _Adapter, adapter: DxgiAdapter) -> bool:
    return (known.vendor, known.device) == (adapter.vendor_id, adapter.device_id)


def _gpu(known: _Adapter, adapter: DxgiAdapter | None, ram: MemoryInfo | None) -> Gpu:
    own = sane_bytes(known.own_bytes)
    own = own or (sane_bytes(adapter.dedicated_bytes) if adapter else None)
    name = plain_name(known.name) or f"{VENDORS[known.vendor]} GPU 0x{known.device:04x}"
    integrated = looks_integrated(name)
    share = _share_of_ram(adapter, ram) if integrated else 0
    shares = integrated and share > (own or 0)
    if shares:
        total: int | None = share
        free = min(share, ram.available_bytes) if ram is not None else None
        budget = adapter.shared_budget_bytes if adapter else None
        free = budget if free is None else free if budget is None else min(free, budget)
    else:
        total, free = own or None, None
        if total is not None and adapter is not None and adapter.budget_bytes is not None:
            free = max(0, min(adapter.budget_bytes - (adapter.usage_bytes or 0), total))
    return Gpu(
        name=name,
        backend=_BACKENDS[known.vendor],
        total_bytes=total,
        free_bytes=free,
        driver_version=known.driver_version,
        shares_ram=shares,
        vendor=VENDORS[known.vendor],
        pci_id=f"{known.vendor:04x}:{known.device:04x}",
        integrated=integrated,
        own_bytes=own if integrated else None,
    )


def _share_of_ram(adapter: DxgiAdapter | None, ram: MemoryInfo | None) -> int:
    """RAM an integrated GPU may use; without DXGI half of it, which is Windows' own rule
    ("Calculating Graphics Memory", Windows driver documentation)."""
    share = sane_bytes(adapter.shared_bytes) if adapter else None
    if share is None and ram is not None:
        share = ram.physical_bytes // 2
    return min(share or 0, ram.physical_bytes) if ram is not None else share or 0
