"""Which answers are given again, to whom, for how long; and how they look as a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.engine.flags import LoadSettings
from desktop.core.service import exact_cache
from desktop.core.service.exact_cache import (
    EMBEDDINGS,
    ExactCache,
    Repeat,
    events_of,
    is_certain,
    sent_again,
)
from desktop.core.service.key_policy import KeyPolicy
from desktop.core.service.loaded import ModelState
from desktop.core.service.requests import RequestRecord
from desktop.core.service.streams import Assembler, Usage, chunks_of
from desktop.core.settings import ServerSettings

CHAT = "/v1/chat/completions"
DAY = 86400.0
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}], "temperature": 0}
REPLY: dict[str, Any] = {
    "object": "chat.completion",
    "id": "chatcmpl-abc",
    "created": 5,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi. " * 5, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}


class Rig:
    """A table of answers with a clock by hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.now = 1_000_000.0
        self.settings = ServerSettings(exact_cache=True, **settings)
        self.database = Database(folder / "paddock.db", folder / "backups")
        self.cache = self.anew()

    def anew(self) -> ExactCache:
        """As after a restart."""
        secret = self.folder / "exact_cache.key"
        return ExactCache(self.database, secret, lambda: self.settings, lambda: self.now)

    def repeat(
        self,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        route: str = CHAT,
        policy: KeyPolicy | None = None,
    ) -> Repeat:
        caller = SimpleNamespace(key=key, policy=policy or KeyPolicy())
        call: Any = SimpleNamespace(
            caller=caller,
            request={},
            record=RequestRecord(route),
            usage=Usage(),
            whole=False,
        )
        self.call = call
        return Repeat(self.cache, call, route, lambda: BODY if body is None else body)

    async def make(self, reply: dict[str, Any] | None = None, **who: Any) -> None:
        """Ask, and have it answered."""
        repeat = self.repeat(**who)
        assert await repeat.find(LOADED) is None
        events = events_of(reply or REPLY, chat=True, usage=True)
        async for _ in repeat.kept(self.engine(events), chat=True):
            pass
        await self.cache.close()

    async def engine(self, events: Any, whole: bool = True) -> AsyncGenerator[bytes]:
        for event in events:
            yield event
        self.call.whole = whole

    async def again(self, **who: Any) -> dict[str, Any] | None:
        loaded = who.pop("loaded", LOADED)
        return await self.repeat(**who).find(loaded)

    @property
    def rows(self) -> int:
        return int(self.database.query("SELECT COUNT(*) FROM exact_cache")[0][0])


def loaded(build: str = "1", fingerprint: str = "f", **settings: Any) -> Any:
    return SimpleNamespace(
        state=ModelState.READY,
        prepared=SimpleNamespace(settings=LoadSettings(**settings)),
        entry=SimpleNamespace(fingerprint=fingerprint),
        build=build,
    )


LOADED = loaded()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.database.close()


async def test_a_repeat_is_given_again_and_says_so(rig: Rig) -> None:
    await rig.make()
    assert rig.call.request, "the headers say that it was made"
    found = await rig.again()
    assert found is not None
    assert found["choices"] == REPLY["choices"]
    assert found["usage"] == {**REPLY["usage"], "cached": True}
    assert found["id"].startswith("chatcmpl-") and found["id"] != REPLY["id"]
    assert found["created"] > REPLY["created"]
    assert (rig.cache.hits, rig.cache.misses) == (1, 1)
    call = rig.call
    assert call.record.cached_answer and call.whole and call.usage.completion_tokens == 3
    assert call.usage.finish_reason == "stop"


async def test_it_outlives_a_restart(rig: Rig) -> None:
    await rig.make()
    rig.cache = rig.anew()
    assert await rig.again() is not None
    (rig.folder / "exact_cache.key").unlink()
    rig.cache = rig.anew()
    assert await rig.again() is None, "another secret"


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "stream": True, "stream_options": {"include_usage": True}},
        {**BODY, "user": "somebody", "metadata": {"a": "b"}, "cache_prompt": False},
        dict(reversed(BODY.items())),
    ],
)
async def test_what_makes_no_difference(rig: Rig, body: dict[str, Any]) -> None:
    await rig.make()
    assert await rig.again(body=body) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"body": {**BODY, "max_tokens": 5}},
        {"body": {**BODY, "messages": [{"role": "user", "content": "hello "}]}},
        {"body": {**BODY, "seed": 4}},
        {"key": "k"},
        {"route": "/v1/completions"},
        {"loaded": loaded(build="2")},
        {"loaded": loaded(fingerprint="g")},
        {"loaded": loaded(kv_type_k="q8_0")},
        {"policy": KeyPolicy(overflow="drop_oldest")},
        {"loaded": None},
    ],
)
async def test_what_makes_one(rig: Rig, other: dict[str, Any]) -> None:
    await rig.make()
    assert await rig.again(**other) is None


async def test_no_key_gets_anothers_answer(rig: Rig) -> None:
    await rig.make(key="a")
    assert await rig.again(key="b") is None and await rig.again() is None
    assert await rig.again(key="a") is not None


async def test_it_is_on_for_whom_it_is_switched_on(rig: Rig) -> None:
    rig.settings = replace_settings(rig.settings, exact_cache=False)
    repeat = rig.repeat()
    assert not repeat.on and await repeat.find(LOADED) is None
    repeat.miss()
    repeat.keep(REPLY)
    await rig.cache.close()
    assert rig.rows == 0 and rig.cache.misses == 0 and not rig.call.request
    theirs = KeyPolicy(exact_cache=True)
    await rig.make(key="k", policy=theirs)
    assert await rig.again(key="k", policy=theirs) is not None
    assert await rig.again(key="k") is None


def replace_settings(settings: ServerSettings, **changes: Any) -> ServerSettings:
    return ServerSettings(**{**settings.model_dump(), **changes})


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ({"temperature": 0}, True),
        ({"temperature": 0.0, "n": 1, "tools": [{}]}, True),
        ({"temperature": 1, "top_k": 1, "seed": 3}, True),
        ({"temperature": 1, "top_k": 1, "mirostat": 2}, False),
        ({"temperature": 0.1, "seed": 3}, False),
        ({}, False),
        ({"temperature": False}, False),
        ({"temperature": 0, "messages": 5, "prompt": 3}, True),
        ({"temperature": None, "top_k": 40}, False),
        ({"temperature": 0, "n": 2}, False),
        ({"temperature": 0, "best_of": 3}, False),
        ({"temperature": 0, "messages": [{"content": [{"image_url": {"url": "data:x"}}]}]}, True),
        ({"temperature": 0, "messages": [{"content": [{"image_url": "http://x/y"}]}]}, False),
    ],
)
def test_what_can_be_repeated(body: dict[str, Any], certain: bool) -> None:
    assert is_certain(body) is certain


async def test_only_whole_answers_are_kept(rig: Rig) -> None:
    events = list(events_of(REPLY, chat=True, usage=False))
    for whole, cut in ((False, events), (True, events[:1]), (True, [])):
        repeat = rig.repeat()
        assert await repeat.find(LOADED) is None
        async for _ in repeat.kept(rig.engine(cut, whole), chat=True):
            pass
    filtered = {**REPLY, "choices": [{**REPLY["choices"][0], "finish_reason": "error"}]}
    await rig.make(filtered)
    repeat = rig.repeat()
    await repeat.find(LOADED)

    async def breaks() -> AsyncGenerator[bytes]:
        yield events[0]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        async for _ in repeat.kept(breaks(), chat=True):
            pass
    await rig.cache.close()
    assert rig.rows == 0


async def test_a_stream_without_usage_is_kept_with_it(rig: Rig) -> None:
    repeat = rig.repeat()
    await repeat.find(LOADED)
    rig.call.usage = Usage(prompt_tokens=7, completion_tokens=3, cached_tokens=2)
    events = events_of(REPLY, chat=True, usage=False)
    async for _ in repeat.kept(rig.engine(events), chat=True):
        pass
    await rig.cache.close()
    found = await rig.again()
    assert found is not None and found["usage"]["prompt_tokens"] == 7
    assert found["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}


async def test_vectors_are_repeated_without_a_temperature(rig: Rig) -> None:
    body = {"model": "m", "input": "hello"}
    repeat = rig.repeat(body, route=EMBEDDINGS)
    assert await repeat.find(LOADED) is None
    repeat.miss()
    vectors = {"object": "list", "data": [{"embedding": [1.0, 2.0]}], "usage": {"prompt_tokens": 2}}
    repeat.keep(vectors)
    vectors["data"][0]["embedding"] = "changed meanwhile"  # type: ignore[index]
    await rig.cache.close()
    found = await rig.again(body=body, route=EMBEDDINGS)
    assert found is not None and found["data"] == [{"embedding": [1.0, 2.0]}]
    many = rig.repeat({"input": "many"}, route=EMBEDDINGS)
    await many.find(LOADED)
    many.keep({"data": [{}] * 33})
    await rig.cache.close()
    assert rig.rows == 1


async def test_old_answers_are_forgotten(rig: Rig) -> None:
    await rig.make()
    rig.now += 29 * DAY
    assert await rig.again() is not None
    rig.now += 2 * DAY
    assert await rig.again() is None, "it is as old as it is, however often it was used"


async def test_what_was_not_used_for_longest_makes_room(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_cache, "MOST_ROWS", 20)
    bodies = [{**BODY, "seed": n} for n in range(21)]
    for n, body in enumerate(bodies):
        if n == 20:
            assert await rig.again(body=bodies[0]) is not None  # used a moment ago
        await rig.make(body=body)
        rig.now += 100
    assert rig.rows == 19
    assert await rig.again(body=bodies[0]) is not None
    assert await rig.again(body=bodies[1]) is None and await rig.again(body=bodies[2]) is None
    assert await rig.again(body=bodies[3]) is not None


async def test_it_takes_no_more_room_than_it_may(rig: Rig) -> None:
    rig.settings = replace_settings(rig.settings, exact_cache_mib=1)
    import random

    chance = random.Random(7)
    for n in range(12):
        text = "".join(chr(chance.randrange(32, 126)) for _ in range(200_000))
        choice = {**REPLY["choices"][0], "message": {"role": "assistant", "content": text}}
        await rig.make({**REPLY, "choices": [choice]}, body={**BODY, "seed": n})
        rig.now += 1
    held = rig.database.query("SELECT TOTAL(size_bytes) AS n FROM exact_cache")[0]["n"]
    assert 300_000 < held <= 1 << 20
    assert await rig.again(body={**BODY, "seed": 11}) is not None


async def test_all_of_them_can_be_forgotten(rig: Rig) -> None:
    await rig.make()
    await rig.cache.clear()
    assert rig.rows == 0 and await rig.again() is None


async def test_a_database_that_does_not_answer_costs_no_answer(rig: Rig) -> None:
    await rig.make()
    rig.database.execute("ALTER TABLE exact_cache RENAME TO away")
    assert await rig.again() is None
    await rig.make(body={**BODY, "seed": 9})
    rig.database.execute("ALTER TABLE away RENAME TO exact_cache")
    assert await rig.again() is not None


async def test_a_model_that_came_in_otherwise_is_looked_up_again(rig: Rig) -> None:
    """Looked for before it was loaded, then as it was loaded in the end."""
    await rig.make()
    repeat = rig.repeat()
    assert await repeat.find(None) is None
    assert await repeat.find(loaded(build="2")) is None
    assert await repeat.find(LOADED) is not None
    assert (rig.cache.hits, rig.cache.misses) == (1, 1)


# --- as a stream ----------------------------------------------------------------------------------


def assembled(events: bytes, chat: bool = True) -> dict[str, Any]:
    assembler = Assembler(chat)
    assembler.feed(events)
    return assembler.reply()


async def test_the_stream_of_a_kept_answer_says_the_same() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "reasoning_content": "Hm",
        "tool_calls": [call],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}
    reply = {**REPLY, "choices": [choice]}
    events = b"".join([event async for event in sent_again(reply, True, True)])
    assert assembled(events) == reply
    chunks = list(chunks_of(events))
    assert [chunk.get("usage") for chunk in chunks[:-1]] == [None, None]
    assert chunks[-1] == {**chunks[-1], "choices": [], "usage": REPLY["usage"]}
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-abc"}
    assert events.endswith(b"data: [DONE]\n\n")
    quiet = b"".join(events_of(reply, True, False))
    assert b'"usage"' not in quiet


def test_the_stream_of_a_kept_text() -> None:
    choice = {"index": 0, "text": "so it is", "logprobs": None, "finish_reason": "length"}
    reply = {"object": "text_completion", "id": "cmpl-1", "choices": [choice], "usage": {}}
    events = b"".join(events_of(reply, chat=False, usage=False))
    found = assembled(events, chat=False)
    assert found["choices"] == [choice] and json.loads(events[6:].split(b"\n")[0])["object"]


async def test_closing_waits_for_what_is_kept(rig: Rig) -> None:
    repeat = rig.repeat()
    await repeat.find(LOADED)
    repeat.keep(REPLY)
    async with asyncio.timeout(10):
        await rig.cache.close()
    assert rig.rows == 1
