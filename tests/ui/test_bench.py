"""The benchmark page: what a person sees and does, with a service that is told what to say."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit, QPushButton, QSpinBox

from desktop.core.bench import runner
from desktop.core.bench.compare import Ratio, Verdict
from desktop.core.bench.export import read_file, save
from desktop.core.bench.results import ResultStore
from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import resources
from desktop.ui.i18n import read_catalogue
from desktop.ui.tabs.bench import words
from desktop.ui.tabs.bench.progress import Pace
from desktop.ui.tabs.bench.view import BenchPage
from desktop.ui.widgets.base import Text
from tests.helpers.window import RecordingContext

MODEL = "qwen3-8b:q4_k_m"
MODELS = [
    {
        "id": name,
        "context_tokens": context,
        "embedding": False,
        "bundled": name == "paddock-guide:q8_0",
        "kind": kind,
        "broken": broken,
    }
    for name, context, kind, broken in (
        (MODEL, 32768, "model", False),
        ("paddock-guide:q8_0", 1024, "model", False),
        ("mmproj-x", None, "projector", False),
        ("broken:q4", None, "model", True),
    )
]


def result(test: str, *samples: float, **more: Any) -> dict[str, Any]:
    mean = sum(samples) / len(samples)
    return {
        "test": test,
        "tokens": 512 if test == "prefill" else 128,
        "depth": 0,
        "concurrency": 1,
        "tokens_per_second": mean,
        "median_tokens_per_second": sorted(samples)[len(samples) // 2],
        "stddev": (sum((s - mean) ** 2 for s in samples) / (len(samples) - 1)) ** 0.5,
        "samples": list(samples),
        "disturbed_requests": 0,
        **more,
    }


def document(created: float, prefill: float, decode: float, **more: Any) -> dict[str, Any]:
    """A result; `threads` and `build` are its conditions."""
    threads, build = more.pop("threads", 2), more.pop("build", "0.5.0 (0c1e570)")
    results = [
        result("prefill", prefill, prefill * 1.01, prefill * 0.99),
        result("decode", decode, decode * 1.01, decode * 0.99),
    ]
    return {
        "schema": 1,
        "name": f"run of {created:.0f}",
        "created": created,
        "model": {
            "id": MODEL,
            "file": "Qwen3-8B-Q4_K_M.gguf",
            "fingerprint": "quick-00",
            "sha256": None,
            "size_bytes": 5_000_000_000,
            "architecture": "qwen3",
            "quant_type": "Q4_K_M",
            "parameters": 8_000_000_000,
        },
        "results": results,
        "fingerprint": {
            "machine": {"cpu": "AMD EPYC", "gpus": []},
            "runtime": {"id": "environment", "version": build, "commit": "0c1e570"},
            "settings": {"threads": threads},
        },
        "disturbed": None,
        "warnings": [],
        **more,
    }


class Robot:
    """A person at the page."""

    def __init__(self, page: BenchPage, context: RecordingContext, qtbot: Any) -> None:
        self.page, self.context, self.qtbot = page, context, qtbot

    def wait(self, condition: Callable[[], object], timeout: int = 5000) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)

    def find(self, kind: type, name: str) -> Any:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found

    @property
    def run_button(self) -> QPushButton:
        return self.find(QPushButton, "bench-run")

    def click(self, widget: Any) -> None:
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type(self, field: str, text: str) -> None:
        line = self.find(QLineEdit, f"bench-{field}")
        line.selectAll()
        self.qtbot.keyClicks(line, text)

    def texts(self) -> str:
        """All that can be read on the page."""
        return "\n".join(t.text() for t in self.page.findChildren(Text) if t.isVisible())

    def click_row(self, row: int, keys: Qt.KeyboardModifier) -> None:
        table = self.page._history
        place = table.visualRect(table.history.index(row, 2)).center()
        self.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, keys, place)

    def shown(self) -> Any:
        return self.page._presenter.shown


@pytest.fixture
def store(context: RecordingContext) -> Iterator[ResultStore]:
    database = Database(context.paths.database, context.paths.backups)
    yield ResultStore(database)
    database.close()


@pytest.fixture
def open_page(context: RecordingContext, qtbot: Any) -> Iterator[Callable[..., Robot]]:
    """Opens the page; the database and the client are as they were set before."""
    pages: list[BenchPage] = []
    context.client.models = MODELS

    def make() -> Robot:
        page = BenchPage(context)
        page.retranslate()
        pages.append(page)
        page.resize(1000, 700)
        page.show()
        page.shown()
        robot = Robot(page, context, qtbot)
        presenter = page._presenter
        robot.wait(lambda: presenter.runs is not None and presenter.models is not None)
        robot.wait(lambda: page._comparison._chart is not None, timeout=20_000)
        robot.wait(lambda: not presenter.chosen or presenter.shown is not None)
        return robot

    yield make
    for page in pages:
        page.hidden()
        page.close()
        page.deleteLater()


def job(state: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "kind": "bench",
        "params": {"model": MODEL},
        "state": state,
        "steps": ["prefill 512 @ 0", "decode 128 @ 0"],
        "steps_done": [],
        "result": None,
        "error": None,
        "progress": None,
        "finished": None,
        **more,
    }


# --- running --------------------------------------------------------------------------------------


def test_nothing_measured_yet_offers_the_quick_run_of_the_bundled_model(
    open_page: Callable[[], Robot],
) -> None:
    robot = open_page()
    robot.context.client.submit = job("queued")
    assert "paddock-guide:q8_0" in robot.texts()
    offer = [b for b in robot.page._empty.findChildren(QPushButton) if b.isVisible()]
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
    robot.click(robot.page._bar._presets.button("thorough"))
    params = robot.page._bar.params()
    assert params["depth"] == [0, 512] and params["concurrency"] == [1, 4]
    box = robot.find(QComboBox, "bench-model")
    box.setFocus()
    robot.qtbot.keyClick(box, Qt.Key.Key_Up)
    assert robot.page._bar.params()["depth"] == [0, 4096]


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
    assert robot.page._failure.isVisible() and "It fell over." in robot.texts()
    robot.click(robot.page._failure.findChild(QPushButton))
    assert not robot.page._failure.isVisible()


def test_a_finished_run_is_read_chosen_and_set_beside_the_last_one(
    open_page: Callable[[], Robot], store: ResultStore
) -> None:
    first = store.add(1, document(1000.0, 100, 10))
    robot = open_page()
    assert robot.page._history.selected_numbers() == (first,)
    new = store.add(2, document(2000.0, 120, 10))
    robot.context.link.tell("job.changed", job())
    done = job("done", finished=1.0, result={"result_id": new})
    robot.context.link.tell("job.changed", done)
    robot.wait(lambda: robot.shown() is not None and robot.shown().numbers == (new, first))
    assert robot.page._history.selected_numbers() == (new, first)
    assert "faster by 20" in robot.texts()


# --- comparing ------------------------------------------------------------------------------------


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
    model = robot.page._history.history
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


# --- files ----------------------------------------------------------------------------------------


def test_export_writes_the_chosen_run(
    open_page: Callable[[], Robot], store: ResultStore, tmp_path: Path
) -> None:
    store.add(1, document(1000.0, 100, 10))
    store.add(2, document(2000.0, 120, 10))
    robot = open_page()
    actions = robot.page._export_menu.actions()
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
    robot.page._presenter.import_file(str(path))
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
    robot.page._presenter.import_file(str(path))
    robot.wait(lambda: bool(robot.context.errors))
    assert robot.context.errors[0].code is ErrorCode.RESULT_FILE_INVALID
    assert not robot.context.client.called("import_results")


def test_pyqtgraph_is_not_imported_before_the_page_is_shown() -> None:
    code = "import sys, desktop.ui.tabs.bench.view as v; print('pyqtgraph' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- words ----------------------------------------------------------------------------------------


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


def test_the_time_left_comes_from_the_steps_and_waits_do_not_count() -> None:
    pace = Pace()
    pace.saw(0.0, 4, now=0.0)
    assert pace.left_seconds(0.5) is None
    pace.saw(1.0, 4, now=10.0)
    assert pace.left_seconds(10.0) == pytest.approx(30.0)
    assert pace.left_seconds(15.0) == pytest.approx(25.0)
    pace.begin_again()
    assert pace.left_seconds(15.0) is None


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
