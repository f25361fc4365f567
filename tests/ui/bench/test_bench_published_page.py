"""The benchmark page: speeds that others published beside the chosen runs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt

from desktop.core.bench.results import ResultStore
from tests.ui.bench.robot import Robot, document


def llama(created: float = 1000.0) -> dict[str, Any]:
    """A run of a model that others have measured, too."""
    made = document(created, 100, 10)
    made["model"] |= {"architecture": "llama", "parameters": 8_030_261_248}
    return made


def choose_published(robot: Robot, words: str) -> Any:
    """Put the first published speed that has these words into the chart."""
    if not robot.page._with_panel.panel.isVisible():
        robot.click(robot.page._comparison.published_button)
    chooser = robot.page._chooser
    robot.wait(lambda: robot.page._presenter.known is not None)
    chooser.search.setText(words)
    place = chooser.list.visualRect(chooser.list.model().index(0, 0)).center()
    robot.qtbot.mouseClick(chooser.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    return chooser.list.model().speeds[0]


def test_a_published_speed_of_the_same_test_is_compared_with_its_source(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    store.add(1, llama())
    robot = open_page()
    speed = choose_published(robot, "9070 XT 8B Q4_K_M")
    assert (speed.device, speed.model) == ("RX 9070 XT", "Llama 3.1 8B")
    robot.wait(lambda: robot.shown().published is not None)
    prefill = robot.shown().panels[0].groups
    assert [group.name for group in prefill[1:]] == ["Published by others", "RX 9070 XT, Vulkan"]
    assert prefill[2].note == "Llama 3.1 8B Q4_K_M: same model, quant type and test"
    (bar,) = prefill[2].bars
    assert (bar.name, bar.value, bar.label) == ("A", 4802, "4,802")
    assert speed.source in bar.tip and "read at its source" in bar.tip
    decode = robot.shown().panels[1].groups[2]
    assert decode.note == "same model, another test: Llama 3.1 8B Q4_K_M, “tg”"
    robot.click(robot.page._comparison._form.button("table"))
    twin = robot.page._comparison._published
    assert twin.isVisible()
    titles, first, second = (line.split("\t") for line in twin.text().splitlines())
    rows = [dict(zip(titles, line, strict=True)) for line in (first, second)]
    assert rows[0]["Run 1 reaches"] == "2.1 %" and rows[1]["Run 1 reaches"] == "–"
    assert [row["tok/s"] for row in rows] == ["4,802", "120"]
    assert rows[0]["Device"] == "A: RX 9070 XT, Vulkan" and rows[0]["Source"] == speed.source
    assert rows[0]["Status"] == "read at its source"


def test_another_model_is_named_and_never_compared(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    store.add(1, document(1000.0, 100, 10))
    robot = open_page()
    choose_published(robot, "rtx 4090 cuda llama 2")
    robot.wait(lambda: robot.shown().published is not None)
    group = robot.shown().panels[1].groups[2]
    assert group.note == "another model: Llama 2 7B Q4_0, 128 tokens"
    assert {row[4] for row in robot.shown().published.rows} == {"–"}
    assert {row[5] for row in robot.shown().published.rows} == {"another model"}
    chart = robot.page._comparison._chart
    assert "another model: Llama 2 7B" in chart.accessibleDescription()


def test_the_runs_own_model_is_offered_first_and_the_choice_can_be_undone(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    store.add(1, llama())
    robot = open_page()
    speed = choose_published(robot, "")
    assert speed.model in ("Llama 3 8B", "Llama 3.1 8B") and speed.quant_type == "Q4_K_M"
    chooser = robot.page._chooser
    checked = chooser.list.model().index(0, 0).data(Qt.ItemDataRole.CheckStateRole)
    assert checked is Qt.CheckState.Checked
    robot.qtbot.keyClick(chooser.list, Qt.Key.Key_Space)
    assert robot.page._presenter.published == ()
    for row in range(8):
        chooser.list.setCurrentIndex(chooser.list.model().index(row, 0))
        robot.qtbot.keyClick(chooser.list, Qt.Key.Key_Return)
    assert len(robot.page._presenter.published) == 6
    assert "6 of at most 6 are in the chart." in robot.texts()
    robot.click(chooser._clear)
    assert robot.page._presenter.published == () and robot.shown().published is None


def test_published_speeds_go_into_the_csv(
    open_page: Callable[[], Robot], store: ResultStore, tmp_path: Path
) -> None:
    store.add(1, document(1000.0, 100, 10, name="my label"))
    robot = open_page()
    speed = choose_published(robot, "rtx 4090 cuda llama 2")
    robot.page._transfer.export_chosen.emit(str(tmp_path / "out.csv"), "csv")
    robot.wait(lambda: bool(robot.context.toasts))
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows[:2]] == ["my label", "my label"]
    assert {row["source"] for row in rows} == {"Paddock benchmark", speed.source}
    assert rows[2]["status"] == "published, transcribed"
