"""A thousand requests of every kind while engines are killed, clients leave and the clock jumps.

Every answer says whose it is: the engine is one that says back what it was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError
from tests.helpers.echo_engine import install
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, gone, wait_for

REQUESTS = int(os.environ.get("CHAOS_REQUESTS", "1000"))
AT_ONCE = 48
NAMES = ("alpha", "beta", "gamma")
Json = dict[str, Any]

# The real service with a wall clock that jumps by up to a day, back and forth.
JUMPING = """
import random, sys, time
real, rng, state = time.time, random.Random({seed}), [0, 0.0]
def jumping():
    state[0] += 1
    if state[0] % 200 == 0:
        state[1] = rng.choice((0.0, -3600.0, 86_000.0, -86_000.0, 1.5))
    return real() + state[1]
time.time = jumping
from desktop.cli.main import main
sys.exit(main(["_service", "600"]))
"""


class JumpingService(RunningService):
    def _start(self) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as sink:
            return subprocess.Popen(
                [sys.executable, "-c", JUMPING.format(seed=self.environ["CHAOS_CLOCK"])],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )


@dataclass
class Outcome:
    """What one client saw.

    Attributes:
        words: of the answer, as far as it came.
        usage: the completion tokens the reply named; None: it was not whole.
        wrong: what should never be.
    """

    kind: str
    model: str
    status: int | None = None
    id: str | None = None
    words: int = 0
    usage: int | None = None
    wrong: list[str] = field(default_factory=list)


class Clients:
    """All the clients there are."""

    def __init__(self, url: str, models: list[str], rng: random.Random) -> None:
        self._url, self._models, self._rng = url, models, rng
        self.outcomes: list[Outcome] = []
        self._session: aiohttp.ClientSession | None = None

    async def run(self, requests: int) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=120)
        lanes, numbers = [], iter(range(requests))
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as self._session:
            for _ in range(AT_ONCE):
                lanes.append(asyncio.create_task(self._lane(numbers)))
            await asyncio.gather(*lanes)

    async def first(self, count: int) -> None:
        """Requests to all models in turn, all sent before any is loaded."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as self._session:
            models = [self._models[turn % len(self._models)] for turn in range(count)]
            asked = [
                self._whole(Outcome("plain", model), f"first{turn}")
                for turn, model in enumerate(models)
            ]
            self.outcomes += await asyncio.gather(*asked)

    async def _lane(self, numbers: Iterator[int]) -> None:
        kinds = {
            "plain": (self._whole, 20),
            "stream": (self._stream, 35),
            "leaves": (self._leaves, 20),
            "slow": (self._slow, 4),
            "dies": (self._dies, 1),
            "text": (self._text, 5),
            "claude": (self._claude, 6),
            "ollama": (self._ollama, 6),
            "hostile": (self._hostile, 12),
            "garbage": (self._garbage, 3),
        }
        names, weights = list(kinds), [weight for _, weight in kinds.values()]
        for number in numbers:
            [kind] = self._rng.choices(names, weights)
            outcome = Outcome(kind, self._rng.choice(self._models))
            try:
                await kinds[kind][0](outcome, f"m{number:05d}")
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                if kind not in ("leaves", "garbage"):
                    outcome.wrong.append(f"{type(error).__name__}: {error}")
            self.outcomes.append(outcome)

    # --- kinds of clients -----------------------------------------------------------------------

    def _body(self, outcome: Outcome, order: str, **more: Any) -> Json:
        return {
            "model": outcome.model,
            "messages": [{"role": "user", "content": order}],
            **more,
        }

    @contextlib.asynccontextmanager
    async def _post(
        self, outcome: Outcome, body: Any, route: str = "v1/chat/completions"
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        url = f"{self._url}/{route}"
        async with self._session.post(url, data=raw, headers=headers) as reply:
            outcome.status, outcome.id = reply.status, reply.headers.get("x-request-id")
            yield reply

    async def _whole(self, outcome: Outcome, mark: str) -> Outcome:
        words = self._rng.randint(1, 40)
        order = f"say={mark} words={words} pause={self._rng.choice((0, 0, 0.002))}"
        async with self._post(outcome, self._body(outcome, order)) as reply:
            document = await reply.json()
        if reply.status != 200:
            _check_shape(outcome, document)
            return outcome
        found = document["choices"][0]["message"]["content"].split()
        outcome.words, outcome.usage = len(found), document["usage"]["completion_tokens"]
        if found != [mark] * words:
            outcome.wrong.append(f"asked for {words} × {mark}, got {found[:5]}")
        if document["model"] != outcome.model:
            outcome.wrong.append(f"asked {outcome.model}, answered {document['model']}")
        return outcome

    async def _stream(self, outcome: Outcome, mark: str, **how: Any) -> None:
        words = how.get("words", self._rng.randint(1, 60))
        pause = how.get("pause", self._rng.choice((0, 0, 0.002, 0.01)))
        order = f"say={mark} words={words} pause={pause} {how.get('more', '')}"
        body = self._body(outcome, order, stream=True, stream_options={"include_usage": True})
        leave_after = how.get("leave_after")
        ended = None
        async with self._post(outcome, body) as reply:
            if reply.status != 200:
                _check_shape(outcome, await reply.json())
                return
            async for line in reply.content:
                if how.get("slow"):
                    await asyncio.sleep(0.002)
                if line == b"data: [DONE]\n":
                    ended = "done"
                elif line.startswith(b"data: "):
                    ended = self._chunk(outcome, mark, json.loads(line[6:])) or ended
                if leave_after is not None and outcome.words >= leave_after:
                    return
        if ended is None:
            outcome.wrong.append("a stream ended without a word")
        elif ended == "done" and outcome.words != words:
            outcome.wrong.append(f"{outcome.words} of {words} words of a whole answer")
        elif ended == "error":
            outcome.usage = None

    def _chunk(self, outcome: Outcome, mark: str, chunk: Json) -> str | None:
        if "error" in chunk:
            _check_shape(outcome, chunk)
            return "error"
        for choice in chunk["choices"]:
            text = choice["delta"].get("content") or ""
            if set(text.split()) - {mark}:
                outcome.wrong.append(f"{mark} was told {text!r}")
            outcome.words += len(text.split())
        if chunk.get("usage"):
            outcome.usage = chunk["usage"]["completion_tokens"]
        return None

    async def _leaves(self, outcome: Outcome, mark: str) -> None:
        """Leave at any time: before it is answered, or after some words."""
        if self._rng.random() < 0.5:
            async with asyncio.timeout(self._rng.choice((0.001, 0.01, 0.05, 0.3))):
                await self._stream(outcome, mark, words=400, pause=0.005)
        else:
            after = self._rng.randint(0, 20)
            await self._stream(outcome, mark, words=400, pause=0.005, leave_after=after)

    async def _slow(self, outcome: Outcome, mark: str) -> None:
        await self._stream(outcome, mark, words=300, pause=0, slow=True)

    async def _dies(self, outcome: Outcome, mark: str) -> None:
        await self._stream(outcome, mark, words=50, more=f"die={self._rng.randint(0, 20)}")

    async def _text(self, outcome: Outcome, mark: str) -> None:
        words = self._rng.randint(1, 40)
        body = {"model": outcome.model, "prompt": f"say={mark} words={words}", "max_tokens": 99}
        async with self._post(outcome, body, "v1/completions") as reply:
            document = await reply.json()
        if reply.status != 200:
            _check_shape(outcome, document)
            return
        found = document["choices"][0]["text"].split()
        outcome.words, outcome.usage = len(found), document["usage"]["completion_tokens"]
        if found != [mark] * words:
            outcome.wrong.append(f"asked for {words} × {mark}, got {found[:5]}")

    async def _claude(self, outcome: Outcome, mark: str) -> None:
        """Anthropic's stream, and errors in Anthropic's shape."""
        words = self._rng.randint(1, 40)
        body = self._body(outcome, f"say={mark} words={words}", max_tokens=99, stream=True)
        text, ended = "", False
        async with self._post(outcome, body, "v1/messages") as reply:
            if reply.status != 200:
                _check_claude(outcome, await reply.json())
                return
            async for line in reply.content:
                event = json.loads(line[6:]) if line.startswith(b"data: ") else {}
                if event.get("type") == "content_block_delta":
                    text += event["delta"]["text"]
                elif event.get("type") == "message_delta":
                    outcome.usage = event["usage"]["output_tokens"]
                elif event.get("type") == "error":
                    _check_claude(outcome, event)
                    outcome.usage, ended = None, True
                elif event.get("type") == "message_stop":
                    ended = True
        self._judge(outcome, text, mark, words, ended=ended)

    async def _ollama(self, outcome: Outcome, mark: str) -> None:
        """Ollama's lines, and errors in Ollama's shape."""
        words = self._rng.randint(1, 40)
        body = self._body(outcome, f"say={mark} words={words}")
        text, ended = "", False
        async with self._post(outcome, body, "api/chat") as reply:
            if reply.status != 200:
                document = await reply.json()
                if not isinstance(document.get("error"), str) or reply.status == 500:
                    outcome.wrong.append(f"{reply.status}: {document}")
                return
            async for line in reply.content:
                found = json.loads(line)
                if "error" in found:
                    outcome.usage, ended = None, True
                    continue
                text += found["message"]["content"]
                if found["done"]:
                    outcome.usage, ended = found["eval_count"], True
        self._judge(outcome, text, mark, words, ended=ended)

    @staticmethod
    def _judge(outcome: Outcome, text: str, mark: str, words: int, *, ended: bool) -> None:
        found = text.split()
        outcome.words = len(found)
        if set(found) - {mark}:
            outcome.wrong.append(f"{mark} was told {text[:100]!r}")
        if not ended:
            outcome.wrong.append("a stream ended without a word")
        elif outcome.usage is not None and outcome.words != words:
            outcome.wrong.append(f"{outcome.words} of {words} words of a whole answer")

    async def _hostile(self, outcome: Outcome, mark: str) -> None:
        name, body = self._rng.choice(_hostile_bodies(self._body(outcome, mark)))
        async with self._post(outcome, body) as reply:
            if not 400 <= reply.status < 500:
                outcome.wrong.append(f"{name} was answered with {reply.status}")
            _check_shape(outcome, await reply.json())

    async def _garbage(self, outcome: Outcome, mark: str) -> None:
        """What is no HTTP, or half a request."""
        host, port = self._url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n"
        length = f"{head}Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"
        parts = [b"\x16\x03\x01\x02\x00", b"GET / HTP\r\n\r\n", head.encode(), length.encode()]
        writer.write(self._rng.choice(parts) + b"{" * self._rng.randint(0, 50))
        await writer.drain()
        writer.transport.abort()


def _hostile_bodies(good: Json) -> list[tuple[str, Any]]:
    nested: Json = {"type": "string"}
    for _ in range(100):
        nested = {"type": "object", "properties": {"a": nested}}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": nested}}
    return [
        ("no JSON", b'{"model": '),
        ("no UTF-8", b'{"model": "\xff\xfe"}'),
        ("a list", []),
        ("nothing", {}),
        ("no model", {"messages": good["messages"]}),
        ("an unknown model", {**good, "model": "no-such-model"}),
        ("a number for a model", {**good, "model": 7}),
        ("no messages", {"model": good["model"]}),
        ("messages that are none", {**good, "messages": "hello"}),
        ("deep arrays", b"[" * 100_000 + b"]" * 100_000),
        ("a deep schema", {**good, "response_format": schema}),
        ("a grammar of parentheses", {**good, "grammar": "root ::= " + "(" * 5_000}),
        ("many stops", {**good, "stop": ["x"] * 5_000}),
        ("n below zero", {**good, "n": -1}),
        ("words for a number", {**good, "max_tokens": "many"}),
    ]


def _check_shape(outcome: Outcome, document: Any) -> None:
    """OpenAI's, whatever went wrong; never a fault of our own."""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or not {"message", "type", "param", "code"} <= set(error):
        outcome.wrong.append(f"{outcome.status} without OpenAI's shape: {str(document)[:200]}")
    elif outcome.status == 500 or error.get("code") == "internal":
        outcome.wrong.append(f"an error of our own: {error}")


def _check_claude(outcome: Outcome, document: Any) -> None:
    error = document.get("error") if isinstance(document, dict) else None
    shaped = isinstance(error, dict) and document.get("type") == "error"
    if not shaped or not {"type", "message"} <= set(error or ()) or outcome.status == 500:
        outcome.wrong.append(f"{outcome.status} without Anthropic's shape: {str(document)[:200]}")


async def disturb(service: RunningService, models: list[str], rng: random.Random) -> None:
    """Kill engines at random moments, and load models again as a person would."""
    while True:
        await asyncio.sleep(rng.uniform(0.3, 1.2))  # the random moment
        for engine in service.engines():
            if rng.random() < 0.5:
                with contextlib.suppress(psutil.NoSuchProcess):
                    engine.kill()
        await asyncio.sleep(rng.uniform(0.3, 1.0))
        for model in models:
            # Whoever killed them so often that they are left alone for a minute begins anew.
            with contextlib.suppress(AppError):
                await asyncio.to_thread(service.client.load, model)


def ledger(service: RunningService) -> dict[str, Json]:
    """All its rows by id."""
    rows: dict[str, Json] = {}
    after = ""
    while True:
        page = service.client.call("GET", f"/ledger?limit=1000{after}")
        rows |= {row["id"]: row for row in page["requests"]}
        if page["next"] is None:
            return rows
        after = f"&after={page['next']}"


def check_ledger(outcomes: list[Outcome], rows: dict[str, Json]) -> None:
    """What clients got whole is there to the token; of the rest at least what they received."""
    for outcome in outcomes:
        if outcome.id is None:
            continue
        row = rows.get(outcome.id)
        assert row is not None, f"{outcome} is not in the ledger"
        if outcome.usage is not None:
            assert row["status"] in (200, 499), (outcome, row)
            assert row["completion_tokens"] == outcome.usage, (outcome, row)
            assert row["model"] == outcome.model
        elif outcome.words:
            assert (row["completion_tokens"] or 0) >= outcome.words, (outcome, row)


def own_faults(service: RunningService) -> list[Json]:
    """Errors in the log that are neither an engine's death nor a client's garbage."""
    lines = [
        json.loads(line)
        for file in service.paths.logs.glob("service.log*")
        for line in file.read_text("utf-8").splitlines()
    ]
    known = ("an engine died", "Error handling request from 127.0.0.1")
    return [
        line
        for line in lines
        if line["level"] == "error"
        and (line["message"] not in known or "Traceback" in line.get("exception", ""))
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_requests_and_nothing_is_mixed_up(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", str(time.time_ns() % 1_000_000)))
    print(f"CHAOS_SEED={seed} CHAOS_REQUESTS={REQUESTS}")
    rng = random.Random(seed)
    real = environment_folder()
    assert real is not None
    install(tmp_path / "echo", real / "bin")
    folder = tmp_path / "models"
    folder.mkdir()
    for name in NAMES:
        write_tiny_llama(folder / f"{name}.gguf", name=f"Tiny {name}")
    more = {"PADDOCK_LIBRARY_TEST_NEW_MODELS": "false", "CHAOS_CLOCK": str(seed)}
    service = JumpingService(tmp_path / "home", more)
    try:
        client = service.client
        client.add_engine("echo", str(tmp_path / "echo"))
        client.use_engine("echo")
        client.add_models(str(folder))
        models = [m["id"] for m in client.models() if m["id"].startswith("tiny-")]
        assert len(models) == len(NAMES)
        for model in models:
            client.change_model_settings(model, {"slots": 8, "context_tokens": 512})
        first = client.load(models[0])
        held, needed = first["memory_bytes"], first["estimate"]["total_bytes"]["value"]
        client.unload(models[0])
        url = client.public_on(port=free_port())["url"]
        clients = Clients(url, models, rng)

        def fits(count: int) -> None:
            limit = (count - 0.5) * held + needed
            client.change_settings({"load.memory_limit_gib": limit / (1 << 30)})

        fits(1)
        asyncio.run(clients.first(64))
        assert {each.status for each in clients.outcomes} == {200}

        async def all_of_it() -> None:
            disturbing = asyncio.create_task(disturb(service, models, rng))
            await clients.run(REQUESTS)
            disturbing.cancel()
            await asyncio.gather(disturbing, return_exceptions=True)

        fits(2)
        asyncio.run(all_of_it())
        outcomes = clients.outcomes
        print(Counter(f"{each.kind} {each.status}" for each in outcomes))
        wrong = [each for each in outcomes if each.wrong]
        assert wrong == []
        # What a dying engine may be answered with: told apart, and to be tried again.
        assert {each.status for each in outcomes if each.kind in ("plain", "stream", "slow")} <= {
            *(200, 502, 503),
        }
        finished = [each for each in outcomes if each.usage is not None]
        assert len(finished) > REQUESTS * 0.2

        def quiet() -> bool:
            state = client.state()
            return not state["waiting"] and not any(m["active_requests"] for m in state["models"])

        wait_for(quiet, "no slot is taken and nobody waits", 30)
        wait_for(lambda: client.call("GET", "/ledger?limit=1")["held"] == 0, "all is written")
        check_ledger(outcomes, ledger(service))
        asyncio.run(Clients(url, models, rng).first(3))  # and it still serves
        engines = service.engines()
        assert len(engines) <= 2
        service.stop()
        assert gone(engines)
        assert own_faults(service) == []
    finally:
        service.stop()
