"""Limits of keys, with clocks that are set by hand; and in front of a scripted engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from desktop.core.db import Database
from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Call, Caller, Calls
from desktop.core.service.gateway import Gateway
from desktop.core.service.key_gate import KeyGate, span
from desktop.core.service.key_policy import EVERYTHING, KeyPolicy
from desktop.core.service.keys import KeyStore
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded, ModelState, Prepared
from desktop.core.service.public import PublicServer
from desktop.core.service.requests import RequestLog, RequestRecord
from desktop.core.settings import ServerSettings
from tests.unit.service.openai.scripted import Engine, Server, Supervisor, entry, listening

NOON = datetime(2026, 11, 27, 12).timestamp()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "paddock.db", tmp_path / "backups")
    yield database
    database.close()


class World:
    """A gate, its keys, and the time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now, self.wall = 1000.0, NOON
        self.keys = KeyStore(database, lambda: self.wall)
        self.gate = self.restarted()

    def restarted(self) -> KeyGate:
        self.gate = KeyGate(
            self.keys, self.database, clock=lambda: self.now, wall=lambda: self.wall
        )
        return self.gate

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def key(self, policy: KeyPolicy, name: str = "app") -> str:
        self.keys.create(name, policy)
        return name

    def call(self, key: str | None, route: str = "/v1/chat/completions", **body: Any) -> Call:
        caller = Caller(key, policy=self.keys.policy(key))
        request: Any = SimpleNamespace()
        return Call(request, RequestRecord(route, key=key), caller, body)

    async def send(
        self, key: str | None, tokens: tuple[int, int] | None = (10, 10), **body: Any
    ) -> RequestRecord:
        """A whole request, whose answer has these tokens of prompt and answer."""
        call = self.call(key, **body)
        async with self.gate.admit(call):
            pass
        if tokens is not None:
            call.record.prompt_tokens, call.record.completion_tokens = tokens
        self.gate.finished(call.record)
        return call.record

    async def refused(self, key: str, **body: Any) -> ApiError:
        with pytest.raises(ApiError) as caught:
            async with self.gate.admit(self.call(key, **body)):
                pass
        error = caught.value
        assert (error.status, error.code) == (429, "rate_limit_exceeded")
        assert error.retry_after_seconds is not None and error.retry_after_seconds >= 1
        return error

    def headers(self, key: str) -> dict[str, str]:
        return self.gate.headers(Caller(key, policy=self.keys.policy(key)))


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_requests_a_minute(world: World) -> None:
    key = world.key(KeyPolicy(requests_per_minute=3))
    for gap in (0.0, 10.0, 10.0):
        world.later(gap)
        await world.send(key)
    assert world.headers(key) == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m1s",
    }
    error = await world.refused(key)
    assert error.type == "requests"
    wait = error.retry_after_seconds
    assert wait is not None and 40 <= wait <= 41, "the first one leaves the minute then"
    assert "3 requests a minute" in error.message
    world.later(wait)
    await world.send(key)
    assert (await world.refused(key)).retry_after_seconds in range(9, 12)


async def test_what_was_refused_is_not_counted(world: World) -> None:
    key = world.key(KeyPolicy(requests_per_minute=1))
    await world.send(key)
    for _ in range(20):
        world.later(1)
        await world.refused(key)
    world.later(41)
    await world.send(key)


async def test_keys_do_not_share_limits(world: World) -> None:
    one = world.key(KeyPolicy(requests_per_minute=1), "one")
    two = world.key(KeyPolicy(requests_per_minute=1), "two")
    await world.send(one)
    await world.send(two)
    await world.refused(one)
    for _ in range(50):
        await world.send(None)
    assert world.gate.headers(Caller()) == {}


async def test_tokens_a_minute_are_reserved_and_settled(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_minute=1000))
    first = world.call(key, messages=[{"role": "user", "content": "x" * 400}], max_tokens=200)
    async with world.gate.admit(first):
        assert world.headers(key)["x-ratelimit-remaining-tokens"] == str(1000 - 301)
        second = world.call(key, prompt="x" * 2400, max_tokens=200)
        with pytest.raises(ApiError):  # 301 and 800 are more than 1000
            async with world.gate.admit(second):
                pass
    first.record.prompt_tokens, first.record.completion_tokens = 60, 40
    world.gate.finished(first.record)
    assert world.headers(key)["x-ratelimit-remaining-tokens"] == "900"
    await world.send(key, (100, 100), prompt="x" * 2400, max_tokens=200)
    assert world.headers(key)["x-ratelimit-remaining-tokens"] == "700"
    world.later(61)
    assert world.headers(key)["x-ratelimit-remaining-tokens"] == "1000"


async def test_nothing_is_ever_negative(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_minute=50, tokens_per_day=60))
    await world.send(key, (500, 500))
    assert world.headers(key)["x-ratelimit-remaining-tokens"] == "0"
    error = await world.refused(key)
    assert "60 are used" in error.message and "-" not in error.message.partition(".")[2]
    assert world.gate.standing(key)["tokens_today"] == 1000


async def test_one_request_larger_than_the_limit_waits_for_an_empty_minute(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_minute=100))
    await world.send(key, (5, 5), max_tokens=5)
    error = await world.refused(key, prompt="x" * 4000)
    world.later(float(error.retry_after_seconds or 0))
    await world.send(key, (1000, 10), prompt="x" * 4000)
    await world.refused(key, prompt="x")


async def test_many_at_once_cannot_pass_with_one_reserve(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_minute=1000))
    async with contextlib.AsyncExitStack() as held:
        admitted = 0
        for _ in range(50):
            with contextlib.suppress(ApiError):
                call = world.call(key, prompt="x" * 40, max_tokens=90)
                await held.enter_async_context(world.gate.admit(call))
                admitted += 1
    assert admitted == 10


async def test_tokens_a_day(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_day=100))
    await world.send(key, (30, 30), max_tokens=30)
    error = await world.refused(key, prompt="x" * 100, max_tokens=30)
    assert error.type == "tokens" and error.retry_after_seconds == 12 * 3600
    assert world.headers(key)["x-ratelimit-reset-tokens"] == "12h0m0s"
    assert world.headers(key)["x-ratelimit-remaining-tokens"] == "40"
    world.later(12 * 3600 - 1)
    await world.refused(key, prompt="x" * 100, max_tokens=30)
    world.later(2)
    await world.send(key, prompt="x" * 100, max_tokens=30)


async def test_a_day_survives_a_restart(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_day=100))
    insert = (
        "INSERT INTO ledger (id, created, api, route, key, stream, status, cached_answer,"
        " prompt_tokens, completion_tokens) VALUES (?, ?, 'openai', '/', ?, 0, 200, 0, ?, ?)"
    )
    midnight = datetime(2026, 11, 27).timestamp()
    for number, (when, tokens) in enumerate(
        ((midnight - 1, 1000), (NOON - 3600, 70), (NOON + 10, 25), (NOON + 20, None))
    ):
        world.database.execute(insert, (f"r{number}", when, key, tokens, 1))
    world.later(60)
    world.restarted()
    # What a key of that name used before this one was made is not counted: it was made at noon.
    assert world.gate.standing(key)["tokens_today"] == 27
    world.database.execute("UPDATE api_keys SET created = ?", (midnight - 100,))
    world.keys = KeyStore(world.database, lambda: world.wall)
    world.restarted()
    assert world.gate.standing(key)["tokens_today"] == 98
    await world.refused(key)


async def test_clocks_that_jump_do_no_harm(world: World) -> None:
    key = world.key(KeyPolicy(requests_per_minute=2, tokens_per_day=1000))
    await world.send(key, (300, 300))
    world.wall += 365 * 86400
    await world.send(key, (5, 5))
    await world.refused(key)  # the minute has not passed
    world.wall -= 2 * 365 * 86400
    await world.refused(key)
    world.wall += 365 * 86400
    assert world.gate.standing(key)["tokens_today"] == 600, "the day is what it was"
    world.now += 61
    await world.refused(key, prompt="x" * 4000)


async def test_concurrent_requests(world: World) -> None:
    key = world.key(KeyPolicy(concurrent=2))
    async with world.gate.admit(world.call(key)):
        with pytest.raises(RuntimeError):
            async with world.gate.admit(world.call(key)):
                assert "2 requests in progress" in (await world.refused(key)).message
                raise RuntimeError
        async with world.gate.admit(world.call(key)):
            await world.refused(key)
    assert world.gate.standing(key)["concurrent"] == 0
    assert world.headers(key) == {}, "nothing of it is counted a minute"


async def test_an_answer_in_several_parts_is_one_request(world: World) -> None:
    key = world.key(KeyPolicy(requests_per_minute=1, concurrent=1))
    call = world.call(key)
    async with world.gate.admit(call), world.gate.admit(call):
        pass
    world.gate.finished(call.record)
    assert world.gate.standing(key)["requests_last_minute"] == 1


async def test_a_change_counts_at_once(world: World) -> None:
    key = world.key(EVERYTHING)
    for _ in range(5):
        await world.send(key)
    world.keys.change(key, {"requests_per_minute": 5})
    await world.refused(key)
    world.keys.change(key, {"requests_per_minute": None})
    await world.send(key)


async def test_what_broke_off_is_counted_as_it_was_reserved(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_minute=1000))
    call = world.call(key, prompt="x" * 400, max_tokens=50)
    async with world.gate.admit(call):
        call.record.ttft_seconds = 0.1
    world.gate.finished(call.record)
    assert world.gate.standing(key)["tokens_last_minute"] == 150
    failed = world.call(key, prompt="x" * 400, max_tokens=50)
    async with world.gate.admit(failed):
        pass
    world.gate.finished(failed.record)  # it never began
    assert world.gate.standing(key)["tokens_last_minute"] == 150


async def test_an_estimate_learns_what_the_key_gets(world: World) -> None:
    key = world.key(KeyPolicy(tokens_per_minute=100_000))

    async def reserved() -> int:
        call = world.call(key, max_tokens=32_000)
        async with world.gate.admit(call):
            left = int(world.headers(key)["x-ratelimit-remaining-tokens"])
        world.gate.finished(call.record)
        return 100_000 - left

    assert await reserved() == 4 * 64
    for _ in range(20):
        await world.send(key, (0, 1000), max_tokens=32_000)
        world.later(61)
    assert 3800 < await reserved() <= 4000


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "x" * 400}, 100),
        ({"input": [1] * 50}, 50),
        ({"input": ["x" * 40, "y" * 40]}, 20),
        (
            {
                "messages": [
                    {"content": [{"image_url": {"url": "data:image/png;base64," + "A" * 9**6}}]}
                ]
            },
            500 + 64,
        ),
        ({"messages": [{"content": "", "images": ["A" * 100_000, "B"]}]}, 1000 + 64),
        ({"prompt": "字" * 100}, 75 + 64),
        ({"prompt": "", "n": 3, "max_tokens": 10}, 30),
        ({"prompt": "", "options": {"num_predict": 7}}, 7),
        ({"prompt": "", "max_tokens": True}, 64),
        ({"prompt": "", "max_tokens": 0}, 1),
    ],
)
async def test_estimates(world: World, body: dict[str, Any], expected: int) -> None:
    key = world.key(KeyPolicy(tokens_per_minute=10_000))
    route = "/v1/embeddings" if "input" in body else "/v1/chat/completions"
    async with world.gate.admit(world.call(key, route, **body)):
        left = int(world.headers(key)["x-ratelimit-remaining-tokens"])
    assert 10_000 - left == pytest.approx(expected, abs=8)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.12, "120ms"), (1, "1s"), (6.04, "6.1s"), (60, "1m0s"), (46805, "13h0m5s")],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


# --- in front of an engine


class Served:
    """The public face with OpenAI's routes over a scripted engine."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.keys = KeyStore(database)
        self.gate = KeyGate(self.keys, database)
        self.engine = Engine()
        self.log = RequestLog(lambda kind, data: None, listeners=(self.gate.finished, self._note))
        self.folder = folder
        self.models = {name: entry(name) for name in ("mine", "other")}
        self.url = ""
        self.hold: asyncio.Event | None = None
        self.reached = asyncio.Event()
        self.ended: asyncio.Queue[RequestRecord] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Served]:
        upstream = web.Application()
        upstream.router.add_route("*", "/{path:.*}", self._answer)
        async with contextlib.AsyncExitStack() as entered:
            server: Any = Server(await entered.enter_async_context(listening(upstream)))
            nothing: Any = None
            loaded = Loaded(self.models["mine"], LoadRequest(), state=ModelState.READY)
            loaded.server, loaded.prepared = server, Prepared(LoadSettings(slots=4), None, nothing)
            supervisor: Any = Supervisor(loaded)
            calls = Calls(
                supervisor,
                self.log,
                find=self._find,
                list_models=self._list,
                gates=(self.gate,),
            )
            public = PublicServer(
                Gateway(calls).routes,
                self.keys,
                self.gate,
                lambda: ServerSettings(require_key=True),
                lambda kind, data: None,
                requests=RequestLog(lambda kind, data: None),
                folder=self.folder,
            )
            await public.on("127.0.0.1", 0)
            entered.push_async_callback(public.off)
            self.url = public.url or ""
            yield self

    def _note(self, record: RequestRecord) -> None:
        self.ended.put_nowait(record)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.reached.set()
        if self.hold is not None:
            await self.hold.wait()
        return await self.engine.answer(request)

    async def _find(self, name: str) -> Any:
        if name not in self.models:
            raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)
        return self.models[name]

    async def _list(self) -> list[Any]:
        return list(self.models.values())

    def post(
        self,
        session: aiohttp.ClientSession,
        key: str,
        path: str = "/v1/chat/completions",
        **body: Any,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        asked = {"model": "mine", "messages": [{"role": "user", "content": "hi"}], **body}
        return session.post(self.url + path, json=asked, headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
async def served(database: Database, tmp_path: Path) -> AsyncIterator[Served]:
    async with Served(database, tmp_path / "tls").running() as served:
        yield served


async def test_every_answer_tells_what_is_left(served: Served) -> None:
    key = served.keys.create("app", KeyPolicy(requests_per_minute=2, tokens_per_minute=10_000))
    async with aiohttp.ClientSession() as session:
        async with served.post(session, key, max_tokens=9) as reply:
            assert reply.status == 200
            assert reply.headers["x-ratelimit-limit-requests"] == "2"
            assert reply.headers["x-ratelimit-remaining-requests"] == "1"
        async with served.post(session, key, stream=True, max_tokens=9) as reply:
            assert reply.headers["x-ratelimit-remaining-requests"] == "0"
            assert reply.headers["x-ratelimit-limit-tokens"] == "10000"
            left = int(reply.headers["x-ratelimit-remaining-tokens"])
            # 13 of the first answer, and what the second one has reserved
            assert 10_000 - 13 - 40 <= left < 10_000 - 13
            assert (await reply.read()).endswith(b"data: [DONE]\n\n")
        async with served.post(session, key) as reply:
            answer = await reply.json()
            assert reply.status == 429 and int(reply.headers["Retry-After"]) in range(1, 62)
            assert set(answer["error"]) == {"message", "type", "param", "code"}
            assert answer["error"]["code"] == "rate_limit_exceeded"
            assert reply.headers["x-ratelimit-remaining-requests"] == "0"
            assert reply.headers["x-ratelimit-remaining-tokens"] == str(10_000 - 26)
        async with session.get(
            served.url + "/v1/models", headers={"Authorization": f"Bearer {key}"}
        ) as reply:
            assert reply.status == 200 and "x-ratelimit-reset-requests" in reply.headers
    assert [record["status"] for record in served.log.latest()] == [429, 200, 200]
    assert served.gate.standing("app")["tokens_last_minute"] == 26


async def test_models_a_key_may_not_use_do_not_exist_for_it(served: Served) -> None:
    key = served.keys.create("app", KeyPolicy(models=("mi*",)))
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(served.url + "/v1/models") as reply:
            assert [each["id"] for each in (await reply.json())["data"]] == ["mine"]
        told = []
        for name in ("other", "nosuch"):
            async with served.post(session, key, model=name) as reply:
                assert reply.status == 404
                told.append((await reply.text()).replace(name, "…"))
            async with session.get(f"{served.url}/v1/models/{name}") as reply:
                assert reply.status == 404
        assert told[0] == told[1], "nobody can tell which of them is there"
        async with served.post(session, key, model="mine") as reply:
            assert reply.status == 200


async def test_strangers_are_told_nothing_of_models(served: Served) -> None:
    key = served.keys.create("app", KeyPolicy(models=("other",)))
    full = served.keys.create("full")
    async with aiohttp.ClientSession() as session:
        for headers, expected in (
            ({}, None),
            ({"x-api-key": "pk-wrong"}, None),
            ({"x-api-key": key}, []),
            ({"x-api-key": full}, ["mine"]),
        ):
            async with session.get(served.url + "/ready", headers=headers) as reply:
                assert reply.status == 200
                assert (await reply.json()).get("models") == expected


async def test_what_private_keys_send_is_neither_looked_up_nor_kept(served: Served) -> None:
    engine = served.engine
    engine.plain["/slots/0"] = lambda body: {"n_erased": 9}
    open_key = served.keys.create("open")
    private_key = served.keys.create("private", KeyPolicy(private_cache=True))
    async with aiohttp.ClientSession() as session:

        async def asked(key: str, path: str, **body: Any) -> list[tuple[str, dict[str, Any]]]:
            engine.asked.clear()
            async with served.post(session, key, path, **body) as reply:
                assert reply.status == 200
                await reply.read()
            await served.ended.get()
            return engine.asked

        chat, text = "/v1/chat/completions", "/v1/completions"
        for path, body in ((chat, {"stream": True}), (text, {"prompt": "x"})):
            ((_, sent),) = await asked(open_key, path, **body)
            assert sent.get("cache_prompt") is not False and "id_slot" not in sent
            (_, sent), (erased, _) = await asked(private_key, path, cache_prompt=True, **body)
            assert (sent["cache_prompt"], sent["id_slot"]) == (False, 0)
            assert erased == "/slots/0", "the slot it had forgets it"


async def test_a_client_that_left_is_not_in_progress(served: Served) -> None:
    key = served.keys.create("app", KeyPolicy(concurrent=1))
    served.hold = asyncio.Event()
    async with aiohttp.ClientSession() as session:

        async def status(**body: Any) -> int:
            async with served.post(session, key, **body) as reply:
                await reply.read()
                return reply.status

        first = asyncio.create_task(status(stream=True))
        await served.reached.wait()
        assert served.gate.standing("app")["concurrent"] == 1
        assert await status() == 429
        first.cancel()
        async with asyncio.timeout(5):
            while served.gate.standing("app")["concurrent"]:
                await served.ended.get()
        served.hold.set()
        assert await status() == 200
