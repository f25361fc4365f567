"""Models that are there from the start: beside each other, or it is said why not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry
from desktop.core.service.preload import Preload, Wanted
from desktop.core.service.supervisor import Supervisor
from tests.helpers.scripted_loader import Room, ScriptedLoader, entry

pytestmark = pytest.mark.timeout(20)


class Setting:
    """A supervisor and the list it loads."""

    def __init__(self) -> None:
        self.room = Room(total=2)
        self.names: list[str] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

        def publish(kind: str, data: dict[str, Any]) -> None:
            self.events.append((kind, data))

        async def find(name: str) -> ModelEntry:
            if name == "unknown":
                raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)
            return entry(name)

        self.supervisor = Supervisor(
            ScriptedLoader(self.room), publish, lambda: 10, 1.0, lambda: 0.0
        )
        self.preload = Preload(self.supervisor, find, lambda: self.names, publish)

    @property
    def there(self) -> list[str]:
        return [each.entry.id for each in self.supervisor.models]

    def failed(self) -> list[str]:
        return [data["id"] for kind, data in self.events if kind == "model.failed"]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  (threads change it, too)
                await asyncio.sleep(0.002)


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    made = Setting()
    yield made
    await made.preload.close()
    await made.supervisor.close()
    assert made.room.alive == []


async def test_all_of_a_list_stay(setting: Setting) -> None:
    await setting.preload.load(Wanted(["a", "b"]))
    assert setting.there == ["a", "b"]
    assert [each.keep_seconds for each in setting.supervisor.models] == [None, None]
    assert not any(each.pinned for each in setting.supervisor.models)


async def test_none_of_a_list_makes_room_for_another_one_of_it(setting: Setting) -> None:
    with pytest.raises(AppError) as failure:
        await setting.preload.load(Wanted(["a", "b", "c"]))
    assert failure.value.code is ErrorCode.LOAD_WONT_FIT
    assert setting.there == ["a", "b"]
    async with setting.supervisor.slot(entry("d")):  # later they make room, as all do
        assert len(setting.there) == 2 and "d" in setting.there


async def test_a_service_that_is_to_end_does_not_wait_for_a_load(setting: Setting) -> None:
    setting.room.held["a"] = threading.Event()
    stop = asyncio.Event()
    loading = asyncio.create_task(setting.preload.load_unless(stop, Wanted(["a", "b"])))
    await setting.until(lambda: setting.room.engines)
    stop.set()
    async with asyncio.timeout(5):
        await loading
        await setting.supervisor.close()
    assert len(setting.room.engines) == 1 and setting.room.alive == []


async def test_what_fails_at_the_start_is_raised(setting: Setting) -> None:
    with pytest.raises(AppError) as failure:
        await setting.preload.load_unless(asyncio.Event(), Wanted(["a", "unknown"]))
    assert failure.value.code is ErrorCode.MODEL_NOT_FOUND


async def test_pinned_ones_never_do(setting: Setting) -> None:
    await setting.preload.load(Wanted(["a", "b"], pinned=True))
    with pytest.raises(AppError):
        async with setting.supervisor.slot(entry("d")):
            pass
    assert setting.there == ["a", "b"]


async def test_the_settings_list_is_loaded_when_the_server_goes_on(setting: Setting) -> None:
    setting.names = ["a", "unknown", "broken", "b", "c"]
    setting.room.wrong["broken"] = [AppError(ErrorCode.ENGINE_CORRUPT_MODEL, reason="Cut off.")]
    setting.preload.switched(True)
    await setting.until(lambda: setting.there == ["a", "b"] and len(setting.failed()) == 3)
    assert setting.failed() == ["unknown", "broken", "c"]
    await setting.supervisor.unload("a")
    setting.preload.switched(True)  # it moved to another address: nothing new
    await asyncio.sleep(0.02)
    assert setting.there == ["b"]
    setting.preload.switched(False)
    setting.preload.switched(True)
    # What is of the list and there already does not make room for those before it either.
    await setting.until(lambda: len(setting.failed()) == 6)
    assert setting.there == ["b", "a"]


async def test_a_load_for_now_says_nothing_of_how_long(setting: Setting) -> None:
    from desktop.core.service.load_request import LoadRequest

    load, request = setting.supervisor.load, LoadRequest()
    await load(entry("a"), request, for_now=True)
    await setting.until(lambda: setting.there == [])  # as after a request: 0 seconds here
    await load(entry("a"), request)
    loaded = await load(entry("a"), request, for_now=True)
    assert loaded.keep_seconds is None and loaded.asked
