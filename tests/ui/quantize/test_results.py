"""The results of the quant lab: advice, plot, table, detail, comparison, files."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from desktop.core.errors import ErrorCode
from desktop.ui.tabs.quantize.results import ResultsPane
from desktop.ui.tabs.quantize.results_model import Column
from desktop.ui.widgets.base import Text
from tests.helpers.quant_results import (
    FOREIGN,
    QUANTIZED,
    SOURCE,
    TARGET,
    UNEVALUATED,
    many,
    output,
)
from tests.helpers.window import RecordingContext

TITLE = "paddock-guide"
DAY = 86_400.0


class Robot:
    """A person at the pane."""

    def __init__(self, pane: ResultsPane, context: RecordingContext, qtbot: QtBot) -> None:
        self.pane, self.context, self.qtbot = pane, context, qtbot
        self.table = pane.table

    def wait(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()))

    def texts(self) -> str:
        """All that can be read beside the table and the plot."""
        shown = [each.text() for each in self.pane.findChildren(Text) if each.isVisible()]
        return "\n".join(shown).replace("\u200b", "").replace("\u00a0", " ")

    def column(self, column: Column) -> list[str]:
        model = self.table.results
        texts = [model.index(line, column).data() for line in range(model.rowCount())]
        return [text.replace("\u00a0", " ") for text in texts]

    def cell(self, label: str, column: Column) -> QModelIndex:
        lines = [row.label for row in self.table.results.rows]
        return self.table.results.index(lines.index(label), column)

    def tip(self, label: str, column: Column) -> str:
        found: str = self.cell(label, column).data(Qt.ItemDataRole.ToolTipRole)
        return found

    def click(self, label: str) -> None:
        place = self.table.visualRect(self.cell(label, Column.NAME)).center()
        self.qtbot.mouseClick(self.table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def click_title(self, column: Column) -> None:
        header = self.table.horizontalHeader()
        place = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
        self.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def point(self, label: str) -> QPoint:
        chart = self.pane.plot.chart
        assert chart is not None
        return chart._place(next(p for p in chart.points if p.name == label)).toPoint()

    def press(self, name: str) -> None:
        button = self.pane.findChild(QPushButton, name)
        assert button is not None and button.isVisible(), name
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def do(self, name: str, label: str) -> None:
        """Choose from a row's menu."""
        self.click(label)
        place = self.table.visualRect(self.cell(label, Column.NAME)).center()
        self.table.customContextMenuRequested.emit(place)
        action = next(a for a in self.table.menu.actions() if a.objectName() == f"result-{name}")
        assert action.isVisible() and action.isEnabled(), name
        self.table.menu.close()
        action.trigger()


@pytest.fixture
def robot(context: RecordingContext, qtbot: QtBot) -> Iterator[Robot]:
    pane = ResultsPane(context)
    pane.resize(1100, 900)
    pane.show()
    qtbot.waitUntil(lambda: pane.plot.chart is not None, timeout=20_000)
    yield Robot(pane, context, qtbot)
    pane.close()
    pane.deleteLater()


# --- what is shown --------------------------------------------------------------------------------


def test_without_a_result_it_says_what_will_be_here(robot: Robot) -> None:
    assert robot.texts() == (
        "When a job has finished, what each file lost, its size and speed appear here."
    )
    assert not robot.table.isVisible()
    robot.pane.set_result(QUANTIZED, TITLE)
    assert "When a job has finished" not in robot.texts() and robot.table.isVisible()
    robot.pane.set_result(None, "")
    assert "When a job has finished" in robot.texts() and not robot.table.isVisible()


def test_the_table_has_all_figures_with_the_whole_model_on_top(robot: Robot) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    assert robot.column(Column.NAME)[0] == "F16  the whole model"
    made = QUANTIZED["outputs"][0]
    line = [made["label"] == row.label for row in robot.table.results.rows].index(True)
    shown = [robot.column(column)[line] for column in Column]
    assert shown[Column.KLD] == f"{made['kld_mean']:.7f}"[: len(shown[Column.KLD])]
    assert shown[Column.INTERVAL].count("–") == 1
    assert shown[Column.SAME] == f"{made['same_top_rate']:.2%}".replace("%", " %")
    assert shown[Column.DECODE].startswith("✓ ") and shown[Column.PREFILL].startswith("✓ ")
    assert shown[Column.CHUNKS] == str(made["chunks"])
    assert shown[Column.FILE] == Path(made["path"]).name
    assert "–" not in shown[Column.SIZE : Column.INTERVAL]
    sides = [robot.cell(made["label"], c).data(Qt.ItemDataRole.TextAlignmentRole) for c in Column]
    right = [c for c in Column if sides[c] & int(Qt.AlignmentFlag.AlignRight)]
    assert set(Column) - set(right) == {Column.NAME, Column.RESULT, Column.FILE}


@pytest.mark.parametrize("column", [Column.KLD, Column.SIZE, Column.NAME, Column.DECODE])
def test_a_click_on_a_title_sorts_but_for_the_whole_model(robot: Robot, column: Column) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    orders = []
    for _ in range(2):
        robot.click_title(column)
        labels = [row.label for row in robot.table.results.rows]
        assert labels[0] == "F16"
        orders.append(labels[1:])
    assert orders[0] == orders[1][::-1] and len(set(orders[0])) == len(QUANTIZED["outputs"])
    values = {each["label"]: each["kld_mean"] for each in QUANTIZED["outputs"]}
    if column is Column.KLD:
        assert sorted(orders[0], key=values.__getitem__) in orders


def test_what_is_not_measured_is_a_dash_that_says_why(robot: Robot) -> None:
    result = copy.deepcopy(QUANTIZED)
    result["outputs"][0] |= {"kld_99": None, "decode_tokens_per_second": None, "kld_mean": None}
    label = result["outputs"][0]["label"]
    robot.pane.set_result(result, TITLE)
    for column, why in (
        (Column.WORST, "The engine did not print this figure."),
        (Column.DECODE, "Its speed was not measured."),
        (Column.KLD, "Not measured."),
    ):
        assert robot.cell(label, column).data() == "–"
        assert why in robot.tip(label, column)
    assert robot.cell("F16", Column.KLD).data() == "–"
    assert "what the files are compared with" in robot.tip("F16", Column.KLD)
    chart = robot.pane.plot.chart
    assert chart is not None and label not in [point.name for point in chart.points]
    robot.click_title(Column.KLD)
    assert robot.table.results.rows[-1].label == label
    robot.click_title(Column.KLD)
    assert robot.table.results.rows[-1].label == label


def test_without_an_evaluation_only_sizes_are_shown(robot: Robot) -> None:
    robot.pane.set_result(UNEVALUATED, TITLE)
    assert robot.table.isColumnHidden(Column.KLD) and not robot.table.isColumnHidden(Column.SIZE)
    assert "only sizes are known" in robot.texts()
    assert not robot.pane.plot.isVisible() and robot.table.isVisible()
    robot.pane.set_result(QUANTIZED, TITLE)
    assert not robot.table.isColumnHidden(Column.KLD) and robot.pane.plot.isVisible()


def test_files_not_made_here_are_told_by_word_and_shape(robot: Robot) -> None:
    robot.pane.set_result(FOREIGN, TITLE)
    foreign = next(each["label"] for each in FOREIGN["outputs"] if each["foreign"])
    assert robot.cell(foreign, Column.NAME).data() == f"{foreign}  not made here"
    chart = robot.pane.plot.chart
    assert chart is not None
    assert [point.name for point in chart.points if point.other] == [foreign]
    assert robot.pane.plot._foreign.isVisible()
    robot.pane.set_result(QUANTIZED, TITLE)
    assert not robot.pane.plot._foreign.isVisible()


def test_fallbacks_are_told_in_the_detail(robot: Robot) -> None:
    result = copy.deepcopy(QUANTIZED)
    names = [f"blk.{n}.ffn_down.weight" for n in range(9)]
    result["outputs"][1]["fallbacks"] = names
    result["outputs"][2]["fallbacks"] = names[:1]
    robot.pane.set_result(result, TITLE)
    robot.click(result["outputs"][1]["label"])
    assert "9 tensors got another type" in robot.texts()
    assert "blk.5.ffn_down.weight and 3 more." in robot.texts()
    robot.click(result["outputs"][2]["label"])
    assert "One tensor got another type" in robot.texts()
    robot.click(result["outputs"][0]["label"])
    assert "another type" not in robot.texts()


def test_names_of_strangers_are_never_markup(robot: Robot) -> None:
    evil = output("<img src=x><b>", 3_000_000, 4.0, 0.02, path="/tmp/<b>bold.gguf")
    robot.pane.set_result({**QUANTIZED, "outputs": [evil], "recommendation": None}, TITLE)
    assert "<img src=x><b>" in robot.texts()
    for column in (Column.NAME, Column.FILE):
        tip = robot.tip("<img src=x><b>", column)
        assert "<img" not in tip and "<b>" not in tip and "&lt;" in tip
    chart = robot.pane.plot.chart
    assert chart is not None
    tip = chart.tip_at(robot.point("<img src=x><b>"))
    assert "<img" not in tip and "&lt;img" in tip
    robot.pane.grab()


def test_absurd_figures_do_no_harm(robot: Robot) -> None:
    absurd = [
        output("A", 1, 1e300, 1e-300),
        output("B", 1 << 60, 0.0, 1e300, decode_tokens_per_second=1e300),
        output("C", 0, 0.0, -1.0, decode_tokens_per_second=0.0),
    ]
    robot.pane.set_result({**QUANTIZED, "outputs": absurd}, "x" * 300)
    robot.pane.grab()
    assert len(robot.table.results.rows) == 4


# --- advice and target ----------------------------------------------------------------------------


def test_advice_stands_on_top_and_its_row_is_chosen_first(robot: Robot) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    advised = QUANTIZED["recommendation"]["label"]
    assert robot.pane._advice.isVisible() and advised in robot.pane._advice.text.text()
    row = robot.table.current()
    assert row is not None and row.label == advised and row.note == "recommended"
    assert robot.pane.detail._title.text() == advised
    chart = robot.pane.plot.chart
    assert chart is not None and chart.current == row.key
    assert [point.name for point in chart.points if point.strong] == [advised]
    robot.pane.set_result({**QUANTIZED, "recommendation": None}, TITLE)
    assert not robot.pane._advice.isVisible()


def test_advice_of_a_newer_service_is_told_as_it_was_sent(robot: Robot) -> None:
    path = QUANTIZED["outputs"][0]["path"]
    newer = {"code": "of_tomorrow", "params": {}, "path": path, "label": "Q8_0", "text": "Take it."}
    robot.pane.set_result({**QUANTIZED, "recommendation": newer}, TITLE)
    assert robot.pane._advice.text.text() == "Take it."


def test_a_target_tells_both_figures_and_saves_its_recipe(robot: Robot) -> None:
    robot.pane.set_result(TARGET, TITLE)
    found, plain = TARGET["target"]["found"], TARGET["target"]["plain"]
    text = robot.texts()
    assert "The best within 2.91 MiB" in text
    assert "Found: 2.86 MiB, KLD " in text and f"Plain {plain['label']}: 2.88 MiB, KLD " in text
    assert f"{found['kld_mean']:.4f}" in text and f"{plain['kld_mean']:.4f}" in text
    assert "48 recipes tried in 7 min." in text
    pattern = TARGET["target"]["recipe"]["tensor_types"][0][0]
    folded = robot.pane.target._recipe
    assert not folded.isVisible()
    robot.press("target-recipe")
    assert folded.isVisible() and f"{pattern}: " in folded.text()
    with robot.qtbot.waitSignal(robot.pane.save_recipe_requested) as asked:
        robot.press("target-save")
    assert asked.args == [TARGET["target"]["recipe"]]
    robot.pane.set_result(QUANTIZED, TITLE)
    assert not robot.pane.target.isVisible()


def test_a_target_that_nothing_beat_says_so(robot: Robot) -> None:
    plain = TARGET["target"]["plain"]
    lost = {**TARGET["target"], "found": plain, "better": False}
    robot.pane.set_result({**TARGET, "target": lost}, TITLE)
    assert f"No recipe that was tried loses less than plain {plain['label']}" in robot.texts()
    assert "Found:" not in robot.texts() and f"Plain {plain['label']}: " in robot.texts()
    assert not robot.pane.target._save.isVisible()


def test_tried_types_have_a_row_without_a_file(robot: Robot) -> None:
    robot.pane.set_result(TARGET, TITLE)
    plain = TARGET["target"]["plain"]["label"]
    assert robot.cell(plain, Column.NAME).data() == f"{plain}  tried, not kept"
    assert robot.cell(plain, Column.FILE).data() == "–"
    assert "its file was not kept" in robot.tip(plain, Column.FILE)
    asked: list[str] = []
    robot.pane.open_requested.connect(asked.append)
    robot.click(plain)
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Return)
    assert asked == []


# --- hands ----------------------------------------------------------------------------------------


def test_table_plot_and_detail_go_together(robot: Robot) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    first, second = (each["label"] for each in QUANTIZED["outputs"][:2])
    chart = robot.pane.plot.chart
    assert chart is not None
    robot.click(first)
    assert chart.told().startswith(f"{first}: ") and robot.pane.detail._title.text() == first
    at = robot.point(second)
    robot.qtbot.mouseClick(chart.viewport(), Qt.MouseButton.LeftButton, pos=at)
    row = robot.table.current()
    assert row is not None and row.label == second
    assert robot.pane.detail._title.text() == second
    robot.qtbot.keyClick(chart, Qt.Key.Key_Home)
    smallest = min(QUANTIZED["outputs"], key=lambda each: each["size_bytes"])["label"]
    row = robot.table.current()
    assert row is not None and row.label == smallest
    robot.click("F16")
    assert chart.current is None and robot.pane.detail._title.text() == "F16"
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Down)
    row = robot.table.current()
    assert row is not None and robot.pane.detail._title.text() == row.label != "F16"


def test_double_click_enter_and_the_menu_open_the_file(robot: Robot) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    asked: list[str] = []
    robot.pane.open_requested.connect(asked.append)
    robot.pane.folder_requested.connect(lambda path: asked.append(f"folder of {path}"))
    made = QUANTIZED["outputs"][0]
    place = robot.table.visualRect(robot.cell(made["label"], Column.NAME)).center()
    robot.qtbot.mouseDClick(robot.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    robot.click(made["label"])
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_Return)
    robot.do("open", made["label"])
    robot.do("folder", made["label"])
    robot.qtbot.mouseClick(robot.pane.detail._open, Qt.MouseButton.LeftButton)
    robot.qtbot.mouseClick(robot.pane.detail._folder, Qt.MouseButton.LeftButton)
    path = made["path"]
    assert asked == [path, path, path, f"folder of {path}", path, f"folder of {path}"]
    chart = robot.pane.plot.chart
    assert chart is not None
    robot.qtbot.keyClick(chart, Qt.Key.Key_End)
    robot.qtbot.keyClick(chart, Qt.Key.Key_Return)
    largest = max(QUANTIZED["outputs"], key=lambda each: each["size_bytes"])
    assert asked[-1] == largest["path"]


def test_rows_recipes_and_hashes_are_copied(robot: Robot) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    made, clipboard = QUANTIZED["outputs"][0], QGuiApplication.clipboard()
    robot.click(made["label"])
    robot.qtbot.keyClick(robot.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    titles, figures = clipboard.text().splitlines()
    assert titles.startswith("Type or recipe\tSize\t") and figures.startswith(made["label"])
    assert len(titles.split("\t")) == len(figures.split("\t"))
    assert robot.context.toasts[-1][0] == "Copied."
    robot.do("recipe", made["label"])
    assert json.loads(clipboard.text()) == made["recipe"]
    robot.do("sha", "F16")
    assert clipboard.text() == QUANTIZED["source_sha256"]


# --- files ----------------------------------------------------------------------------------------


def choose_form(robot: Robot, form: str) -> None:
    actions = robot.pane.export.menu_of_forms.actions()
    next(action for action in actions if action.data() == form).trigger()


@pytest.mark.parametrize("form", ["csv", "md"])
def test_export_writes_the_result(robot: Robot, tmp_path: Path, form: str) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    choose_form(robot, form)
    dialog = robot.pane.findChild(QFileDialog)
    target = tmp_path / f"out.{form}"
    dialog.selectFile(str(target))
    dialog.accept()
    robot.wait(lambda: robot.context.toasts)
    assert robot.context.toasts[0][0] == f"Written to {target}"
    text = target.read_text("utf-8-sig")
    if form == "csv":
        rows = list(csv.DictReader(text.splitlines()))
        assert len(rows) == 1 + len(QUANTIZED["outputs"])
        assert {row["label"] for row in rows} >= {each["label"] for each in QUANTIZED["outputs"]}
    else:
        assert text.count("\n| ") >= len(QUANTIZED["outputs"]) and "KLD mean" in text


def test_a_file_that_cannot_be_written_says_so(robot: Robot, tmp_path: Path) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    taken = tmp_path / "taken"
    taken.write_text("a file, not a folder")
    robot.pane.export.export_chosen.emit(str(taken / "out.csv"), "csv")
    robot.wait(lambda: robot.context.errors)
    assert robot.context.errors[0].code is ErrorCode.PATH_UNREADABLE
    assert robot.context.toasts == []


def test_markdown_is_copied(robot: Robot) -> None:
    robot.pane.set_result(QUANTIZED, TITLE)
    choose_form(robot, "copy")
    text = QGuiApplication.clipboard().text()
    assert text.startswith("### ") and "paddock-guide-IQ4" in text
    assert robot.context.toasts[-1][0] == "Copied."


# --- history --------------------------------------------------------------------------------------


def entries() -> list[Any]:
    other_model = {**QUANTIZED, "source_sha256": "0" * 64}
    return [
        (9, "paddock-guide, own recipe", 20 * DAY, TARGET),
        (7, "paddock-guide", 19 * DAY, QUANTIZED),
        (4, "another model", 18 * DAY, other_model),
    ]


def test_the_newest_result_is_shown_and_others_can_be_chosen(robot: Robot) -> None:
    robot.pane.set_results(entries())
    assert robot.pane._title.text() == "paddock-guide, own recipe"
    box = robot.pane.history.box
    assert [box.itemText(n).split(" · ")[0] for n in range(box.count())] == [
        "paddock-guide, own recipe",
        "paddock-guide",
        "another model",
    ]
    assert box.itemText(1).endswith(f"{len(QUANTIZED['outputs'])} files")
    box.setFocus()
    robot.qtbot.keyClick(box, Qt.Key.Key_Down)
    robot.wait(lambda: robot.pane._title.text() == "paddock-guide")
    robot.pane.set_results([(12, "a newer one", 21 * DAY, TARGET), *entries()])
    assert robot.pane._title.text() == "paddock-guide"  # what was chosen stays
    robot.pane.choose(12)
    assert robot.pane._title.text() == "a newer one"
    robot.pane.set_results([])
    assert "When a job has finished" in robot.texts()


def test_two_results_of_one_model_are_compared_in_one_plot(robot: Robot) -> None:
    robot.pane.set_results(entries())
    other = robot.pane.history.other_box
    assert [other.itemData(n) for n in range(other.count())] == [None, 7]  # not another model's
    assert robot.table.isColumnHidden(Column.RESULT)
    other.setFocus()
    robot.qtbot.keyClick(other, Qt.Key.Key_Down)
    chart = robot.pane.plot.chart
    assert chart is not None
    robot.wait(lambda: {point.series for point in chart.points} == {0, 1})
    assert not robot.table.isColumnHidden(Column.RESULT)
    assert set(robot.column(Column.RESULT)) == {"paddock-guide, own recipe", "paddock-guide"}
    count = len(TARGET["outputs"]) + len(QUANTIZED["outputs"])
    assert len(chart.points) == count and len(robot.table.results.rows) == count + 2
    robot.qtbot.keyClick(other, Qt.Key.Key_Up)
    robot.wait(lambda: {point.series for point in chart.points} == {0})
    assert robot.table.isColumnHidden(Column.RESULT)


def test_one_result_alone_offers_no_choice(robot: Robot) -> None:
    robot.pane.set_results(entries()[:1])
    assert not robot.pane.history.isVisible() and robot.table.isVisible()


# --- everything else ------------------------------------------------------------------------------


def test_japanese_is_switched_live(robot: Robot) -> None:
    robot.pane.set_result(TARGET, TITLE)
    robot.context.language.set("ja")
    robot.wait(lambda: robot.pane.export.text() == "書き出す")
    header = robot.table.results.headerData(Column.SIZE, Qt.Orientation.Horizontal)
    assert header == "サイズ"
    assert "元のモデル" in robot.column(Column.NAME)[0]
    assert "48 個のレシピを試しました" in robot.texts()
    chart = robot.pane.plot.chart
    assert chart is not None and "最上位トークンの一致" in chart.points[0].tip


def test_hundreds_of_rows_are_all_there(robot: Robot) -> None:
    robot.pane.set_result(many(200), TITLE)
    assert robot.table.results.rowCount() == 201
    chart = robot.pane.plot.chart
    assert chart is not None and len(chart.points) == 200
    assert robot.table.height() < 1000  # it scrolls
    robot.qtbot.keyClick(chart, Qt.Key.Key_End)
    row = robot.table.current()
    assert row is not None
    line = robot.table.results.row_of(row.key)
    shown = robot.table.visualRect(robot.table.results.index(line, Column.NAME))
    assert robot.table.viewport().rect().intersects(shown)


def test_it_fits_into_a_narrow_page(robot: Robot) -> None:
    long = "a model of a name that has no end, with many words in it → best under 4.0 GiB"
    robot.pane.set_results([(number, long, 20 * DAY, TARGET) for number in (1, 2)])
    robot.pane.resize(420, 1400)
    assert robot.pane.width() == 420 and robot.pane.minimumSizeHint().width() <= 420
    for box in (robot.pane.history.box, robot.pane.history.other_box):
        robot.wait(lambda box=box: 0 < box.geometry().right() < 420)  # type: ignore[misc]
        assert long in box.toolTip() or box is robot.pane.history.other_box
    plot, detail = robot.pane.plot, robot.pane.detail
    robot.wait(lambda: detail.y() >= plot.y() + plot.height())  # below it


def test_it_says_on_how_much_of_which_text(robot: Robot) -> None:
    base = {**QUANTIZED["base"], "chunks": 12, "planned_chunks": 64}
    robot.pane.set_result({**QUANTIZED, "base": base}, TITLE)
    assert "12 of 64 chunks of 512 tokens of evaluation.txt." in robot.texts()
    assert SOURCE not in robot.texts() or robot.table.current() is not None
