"""What is done to a model besides loading it: its menu, removing, hiding, its card, its checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QCheckBox, QFileDialog, QMenu, QPushButton, QWidget

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.acceptance import Acceptance, Check
from desktop.ui.dialogs.adopting import AdoptingDialog
from desktop.ui.dialogs.removing import RemovingDialog
from desktop.ui.tabs.library.columns import Column
from desktop.ui.tabs.library.menu import ModelMenu
from desktop.ui.widgets.base import Button
from tests.ui.library.robot import (
    Robot,
    add_menu,
    broken,
    click,
    dialog_of,
    entry,
    job,
    said,
    toasts,
)

Json = dict[str, Any]
LEFT = Qt.MouseButton.LeftButton
MIB = 1 << 20
MADE = {"variant": "helper", "variant_of": "a:q8_0", "repo": None}
ALWAYS = ["copy_id", "copy_path", "folder"]
USABLE = ["load", "chat", *ALWAYS, "names", "try", "verify"]


def removal(model: str, **more: Any) -> Json:
    file = {
        "path": f"/hub/{model}.gguf",
        "part": "model",
        "size_bytes": 3 * MIB,
        "freed_bytes": 3 * MIB,
        "linked": False,
    }
    return {
        "model": model,
        "freed_bytes": 3 * MIB,
        "removed": [file],
        "kept": [],
        "hidden": False,
        "remains": False,
        "needed_by": [],
        **more,
    }


def tried(*checks: Check) -> Json:
    return Acceptance(1_764_000_000.0, "b1", checks).to_dict()


def choose(robot: Robot, model: str, what: str) -> None:
    """Right click on the row, then the entry of the menu."""
    robot.click(model)
    place = robot.table.visualRect(robot.cell(model, Column.NAME)).center()
    robot.table.customContextMenuRequested.emit(place)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, ModelMenu)
    action = next(each for each in menu.actions() if each.data() == what)
    robot.qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    robot.qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [*USABLE, "export", "hide"]),
        ({"downloaded": True}, [*USABLE, "export", "hide", "remove"]),
        ({"repo": "o/n"}, [*USABLE, "newer", "export", "hide"]),
        (
            {"repo": "o/n", "upstream": {"newer": True, "checked": 1.0}},
            [*USABLE, "newer", "get_newer", "export", "hide"],
        ),
        ({"hidden": True}, [*USABLE, "export", "show"]),
        ({"bundled": True, "source": "bundled"}, [*USABLE, "export"]),
        (
            {"embedding": True},
            ["load", *ALWAYS, "names", "try", "verify", "export", "hide"],
        ),
        ({"kind": "projector"}, [*ALWAYS, "verify", "hide"]),
        (MADE, ["load", "chat", *ALWAYS, "names", "try", "export", "hide", "remove"]),
    ],
)
def test_a_menu_offers_what_can_be_done_to_its_model(
    robot: Robot, more: Json, expected: list[str]
) -> None:
    robot.show(entry("a:q8_0", **more))
    menu = robot.page.list.menu_of(robot.cell("a:q8_0", Column.NAME))
    assert [each.data() for each in menu.actions() if not each.isSeparator()] == expected
    menu.deleteLater()


def test_a_broken_file_can_still_be_found_checked_and_put_away(robot: Robot) -> None:
    robot.show(broken("bad"))
    menu = robot.page.list.menu_of(robot.cell("bad", Column.NAME))
    offered = [each.data() for each in menu.actions() if not each.isSeparator()]
    assert offered == [*ALWAYS, "verify", "hide"]
    menu.deleteLater()


def test_delete_asks_with_what_it_frees_and_does_it_when_confirmed(robot: Robot) -> None:
    client = robot.context.client
    client.removal = removal("a:q8_0", needed_by=["helper"])
    client.remove_model = removal("a:q8_0")
    robot.show(entry("a:q8_0", downloaded=True), entry("b:q8_0"))
    robot.click("a:q8_0")
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Delete)
    dialog = dialog_of(robot, RemovingDialog)
    words = said(dialog)
    assert "Delete a:q8_0?" in words and "3.0 MiB" in words
    assert "/hub/\na:q8_0.gguf" in words
    assert "cannot be loaded without it: helper" in words
    assert client.called("remove_model") == []
    click(robot, dialog, "remove-confirm")
    robot.qtbot.waitUntil(lambda: "a:q8_0 was deleted: 3.0 MiB are free again." in toasts(robot))
    assert client.called("remove_model")[0].args == ("a:q8_0",)


def test_escape_and_enter_keep_the_model(robot: Robot) -> None:
    client = robot.context.client
    client.removal = removal("a:q8_0")
    robot.show(entry("a:q8_0", downloaded=True))
    for key in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
        choose(robot, "a:q8_0", "remove")
        dialog = dialog_of(robot, RemovingDialog)
        robot.qtbot.keyClick(dialog.focusWidget() or dialog, key)
        robot.qtbot.waitUntil(lambda: not robot.page.findChildren(RemovingDialog))
    assert client.called("remove_model") == []


def test_what_stays_is_named_with_its_reason_in_the_language_of_the_window(robot: Robot) -> None:
    kept = {
        "path": "/hub/mmproj.gguf",
        "code": "used_by",
        "reason": "It also belongs to b:q8_0.",
        "params": {"models": "b:q8_0"},
    }
    plan = removal("a:q8_0", kept=[kept], remains=True)
    plan["removed"][0]["linked"] = True
    robot.context.client.removal = plan
    robot.show(entry("a:q8_0", downloaded=True))
    choose(robot, "a:q8_0", "remove")
    dialog = dialog_of(robot, RemovingDialog)
    words = said(dialog)
    assert "Stays: /hub/mmproj.gguf. It also belongs to b:q8_0." in words
    assert "second name" in words and "another place" in words
    robot.context.language.set("ja")
    robot.qtbot.waitUntil(lambda: "b:q8_0 でも使われています。" in said(dialog))
    robot.qtbot.keyClick(dialog, Qt.Key.Key_Escape)


def test_a_made_model_is_deleted_without_a_file(robot: Robot) -> None:
    client = robot.context.client
    asked = [{"path": "/m", "code": "asked", "reason": "", "params": {}}]
    client.removal = client.remove_model = removal(
        "helper", freed_bytes=0, removed=[], kept=asked, remains=True
    )
    robot.show(entry("helper", **MADE))
    choose(robot, "helper", "remove")
    dialog = dialog_of(robot, RemovingDialog)
    words = said(dialog)
    assert "Delete helper?" in words and "the file of a:q8_0 stays" in words
    assert "Stays:" not in words
    click(robot, dialog, "remove-confirm")
    robot.qtbot.waitUntil(lambda: "helper was deleted." in toasts(robot))


def test_a_model_in_use_is_not_deleted_and_says_why(robot: Robot) -> None:
    client = robot.context.client
    client.removal = removal("a:q8_0")
    reason = "It is loaded."
    client.remove_model = AppError(ErrorCode.MODEL_IN_USE, model="a:q8_0", reason=reason)
    robot.show(entry("a:q8_0", downloaded=True))
    choose(robot, "a:q8_0", "remove")
    click(robot, dialog_of(robot, RemovingDialog), "remove-confirm")
    robot.qtbot.waitUntil(lambda: len(robot.context.errors) == 1)
    assert robot.context.errors[0].code is ErrorCode.MODEL_IN_USE
    assert toasts(robot) == []


def test_hiding_can_be_undone_from_its_toast(robot: Robot) -> None:
    client = robot.context.client
    client.hide = client.show = {}
    robot.show(entry("a:q8_0"))
    robot.click("a:q8_0")
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Delete)  # nothing of it could be deleted
    robot.qtbot.waitUntil(lambda: len(robot.context.toasts) == 1)
    assert client.called("hide")[0].args == ("a:q8_0",) and not client.called("removal")
    text, _, undo = robot.context.toasts[0]
    assert "untouched" in text and undo[0] == "Undo"
    undo[1]()
    robot.qtbot.waitUntil(lambda: len(client.called("show")) == 1)
    assert client.called("show")[0].args == ("a:q8_0",)


def test_hidden_models_are_listed_when_wanted(robot: Robot) -> None:
    there, away = entry("a:q8_0"), entry("b:q8_0", hidden=True)
    robot.context.client.models = lambda hidden=False: [there, away] if hidden else [there]
    robot.tell("library.changed", {})
    robot.qtbot.waitUntil(lambda: robot.names() == ["a:q8_0"])
    robot.page.doing.hidden.trigger()
    robot.qtbot.waitUntil(lambda: robot.names() == ["a:q8_0", "b:q8_0"])
    assert ("Hidden", "secondary") in robot.page.rows.chips(away)
    robot.page.doing.hidden.trigger()
    robot.qtbot.waitUntil(lambda: robot.names() == ["a:q8_0"])


def test_f2_goes_to_the_names_and_enter_saves_them(robot: Robot) -> None:
    client = robot.context.client
    client.change_card = {}
    robot.show(entry("a:q8_0", aliases=["old"]))
    robot.click("a:q8_0")
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_F2)
    card = robot.page.detail.card
    assert card.aliases.hasFocus() and not card.save.isVisible()
    robot.qtbot.keyClicks(card.aliases, "gpt-4o, ,mini")
    card.aliases.insert("、gpt-4o")  # what an input method brings
    assert card.save.isVisible()
    robot.qtbot.keyClick(card.aliases, Qt.Key.Key_Return)
    robot.qtbot.waitUntil(lambda: len(client.called("change_card")) == 1)
    assert client.called("change_card")[0].args == ("a:q8_0", {"aliases": ["gpt-4o", "mini"]})


def test_only_what_was_changed_is_saved_and_undo_puts_it_back(robot: Robot) -> None:
    client = robot.context.client
    client.change_card = {}
    robot.show(entry("a:q8_0", tags=["work"], card={"system": "Be short."}))
    card = robot.page.detail.card
    card.tags.setFocus()
    robot.qtbot.keyClicks(card.tags, ", new")
    robot.qtbot.mouseClick(card.undo, LEFT)
    assert (card.tags.text(), card.save.isVisible()) == ("work", False)
    card.system.selectAll()
    robot.qtbot.keyClick(card.system, Qt.Key.Key_Backspace)
    robot.qtbot.mouseClick(card.save, LEFT)
    robot.qtbot.waitUntil(lambda: len(client.called("change_card")) == 1)
    assert client.called("change_card")[0].args == ("a:q8_0", {"system": None})


def test_what_is_being_typed_outlives_a_change_of_the_list(robot: Robot) -> None:
    robot.show(entry("a:q8_0"), entry("b:q8_0"))
    robot.click("a:q8_0")
    card = robot.page.detail.card
    card.tags.setFocus()
    robot.qtbot.keyClicks(card.tags, "half a wo")
    robot.show(entry("a:q8_0", last_used=1_764_000_100.0), entry("b:q8_0"))
    assert card.tags.text() == "half a wo"
    robot.click("b:q8_0")
    assert card.tags.text() == ""


def test_marks_are_shown_and_a_failed_one_says_what_to_do(robot: Robot) -> None:
    marks = robot.page.detail.marks
    robot.show(entry("a:q8_0"))
    assert "It has not been tried yet." in said(marks)
    seen = tried(
        Check("loads", "passed", "loads_ok", {"seconds": 2}),
        Check("tools", "failed", "tools_other_name", {"name": "wheather"}),
        Check("vision", "skipped", "vision_none", {}),
    )
    robot.show(entry("a:q8_0", acceptance=seen))
    names = [each.accessibleName() for each in marks._row.findChildren(QWidget)]
    shown = [name for name in names if name]
    assert [name for name in shown if "Loads" in name or "tools" in name] == [
        "✓ Loads",
        "✕ Calls tools",
    ]
    assert not any("Pictures" in name for name in shown)
    robot.qtbot.waitUntil(lambda: "“wheather”" in said(marks))
    assert "Use a larger model or a better quant" in said(marks)
    assert "not been tried" not in said(marks)


def test_a_mark_of_an_error_tells_it_in_the_language_of_the_window(robot: Robot) -> None:
    error = AppError(ErrorCode.ENGINE_OUT_OF_MEMORY, model="a:q8_0", device="CPU").to_dict()
    seen = tried(Check("loads", "failed", "loads_failed", {"error": error}))
    robot.show(entry("a:q8_0", acceptance=seen))
    robot.context.language.set("ja")
    marks = robot.page.detail.marks
    robot.qtbot.waitUntil(lambda: "読み込めません" in said(marks))
    assert "(reason)" not in said(marks) and "memory" not in said(marks)


def test_trying_again_is_a_job_and_says_how_it_stands(robot: Robot) -> None:
    client = robot.context.client
    client.submit = job(7, "acceptance", "a:q8_0", "queued")
    robot.show(entry("a:q8_0"))
    marks = robot.page.detail.marks
    robot.qtbot.mouseClick(marks.again, LEFT)
    robot.qtbot.waitUntil(lambda: len(client.called("submit")) == 1)
    assert client.called("submit")[0].args == (
        "acceptance",
        {"model": "a:q8_0", "asked": True},
    )
    robot.tell("job.changed", job(7, "acceptance", "a:q8_0", "queued"))
    assert "as soon as nothing else uses the machine" in said(marks)
    assert not marks.again.isVisible()
    running = {"what": "loading", "done": 1, "total": 8, "unit": "tests", "detail": {}}
    robot.tell("job.changed", job(7, "acceptance", "a:q8_0", progress=running))
    assert "It is being tried now." in said(marks)
    tested = {"outcome": "tested", "code": None, "error": None}
    robot.tell("job.changed", job(7, "acceptance", "a:q8_0", "done", finished=1.0, result=tested))
    assert marks.again.isVisible() and toasts(robot) == []


def test_a_trial_that_was_not_made_is_told(robot: Robot) -> None:
    error = AppError(
        ErrorCode.LOAD_WONT_FIT, model="a:q8_0", need="9 GiB", available="1 GiB", device="RAM"
    )
    robot.show(entry("a:q8_0"))
    for number, code, why in ((7, "wont_fit", error.to_dict()), (8, "busy", None)):
        robot.context.client.submit = job(number, "acceptance", "a:q8_0", "queued")
        choose(robot, "a:q8_0", "try")
        robot.qtbot.waitUntil(lambda number=number: number in robot.page.keeper._jobs._followed)
        result = {"outcome": "skipped", "code": code, "error": why, "acceptance": None}
        ended = job(number, "acceptance", "a:q8_0", "done", finished=1.0, result=result)
        robot.tell("job.changed", ended)
    assert [each.code for each in robot.context.errors] == [ErrorCode.LOAD_WONT_FIT]
    assert ["in use all the time" in text for text in toasts(robot)] == [True]


@pytest.mark.parametrize(
    ("state", "words"),
    [("ok", "every byte"), ("damaged", "get it again"), ("no_hash", "no hash")],
)
def test_checking_a_file_shows_how_far_it_is_and_what_came_of_it(
    robot: Robot, state: str, words: str
) -> None:
    robot.context.client.verify_model = job(3, "verify", "a:q8_0")
    robot.show(entry("a:q8_0"))
    choose(robot, "a:q8_0", "verify")
    robot.qtbot.waitUntil(lambda: 3 in robot.page.keeper._jobs._followed)
    progress = {"what": "reading", "done": 30, "total": 120, "unit": "bytes", "detail": {}}
    robot.tell("job.changed", job(3, "verify", "a:q8_0", progress=progress))
    assert "Checking the file: 25%" in said(robot.page.detail)
    done = job(3, "verify", "a:q8_0", "done", finished=1.0, result={"state": state})
    robot.tell("job.changed", done)
    assert [words in text for text in toasts(robot)] == [True]
    assert "Checking" not in said(robot.page.detail)


def test_a_damaged_model_says_so_and_what_to_do(robot: Robot) -> None:
    error = AppError(ErrorCode.MODEL_DAMAGED, path="/models/a.gguf").to_dict()
    checked = {"state": "damaged", "checked": 1_764_000_000.0}
    robot.show(entry("a:q8_0", broken=True, error=error, checked=checked, downloaded=True))
    banner = robot.page.detail.banner
    assert "damaged" in banner.accessibleName() and "get it again" in banner.accessibleName()
    assert "✕ damaged, 2025-11-2" in said(robot.page.detail.facts)


def test_a_newer_upload_is_looked_for_and_fetched(robot: Robot) -> None:
    client = robot.context.client
    client.check_upstream = [{"repo": "o/n", "models": ["a"], "newer": ["a"], "error": None}]
    client.pull = job(5, "download", "o/n/a.gguf", "queued")
    newer = {"newer": True, "checked": 1.0}
    robot.show(entry("a", repo="o/n", repo_file="a.gguf", upstream=newer))
    assert ("Newer upload", "info") in robot.page.rows.chips(robot.page.rows.entries()[0])
    choose(robot, "a", "newer")
    robot.qtbot.waitUntil(lambda: "There is a newer upload of a." in toasts(robot))
    choose(robot, "a", "get_newer")
    robot.qtbot.waitUntil(lambda: bool(robot.context.visits))
    assert client.called("pull")[0].args == ("o/n/a.gguf",)
    assert robot.context.visits == ["downloads"]


def test_a_look_for_a_newer_upload_that_failed_does_not_say_there_is_none(robot: Robot) -> None:
    gone = AppError(ErrorCode.HUB_OFFLINE, url="hub.example").to_dict()
    found = [{"repo": "o/n", "models": ["a"], "newer": [], "error": gone}]
    robot.context.client.check_upstream = found
    robot.show(entry("a", repo="o/n"))
    choose(robot, "a", "newer")
    robot.qtbot.waitUntil(lambda: len(robot.context.errors) == 1)
    assert toasts(robot) == []


def test_ctrl_c_copies_the_id_and_the_menu_goes_to_a_chat(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    robot.click("a:q8_0")
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "a:q8_0"
    choose(robot, "a:q8_0", "chat")
    assert robot.context.visits == ["chat a:q8_0"]


def test_the_button_of_the_panel_opens_the_same_menu(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    robot.qtbot.mouseClick(robot.page.detail.more, LEFT)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, ModelMenu)
    assert "export" in [each.data() for each in menu.actions()]
    robot.qtbot.keyClick(menu, Qt.Key.Key_Escape)


# --- other programs, Modelfiles -------------------------------------------------------------------


def app(name: str, title: str, count: int, **more: Any) -> Json:
    model = {"name": "m", "problem": None}
    return {
        "app": name,
        "title": title,
        "folder": f"/mnt/h/.{name}/models",
        "further": [],
        "size_bytes": 3 << 30,
        "adopted": False,
        "error": None,
        "models": [model] * count,
        **more,
    }


def test_models_of_other_programs_are_taken_in_where_they_are_ticked(robot: Robot) -> None:
    client = robot.context.client
    problem = AppError(ErrorCode.GGUF_TRUNCATED, path="x", have_bytes=1, need_bytes=2).to_dict()
    spoiled = app("lmstudio", "LM Studio", 0)
    spoiled["models"] = [{"name": "half", "problem": problem}, {"name": "m", "problem": None}]
    client.adoptable = {
        "apps": [app("ollama", "Ollama", 1), spoiled, app("jan", "Jan", 4, adopted=True)],
        "folders": [],
    }
    client.adopt = {"added": ["llama3.2:3b"], "removed": [], "changed": []}
    add_menu(robot, "adopt")
    dialog = dialog_of(robot, AdoptingDialog)
    boxes = {each.objectName(): each for each in dialog.findChildren(QCheckBox)}
    assert boxes["adopt-ollama"].text() == "Ollama: 1 model, 3.0 GiB"
    assert boxes["adopt-jan"].text() == "Jan: in the library already"
    assert not boxes["adopt-jan"].isEnabled()
    assert "half: " in said(dialog) and "/mnt/h/.ollama/models" in said(dialog)
    boxes["adopt-lmstudio"].setFocus()
    robot.qtbot.keyClick(boxes["adopt-lmstudio"], Qt.Key.Key_Space)
    robot.qtbot.keyClick(boxes["adopt-lmstudio"], Qt.Key.Key_Return)
    robot.qtbot.waitUntil(lambda: "llama3.2:3b was added." in toasts(robot))
    assert [call.args for call in client.called("adopt")] == [("ollama",)]


def test_without_other_programs_the_dialog_says_where_it_looked(robot: Robot) -> None:
    robot.context.client.adoptable = {"apps": [], "folders": []}
    add_menu(robot, "adopt")
    dialog = dialog_of(robot, AdoptingDialog)
    assert "LM Studio" in said(dialog)
    assert not dialog.findChild(Button, "adopt-confirm").isVisible()
    robot.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert robot.context.client.called("adopt") == []


def file_dialog(robot: Robot) -> QFileDialog:
    found: QFileDialog = dialog_of(robot, QFileDialog)
    return found


def test_a_modelfile_makes_a_model(robot: Robot, tmp_path: Path) -> None:
    client = robot.context.client
    (tmp_path / "mario").mkdir()
    path = tmp_path / "mario" / "Modelfile"
    path.write_text("FROM ./a.gguf\nSYSTEM 任天堂\n", encoding="utf-8")
    left = [{"name": "mirostat", "value": "1", "reason": "…"}]
    client.import_modelfile = {"id": "mario", "variant_of": "a", "left_out": left, "notices": []}
    add_menu(robot, "modelfile")
    dialog = file_dialog(robot)
    dialog.fileSelected.emit(str(path))
    dialog.close()
    robot.qtbot.waitUntil(lambda: bool(toasts(robot)))
    assert toasts(robot) == ["mario was made. Not taken over: mirostat."]
    called = client.called("import_modelfile")[0].args
    assert called == (path.read_text(encoding="utf-8"), "mario", str(path.parent))


def test_a_file_that_is_no_text_is_refused(robot: Robot, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF\xff\xfe")
    add_menu(robot, "modelfile")
    dialog = file_dialog(robot)
    dialog.fileSelected.emit(str(path))
    dialog.close()
    assert [each.code for each in robot.context.errors] == [ErrorCode.PATH_UNREADABLE]
    assert robot.context.client.called("import_modelfile") == []


def test_a_model_is_written_as_a_modelfile(robot: Robot, tmp_path: Path) -> None:
    answer = {"model": "a", "modelfile": "FROM /m/a.gguf\n", "left_out": []}
    robot.context.client.export_modelfile = answer
    robot.show(entry("a"))
    choose(robot, "a", "export")
    dialog = file_dialog(robot)
    dialog.fileSelected.emit(str(tmp_path / "Modelfile"))
    dialog.close()
    assert (tmp_path / "Modelfile").read_text() == "FROM /m/a.gguf\n"
    assert any("Saved as" in text for text in toasts(robot))


def test_only_models_of_one_program_or_tag_are_shown(robot: Robot) -> None:
    robot.show(entry("a"), entry("b", app="ollama"), entry("c", tags=["work"]))
    bar = robot.page.bar
    assert bar.kept.isVisible() and bar.kept.text() == "All models"
    for wanted, shown in (("Ollama", ["b"]), ("work", ["c"]), ("All models", ["a", "b", "c"])):
        robot.qtbot.mouseClick(bar.kept, LEFT)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        action = next(each for each in menu.actions() if each.text() == wanted)
        place: QPoint = menu.actionGeometry(action).center()
        robot.qtbot.mouseClick(menu, LEFT, pos=place)
        assert robot.names() == shown
        assert bar.kept.text() == wanted
    bar.choose("tag", "work")
    robot.show(entry("a"), entry("c"))
    assert robot.names() == ["a", "c"], "a tag that is gone keeps nothing away"
    assert not bar.kept.isVisible()


def test_the_words_of_the_filter_find_names_and_tags(robot: Robot) -> None:
    robot.show(entry("a", aliases=["gpt-4o"]), entry("b", tags=["日本語"]), entry("c"))
    robot.qtbot.keyClicks(robot.page.filter, "gpt-4")
    assert robot.names() == ["a"]
    robot.page.filter.setText("日本")
    assert robot.names() == ["b"]


def test_buttons_of_the_dialogs_have_names(robot: Robot) -> None:
    robot.context.client.removal = removal("a")
    robot.show(entry("a", downloaded=True))
    choose(robot, "a", "remove")
    dialog = dialog_of(robot, RemovingDialog)
    assert sorted(each.text() for each in dialog.findChildren(QPushButton)) == ["Cancel", "Delete"]
    robot.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
