"""The queue, logs and ended jobs of the Quantize page, and what becomes of the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QToolButton

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.jobs import LOG_LINES
from desktop.ui.tabs.quantize.queue_pane import QueueRow
from tests.helpers.entries import entry_json
from tests.ui.quantize.robot import FOLDER, MODELS, Robot, job

OpenPage = Callable[[], Robot]
MADE = f"{FOLDER}/guide-Q4_K_M.gguf"
OUTPUT = {
    "path": MADE,
    "label": "Q4_K_M",
    "quant_type": "Q4_K_M",
    "foreign": False,
    "size_bytes": 4 << 30,
    "bits_per_weight": 4.9,
}
NO_SPACE = AppError(ErrorCode.DISK_FULL, path=FOLDER, reason="8 GiB are needed and 3 GiB are free.")


def at(what: str, done: float, total: float | None, unit: str = "tensors", **more: Any) -> Any:
    return {"what": what, "done": done, "total": total, "unit": unit, **more}


def row(robot: Robot, number: int = 7) -> QueueRow:
    return robot.parts.queue.rows[number]


def test_a_job_shows_what_how_far_and_how_long(open_page: OpenPage) -> None:
    robot = open_page()
    link = robot.context.link
    link.tell("job.changed", job("queued"))
    assert "guide-F16 → Q4_K_M" in robot.texts()
    assert "Waits for other work to end" in robot.texts()
    link.tell("job.changed", job())
    progress = at("quantizing to Q4_K_M", 100, 400)
    link.tell("job.progress", {"id": 7, "progress": progress})
    assert "Quantizing to Q4_K_M" in robot.texts()
    assert "step 2 of 4 · 100 of 400 tensors" in robot.texts()
    assert row(robot).progress._bar._share == pytest.approx((1 + 0.25) / 4)
    detail = {"seconds_left": 95.0}
    progress = at("evaluating guide-Q4_K_M", 5, 64, "chunks", detail=detail)
    link.tell("job.progress", {"id": 7, "progress": progress})
    assert "Comparing guide-Q4_K_M with the whole model" in robot.texts()
    assert "about 1 min 40 s left" in robot.texts()  # to tens of seconds


def test_a_search_tells_its_trials_and_logs_each_once(open_page: OpenPage) -> None:
    robot = open_page()
    link = robot.context.link
    params = {"path": f"{FOLDER}/guide-F16.gguf", "most_bytes": 4 << 30}
    link.tell("job.changed", job(kind="target", params=params, steps=["search", "make"]))
    row(robot).log.toggle.click()
    for left in range(9, 0, -1):
        what = f"trial 3, best KLD 0.0123 at 2.90 GB, time left 0:0{left}"
        detail = {"seconds_left": float(left)}
        progress = at(what, 60 - left, 60, "seconds", detail=detail)
        link.tell("job.progress", {"id": 7, "progress": progress})
    assert "guide-F16 → best under 4.0 GiB" in robot.texts()
    assert "Trial 3; the best so far: KLD 0.0123 at 2.90 GB" in robot.texts()
    assert "about 1 s left" in robot.texts()
    assert row(robot).log.text.toPlainText().count("Trial 3") == 1


def test_pause_go_on_and_cancel_are_asked_of_the_service(open_page: OpenPage) -> None:
    robot = open_page()
    link, client = robot.context.link, robot.context.client
    client.pause_job = client.resume_job = client.cancel_job = {}
    link.tell("job.changed", job())
    hold = row(robot).findChild(QToolButton, "progress-hold")
    cancel = row(robot).findChild(QToolButton, "progress-cancel")
    assert hold.toolTip() == "Pause"
    robot.click(hold)
    robot.wait(lambda: client.called("pause_job"))
    assert "Pausing" in robot.texts()
    link.tell("job.changed", job("paused"))
    assert "Paused" in robot.texts() and hold.toolTip() == "Go on"
    hold.setFocus()
    robot.qtbot.keyClick(hold, Qt.Key.Key_Space)
    robot.wait(lambda: client.called("resume_job"))
    link.tell("job.changed", job("running"))
    robot.click(cancel)
    robot.wait(lambda: client.called("cancel_job"))
    assert "Stopping" in robot.texts() and not cancel.isVisible()
    link.tell("job.changed", job("cancelled", finished=1.0))
    assert robot.parts.queue.isHidden() and not robot.parts.queue.rows
    assert "Files that are whole are kept" in robot.context.toasts[-1][0]
    robot.settled()


def test_a_pause_that_is_refused_is_told_and_the_row_is_as_before(open_page: OpenPage) -> None:
    robot = open_page()
    refusal = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It is gone.")
    robot.context.client.pause_job = refusal
    robot.context.link.tell("job.changed", job())
    robot.click(row(robot).findChild(QToolButton, "progress-hold"))
    robot.wait(lambda: robot.context.errors)
    assert robot.context.errors == [refusal] and "Pausing" not in robot.texts()


def test_the_log_is_folded_follows_is_copied_and_is_bounded(open_page: OpenPage) -> None:
    robot = open_page()
    link = robot.context.link
    link.tell("job.changed", job())
    log = row(robot).log
    link.tell("job.log", {"id": 7, "line": "said before it was opened"})
    assert not log.is_open
    robot.click(log.toggle)
    assert log.is_open and "said before it was opened" in log.text.toPlainText()
    link.tell("job.log", {"id": 7, "line": "said while it is open"})
    link.tell("job.log", {"id": 8, "line": "of a job that is not ours"})
    assert log.text.toPlainText().endswith("said while it is open")
    robot.click(log.copy)
    copied = QGuiApplication.clipboard().text()
    assert copied == log.text.toPlainText() and "not ours" not in copied
    for number in range(LOG_LINES + 50):
        link.tell("job.log", {"id": 7, "line": f"line {number}"})
    assert log.text.blockCount() == LOG_LINES == len(robot.page.presenter.board.log(7))
    assert log.text.toPlainText().endswith(f"line {LOG_LINES + 49}")
    log.copy._back.stop()


def test_a_failed_job_says_why_and_is_tried_again(open_page: OpenPage) -> None:
    robot = open_page()
    link, client = robot.context.link, robot.context.client
    client.resume_job = {}
    link.tell("job.changed", job())
    link.tell("job.changed", job("failed", finished=1.0, error=NO_SPACE.to_dict()))
    robot.settled()
    assert robot.parts.failure.isVisible() and "8 GiB are needed" in robot.texts()
    robot.click(robot.parts.failure._button)
    assert robot.parts.failure.isHidden()
    robot.click(robot.parts.ended.rows[7].again)
    robot.wait(lambda: client.called("resume_job"))
    assert client.called("resume_job")[0].args == (7,) and 7 not in robot.parts.ended.rows


def test_a_refused_start_says_why_on_the_page(open_page: OpenPage) -> None:
    robot = open_page()
    robot.context.client.submit = AppError(ErrorCode.OUTPUT_EXISTS, path=MADE)
    robot.click(robot.page.start)
    robot.wait(robot.parts.failure.isVisible)
    assert "exists already" in robot.texts() and robot.page.start.isEnabled()


def finish(robot: Robot, *listed: dict[str, Any], **more: Any) -> None:
    """A job is done; the library lists these models afterwards."""
    robot.context.client.models = [*MODELS, *listed]
    result = {"source": "", "outputs": [OUTPUT], **more}
    robot.context.link.tell("job.changed", job())
    robot.context.link.tell("job.changed", job("done", finished=1.0, result=result))
    robot.wait(lambda: robot.context.toasts)
    robot.settled()


def test_made_files_are_found_in_the_library(open_page: OpenPage) -> None:
    robot = open_page()
    finish(robot, entry_json("guide:q4_k_m-2", path=MADE))
    text, kind, (word, act) = robot.context.toasts[0]
    assert "guide-F16 → Q4_K_M: 1 file made. They are in the Library." in text
    assert (kind, word) == ("check", "Show") and robot.context.client.called("scan")
    act()
    assert robot.context.visits == ["library guide:q4_k_m-2"]
    assert robot.parts.ended.rows[7].results.isVisible()


def test_evaluated_files_lead_to_their_results(open_page: OpenPage) -> None:
    robot = open_page()
    robot.page.resize(1200, 600)
    finish(robot, entry_json("guide:q4", path=MADE), base={"path": "x", "label": "F16"})
    _, _, (word, act) = robot.context.toasts[0]
    assert word == "Results"
    act()
    assert robot.page.area.verticalScrollBar().value() > 0
    shown = robot.parts.results.history.shown
    assert shown is not None and shown[0] == 7


def test_files_outside_the_library_are_added_only_when_asked(open_page: OpenPage) -> None:
    robot = open_page()
    client = robot.context.client
    client.add_models = {"added": ["guide:q4"], "removed": [], "changed": []}
    finish(robot)
    text, _, (word, act) = robot.context.toasts[0]
    assert "outside the Library's folders" in text and word == "Add to the Library"
    assert not client.called("add_models")
    act()
    robot.wait(lambda: client.called("add_models"))
    assert client.called("add_models")[0].args == (FOLDER,)


def test_paddocks_own_folder_is_listed_by_itself(open_page: OpenPage) -> None:
    robot = open_page()
    client = robot.context.client
    client.add_models = {"added": [], "removed": [], "changed": []}
    made = robot.page.presenter.made
    path = f"{made.own_folder}/guide-Q4_K_M.gguf"
    outputs = [{**OUTPUT, "path": path}, {**OUTPUT, "path": "/other.gguf", "foreign": True}]
    finish(robot, entry_json("guide:own", path=path), outputs=outputs)
    assert client.called("add_models")[0].args == (made.own_folder,)
    assert "1 file made. They are in the Library" in robot.context.toasts[0][0]


def test_jobs_that_ended_before_are_read(open_page: OpenPage, context: Any) -> None:
    result = {"source": "", "outputs": [OUTPUT], "base": {"path": "x", "label": "F16"}}
    context.client.jobs = [
        job("done", 3, finished=3.0, result=result),
        job("cancelled", 4, finished=4.0),
        job("failed", 5, finished=5.0, error=NO_SPACE.to_dict()),
        {**job("done", 6, finished=6.0), "kind": "bench"},
    ]
    robot = open_page()
    robot.wait(lambda: robot.parts.ended.rows)
    assert list(robot.parts.ended.rows) == [5, 3]
    assert "The disk is full" in robot.texts()
    assert [entry[0] for entry in robot.page.presenter.board.results()] == [3]


@pytest.mark.parametrize("what", ["something new", "trial of a thing"])
def test_what_is_not_known_is_told_as_it_is(what: str) -> None:
    assert words.step(what) == what
