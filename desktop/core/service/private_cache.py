"""Keys marked private: what they send stays out of the prompt cache, which all callers share.

How fast an answer begins, and the count of cached tokens, tell what is in that cache. With
`cache_prompt: false` a private request does not find what others sent; but the engine keeps each
slot's last prompt, gives it to the next request that begins like it, and stores it in host memory
before another one takes its place. So a private request gets a slot that is known, and the slot is
told to forget before anybody else can get it (read in server-context.cpp of llama.cpp,
`get_available_slot` and `SLOT_ERASE`, and tried).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from desktop.core.service import upstream
from desktop.core.service.api_errors import ApiError
from desktop.core.service.loaded import Loaded

log = logging.getLogger(__name__)

# The engine prefers its last slots; of several answers to one request it keeps only the one in the
# slot that was asked for.
SLOT = 0
# A request that was cancelled ends after the batch in flight, which can be seconds on a CPU.
WASH_SECONDS = 20.0

_Answer = TypeVar("_Answer")


def unshared(body: dict[str, Any], loaded: Loaded | None = None) -> dict[str, Any]:
    """What the engine is asked for a private request.

    Args:
        loaded: the model that generates an answer; None: the engine keeps nothing of this request.
    """
    body = {**body, "cache_prompt": False}
    return body if loaded is None else {**body, "id_slot": SLOT}


def washed(
    answer: Callable[[Loaded], Awaitable[_Answer]],
) -> Callable[[Loaded], Awaitable[_Answer]]:
    """As `answer`, after which no slot holds what was asked and answered."""

    async def answered(loaded: Loaded) -> _Answer:
        try:
            return await answer(loaded)
        finally:
            # A client that leaves once more does not keep it from being done.
            await asyncio.shield(asyncio.ensure_future(_wash(loaded)))

    return answered


async def _wash(loaded: Loaded) -> None:
    server = loaded.server
    if server is None or loaded.gone.is_set():
        return
    try:
        async with asyncio.timeout(WASH_SECONDS):
            await upstream.ask(server, f"/slots/{SLOT}?action=erase", {})
    except (upstream.EngineSilent, ApiError, TimeoutError, ValueError) as error:
        log.warning("a private prompt may have stayed in the cache", extra={"why": str(error)})
