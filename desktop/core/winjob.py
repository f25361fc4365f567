"""Windows job objects: every process in one ends when its last handle is closed.

Source: Microsoft's documentation of CreateJobObjectW, SetInformationJobObject and
JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE.
"""

from __future__ import annotations

import ctypes
import subprocess
from typing import Any

_EXTENDED_LIMIT_INFORMATION = 9
_LIMIT_KILL_ON_JOB_CLOSE = 0x2000


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Job:
    """A job object that kills what is in it when it is closed."""

    def __init__(self) -> None:
        self._kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
        self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._handle: int | None = self._kernel.CreateJobObjectW(None, None)
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _LIMIT_KILL_ON_JOB_CLOSE
        if not self._handle or not self._kernel.SetInformationJobObject(
            ctypes.c_void_p(self._handle),
            _EXTENDED_LIMIT_INFORMATION,
            ctypes.byref(limits),
            ctypes.sizeof(limits),
        ):
            raise OSError("the job object cannot be made")

    def add(self, popen: subprocess.Popen[bytes]) -> None:
        handle = ctypes.c_void_p(int(popen._handle))  # type: ignore[attr-defined,unused-ignore]
        if not self._kernel.AssignProcessToJobObject(ctypes.c_void_p(self._handle), handle):
            raise OSError("the process cannot be put into the job object")

    def terminate(self) -> None:
        if self._handle:
            self._kernel.TerminateJobObject(ctypes.c_void_p(self._handle), 1)

    def close(self) -> None:
        if self._handle:
            self._kernel.CloseHandle(ctypes.c_void_p(self._handle))
            self._handle = None
