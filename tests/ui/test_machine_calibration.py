"""The Machine page's calibration: what is known, how far off it was, and measuring it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.speed import DeviceSpeed, SpeedFigure
from desktop.core.fit.speed_book import Run, SpeedStore
from desktop.ui.tabs.machine import presenter as presenter_module
from desktop.ui.tabs.machine.calibration import CalibrationCard
from desktop.ui.tabs.machine.view import MachinePage
from tests.helpers.window import RecordingContext
from tests.visual import data

Json = dict[str, Any]
JOB: Json = {
    "id": 4,
    "kind": "calibrate",
    "params": {},
    "state": "running",
    "steps": ["measure"],
    "steps_done": [],
    "result": None,
    "error": None,
    "progress": {"what": "decode 1 MiB", "done": 20.0, "total": 50.0, "unit": "seconds"},
    "finished": None,
}


@pytest.fixture
def page(
    context: RecordingContext, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> Iterator[MachinePage]:
    monkeypatch.setattr(presenter_module, "probe", lambda *args, **how: data.LAPTOP)
    monkeypatch.setattr(presenter_module, "probe_memory", lambda: data.RAM)
    page = MachinePage(context)
    qtbot.addWidget(page)
    page.retranslate()
    page.resize(1000, 900)
    page.show()
    yield page
    page.hidden()


def _store(context: RecordingContext, *runs: Run, calibrated: bool = True) -> None:
    where = context.paths
    with closing(Database(where.database, where.backups)) as database:
        store = SpeedStore(database)
        if calibrated:
            speed = DeviceSpeed("9 abc", "cpu", "Ryzen × 8", ((1e6, 1e-11),), {}, {})
            store.keep(speed)
        store.add(runs)
        sums = {"weights_bytes": 1000, "kv_bytes": 100, "compute_bytes": 10}
        database.execute(
            "INSERT INTO loads (created, runtime, fingerprint, architecture, settings, predicted, "
            "real) VALUES (?, '', '', 'llama', '{}', ?, ?)",
            (
                time.time(),
                json.dumps({"devices": [{**sums, "weights_bytes": 1111}]}),
                json.dumps([sums]),
            ),
        )


def _run(real: float) -> Run:
    shown = SpeedFigure(40.0, 35.0, 46.0, "calibrated")
    place = ("9 abc", "cpu", "Ryzen × 8", "f", "llama", "{}")
    return Run(*place, "decode", 64, 100, real, 40.0, shown)


def _shown(page: MachinePage, qtbot: Any) -> CalibrationCard:
    page.shown()
    qtbot.waitUntil(lambda: page.calibrating.known is not None)
    qtbot.waitUntil(lambda: page.presenter.findings is not None and not page.presenter.busy)
    return page.calibration


def test_an_uncalibrated_machine_says_so_and_is_measured_on_a_click(
    page: MachinePage, context: RecordingContext, qtbot: Any
) -> None:
    card = _shown(page, qtbot)
    assert "Not calibrated" in card.state.text() and not card.errors.isVisible()
    context.client.submit = JOB
    qtbot.mouseClick(card.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(context.client.called("submit")))
    assert context.client.called("submit")[0].args == ("calibrate", {})
    context.link.tell("job.changed", JOB)  # type: ignore[attr-defined]
    assert card.progress.isVisible() and not card.button.isVisible()
    assert "30.0 s left" in card.progress._figures.text()
    context.client.cancel_job = {}
    cancel = card.progress.findChild(QToolButton, "progress-cancel")
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(context.client.called("cancel_job")))
    assert context.client.called("cancel_job")[0].args == (4,)
    ended = {**JOB, "state": "cancelled", "finished": 1.0}
    context.link.tell("job.changed", ended)  # type: ignore[attr-defined]
    assert card.button.isVisible() and not card.failure.isVisible()


def test_what_was_calibrated_and_how_far_off_it_was_is_told(
    page: MachinePage, context: RecordingContext, qtbot: Any
) -> None:
    _store(context, _run(40.0), _run(50.0))
    card = _shown(page, qtbot)
    assert "Ryzen × 8" in card.state.text() and "calibrated on" in card.state.text()
    assert "30 %" in card.state.text()
    errors = card.errors.text().splitlines()
    assert errors[0] == "Memory of 1 loads: 10.0 % off on average, at most 10.0 %"
    assert errors[1] == "Speed of 2 answers: 10.0 % off on average, 50 % within the band"
    assert card.button.text().startswith("Calibrate again")


def test_a_finished_measurement_is_read_and_a_failed_one_says_why(
    page: MachinePage, context: RecordingContext, qtbot: Any
) -> None:
    card = _shown(page, qtbot)
    context.link.tell("job.changed", JOB)  # type: ignore[attr-defined]
    _store(context)
    done = {**JOB, "state": "done", "finished": 1.0}
    context.link.tell("job.changed", done)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "calibrated on" in card.state.text())
    why = "The figures lie too far apart: something else used the machine."
    error = AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason=why)
    failed = {**JOB, "state": "failed", "finished": 2.0, "error": error.to_dict()}
    context.link.tell("job.changed", JOB)  # type: ignore[attr-defined]
    context.link.tell("job.changed", failed)  # type: ignore[attr-defined]
    assert card.failure.isVisible() and why in card.failure.text()
    assert "calibrated on" in card.state.text(), "what was known stays"


def test_without_a_service_nothing_can_be_measured(
    page: MachinePage, context: RecordingContext, qtbot: Any
) -> None:
    card = _shown(page, qtbot)
    assert card.button.isEnabled()
    context.link.lose()  # type: ignore[attr-defined]
    assert not card.button.isEnabled()
