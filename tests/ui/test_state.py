"""What the window believes of the service, by the state it was told and the events since."""

from __future__ import annotations

import time
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.models import standing
from desktop.ui.models.state import ServiceState
from tests.helpers.window import NO_STATE

MODEL = {"id": "m", "state": "ready", "stage": "ready", "progress": None, "memory_bytes": 1}
PUBLIC = {"on": True, "url": "http://127.0.0.1:8484", "port": 8484, "host": "127.0.0.1"}
JOB = {"id": 3, "kind": "bench", "finished": None, "progress": None}
SIGNALS = (
    "online_changed",
    "loaded_changed",
    "public_changed",
    "jobs_changed",
    "library_changed",
    "conversations_changed",
    "model_failed",
    "job_finished",
    "request_finished",
    "told",
    "server_lost",
)


class Heard:
    """Names of the signals that came, in order, with what they carried."""

    def __init__(self, state: ServiceState) -> None:
        self.all: list[tuple[str, tuple[Any, ...]]] = []
        for name in SIGNALS:
            getattr(state, name).connect(lambda *args, name=name: self.all.append((name, args)))

    def take(self) -> list[str]:
        names = [name for name, _ in self.all]
        self.all.clear()
        return names


@pytest.fixture
def state(qapp: QApplication) -> ServiceState:
    return ServiceState()


@pytest.fixture
def heard(state: ServiceState) -> Heard:
    return Heard(state)


def test_nothing_is_known_before_the_service_answers(state: ServiceState) -> None:
    assert not state.online and state.trouble is None
    assert state.loaded is None and not state.public["on"] and not state.jobs


def test_a_state_is_taken_whole(state: ServiceState, heard: Heard) -> None:
    state.on_connected({**NO_STATE, "models": [MODEL], "public": PUBLIC, "jobs": [JOB]})
    assert state.online and state.loaded == MODEL and state.public == PUBLIC
    assert state.jobs == {3: JOB}
    assert set(heard.take()) == {
        "online_changed",
        "loaded_changed",
        "public_changed",
        "jobs_changed",
        "library_changed",
    }


def test_a_resync_forgets_what_is_over(state: ServiceState) -> None:
    state.on_connected({**NO_STATE, "models": [MODEL], "jobs": [JOB]})
    state.on_connected(NO_STATE)
    assert state.loaded is None and state.jobs == {}


def test_a_notice_is_told_once(state: ServiceState, heard: Heard) -> None:
    with_notice = {**NO_STATE, "notices": [{"code": "x", "text": "A file was set aside."}]}
    state.on_connected(with_notice)
    state.on_connected(with_notice)
    assert heard.take().count("told") == 1


def test_what_was_decided_in_a_load_is_told_when_it_is_ready(state: ServiceState) -> None:
    told: list[Any] = []
    state.told.connect(told.append)
    reduced = {"code": "context_reduced", "text": "Less.", "params": {}}
    state.on_connected(NO_STATE)
    state.on_event("model.changed", {**MODEL, "state": "loading", "notices": [reduced]})
    assert told == []
    ready = {**MODEL, "state": "ready", "notices": [reduced]}
    state.on_event("model.changed", ready)
    state.on_event("model.changed", ready)  # its figures changed
    assert told == [reduced]


@pytest.mark.parametrize(
    ("kind", "data", "signal"),
    [
        ("model.changed", MODEL, "loaded_changed"),
        ("public.changed", PUBLIC, "public_changed"),
        ("library.changed", {}, "library_changed"),
        ("request.finished", {"tokens_per_second": 4.0}, "request_finished"),
        ("conversation.changed", {"id": 1}, "conversations_changed"),
        ("conversation.deleted", {"id": 1}, "conversations_changed"),
        ("job.changed", JOB, "jobs_changed"),
    ],
)
def test_an_event_tells_of_its_part_only(
    state: ServiceState, heard: Heard, kind: str, data: dict[str, Any], signal: str
) -> None:
    state.on_connected(NO_STATE)
    heard.take()
    state.on_event(kind, data)
    assert heard.take() == [signal]


def test_an_event_of_a_newer_service_is_passed_over(state: ServiceState, heard: Heard) -> None:
    state.on_event("weather.changed", {"degrees": 12})
    assert heard.take() == []


@pytest.mark.parametrize("kind", ["model.failed", "model.died"])
def test_a_model_that_failed_is_gone_and_says_why(
    state: ServiceState, heard: Heard, kind: str
) -> None:
    state.on_connected({**NO_STATE, "models": [MODEL]})
    heard.take()
    error = AppError(ErrorCode.ENGINE_DIED, reason="It fell.", model="m")
    state.on_event(kind, {"id": "m", "error": error.to_dict()})
    assert state.loaded is None
    [(_, (model, why))] = [each for each in heard.all if each[0] == "model_failed"]
    assert model == "m" and why.code is ErrorCode.ENGINE_DIED and "It fell." in why.cause


def test_a_job_from_its_start_to_its_end(state: ServiceState, heard: Heard) -> None:
    state.on_event("job.changed", JOB)
    progress = {"what": "prefill", "done": 1, "total": 2}
    state.on_event("job.progress", {"id": 3, "progress": progress})
    assert state.jobs[3]["progress"] == progress
    assert state.jobs[3]["kind"] == "bench"
    heard.take()
    done = {**JOB, "finished": 5.0, "state": "done"}
    state.on_event("job.changed", done)
    assert state.jobs == {}
    assert heard.all == [("jobs_changed", ()), ("job_finished", (done,))]


def test_progress_of_a_job_nobody_knows_makes_none(state: ServiceState) -> None:
    state.on_event("job.progress", {"id": 9, "progress": {"what": "x", "done": 1}})
    assert state.jobs == {}


def test_a_lost_service_has_no_model_and_no_server(
    qtbot: QtBot, state: ServiceState, heard: Heard
) -> None:
    state.on_connected({**NO_STATE, "models": [MODEL], "public": PUBLIC})
    heard.take()
    error = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="gone")
    state.on_lost(error)
    assert not state.online and state.trouble is error
    assert state.loaded is None and state.public["on"] is False and state.public["url"] is None
    assert state.public["port"] == 8484  # still what the next start will take
    assert heard.take() == ["online_changed", "loaded_changed", "public_changed"]
    state.on_connected(NO_STATE)
    assert state.online and state.trouble is None


def test_a_server_that_was_on_in_a_service_that_died_is_told(
    state: ServiceState, heard: Heard
) -> None:
    state.on_connected({**NO_STATE, "public": PUBLIC})
    state.on_lost(AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir="d"))
    state.on_lost(AppError(ErrorCode.SERVICE_NOT_STARTING, reason="r", log="l"))
    heard.take()
    state.on_connected({**NO_STATE, "epoch": "another"})
    assert heard.all[-1] == ("server_lost", (PUBLIC,))
    heard.take()
    state.on_lost(AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir="d"))
    state.on_connected({**NO_STATE, "epoch": "a third"})
    assert "server_lost" not in heard.take()  # it was off


def test_a_server_is_not_lost_when_the_same_service_answers_again_or_was_stopped(
    state: ServiceState, heard: Heard
) -> None:
    state.on_connected({**NO_STATE, "public": PUBLIC})
    state.on_lost(AppError(ErrorCode.SERVICE_UNREACHABLE, reason="slow"))
    state.on_connected(NO_STATE)  # another program switched it off meanwhile
    state.on_connected({**NO_STATE, "public": PUBLIC})
    state.on_event("service.stopping", {"making_room": False})  # `paddock stop`
    state.on_lost(AppError(ErrorCode.SERVICE_UNREACHABLE, reason="gone"))
    state.on_connected({**NO_STATE, "epoch": "another"})
    assert "server_lost" not in heard.take()


def test_a_service_that_makes_room_is_to_have_its_server_back(
    state: ServiceState, heard: Heard
) -> None:
    state.on_connected({**NO_STATE, "public": PUBLIC})
    state.on_event("service.making_room", {})
    assert state.making_room
    state.on_event("service.stopping", {"making_room": True})
    state.on_lost(AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir="d"))
    state.on_connected({**NO_STATE, "epoch": "another"})
    assert heard.take()[-1] == "server_lost" and not state.making_room


def test_several_models_stand_side_by_side(state: ServiceState) -> None:
    first, second = {**MODEL, "last_used": 10.0}, {**MODEL, "id": "n", "last_used": 5.0}
    state.on_connected({**NO_STATE, "models": [first, second]})
    assert [each["id"] for each in state.ready] == ["m", "n"] and state.loading is None
    state.on_event("request.finished", {"model": "n", "arrived": 20.0, "total_seconds": 1.5})
    assert [each["id"] for each in state.ready] == ["n", "m"]
    assert state.models["n"]["last_used"] == 21.5
    coming = {**MODEL, "id": "o", "state": "loading"}
    state.on_event("model.changed", coming)
    assert state.loading == coming and len(state.models) == 3
    state.on_event("model.unloaded", {"id": "m", "reason": "asked"})
    assert set(state.models) == {"n", "o"}


def test_a_model_that_leaves_says_why_and_for_what(state: ServiceState) -> None:
    left: list[tuple[Any, ...]] = []
    state.model_left.connect(lambda *what: left.append(what))
    state.on_connected({**NO_STATE, "models": [MODEL]})
    state.on_event("model.changed", {**MODEL, "id": "o", "state": "loading"})
    state.on_event("model.unloaded", {"id": "m", "reason": "room"})
    assert left == [(MODEL, "room", "o")]


def test_an_engine_that_is_started_again_is_no_failure(state: ServiceState, heard: Heard) -> None:
    again: list[tuple[Any, ...]] = []
    state.model_restarts.connect(lambda *what: again.append(what))
    state.on_connected({**NO_STATE, "models": [MODEL]})
    error = AppError(ErrorCode.ENGINE_DIED, reason="It fell.", model="m").to_dict()
    died = {"id": "m", "error": error, "deaths": 1, "restart_seconds": 1.0}
    state.on_event("model.died", died)
    assert again[0][:2] == ("m", 1.0) and "model_failed" not in heard.take()
    assert set(state.restarts) == {"m"}
    state.on_connected({**NO_STATE, "returning": {"o": 5.0}})  # as the service tells it anew
    assert state.restarts == {"o": 5.0}
    state.on_event("model.died", died)
    state.on_event("model.changed", {**MODEL, "state": "loading"})
    assert state.restarts == {"o": 5.0}


def test_how_long_a_model_stays() -> None:
    now = time.time()
    lasting = {"state": "ready", "last_used": now, "keep_seconds": 60.0}
    assert standing.leaves_at(lasting) == now + 60
    assert standing.stay(lasting).startswith("Stays until ")
    assert standing.stay({**lasting, "pinned": True}) == "Kept loaded"
    assert standing.stay({**lasting, "keep_seconds": None}) == "Stays loaded"
    assert standing.stay({**lasting, "state": "loading"}) == ""


def test_memory_of_all_models_by_device() -> None:
    cpu = {"name": "CPU", "weights_bytes": 3, "kv_bytes": 1, "total_bytes": 4}
    gpu = {"name": "CUDA0", "weights_bytes": 8, "kv_bytes": 0, "total_bytes": 8}
    found = standing.held([{"memory": [cpu, gpu]}, {"memory": [cpu]}, {"memory": []}])
    assert found["CPU"] == {"name": "CPU", "weights_bytes": 6, "kv_bytes": 2, "total_bytes": 8}
    assert found["CUDA0"]["total_bytes"] == 8
