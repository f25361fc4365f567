"""Answers that never end, and engines that say nothing any more.

The watch looks from a timer: the stream itself only leaves its last blocks there.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop.core.service import upstream
from desktop.core.service.api_errors import ApiError
from desktop.core.service.engine_connection import BrokenOff

log = logging.getLogger(__name__)

# A batch of 2,048 tokens at 4 tokens a second, the longest that is silent without being stuck.
SILENT_SECONDS = 600.0
LOOK_SECONDS = 1.0
EQUAL_TOKENS = 60
REPEATED_TOKENS = 400  # of something longer that comes again and again
LONGEST_PERIOD = 32
# An answer that the request itself bounds to less ends soon enough.
BOUNDED_TOKENS = 2048
_FEW, _MANY = 64, 512
_END = b"\n\n"


def repeats(pieces: Sequence[bytes], longest: int = LONGEST_PERIOD) -> tuple[int, int]:
    """The period in which the last pieces repeat themselves, and for how many pieces they do.

    Returns: (0, 0) where they do not, at least three times.
    """
    for period in range(1, min(longest, len(pieces) // 3) + 1):
        run = period
        while run < len(pieces) and pieces[-1 - run] == pieces[-1 - run + period]:
            run += 1
        if run >= 3 * period:
            return period, run
    return 0, 0


def may_run_away(body: Mapping[str, Any]) -> bool:
    """Whether an answer to this may be long, and is not meant to be without end."""
    if body.get("ignore_eos"):
        return False
    names = ("n_predict", "max_completion_tokens", "max_tokens")
    bound = next((body[name] for name in names if body.get(name) is not None), -1)
    return bool(bound < 0 or bound > BOUNDED_TOKENS)


class EngineWatch:
    """Watches one answer of an engine, whose blocks are read while it is entered.

    Whoever reads them adds each to `count`, and where `loops` is set to `blocks` what is passed on.

    Args:
        cut: ends the connection to the engine.
        loops: whether to look for answers that repeat themselves.

    Attributes:
        problem: why the answer was cut off; raised when the watch ends.
    """

    def __init__(
        self,
        cut: Callable[[], None],
        *,
        loops: bool = True,
        silent_seconds: float = SILENT_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self.problem: ApiError | None = None
        self._cut = cut
        self.loops = loops
        self._silent_seconds = silent_seconds
        self._look_seconds = look_seconds
        self.blocks: deque[bytes] = deque(maxlen=_FEW)
        self.count = self._counted = 0
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> EngineWatch:
        self._timer = self._loop.call_later(self._look_seconds, self._look)
        return self

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        """Raises ApiError where the answer was cut off, in place of what that made of it."""
        if self._timer is not None:
            self._timer.cancel()
        if self.problem is not None and (error is None or isinstance(error, BrokenOff)):
            raise self.problem from error

    def _look(self) -> None:
        if self.count != self._counted:
            self._counted, self._since = self.count, self._loop.time()
            if self.loops and self._runs_away():
                self._end(_runaway())
                return
        elif self._loop.time() - self._since >= self._silent_seconds:
            self._end(upstream.said_nothing(self._silent_seconds))
            return
        self._timer = self._loop.call_later(self._look_seconds, self._look)

    def _runs_away(self) -> bool:
        period, run = repeats(_pieces(self.blocks))
        if period == 1 and run >= EQUAL_TOKENS:
            return True
        if period and self.blocks.maxlen == _FEW:  # worth a longer look from now on
            self.blocks = deque(self.blocks, maxlen=_MANY)
        return run >= REPEATED_TOKENS

    def _end(self, problem: ApiError) -> None:
        log.warning("an answer was cut off", extra={"code": problem.code})
        self.problem = problem
        self._cut()


def _runaway() -> ApiError:
    return ApiError(
        502,
        "The model repeated itself without end and was stopped. A higher temperature or a repeat "
        "penalty may help; “max_tokens” bounds an answer.",
        error_type="server_error",
        code="runaway_output",
    )


def _pieces(blocks: Sequence[bytes]) -> list[bytes]:
    """What the events say, without the fields that differ from one to the next."""
    events = [event for block in blocks for event in block.split(_END) if event]
    return [event[: event.find(b',"created":')] for event in events]
