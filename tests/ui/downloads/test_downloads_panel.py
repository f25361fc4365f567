"""The panel of downloads: what it shows, and what is done in it by mouse and by keys."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from desktop.core.settings import Settings
from desktop.ui.downloads.question import CancelQuestion
from desktop.ui.shell.window import MainWindow
from tests.helpers.window import RecordingContext
from tests.ui.downloads.robot import LEFT, Robot
from tests.visual import downloads as made
from tests.visual.data import GIB, MIB

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def robot(window: MainWindow, context: RecordingContext, qtbot: QtBot) -> Robot:
    return Robot(window, context, qtbot)


def _little(job: dict[str, Any]) -> dict[str, Any]:
    """The same with so little fetched that a cancel is not asked about."""
    files = [made.file("a.gguf", 2 * GIB, 10 * MIB, "downloading")]
    return {**job, "progress": made.progress(files, speed=MIB)}


# --- what it shows --------------------------------------------------------------------------------


def test_the_status_bar_counts_them_and_opens_the_panel(robot: Robot) -> None:
    assert robot.status.text() == "" and "Ctrl+J" in robot.status.toolTip()
    panel = robot.open(*made.QUEUE)
    assert robot.status.text() == "3 · 34 % · 12.4 MiB/s"
    assert robot.status.accessibleName() == "3 downloads · 34 %"
    rows = panel.list.rows
    assert [each.download.id for each in rows] == [21, 22, 23]
    assert rows[0].accessibleName() == "Qwen3-8B-GGUF Q4_K_M"
    said = rows[0].accessibleDescription()
    for part in ("Downloading", "1.9 GiB of 5.6 GiB", "12.4 MiB/s", "5 min left", "6 connections"):
        assert part in said, part
    assert "Paused" in rows[1].accessibleDescription()
    assert "700 MiB of 2.0 GiB" in rows[1].accessibleDescription()
    assert panel._sum.text() == "34 % · 12.4 MiB/s · 5 min left"
    robot.press(robot.status)
    assert panel.isHidden()


def test_downloads_are_no_jobs_of_the_status_bar(robot: Robot, window: MainWindow) -> None:
    jobs = window._status._jobs
    robot.tell(made.RUNNING)
    assert jobs.isHidden()
    robot.tell({**made.QUEUED, "id": 50, "kind": "bench"})
    assert jobs.text() == "1 job"


def test_without_downloads_it_says_where_to_find_models(robot: Robot) -> None:
    panel = robot.open()
    assert "Discover" in panel._empty.text() and panel._empty.isVisible()
    assert not panel.list.isVisible() and not panel.hold_all.isVisible()


def test_progress_moves_the_row_without_building_it_anew(robot: Robot, qtbot: QtBot) -> None:
    robot.open(made.RUNNING)
    row = robot.row()
    robot.press(row.toggle)
    assert row.files.texts()[0][1] == "1.9 GiB of 4.7 GiB · downloading"
    files = [{**made.FILES[0], "done_bytes": 3 * GIB}, made.FILES[1]]
    told = {"id": 21, "progress": made.progress(files, speed=20 * MIB)}
    robot.context.link.tell("job.progress", told)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "20.0 MiB/s" in row._state.text())
    assert robot.row() is row and row.files.isVisible()
    assert row.files.texts() == [
        ("Qwen3-8B-Q4_K_M.gguf", "3.0 GiB of 4.7 GiB · downloading"),
        ("mmproj-F16.gguf", "901 MiB · waits"),
    ]
    assert robot.status.text().startswith("1 · 53 % · 20.0 MiB/s")


def test_what_the_server_asks_is_told(robot: Robot) -> None:
    robot.open(made.BUSY)
    assert robot.row()._notes.isVisible()
    assert robot.row()._notes.text() == "The server asks to wait 30 s."


def test_it_stays_inside_the_window_and_scrolls(robot: Robot) -> None:
    many = [{**made.QUEUED, "id": 100 + n, "position": n} for n in range(40)]
    panel = robot.open(*many)
    ground = robot.window.ground.rect()
    assert ground.contains(panel.geometry())
    assert panel.geometry().bottom() < robot.window._status.geometry().top()
    assert panel._scroll.verticalScrollBar().maximum() > 0
    robot.keys(panel.list.rows[0], Qt.Key.Key_End)
    tall = panel.height()
    robot.context.link.tell_state(jobs=many[:1])  # type: ignore[attr-defined]
    robot.qtbot.waitUntil(lambda: panel.height() < tall)


# --- hands ----------------------------------------------------------------------------------------


def test_pause_and_resume(robot: Robot) -> None:
    robot.open(made.RUNNING, made.PAUSED)
    assert robot.row(0).hold.accessibleName() == "Pause Qwen3-8B-GGUF Q4_K_M"
    robot.press(robot.row(0).hold)
    assert robot.asked("pause_job") == (21,)
    robot.tell(made.RUNNING, state="paused", progress=None)
    assert robot.row(0).hold.accessibleName() == "Resume Qwen3-8B-GGUF Q4_K_M"
    assert "Paused · 1.9 GiB of 5.6 GiB" in robot.row(0)._state.text()
    robot.press(robot.row(0).hold)
    assert robot.asked("resume_job") == (21,)


def test_all_are_paused_and_resumed_together(robot: Robot) -> None:
    panel = robot.open(made.RUNNING, made.QUEUED, made.PAUSED)
    robot.press(panel.hold_all)
    robot.qtbot.waitUntil(lambda: len(robot.client.called("pause_job")) == 2)
    assert {call.args[0] for call in robot.client.called("pause_job")} == {21, 23}
    for job in (made.RUNNING, made.QUEUED):
        robot.tell(job, state="paused", progress=None)
    assert panel.hold_all.accessibleName() == "Resume all"
    robot.press(panel.hold_all)
    robot.qtbot.waitUntil(lambda: len(robot.client.called("resume_job")) == 3)


def test_little_is_cancelled_at_once_and_much_is_asked_about(robot: Robot) -> None:
    robot.open(_little(made.QUEUED), made.RUNNING)
    little = next(r for r in robot.panel.list.rows if r.download.id == 23)
    robot.press(little.cancel)
    assert robot.asked("cancel_job") == (23,)
    much = next(r for r in robot.panel.list.rows if r.download.id == 21)
    robot.press(much.cancel)
    assert much.question.isVisible() and "1.9 GiB" in much.question._text.text()
    assert much.question.keep.hasFocus(), "Enter keeps"
    robot.keys(much.question.keep, Qt.Key.Key_Escape)
    assert not much.question.isVisible() and much.cancel.hasFocus()
    robot.press(much.cancel)
    robot.press(much.question.confirm)
    robot.qtbot.waitUntil(lambda: len(robot.client.called("cancel_job")) == 2)
    assert robot.client.called("cancel_job")[1].args == (21,)


def test_rows_move_by_buttons_and_keys(robot: Robot) -> None:
    robot.open(*made.QUEUE)
    assert not robot.row(0).up.isEnabled() and not robot.row(2).down.isEnabled()
    robot.press(robot.row(2).up)
    assert robot.asked("move_job") == (23, 22)
    robot.keys(robot.row(0), Qt.Key.Key_Down, ALT)
    robot.qtbot.waitUntil(lambda: len(robot.client.called("move_job")) == 2)
    assert robot.asked("move_job") == (21, 23)
    robot.keys(robot.row(1), Qt.Key.Key_Down, ALT)
    robot.qtbot.waitUntil(lambda: len(robot.client.called("move_job")) == 3)
    assert robot.asked("move_job") == (22, None)
    moved = {**made.QUEUED, "position": 1.0}
    row = robot.row(2)
    robot.tell(moved)
    assert robot.row(0) is row, "the same row in another place"


def test_a_row_is_dragged_to_another_place(robot: Robot) -> None:
    panel = robot.open(*made.QUEUE)
    row, first = robot.row(2), robot.row(0)
    robot.qtbot.mousePress(row, LEFT, pos=QPoint(30, 8))
    top = first.mapTo(panel.list, QPoint(30, 2))
    for step in (QPoint(30, -20), row.mapFrom(panel.list, top)):
        robot.qtbot.mouseMove(row, step)
    assert panel.list._marker.isVisible()
    robot.qtbot.mouseRelease(row, LEFT, pos=row.mapFrom(panel.list, top))
    assert robot.asked("move_job") == (23, 21)
    assert not panel.list._marker.isVisible()


def test_keys_do_all_of_it(robot: Robot, window: MainWindow) -> None:
    robot.context.link.tell_state(jobs=[made.RUNNING, made.PAUSED])  # type: ignore[attr-defined]
    robot.keys(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert robot.panel.isVisible() and robot.row(0).hasFocus()
    robot.keys(robot.row(0), Qt.Key.Key_Down)
    assert robot.row(1).hasFocus()
    robot.keys(robot.row(1), Qt.Key.Key_Space)
    assert robot.asked("resume_job") == (22,)
    robot.keys(robot.row(1), Qt.Key.Key_Up)
    robot.keys(robot.row(0), Qt.Key.Key_Right)
    assert robot.row(0).files.isVisible()
    robot.keys(robot.row(0), Qt.Key.Key_Left)
    assert not robot.row(0).files.isVisible()
    robot.keys(robot.row(0), Qt.Key.Key_Delete)
    assert robot.row(0).question.isVisible()
    robot.keys(robot.row(0).question.keep, Qt.Key.Key_Escape)
    robot.keys(robot.row(0), Qt.Key.Key_Escape)
    assert robot.panel.isHidden()


def test_everything_that_can_be_pressed_has_a_name(robot: Robot) -> None:
    from PySide6.QtWidgets import QAbstractButton

    robot.client.jobs = made.HISTORY
    panel = robot.open(*made.QUEUE)
    robot.qtbot.waitUntil(lambda: len(panel.list.ended) == 3)
    for button in panel.findChildren(QAbstractButton):
        assert button.accessibleName() or button.text(), button
        assert button.text() or button.toolTip(), button


# --- the limit ------------------------------------------------------------------------------------


def test_the_speed_limit_is_read_and_stored(robot: Robot) -> None:
    settings = Settings().model_dump(mode="json")
    settings["downloads"]["limit_mib_per_second"] = 5.0
    robot.client.settings = settings
    panel = robot.open(made.RUNNING)
    robot.qtbot.waitUntil(lambda: panel.limit.value() == 5.0)
    assert not robot.client.called("change_settings")
    panel.limit.setFocus()
    panel.limit.setValue(12.5)
    assert robot.asked("change_settings") == ({"downloads.limit_mib_per_second": 12.5},)
    panel.limit.setValue(0)
    assert panel.limit.text() == "No limit"
    robot.qtbot.waitUntil(lambda: len(robot.client.called("change_settings")) == 2)
    assert robot.asked("change_settings") == ({"downloads.limit_mib_per_second": None},)


def test_another_windows_limit_is_taken_over(robot: Robot) -> None:
    panel = robot.open(made.RUNNING)
    settings = Settings().model_dump(mode="json")
    settings["downloads"]["limit_mib_per_second"] = 2.0
    robot.client.settings = settings
    changed = {"names": ["downloads.limit_mib_per_second"]}
    robot.context.link.tell("settings.changed", changed)  # type: ignore[attr-defined]
    robot.qtbot.waitUntil(lambda: panel.limit.value() == 2.0)


# --- the ended ------------------------------------------------------------------------------------


def test_what_is_done_leads_to_the_chat_and_to_the_library(
    robot: Robot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, str]] = []
    for name in ("chat", "library"):
        page = window.page_of(name)
        monkeypatch.setattr(
            page, "show_model", lambda model, name=name: shown.append((name, model))
        )
    panel = robot.open(made.RUNNING)
    done = {**made.DONE, "id": 21}
    robot.tell(done)
    (row,) = panel.list.ended
    assert "2.3 GiB in 4 min" in row._what.text() and not panel.list.rows
    robot.press(row.chat)
    assert (window.page, shown) == ("chat", [("chat", "qwen3-4b-thinking-2507:q4_k_m")])
    assert panel.isHidden()
    robot.press(robot.status)
    robot.press(row.library)
    assert window.page == "library" and shown[-1][0] == "library"


def test_a_failure_says_why_and_is_tried_again(robot: Robot) -> None:
    panel = robot.open(made.RUNNING)
    failed = {"state": "failed", "finished": 1.0, "error": made.FULL.to_dict()}
    robot.tell(made.RUNNING, **failed)
    (row,) = panel.list.ended
    assert "The disk is full" in row._what.text()
    assert "needs 23.0 GiB more, and 6.1 GiB are free" in row._why.text()
    assert "Free some space" in row._why.text()
    assert not row.chat.isVisible() and not row.page.isVisible()
    robot.press(row.again)
    assert robot.asked("resume_job") == (21,)
    robot.tell(made.RUNNING, state="queued", progress=None)
    assert not panel.list.ended and robot.row().download.stage == "waiting"


def test_a_failure_is_cleared_away_with_what_was_fetched(robot: Robot) -> None:
    robot.client.jobs = [made.NO_SPACE]
    panel = robot.open()
    robot.qtbot.waitUntil(lambda: len(panel.list.ended) == 1)
    (row,) = panel.list.ended
    robot.press(row.close_)
    question = row.findChild(CancelQuestion)
    assert question.isVisible() and "9.0 GiB" in question._text.text()
    robot.press(question.confirm)
    assert robot.asked("cancel_job") == (20,)
    robot.tell(made.NO_SPACE, state="cancelled")
    assert not panel.list.ended


def test_a_refusal_leads_to_the_page_and_to_the_token(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: opened.append(url.toString()) or True
    )
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    robot.client.jobs = [made.FAILED]
    panel = robot.open()
    robot.qtbot.waitUntil(lambda: len(panel.list.ended) == 1)
    (row,) = panel.list.ended
    robot.press(row.page)
    assert opened == ["https://hub.example/meta-llama/Llama-3.3-70B-Instruct-GGUF"]
    with robot.qtbot.waitSignal(robot.window.token_asked):
        robot.press(row.token)


def test_cleared_ones_stay_away_in_the_next_window(robot: Robot, context: RecordingContext) -> None:
    from desktop.ui.downloads.forgotten import Forgotten

    robot.client.jobs = made.HISTORY
    panel = robot.open()
    robot.qtbot.waitUntil(lambda: len(panel.list.ended) == 3)
    robot.press(panel.list.clear)
    assert {each.download.state for each in panel.list.ended} == {"failed"}
    kept = Forgotten(context.paths)
    assert 18 in kept and 19 not in kept


def test_the_same_queue_after_the_window_was_started_anew(robot: Robot) -> None:
    """All of it comes from the service: the state for what is under way, the list for the rest."""
    robot.client.jobs = [*made.QUEUE, *made.HISTORY]
    panel = robot.open(*made.QUEUE)
    robot.qtbot.waitUntil(lambda: len(panel.list.ended) == 3)
    assert [each.download.id for each in panel.list.rows] == [21, 22, 23]
    assert [each.download.id for each in panel.list.ended] == [18, 19, 20]


def test_it_follows_the_language(robot: Robot) -> None:
    panel = robot.open(made.RUNNING)
    robot.context.language.set("ja")
    robot.qtbot.waitUntil(lambda: panel._title.text() == "ダウンロード")
    assert "残り 5 min" in robot.row()._state.text()
    assert not robot.row().hold.accessibleName().isascii()
    robot.context.language.set("en")
