"""One request of a client from its arrival to its end, the same whatever API it speaks.

An API reads its own shape of a request and makes OpenAI's of it; `Calls` finds the model, asks the
gates (keys, limits, budgets), waits for a slot, reads the engine's stream, and writes down how it
ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.library.entry import ModelEntry
from desktop.core.service import generation, limits, private_cache, request_ids, upstream
from desktop.core.service.api_errors import ApiError, from_app_error
from desktop.core.service.asking.abilities import Abilities
from desktop.core.service.asking.asker import CHAT, Asker
from desktop.core.service.early import EARLY_SECONDS, SSE, Early, Waiting, stream_response
from desktop.core.service.engine_stream import EngineStreams
from desktop.core.service.key_policy import EVERYTHING, KeyPolicy
from desktop.core.service.loaded import Loaded, ModelState
from desktop.core.service.model_cards import ModelCards
from desktop.core.service.requests import TEXT_CHARS, RequestLog, RequestRecord
from desktop.core.service.stall import STALL_SECONDS, StallWatch
from desktop.core.service.straight import Straight
from desktop.core.service.streams import StreamFilter, Usage, chunks_of
from desktop.core.service.supervisor import Supervisor

log = logging.getLogger(__name__)

# The status of a request whose client left before the end (nginx's number for it).
CLIENT_LEFT = 499

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        key: the name of the key it came with; None without one.
        inside: it came over the private face, from our own window or command.
        policy: what may be done with the key.
        stranger: it has no key where one is needed; open routes tell it nothing of models.
    """

    key: str | None = None
    inside: bool = False
    policy: KeyPolicy = EVERYTHING
    stranger: bool = False


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """Who sent a request; the guards of both faces have written it down."""
    found: Caller = request.get(CALLER, Caller())
    return found


@dataclass
class Call:
    """A request while it is answered.

    Attributes:
        body: its JSON as the client sent it.
        answers: how many it asks for at the same time.
        usage: what is known of the generation.
        whole: the engine has said all of its answer.
        events: its stream, once it has begun.
        straight: the way to the client, where the engine's answer goes there as it comes.
        pictures: those fetched for it, by address.
        waiting: tells the client meanwhile that it is not forgotten.
        drop_oldest: the client wants turns left out rather than an error where the conversation is
            too long; the answer says how many were.
    """

    request: web.Request
    record: RequestRecord
    caller: Caller
    body: dict[str, Any]
    answers: int = 1
    entry: ModelEntry | None = None
    usage: Usage = field(default_factory=Usage)
    whole: bool = False
    events: StreamFilter | None = None
    straight: Straight | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    waiting: Waiting | None = None
    drop_oldest: bool = False

    @property
    def model(self) -> ModelEntry:
        assert self.entry is not None
        return self.entry


class Gate(Protocol):
    """Something that may refuse a call, and is told when it has ended."""

    def admit(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Raises ApiError at once where the call may not be answered now."""


class Calls:
    """Answers requests with whichever engine the supervisor provides.

    Args:
        find: the model of a name; raises MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
        list_models: all models that are not hidden.
        gates: asked in this order, when the model is known and before a slot is waited for.
        asker: makes of requests what the engine is asked; streams: reads its answers.
        early_seconds: after so long without an answer the client is told that it goes on.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        requests: RequestLog,
        *,
        find: Callable[[str], Awaitable[ModelEntry]],
        list_models: Callable[[], Awaitable[list[ModelEntry]]],
        gates: Sequence[Gate] = (),
        cards: ModelCards | None = None,
        asker: Asker | None = None,
        streams: EngineStreams | None = None,
        stall_seconds: float = STALL_SECONDS,
        early_seconds: float = EARLY_SECONDS,
    ) -> None:
        self.supervisor = supervisor
        self.list_models = list_models
        self._requests = requests
        self._find = find
        self._gates = gates
        self._stall_seconds = stall_seconds
        self._early_seconds = early_seconds
        self._asker = asker or Asker()
        self._cards = cards or ModelCards()
        self._streams = streams or EngineStreams(self._asker)
        self.stopping = False

    @contextlib.asynccontextmanager
    async def opened(
        self,
        request: web.Request,
        route: str,
        read: Callable[[web.Request], Awaitable[dict[str, Any]]] = limits.read,
    ) -> AsyncIterator[Call]:
        """A request that is being answered; its record is written when the block ends, however.

        Args:
            route: as it is recorded.
            read: makes a body of the request.
        """
        caller = caller_of(request)
        record = RequestRecord(
            route,
            key=caller.key,
            id=request_ids.of(request),
            client_id=request_ids.clients_own(request),
        )
        call = Call(request, self._requests.begin(record), caller, {})
        try:
            call.body = await read(request)
            if record.texts is not None:
                record.texts.request = json.dumps(call.body, ensure_ascii=False)[:TEXT_CHARS]
            yield call
        except (ApiError, AppError) as error:
            failure = error if isinstance(error, ApiError) else from_app_error(error)
            self._finish(call, failure.status, failure.message, failure.code)
            raise failure from error
        except (asyncio.CancelledError, ConnectionError):
            # Gone after its last event is not gone in the middle.
            if call.whole:
                self._finish(call)
            else:
                self._finish(call, CLIENT_LEFT, "the client left", "client_left")
            raise
        except Exception:  # a fault of ours: written down here, logged and answered by the face
            self._finish(call, 500, "internal error", "internal")
            raise
        self._finish(call)

    def failed(self, call: Call, error: ApiError) -> None:
        """Write down an error that the client was told of in the midst of an answer."""
        self._finish(call, error.status, error.message, error.code)

    def _finish(
        self, call: Call, status: int = 200, error: str | None = None, code: str | None = None
    ) -> None:
        if call.record.total_seconds is None:  # the first word counts: who knew most said it
            call.record.finish(call.usage, status, error, code)
            self._requests.add(call.record)

    async def model(self, call: Call, name: Any) -> ModelEntry:
        """The model a request names, which is the call's from now on.

        Raises:
            ApiError: 400 without a name, or for what is no model of its own.
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_BROKEN.
        """
        entry = await self.find_for(call.request, name)
        generation.check_model(entry)
        call.entry, call.record.model = entry, entry.id
        call.record.fingerprint = entry.fingerprint
        return entry

    async def find(self, name: Any) -> ModelEntry:
        """The model of a name from a request, whether it can answer or not.

        Raises:
            ApiError: 400 without a name.
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
        """
        if not isinstance(name, str) or not name:
            raise ApiError(
                400, "The request must name a model.", param="model", code="missing_parameter"
            )
        return await self._find(name)

    async def find_for(self, request: web.Request, name: Any) -> ModelEntry:
        """As `find`; what the caller's key may not use does not exist for it."""
        policy = caller_of(request).policy
        try:
            entry = await self.find(name)
        except AppError:
            if not policy.models:
                raise
            raise _unknown(name) from None  # nor what else it could mean
        if not policy.allows_model(entry):
            raise _unknown(name)
        return entry

    async def models_for(self, request: web.Request) -> list[ModelEntry]:
        """All models that are not hidden and that the caller may use."""
        policy = caller_of(request).policy
        return [entry for entry in await self.list_models() if policy.allows_model(entry)]

    async def answer(
        self,
        call: Call,
        answer: Callable[[Loaded], Awaitable[_Answer]],
        *,
        keep_seconds: float | None = None,
        early: Early | None = None,
        first: Callable[[], Awaitable[_Answer | None]] | None = None,
    ) -> _Answer:
        """Answer with a slot of the call's model, once the gates let it through.

        Args:
            first: answers without a slot where it can; None: it cannot.
            keep_seconds: for how long the model is to stay afterwards; negative: for ever; None:
                as it is.
            early: how to tell a client that its answer is long in coming, where `answer` makes a
                response in pieces; None: it is not told.
        """
        if early is None:
            return await self._answer(call, answer, keep_seconds, first)
        call.waiting = Waiting(
            call.request, early, lambda: self._standing(call), self._early_seconds
        )
        try:
            return await self._answer(call, answer, keep_seconds, first)
        except (ApiError, AppError) as error:
            response = await call.waiting.end()
            if response is None:
                raise
            failure = error if isinstance(error, ApiError) else from_app_error(error)
            self.failed(call, failure)
            with contextlib.suppress(ConnectionError):
                await response.write(early.problem(failure))
                await response.write_eof()
            return cast(_Answer, response)
        finally:
            await call.waiting.end()

    def _standing(self, call: Call) -> str:
        """What a client waits for, in a few words."""
        loaded = self.supervisor.loaded(call.model.id)
        if loaded is not None and loaded.state is ModelState.LOADING:
            return "loading" + _percent(loaded.progress)
        if call.events is not None:
            return "reading" + _percent(call.events.progress)
        other = self.supervisor.waits_for(call.model.id)
        return "waiting" if other is None else f"loading another model{_percent(other.progress)}"

    async def _answer(
        self,
        call: Call,
        answer: Callable[[Loaded], Awaitable[_Answer]],
        keep_seconds: float | None,
        first: Callable[[], Awaitable[_Answer | None]] | None = None,
    ) -> _Answer:
        if call.caller.policy.private_cache:
            answer = private_cache.washed(answer)
        async with contextlib.AsyncExitStack() as entered:
            for gate in self._gates:
                await entered.enter_async_context(gate.admit(call))
            if first is not None and (found := await first()) is not None:
                return found
            return await generation.with_engine(
                self.supervisor,
                call.model,
                call.record,
                answer,
                key=call.caller.key,
                keep_seconds=keep_seconds,
                answers=call.answers,
            )

    async def aside(self, call: Call, answer: Callable[[Loaded], Awaitable[_Answer]]) -> _Answer:
        """As `answer`, without a slot where the model is there already: for what its engine says
        at once, such as a count of tokens. Else the model is loaded for it."""
        loaded = self.supervisor.loaded(call.model.id)
        if loaded is None or loaded.state is not ModelState.READY or loaded.leaving_at is not None:
            return await self.answer(call, answer)
        async with contextlib.AsyncExitStack() as entered:
            for gate in self._gates:
                await entered.enter_async_context(gate.admit(call))
            call.record.slot_granted(loaded.build)
            with contextlib.suppress(upstream.EngineSilent):
                return await answer(loaded)
        return await self.answer(call, answer)  # it went away meanwhile

    # --- the engine's stream ------------------------------------------------------------------

    def events(
        self, call: Call, loaded: Loaded, route: str, body: dict[str, Any], *, usage: bool = True
    ) -> AsyncGenerator[bytes]:
        """Whole events of the engine's answer, in OpenAI's shape, as they come.

        Args:
            body: as `generation.prepared` makes it; tools, pictures, reasoning, adapters and a
                conversation that is too long are seen to here (`asking/`).
            usage: with the usage chunk at the end.

        Raises:
            ApiError: the engine refused the request, failed, or ended in the middle.
        """
        private = call.caller.policy.private_cache
        asked = private_cache.unshared(body, loaded) if private else body
        return self._streams.events(call, loaded, route, asked, usage)

    async def chunks(
        self, call: Call, loaded: Loaded, route: str, body: dict[str, Any]
    ) -> AsyncGenerator[dict[str, Any]]:
        """As `events`, each chunk parsed; for APIs whose answers look different."""
        async with contextlib.aclosing(self.events(call, loaded, route, body)) as events:
            async for block in events:
                for chunk in chunks_of(block):
                    yield chunk

    async def send(
        self,
        call: Call,
        blocks: AsyncGenerator[bytes],
        *,
        straight: bool = False,
        problem: Callable[[ApiError], bytes] = ApiError.event,
        content_type: str = SSE,
    ) -> web.StreamResponse:
        """Pass blocks on to the client as they come.

        What goes wrong before the first block is raised and becomes a plain answer; later it is
        the stream's last block.

        Args:
            straight: the blocks are those of `events`, which may go past here.
            problem: that block.
        """
        call.record.stream = True
        # A task of its own: each event would wake every frame of the handler on its way down.
        return await asyncio.create_task(
            self._pass_on(call, blocks, straight, problem, content_type)
        )

    async def _pass_on(
        self,
        call: Call,
        blocks: AsyncGenerator[bytes],
        straight: bool,
        problem: Callable[[ApiError], bytes],
        content_type: str,
    ) -> web.StreamResponse:
        response, begun = stream_response(content_type), False
        async with contextlib.aclosing(blocks):
            with StallWatch(call.request, self._stall_seconds):
                try:
                    async for block in blocks:
                        if not begun:
                            response, begun = await self._begun(call, response), True
                        await response.write(block)
                        if straight:
                            call.straight = Straight(call.request, response)
                except (ApiError, AppError) as error:
                    if not begun:
                        raise
                    failure = error if isinstance(error, ApiError) else from_app_error(error)
                    self.failed(call, failure)
                    await response.write(problem(failure))
        if not begun:
            response = await self._begun(call, response)
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
        return response

    @staticmethod
    async def _begun(call: Call, response: web.StreamResponse) -> web.StreamResponse:
        """The answer, begun: it may have been while the client waited."""
        earlier = await call.waiting.end() if call.waiting is not None else None
        if earlier is not None:
            return earlier
        await response.prepare(call.request)
        return response

    async def ask(
        self, call: Call, loaded: Loaded, route: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """The engine's plain JSON answer on a route that has no stream."""
        server = loaded.server
        assert server is not None
        private = call.caller.policy.private_cache
        asked = private_cache.unshared(body) if private else body
        return await upstream.ask(server, route, asked)

    async def asked(self, call: Call, loaded: Loaded, body: dict[str, Any]) -> dict[str, Any]:
        """What the engine would be asked for a chat completion: pictures inlined, tools as it
        knows them. For routes that tell of one without making it.

        Args:
            body: as `generation.prepared` makes it.
        """
        return (await self._asker.asked(loaded, CHAT, body, call.pictures)).bodies[0]

    # --- what models can do ---------------------------------------------------------------------

    async def abilities(self, loaded: Loaded) -> Abilities:
        """What a loaded model can do, as its engine says."""
        return await self._asker.abilities(loaded)

    async def card(self, entry: ModelEntry) -> dict[str, Any]:
        """A model as API clients see it (`/v1/models`)."""
        loaded = self.supervisor.loaded(entry.id)
        abilities = None
        if loaded is not None and loaded.state is ModelState.READY:
            with contextlib.suppress(upstream.EngineSilent):  # it may leave in this moment
                abilities = await self._asker.abilities(loaded)
        return await self._cards.card(entry, loaded, abilities)


def _unknown(name: str) -> AppError:
    return AppError(ErrorCode.MODEL_NOT_FOUND, model=clean(name, 200))


def _percent(part: float | None) -> str:
    return "" if part is None else f" {part:.0%}".replace("%", " %")
