"""Answers that are given again to the very same request; off unless the person switches it on.

Only answers that are the same each time are kept: those without chance in them. They are found by
an HMAC over the key's name, the model's content, the engine's build, how the model was loaded and
the request, with a secret of this data folder: the table does not tell who asked what.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import secrets
import sqlite3
import threading
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desktop.core.db import Database
from desktop.core.errors import AppError
from desktop.core.files import write_atomic
from desktop.core.service import request_ids
from desktop.core.service.calls import Call
from desktop.core.service.loaded import Loaded, ModelState
from desktop.core.service.streams import Assembler, Usage
from desktop.core.settings import ServerSettings

log = logging.getLogger(__name__)

HEADER = "x-paddock-cache"
MOST_ROWS = 10_000
_LARGEST_BYTES = 1 << 20
_TOUCH_SECONDS = 60.0  # how exact the order of use is
_DAY_SECONDS = 86400.0
_SECRET_BYTES = 32
# What makes no difference to the answer.
_ASIDE = frozenset(
    {
        "stream",
        "stream_options",
        "return_progress",
        "cache_prompt",
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "timings_per_token",
    }
)
_WHOLE = frozenset({"stop", "length", "tool_calls"})


def is_certain(body: dict[str, Any]) -> bool:
    """Whether an engine asked twice would answer the same: one choice, always the likeliest."""
    if body.get("n") not in (None, 1) or body.get("best_of") not in (None, 1):
        return False
    temperature, top_k = body.get("temperature"), body.get("top_k")
    greedy = _is_number(temperature) and temperature <= 0
    return bool(greedy or (top_k == 1 and not body.get("mirostat")))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class ExactCache:
    """The table of answers. Lives on the event loop, reads and writes in worker threads.

    Args:
        secret_file: made when it is first needed.

    Attributes:
        hits, misses: of requests that could have been repeats, since the start.
    """

    def __init__(
        self,
        database: Database,
        secret_file: Path,
        settings: Callable[[], ServerSettings],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._secret_file = secret_file
        self._settings = settings
        self._clock = clock
        self._secret: bytes | None = None
        self._held: list[int] | None = None  # rows and bytes; counted when first needed
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.hits = 0
        self.misses = 0

    def on(self, call: Call) -> bool:
        """Whether repeats are kept for whoever sent it."""
        return self._settings().exact_cache or call.caller.policy.exact_cache

    async def repeat_of(
        self, call: Call, loaded: Loaded | None, route: str, body: dict[str, Any]
    ) -> Repeat | None:
        """What is needed to find or keep its answer; None where its answer is not kept.

        Args:
            loaded: its model, which counts as it is loaded.
            body: as the engine is asked.
        """
        if loaded is None or loaded.state is not ModelState.READY or loaded.prepared is None:
            return None
        if not self.on(call) or not (route == "/v1/embeddings" or is_certain(body)):
            return None
        how = asdict(loaded.prepared.settings)
        said = {name: value for name, value in body.items() if name not in _ASIDE}
        parts = [call.caller.key, loaded.entry.fingerprint, loaded.build, how, route, said]
        try:
            secret = self._secret or await asyncio.to_thread(self._read_secret)
        except (AppError, OSError) as error:
            log.warning("answers are not kept", extra={"why": str(error)})
            return None
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
        return Repeat(self, call, hmac.new(secret, text.encode(), hashlib.sha256).digest())

    def _read_secret(self) -> bytes:
        if self._secret is None:
            try:
                found = self._secret_file.read_bytes()
            except FileNotFoundError:
                found = b""
            if len(found) != _SECRET_BYTES:
                found = secrets.token_bytes(_SECRET_BYTES)
                write_atomic(self._secret_file, found, mode=0o600)
            self._secret = found
        return self._secret

    async def find(self, digest: bytes) -> dict[str, Any] | None:
        """The answer that is kept under it; a database that does not answer has none."""
        try:
            found = await asyncio.to_thread(self._find, digest)
        except AppError as error:
            log.warning("kept answers cannot be read", extra={"why": str(error)})
            found = None
        return found

    def _find(self, digest: bytes) -> dict[str, Any] | None:
        now = self._clock()
        oldest = now - self._settings().exact_cache_days * _DAY_SECONDS
        rows = self._database.query(
            "SELECT answer, used FROM exact_cache WHERE hash = ? AND created >= ?",
            (digest, oldest),
        )
        if not rows:
            return None
        if abs(now - rows[0]["used"]) > _TOUCH_SECONDS:
            with contextlib.suppress(AppError):  # the order of use is worth no answer
                self._database.execute(
                    "UPDATE exact_cache SET used = ? WHERE hash = ?", (now, digest)
                )
        reply: dict[str, Any] = json.loads(zlib.decompress(rows[0]["answer"]))
        return reply

    def keep(self, digest: bytes, reply: dict[str, Any]) -> None:
        """Keep an answer, in the background."""
        task = asyncio.get_running_loop().create_task(self._keep_soon(digest, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_soon(self, digest: bytes, reply: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._keep, digest, reply)
        except AppError as error:
            log.warning("an answer was not kept", extra={"why": str(error)})

    def _keep(self, digest: bytes, reply: dict[str, Any]) -> None:
        answer = zlib.compress(json.dumps(reply, separators=(",", ":")).encode())
        settings, now = self._settings(), self._clock()
        room = settings.exact_cache_mib << 20
        if len(answer) > min(_LARGEST_BYTES, room):
            return
        with self._lock, self._database.transaction() as connection:
            if self._held is None:
                row = connection.execute("SELECT COUNT(*), TOTAL(size_bytes) FROM exact_cache")
                self._held = [int(figure) for figure in row.fetchone()]
            connection.execute(
                "INSERT OR REPLACE INTO exact_cache (hash, created, used, size_bytes, answer) "
                "VALUES (?, ?, ?, ?, ?)",
                (digest, now, now, len(answer), answer),
            )
            self._held = [self._held[0] + 1, self._held[1] + len(answer)]
            if self._held[0] > MOST_ROWS or self._held[1] > room:
                self._make_room(connection, room)

    def _make_room(self, connection: sqlite3.Connection, room: int) -> None:
        """Forget what is too old, then what was not used for longest, with a little to spare."""
        connection.execute(
            "DELETE FROM exact_cache WHERE created < ?",
            (self._clock() - self._settings().exact_cache_days * _DAY_SECONDS,),
        )
        connection.execute(
            "DELETE FROM exact_cache WHERE hash IN (SELECT hash FROM (SELECT hash, "
            "SUM(size_bytes) OVER uses AS bytes, ROW_NUMBER() OVER uses AS place "
            "FROM exact_cache WINDOW uses AS (ORDER BY used DESC, created DESC, hash "
            "ROWS UNBOUNDED PRECEDING)) WHERE bytes > ? OR place > ?)",
            (room * 0.95, MOST_ROWS * 0.95),
        )
        self._held = None

    async def clear(self) -> None:
        """Forget all answers.

        Raises:
            AppError: DATABASE_BUSY, DISK_FULL.
        """
        await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        with self._lock:
            self._database.execute("DELETE FROM exact_cache")
            self._held = None

    async def close(self) -> None:
        """Wait for what is being kept."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass
class Repeat:
    """A request whose answer is kept, or will be."""

    cache: ExactCache
    call: Call
    digest: bytes

    async def find(self) -> dict[str, Any] | None:
        """The plain answer as it is given again; its record and headers say that it is one."""
        reply = await self.cache.find(self.digest)
        if reply is None:
            return None
        self.cache.hits += 1
        request_ids.say(self.call.request, HEADER, "hit")
        call = self.call
        call.usage = Usage()
        call.usage.read(reply)
        call.usage.finish_reason = next(
            (each.get("finish_reason") for each in reply.get("choices") or ()), None
        )
        call.whole = True
        call.record.cached_answer = True
        call.record.engine = None
        usage = reply.get("usage")
        if isinstance(usage, dict):
            reply["usage"] = {**usage, "cached": True}
        if "id" in reply:
            head, _, _ = str(reply["id"]).rpartition("-")
            reply["id"] = f"{head or 'cached'}-{secrets.token_hex(12)}"
        if "created" in reply:
            reply["created"] = int(time.time())
        call.record.first_event()
        return reply

    def missed(self) -> None:
        self.cache.misses += 1
        request_ids.say(self.call.request, HEADER, "miss")

    async def kept(self, events: AsyncGenerator[bytes], chat: bool) -> AsyncGenerator[bytes]:
        """The same events; the answer is kept when it came to its end without an error."""
        blocks: list[bytes] = []
        size = 0
        async with contextlib.aclosing(events):
            async for block in events:
                size += len(block)
                if size <= 8 * _LARGEST_BYTES:
                    blocks.append(block)
                yield block
        if size > 8 * _LARGEST_BYTES or not self.call.whole:
            return
        assembler = Assembler(chat)
        for block in blocks:
            assembler.feed(block)
        reply = assembler.reply()
        choices = reply.get("choices") or []
        if choices and all(each.get("finish_reason") in _WHOLE for each in choices):
            self.keep(reply)

    def keep(self, reply: dict[str, Any]) -> None:
        """A plain answer without an error."""
        reply = {name: value for name, value in reply.items() if name != "timings"}
        if not isinstance(reply.get("usage"), dict):
            reply["usage"] = _usage(self.call.usage)
        self.cache.keep(self.digest, reply)


def _usage(usage: Usage) -> dict[str, Any]:
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
    }


def events_of(reply: dict[str, Any], chat: bool, usage: bool) -> Iterator[bytes]:
    """A plain answer as the events of a stream.

    Args:
        usage: with the usage chunk at the end.
    """
    kind = "chat.completion.chunk" if chat else "text_completion"
    aside = ("choices", "usage", "object")
    head = {**{k: v for k, v in reply.items() if k not in aside}, "object": kind}

    def event(chunk: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps({**head, **chunk}).encode() + b"\n\n"

    for choice in reply.get("choices") or ():
        index, logprobs = choice.get("index", 0), choice.get("logprobs")
        said: dict[str, Any] = {"text": choice.get("text", "")}
        if chat:
            message = {k: v for k, v in choice["message"].items() if k != "refusal"}
            calls = message.get("tool_calls")
            if calls:
                message["tool_calls"] = [{"index": n, **call} for n, call in enumerate(calls)]
            said = {"delta": message}
        part = {"index": index, "logprobs": logprobs, "finish_reason": None}
        yield event({"choices": [{**part, **said}]})
        last: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
        finish = {"index": index, "logprobs": None, "finish_reason": choice["finish_reason"]}
        yield event({"choices": [{**finish, **last}]})
    if usage:
        yield event({"choices": [], "usage": reply.get("usage")})
    yield b"data: [DONE]\n\n"


async def sent_again(reply: dict[str, Any], chat: bool, usage: bool) -> AsyncGenerator[bytes]:
    """`events_of`, as `Calls.send` takes them."""
    for event in events_of(reply, chat, usage):
        yield event
