"""The scheduler of models when something goes wrong: loads that fail, engines that die."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import setbacks
from desktop.core.service.load_request import LoadRequest
from tests.helpers.scripted_loader import ScriptedEngine, entry
from tests.unit.service.machine import Machine

pytestmark = pytest.mark.timeout(20)

NO_MEMORY = AppError(ErrorCode.ENGINE_OUT_OF_MEMORY, model="a", reason="No room.")
CORRUPT = AppError(ErrorCode.ENGINE_CORRUPT_MODEL, model="a", reason="Cut off.")


def wait_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Before a model that failed is tried again."""
    monkeypatch.setattr(setbacks.FailureRecord, "delay_seconds", lambda *_: seconds)


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
