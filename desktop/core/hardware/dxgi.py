"""Windows' graphics adapters and what the system grants of their memory, through DXGI.

DXGI is a COM library: an object is a pointer to a table of functions, whose order is fixed by its
interface (dxgi.h, dxgi1_4.h of the Windows SDK). On 64-bit Windows these functions use the one
calling convention there is, so that `CFUNCTYPE` fits. It could not be run on Windows here: the
tests call it with tables made by hand after the same headers.
"""

from __future__ import annotations

import ctypes
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_IID_FACTORY1 = uuid.UUID("770aae78-f26f-4dba-a829-253c83d1b387")
_IID_ADAPTER3 = uuid.UUID("645967a4-1392-4310-a798-8053ce3e93fd")
_SOFTWARE = 2  # DXGI_ADAPTER_FLAG_SOFTWARE
_LOCAL, _NON_LOCAL = 0, 1  # DXGI_MEMORY_SEGMENT_GROUP
_MOST_ADAPTERS = 64
# Places in the tables: IUnknown has three, IDXGIObject four more, then each interface its own.
_QUERY_INTERFACE, _RELEASE = 0, 2
_ENUM_ADAPTERS1, _GET_DESC1, _QUERY_VIDEO_MEMORY_INFO = 12, 10, 14

CreateFactory = Callable[[Any, Any], int]


class _Desc1(ctypes.Structure):
    """DXGI_ADAPTER_DESC1."""

    _fields_ = (
        ("description", ctypes.c_uint16 * 128),
        ("vendor_id", ctypes.c_uint32),
        ("device_id", ctypes.c_uint32),
        ("sub_sys_id", ctypes.c_uint32),
        ("revision", ctypes.c_uint32),
        ("dedicated_video_memory", ctypes.c_size_t),
        ("dedicated_system_memory", ctypes.c_size_t),
        ("shared_system_memory", ctypes.c_size_t),
        ("luid_low", ctypes.c_uint32),
        ("luid_high", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    )


class _MemoryInfo(ctypes.Structure):
    """DXGI_QUERY_VIDEO_MEMORY_INFO."""

    _fields_ = (
        ("budget", ctypes.c_uint64),
        ("current_usage", ctypes.c_uint64),
        ("available_for_reservation", ctypes.c_uint64),
        ("current_reservation", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class DxgiAdapter:
    """One adapter, in bytes.

    Attributes:
        dedicated_bytes: memory of its own: a card's, or what the firmware set aside.
        shared_bytes: RAM it may use at most.
        budget_bytes, usage_bytes: what the system grants this process now of the adapter's own
            memory, and what this process has of it; None where the system is too old to say.
        shared_budget_bytes: what it grants of the RAM.
        luid: its identity while the system runs.
    """

    name: str
    vendor_id: int
    device_id: int
    dedicated_bytes: int
    shared_bytes: int
    budget_bytes: int | None = None
    usage_bytes: int | None = None
    shared_budget_bytes: int | None = None
    luid: int = 0


def dxgi_adapters(create: CreateFactory | None = None) -> list[DxgiAdapter]:
    """Every adapter that is no software renderer.

    Args:
        create: `CreateDXGIFactory1`; dxgi.dll's by default.

    Raises:
        OSError: there is no DXGI, or it refuses.
    """
    if create is None:
        windows = getattr(ctypes, "windll", None)
        if windows is None:
            raise OSError("There is no DXGI on this system.")
        create = windows.dxgi.CreateDXGIFactory1
    factory = ctypes.c_void_p()
    _checked(create(_guid(_IID_FACTORY1), ctypes.byref(factory)), "CreateDXGIFactory1")
    try:
        # Some laptops with two GPUs list one of them once for each screen.
        return list({each.luid: each for each in _adapters(factory)}.values())
    finally:
        _release(factory)


def _adapters(factory: ctypes.c_void_p) -> Iterator[DxgiAdapter]:
    for index in range(_MOST_ADAPTERS):
        adapter = ctypes.c_void_p()
        types = (ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p))
        if _call(factory, _ENUM_ADAPTERS1, types, index, ctypes.byref(adapter)):
            return  # DXGI_ERROR_NOT_FOUND: that was the last one
        try:
            found = _described(adapter)
            if found is not None:
                yield found
        finally:
            _release(adapter)


def _described(adapter: ctypes.c_void_p) -> DxgiAdapter | None:
    desc = _Desc1()
    if _call(adapter, _GET_DESC1, (ctypes.POINTER(_Desc1),), ctypes.byref(desc)):
        return None
    if desc.flags & _SOFTWARE:
        return None
    local, shared = _budgets(adapter)
    name = bytes(desc.description).decode("utf-16-le", "replace").partition("\0")[0].strip()
    return DxgiAdapter(
        name,
        desc.vendor_id,
        desc.device_id,
        desc.dedicated_video_memory,
        desc.shared_system_memory,
        None if local is None else local.budget,
        None if local is None else local.current_usage,
        None if shared is None else shared.budget,
        desc.luid_high << 32 | desc.luid_low,
    )


def _budgets(adapter: ctypes.c_void_p) -> tuple[_MemoryInfo | None, _MemoryInfo | None]:
    """Of the adapter's own memory and of the RAM; IDXGIAdapter3 came with Windows 10."""
    newer = ctypes.c_void_p()
    types = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
    if _call(adapter, _QUERY_INTERFACE, types, _guid(_IID_ADAPTER3), ctypes.byref(newer)):
        return None, None
    try:
        return _budget(newer, _LOCAL), _budget(newer, _NON_LOCAL)
    finally:
        _release(newer)


def _budget(adapter: ctypes.c_void_p, group: int) -> _MemoryInfo | None:
    info = _MemoryInfo()
    types = (ctypes.c_uint32, ctypes.c_int32, ctypes.POINTER(_MemoryInfo))
    failed = _call(adapter, _QUERY_VIDEO_MEMORY_INFO, types, 0, group, ctypes.byref(info))
    return None if failed else info


def _call(instance: ctypes.c_void_p, place: int, types: tuple[Any, ...], *arguments: Any) -> int:
    """Call an object's function; its HRESULT, 0 when it worked."""
    table = ctypes.cast(instance, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *types)(table[place])
    return int(function(instance, *arguments))


def _release(instance: ctypes.c_void_p) -> None:
    if instance:
        _call(instance, _RELEASE, ())


def _guid(value: uuid.UUID) -> ctypes.Array[ctypes.c_char]:
    """A GUID as it lies in memory."""
    return ctypes.create_string_buffer(value.bytes_le, 16)


def _checked(result: int, what: str) -> None:
    if result:
        raise OSError(f"{what} failed with 0x{result & 0xFFFFFFFF:08X}")
