"""The scheduler of models, with engines that are scripted: every phase, and what can go wrong."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import setbacks
from desktop.core.service import supervisor as module
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import ModelState
from desktop.core.service.supervisor import Supervisor
from tests.helpers.scripted_loader import Room, ScriptedEngine, ScriptedLoader, entry

pytestmark = pytest.mark.timeout(20)

Json = dict[str, Any]
NO_MEMORY = AppError(ErrorCode.ENGINE_OUT_OF_MEMORY, model="a", reason="No room.")
CORRUPT = AppError(ErrorCode.ENGINE_CORRUPT_MODEL, model="a", reason="Cut off.")


class Machine:
    """A supervisor, its room, and what it published."""

    def __init__(self) -> None:
        self.room = Room()
        self.events: list[tuple[str, Json]] = []
        self.queue_limit = 100
        self.keep_seconds: float | None = None
        self.supervisor = Supervisor(
            ScriptedLoader(self.room),
            lambda kind, data: self.events.append((kind, data)),
            lambda: self.queue_limit,
            1.0,
            lambda: self.keep_seconds,
        )

    def told(self, kind: str) -> list[Json]:
        return [data for each, data in self.events if each == kind]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  (threads change it, too)
                await asyncio.sleep(0.002)

    async def use(self, name: str, *, key: str | None = None, keep: float | None = None) -> str:
        """One short answer of a model."""
        async with self.supervisor.slot(entry(name), key=key, keep_seconds=keep) as loaded:
            await asyncio.sleep(0)
            return loaded.entry.id

    def client(self, name: str, **how: Any) -> Client:
        return Client(self, name, **how)

    def ready(self) -> list[str]:
        return sorted(
            each.entry.id for each in self.supervisor.models if each.state is ModelState.READY
        )


def wait_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Before a model that failed is tried again."""
    monkeypatch.setattr(setbacks.FailureRecord, "delay_seconds", lambda *_: seconds)


class Client:
    """Somebody who holds a slot until told to go."""

    def __init__(self, machine: Machine, name: str, **how: Any) -> None:
        self._leave = asyncio.Event()
        self.has_slot = asyncio.Event()
        self.task = asyncio.create_task(self._hold(machine, name, how))

    async def _hold(self, machine: Machine, name: str, how: Json) -> None:
        async with machine.supervisor.slot(entry(name), **how):
            self.has_slot.set()
            await self._leave.wait()

    async def go(self) -> None:
        self._leave.set()
        await self.task


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    """Whatever a test did: in the end no slot is taken, nobody waits and no engine is left."""
    made = Machine()
    try:
        yield made
    finally:
        for gate in (*made.room.held.values(), *made.room.checking.values()):
            gate.set()
        async with asyncio.timeout(10):
            await made.supervisor.close()
    assert (made.supervisor.active, made.supervisor.waiting) == (0, 0)
    assert made.supervisor.models == () and made.room.alive == []


# --- loading ------------------------------------------------------------------------------------


async def test_a_hundred_first_requests_make_one_load(machine: Machine) -> None:
    machine.room.held["a"] = threading.Event()
    tasks = [asyncio.create_task(machine.use("a")) for _ in range(100)]
    await machine.until(lambda: machine.supervisor.waiting == 100 and machine.room.engines)
    machine.room.held["a"].set()
    assert await asyncio.gather(*tasks) == ["a"] * 100
    assert len(machine.room.engines) == 1
    assert machine.supervisor.served == 100 and machine.room.written == ["a"]


async def test_models_that_fit_are_there_together(machine: Machine) -> None:
    clients = [machine.client(name) for name in "abc"]
    for each in clients:
        await each.has_slot.wait()
    assert machine.ready() == ["a", "b", "c"] and machine.supervisor.active == 3
    for each in clients:
        await each.go()
    assert machine.told("model.unloaded") == []


async def test_no_more_answers_at_once_than_slots(machine: Machine) -> None:
    first, second = machine.client("a"), machine.client("a")
    await first.has_slot.wait()
    await second.has_slot.wait()
    third = machine.client("a")
    await machine.until(lambda: machine.supervisor.waiting == 1)
    assert not third.has_slot.is_set()
    assert machine.supervisor.line()[0]["model"] == "a"
    await first.go()
    await third.has_slot.wait()
    await second.go()
    await third.go()


async def test_what_would_have_to_wait_is_refused_past_the_bound(machine: Machine) -> None:
    busy = [machine.client("a"), machine.client("a")]
    for each in busy:
        await each.has_slot.wait()
    await machine.use("b")
    machine.queue_limit = 1
    waits = machine.client("a")
    await machine.until(lambda: machine.supervisor.waiting == 1)
    for name in ("a", "c"):
        with pytest.raises(AppError) as refusal:
            await machine.use(name)
        assert refusal.value.code is ErrorCode.QUEUE_FULL
    assert await machine.use("b") == "b"  # it has a free slot: nobody is in its way
    await machine.supervisor.load(entry("a"), LoadRequest())  # and it is there already
    for each in (*busy, waits):
        await each.go()


# --- making room --------------------------------------------------------------------------------


async def test_the_idle_one_that_is_cheapest_to_bring_back_goes(machine: Machine) -> None:
    machine.room.total = 2
    await machine.use("a")
    await machine.use("b")
    machine.room.costs = {"a": 9.0, "b": 1.0}
    await machine.use("c")
    assert machine.ready() == ["a", "c"]
    assert machine.told("model.unloaded") == [{"id": "b", "reason": "room"}]


async def test_a_pinned_model_stays_and_the_reason_is_told(machine: Machine) -> None:
    machine.room.total = 1
    await machine.supervisor.load(entry("a"), LoadRequest(pinned=True))
    with pytest.raises(AppError) as refusal:
        await machine.use("b")
    assert refusal.value.code is ErrorCode.LOAD_WONT_FIT
    assert machine.ready() == ["a"]
    await machine.supervisor.load(entry("a"), LoadRequest(pinned=False))
    with pytest.raises(AppError) as refusal:  # what could not be loaded is not tried at once
        await machine.use("b")
    assert refusal.value.code is ErrorCode.LOAD_COOLING_DOWN
    assert refusal.value.params["seconds"] <= setbacks.COOL_DOWN_SECONDS
    await machine.supervisor.load(entry("b"), LoadRequest())  # but a person may
    assert machine.ready() == ["b"]


async def test_a_busy_model_is_waited_for_and_never_taken_away(machine: Machine) -> None:
    machine.room.total = 1
    busy = machine.client("a")
    await busy.has_slot.wait()
    other = asyncio.create_task(machine.use("b"))
    await machine.until(lambda: machine.supervisor.models[0].leaving_at is not None)
    late = asyncio.create_task(machine.use("a"))  # it came after b: b's turn is first
    await machine.until(lambda: machine.supervisor.waiting == 2)
    assert machine.room.alive == ["a"] and not other.done()
    await busy.go()
    assert await other == "b"
    assert await late == "a"
    assert len(machine.room.engines) == 3


async def test_a_model_that_dies_while_it_is_waited_for_is_waited_for_no_more(
    machine: Machine,
) -> None:
    machine.room.total = machine.room.slots = 1
    busy = machine.client("a")
    await busy.has_slot.wait()
    early = asyncio.create_task(machine.use("a"))  # it would be served before a leaves
    await machine.until(lambda: machine.supervisor.waiting == 1)
    other = asyncio.create_task(machine.use("b"))
    await machine.until(lambda: machine.supervisor.models[0].leaving_at is not None)
    machine.room.engines[0].die()
    async with asyncio.timeout(5):
        assert await other == "b"
        assert await early == "a"
    await busy.go()


async def test_a_load_nobody_waits_for_any_more_takes_nothing_out(machine: Machine) -> None:
    machine.room.total = 1
    busy = machine.client("a")
    await busy.has_slot.wait()
    other = asyncio.create_task(machine.use("b"))
    await machine.until(lambda: machine.supervisor.models[0].leaving_at is not None)
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    await machine.until(lambda: machine.told("model.failed"))
    assert machine.supervisor.models[0].leaving_at is None
    await busy.go()
    assert machine.ready() == ["a"] and machine.told("model.unloaded") == []


async def test_models_in_turn_are_loaded_seldom(machine: Machine) -> None:
    """All that waits for a model when it comes in is served before it goes."""
    machine.room.total, machine.room.slots = 1, 4
    machine.room.held = {name: threading.Event() for name in "abc"}
    tasks = [asyncio.create_task(machine.use("abc"[turn % 3])) for turn in range(64)]
    await machine.until(lambda: machine.supervisor.waiting == 64)
    for gate in machine.room.held.values():
        gate.set()
    assert await asyncio.gather(*tasks) == ["abc"[turn % 3] for turn in range(64)]
    assert len(machine.room.engines) == 3


async def test_a_load_is_priced_when_those_that_leave_have_left(machine: Machine) -> None:
    machine.room.total = 1
    busy = machine.client("a")
    await busy.has_slot.wait()
    leaving = asyncio.create_task(machine.supervisor.unload("a"))
    await machine.until(lambda: machine.supervisor.models[0].state is ModelState.STOPPING)
    other = asyncio.create_task(machine.use("b"))
    await machine.until(lambda: machine.supervisor.loaded("b"))
    await busy.go()
    assert await other == "b"  # and not "does not fit", while a still held its memory
    await leaving
    assert machine.told("model.failed") == []


# --- leaving by itself --------------------------------------------------------------------------


async def test_a_model_leaves_some_time_after_its_last_use(machine: Machine) -> None:
    machine.keep_seconds = 0.02
    client = machine.client("a")
    await client.has_slot.wait()
    await asyncio.sleep(0.05)
    assert machine.ready() == ["a"]  # it is used
    await client.go()
    await machine.until(lambda: machine.told("model.unloaded"))
    assert machine.told("model.unloaded") == [{"id": "a", "reason": "idle"}]


async def test_a_request_says_how_long_its_model_stays(machine: Machine) -> None:
    machine.keep_seconds = 0.01
    await machine.use("a", keep=-1)
    assert machine.supervisor.loaded("a").expires is None  # type: ignore[union-attr]
    await machine.use("a", keep=0)
    await machine.until(lambda: machine.told("model.unloaded"))
    await machine.use("a", keep=100)
    loaded = machine.supervisor.loaded("a")
    assert loaded is not None and loaded.keep_seconds == 100 and loaded.expires is not None


async def test_what_was_loaded_by_name_stays(machine: Machine) -> None:
    machine.keep_seconds = 0.0
    await machine.supervisor.load(entry("a"), LoadRequest())
    await machine.supervisor.load(entry("b"), LoadRequest(keep_minutes=0))
    await machine.supervisor.load(entry("c"), LoadRequest(keep_minutes=0, pinned=True))
    await machine.until(lambda: machine.told("model.unloaded"))
    assert [each["id"] for each in machine.told("model.unloaded")] == ["b"]
    await machine.use("a")
    assert machine.ready() == ["a", "c"]


# --- several answers to one request -------------------------------------------------------------


async def test_each_answer_to_a_request_takes_a_slot(machine: Machine) -> None:
    machine.room.slots = 3
    two = machine.client("a", answers=2)
    await two.has_slot.wait()
    one = machine.client("a")
    await one.has_slot.wait()
    loaded = machine.supervisor.loaded("a")
    assert loaded is not None and (loaded.active, loaded.taken) == (2, 3)
    late = machine.client("a")
    await machine.until(lambda: machine.supervisor.waiting == 1)
    await two.go()
    await late.has_slot.wait()
    assert loaded.taken == 2
    for each in (one, late):
        await each.go()
    assert loaded.taken == 0


async def test_nobody_overtakes_a_request_that_waits_for_several_slots(machine: Machine) -> None:
    one = machine.client("a")
    await one.has_slot.wait()
    two = machine.client("a", answers=2)
    late = machine.client("a")
    await machine.until(lambda: machine.supervisor.waiting == 2)
    await machine.use("b")
    assert not late.has_slot.is_set()  # for which a slot is free
    await one.go()
    await two.has_slot.wait()
    assert not late.has_slot.is_set()
    await two.go()
    await late.has_slot.wait()
    await late.go()


async def test_more_answers_than_slots_take_all_of_them(machine: Machine) -> None:
    many = machine.client("a", answers=64)  # the model's slots are not known before it is loaded
    await many.has_slot.wait()
    late = machine.client("a")
    await machine.until(lambda: machine.supervisor.waiting == 1)
    loaded = machine.supervisor.loaded("a")
    assert loaded is not None and loaded.taken == loaded.slots == 2
    await many.go()
    await late.has_slot.wait()
    await late.go()


# --- what can go wrong --------------------------------------------------------------------------


async def test_out_of_memory_gives_up_one_thing_after_another(machine: Machine) -> None:
    machine.room.wrong["a"] = [NO_MEMORY] * 3
    loaded = await machine.supervisor.load(entry("a"), LoadRequest())
    assert loaded.prepared is not None
    settings = loaded.prepared.settings
    assert (settings.slots, settings.kv_type_k, settings.context_tokens) == (1, "q8_0", 4096)
    codes = [each["code"] for each in loaded.to_dict()["notices"]]
    assert codes == ["oom_slots", "oom_kv", "oom_context"]
    assert [each.stops for each in machine.room.engines] == [1, 1, 1, 0]


async def test_out_of_memory_to_the_foot_of_the_ladder_fails(machine: Machine) -> None:
    machine.room.slots = 64
    machine.room.wrong["a"] = [NO_MEMORY] * 100
    request = LoadRequest(context_tokens=1 << 24)
    with pytest.raises(AppError) as failure:
        await machine.supervisor.load(entry("a"), request)
    assert failure.value.code is ErrorCode.ENGINE_OUT_OF_MEMORY
    assert machine.ready() == [] and len(machine.room.engines) == 8  # 6 × slots, 1 × KV
    with pytest.raises(AppError):
        await machine.supervisor.load(entry("a"), LoadRequest())
    assert len(machine.room.engines) == 8 + 10  # and 2 × context


async def test_a_failed_load_is_told_to_all_who_wait_and_not_repeated_at_once(
    machine: Machine,
) -> None:
    machine.room.wrong["a"] = [CORRUPT]
    machine.room.held["a"] = threading.Event()
    tasks = [asyncio.create_task(machine.use("a")) for _ in range(5)]
    await machine.until(lambda: machine.supervisor.waiting == 5 and machine.room.engines)
    machine.room.held["a"].set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert {each.code for each in found if isinstance(each, AppError)} == {CORRUPT.code}
    with pytest.raises(AppError) as refusal:
        await machine.use("a")
    assert refusal.value.code is ErrorCode.LOAD_COOLING_DOWN
    assert len(machine.room.engines) == 1


async def test_settings_of_one_load_are_no_reason_to_refuse_others(machine: Machine) -> None:
    machine.room.wrong["a"] = [CORRUPT]
    with pytest.raises(AppError):
        await machine.supervisor.load(entry("a"), LoadRequest(context_tokens=1))
    assert await machine.use("a") == "a"


@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("a fault")])
async def test_a_load_that_cannot_be_written_down_is_a_load_all_the_same(
    machine: Machine, error: Exception
) -> None:
    machine.room.cannot_write = error
    assert await machine.use("a") == "a"
    assert machine.ready() == machine.room.alive == ["a"]


async def test_a_model_that_died_comes_back_with_the_next_request(machine: Machine) -> None:
    client = machine.client("a")
    await client.has_slot.wait()
    machine.room.engines[0].die()
    await machine.until(lambda: machine.told("model.died"))
    died = machine.told("model.died")[0]
    assert died["deaths"] == 1 and died["restart_seconds"] is None
    assert await machine.use("a") == "a"
    await client.go()  # the old one's slot is not the new one's
    assert machine.supervisor.loaded("a").active == 0  # type: ignore[union-attr]
    assert machine.ready() == ["a"] and machine.told("model.unloaded") == []


async def test_the_slot_of_a_dead_engine_tells_nothing_of_its_successor(machine: Machine) -> None:
    """Time to live of the dead one must not take out, or tell as taken out, the new one."""
    machine.keep_seconds = 0.0
    client = machine.client("a")
    await client.has_slot.wait()
    machine.room.engines[0].die()
    await machine.until(lambda: machine.told("model.died"))
    successor = machine.client("a")
    await successor.has_slot.wait()
    await client.go()
    await machine.use("b", keep=-1)  # some turns of the loop later
    assert machine.told("model.unloaded") == []
    await successor.go()


async def test_who_dies_again_and_again_is_left_alone_for_a_while(machine: Machine) -> None:
    machine.room.slots = 1
    clients = [machine.client("a") for _ in range(4)]
    for turn in range(2):
        await machine.until(lambda turn=turn: len(machine.room.engines) == turn + 1)
        await clients[turn].has_slot.wait()
        machine.room.engines[turn].die()
        await machine.until(lambda turn=turn: len(machine.told("model.died")) == turn + 1)
    found = await asyncio.gather(*(each.task for each in clients[2:]), return_exceptions=True)
    assert [each.code for each in found] == [ErrorCode.LOAD_COOLING_DOWN] * 2  # type: ignore[union-attr]
    with pytest.raises(AppError) as refusal:
        await machine.use("a")
    assert refusal.value.code is ErrorCode.LOAD_COOLING_DOWN
    assert len(machine.room.engines) == 2
    for each in clients[:2]:
        await each.go()


async def test_a_model_somebody_loaded_is_brought_back_pinned_as_it_was(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_seconds(monkeypatch, 0.01)
    await machine.supervisor.load(entry("a"), LoadRequest(context_tokens=1024))
    await machine.supervisor.load(entry("a"), LoadRequest(pinned=True))  # pinned later
    machine.room.engines[0].die()
    await machine.until(lambda: len(machine.room.engines) == 2 and machine.ready() == ["a"])
    again = machine.supervisor.loaded("a")
    assert again is not None and again.pinned and again.prepared is not None
    assert again.prepared.settings.context_tokens == 1024 and again.keep_seconds is None
    assert machine.told("model.died")[0]["restart_seconds"] == 0.01


async def test_unloading_also_ends_the_wish_for_it_to_come_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_seconds(monkeypatch, 0.02)
    await machine.supervisor.load(entry("a"), LoadRequest())
    machine.room.engines[0].die()
    await machine.until(lambda: machine.told("model.died"))
    await machine.supervisor.unload("a")
    await asyncio.sleep(0.05)
    assert machine.supervisor.models == () and len(machine.room.engines) == 1


async def test_what_cannot_be_brought_back_at_once_is_tried_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_seconds(monkeypatch, 0.01)
    await machine.supervisor.load(entry("a"), LoadRequest(context_tokens=1024, pinned=True))
    machine.room.wrong["a"] = [CORRUPT, CORRUPT]
    machine.room.engines[0].die()
    await machine.until(lambda: len(machine.room.engines) == 4 and machine.ready() == ["a"])
    assert [each["restart_seconds"] for each in machine.told("model.failed")] == [0.01] * 2
    again = machine.supervisor.loaded("a")
    assert again is not None and again.pinned and again.prepared is not None
    assert again.prepared.settings.context_tokens == 1024 and again.keep_seconds is None
    await machine.until(lambda: machine.supervisor.returning == {})


async def test_what_never_comes_back_is_given_up_after_some_tries(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_seconds(monkeypatch, 0.01)
    await machine.supervisor.load(entry("a"), LoadRequest())
    machine.room.wrong["a"] = [CORRUPT] * 100
    machine.room.engines[0].die()
    await machine.until(lambda: len(machine.told("model.failed")) == 5)
    assert [each["restart_seconds"] for each in machine.told("model.failed")] == [0.01] * 4 + [None]
    assert machine.supervisor.returning == {} and len(machine.room.engines) == 6
    with pytest.raises(AppError) as refusal:  # and it is left alone for a while
        await machine.use("a")
    assert refusal.value.code is ErrorCode.LOAD_COOLING_DOWN


async def test_a_request_in_the_meantime_brings_a_model_back_as_it_was(machine: Machine) -> None:
    await machine.supervisor.load(entry("a"), LoadRequest(context_tokens=1024, pinned=True))
    before = time.time()
    machine.room.engines[0].die()
    await machine.until(lambda: machine.told("model.died"))
    assert machine.supervisor.returning["a"] >= before + 1.0
    assert await machine.use("a") == "a"
    again = machine.supervisor.loaded("a")
    assert again is not None and again.pinned and again.prepared is not None
    assert again.prepared.settings.context_tokens == 1024
    assert len(machine.room.engines) == 2


async def test_who_loads_it_otherwise_meanwhile_has_the_last_word(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_seconds(monkeypatch, 0.02)
    await machine.supervisor.load(entry("a"), LoadRequest(context_tokens=1024))
    machine.room.engines[0].die()
    await machine.until(lambda: machine.told("model.died"))
    loaded = await machine.supervisor.load(entry("a"), LoadRequest(context_tokens=512))
    assert machine.supervisor.returning == {}
    await asyncio.sleep(0.05)
    assert machine.supervisor.models == (loaded,) and len(machine.room.engines) == 2


async def test_after_many_deaths_only_a_person_brings_it_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_seconds(monkeypatch, 0.0)
    await machine.supervisor.load(entry("a"), LoadRequest())
    for turn in range(6):
        await machine.until(lambda turn=turn: len(machine.room.engines) == turn + 1)
        await machine.until(lambda: machine.ready() == ["a"])
        machine.room.engines[turn].die()
        await machine.until(lambda turn=turn: len(machine.told("model.died")) == turn + 1)
    assert machine.told("model.died")[-1]["restart_seconds"] is None
    await machine.supervisor.load(entry("a"), LoadRequest())
    assert machine.ready() == ["a"]


async def test_an_engine_that_ends_as_it_gets_ready_is_not_kept(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = ScriptedEngine.wait_ready

    def hasty(engine: ScriptedEngine, *args: Any) -> None:
        wait(engine, *args)
        if len(machine.room.engines) == 1:
            engine.die()

    monkeypatch.setattr(ScriptedEngine, "wait_ready", hasty)
    assert await machine.use("a") == "a"
    assert len(machine.room.engines) == 2 and len(machine.told("model.died")) == 1


# --- what is told of those who wait -------------------------------------------------------------


async def test_what_a_model_waits_for_can_be_told(machine: Machine) -> None:
    machine.room.total = 2
    busy = machine.client("a")
    await busy.has_slot.wait()
    await machine.use("c")
    machine.room.held["b"] = threading.Event()
    others = [asyncio.create_task(machine.use(name)) for name in "bd"]
    await machine.until(lambda: machine.supervisor.loaded("b") and machine.supervisor.waiting == 2)

    def ahead(name: str) -> str | None:
        found = machine.supervisor.waits_for(name)
        return found and found.entry.id

    assert [ahead(name) for name in "abd"] == [None, None, "b"]
    machine.room.held["b"].set()
    # d has to have the room of a, which is busy: who comes to a later waits for d.
    machine.room.costs = {"b": 5.0, "a": 1.0}
    machine.supervisor.staying["b"] += 1
    await machine.until(lambda: machine.supervisor.models[0].leaving_at is not None)
    assert [ahead(name) for name in "abd"] == ["d", None, None]
    await busy.go()
    assert await asyncio.gather(*others) == ["b", "d"]
    assert [ahead(name) for name in "abd"] == [None] * 3


# --- leaving and closing in every phase ---------------------------------------------------------


async def waiting_for_a_slot(machine: Machine) -> asyncio.Task[str]:
    machine.room.slots = 1
    holder = machine.client("a")
    await holder.has_slot.wait()
    task = asyncio.create_task(machine.use("a"))
    await machine.until(lambda: machine.supervisor.waiting == 1)
    asyncio.get_running_loop().call_later(0.02, holder._leave.set)
    return task


async def while_checked(machine: Machine) -> asyncio.Task[str]:
    machine.room.checking["a"] = threading.Event()
    task = asyncio.create_task(machine.use("a"))
    await machine.until(lambda: machine.supervisor.waiting == 1)
    asyncio.get_running_loop().call_later(0.02, machine.room.checking["a"].set)
    return task


async def while_loaded(machine: Machine) -> asyncio.Task[str]:
    machine.room.held["a"] = threading.Event()
    task = asyncio.create_task(machine.use("a"))
    await machine.until(lambda: machine.room.engines and machine.room.engines[0].waiting.is_set())
    asyncio.get_running_loop().call_later(0.02, machine.room.held["a"].set)
    return task


async def while_room_is_made(machine: Machine) -> asyncio.Task[str]:
    machine.room.total = 1
    holder = machine.client("b")
    await holder.has_slot.wait()
    task = asyncio.create_task(machine.use("a"))
    await machine.until(lambda: machine.supervisor.models[0].leaving_at is not None)
    asyncio.get_running_loop().call_later(0.02, holder._leave.set)
    return task


async def answering(machine: Machine) -> asyncio.Task[str]:
    client = machine.client("a")
    await client.has_slot.wait()
    asyncio.get_running_loop().call_later(0.02, client._leave.set)
    return client.task  # type: ignore[return-value]


PHASES = [waiting_for_a_slot, while_checked, while_loaded, while_room_is_made, answering]


@pytest.mark.parametrize("phase", PHASES)
async def test_clients_may_leave_in_every_phase(machine: Machine, phase: Any) -> None:
    task = await phase(machine)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await machine.until(
        lambda: machine.supervisor._change is None and machine.supervisor.active == 0
    )
    assert machine.supervisor.waiting == 0
    assert await machine.use("a") == "a"


@pytest.mark.parametrize("phase", PHASES)
async def test_closing_in_every_phase_leaves_nothing(machine: Machine, phase: Any) -> None:
    task = await phase(machine)
    await machine.supervisor.close()
    [outcome] = await asyncio.gather(task, return_exceptions=True)
    if isinstance(outcome, AppError):
        assert outcome.code in (ErrorCode.SERVICE_STOPPING, ErrorCode.LOAD_CANCELLED)
    with pytest.raises(AppError) as refusal:
        await machine.use("a")
    assert refusal.value.code is ErrorCode.SERVICE_STOPPING
    assert machine.room.alive == [] and machine.supervisor.models == ()


async def test_unloading_a_model_on_its_way_in(machine: Machine) -> None:
    task = await while_loaded(machine)
    await machine.supervisor.unload("a")
    with pytest.raises(AppError) as failure:
        await task
    assert failure.value.code is ErrorCode.LOAD_CANCELLED
    assert machine.room.alive == []
    assert await machine.use("a") == "a"  # stopping a load is no failure of the model


async def test_unloading_waits_for_answers(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await answering(machine)
    await machine.supervisor.unload("a")
    assert task.done() and machine.told("model.unloaded") == [{"id": "a", "reason": "asked"}]
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.02)
    stays = machine.client("a")
    await stays.has_slot.wait()
    await machine.supervisor.unload("a")  # but not for ever
    assert machine.room.alive == []
    await stays.go()


async def test_an_engine_that_cannot_be_stopped_does_not_stay_listed(machine: Machine) -> None:
    await machine.use("a")
    engine = machine.room.engines[0]

    def stop(grace_seconds: float = 5.0) -> None:
        type(engine).stop(engine)
        raise OSError("a fault")

    engine.stop = stop  # type: ignore[method-assign]
    with pytest.raises(OSError):
        await machine.supervisor.unload("a")
    assert machine.supervisor.models == ()
    assert await machine.use("a") == "a"


async def test_other_settings_replace_the_model_when_its_answers_have_ended(
    machine: Machine,
) -> None:
    client = machine.client("a")
    await client.has_slot.wait()
    change = asyncio.create_task(
        machine.supervisor.load(entry("a"), LoadRequest(context_tokens=512))
    )
    await machine.until(lambda: machine.supervisor.models[0].leaving_at is not None)
    late = asyncio.create_task(machine.use("a"))
    await client.go()
    loaded = await change
    assert loaded.prepared is not None and loaded.prepared.settings.context_tokens == 512
    assert await late == "a"
    assert len(machine.room.engines) == 2 and machine.room.alive == ["a"]
