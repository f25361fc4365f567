"""Looking one repository or file up at the hub: its listing first, then what fits of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.ui.context import Context
from desktop.ui.tabs.discover.cards import Card
from desktop.ui.tabs.discover.world import Question, World, look_up_name

if TYPE_CHECKING:
    from desktop.core.fit.recommend import Wish
    from desktop.core.hub.repository import Repository


class Told:
    """Hands a thread's progress to the main thread."""

    def __init__(self, context: Context, told: Callable[[Progress], Any]) -> None:
        self._context, self._told = context, told

    def progress(self, progress: Progress) -> None:
        self._context.tasks.post(lambda: self._told(progress))

    def log(self, line: str) -> None:
        return None


class LookUp(QObject):
    """One at a time; asked only because a person did.

    Attributes:
        looking: the name that is being looked up, or None; progress: how far a header is read.
        expected: the name that waits until the machine was looked at.
        repository: what its listing said, as soon as it did.
        error: why the last one was not found, or not judged.

    Signals:
        changed: a look-up began, went on or ended.
        listed: the repository's listing is there.
        found: the card of what was looked up.
    """

    changed = Signal()
    listed = Signal(object)
    found = Signal(object)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.looking: str | None = None
        self.expected: str | None = None
        self.progress: Progress | None = None
        self.repository: Repository | None = None
        self.error: AppError | None = None
        self._cancel = CancelToken()
        self._number = 0

    def expect(self, text: str) -> None:
        """It will be looked up; the machine is not known yet."""
        self.looking = self.expected = text.strip()
        self.error = self.progress = self.repository = None
        self.changed.emit()

    def start(self, text: str, world: World, wish: Wish) -> None:
        """Ask the network about a name; another one that is under way is given up."""
        self._cancel.cancel()
        self._number += 1
        number = self._number
        self.looking, self.error, self.progress = text.strip(), None, None
        self.repository = self.expected = None
        self._cancel = cancel = CancelToken()
        context = self._context

        def only_now(then: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda answer: then(answer) if number == self._number else None

        def listed(repository: Repository) -> None:
            context.tasks.post(lambda: only_now(self._on_listed)(repository))

        told = Told(context, only_now(self._on_progress))
        question = Question(world, wish, context.paths, told, cancel, listed)
        self.changed.emit()
        context.tasks.run(
            lambda: look_up_name(text, question),
            only_now(self._on_found),
            only_now(self._on_failed),
        )

    def cancel(self) -> None:
        self._cancel.cancel()
        if self.expected is not None:
            self.looking = self.expected = None
            self.changed.emit()

    def forget_error(self) -> None:
        self.error = None
        self.changed.emit()

    def _on_progress(self, progress: Progress) -> None:
        self.progress = progress
        self.changed.emit()

    def _on_listed(self, repository: Repository) -> None:
        self.repository = repository
        self.listed.emit(repository)
        self.changed.emit()

    def _on_found(self, card: Card) -> None:
        self.looking = self.progress = None
        self.changed.emit()
        self.found.emit(card)

    def _on_failed(self, error: AppError) -> None:
        self.looking = self.progress = None
        if error.code is not ErrorCode.CANCELLED:
            self.error = error
        self.changed.emit()
