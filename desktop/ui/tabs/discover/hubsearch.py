"""Searching the hub: one question at a time, asked only because a person did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.ui.context import Context

if TYPE_CHECKING:
    from desktop.core.hub.client import SearchResult

PAGE = 60  # repositories asked for at once
_MOST = 480


@dataclass(frozen=True)
class Wanted:
    """What is searched for.

    Attributes:
        kind: "gguf", "checkpoint" or "all"; sort: "trending", "downloads", "likes", "updated".
        sizes: bounds of the number of parameters, each of which may be None.
        license: as the hub calls it; None: any.
    """

    text: str = ""
    kind: str = "gguf"
    sort: str = "trending"
    sizes: tuple[int | None, int | None] = (None, None)
    license: str | None = None
    limit: int = PAGE


class HubSearch(QObject):
    """Attributes:
        wanted: the last question; result: its answer; error: why there is none.
        active: the hub's repositories are shown instead of the catalogue.
        busy: the hub is being asked.

    Signals:
        changed: any of them.
    """

    changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.wanted = Wanted()
        self.result: SearchResult | None = None
        self.error: AppError | None = None
        self.active = self.busy = False
        self._cancel = CancelToken()
        self._number = 0

    @property
    def can_show_more(self) -> bool:
        found = self.result
        return found is not None and found.more and self.wanted.limit < _MOST

    def ask(self, **changes: Any) -> None:
        """Search, with what is changed of the question."""
        self.wanted = wanted = replace(self.wanted, limit=PAGE, **changes)
        self.result = None
        self._start(wanted)

    def more(self) -> None:
        """Ask for as many again; those that are shown stay meanwhile."""
        if self.can_show_more and not self.busy:
            self.wanted = replace(self.wanted, limit=min(_MOST, 2 * self.wanted.limit))
            self._start(self.wanted)

    def again(self) -> None:
        self._start(self.wanted)

    def leave(self) -> None:
        """Back to the catalogue."""
        self._cancel.cancel()
        self._number += 1
        self.active = self.busy = False
        self.changed.emit()

    def cancel(self) -> None:
        """Ask no longer; where nothing is shown yet, back to the catalogue."""
        self._cancel.cancel()
        self._number += 1
        self.busy = False
        self.active = self.result is not None
        self.changed.emit()

    def _start(self, wanted: Wanted) -> None:
        self._cancel.cancel()
        self._cancel = cancel = CancelToken()
        self._number += 1
        number, paths = self._number, self._context.paths
        self.active = self.busy = True
        self.error = None
        self.changed.emit()

        def work() -> SearchResult:
            from desktop.core.hub.access import web_settings  # the network's modules take time
            from desktop.core.hub.client import Hub

            smallest, largest = wanted.sizes
            return Hub(web_settings(paths), paths.cache).search(
                wanted.text,
                kind=wanted.kind,  # type: ignore[arg-type]
                sort=wanted.sort,  # type: ignore[arg-type]
                license=wanted.license,
                smallest=smallest,
                largest=largest,
                limit=wanted.limit,
                cancel=cancel,
            )

        def only_now(then: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda answer: then(answer) if number == self._number else None

        self._context.tasks.run(work, only_now(self._on_found), only_now(self._on_failed))

    def _on_found(self, result: SearchResult) -> None:
        self.result, self.busy = result, False
        self.changed.emit()

    def _on_failed(self, error: AppError) -> None:
        self.busy = False
        if error.code is not ErrorCode.CANCELLED:
            self.error = error
        self.changed.emit()
