"""Answers in conversations: run in the service, stored as they come, followed by anyone.

A turn belongs to nobody's connection. It ends by itself, by `stop`, or with the service; a window
that dies or comes late finds what was said in the database, and the rest in the stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from desktop.core.chat import messages as tree
from desktop.core.chat.messages import UNFINISHED, Conversation, Message, MessageState
from desktop.core.chat.store import ConversationStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry
from desktop.core.service import generation, limits, upstream
from desktop.core.service.asking import adapters
from desktop.core.service.loaded import Loaded
from desktop.core.service.requests import RequestLog
from desktop.core.service.runaway import EngineWatch
from desktop.core.service.streams import StreamFilter, deltas
from desktop.core.service.supervisor import Supervisor
from desktop.core.service.turn import Turn, as_app_error, came

log = logging.getLogger(__name__)

# How much of an answer a crash may cost.
FLUSH_SECONDS = 0.25
# Followers get what came in the meantime at once: a window repaints about 30 times a second.
COALESCE_SECONDS = 0.03
PING_SECONDS = 15.0
_ROUTE = "/v1/chat/completions"

_T = TypeVar("_T")


class Turns:
    """Lives on the service's event loop; one answer at a time in each conversation.

    Args:
        find: the model of a name; raises MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
    """

    def __init__(
        self,
        store: ConversationStore,
        supervisor: Supervisor,
        requests: RequestLog,
        *,
        find: Callable[[str], Awaitable[ModelEntry]],
        publish: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.store = store
        self._supervisor = supervisor
        self._requests = requests
        self._find = find
        self._publish = publish
        self._live: dict[int, Turn] = {}
        self._adding = asyncio.Lock()  # a turn is stored and made live without a gap
        self._errands: set[asyncio.Task[Any]] = set()
        self._stopping = False

    @property
    def busy(self) -> bool:
        return bool(self._errands) or any(not t.ended.is_set() for t in self._live.values())

    def tell(self, conversation: Conversation) -> None:
        self._publish("conversation.changed", conversation.to_dict())

    async def tidy(self) -> None:
        """At the start: what an earlier run left unfinished, and what was deleted long ago."""
        try:
            if left := await asyncio.to_thread(self.store.interrupted):
                log.warning("answers were interrupted", extra={"count": left})
            await asyncio.to_thread(self.store.purge)
        except AppError as error:  # a full disk: no reason not to start
            log.warning("conversations were not tidied", extra={"why": str(error)})

    # --- beginning and ending -----------------------------------------------------------------

    async def send(
        self, conversation_id: int, content: str, parent_id: int | None, model: str | None
    ) -> tuple[Conversation, Message, Message]:
        """A person's next message; returns it and the answer that has begun.

        Raises:
            AppError: BAD_REQUEST while another answer is in progress, and what the store raises.
        """
        conversation = await asyncio.to_thread(self.store.get, conversation_id)
        entry = await self._model(model or conversation.model_id)

        async def add() -> tuple[Conversation, Message, Message]:
            async with self._adding:
                self._check_free(conversation_id)
                found = await asyncio.to_thread(
                    self.store.add_turn, conversation_id, content, parent_id, entry.id
                )
                self._start(found[2], entry)
            self.tell(found[0])
            return found

        return await self.carry_through(add())

    async def regenerate(self, message_id: int, model: str | None) -> Message:
        """Another answer beside one that is there; returns the new one, which has begun."""
        old = await asyncio.to_thread(self.store.message, message_id)
        if old.role != "assistant" or old.parent_id is None:
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"Message {message_id} is no answer.")
        question_id = old.parent_id
        conversation = await asyncio.to_thread(self.store.get, old.conversation_id)
        entry = await self._model(model or conversation.model_id or old.model_id)

        async def add() -> Message:
            async with self._adding:
                self._check_free(old.conversation_id)
                changed, answer = await asyncio.to_thread(
                    self.store.add_reply, question_id, entry.id
                )
                self._start(answer, entry)
            self.tell(changed)
            return answer

        return await self.carry_through(add())

    async def stop(self, message_id: int) -> Message:
        """End an answer with what was said so far; one that has ended stays as it is."""
        turn = self._live.get(message_id)
        if turn is None:
            return await asyncio.to_thread(self.store.message, message_id)
        await self._cut(turn, MessageState.STOPPED)
        return turn.shown()

    async def delete(self, conversation_id: int) -> Conversation:
        """Put a conversation aside; an answer in progress is stopped before."""

        async def work() -> Conversation:
            async with self._adding:
                for turn in list(self._live.values()):
                    if turn.conversation_id == conversation_id:
                        await self._cut(turn, MessageState.STOPPED)
                deleted = await asyncio.to_thread(self.store.delete, conversation_id)
            self.tell(deleted)
            return deleted

        return await self.carry_through(work())

    async def close(self) -> None:
        """Interrupt and store what runs; nothing is taken any more."""
        self._stopping = True
        await asyncio.gather(*self._errands, return_exceptions=True)
        for turn in list(self._live.values()):
            await self._cut(turn, MessageState.INTERRUPTED)
        await self._store_left_over()

    async def carry_through(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do all of it, also when the client that asked for it leaves in the middle."""
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errand_done)
        return await asyncio.shield(task)

    def _errand_done(self, task: asyncio.Task[Any]) -> None:
        self._errands.discard(task)
        if not task.cancelled():
            task.exception()  # seen: who asked for it may have left

    async def _cut(self, turn: Turn, state: MessageState) -> None:
        assert turn.work is not None and turn.task is not None
        turn.cut = state
        turn.work.cancel()
        await asyncio.wait({turn.task})

    async def _model(self, name: str | None) -> ModelEntry:
        if self._stopping:
            raise AppError(ErrorCode.SERVICE_STOPPING)
        if not name:
            raise AppError(ErrorCode.BAD_REQUEST, reason="No model was chosen for it.")
        entry = await self._find(name)
        generation.check_model(entry)
        generation.check_generative(entry)
        return entry

    def _check_free(self, conversation_id: int) -> None:
        if self._stopping:
            raise AppError(ErrorCode.SERVICE_STOPPING)
        for turn in self._live.values():
            if turn.conversation_id == conversation_id and not turn.ended.is_set():
                raise AppError(
                    ErrorCode.BAD_REQUEST,
                    reason="An answer is being written in this conversation. Wait until it has "
                    "ended, or stop it.",
                )

    # --- reading ------------------------------------------------------------------------------

    async def messages(self, conversation_id: int) -> list[Message]:
        """All messages of a conversation; answers in progress as they are now."""
        live = dict(self._live)  # before the look at the table: an answer may end in between
        found = await asyncio.to_thread(self.store.messages, conversation_id)
        return [live[m.id].shown() if m.id in live else m for m in found]

    async def follow(self, message_id: int) -> AsyncGenerator[dict[str, Any], None]:
        """A message so far, what comes, and how it ended, for one of any number of followers.

        Yields:
            {"snapshot": message}, then {"text", "reasoning"} or {"ping"}, then {"done": message}.
        """
        turn = self._live.get(message_id)
        if turn is None:
            message = await asyncio.to_thread(self.store.message, message_id)
            if message.state in UNFINISHED:
                async with self._adding:  # stored in this very moment: it will be live
                    turn = self._live.get(message_id)
            if turn is None:
                yield {"snapshot": message.to_dict()}
                yield {"done": message.to_dict()}
                return
        seen = len(turn.pieces)
        yield {"snapshot": turn.shown().to_dict()}
        while True:
            changed = turn.changed
            if seen < len(turn.pieces):
                fresh = turn.pieces[seen:]
                seen = len(turn.pieces)
                text, reasoning = ("".join(part) for part in zip(*fresh, strict=True))
                yield {"text": text, "reasoning": reasoning}
                await came(turn.ended, COALESCE_SECONDS)
            elif turn.ended.is_set():
                yield {"done": turn.shown().to_dict()}
                return
            elif not await came(changed, PING_SECONDS):
                yield {"ping": time.time()}

    # --- one turn -----------------------------------------------------------------------------

    def _start(self, message: Message, entry: ModelEntry) -> None:
        turn = self._live[message.id] = Turn(message, entry)
        self._requests.begin(turn.record)
        turn.work = asyncio.create_task(self._write(turn))
        turn.task = asyncio.create_task(self._see_through(turn, turn.work))

    async def _see_through(self, turn: Turn, work: asyncio.Task[None]) -> None:
        """Store an answer while it is written, and how it ended, before anyone is told."""
        flusher = asyncio.create_task(self._flush(turn))
        await asyncio.wait({work})
        turn.written.set()
        await asyncio.wait({flusher})
        turn.judge(work)
        self._requests.add(turn.record)
        try:
            await asyncio.to_thread(self.store.update_reply, turn.message())
            conversation = await asyncio.to_thread(self.store.get, turn.conversation_id, True)
        except Exception as error:
            log.exception("an answer could not be stored", extra={"model": turn.entry.id})
            turn.not_stored = as_app_error(error)
            turn.end()
            return
        del self._live[turn.message().id]
        turn.end()
        self.tell(conversation)
        await self._store_left_over()

    async def _flush(self, turn: Turn) -> None:
        stored = 0
        while not await came(turn.written, FLUSH_SECONDS):
            if stored != len(turn.pieces):
                stored = len(turn.pieces)
                try:
                    await asyncio.to_thread(self.store.update_reply, turn.message())
                except AppError as error:  # a full disk: the answer goes on, and is stored later
                    log.warning("an answer is not stored yet", extra={"why": str(error)})

    async def _store_left_over(self) -> None:
        """Try again with answers that ended while the disk was full."""
        for message_id, turn in list(self._live.items()):
            if turn.ended.is_set():
                with contextlib.suppress(Exception):  # why was logged when it ended
                    await asyncio.to_thread(self.store.update_reply, turn.message())
                    self._live.pop(message_id, None)

    async def _write(self, turn: Turn) -> None:
        conversation, path = await asyncio.to_thread(self._read, turn)
        card = turn.entry.card  # what is said of the model counts where the conversation is silent
        system = conversation.system or card.system
        body: dict[str, Any] = {
            **card.sampling,
            **conversation.sampling,
            "messages": tree.prompt(system, path, card.messages),
        }

        async def answer(loaded: Loaded) -> None:
            limits.check(body, loaded.slots)
            asked = adapters.with_scales(generation.prepared(body, turn.entry), loaded.adapters)
            await self._stream(turn, loaded, asked)

        await generation.with_engine(self._supervisor, turn.entry, turn.record, answer)

    def _read(self, turn: Turn) -> tuple[Conversation, list[Message]]:
        """The conversation, and its branch up to the message that is answered."""
        question_id = turn.message().parent_id
        assert question_id is not None
        return self.store.get(turn.conversation_id, True), self.store.path_to(question_id)

    async def _stream(self, turn: Turn, loaded: Loaded, body: dict[str, Any]) -> None:
        server = loaded.server
        assert server is not None
        events = StreamFilter(client_wants_usage=True)
        turn.usage = events.usage
        async with upstream.post(server, _ROUTE, body) as reply:
            # Whether an answer repeats itself too long is for the person to say who reads it.
            with EngineWatch(reply.close, loops=False) as watch:
                while block := await reply.readany():
                    watch.count += 1
                    for text, reasoning in deltas(events.feed(block)):
                        turn.add(text, reasoning)
        problem = await generation.stream_problem(events, server)
        if problem is not None:
            raise problem
