"""The benchmark page: the chosen runs side by side."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from desktop.core.bench.compare import Ratio, Verdict
from desktop.core.bench.results import ResultStore
from desktop.core.paths import resources
from desktop.ui.i18n import read_catalogue
from desktop.ui.tabs.bench import words
from tests.ui.bench.robot import Robot, document, result


def test_ctrl_click_compares_and_tells_what_was_not_the_same(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    old = store.add(1, document(1000.0, 100, 10, threads=4, build="0.4.0 (aaa)"))
    new = store.add(2, document(2000.0, 80, 10.01))
    robot = open_page()
    assert robot.shown().numbers == (new,)
    robot.click_row(1, Qt.KeyboardModifier.ControlModifier)
    robot.wait(lambda: robot.shown() is not None and robot.shown().numbers == (new, old))
    text = robot.texts()
    assert "Run 2 against run 1" in text
    assert "Prefill, 512 tokens: slower by 20" in text
    assert "Decode, 128 tokens: no real difference" in text
    assert "Engine build" in text and "0.4.0 (aaa) / 0.5.0 (0c1e570)" in text
    assert "Threads" in text and "4 / 2" in text


def test_the_chart_has_both_panels_and_its_table_twin_the_same_figures(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    store.add(1, document(1000.0, 1234, 10))
    robot = open_page()
    chart = robot.page._comparison._chart
    assert chart is not None and chart.isVisible()
    assert [panel.accessibleName() for panel in chart.panels] == ["Prefill", "Decode"]
    assert "1,234" in chart.accessibleDescription()
    panel = chart.panels[0]
    tips = {panel.tip_at(QPoint(60, y)) for y in range(panel.height())}
    assert "Run 1: 1,234 ± 12.3 tokens per second" in tips
    robot.click(robot.page._comparison._form.button("table"))
    twin = robot.page._comparison._table
    assert twin.isVisible() and not chart.isVisible()
    twin.setFocus()
    robot.qtbot.keyClick(twin, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert copied[0].split("\t") == ["Test", "Run 1, tok/s"]
    assert copied[1].split("\t") == ["Prefill, 512 tokens", "1,234 ± 12.3"]


def test_the_chart_follows_the_theme(open_page: Callable[[], Robot], store: ResultStore) -> None:
    store.add(1, document(1000.0, 1234, 10))
    robot = open_page()
    theme, panel = robot.context.theme, robot.page._comparison._chart.panels[0]
    for mode in ("dark", "light"):
        theme.set_mode(mode)
        image = panel.grab().toImage()
        corner = image.pixelColor(image.width() - 2, 2)
        assert corner == theme.colour("surface")
        series = theme.tokens.series[0]
        seen = {image.pixelColor(x, y).name().upper() for x in (60, 80) for y in range(60)}
        assert series in seen


def test_a_disturbed_run_says_so(open_page: Callable[[], Robot], store: ResultStore) -> None:
    doubtful = document(1000.0, 100, 10, disturbed={"requests": 2})
    doubtful["results"][1]["disturbed_requests"] = 2
    doubtful["warnings"] = ["2 requests were answered during decode 128 at depth 0: slower."]
    store.add(1, doubtful)
    robot = open_page()
    assert "Run 1 was disturbed" in robot.texts()
    assert "Decode, 128 tokens: 2 requests were answered meanwhile" in robot.texts()
    assert "at depth 0" not in robot.texts()  # the document's own words for the same


def test_names_of_strangers_are_never_markup(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    evil = document(1000.0, 100, 10, name="<img src=x><b>bold")
    store.add(1, evil)
    robot = open_page()
    assert "<img src=x><b>bold" in robot.texts()
    model = robot.page._parts.history.table.history
    tip = model.data(model.index(0, 2), Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip and "&lt;img" in tip


def test_absurd_figures_of_strangers_do_no_harm(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    absurd = document(253_402_300_799.0, 1.0, 1.0)
    absurd["results"] = [
        {**result("prefill", 1.0, 1.0), "tokens_per_second": 1e308, "samples": [1e308, 1e300]},
        {**result("decode", 1.0, 1.0), "tokens_per_second": 1e-300, "stddev": 1e308},
    ]
    absurd["fingerprint"]["settings"] = {f"key{n}": "x" * 300 for n in range(500)}
    store.add(1, document(1000.0, 100, 10))
    store.add(2, absurd)
    robot = open_page()
    robot.page._presenter.choose((2, 1))
    robot.wait(lambda: robot.shown() is not None and len(robot.shown().numbers) == 2)
    robot.page.grab()
    assert "1.0e+308" in robot.shown().summary
    assert max(len(line) for line in robot.texts().splitlines()) < 300
    assert "and 489 more" in robot.texts()


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (Ratio(1.12, 1.08, 1.16, Verdict.FASTER), "faster by 12 %, 8.0–16 %"),
        (Ratio(0.70, 0.63, 0.79, Verdict.SLOWER), "slower by 30 %, 21–37 %"),
        (Ratio(2.3, 2.1, 2.5, Verdict.FASTER), "2.3 times as fast, 2.1–2.5"),
        (Ratio(1.02, 0.88, 1.28, Verdict.SAME), "no real difference (−12 % to +28 %)"),
        (Ratio(1.06, None, None, Verdict.UNKNOWN), "too few repeats to tell (+6.0 %)"),
    ],
)
def test_verdicts_in_words(qapp: object, ratio: Ratio, expected: str) -> None:
    assert words.verdict(ratio).replace("\u00a0", " ") == expected


def test_japanese_is_complete_and_switched_live(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    store.add(1, document(1000.0, 100, 10))
    robot = open_page()
    robot.context.language.set("ja")
    robot.wait(lambda: robot.run_button.text() == "測定する")
    robot.wait(lambda: "プリフィル" in robot.texts())
    catalogue = read_catalogue(resources() / "i18n" / "ja")
    known = {source for _, source in catalogue}
    folder = Path(words.__file__).parent
    missing = {
        call.args[-1].value
        for path in folder.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("tr", "translated")
        and isinstance(call.args[-1], ast.Constant)
        and call.args[-1].value not in known
    }
    assert not missing
