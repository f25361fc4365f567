"""What the window knows of downloads, by the state it was told and the events since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.downloads import words
from desktop.ui.models.downloads import Download, Downloads
from desktop.ui.models.state import ServiceState
from tests.helpers.window import NO_STATE
from tests.visual import downloads as made
from tests.visual.data import GIB, MIB

NAME = f"{made.QWEN}:Q4_K_M"
RECORDED = Path(__file__).parents[2] / "data" / "downloads" / "events.json"


@pytest.fixture
def state(qapp: object) -> Iterator[ServiceState]:
    state = ServiceState()
    yield state
    state.deleteLater()


@pytest.fixture
def downloads(state: ServiceState) -> Downloads:
    return state.downloads


def _heard(downloads: Downloads) -> list[Any]:
    heard: list[Any] = []
    downloads.ended.connect(heard.append)
    return heard


def _changed(service: ServiceState, job: dict[str, Any], **more: Any) -> None:
    service.on_event("job.changed", {**job, **more})


def test_the_state_tells_the_queue_in_its_order(state: ServiceState, downloads: Downloads) -> None:
    late = {**made.QUEUED, "position": 1.5}
    other = {**made.QUEUED, "id": 40, "kind": "bench"}
    state.on_connected({**NO_STATE, "jobs": [made.PAUSED, late, made.RUNNING, other]})
    assert [each.id for each in downloads.queue] == [23, 21, 22]
    assert [each.stage for each in downloads.queue] == ["waiting", "downloading", "paused"]
    totals = downloads.totals
    assert (totals.count, totals.running, totals.paused, totals.going) == (3, 1, 1, True)
    assert totals.bytes_per_second == 12.4 * MIB
    done, whole = 1.9 * GIB + 700 * MIB, (4.68 + 0.88 + 2) * GIB
    assert totals.share == pytest.approx(done / whole, rel=1e-6)


def test_progress_moves_the_figures_and_a_pause_keeps_them(
    state: ServiceState, downloads: Downloads
) -> None:
    _changed(state, made.RUNNING, progress=None)
    told = made.progress(made.FILES, speed=8 * MIB, connections=3)
    state.on_event("job.progress", {"id": 21, "progress": told})
    running = downloads.get(21)
    assert running is not None and running.connections == 3
    assert words.figures(running) == "1.9 GiB of 5.6 GiB · 8.0 MiB/s · 8 min left"
    assert words.detail(running) == "3 connections · checked 1.8 GiB"
    _changed(state, made.RUNNING, state="paused", progress=None)
    paused = downloads.get(21)
    assert paused is not None
    assert paused.done_bytes == running.done_bytes and paused.bytes_per_second is None
    assert words.figures(paused) == "1.9 GiB of 5.6 GiB"
    assert not downloads.totals.going


def test_figures_are_told_a_few_times_a_second_at_most(
    qtbot: QtBot, state: ServiceState, downloads: Downloads
) -> None:
    _changed(state, made.RUNNING)
    told: list[int] = []
    downloads.progressed.connect(told.append)
    for step in range(50):
        files = [{**made.FILES[0], "done_bytes": GIB + step * MIB}]
        state.on_event("job.progress", {"id": 21, "progress": made.progress(files, speed=MIB)})
    assert told == [21], "the first one at once"
    qtbot.waitUntil(lambda: len(told) == 2)
    last = downloads.get(21)
    assert last is not None and last.done_bytes == GIB + 49 * MIB, "and the last one of many"


def test_the_stages_of_a_download(state: ServiceState, downloads: Downloads) -> None:
    def stage(**more: Any) -> str:
        _changed(state, made.RUNNING, **more)
        found = downloads.get(21)
        assert found is not None
        return found.stage

    whole = [{**made.FILES[0], "done_bytes": made.FILES[0]["size_bytes"], "state": "checking"}]
    assert stage(state="queued", progress=None) == "waiting"
    assert stage(steps_done=[], progress=None) == "resolving"
    assert stage(progress=made.progress(made.FILES)) == "downloading"
    assert stage(progress=made.progress(whole)) == "checking"
    assert stage(steps_done=["resolve", "fetch"]) == "adding"


def test_an_end_is_told_once_and_a_cancel_is_none(
    state: ServiceState, downloads: Downloads
) -> None:
    heard = _heard(downloads)
    _changed(state, made.RUNNING)
    _changed(state, made.RUNNING, **_done())
    _changed(state, made.RUNNING, **_done())
    assert downloads.queue == [] and [each.id for each in heard] == [21]
    assert heard[0].local_model == "qwen3-8b:q4_k_m"
    _changed(state, made.QUEUED)
    _changed(state, made.QUEUED, state="cancelled", finished=2.0)
    assert len(heard) == 1 and [each.id for each in downloads.history] == [21]


def _done(model: str = "qwen3-8b:q4_k_m") -> dict[str, Any]:
    result = {"model": model, "size_bytes": 5 * GIB, "seconds": 61.0}
    return {"state": "done", "finished": 1.0, "steps_done": made.STEPS, "result": result}


def test_one_that_failed_is_found_by_its_model_until_it_is_tried_again(
    state: ServiceState, downloads: Downloads
) -> None:
    error = AppError(ErrorCode.REMOTE_UNREACHABLE, url="hub", reason="It is gone.")
    _changed(state, made.RUNNING, state="failed", finished=1.0, error=error.to_dict())
    found = downloads.of(NAME.upper())
    assert found is not None and found.error is not None
    assert found.error.code is ErrorCode.REMOTE_UNREACHABLE
    _changed(state, made.RUNNING, state="queued", error=None, progress=None)
    assert downloads.history == []
    again = downloads.of(NAME)
    assert again is not None and again.stage == "waiting" and again.error is None
    assert again.done_bytes == 0 or again.total_bytes, "what was fetched is not forgotten"


def test_an_older_try_of_the_same_model_is_not_shown(
    state: ServiceState, downloads: Downloads
) -> None:
    state.on_connected(NO_STATE)
    failed = {**made.RUNNING, "id": 3, "state": "failed", "finished": 1.0}
    failed["error"] = made.FULL.to_dict()
    later = {**made.RUNNING, "id": 4, **_done()}
    downloads.read_history([failed, later])
    assert [each.id for each in downloads.history] == [4]
    assert downloads.of(NAME) is None


def test_what_was_asked_for_is_known_before_the_service_answers(
    state: ServiceState, downloads: Downloads
) -> None:
    downloads.expect(NAME)
    assert downloads.is_asked(NAME.lower())
    _changed(state, made.QUEUED, params={"model": NAME})
    assert not downloads.is_asked(NAME) and downloads.of(NAME) is not None
    downloads.expect("owner/other:Q8_0")
    downloads.refuse("owner/other:Q8_0", made.DENIED)
    assert not downloads.is_asked("owner/other:Q8_0")
    assert downloads.refused["owner/other:q8_0"].code is ErrorCode.REMOTE_DENIED


def test_an_answer_that_its_end_overtook_brings_nothing_back(
    state: ServiceState, downloads: Downloads
) -> None:
    downloads.expect(NAME)
    _changed(state, made.RUNNING, **_done())
    downloads.on_answer({**made.RUNNING, "state": "queued", "progress": None})
    assert downloads.queue == [] and not downloads.is_asked(NAME)


def test_a_resync_forgets_what_is_over(state: ServiceState, downloads: Downloads) -> None:
    state.on_connected({**NO_STATE, "jobs": made.QUEUE})
    state.on_connected({**NO_STATE, "jobs": [made.QUEUED]})
    assert [each.id for each in downloads.queue] == [23]


# --- words ----------------------------------------------------------------------------------------


def _with(notes: list[dict[str, Any]], speed: float | None = MIB) -> Download:
    from desktop.ui.models.downloads import download_of

    progress = made.progress(made.FILES, speed=speed, notes=notes)
    return download_of({**made.RUNNING, "progress": progress})


def test_that_it_waits_is_said_only_while_it_does() -> None:
    changed = {"code": "file_changed", "params": {"path": "sub/a.gguf"}}
    assert words.notes(_with([changed, made.WAITS], None)) == [
        "a.gguf was replaced at the hub: it is fetched anew.",
        "The server asks to wait 30 s.",
    ]
    assert len(words.notes(_with([changed, made.WAITS], 3 * MIB))) == 1, "it goes on"
    assert len(words.notes(_with([made.WAITS, changed], None))) == 1, "it waited before"
    assert words.notes(_with([{"code": "of a newer service", "params": {}}])) == []


def test_every_note_of_the_downloader_has_words() -> None:
    from desktop.core.hub.download.notes import WORDS

    quiet = {"network_back"}  # what it ends is not shown any more
    assert set(words._NOTES) == set(WORDS) - quiet


@pytest.mark.parametrize(
    ("model", "title"),
    [
        ("Qwen/Qwen3-8B-GGUF:Q4_K_M", ("Qwen3-8B-GGUF", "Q4_K_M")),
        ("owner/name/sub/file-Q8_0.gguf", ("name", "file-Q8_0.gguf")),
        ("owner/name", ("name", "")),
        ("what is that", ("what is that", "")),
    ],
)
def test_a_download_is_called_by_its_model(model: str, title: tuple[str, str]) -> None:
    assert words.title(model) == title


def test_a_share_is_never_whole_before_the_end() -> None:
    assert [words.percent(each) for each in (0.0, 0.4321, 0.9999, 1.0)] == [
        "0 %",
        "43 %",
        "99 %",
        "100 %",
    ]


# --- the real service -----------------------------------------------------------------------------


def test_the_events_of_a_real_service_tell_the_whole_way(
    state: ServiceState, downloads: Downloads
) -> None:
    """Recorded from the service and a slow local hub: a download that was paused, resumed, asked to
    wait twice, and ended; then one of a quant that is not there."""
    heard = _heard(downloads)
    stages: list[str] = []
    said: set[str] = set()
    fetched = 0
    state.on_connected(NO_STATE)
    for event in json.loads(RECORDED.read_text("utf-8")):
        state.on_event(event["type"], event["data"])
        for each in downloads.queue:
            if not stages or stages[-1] != each.stage:
                stages.append(each.stage)
            said |= set(words.notes(each))
            if each.id == 1:
                assert each.done_bytes >= fetched, "what was fetched never looks lost"
                fetched = each.done_bytes
            if each.stage == "paused":
                assert each.done_bytes > 1_000_000 and each.total_bytes == 4_840_672
                assert each.bytes_per_second is None and each.connections == 0
    assert stages == [
        *("waiting", "resolving", "downloading", "paused", "waiting", "downloading", "adding"),
        *("waiting", "resolving"),  # the second one
    ]
    assert said == {
        "The server asks to wait 2 s.",
        "1.1 MiB of Guide-Q8_0.gguf were here already.",
    }
    done, failed = heard
    assert (done.state, done.local_model) == ("done", "paddock-guide:q8_0")
    assert words.ended(done).startswith("4.6 MiB in ")
    assert failed.error is not None and failed.error.code is ErrorCode.HUB_QUANT_UNKNOWN
    assert downloads.queue == []
