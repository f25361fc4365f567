"""Answers as they are written: a thread per open stream, drained up to 25 times a second."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

log = logging.getLogger(__name__)

Json = dict[str, Any]
_REPAINT_MS = 40
# More letters than this in one go are more than anybody reads: they are shown less often.
_FAST_CHARS, _FAST_REPAINT_MS = 60, 70


class _Stream:
    """One message's stream, read in a thread of its own into a queue."""

    def __init__(self, client: Client, message_id: int) -> None:
        self.lines: deque[Json | AppError] = deque()
        self.cancel = CancelToken()
        self._client, self._message_id = client, message_id
        self.thread = threading.Thread(
            target=self._read, name=f"chat-stream-{message_id}", daemon=True
        )
        self.thread.start()

    def _read(self) -> None:
        try:
            for line in self._client.follow_message(self._message_id, self.cancel):
                self.lines.append(line)
                if self.cancel.cancelled:
                    return
        except AppError as error:
            self.lines.append(error)
        except Exception as error:
            log.exception("a stream of an answer failed")
            reason = f"{type(error).__name__}: {error}"
            self.lines.append(AppError(ErrorCode.INTERNAL, reason=reason))


class Follower(QObject):
    """Follows answers; all signals come on the main thread.

    Signals:
        snapshot: a message as it is when the stream begins.
        grown: its id, and what came since: text, reasoning.
        ended: the message as it was stored.
        broke_off: its id, and why its stream ended before it did.
    """

    snapshot = Signal(dict)
    grown = Signal(int, str, str)
    ended = Signal(dict)
    broke_off = Signal(int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._streams: dict[int, _Stream] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_REPAINT_MS)
        self._timer.timeout.connect(self._drain)

    def follow(self, client: Client, message_id: int) -> None:
        if message_id not in self._streams:
            self._streams[message_id] = _Stream(client, message_id)
            self._timer.start()

    def close(self) -> None:
        """Follow nothing any more. The answers go on in the service."""
        self._timer.stop()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.cancel.cancel()

    def _drain(self) -> None:
        for message_id, stream in list(self._streams.items()):
            text: list[str] = []
            reasoning: list[str] = []
            last: Json | AppError | None = None
            alive = stream.thread.is_alive()
            while stream.lines:
                line = stream.lines.popleft()
                if isinstance(line, AppError) or "done" in line:
                    last = line
                elif "snapshot" in line:
                    self.snapshot.emit(line["snapshot"])
                else:
                    text.append(line.get("text", ""))
                    reasoning.append(line.get("reasoning", ""))
            came = "".join(text), "".join(reasoning)
            if any(came):
                fast = len(came[0]) + len(came[1]) > _FAST_CHARS
                self._timer.setInterval(_FAST_REPAINT_MS if fast else _REPAINT_MS)
                self.grown.emit(message_id, *came)
            if last is None and not alive and not stream.lines:
                last = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It closed the stream.")
            if last is not None:
                self._streams.pop(message_id, None)
                if isinstance(last, AppError):
                    self.broke_off.emit(message_id, last)
                else:
                    self.ended.emit(last["done"])
        if not self._streams:
            self._timer.stop()
