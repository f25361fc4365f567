"""The benchmark page: what a person can run, and how the run is followed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QSpinBox

from desktop.core.bench import runner
from desktop.core.bench.results import ResultStore
from desktop.core.errors import AppError, ErrorCode
from desktop.ui.pace import Pace
from desktop.ui.tabs.bench.progress import progress_of
from tests.ui.bench.robot import MODEL, Robot, document, job


def test_nothing_measured_yet_offers_the_quick_run_of_the_bundled_model(
    open_page: Callable[[], Robot],
) -> None:
    robot = open_page()
    robot.context.client.submit = job("queued")
    assert "paddock-guide:q8_0" in robot.texts()
    offer = [b for b in robot.page._parts.empty.findChildren(QPushButton) if b.isVisible()]
    robot.click(offer[0])
    robot.wait(lambda: robot.context.client.called("submit"))
    kind, params = robot.context.client.called("submit")[0].args
    assert kind == "bench" and params["model"] == "paddock-guide:q8_0"
    assert len(runner.plan({k: v for k, v in params.items()}).tests) == 2


def test_what_is_typed_is_what_runs(open_page: Callable[[], Robot]) -> None:
    robot = open_page()
    robot.context.client.submit = job("queued")
    robot.find(QComboBox, "bench-model").setCurrentText(MODEL)
    robot.type("prompt", "512, 2048")
    robot.type("depth", "0 4096")
    robot.find(QSpinBox, "bench-repeat").setValue(4)
    assert "6 tests, 4 repeats each" in robot.texts()
    robot.click(robot.run_button)
    robot.wait(lambda: robot.context.client.called("submit"))
    assert robot.context.client.called("submit")[0].args[1] == {
        "model": MODEL,
        "prompt": [512, 2048],
        "gen": [128],
        "depth": [0, 4096],
        "concurrency": [1],
        "repeat": 4,
    }


def test_what_cannot_run_is_said_and_cannot_be_pressed(open_page: Callable[[], Robot]) -> None:
    robot = open_page()
    assert robot.run_button.isEnabled()
    robot.type("depth", "deep")
    assert not robot.run_button.isEnabled()
    assert "Depth: whole numbers from 0 to 1,000,000" in robot.texts()
    robot.type("depth", "0")
    assert robot.run_button.isEnabled()
    robot.type("gen", "0")
    robot.type("concurrency", "1 4")
    assert "Several at once need a prompt" in robot.texts()
    robot.type("prompt", "0")
    assert "There is nothing to measure." in robot.texts()


def test_only_models_that_can_be_measured_are_offered(open_page: Callable[[], Robot]) -> None:
    robot = open_page()
    box = robot.find(QComboBox, "bench-model")
    assert [box.itemText(n) for n in range(box.count())] == [MODEL, "paddock-guide:q8_0"]
    assert box.currentText() == "paddock-guide:q8_0"


def test_the_thorough_preset_stays_within_what_the_model_was_trained_for(
    open_page: Callable[[], Robot],
) -> None:
    robot = open_page()
    robot.click(robot.page._parts.bar._presets.button("thorough"))
    params = robot.page._parts.bar.params()
    assert params["depth"] == [0, 512] and params["concurrency"] == [1, 4]
    box = robot.find(QComboBox, "bench-model")
    box.setFocus()
    robot.qtbot.keyClick(box, Qt.Key.Key_Up)
    assert robot.page._parts.bar.params()["depth"] == [0, 4096]


def test_a_run_shows_what_and_how_far_and_stops(open_page: Callable[[], Robot]) -> None:
    robot = open_page()
    link, client = robot.context.link, robot.context.client
    link.tell("job.changed", job("queued"))
    assert "Waits for other work to end" in robot.texts()
    link.tell("job.changed", job())
    waiting = {"what": "waiting for answers in progress", "done": 0, "total": 2, "unit": "tests"}
    link.tell("job.progress", {"id": 7, "progress": waiting})
    assert "Measuring waits until no answer is in progress" in robot.texts()
    at = {"what": "decode 128 @ 0", "done": 1.5, "total": 2, "unit": "tests"}
    link.tell("job.progress", {"id": 7, "progress": at})
    assert "Decode, 128 tokens" in robot.texts() and "test 2 of 2" in robot.texts()
    assert robot.run_button.text() == "Stop"
    assert not robot.find(QLineEdit, "bench-depth").isEnabled()
    client.cancel_job = {}
    robot.click(robot.run_button)
    robot.wait(lambda: client.called("cancel_job"))
    assert client.called("cancel_job")[0].args == (7,)
    assert "Stopping" in robot.texts() and not robot.run_button.isEnabled()
    link.tell("job.changed", job("cancelled", finished=1.0))
    assert robot.run_button.text() == "Run" and robot.run_button.isEnabled()
    assert "Stopped" in robot.context.toasts[0][0]


def test_a_failed_run_says_why_on_the_page(open_page: Callable[[], Robot]) -> None:
    robot = open_page()
    error = AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason="It fell over.")
    robot.context.link.tell("job.changed", job())
    robot.context.link.tell("job.changed", job("failed", finished=1.0, error=error.to_dict()))
    assert robot.page._parts.failure.isVisible() and "It fell over." in robot.texts()
    robot.click(robot.page._parts.failure.findChild(QPushButton))
    assert not robot.page._parts.failure.isVisible()


def test_a_finished_run_is_read_chosen_and_set_beside_the_last_one(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    first = store.add(1, document(1000.0, 100, 10))
    robot = open_page()
    assert robot.page._parts.history.table.selected_numbers() == (first,)
    new = store.add(2, document(2000.0, 120, 10))
    robot.context.link.tell("job.changed", job())
    done = job("done", finished=1.0, result={"result_id": new})
    robot.context.link.tell("job.changed", done)
    robot.wait(lambda: robot.shown() is not None and robot.shown().numbers == (new, first))
    assert robot.page._parts.history.table.selected_numbers() == (new, first)
    assert "faster by 20" in robot.texts()


def test_pyqtgraph_is_not_imported_before_the_page_is_shown() -> None:
    code = "import sys, desktop.ui.tabs.bench.view as v; print('pyqtgraph' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_time_left_comes_from_the_steps_and_waits_do_not_count() -> None:
    pace = Pace()
    pace.saw(0.0, 4, now=0.0)
    assert pace.left_seconds(0.5) is None
    pace.saw(1.0, 4, now=10.0)
    assert pace.left_seconds(10.0) == pytest.approx(30.0)
    assert pace.left_seconds(15.0) == pytest.approx(25.0)
    pace.begin_again()
    assert pace.left_seconds(15.0) is None


def test_a_step_that_has_just_ended_is_still_told_as_itself() -> None:
    at = {"what": "prefill 512 @ 0", "done": 1.0, "total": 2, "unit": "tests"}
    told = progress_of(job(progress=at), None, stopping=False)
    assert told.share == 0.5 and "test 1 of 2" in told.figures
