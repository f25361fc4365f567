"""The scheduler of models, with engines that are scripted: who gets what, in every phase."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import setbacks
from desktop.core.service import supervisor as module
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import ModelState
from tests.helpers.scripted_loader import entry
from tests.unit.service.machine import Machine

pytestmark = pytest.mark.timeout(20)


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


async def test_a_model_whose_client_left_while_it_came_in_leaves_too(machine: Machine) -> None:
    machine.keep_seconds = 0.01
    task = await while_loaded(machine)
    task.cancel()
    await machine.until(lambda: machine.told("model.unloaded"))
    assert machine.told("model.unloaded") == [{"id": "a", "reason": "idle"}]


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
