"""What a screen reader sees of a program: names, roles and places, over the accessibility bus.

Tests find by it where to click, as a person finds it by reading: nothing is built into the window
for them, and what has no name cannot be found.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from jeepney import DBusAddress, MessageType, Properties, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection

from tests.helpers.service import wait_for

LAUNCHER = "/usr/libexec/at-spi-bus-launcher"
_BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
_ROOT = "/org/a11y/atspi/accessible/root"
_ACCESSIBLE = "org.a11y.atspi.Accessible"
_ANSWER_SECONDS = 20.0
_OF_THE_SCREEN = 0


class Role(IntEnum):
    """Of AtspiRole in at-spi2-core's atspi-constants.h; only what Qt's widgets here are."""

    CHECK_BOX = 7
    COMBO_BOX = 11
    DIALOG = 16
    FRAME = 23
    LABEL = 29
    LIST_ITEM = 32
    MENU_ITEM = 35
    BUTTON = 43
    RADIO_BUTTON = 44
    TABLE_CELL = 56
    TEXT = 61
    TOGGLE_BUTTON = 62


class State(IntEnum):
    """Of AtspiStateType."""

    CHECKED = 4
    FOCUSED = 12
    SENSITIVE = 24
    SHOWING = 25


@dataclass(frozen=True)
class Part:
    """One thing of a program, as it was when it was looked at. Places are pixels of the screen."""

    bus: str
    path: str
    name: str
    role: int
    states: int
    x: int
    y: int
    width: int
    height: int

    def is_now(self, state: State) -> bool:
        return bool(self.states >> state & 1)

    @property
    def centre(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


class Gone(Exception):
    """The program does not answer, or what was asked about is no more."""


class Reader:
    """A screen reader on one accessibility bus."""

    def __init__(self, session_bus: str) -> None:
        with open_dbus_connection(session_bus) as session:
            # Asked for earlier, the name's owner would be another launcher that the bus itself
            # starts, with accessibility off: no program would tell it of anything.
            owned = new_method_call(_BUS, "NameHasOwner", "s", ("org.a11y.Bus",))
            wait_for(
                lambda: session.send_and_get_reply(owned, timeout=_ANSWER_SECONDS).body[0],
                "the accessibility bus is there",
            )
            asked = new_method_call(
                DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus"), "GetAddress"
            )
            (address,) = session.send_and_get_reply(asked, timeout=_ANSWER_SECONDS).body
        self._connection: DBusConnection = open_dbus_connection(address)

    def close(self) -> None:
        self._connection.close()

    def parts(self, pid: int) -> Iterator[Part]:
        """Everything of a program that can be seen now, from outside in."""
        waiting = [(name, path) for name, path in self._applications() if self._pid(name) == pid]
        while waiting:
            bus, path = waiting.pop(0)
            with suppress(Gone):
                part = self._part(bus, path)
                # An application is no widget: it has no place and is always gone into.
                if path != _ROOT and not part.is_now(State.SHOWING):
                    continue
                if path != _ROOT:
                    yield part
                waiting += self._children(bus, path)

    def text(self, part: Part) -> str:
        """The whole text of a field."""
        count = self._property(part.bus, part.path, "org.a11y.atspi.Text", "CharacterCount")
        found = self._call(part.bus, part.path, "org.a11y.atspi.Text.GetText", 0, int(count))
        return str(found[0])

    def _applications(self) -> list[tuple[str, str]]:
        return self._children("org.a11y.atspi.Registry", _ROOT)

    def _pid(self, name: str) -> int:
        return int(self._ask(new_method_call(_BUS, "GetConnectionUnixProcessID", "s", (name,)))[0])

    def _part(self, bus: str, path: str) -> Part:
        low, high = self._call(bus, path, f"{_ACCESSIBLE}.GetState")[0]
        place = (0, 0, 0, 0)
        if path != _ROOT:
            extents = "org.a11y.atspi.Component.GetExtents"
            place = self._call(bus, path, extents, _OF_THE_SCREEN)[0]
        return Part(
            bus,
            path,
            str(self._property(bus, path, _ACCESSIBLE, "Name")),
            int(self._call(bus, path, f"{_ACCESSIBLE}.GetRole")[0]),
            low | high << 32,
            *place,
        )

    def _children(self, bus: str, path: str) -> list[tuple[str, str]]:
        return [(b, p) for b, p in self._call(bus, path, f"{_ACCESSIBLE}.GetChildren")[0]]

    def _property(self, bus: str, path: str, interface: str, name: str) -> Any:
        address = DBusAddress(path, bus, interface)
        return self._ask(Properties(address).get(name))[0][1]

    def _call(self, bus: str, path: str, method: str, *numbers: int) -> Any:
        """Call "interface.method"; a place is asked for with "u", a stretch of text with "ii"."""
        interface, _, name = method.rpartition(".")
        signature = {0: None, 1: "u", 2: "ii"}[len(numbers)]
        return self._ask(
            new_method_call(DBusAddress(path, bus, interface), name, signature, numbers)
        )

    def _ask(self, message: Any) -> Any:
        try:
            reply = self._connection.send_and_get_reply(message, timeout=_ANSWER_SECONDS)
        except TimeoutError as error:
            raise Gone(str(message)) from error
        if reply.header.message_type is MessageType.error:
            raise Gone(str(reply.body))
        return reply.body


@contextmanager
def accessibility(environ: dict[str, str]) -> Iterator[Reader]:
    """A session bus with accessibility on; `environ` gets its address, for programs to find it."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # what it starts ends with its group
    )
    assert daemon.stdout is not None
    launcher: subprocess.Popen[bytes] | None = None
    try:
        environ["DBUS_SESSION_BUS_ADDRESS"] = address = daemon.stdout.readline().strip()
        launcher = subprocess.Popen(
            [LAUNCHER, "--launch-immediately", "--a11y=1", "--screen-reader=1"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        reader = Reader(address)
        yield reader
        reader.close()
    finally:
        if launcher is not None:
            launcher.terminate()
            launcher.wait(10)
        os.killpg(daemon.pid, signal.SIGTERM)
        daemon.wait(10)
        daemon.stdout.close()


def missing() -> list[str]:
    """What is not installed of it, as Debian packages."""
    found = [] if shutil.which("dbus-daemon") else ["dbus-daemon"]
    return found if os.access(LAUNCHER, os.X_OK) else [*found, "at-spi2-core"]
