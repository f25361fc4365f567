"""Tells an address of the person's own that a budget runs out, in the background.

The address may be on this machine or in the private network: the person set it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from desktop.core.service.access import is_loopback

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10.0
_PAUSES_SECONDS = (1.0, 5.0, 30.0)
_MOST_WAITING = 50


class Webhook:
    """Lives on the service's event loop.

    Args:
        url: where to; asked each time, None: nowhere.
        pauses_seconds: before each further try.
    """

    def __init__(
        self, url: Callable[[], str | None], pauses_seconds: Sequence[float] = _PAUSES_SECONDS
    ) -> None:
        self._url = url
        self._pauses_seconds = pauses_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, document: dict[str, Any]) -> None:
        """Send it soon; nobody waits for that."""
        url = self._url()
        if url is None:
            return
        if len(self._tasks) >= _MOST_WAITING:
            log.warning("a webhook was left out: too many wait")
            return
        task = asyncio.get_running_loop().create_task(self._send(url, document))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, url: str, document: dict[str, Any]) -> None:
        for pause in (*self._pauses_seconds, None):
            why = await self._try(url, document)
            if why is None:
                return
            if pause is None:
                log.warning("the budget webhook does not answer", extra={"why": why})
                return
            await asyncio.sleep(pause)

    async def _try(self, url: str, document: dict[str, Any]) -> str | None:
        """Why it was not taken; None where it was."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        proxies = not is_loopback(urlsplit(url).hostname or "")
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=proxies) as session,
                session.post(url, json=document, allow_redirects=False) as reply,
            ):
                # Refused for good: the same would be refused again.
                if reply.status < 300 or (400 <= reply.status < 500 and reply.status != 429):
                    if reply.status >= 400:
                        log.warning("the budget webhook refused", extra={"status": reply.status})
                    return None
                return f"status {reply.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return str(error) or type(error).__name__

    async def close(self) -> None:
        """Give up what was not sent yet."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
