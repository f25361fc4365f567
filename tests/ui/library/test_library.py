"""The Library page, driven as hands do."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QWheelEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.core.notices import notice
from desktop.ui.price.controls import context_steps
from desktop.ui.shell.window import MainWindow
from desktop.ui.tabs.library.columns import Column
from desktop.ui.tabs.library.facts import breakable
from desktop.ui.tabs.library.rows import LibraryRows
from desktop.ui.tabs.library.view import LibraryPage
from desktop.ui.widgets.filedrop import FileDrop
from tests.helpers.window import RecordingContext, StubPage
from tests.ui.library.robot import PAGES, READY, WISHES, WONT_FIT, Robot, broken, entry, loaded

Json = dict[str, Any]


def test_enter_loads_the_row_and_enter_again_takes_it_out(robot: Robot) -> None:
    robot.show(entry("a:q8_0"), entry("b:q8_0"))
    robot.click("b:q8_0")
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Return)
    robot.qtbot.waitUntil(lambda: len(robot.loads()) == 1)
    wishes = dict.fromkeys(WISHES)
    assert robot.loads() == [(("b:q8_0",), wishes)]
    robot.tell("model.changed", loaded("b:q8_0", "ready", **READY))
    assert robot.text("b:q8_0", Column.STATE) == "Loaded"
    assert robot.text("b:q8_0", Column.ACTION) == "Unload"
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Return)
    robot.qtbot.waitUntil(lambda: bool(robot.context.client.called("unload")))


def test_the_button_of_a_row_loads_once_even_when_it_is_double_clicked(robot: Robot) -> None:
    release = threading.Event()
    robot.context.client.load = lambda model, **wishes: release.wait(10)
    robot.show(entry("a:q8_0"), entry("b:q8_0"))
    robot.click("b:q8_0", Column.ACTION, twice=True)
    robot.qtbot.waitUntil(lambda: len(robot.loads()) == 1)
    assert robot.loads()[0][0] == ("b:q8_0",)
    assert robot.text("b:q8_0", Column.STATE) == "Waiting"
    robot.tell("model.changed", loaded("b:q8_0"))
    assert robot.context.client.called("unload") == []
    release.set()
    robot.qtbot.waitUntil(lambda: robot.page.presenter.waiting == set())


def test_delete_does_nothing_to_the_bundled_model(robot: Robot) -> None:
    robot.show(entry("a:q8_0", bundled=True, source="bundled"))
    robot.click("a:q8_0")
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Delete)
    assert robot.names() == ["a:q8_0"]
    assert not robot.context.client.called("hide") + robot.context.client.called("removal")


def test_a_broken_file_says_why_and_cannot_be_loaded(robot: Robot) -> None:
    robot.show(broken("bad"), entry("good:q8_0"))
    robot.click("bad", twice=True)
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Return)
    assert robot.text("bad", Column.ACTION) == ""
    assert robot.page.detail.banner.isVisible()
    assert "ends too early" in robot.page.detail.banner.accessibleName()
    assert not robot.page.detail.form.isVisible()
    assert robot.loads() == []


def test_only_broken_files_leave_a_word_and_a_way_out(robot: Robot) -> None:
    robot.show(broken("bad"))
    assert robot.page.banner.isVisible()
    robot.show(broken("bad"), entry("good:q8_0"))
    assert not robot.page.banner.isVisible()


def test_the_form_asks_for_what_was_chosen(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    form = robot.page.detail.form
    form.context.setFocus()
    for _ in range(3):
        robot.qtbot.keyClick(form.context, Qt.Key.Key_Up)
    assert form.context.value() == 8192
    assert form.slider.value() == 3
    robot.qtbot.keyClick(form.slider, Qt.Key.Key_Home)
    assert form.context.value() == 0
    middle = form.slider.rect().center()
    robot.qtbot.mouseClick(form.slider, Qt.MouseButton.LeftButton, pos=middle)
    assert form.context.value() in (4096, 8192)
    robot.qtbot.keyClick(form.slider, Qt.Key.Key_End)
    assert form.context.value() == 32768
    form.slots.stepUp()
    form.kv_type.setCurrentText("q8_0")
    robot.qtbot.mouseClick(form.button, Qt.MouseButton.LeftButton)
    robot.qtbot.waitUntil(lambda: len(robot.loads()) == 1)
    wished = {**dict.fromkeys(WISHES), "context_tokens": 32768, "slots": 1, "kv_type": "q8_0"}
    assert robot.loads()[0][1] == wished


def test_the_wheel_over_a_field_scrolls_and_changes_nothing(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    form = robot.page.detail.form
    robot.table.setFocus()
    place = QPointF(form.slots.rect().center())
    wheel = QWheelEvent(
        place,
        QPointF(form.slots.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(form.slots, wheel)
    assert form.slots.value() == 0
    form.slots.setFocus()
    QApplication.sendEvent(form.slots, wheel)
    assert form.slots.value() == 1


def test_stages_are_shown_and_cancel_unloads(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    for stage in ("checking memory", "reading file", "placing layers", "warming up"):
        robot.tell("model.changed", loaded("a:q8_0", stage=stage, progress=0.5))
        assert robot.page.detail.stages.isVisible()
        assert robot.page.detail.stages.current() == stage
        assert ("50%" in robot.text("a:q8_0", Column.STATE)) == (
            stage in ("reading file", "placing layers")
        )
    assert not robot.page.detail.form.isVisible()
    robot.qtbot.mouseClick(robot.page.detail.cancel, Qt.MouseButton.LeftButton)
    robot.qtbot.waitUntil(lambda: len(robot.context.client.called("unload")) == 1)
    stopped = AppError(ErrorCode.LOAD_CANCELLED, model="a:q8_0")
    robot.tell("model.failed", {"id": "a:q8_0", "error": stopped.to_dict()})
    assert not robot.page.detail.banner.isVisible()
    assert robot.text("a:q8_0", Column.STATE) == ""
    assert robot.page.detail.form.isVisible()


def test_after_loading_predicted_stands_beside_measured(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    robot.tell("model.changed", loaded("a:q8_0", "ready", **READY))
    texts = robot.page.detail.memory.texts()
    assert ["KV cache", "~ 33.0 MiB", "✓ 32.0 MiB"] in texts
    assert ["Together", "~ 48.0 MiB", "✓ 45.0 MiB"] in texts
    assert robot.page.detail.form.button.text() == "Load again"


def test_what_was_decided_in_a_load_stands_there_in_ones_language(robot: Robot) -> None:
    reduced = vars(notice("context_reduced", tokens=4096, wanted=32768))
    robot.show(entry("a:q8_0"))
    robot.tell("model.changed", loaded("a:q8_0", "loading", notices=[reduced]))
    assert not robot.page.detail.notices.isVisible()
    robot.tell("model.changed", loaded("a:q8_0", "ready", **READY, notices=[reduced]))
    assert "4,096 tokens instead of 32,768" in robot.page.detail.notices.text()
    robot.context.language.set("ja")
    shown = robot.page.detail.notices
    wanted = "4,096 トークンです"
    robot.qtbot.waitUntil(lambda: wanted in shown.text().replace("\u200b", ""))
    robot.tell("model.changed", loaded("a:q8_0", "ready", **READY, notices=[]))
    assert not robot.page.detail.notices.isVisible()


def test_a_refused_load_tells_its_figures_in_place_and_can_be_forced(robot: Robot) -> None:
    robot.context.client.load = WONT_FIT
    robot.show(entry("big:q8_0"))
    robot.click("big:q8_0", Column.ACTION)
    robot.qtbot.waitUntil(robot.page.detail.form.anyway.isVisible)
    said = robot.page.detail.banner.accessibleName()
    assert "61.2 GiB" in said.replace("\u200b", "")
    assert "--ctx" not in said
    assert robot.context.errors == []
    robot.context.client.load = {}
    robot.qtbot.mouseClick(robot.page.detail.form.anyway, Qt.MouseButton.LeftButton)
    robot.qtbot.waitUntil(lambda: len(robot.loads()) == 2)
    assert robot.loads()[1][1]["force"] is True
    assert not robot.page.detail.form.anyway.isVisible()


def test_the_filter_finds_and_escape_clears_it(robot: Robot) -> None:
    robot.show(entry("qwen3:q8_0"), entry("llama:f16", repo="maker/some-repo"), broken("bad"))
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert robot.page.filter.hasFocus()
    robot.qtbot.keyClicks(robot.page.filter, "SOME-repo")
    assert robot.names() == ["llama:f16"]
    assert robot.page.list.totals.text() == ("2 models, 300 MiB · 1 cannot be read · 1 of 3 shown")
    robot.qtbot.keyClicks(robot.page.filter, "x")
    assert not robot.table.isVisible()
    robot.qtbot.keyClick(robot.page.filter, Qt.Key.Key_Escape)
    assert len(robot.names()) == 3


def test_columns_sort_by_value_and_keep_the_selection(robot: Robot) -> None:
    robot.show(
        entry("a:q8_0", size_bytes=9),
        entry("b:q8_0", size_bytes=100),
        entry("c:q8_0", size_bytes=20),
    )
    robot.click("c:q8_0")
    robot.table.sortByColumn(Column.SIZE, Qt.SortOrder.DescendingOrder)
    assert robot.names() == ["b:q8_0", "c:q8_0", "a:q8_0"]
    current = robot.page.list.current()
    assert current is not None and current["id"] == "c:q8_0"


def test_changes_touch_only_their_rows(qtbot: QtBot) -> None:
    rows = LibraryRows()
    QAbstractItemModelTester(rows, rows)
    rows.set_entries([entry(f"m{n}:q8_0") for n in range(5)])
    resets: list[object] = []
    changed: list[int] = []
    rows.modelReset.connect(functools.partial(resets.append, 1))
    rows.dataChanged.connect(lambda first, last: changed.append(first.row()))
    fresh = [entry(f"m{n}:q8_0") for n in (0, 1, 3, 4, 7)]
    fresh[1]["license"] = "other"
    rows.set_entries(fresh)
    assert [each["id"] for each in rows.entries()] == [f"m{n}:q8_0" for n in (0, 1, 3, 4, 7)]
    assert (resets, changed) == ([], [1])
    both = {name: loaded(name, "ready") for name in ("m3:q8_0", "m7:q8_0")}
    rows.set_loaded(both)
    assert changed == [1, 2, 4]
    rows.set_loaded({"m3:q8_0": both["m3:q8_0"]}, {"m7:q8_0"})
    assert changed == [1, 2, 4, 4]
    assert [rows.state(each) for each in rows.entries()] == ["", "", "ready", "", "restarting"]
    rows.deleteLater()


def drop(target: QWidget, filedrop: FileDrop, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, left, none)
    QApplication.sendEvent(target, enter)
    assert enter.isAccepted()
    assert filedrop.highlighted
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, data, left, none, QEvent.Type.Drop
    )
    QApplication.sendEvent(target, event)
    assert not filedrop.highlighted


def test_dropped_models_are_added_and_other_files_said_to_be_none(
    robot: Robot, tmp_path: Path
) -> None:
    model, picture = tmp_path / "new.gguf", tmp_path / "picture.png"
    for path in (model, picture):
        path.write_bytes(b"x")
    robot.context.client.add_models = {"added": ["new"], "removed": [], "changed": []}
    robot.context.client.models = [entry("a:q8_0"), entry("new")]
    drop(robot.page, robot.page.drop, model, picture, tmp_path)
    robot.qtbot.waitUntil(lambda: robot.names() == ["a:q8_0", "new"])
    called = [call.args for call in robot.context.client.called("add_models")]
    assert called == [(str(model),), (str(tmp_path),)]
    said = [text for text, _, _ in robot.context.toasts]
    assert any("picture.png" in text and ".gguf" in text for text in said)
    current = robot.page.list.current()
    assert current is not None and current["id"] == "new"


def test_a_file_dropped_on_another_page_lands_in_the_library(
    context: RecordingContext, qtbot: QtBot, tmp_path: Path
) -> None:
    makers: dict[str, Any] = {n: functools.partial(StubPage, name=n) for n in PAGES}
    makers["library"] = LibraryPage
    context.client.add_models = {"added": ["new"], "removed": [], "changed": []}
    window = MainWindow(context.theme, makers)
    window.set_up(context, "chat")
    window.show()
    file = tmp_path / "new.gguf"
    file.write_bytes(b"x")
    ground = window.centralWidget()
    assert ground is not None
    drop(ground, window.drop, file)
    assert window.page == "library"
    qtbot.waitUntil(lambda: bool(context.client.called("add_models")))
    page = window.page_of("library")
    assert isinstance(page, LibraryPage)
    qtbot.waitUntil(page.rescan.isEnabled)
    window.close_for_good()
    window.deleteLater()


def test_add_opens_a_dialog_that_does_not_block(robot: Robot) -> None:
    robot.context.client.add_models = {"added": [], "removed": [], "changed": []}
    robot.page.doing.add_folder.trigger()
    dialog = robot.page.findChild(QFileDialog)
    assert dialog is not None and dialog.isVisible()
    dialog.filesSelected.emit(["/"])
    robot.qtbot.waitUntil(lambda: bool(robot.context.client.called("add_models")))
    robot.qtbot.waitUntil(lambda: "Nothing new" in str(robot.context.toasts))
    dialog.close()


def test_rescan_asks_the_service(robot: Robot) -> None:
    robot.context.client.scan = {"added": [], "removed": [], "changed": []}
    robot.qtbot.keyClick(robot.page, Qt.Key.Key_F5)
    robot.qtbot.waitUntil(lambda: bool(robot.context.client.called("scan")))
    robot.qtbot.waitUntil(robot.page.rescan.isEnabled)


def test_the_menu_of_a_row_copies_its_id(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    menu = robot.page.list.menu_of(robot.cell("a:q8_0", Column.NAME))
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts[:5] == ["Load", "Chat", "Copy id", "Copy path", "Open folder"]
    next(a for a in menu.actions() if a.text() == "Copy id").trigger()
    assert QGuiApplication.clipboard().text() == "a:q8_0"
    menu.deleteLater()


def test_details_lie_over_the_list_in_a_narrow_window(robot: Robot) -> None:
    robot.show(entry("a:q8_0"), entry("b:q8_0"))
    split = robot.page.split
    assert split.panel.isVisible()
    assert split.panel.x() >= robot.page.list.width()
    robot.page.resize(960, 600)
    robot.qtbot.waitUntil(lambda: robot.page.list.width() == split.width())
    robot.table.setFocus()
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Escape)
    assert not split.panel.isVisible()
    robot.click("b:q8_0")
    assert split.panel.isVisible()
    robot.qtbot.waitUntil(lambda: split.panel.geometry().right() == split.width() - 1)
    assert robot.page.detail.facts._entry is not None


def test_a_panel_closed_by_hand_stays_closed_until_it_is_wanted(robot: Robot) -> None:
    robot.show(entry("a:q8_0"), entry("b:q8_0"))
    panel = robot.page.split.panel
    robot.table.setFocus()
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Space)
    assert not panel.isVisible()
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Down)
    assert not panel.isVisible()
    robot.click("a:q8_0")
    assert panel.isVisible()


def test_the_service_going_and_coming_back_keeps_the_list(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    robot.tell("model.changed", loaded("a:q8_0", "ready", **READY))
    robot.context.link.lose()  # type: ignore[attr-defined]
    assert robot.names() == ["a:q8_0"]
    assert robot.text("a:q8_0", Column.STATE) == ""
    robot.context.client.models = [entry("b:q8_0")]
    robot.context.link.tell_state()  # type: ignore[attr-defined]
    robot.qtbot.waitUntil(lambda: robot.names() == ["b:q8_0"])


def test_no_panel_is_ever_wider_than_its_place(robot: Robot) -> None:
    robot.show(entry("a" * 200, path="/" + "p" * 300, repo="r" * 200, license="l" * 300))
    inside = robot.page.detail
    assert inside.minimumSizeHint().width() <= robot.page.split.panel.width() - 2


def test_everything_has_a_japanese_name(robot: Robot) -> None:
    robot.show(entry("a:q8_0"))
    robot.context.language.set("ja")
    robot.qtbot.waitUntil(lambda: robot.page.add.text() == "追加…")
    assert robot.text("a:q8_0", Column.ACTION) == "読み込む"
    assert robot.page.list.totals.text() == "モデル 1 個、100 MiB"


def test_context_steps_end_at_what_was_trained() -> None:
    assert context_steps(40_960) == [2048, 4096, 8192, 16384, 32768, 40960]
    assert context_steps(512) == [128, 256, 512]
    assert context_steps(None)[-1] == 131_072


def test_breakable_changes_nothing_that_is_seen() -> None:
    text = "/a/very-long_name.gguf and words"
    assert breakable(text).replace("\u200b", "") == text
