"""Someone who downloads from a hub into a cache, and remembers what was said."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core import web
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.hub.download.fetch import fetch
from desktop.core.hub.download.order import Fetched, Limits, Order, order_of
from desktop.core.hub.download.retry import Patience
from desktop.core.hub.files import list_files
from desktop.core.web import WebSettings
from tests.helpers.hub import LocalHub

REPO = "maker/Tiny-GGUF"
FILE = "tiny-Q4_K_M.gguf"
SMALL = "config.json"
MIB = 1 << 20
# Tries come quickly, and giving up does.
QUICK = Patience(
    give_up_seconds=3.0,
    first_pause_seconds=0.02,
    longest_pause_seconds=0.2,
    other_program_seconds=2.0,
)


@dataclass
class Listener:
    """Remembers what it was told; `until` waits for a moment."""

    lines: list[str] = field(default_factory=list)
    last: Progress | None = None
    most_connections: int = 0
    on_progress: Callable[[Progress], None] | None = None

    def log(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, progress: Progress) -> None:
        self.last = progress
        if progress.detail is not None:
            self.most_connections = max(self.most_connections, progress.detail["connections"])
        if self.on_progress is not None:
            self.on_progress(progress)

    @property
    def detail(self) -> dict[str, Any]:
        assert self.last is not None and self.last.detail is not None
        return self.last.detail

    @property
    def notes(self) -> list[str]:
        return [note["code"] for note in self.detail["notes"]]


class Desk:
    """One hub and one cache, and orders between them."""

    def __init__(self, hub: LocalHub, cache: Path) -> None:
        self.hub = hub
        self.cache = cache
        self.settings = WebSettings(endpoint=hub.url, idle_seconds=1.0)
        self.heard = Listener()
        self.cancel = CancelToken()

    def order(self, repo: str = REPO, *names: str) -> Order:
        async def ask(session: web.Web) -> Order:
            listing = await list_files(session, repo)
            files = [file for file in listing.files if not names or file.path in names]
            return order_of(listing, files)

        return web.run(ask, self.settings)

    def get(
        self,
        order: Order | None = None,
        *,
        limits: Limits | None = None,
        patience: Patience = QUICK,
        **settings: Any,
    ) -> Fetched:
        self.heard = Listener(on_progress=self.heard.on_progress)
        return fetch(
            order or self.order(),
            self.cache,
            replace(self.settings, **settings),
            limits or Limits(),
            self.heard,
            self.cancel,
            patience=patience,
        )

    def failure(self, order: Order | None = None, **options: Any) -> AppError:
        with pytest.raises(AppError) as caught:
            self.get(order, **options)
        str(caught.value)
        return caught.value

    def stop_after(self, done_bytes: int) -> None:
        """Cancel the next download when so much is there."""
        self.cancel = CancelToken()

        def look(progress: Progress) -> None:
            if progress.done >= done_bytes:
                # not in the download's own thread: that is how a person does it
                threading.Thread(target=self.cancel.cancel).start()

        self.heard.on_progress = look

    def go_on(self) -> None:
        self.cancel = CancelToken()
        self.heard.on_progress = None

    def interrupted_at(self, done_bytes: int, order: Order, **options: Any) -> None:
        """Download until so much is there, then cancel."""
        self.stop_after(done_bytes)
        error = self.failure(order, **options)
        assert error.code is ErrorCode.CANCELLED
        self.go_on()

    def outside(self) -> set[Path]:
        """All files beside the hub's and the cache's own."""
        root = self.cache.parent
        return {
            path
            for path in root.rglob("*")
            if not path.is_relative_to(self.cache) and not path.is_relative_to(root / "hub")
        }
