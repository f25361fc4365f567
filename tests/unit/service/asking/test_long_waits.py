"""Answers that are long in coming, never end, or never begin."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.loaded import ModelState
from desktop.core.service.runaway import repeats
from tests.helpers.scripted_engine import HI, delta, gateway, said

CHAT = "/v1/chat/completions"


async def read_some(reply: Any, count: int) -> list[str]:
    return [(await reply.content.readuntil(b"\n\n")).decode() for _ in range(count)]


async def test_a_client_that_waits_is_told_how_it_stands() -> None:
    async with gateway(early_seconds=0.02) as served:
        served.supervisor.ready.clear()
        asked = {"model": "m", **HI, "stream": True}
        async with served.session.post(served.url + CHAT, json=asked) as reply:
            assert reply.status == 200
            assert await read_some(reply, 2) == [": waiting\n\n"] * 2
            served.supervisor.other = replace(served.loaded, progress=0.5)
            while await read_some(reply, 1) != [": loading another model 50 %\n\n"]:
                pass
            served.supervisor.other = None
            served.loaded.state, served.loaded.progress = ModelState.LOADING, 0.35
            while await read_some(reply, 1) != [": loading 35 %\n\n"]:
                pass
            served.loaded.state = ModelState.READY
            served.supervisor.ready.set()
            text = (await reply.read()).decode()
    events = [event for event in text.split("\n\n") if event.startswith("data")]
    assert json.loads(events[1][6:])["choices"][0]["delta"]["content"] == "Hello"
    assert events[-1] == "data: [DONE]"


async def test_an_error_before_anything_was_sent_is_a_plain_one() -> None:
    async with gateway() as served:
        served.supervisor.fails = AppError(ErrorCode.QUEUE_FULL, waiting=1, seconds=5)
        error = await served.refused(stream=True)
        assert error["status"] == 429


async def test_an_error_after_that_is_the_last_event() -> None:
    async with gateway(early_seconds=0.02) as served:
        served.supervisor.ready.clear()
        served.supervisor.fails = AppError(ErrorCode.QUEUE_FULL, waiting=1, seconds=5)
        asked = {"model": "m", **HI, "stream": True}
        async with served.session.post(served.url + CHAT, json=asked) as reply:
            await read_some(reply, 1)
            served.supervisor.ready.set()
            events = (await reply.read()).decode().split("\n\n")
        last = [event for event in events if event and not event.startswith(":")]
        assert json.loads(last[0][6:])["error"]["type"] == "rate_limit_error" and len(last) == 1
        record = served.log.latest()[0]
        assert (record["status"], record["stream"]) == (429, True)


async def test_a_plain_answer_is_not_begun_early() -> None:
    async with gateway(early_seconds=0.02) as served:
        served.supervisor.ready.clear()
        asking = asyncio.create_task(served.post(CHAT, HI))
        await asyncio.wait({asking}, timeout=0.1)
        served.supervisor.ready.set()
        status, found, _ = await asking
        assert status == 200 and found["choices"][0]["message"]["content"] == "Hello there"


# --- answers without end --------------------------------------------------------------------------


def test_repetitions() -> None:
    def of(text: str) -> tuple[int, int]:
        return repeats([letter.encode() for letter in text])

    assert of("xyz" + "a" * 70) == (1, 70)
    assert of("x" + "abc" * 20) == (3, 60)
    assert of("abcdefgh") == (0, 0) and of("") == (0, 0)
    assert of("abab") == (0, 0), "twice is no repetition yet"


def endless(*texts: str) -> Any:
    """A stream that goes on until its reader leaves, in small steps."""
    return [delta(content=text) for _ in range(20_000) for text in texts]


@pytest.mark.parametrize("texts", [("a",), ("one ", "two ", "three ")])
async def test_an_answer_without_end_is_cut(texts: tuple[str, ...]) -> None:
    async with gateway(look_seconds=0.01) as served:
        served.engine.script = lambda body: endless(*texts)
        served.engine.pause = lambda: asyncio.sleep(0)
        error = await served.refused()
        assert (error["status"], error["code"]) == (502, "runaway_output")
        chunks = await served.chat(stream=True, max_tokens=100_000)
        assert chunks[-1]["error"]["code"] == "runaway_output"
        assert len(chunks) < 20_000
        record = served.log.latest()[0]
        assert record["error_code"] == "runaway_output" and record["completion_tokens"] > 60


@pytest.mark.parametrize("more", [{"max_tokens": 400}, {"ignore_eos": True}])
async def test_an_answer_that_is_bounded_or_meant_to_go_on_is_not(more: dict[str, Any]) -> None:
    async with gateway(look_seconds=0.01) as served:
        served.engine.script = lambda body: [*[delta(content="a")] * 3000, delta(finish="length")]
        served.engine.pause = lambda: asyncio.sleep(0)
        reply = await served.chat(**more)
        assert reply["choices"][0]["message"]["content"] == "a" * 3000


async def test_progress_through_a_prompt_is_no_repetition() -> None:
    progress = {**delta(role="assistant", content=None), "prompt_progress": {"total": 9}}
    async with gateway(look_seconds=0.01) as served:
        served.engine.script = lambda body: [*[progress] * 3000, *said("Yes")]
        served.engine.pause = lambda: asyncio.sleep(0)
        assert (await served.chat())["choices"][0]["message"]["content"] == "Yes"


async def test_an_engine_that_says_nothing_any_more_is_given_up() -> None:
    async with gateway(look_seconds=0.01, silent_seconds=0.1) as served:
        told = 0

        async def pause() -> None:
            nonlocal told
            told += 1
            if told > 2:
                await asyncio.Event().wait()

        served.engine.pause = pause
        chunks = await served.chat(stream=True)
        assert chunks[0]["choices"] and chunks[-1]["error"]["code"] == "engine_silent"
        assert served.loaded.active == 0


async def test_an_engine_that_never_begins_is_given_up() -> None:
    async with gateway(silent_seconds=0.1) as served:
        served.engine.begins = asyncio.Event()
        error = await served.refused()
        assert (error["status"], error["code"]) == (502, "engine_silent")
