"""The list of requests: its filter, its pages, and what ends while it is looked at."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.core.events import CancelToken
from desktop.ui.context import Context
from desktop.ui.tabs.server.requests_model import KEPT, RequestsModel
from desktop.ui.tabs.server.throughput import SPANS, Slice, slices

Json = dict[str, Any]

PAGE = 200
_SEARCH_PAGE = 1000
_FOUND = 100  # a search tells what it found so far when it has so many
_TOGETHER_MS = 100  # what ends within it is put into the list at once
_REDRAW_MS = 2000
_MOST_PAGES = 20  # of the ledger that the chart reads; of more requests the newest are enough
_SEARCHED = ("id", "client_id", "model", "route", "key", "error", "error_code", "finish_reason")


@dataclass(frozen=True)
class Wanted:
    """Which requests; None and "": whichever.

    Attributes:
        key: "" for those without a key.
        status: "ok" or "error".
        text: words, all of which stand somewhere in it.
    """

    model: str | None = None
    key: str | None = None
    status: str | None = None
    text: str = ""

    def takes(self, request: Json) -> bool:
        """Whether a request is among them."""
        if self.model is not None and request.get("model") != self.model:
            return False
        if self.key is not None and (request.get("key") or "") != self.key:
            return False
        if self.status is not None and (int(request["status"]) < 400) != (self.status == "ok"):
            return False
        return self.finds(request)

    def finds(self, request: Json) -> bool:
        told = " ".join(str(request.get(name) or "") for name in _SEARCHED).casefold()
        told += f" {request['status']}"
        return all(word in told for word in self.text.casefold().split())

    @property
    def everything(self) -> bool:
        return self == Wanted()


@dataclass(frozen=True)
class PageOf:
    requests: list[Json]
    following: str | None


def read_page(client: Client, wanted: Wanted, after: str | None, cancel: CancelToken) -> PageOf:
    """The next of the wanted requests: a page, or, with words to look for, what was found in as
    many pages as it took. Called in a task."""
    found: list[Json] = []
    limit = _SEARCH_PAGE if wanted.text.strip() else PAGE
    while True:
        cancel.raise_if_cancelled()
        page = client.ledger(after, limit, model=wanted.model, key=wanted.key, status=wanted.status)
        found += [each for each in page["requests"] if wanted.finds(each)]
        after = page["next"]
        if after is None or len(found) >= (_FOUND if wanted.text.strip() else 1):
            return PageOf(found, after)


def read_since(client: Client, since: float, cancel: CancelToken) -> list[Json]:
    """Requests since then, at most `_MOST_PAGES` of them. Called in a task."""
    found: list[Json] = []
    after = None
    for _ in range(_MOST_PAGES):
        cancel.raise_if_cancelled()
        page = client.ledger(after, _SEARCH_PAGE, since=since)
        found += page["requests"]
        after = page["next"]
        if after is None:
            break
    return found


class RequestsPresenter(QObject):
    """Attributes:
        model: the list, as a Qt model.
        held: requests that ended while the list was scrolled, or was not to move.
        trouble: why the list could not be read, or None.
        reading: the first page is on its way.

    Signals:
        changed: trouble, reading, held.
        charted: the chart's slices (list of `Slice`).
    """

    changed = Signal()
    charted = Signal(list)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._cancel = CancelToken()
        self._chart_cancel = CancelToken()
        self._shown = False
        self._stale = True
        self._at_top = True
        self._fresh: list[Json] = []
        self._charted: dict[str, Json] = {}
        self.wanted = Wanted()
        self.span = "quarter"
        self.held: list[Json] = []
        self.trouble: AppError | None = None
        self.reading = False
        self.model = RequestsModel(self)
        self.model.page_wanted.connect(self._on_page_wanted)
        self._together = QTimer(self)
        self._together.setSingleShot(True)
        self._together.setInterval(_TOGETHER_MS)
        self._together.timeout.connect(self._on_together_timeout)
        self._redraw = QTimer(self)
        self._redraw.setInterval(_REDRAW_MS)
        self._redraw.timeout.connect(self._draw)
        context.state.request_finished.connect(self._on_request_finished)
        context.state.online_changed.connect(self._on_online_changed)

    # --- what is asked for --------------------------------------------------------------------

    def show(self) -> None:
        """The list comes into sight."""
        self._shown = True
        self._redraw.start()
        if self._stale:
            self.read()
        else:
            self._draw()

    def hide(self) -> None:
        """Nobody looks: nothing is read and drawn, and what ends is read when it is shown."""
        self._shown = False
        self._stale = True
        self._redraw.stop()
        self._together.stop()
        self._fresh.clear()
        self._cancel.cancel()
        self._chart_cancel.cancel()

    def choose(self, wanted: Wanted) -> None:
        if wanted != self.wanted:
            self.wanted = wanted
            self.read()

    def choose_span(self, span: str) -> None:
        """Args: span: one of `SPANS`."""
        self.span = span
        self._read_chart()

    def read(self) -> None:
        """Read the list anew."""
        if not self._context.state.online:
            return
        self._stale = False
        self._cancel.cancel()
        self._cancel = cancel = CancelToken()
        self.held, self.trouble, self.reading = [], None, True
        wanted = self.wanted

        def done(page: PageOf) -> None:
            if not cancel.cancelled:
                self.reading = False
                self.model.show_page(page.requests, page.following)
                self.changed.emit()

        def failed(error: AppError) -> None:
            if not cancel.cancelled:
                self.reading, self.trouble = False, error
                self.changed.emit()

        self.changed.emit()
        self._context.ask(lambda client: read_page(client, wanted, None, cancel), done, failed)
        self._read_chart()

    def set_at_top(self, at_top: bool) -> None:
        """Whether the newest are in sight: else new ones would move what is being read."""
        self._at_top = at_top
        if at_top and self.held:
            self.show_held()

    def show_held(self) -> None:
        """Put what ended meanwhile into the list."""
        held, self.held = self.held, []
        self._put(held)
        self.changed.emit()

    # --- what comes in ------------------------------------------------------------------------

    def _on_page_wanted(self, after: str) -> None:
        cancel, wanted = self._cancel, self.wanted

        def done(page: PageOf) -> None:
            if not cancel.cancelled:
                self.model.append_page(page.requests, page.following)
                self.changed.emit()

        def failed(error: AppError) -> None:
            if not cancel.cancelled:
                self.model.page_failed()
                self._context.show_error(error)

        self._context.ask(lambda client: read_page(client, wanted, after, cancel), done, failed)

    def _on_request_finished(self, request: Json) -> None:
        if not self._shown:
            return
        self._fresh.append(request)
        if not self._together.isActive():
            self._together.start()

    def _on_together_timeout(self) -> None:
        fresh, self._fresh = self._fresh, []
        self._charted |= {str(each.get("id")): each for each in fresh}
        taken = [each for each in fresh if self.wanted.takes(each)]
        if self._at_top:
            self._put(taken)
        else:
            self.held += taken
        self.changed.emit()

    def _put(self, requests: list[Json]) -> None:
        self.model.add(requests)
        if self.model.rowCount() > KEPT and self._at_top:
            self.read()

    def _on_online_changed(self) -> None:
        self._stale = True
        if self._shown and self._context.state.online:
            self.read()
        self.changed.emit()

    # --- the chart ----------------------------------------------------------------------------

    def _read_chart(self) -> None:
        self._chart_cancel.cancel()
        self._chart_cancel = cancel = CancelToken()
        since = time.time() - SPANS[self.span]

        def done(found: list[Json]) -> None:
            if not cancel.cancelled:
                self._charted = {str(each.get("id")): each for each in found}
                self._draw()

        def failed(error: AppError) -> None:
            """The list beside it tells of it."""

        self._context.ask(lambda client: read_since(client, since, cancel), done, failed)

    def _draw(self) -> None:
        self.charted.emit(self.slices())

    def slices(self) -> list[Slice]:
        """The chart as it is now."""
        now, span = time.time(), SPANS[self.span]
        old = [
            name
            for name, each in self._charted.items()
            if each["arrived"] + (each.get("total_seconds") or 0.0) < now - span
        ]
        for name in old:
            del self._charted[name]
        return slices(self._charted.values(), now, span)
