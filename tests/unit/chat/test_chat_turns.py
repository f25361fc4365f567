"""Turns whose model does not come or whose disk is full, on a real database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.core.chat.messages import Conversation, Message, MessageState
from desktop.core.chat.store import ConversationStore
from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.cards import Card
from desktop.core.service import generation, limits
from desktop.core.service.requests import RequestLog
from desktop.core.service.turns import Turns

NO_ROOM = AppError(ErrorCode.QUEUE_FULL, waiting=9, seconds=5)
FULL = AppError(ErrorCode.DISK_FULL, path="paddock.db", reason="database or disk is full")


class Supervisor:
    """Grants no slot: it waits until the test says so, and refuses."""

    def __init__(self) -> None:
        self.refuse = asyncio.Event()
        self.asked = asyncio.Event()

    @contextlib.asynccontextmanager
    async def slot(self, entry: Any, **_: Any) -> AsyncIterator[Any]:
        self.asked.set()
        await self.refuse.wait()
        raise NO_ROOM
        yield


class Store(ConversationStore):
    """Fails to store answers while the disk is full; tells when a turn has been stored."""

    full = False

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.on_added: Callable[[int], Awaitable[None]] | None = None
        self._loop = asyncio.get_running_loop()

    def add_turn(
        self, conversation_id: int, content: str, parent_id: int | None, model_id: str
    ) -> tuple[Conversation, Message, Message]:
        found = super().add_turn(conversation_id, content, parent_id, model_id)
        if self.on_added is not None:
            told: Any = self.on_added(found[2].id)
            asyncio.run_coroutine_threadsafe(told, self._loop).result(10)
        return found

    def update_reply(self, message: Message) -> None:
        if self.full:
            raise FULL
        super().update_reply(message)


class Rig:
    """Turns with a conversation, and what was told of it."""

    def __init__(self, database: Database) -> None:
        self.store = Store(database)
        self.supervisor = Supervisor()
        self.told: list[dict[str, Any]] = []
        self.requests = RequestLog(lambda kind, data: None)
        self.turns = Turns(
            self.store,
            self.supervisor,  # type: ignore[arg-type]
            self.requests,
            find=self.find,
            publish=lambda kind, data: self.told.append(data),
        )
        self.conversation = self.store.create().id

    async def find(self, name: str) -> Any:
        return SimpleNamespace(
            id=name,
            error=None,
            kind="model",
            summary=None,
            bundled=False,
            card=Card(),
            fingerprint="f",
        )

    async def send(self) -> Message:
        return (await self.turns.send(self.conversation, "hello", None, "tiny"))[2]

    async def last(self, message_id: int) -> dict[str, Any]:
        async with asyncio.timeout(10):
            return [line async for line in self.turns.follow(message_id)][-1]["done"]  # type: ignore[no-any-return]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "paddock.db", tmp_path / "backups")
    yield database
    database.close()


async def test_a_model_that_does_not_come(database: Database) -> None:
    rig = Rig(database)
    answer = await rig.send()
    assert rig.turns.busy
    with pytest.raises(AppError) as caught:
        await rig.send()
    assert caught.value.code is ErrorCode.BAD_REQUEST
    rig.supervisor.refuse.set()
    done = await rig.last(answer.id)
    assert done["state"] == "failed" and done["error"] == NO_ROOM.to_dict()
    assert not rig.turns.busy
    assert rig.requests.latest()[0]["status"] == 429
    assert rig.store.message(answer.id).to_dict() == done
    assert [told["message_count"] for told in rig.told] == [2, 2], "at its begin and at its end"


async def test_an_answer_that_cannot_be_stored_says_so_and_is_stored_later(
    database: Database,
) -> None:
    rig = Rig(database)
    answer = await rig.send()
    rig.store.full = True
    rig.supervisor.refuse.set()
    assert (await rig.last(answer.id))["error"]["code"] == "disk_full"
    assert not rig.turns.busy
    shown = await rig.turns.messages(rig.conversation)
    assert shown[1].state is MessageState.FAILED and shown[1].error == FULL.to_dict()
    assert rig.store.message(answer.id).state is MessageState.WAITING

    rig.store.full = False
    other = await rig.send()
    await rig.last(other.id)
    await rig.turns.close()
    stored = rig.store.message(answer.id)
    assert stored.state is MessageState.FAILED and stored.error == NO_ROOM.to_dict()


async def test_a_turn_outlives_who_asked_for_it(database: Database) -> None:
    rig = Rig(database)
    asking = asyncio.create_task(rig.send())

    async def leave(message_id: int) -> None:  # stored, and not yet known to the turns
        asking.cancel()

    rig.store.on_added = leave
    async with asyncio.timeout(10):
        await rig.supervisor.asked.wait()
    await rig.turns.close()
    question, answer = rig.store.messages(rig.conversation)
    assert (question.content, answer.state) == ("hello", MessageState.INTERRUPTED)
    with pytest.raises(AppError) as caught:
        await rig.send()
    assert caught.value.code is ErrorCode.SERVICE_STOPPING


async def test_who_follows_a_turn_in_the_moment_it_is_stored(database: Database) -> None:
    rig = Rig(database)
    followers: list[asyncio.Task[dict[str, Any]]] = []

    async def follow(message_id: int) -> None:  # stored, and not yet known to the turns
        followers.append(asyncio.create_task(rig.last(message_id)))
        await asyncio.wait(followers, timeout=0.3)  # it would end here if it took it for ended

    rig.store.on_added = follow
    await rig.send()
    rig.supervisor.refuse.set()
    assert (await followers[0])["state"] == "failed"


def test_a_request_can_be_sent_once_more() -> None:
    """To the next engine, where the first one had died unnoticed: it is checked again then."""
    body = {"messages": [{"role": "user", "content": "hello"}], "temperature": 0.5}
    model: Any = SimpleNamespace(id="tiny", bundled=True)
    asked = generation.prepared(body, model)
    assert asked["stream"] is True and asked["temperature"] == 0
    limits.check(body, slots=1)
    assert generation.prepared(body, model) == asked


async def test_stop_while_it_waits_for_the_model(database: Database) -> None:
    rig = Rig(database)
    answer = await rig.send()
    await rig.supervisor.asked.wait()
    stopped = await rig.turns.stop(answer.id)
    assert stopped.state is MessageState.STOPPED
    assert rig.store.message(answer.id) == stopped
    assert (await rig.last(answer.id))["state"] == "stopped"
