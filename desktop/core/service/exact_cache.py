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
from dataclasses import asdict
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
EMBEDDINGS = "/v1/embeddings"
_LARGEST_BYTES = 1 << 20
_LONGEST_STREAM_BYTES = 8 << 20
_MOST_VECTORS = 32  # more of them would hold up every stream while they are written down
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
    if _looks_elsewhere(body):
        return False
    temperature = body.get("temperature")
    number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if number and float(temperature or 0) <= 0:
        return True
    return body.get("top_k") == 1 and not body.get("mirostat")


def _looks_elsewhere(body: dict[str, Any]) -> bool:
    """Whether a picture has to be fetched: tomorrow it may be another one."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            image = part.get("image_url") if isinstance(part, dict) else None
            url = image.get("url") if isinstance(image, dict) else image
            if image is not None and not str(url).startswith("data:"):
                return True
    return False


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

    async def digest(
        self, call: Call, loaded: Loaded | None, route: str, body: dict[str, Any]
    ) -> bytes | None:
        """What its answer is kept under; None where it is not kept.

        Args:
            loaded: its model, which counts as it is loaded.
            body: as the engine is asked.
        """
        if loaded is None or loaded.state is not ModelState.READY or loaded.prepared is None:
            return None
        if not self.on(call) or not (route == EMBEDDINGS or is_certain(body)):
            return None
        secret = self._secret
        if secret is None:
            try:
                secret = await asyncio.to_thread(self._read_secret)
            except (AppError, OSError) as error:
                log.warning("answers are not kept", extra={"why": str(error)})
                return None
        who, overflow = call.caller.key, call.caller.policy.overflow
        how = asdict(loaded.prepared.settings)
        said = {name: value for name, value in body.items() if name not in _ASIDE}
        parts = [who, overflow, loaded.entry.fingerprint, loaded.build, how, route, said]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
        return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    def _read_secret(self) -> bytes:
        with self._lock:
            try:
                found = self._secret_file.read_bytes()
            except FileNotFoundError:
                found = b""
            if len(found) != _SECRET_BYTES:
                found = secrets.token_bytes(_SECRET_BYTES)
                write_atomic(self._secret_file, found, mode=0o600)
            self._secret = found
            return found

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
        text = json.dumps(reply, separators=(",", ":")).encode()
        task = asyncio.get_running_loop().create_task(self._keep_soon(digest, text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_soon(self, digest: bytes, text: bytes) -> None:
        try:
            await asyncio.to_thread(self._keep, digest, text)
        except AppError as error:
            log.warning("an answer was not kept", extra={"why": str(error)})

    def _keep(self, digest: bytes, text: bytes) -> None:
        answer = zlib.compress(text)
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


class Repeat:
    """One call's answer: looked for before it waits, looked for again with its model there, and
    kept when it was made.

    Args:
        cache: None: nothing is found or kept.
        asked: what the engine is asked.
    """

    def __init__(
        self, cache: ExactCache | None, call: Call, route: str, asked: Callable[[], dict[str, Any]]
    ) -> None:
        self._cache = cache if cache is not None and cache.on(call) else None
        self._call = call
        self._route = route
        self._asked = asked
        self._digest: bytes | None = None
        self._missed = False

    @property
    def on(self) -> bool:
        """Whether the answer may be one that is kept."""
        return self._cache is not None

    async def find(self, loaded: Loaded | None) -> dict[str, Any] | None:
        """The plain answer as it is given again; the record and the headers say that it is."""
        if self._cache is None or loaded is None:
            return None
        digest = await self._cache.digest(self._call, loaded, self._route, self._asked())
        if digest is None or digest == self._digest:
            return None
        self._digest = digest
        reply = await self._cache.find(digest)
        if reply is None:
            return None
        self._cache.hits += 1
        request_ids.say(self._call.request, HEADER, "hit")
        self._note(reply)
        reply["usage"] = {**reply.get("usage", {}), "cached": True}
        if "id" in reply:
            head, _, _ = str(reply["id"]).partition("-")
            reply["id"] = f"{head}-{secrets.token_urlsafe(24)}"
        if "created" in reply:
            reply["created"] = int(time.time())
        return reply

    def _note(self, reply: dict[str, Any]) -> None:
        call = self._call
        call.usage = Usage()
        call.usage.read(reply)
        call.whole = True
        call.record.cached_answer = True
        call.record.engine = None
        call.record.first_event()

    def miss(self) -> None:
        """Its answer is made now."""
        if self._cache is not None and self._digest is not None and not self._missed:
            self._missed = True
            self._cache.misses += 1
            request_ids.say(self._call.request, HEADER, "miss")

    async def kept(self, events: AsyncGenerator[bytes], chat: bool) -> AsyncGenerator[bytes]:
        """The same events; the answer is kept when it came to its end without an error."""
        self.miss()
        blocks: list[bytes] = []
        size = 0
        async with contextlib.aclosing(events):
            async for block in events:
                size += len(block)
                if self._digest is not None and size <= _LONGEST_STREAM_BYTES:
                    blocks.append(block)
                yield block
        if self._digest is None or size > _LONGEST_STREAM_BYTES or not self._call.whole:
            return
        assembler = Assembler(chat)
        for block in blocks:
            assembler.feed(block)
        reply = assembler.reply()
        choices = reply["choices"]
        if choices and all(each["finish_reason"] in _WHOLE for each in choices):
            self.keep({**reply, "usage": reply.get("usage") or self._call.usage.to_openai()})

    def keep(self, reply: dict[str, Any]) -> None:
        """A plain answer without an error."""
        if self._cache is None or self._digest is None:
            return
        if len(reply.get("data", ())) > _MOST_VECTORS:
            return
        self._cache.keep(self._digest, {k: v for k, v in reply.items() if k != "timings"})


def events_of(reply: dict[str, Any], chat: bool, usage: bool) -> Iterator[bytes]:
    """A plain answer as the events of a stream.

    Args:
        usage: with the usage chunk at the end.
    """
    kind = "chat.completion.chunk" if chat else "text_completion"
    aside = ("choices", "usage", "object")
    head = {**{k: v for k, v in reply.items() if k not in aside}, "object": kind}
    if usage:
        head["usage"] = None

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
