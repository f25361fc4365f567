"""Finding the same file twice, and making one of it only when that is confirmed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.dialogs.duplicates import DuplicatesDialog
from desktop.ui.widgets.base import IconButton
from tests.ui.library.robot import Robot, add_menu, click, dialog_of, job, said, toasts

Json = dict[str, Any]
GIB = 1 << 30


def group(name: str, saved: int, count: int = 2) -> Json:
    files = [
        {"path": f"/{place}/{name}.gguf", "names": [], "models": [name], "app": None}
        for place in range(count)
    ]
    return {"sha256": "0" * 64, "size_bytes": 2 * GIB, "saved_bytes": saved, "files": files}


FOUND: Json = {"saved_bytes": 6 * GIB, "groups": [group("a", 4 * GIB, 3), group("b", 2 * GIB)]}


def search(robot: Robot) -> DuplicatesDialog:
    """Ask for it in the menu of Add."""
    robot.context.client.duplicates = job(9, "duplicates", "", "queued")
    add_menu(robot, "duplicates")
    dialog: DuplicatesDialog = dialog_of(robot, DuplicatesDialog)
    robot.qtbot.waitUntil(lambda: 9 in robot.page.doing._duplicates._jobs._followed)
    return dialog


def end(robot: Robot, number: int, kind: str, result: Json) -> None:
    robot.tell("job.changed", job(number, kind, "", "done", finished=1.0, result=result))


def test_groups_are_linked_only_when_ticked_and_confirmed(robot: Robot) -> None:
    client = robot.context.client
    dialog = search(robot)
    progress = {"what": "reading", "done": 1, "total": 4, "unit": "bytes", "detail": {}}
    robot.tell("job.changed", job(9, "duplicates", "", progress=progress))
    assert dialog.row.isVisible() and "25%" in dialog.row.accessibleName()
    end(robot, 9, "duplicates", FOUND)
    assert "6.0 GiB could be saved" in said(dialog) and "/2/a.gguf" in said(dialog)
    assert "There is no way back" in said(dialog)
    assert [tick.isChecked() for tick in dialog.ticks] == [False, False]
    assert not dialog.link.isEnabled()
    dialog.ticks[1].setFocus()
    robot.qtbot.keyClick(dialog.ticks[1], Qt.Key.Key_Space)
    assert dialog.link.text() == "Make one file of each, save 2.0 GiB"
    client.link_duplicates = job(10, "link", "", "queued")
    assert client.called("link_duplicates") == []
    click(robot, dialog, "link-confirm")
    robot.qtbot.waitUntil(lambda: len(client.called("link_duplicates")) == 1)
    assert client.called("link_duplicates")[0].args == ([["/0/b.gguf", "/1/b.gguf"]],)
    robot.qtbot.waitUntil(lambda: 10 in robot.page.doing._duplicates._jobs._followed)
    refusal = AppError(ErrorCode.LINK_REFUSED, path="/1/b.gguf", reason="It is in use.").to_dict()
    disk = {"freed_bytes": 0, "refused": [{"path": "/1/b.gguf", "error": refusal}]}
    end(robot, 10, "link", {"freed_bytes": 0, "disks": [disk]})
    text, kind, _ = robot.context.toasts[-1]
    assert "It is in use." in text and "1 files were left" in text and kind == "warning"


def test_enter_closes_and_links_nothing(robot: Robot) -> None:
    dialog = search(robot)
    end(robot, 9, "duplicates", FOUND)
    robot.qtbot.keyClick(dialog.ticks[0], Qt.Key.Key_Space)
    robot.qtbot.keyClick(dialog.ticks[0], Qt.Key.Key_Return)
    robot.qtbot.waitUntil(lambda: not robot.page.findChildren(DuplicatesDialog))
    assert robot.context.client.called("link_duplicates") == []
    assert robot.context.client.called("cancel_job") == []


def test_escape_stops_the_search(robot: Robot) -> None:
    robot.context.client.cancel_job = {}
    dialog = search(robot)
    robot.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    robot.qtbot.waitUntil(lambda: bool(robot.context.client.called("cancel_job")))
    assert robot.context.client.called("cancel_job")[0].args == (9,)
    cancelled = job(9, "duplicates", "", "cancelled", finished=1.0)
    robot.tell("job.changed", cancelled)
    assert robot.context.errors == []


def test_the_button_of_the_row_stops_it_too(robot: Robot) -> None:
    robot.context.client.cancel_job = {}
    dialog = search(robot)
    robot.qtbot.mouseClick(
        dialog.findChild(IconButton, "progress-cancel"), Qt.MouseButton.LeftButton
    )
    robot.qtbot.waitUntil(lambda: bool(robot.context.client.called("cancel_job")))


def test_without_duplicates_nothing_can_be_linked(robot: Robot) -> None:
    dialog = search(robot)
    end(robot, 9, "duplicates", {"saved_bytes": 0, "groups": []})
    assert "No file is there twice." in said(dialog)
    assert not dialog.link.isVisible()
    robot.qtbot.keyClick(dialog, Qt.Key.Key_Escape)


def test_files_on_different_disks_cannot_be_ticked(robot: Robot) -> None:
    dialog = search(robot)
    end(robot, 9, "duplicates", {"saved_bytes": 0, "groups": [group("a", 0)]})
    (tick,) = dialog.ticks
    assert not tick.isEnabled() and "different disks" in tick.text()
    robot.qtbot.keyClick(dialog, Qt.Key.Key_Escape)


def test_a_search_that_ended_before_its_answer_came_is_shown(robot: Robot) -> None:
    def begun() -> Json:
        ended = job(9, "duplicates", "", "done", finished=1.0, result=FOUND)
        robot.context.tasks.post(lambda: robot.tell("job.changed", ended))
        return job(9, "duplicates", "", "queued")

    robot.context.client.duplicates = begun
    add_menu(robot, "duplicates")
    dialog = dialog_of(robot, DuplicatesDialog)
    robot.qtbot.waitUntil(lambda: len(dialog.ticks) == 2)
    robot.qtbot.keyClick(dialog, Qt.Key.Key_Escape)


def test_a_failed_search_says_why(robot: Robot) -> None:
    dialog = search(robot)
    error = AppError(ErrorCode.INTERNAL, reason="The disk is gone.").to_dict()
    robot.tell("job.changed", job(9, "duplicates", "", "failed", finished=1.0, error=error))
    assert [each.code for each in robot.context.errors] == [ErrorCode.INTERNAL]
    robot.qtbot.waitUntil(lambda: not robot.page.findChildren(DuplicatesDialog))
    assert toasts(robot) == []
    assert dialog is not None
