"""A model's answer as it comes from its engine: asked for, watched, and put into OpenAI's shape."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any

from desktop.core.engine.server import EngineServer
from desktop.core.service import request_ids, upstream
from desktop.core.service.api_errors import ApiError, from_upstream
from desktop.core.service.asking import as_text, completions, overflow
from desktop.core.service.asking.asker import Asked, Asker
from desktop.core.service.engine_connection import EngineReply
from desktop.core.service.loaded import Loaded
from desktop.core.service.runaway import SILENT_SECONDS, EngineWatch, may_run_away
from desktop.core.service.streams import StreamFilter

if TYPE_CHECKING:
    from desktop.core.service.calls import Call
    from desktop.core.service.straight import Straight

DROPPED = "x-paddock-dropped-messages"
NOTICES = "x-paddock-notices"


class EngineStreams:
    """Args:
    silent_seconds: an engine that says nothing for so long is given up.
    """

    def __init__(
        self,
        asker: Asker,
        *,
        silent_seconds: float = SILENT_SECONDS,
        look_seconds: float = 1.0,
    ) -> None:
        self._asker = asker
        self._silent_seconds = silent_seconds
        self._look_seconds = look_seconds

    async def events(
        self, call: Call, loaded: Loaded, route: str, body: dict[str, Any], usage: bool
    ) -> AsyncGenerator[bytes]:
        """As `Calls.events`."""
        asked = await self._asker.asked(loaded, route, body, call.pictures)
        if asked.notices:
            request_ids.say(call.request, NOTICES, ", ".join(asked.notices))
        dropped = 0
        while True:
            events = StreamFilter(
                usage, answers=asked.answers, parts=len(asked.bodies), chat=asked.chat
            )
            if dropped:
                events.more_usage["dropped_messages"] = dropped
            call.usage, call.events = events.usage, events
            # The loop stands here and not in a generator of its own: each generator that a block
            # passes through costs as much as all that is done with it.
            record, texts = call.record, call.record.texts
            try:
                for part in range(len(asked.bodies)):
                    async with self._opened(loaded, asked, part) as (reply, watch, infilled):
                        while block := await reply.readany():
                            watch.count += 1
                            out = events.feed(infilled.feed(block) if infilled else block)
                            if events.finished:
                                call.whole = True
                            if not out:
                                continue
                            if watch.loops:
                                watch.blocks.append(out)
                            for rewriter in asked.rewriters:
                                out = rewriter.feed(out)
                            if record.ttft_seconds is None:
                                record.first_event()
                            if texts is not None:
                                texts.add(out)
                            if out:
                                yield out
                            if call.straight is not None and asked.straight and texts is None:
                                await _hand_on(call, call.straight, reply, watch, events)
                    assert loaded.server is not None
                    await _check_ended(events, part, loaded.server)
                return
            except upstream.EngineSilent as error:
                if call.record.ttft_seconds is None:
                    raise  # it can be asked again from the beginning
                assert loaded.server is not None
                raise await upstream.broke_off(loaded.server, str(error)) from error
            except ApiError as error:
                again = (
                    None
                    if call.record.ttft_seconds
                    else await self._again(call, loaded, asked, dropped, error)
                )
                if again is None:
                    raise
            asked, dropped = again

    async def _again(
        self, call: Call, loaded: Loaded, asked: Asked, dropped: int, error: ApiError
    ) -> tuple[Asked, int] | None:
        """What to ask instead of something that the engine refused, if anything; and how many
        messages that leaves out."""
        if as_text.is_refused_form(error):
            other = await self._asker.as_text(loaded, asked)
            return None if other is None else (other, dropped)
        may_drop = call.drop_oldest or call.caller.policy.overflow == "drop_oldest"
        if dropped or not may_drop or not overflow.is_overflow(error):
            return None
        shorter = await self._asker.shortened(loaded, asked, error)
        if shorter is not None:
            request_ids.say(call.request, DROPPED, str(shorter[1]))
        return shorter

    @contextlib.asynccontextmanager
    async def _opened(
        self, loaded: Loaded, asked: Asked, part: int
    ) -> AsyncIterator[tuple[EngineReply, EngineWatch, completions.Infilled | None]]:
        """The engine's answer to one of the prompts, watched."""
        server, body = loaded.server, asked.bodies[part]
        assert server is not None
        for rewriter in asked.rewriters:
            rewriter.part = part
        infilled = None
        if asked.infilled:
            infilled = completions.Infilled(loaded.entry.id, asked.answers)
        silent = self._silent_seconds
        async with upstream.post(server, asked.route, body, silent_seconds=silent) as reply:
            with EngineWatch(
                reply.close,
                loops=may_run_away(body),
                silent_seconds=silent,
                look_seconds=self._look_seconds,
            ) as watch:
                yield reply, watch, infilled


async def _hand_on(
    call: Call, straight: Straight, reply: EngineReply, watch: EngineWatch, events: StreamFilter
) -> None:
    """Pass on the rest of an answer into which nobody has to look, as it comes."""

    def take(block: bytes) -> bool:
        watch.count += 1
        out = events.feed(block)
        if events.finished:
            call.whole = True
        if not out:
            return True
        if watch.loops:
            watch.blocks.append(out)
        return straight.write(out)

    while not await reply.hand_on(take):
        await straight.drain()


async def _check_ended(events: StreamFilter, part: int, server: EngineServer) -> None:
    """Raises ApiError for what went wrong in a stream that has ended, if anything did."""
    if events.error is not None:
        raise from_upstream(500, events.error)
    if events.ended <= part:
        raise await upstream.broke_off(server, "")
