"""The connections of a download: as many as the tuner wants, each taking what the plan gives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from desktop.core.errors import AppError
from desktop.core.hub.download.item import Changed
from desktop.core.hub.download.limit import Bucket
from desktop.core.hub.download.plan import Plan
from desktop.core.hub.download.retry import Health, is_refusal, worth_a_try
from desktop.core.hub.download.source import Stale
from desktop.core.hub.download.transfer import Transfer
from desktop.core.hub.download.tuner import WINDOW_SECONDS, Tuner


class Crew:
    """Runs until it is cancelled.

    Args:
        came: bytes that have come so far, over all connections.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        transfer: Transfer,
        health: Health,
        tuner: Tuner,
        bucket: Bucket,
        came: Callable[[], int],
    ) -> None:
        self._plan = plan
        self._transfer = transfer
        self._health = health
        self._tuner = tuner
        self._bucket = bucket
        self._came = came
        self._workers = 0
        self.busy = 0
        self._idled = False  # a connection had nothing to do in this window

    async def run(self) -> None:
        """Raises:
        AppError: what one of the connections cannot go on after.
        """
        async with asyncio.TaskGroup() as group:
            while True:
                self._tuner.cap(self._bucket.rate)
                while self._workers < self._tuner.target:
                    self._workers += 1
                    group.create_task(self._work())
                before, started = self._came(), time.monotonic()
                self._idled = self.busy < self._tuner.target
                await asyncio.sleep(WINDOW_SECONDS)
                self._plan.changed()  # a connection may have become slow enough to be helped
                now = time.monotonic()
                if not self._idled:
                    self._tuner.measured((self._came() - before) / (now - started), now)

    async def _work(self) -> None:
        streak = 0
        try:
            while self._workers <= self._tuner.target:
                await self._health.gate()
                segment = self._plan.take(self._tuner.target)
                if segment is None:
                    self._idled = True
                    await self._plan.wait()
                    continue
                self.busy += 1
                try:
                    await self._transfer.bring(segment)
                    streak = 0
                    continue
                except Changed:
                    if not segment.dropped:
                        segment.item.changed()
                    continue
                except (AppError, Stale) as error:
                    failure = error
                finally:
                    self.busy -= 1
                    self._plan.give_back(segment)
                if segment.dropped:
                    continue  # nobody wants it any more
                streak = 1 if segment.got_bytes else streak + 1
                self._idled = True
                self._note(failure)
                await self._health.recover(failure, streak - 1)
        finally:
            self._workers -= 1

    def _note(self, failure: Exception) -> None:
        if isinstance(failure, Stale) or not worth_a_try(failure):
            return
        if is_refusal(failure):
            self._tuner.refused(time.monotonic())
        else:
            self._tuner.failed(time.monotonic())
