"""One answer of a conversation, while it is written."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import Any

from desktop.core.chat.messages import Message, MessageState
from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry
from desktop.core.service.api_errors import ApiError, from_app_error, to_app_error
from desktop.core.service.calls import CLIENT_LEFT
from desktop.core.service.requests import RequestRecord
from desktop.core.service.streams import Usage

log = logging.getLogger(__name__)

# Of its record. Times in seconds, from its beginning; what is not known is None.
FIGURES = (
    "wait_seconds",
    "ttft_seconds",
    "tokens_per_second",
    "completion_tokens",
    "prompt_tokens",
    "cached_tokens",
    "total_seconds",
    "finish_reason",
)


class Turn:
    """An answer in the making, and for as long as it could not be stored."""

    def __init__(self, message: Message, entry: ModelEntry) -> None:
        self._message = message
        self.entry = entry
        self.state = MessageState.WAITING
        self.cut = MessageState.STOPPED  # what it becomes when it is cancelled
        self.pieces: list[tuple[str, str]] = []
        self.changed = asyncio.Event()
        self.written = asyncio.Event()  # by the model; not yet stored
        self.ended = asyncio.Event()
        self.record = RequestRecord(
            "chat", model=entry.id, stream=True, fingerprint=entry.fingerprint
        )
        self.usage: Usage | None = None
        self.figures: dict[str, Any] | None = None
        self.error: AppError | None = None
        self.not_stored: AppError | None = None
        self.work: asyncio.Task[None] | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def conversation_id(self) -> int:
        return self._message.conversation_id

    def add(self, text: str, reasoning: str) -> None:
        if not self.pieces:
            self.record.first_event()
            self.state = MessageState.STREAMING
        self.pieces.append((text, reasoning))
        self.changed.set()
        self.changed = asyncio.Event()

    def end(self) -> None:
        self.ended.set()
        self.changed.set()

    def message(self) -> Message:
        """The answer so far, as it is to be stored."""
        return replace(
            self._message,
            content="".join(text for text, _ in self.pieces),
            reasoning="".join(reasoning for _, reasoning in self.pieces),
            state=self.state,
            figures=self.figures,
            error=self.error.to_dict() if self.error else None,
        )

    def shown(self) -> Message:
        """As others see it: an answer that could not be stored says so."""
        if self.not_stored is None:
            return self.message()
        error = self.not_stored.to_dict()
        return replace(self.message(), state=MessageState.FAILED, error=error)

    def judge(self, work: asyncio.Task[None]) -> None:
        """Take down how the work on it ended."""
        error = None if work.cancelled() else work.exception()
        if work.cancelled():
            self.state = self.cut
            self.record.finish(self.usage, CLIENT_LEFT, self.cut.value, self.cut.value)
        elif error is not None:
            if not isinstance(error, AppError | ApiError):
                log.error("a turn failed", exc_info=error)
            self.state, self.error = MessageState.FAILED, as_app_error(error)
            said = error if isinstance(error, ApiError) else from_app_error(self.error)
            self.record.finish(self.usage, said.status, said.message, said.code)
        else:
            self.state = MessageState.DONE
            self.record.finish(self.usage)
        self.figures = {name: getattr(self.record, name) for name in FIGURES}


async def came(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within that time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def as_app_error(error: BaseException) -> AppError:
    if isinstance(error, AppError):
        return error
    if isinstance(error, ApiError):
        return to_app_error(error)
    return AppError(ErrorCode.INTERNAL, reason=f"{type(error).__name__}: {error}")
