"""A service that is not there: what a test of the window sets is what the pages are told."""

from __future__ import annotations

import copy
import functools
import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client, Endpoint
from desktop.core.errors import AppError, ErrorCode
from desktop.core.settings import Settings
from desktop.core.version import VERSION
from desktop.ui.context import Context
from desktop.ui.shell.page import Page

NO_STATE: dict[str, Any] = {
    "version": VERSION,
    "epoch": "test",
    "seq": 0,
    "making_room": False,
    "models": [],
    "public": {"on": False, "url": None, "host": "127.0.0.1", "port": 8484},
    "jobs": [],
    "notices": [],
}
_OWN = {"calls", "unexpected", "endpoint"}


@dataclass(frozen=True)
class Call:
    """One use of the client: `client.load("m", slots=2)` is ("load", ("m",), {"slots": 2})."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


class FakeClient:
    """Answers for the service. Set an attribute to say what a method does:

    ``client.models = [...]`` is returned (a copy each time), ``client.load = AppError(...)`` is
    raised, ``client.chat = lambda body, cancel=None: iter([...])`` is called (in a worker thread).
    `calls` has every use in order. A method that was not set fails the test at its end.
    """

    def __init__(self) -> None:
        set_own = functools.partial(object.__setattr__, self)
        set_own("calls", [])
        set_own("unexpected", [])
        set_own("endpoint", Endpoint("127.0.0.1", 1, "token", 0))
        set_own("_lock", threading.Lock())
        set_own(
            "_answers",
            {
                "state": NO_STATE,
                "models": [],
                "jobs": [],
                "ledger": {"requests": [], "next": None},
                "hosted_prices": [],
                "list_keys": [],
                "settings": Settings().model_dump(mode="json"),
                "change_settings": {},
                "disk_use": {"total_bytes": 0, "places": []},
            },
        )

    def __setattr__(self, name: str, value: object) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            self._answers[name] = value

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return functools.partial(self.use, name)

    def use(self, name: str, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            self.calls.append(Call(name, args, kwargs))
            if name not in self._answers:
                self.unexpected.append(name)
                raise AssertionError(f"the test does not say what client.{name} answers")
            answer = self._answers[name]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            return answer(*args, **kwargs)
        return copy.deepcopy(answer)

    def called(self, name: str) -> list[Call]:
        """The uses of one method, in order."""
        with self._lock:
            return [call for call in self.calls if call.name == name]


def let_unbound_methods_reach_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`context.ask(Client.settings)` names the class: have its methods ask a FakeClient too."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if name.startswith("_"):
            continue

        def either(
            client: Client | FakeClient,
            *args: Any,
            _name: str = name,
            _method: Callable[..., Any] = method,
            **kwargs: Any,
        ) -> Any:
            if isinstance(client, FakeClient):
                return client.use(_name, *args, **kwargs)
            return _method(client, *args, **kwargs)

        monkeypatch.setattr(Client, name, either)


class FakeLink(QObject):
    """ServiceLink without a service. Without a client (`link.client = None`) nobody answers."""

    connected = Signal(dict)
    event_received = Signal(str, dict)
    lost = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client: Any = FakeClient()
        self.closed = False

    @property
    def client(self) -> Any:
        if self._client is None:
            raise AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir="nowhere")
        return self._client

    @client.setter
    def client(self, client: Any) -> None:
        self._client = client

    def start(self) -> None:
        self.connected.emit(copy.deepcopy(NO_STATE))

    def close(self) -> None:
        self.closed = True

    # What a test has happen:

    def tell_state(self, **parts: Any) -> None:
        """The service answers (again) and describes itself."""
        self.connected.emit({**copy.deepcopy(NO_STATE), **parts})

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """One event of the service."""
        self.event_received.emit(kind, data)

    def lose(self, error: AppError | None = None) -> None:
        """The service is gone."""
        self.lost.emit(error or AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It is gone."))


@dataclass(frozen=True)
class RecordingContext(Context):
    """A Context that keeps what pages told the window.

    Attributes:
        toasts: (text, kind, action or None) of each toast.
        errors: each AppError that was shown.
        visits: the pages that were gone to: "machine", "library qwen3-8b:q4_k_m".
    """

    toasts: list[tuple[str, str, Any]] = field(default_factory=list)
    errors: list[AppError] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)

    @property
    def client(self) -> FakeClient:
        """The fake, for setting answers: `context.client.models = [...]`."""
        client: FakeClient = self.link.client
        return client


class StubPage(Page):
    """A page with nothing on it but its name; counts how often it came and went."""

    def __init__(self, context: Context, name: str) -> None:
        self.name = name
        super().__init__(context)
        self.times_shown = self.times_hidden = 0

    def title(self) -> str:
        return self.name

    def shown(self) -> None:
        self.times_shown += 1

    def hidden(self) -> None:
        self.times_hidden += 1
