"""The benchmark page: all runs, and what a person does with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit

from desktop.core.bench.export import read_file, save
from desktop.core.bench.results import ResultStore
from desktop.core.errors import ErrorCode
from desktop.ui.tabs.bench import figures, history
from tests.ui.bench.robot import MODEL, Robot, document


def cells(robot: Robot, column: int) -> list[str]:
    model = robot.page._parts.history.table.history
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_a_run_tells_model_quant_device_and_engine(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    store.add(1, document(1000.0, 100, 10, name=f"{MODEL}, 2026-11-21 11:26"))
    robot = open_page()
    table = robot.page._parts.history.table
    shown = [cells(robot, n)[0] for n in range(history.NOTE) if not table.isColumnHidden(n)]
    assert shown[2:] == ["qwen3-8b", "Q4_K_M", "100", "10.0", "AMD EPYC", "0.5.0 0c1e570"]
    assert table.isColumnHidden(history.LABEL) and table.isColumnHidden(history.NOTE)


def test_a_click_on_a_title_sorts_and_the_choice_stays(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    slow, fast = store.add(1, document(1000.0, 100, 10)), store.add(2, document(2000.0, 300, 10))
    middle = store.add(3, document(3000.0, 200, 10))
    robot = open_page()
    assert cells(robot, history.NUMBER) == [str(middle), str(fast), str(slow)]
    header = robot.page._parts.history.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(history.PREFILL) + 20, header.height() // 2)
    robot.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert cells(robot, history.NUMBER) == [str(slow), str(middle), str(fast)]
    robot.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert cells(robot, history.NUMBER) == [str(fast), str(middle), str(slow)]
    assert robot.page._parts.history.table.selected_numbers() == (middle,)


def test_delete_removes_the_chosen_runs_and_undo_brings_them_back(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    kept = store.add(1, document(1000.0, 100, 10))
    second, third = store.add(2, document(2000.0, 90, 10)), store.add(3, document(3000.0, 80, 10))
    robot = open_page()
    client, link, table = robot.context.client, robot.context.link, robot.page._parts.history.table
    client.delete_results = store.delete
    client.restore_results = store.restore
    robot.click_row(1, Qt.KeyboardModifier.ControlModifier)
    robot.wait(lambda: robot.shown().numbers == (third, second))
    robot.qtbot.keyClick(table, Qt.Key.Key_Delete)
    robot.wait(lambda: robot.context.toasts)
    link.tell("results.changed", {})
    robot.wait(lambda: cells(robot, history.NUMBER) == [str(kept)])
    robot.wait(lambda: robot.shown().numbers == (kept,))
    text, _, (word, undo) = robot.context.toasts[0]
    assert (text, word) == ("2 runs were deleted.", "Undo")
    undo()
    robot.wait(lambda: len(cells(robot, history.NUMBER)) == 3)
    robot.wait(lambda: robot.shown().numbers == (third, second))
    assert table.selected_numbers() == (third, second)


def test_f2_gives_a_run_a_label(open_page: Callable[[], Robot], store: ResultStore) -> None:
    number = store.add(1, document(1000.0, 100, 10, name=f"{MODEL}, 2026-11-21 11:26"))
    robot = open_page()
    client, table = robot.context.client, robot.page._parts.history.table
    client.rename_result = store.rename
    robot.click_row(0, Qt.KeyboardModifier.NoModifier)
    robot.qtbot.keyClick(table, Qt.Key.Key_F2)
    editor = table.findChild(QLineEdit)
    assert editor.text() == f"{MODEL}, 2026-11-21 11:26"
    editor.selectAll()
    robot.qtbot.keyClicks(editor, "after the  update")
    robot.qtbot.keyClick(editor, Qt.Key.Key_Return)
    robot.wait(lambda: client.called("rename_result"))
    assert client.called("rename_result")[0].args == (number, "after the update")
    robot.context.link.tell("results.changed", {})
    robot.wait(lambda: cells(robot, history.LABEL) == ["after the update"])
    robot.wait(lambda: "Run 1: after the update" in robot.texts())


def test_the_menu_of_several_chosen_runs_is_about_all_of_them(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    for number in (1, 2, 3):
        store.add(number, document(number * 1000.0, 100, 10))
    robot = open_page()
    pane = robot.page._parts.history
    robot.context.client.delete_results = store.delete
    robot.click_row(1, Qt.KeyboardModifier.ControlModifier)
    place = pane.table.visualRect(pane.table.history.index(1, 2)).center()
    pane.table.customContextMenuRequested.emit(place)
    assert pane.table.selected_numbers() == (3, 2) and pane.menu.isVisible()
    rename, _, _, delete = pane.menu.actions()
    assert not rename.isEnabled() and delete.text() == "Delete 2 runs"
    pane.menu.close()
    delete.trigger()
    robot.wait(lambda: robot.context.client.called("delete_results"))
    assert robot.context.client.called("delete_results")[0].args == ((3, 2),)
    other = pane.table.visualRect(pane.table.history.index(2, 2)).center()
    pane.table.customContextMenuRequested.emit(other)
    assert pane.table.selected_numbers() == (1,) and rename.isEnabled()
    pane.menu.close()


def test_export_writes_the_chosen_run(
    open_page: Callable[[], Robot], store: ResultStore, tmp_path: Path
) -> None:
    store.add(1, document(1000.0, 100, 10))
    store.add(2, document(2000.0, 120, 10))
    robot = open_page()
    actions = robot.page._transfer.menu.actions()
    assert [action.data() for action in actions] == ["json", "csv", "md"]
    actions[0].trigger()
    dialog = robot.page.findChild(QFileDialog)
    target = tmp_path / "out.json"
    dialog.selectFile(str(target))
    dialog.accept()
    robot.wait(lambda: bool(robot.context.toasts))
    assert [each["name"] for each in read_file(target)] == ["run of 2000"]


def test_import_hands_the_documents_to_the_service(
    open_page: Callable[[], Robot], tmp_path: Path
) -> None:
    path = tmp_path / "in.json"
    save([document(1000.0, 100, 10), document(2000.0, 100, 10)], path)
    robot = open_page()
    robot.context.client.import_results = {"added": 1}
    robot.page._presenter.stored.import_file(str(path))
    robot.wait(lambda: bool(robot.context.toasts))
    given = robot.context.client.called("import_results")[0].args[0]
    assert [each["created"] for each in given] == [1000.0, 2000.0]
    assert robot.context.toasts[0][0] == "1 runs added. 1 were here already."


def test_a_file_that_is_none_of_ours_is_refused_with_the_reason(
    open_page: Callable[[], Robot], tmp_path: Path
) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps([{"schema": 99}]))
    robot = open_page()
    robot.page._presenter.stored.import_file(str(path))
    robot.wait(lambda: bool(robot.context.errors))
    assert robot.context.errors[0].code is ErrorCode.RESULT_FILE_INVALID
    assert not robot.context.client.called("import_results")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", "Intel Xeon E5-2680 v4"),
        ("AMD Ryzen 9 7950X 16-Core Processor", "AMD Ryzen 9 7950X"),
        ("NVIDIA GeForce RTX 4090", "GeForce RTX 4090"),
        ("Apple M2 Ultra", "Apple M2 Ultra"),
        ("CPU", "CPU"),
    ],
)
def test_devices_are_called_as_people_call_them(name: str, short: str) -> None:
    assert figures.short_device(name) == short
