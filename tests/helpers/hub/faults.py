"""What can go wrong with a hub, as switches and as single blows.

A switch holds until it is taken back; a blow (`rate_limit`, `truncate`, …) hits the next `times`
requests that match, each `skip` matching ones apart, and is then used up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from tests.helpers.hub.store import Content

Where = Literal["content", "resolve", "api", "any"]

EVIL_NAMES = (
    "../../escaped.gguf",
    "sub/../../escaped.gguf",
    "/absolute.gguf",
    "C:\\windows.gguf",
    "..\\..\\backslash.gguf",
    "CON",
    "aux.gguf",
    "line\nbreak.gguf",
    "bell\x07.gguf",
    "nul\x00byte.gguf",
    "right\u202eto-left.gguf",
    "trailing-dot.",
    "trailing-space.gguf ",
    "stream.gguf:hidden",
    "n" * 300 + ".gguf",
    "/".join(["deep" * 50] * 25) + ".gguf",
    "",
    ".",
    "..",
    ".git/config",
)

_SWITCHES: dict[str, Any] = {
    "ignore_range": False,
    "refuse_range": False,
    "wrong_bytes": False,
    "signed_url_seconds": None,
    "bytes_per_second": None,
    "down": False,
    "evil_names": (),
    "hide_missing": False,
    "redirect_small": False,
    "serve_directly": False,
    "extra_latency_seconds": 0.0,
}


@dataclass
class Blow:
    """One planned fault. `times` and `waiting` count down."""

    kind: str
    times: int
    skip: int
    where: Where
    path: str
    detail: dict[str, Any] = field(default_factory=dict)
    waiting: int = 0

    def hits(self, where: str, path: str) -> bool:
        return (self.where in ("any", where)) and fnmatchcase(path, self.path)


class Faults:
    """The hub's faults; every method and every attribute may be used while it runs.

    Attributes:
        ignore_range: 200 and the whole file to every Range.
        refuse_range: 416 to every Range.
        wrong_bytes: one byte in the middle of every file differs from what its hash says.
        signed_url_seconds: how long a signed address is good; None: an hour.
        bytes_per_second: the most that one connection gets of file contents; None: no limit.
        down: "refused" (or True): nobody listens; "closed": every connection is closed at once.
            What is being sent is cut off.
        evil_names: names that the listings hold in addition; True: all of `EVIL_NAMES`.
        hide_missing: 401 instead of 404 for what an anonymous caller may not see, as
            huggingface.co does.
        redirect_small: files in git are served from /api/resolve-cache after a relative redirect,
            as huggingface.co does.
        serve_directly: no CDN: LFS files come from the hub's own address, as from a mirror.
        extra_latency_seconds: wait so long before each answer, as a far server does.
    """

    ignore_range: bool
    refuse_range: bool
    wrong_bytes: bool
    signed_url_seconds: float | None
    bytes_per_second: float | None
    down: bool | Literal["refused", "closed"]
    evil_names: bool | tuple[str, ...]
    hide_missing: bool
    redirect_small: bool
    serve_directly: bool
    extra_latency_seconds: float

    def __init__(self, act: Callable[[str, tuple[Any, ...]], Any]) -> None:
        """`act` carries out a message, here or in the hub's own process."""
        object.__setattr__(self, "_act", act)
        for name, value in _SWITCHES.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _SWITCHES:
            raise AttributeError(f"the hub has no fault called {name}")
        object.__setattr__(self, name, value)
        self._send("switch", name, value)

    def rate_limit(self, times: int = 1, retry_after: float | str | None = 1, **match: Any) -> None:
        """429; `retry_after` in seconds or as a date, None: the header is missing."""
        self._plan("rate_limit", times, match, retry_after=retry_after)

    def server_error(
        self, times: int = 1, status: int = 503, retry_after: float | None = None, **match: Any
    ) -> None:
        """A status of the server's own: 500, 502, 503, 504."""
        self._plan("server_error", times, match, status=status, retry_after=retry_after)

    def truncate(self, times: int = 1, after_bytes: int = 0, **match: Any) -> None:
        """The body ends early, in good order, though Content-Length says more."""
        self._plan("truncate", times, match, after_bytes=after_bytes)

    def reset(self, times: int = 1, after_bytes: int | None = None, **match: Any) -> None:
        """The connection is reset after so many bytes of the body; None: before any answer."""
        self._plan("reset", times, match, after_bytes=after_bytes)

    def stall(self, times: int = 1, after_bytes: int | None = None, **match: Any) -> None:
        """Silence after so many bytes of the body, for ever; None: before any answer."""
        self._plan("stall", times, match, after_bytes=after_bytes)

    def expire(self, times: int = 1, **match: Any) -> None:
        """403, as for a signed address whose time is over."""
        self._plan("expire", times, match)

    def corrupt(self, times: int = 1, **match: Any) -> None:
        """One byte in the middle of the body is wrong."""
        self._plan("corrupt", times, match)

    def etag_changed(self, path: str, content: Content, after: int = 0) -> None:
        """The file is replaced by another at the next request for its content but `after`.

        What the old one's signed addresses lead to is gone (404).
        """
        blow = Blow("replace", 1, 0, "content", path, {"path": path, "content": content})
        blow.waiting = after
        self._send("plan", blow)

    def claimed_size(self, path: str, size_bytes: int, headers: bool = True) -> None:
        """Listings (and the headers of HEAD) tell this size, whatever the file has."""
        self._send("claim", path, size_bytes, headers)

    @property
    def left(self) -> int:
        """Planned blows that have not fallen yet."""
        left: int = self._send("left")
        return left

    def clear(self) -> None:
        """Take back all switches, planned blows and claims."""
        for name, value in _SWITCHES.items():
            object.__setattr__(self, name, value)
        self._send("clear")

    def _plan(self, kind: str, times: int, match: dict[str, Any], **detail: Any) -> None:
        skip = int(match.pop("skip", 0))
        where: Where = match.pop("where", "content")
        path = str(match.pop("path", "*"))
        if match:
            raise TypeError(f"unknown: {', '.join(match)}; there are skip, where and path")
        self._send("plan", Blow(kind, times, skip, where, path, detail, waiting=skip))

    def _send(self, message: str, *values: Any) -> Any:
        act: Callable[[str, tuple[Any, ...]], Any] = object.__getattribute__(self, "_act")
        return act(message, values)


class FaultBox:
    """The hub's side: what is switched on, and which blow a request gets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blows: list[Blow] = []
        self._switches = dict(_SWITCHES)

    def switch(self, name: str) -> Any:
        with self._lock:
            return self._switches[name]

    @property
    def evil_names(self) -> tuple[str, ...]:
        names = self.switch("evil_names")
        return EVIL_NAMES if names is True else tuple(names or ())

    def set(self, name: str, value: Any) -> None:
        with self._lock:
            self._switches[name] = value

    def plan(self, blow: Blow) -> None:
        with self._lock:
            self._blows.append(blow)

    def left(self) -> int:
        with self._lock:
            return sum(blow.times for blow in self._blows)

    def clear(self) -> None:
        with self._lock:
            self._blows.clear()
            self._switches = dict(_SWITCHES)

    def take(self, where: str, path: str) -> Blow | None:
        """The blow that this request gets, and one less of it."""
        with self._lock:
            for blow in self._blows:
                if not blow.hits(where, path):
                    continue
                if blow.waiting > 0:
                    blow.waiting -= 1
                    continue
                blow.times -= 1
                blow.waiting = blow.skip
                if blow.times <= 0:
                    self._blows.remove(blow)
                return blow
        return None
