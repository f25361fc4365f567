"""Learning from answers: which count, what is stored of them, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.engine.allocations import DeviceMemory
from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.speed import DeviceSpeed, Speeds
from desktop.core.fit.speed_book import SpeedStore
from desktop.core.fit.speed_predict import Predictor
from desktop.core.gguf.facts import ShapeFacts, facts_of
from desktop.core.gguf.local import read_header
from desktop.core.service.learning import Learner, layers_on
from desktop.core.service.requests import RequestRecord
from desktop.core.service.streams import Usage
from tests.helpers.gguf_files import write_tiny_llama
from tests.unit.bench import fakes

SPEED = DeviceSpeed(
    build="0.5.0 0c1e570",
    backend="cpu",
    device="A CPU × 4",
    memory=((1.0, 1e-9),),
    decode={"F16": 1e-9},
    prefill={"F16": 1e-10},
)


class Setting:
    """A service in miniature: a loaded model, its answers, and the learner."""

    def __init__(self, tmp_path: Path, database: Database) -> None:
        self.path = write_tiny_llama(tmp_path / "tiny.gguf")
        self.reads = 0
        self.speeds = Speeds({"CPU": SPEED})
        self.devices = {"CPU": ("cpu", "A CPU × 4")}
        self.store = SpeedStore(database)
        self.learner = Learner(
            self.store,
            facts=self.facts,
            predictor=lambda book, runtime: Predictor(
                self.speeds, book, "0.5.0 0c1e570", self.devices
            ),
        )
        self.now = 1000.0
        self.loaded: Any = SimpleNamespace(
            entry=fakes.entry(self.path),
            prepared=SimpleNamespace(settings=LoadSettings(threads=4)),
            server=SimpleNamespace(runtime=fakes.runtime(), memory=(DeviceMemory("CPU", 1, 0, 0),)),
            taken=1,
        )

    def facts(self, path: Path) -> ShapeFacts:
        self.reads += 1
        return facts_of(read_header(path))

    def answer(
        self, seconds: float = 2.0, begun: float | None = None, **usage: Any
    ) -> RequestRecord:
        """An answer that has just ended."""
        record = RequestRecord("/v1/chat/completions", model="tiny:f16")
        record.finish(Usage(**{
            "prompt_tokens": 300, "cached_tokens": 100, "completion_tokens": 40,
            "prefill_seconds": 0.5, "decode_seconds": 0.8, **usage,
        }))  # fmt: skip
        record.arrived = self.now if begun is None else begun
        record.wait_seconds, record.total_seconds = 0.0, seconds
        self.now = record.arrived + seconds + 1
        return record

    def stored(self) -> list[tuple[str, int, int, float]]:
        runs = self.store.book().runs
        return [(run.test, run.tokens, run.depth, round(run.real, 3)) for run in runs]


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    database = Database(tmp_path / "p.db", tmp_path / "backups")
    yield Setting(tmp_path, database)
    database.close()


def test_an_answer_becomes_two_figures(setting: Setting) -> None:
    setting.learner.note(setting.answer(), setting.loaded)
    assert setting.reads == 0  # nothing is done where the answer ends
    assert setting.learner.flush() == 2
    assert setting.stored() == [("prefill", 200, 100, 400.0), ("decode", 40, 320, 50.0)]
    run = setting.store.book().runs[1]
    assert run.device == "A CPU × 4"
    assert run.architecture == "llama"
    assert run.fingerprint == "quick-1"
    assert run.predicted is not None
    assert run.predicted.value == run.base
    assert setting.learner.flush() == 0


def test_what_was_learned_is_the_next_prediction(setting: Setting) -> None:
    for _ in range(2):
        setting.learner.note(setting.answer(), setting.loaded)
        setting.learner.flush()
    first, second = (run for run in setting.store.book().runs if run.test == "decode")
    assert first.predicted is not None and second.predicted is not None
    assert first.predicted.source == "calibrated"
    assert second.predicted.source == "measured"
    assert second.predicted.value == pytest.approx(50.0)
    assert second.base == pytest.approx(first.base)


def test_short_answers_and_cached_prompts_say_nothing(setting: Setting) -> None:
    setting.learner.note(setting.answer(completion_tokens=5, cached_tokens=290), setting.loaded)
    assert setting.learner.flush() == 0
    setting.learner.note(setting.answer(cached_tokens=299), setting.loaded)
    assert setting.learner.flush() == 1
    assert [test for test, *_ in setting.stored()] == ["decode"]


def test_answers_at_the_same_time_do_not_count(setting: Setting) -> None:
    setting.loaded.taken = 2  # another one is still being written
    setting.learner.note(setting.answer(begun=1000.0), setting.loaded)
    setting.loaded.taken = 1
    setting.learner.note(setting.answer(begun=1001.0), setting.loaded)  # it had begun before
    assert setting.learner.waiting == 0
    setting.learner.note(setting.answer(begun=1100.0), setting.loaded)
    assert setting.learner.waiting == 1


def test_a_turns_slot_is_free_when_it_is_noted(setting: Setting) -> None:
    record = setting.answer()
    record.route = "chat"
    setting.loaded.taken = 0
    setting.learner.note(record, setting.loaded)
    assert setting.learner.waiting == 1
    record = setting.answer()
    record.route = "chat"
    setting.loaded.taken = 1
    setting.learner.note(record, setting.loaded)
    assert setting.learner.waiting == 1


def test_failed_answers_other_models_and_busy_machines_do_not_count(setting: Setting) -> None:
    failed = setting.answer()
    failed.error = "the client left"
    setting.learner.note(failed, setting.loaded)
    other = setting.answer()
    other.model = "another"
    setting.learner.note(other, setting.loaded)
    setting.learner.note(setting.answer(), None)
    setting.learner.note(setting.answer(), setting.loaded, busy=True)
    setting.learner.note(setting.answer(), replace_server(setting.loaded))
    setting.learner.note(setting.answer(completion_tokens=None), setting.loaded)
    assert setting.learner.waiting == 0


def replace_server(loaded: Any) -> Any:
    return SimpleNamespace(**{**vars(loaded), "server": None})


def test_a_model_that_is_gone_is_no_error(setting: Setting) -> None:
    setting.learner.note(setting.answer(), setting.loaded)
    setting.path.unlink()
    assert setting.learner.flush() == 0


def test_without_a_prediction_the_model_itself_is_measured(setting: Setting) -> None:
    setting.speeds = Speeds({})
    for _ in range(2):
        setting.learner.note(setting.answer(), setting.loaded)
        setting.learner.flush()
    first, second = (run for run in setting.store.book().runs if run.test == "decode")
    assert first.predicted is None
    assert first.base is None
    assert second.predicted is not None
    assert second.predicted.source == "measured"
    assert second.predicted.value == pytest.approx(50.0)


def test_a_device_that_is_gone_is_left_alone(setting: Setting) -> None:
    setting.devices = {}
    setting.learner.note(setting.answer(), setting.loaded)
    assert setting.learner.flush() == 0


def test_notes_are_bounded(setting: Setting) -> None:
    for _ in range(1500):
        setting.learner.note(setting.answer(), setting.loaded)
    assert setting.learner.waiting == 1000


def test_layers_are_where_the_engine_put_the_weights() -> None:
    memory = [DeviceMemory("CPU", 250, 0, 0), DeviceMemory("CUDA0", 750, 9, 9)]
    assert layers_on(memory, 32) == {"CUDA0": 24}
    assert layers_on([DeviceMemory("CPU", 250, 0, 0)], 32) == {}
    assert layers_on([], 32) == {}


def test_what_cannot_be_stored_is_told(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(runs: Any) -> None:
        raise AppError(ErrorCode.DISK_FULL, path="x", reason="full")

    monkeypatch.setattr(setting.store, "add", full)
    setting.learner.note(setting.answer(), setting.loaded)
    with pytest.raises(AppError):
        setting.learner.flush()
