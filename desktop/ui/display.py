"""Whether there is a screen, and opening the window on it without Qt ending the process.

Nothing of Qt is imported before `open_window` is called: `paddock` asks here on every start, also
on machines where Qt cannot be loaded.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from pathlib import Path


class NoWindow(Exception):
    """There is a screen, but no window can be opened on it; the text says why."""


def has_display(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody could see a window."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_window(environ: Mapping[str, str] = os.environ) -> int:
    """Show the window until it is closed; returns the exit status.

    Raises:
        NoWindow: Qt is not there, or the display refuses. Asked before the window is built: Qt
            itself would end the process.
    """
    try:
        import PySide6
        from PySide6 import QtGui, QtNetwork, QtSvg, QtWidgets  # noqa: F401
    except ImportError as error:
        raise NoWindow(str(error)) from error
    if sys.platform.startswith("linux") and not environ.get("QT_QPA_PLATFORM"):
        plugins = Path(PySide6.__path__[0]) / "Qt" / "plugins" / "platforms"
        refusals = [
            refusal
            for name, check in (("WAYLAND_DISPLAY", _wayland), ("DISPLAY", _x11))
            if environ.get(name) and (refusal := check(plugins, environ[name]))
        ]
        if refusals and len(refusals) == sum(
            bool(environ.get(name)) for name in ("WAYLAND_DISPLAY", "DISPLAY")
        ):
            raise NoWindow("; ".join(refusals))
    from desktop.ui.app import main

    return main([])


def _loads(path: Path) -> str | None:
    """Why a plugin of Qt cannot be loaded, or None."""
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        return str(error)
    return None


def _x11(plugins: Path, display: str) -> str | None:
    if refusal := _loads(plugins / "libqxcb.so"):
        return refusal
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(display.encode(), None)
    try:
        if xcb.xcb_connection_has_error(connection):
            return f"the display {display} does not answer, or does not let this program in"
    finally:
        xcb.xcb_disconnect(connection)
    return None


def _wayland(plugins: Path, display: str) -> str | None:
    if refusal := _loads(plugins / "libqwayland.so"):
        return refusal
    client = ctypes.CDLL("libwayland-client.so.0")
    client.wl_display_connect.restype = ctypes.c_void_p
    client.wl_display_connect.argtypes = [ctypes.c_char_p]
    client.wl_display_disconnect.argtypes = [ctypes.c_void_p]
    connection = client.wl_display_connect(display.encode())
    if not connection:
        return f"the Wayland display {display} does not answer"
    client.wl_display_disconnect(connection)
    return None
