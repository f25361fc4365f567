"""The hub as a test holds it: in threads of the test's process, or in a process of its own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from tests.helpers.hub.faults import FaultBox, Faults
from tests.helpers.hub.routes import GRANTED_TOKEN, STRANGER_TOKEN, Routes
from tests.helpers.hub.server import Log, Origin, Request
from tests.helpers.hub.store import Content, Store

_ROOT = Path(__file__).resolve().parents[3]


class Works(Protocol):
    """What carries out the messages of a `LocalHub`."""

    def do(self, message: str, values: tuple[Any, ...]) -> Any: ...

    def close(self) -> list[str]:
        """End it; returns what broke in the hub itself."""
        ...


class LocalHub:
    """A hub on loopback, in the shape that huggingface_hub 2.4.0 speaks; a context manager.

    `url` is the endpoint, `cdn_url` the other origin that LFS files come from. A request without a
    token, with `token` (it may see everything), with `stranger_token` (known, but let in nowhere)
    or with any other gets what the real hub would say.

    Args:
        folder: where contents given as bytes are kept; paths are served from their own place.
        process: run in a process of its own, which ends with this one.
    """

    token = GRANTED_TOKEN
    stranger_token = STRANGER_TOKEN

    def __init__(self, folder: Path | str, process: bool = False) -> None:
        works: Works = Remote(Path(folder)) if process else Local(Path(folder))
        self._works = works
        self.faults = Faults(works.do)
        self.url: str
        self.cdn_url: str
        self.url, self.cdn_url = works.do("urls", ())

    def __enter__(self) -> LocalHub:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        broken = self._works.close()
        if broken and kind is None:
            raise AssertionError(f"the local hub broke: {broken}")

    def close(self) -> None:
        self.__exit__(None)

    def add_repo(
        self,
        name: str,
        files: Mapping[str, Content],
        *,
        gated: bool | str = False,
        private: bool = False,
        license: str | None = "apache-2.0",
        tags: Sequence[str] = (),
        pipeline_tag: str | None = None,
        library_name: str | None = None,
        downloads: int = 0,
        likes: int = 0,
        trending: int | None = None,
        base_model: str | None = None,
        revision: str = "main",
        gguf: Mapping[str, Any] | None = None,
        safetensors: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> str:
        """A commit with exactly these files, the repository's first or a newer one.

        Args:
            gated: True, "manual" or "auto".
            gguf: what the hub read of the file, such as {"total": parameters, "architecture": …}.
            fields: more fields of the API's document, or other values.

        Returns:
            The commit's sha.
        """
        given = {
            "license": license,
            "tags": list(tags),
            "pipeline_tag": pipeline_tag,
            "library_name": library_name,
            "downloads": downloads,
            "likes": likes,
            "trending": likes if trending is None else trending,
            "base_model": base_model,
            "gguf": dict(gguf) if gguf else None,
            "safetensors": dict(safetensors) if safetensors else None,
            "fields": dict(fields or {}),
        }
        sha: str = self._works.do("add_repo", (name, dict(files), gated, private, revision, given))
        return sha

    def replace_file(self, name: str, path: str, content: Content) -> None:
        """Other bytes at the same place of the newest commit."""
        self._works.do("replace", (name, path, content))

    def move_repo(self, old: str, new: str) -> None:
        """Rename; requests for the old name are led to the new one (307)."""
        self._works.do("move", (old, new))

    def remove_repo(self, name: str) -> None:
        self._works.do("remove", (name,))

    def set_page_size(self, size: int) -> None:
        """The most entries that one page of a listing holds."""
        self._works.do("page_size", (size,))

    @property
    def pid(self) -> int:
        """The process it runs in."""
        pid: int = self._works.do("pid", ())
        return pid

    @property
    def requests(self) -> list[Request]:
        """All requests so far, in the order they came; copies."""
        requests: list[Request] = self._works.do("requests", ())
        return requests

    @property
    def sent_bytes(self) -> int:
        """Bytes of file contents sent so far, and what was begun to be sent."""
        sent: int = self._works.do("sent_bytes", ())
        return sent

    def clear_log(self) -> None:
        """Forget the requests and set `sent_bytes` to 0."""
        self._works.do("clear_log", ())


class Local:
    """The hub itself, in threads."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder)
        self._box = FaultBox()
        self._log = Log()
        self._routes = Routes(self._store, self._box)
        self._hub = Origin("hub", self._log, self._routes.answer_hub)
        self._cdn = Origin("cdn", self._log, self._routes.answer_cdn)
        self._routes.hub_url, self._routes.cdn_url = self._hub.url, self._cdn.url
        self._hub.open()
        self._cdn.open()

    def do(self, message: str, values: tuple[Any, ...]) -> Any:
        match message:
            case "pid":
                return os.getpid()
            case "urls":
                return self._hub.url, self._cdn.url
            case "add_repo":
                name, files, gated, private, revision, fields = values
                return self._store.add(
                    name, files, gated=gated, private=private, revision=revision, fields=fields
                )
            case "replace":
                self._store.replace(*values)
            case "move":
                self._store.move(*values)
            case "remove":
                self._store.remove(*values)
            case "page_size":
                self._routes.page_size = values[0]
            case "requests":
                return self._log.all()
            case "sent_bytes":
                return self._log.sent_bytes
            case "clear_log":
                self._log.clear()
            case "switch":
                self._box.set(*values)
                if values[0] == "down":
                    self._door(values[1])
            case "plan":
                self._box.plan(*values)
            case "left":
                return self._box.left()
            case "claim":
                self._store.claim(*values)
            case "clear":
                self._box.clear()
                self._store.unclaim()
                self._door(False)
            case _:
                raise ValueError(message)
        return None

    def close(self) -> list[str]:
        self._hub.close()
        self._cdn.close()
        return self._log.errors

    def _door(self, down: bool | str) -> None:
        for origin in (self._hub, self._cdn):
            origin.closed_door = down == "closed"
            if down == "closed":
                origin.open()
                origin.cut()
            elif down:
                origin.refuse()
            else:
                origin.open()


class Remote:
    """The hub in a child, told what to do through its standard input."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.hub.child", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )

    def do(self, message: str, values: tuple[Any, ...]) -> Any:
        with self._lock:
            assert self._child.stdin is not None and self._child.stdout is not None
            send(self._child.stdin, (message, values))
            good, answer = pickle.load(self._child.stdout)
        if not good:
            raise answer
        return answer

    def close(self) -> list[str]:
        broken: list[str] = self.do("close", ())
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait()
        return broken


def send(stream: IO[bytes], value: Any) -> None:
    pickle.dump(value, stream)
    stream.flush()
