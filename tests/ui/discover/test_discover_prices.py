"""The panel: files, choices, a price that follows them, and loading what is here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.quality import measured_loss
from desktop.core.fit.trial import Trial
from desktop.ui.price.presenter import Priced
from desktop.ui.tabs.discover.files import VERDICT_ROLE
from tests.helpers.model_zoo import Spec, write_stub
from tests.ui.discover.robot import DESKTOP, Robot
from tests.visual import data

Open = Callable[..., Robot]
MODEL = "Qwen3 8B"
REPO = "unsloth/Qwen3-8B-GGUF"
WONT_FIT = AppError(
    ErrorCode.LOAD_WONT_FIT, model="qwen3-8b", need="9.1 GiB", available="6.4 GiB", device="RAM"
)


def _told(robot: Robot) -> list[Priced]:
    told: list[Priced] = []
    robot.presenter.prices.priced.connect(told.append)
    return told


def _cell(robot: Robot, row: int, column: int) -> str:
    return str(robot.panel.files.files.index(row, column).data())


def test_every_file_has_its_size_fit_speed_and_loss(on_machine: Open) -> None:
    robot = on_machine()
    robot.open(MODEL)
    files = robot.panel.files.files
    assert files.rowCount() == len(robot.card(MODEL).candidate.options) >= 8
    quants = [files.option(row).quant_type for row in range(files.rowCount())]
    small, large = quants.index("Q4_K_M"), quants.index("Q8_0")
    assert "GiB" in _cell(robot, small, 0)
    assert "CPU" in _cell(robot, small, 1) and "~" in _cell(robot, small, 1)
    assert "Won't fit" in _cell(robot, large, 1)
    assert files.index(large, 1).data(VERDICT_ROLE) == "wont_fit"
    assert "%" in _cell(robot, small, 2)
    tip = str(files.index(small, 2).data(Qt.ItemDataRole.ToolTipRole))
    assert "published measurements" in tip
    assert robot.panel.quality.isVisible() and "most likely token" in robot.panel.quality.text()


def test_another_file_is_priced_when_its_row_is_chosen(on_machine: Open) -> None:
    robot = on_machine()
    before = robot.open(MODEL) or robot.priced()
    rows = robot.panel.files.files.row_of("Q4_K_M")
    rect = robot.panel.files.visualRect(robot.panel.files.files.index(rows, 0))
    robot.qtbot.mouseClick(
        robot.panel.files.viewport(), Qt.MouseButton.LeftButton, pos=rect.center()
    )
    robot.wait(lambda: robot.panel.quant == "Q4_K_M")
    robot.wait(lambda: robot.shown_price is not None and robot.panel.price._priced.settled)  # type: ignore[union-attr]
    price = robot.priced()
    assert price is not before and price.total_bytes > 4 * data.GIB
    near = (robot.panel.price.larger.text(), robot.panel.price.smaller.text())
    assert near[0].startswith("Q5_K_M") and "more" in near[0]
    assert near[1].startswith("IQ4_XS") and "less" in near[1] and "tok/s" in near[1]


def test_the_price_follows_the_slider_before_it_settles(on_machine: Open) -> None:
    robot = on_machine()
    robot.open(MODEL)
    before = robot.priced()
    told = _told(robot)
    slider = robot.panel.controls.slider
    slider.setFocus()
    robot.qtbot.keyClick(slider, Qt.Key.Key_Right)
    robot.wait(lambda: told)
    assert not told[0].settled, "the formula's price comes first"
    assert told[0].price.total_bytes > before.total_bytes
    assert told[0].price.settings.context_tokens == robot.panel.controls.context.value() == 16_384
    bar = robot.panel.price.bars.devices[0].bar
    hatched = [each for each in bar.segments if each.preview]
    assert {each.kind for each in hatched} >= {"kv"}, "what comes to it is hatched"
    robot.wait(lambda: told[-1].settled)
    assert not any(each.preview for each in bar.segments)
    assert len(robot.panel.price._priced.others) == robot.panel.files.files.rowCount()  # type: ignore[union-attr]


def test_many_changes_at_once_are_asked_as_one(
    on_machine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = on_machine()
    robot.open(MODEL)
    robot.priced()
    going, asked = threading.Event(), []
    quick = Trial.quick

    def slow(trial: Trial, wishes: Any) -> Any:
        asked.append(wishes.slots)
        going.wait(10)
        return quick(trial, wishes)

    monkeypatch.setattr(Trial, "quick", slow)
    for _ in range(9):
        robot.panel.controls.slots.stepUp()
    robot.wait(lambda: asked)
    going.set()
    told = _told(robot)
    robot.wait(lambda: told and told[-1].settled and told[-1].price.settings.slots == 10)
    assert set(asked) == {2, 10}, "the first, and the last of those that came meanwhile"


def test_figures_have_a_table_twin(on_machine: Open) -> None:
    robot = on_machine()
    robot.open(MODEL)
    price = robot.priced()
    panel = robot.panel.price
    assert not panel.table.isVisible()
    panel.toggle.setFocus()
    robot.qtbot.keyClick(panel.toggle, Qt.Key.Key_Space)
    assert panel.table.isVisible()
    rows = {row[0]: row[-1] for row in panel.table.texts()}
    assert rows["Weights"].startswith("~") and rows["KV cache"] == "~ 1.1 GiB"
    assert price.estimate is not None
    said = panel.bars.devices[0].bar.accessibleDescription()
    for part in ("Weights", "KV cache", "Other programs", "Kept free"):
        assert part in said


def test_layers_and_experts_can_be_placed_where_there_is_a_gpu(on_machine: Open) -> None:
    robot = on_machine(DESKTOP)
    robot.open(MODEL)
    robot.priced()
    controls = robot.panel.controls
    assert controls.gpu_layers.isVisible() and not controls.experts.isVisible()
    assert len(robot.panel.price.bars.devices) == 2
    told = _told(robot)
    controls.gpu_layers.setValue(10)
    robot.wait(lambda: told and told[-1].settled)
    assert told[-1].price.settings.gpu_layers == 11
    assert robot.panel.price.badge.verdict in ("partial", "wont_fit")
    controls.gpu_layers.setValue(0)
    robot.wait(lambda: told[-1].settled and told[-1].price.settings.gpu_layers == 0)
    assert controls.wishes()["gpu_layers"] == 0
    robot.pick(robot.page.filters.fits, "all")
    robot.open("gpt-oss 20B")
    robot.priced()
    assert controls.experts.isVisible()
    controls.experts.setValue(controls.experts.maximum())
    assert controls.wishes()["experts_on_cpu"] is True


def test_without_a_gpu_nothing_of_layers_is_asked(on_machine: Open) -> None:
    robot = on_machine()
    robot.open(MODEL)
    robot.priced()
    assert not robot.panel.controls.gpu_layers.isVisible()
    assert not robot.panel.controls.experts.isVisible()
    assert robot.panel.controls.wishes()["gpu_layers"] is None


# --- what is in the library -----------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path) -> dict[str, Any]:
    """The library's entry for a file of the repository, small as it is."""
    spec = Spec("qwen3", layers=8, hidden=1024, heads=8, kv_heads=4, head_dim=128, ff=2048)
    path = write_stub(tmp_path / "Qwen3-8B-Q4_K_M.gguf", spec)
    return {
        **data.entry("qwen3-8b:q4_k_m", 4.7, "Q4_K_M", 8.2),
        "repo": REPO,
        "path": str(path),
        "kind": "model",
    }


def _open_local(robot: Robot) -> None:
    robot.open(MODEL)
    robot.panel.files.choose("Q4_K_M")
    robot.wait(robot.panel.box.load.isVisible)


def test_a_file_that_is_here_is_priced_by_the_engine_and_loaded(
    on_machine: Open, here: dict[str, Any]
) -> None:
    robot = on_machine(models=(here,))
    assert robot.card(MODEL).local == (("Q4_K_M", "qwen3-8b:q4_k_m"),)
    _open_local(robot)
    robot.wait(lambda: robot.shown_price is not None and robot.shown_price.exact)
    assert "engine's own plan" in robot.panel.price.source.text()
    assert not robot.panel.price._total.text().startswith("~")
    assert not robot.panel.check.isVisible()
    robot.context.client.load = {}
    robot.press(robot.panel.box.load)
    robot.wait(lambda: robot.context.client.called("load"))
    call = robot.context.client.called("load")[0]
    assert call.args == ("qwen3-8b:q4_k_m",)
    assert (call.kwargs["context_tokens"], call.kwargs["slots"]) == (8192, 1)
    assert "force" not in call.kwargs
    loading = data.loaded("qwen3-8b:q4_k_m", state="loading", memory=[])
    robot.context.link.tell("model.changed", loading)  # type: ignore[attr-defined]
    assert not robot.panel.box.load.isEnabled()
    ready = data.loaded("qwen3-8b:q4_k_m")
    robot.context.link.tell("model.changed", ready)  # type: ignore[attr-defined]
    assert robot.panel.box.load.text() == "Chat"
    robot.press(robot.panel.box.load)
    assert robot.context.visits == ["chat qwen3-8b:q4_k_m"]


def test_a_file_that_was_compared_shows_what_was_measured(
    on_machine: Open, here: dict[str, Any]
) -> None:
    loss = measured_loss(0.2, 0.8123, kld_error=0.01, same_top_error=0.004)
    robot = on_machine(models=({**here, "quality": loss.to_dict()},))
    _open_local(robot)
    files = robot.panel.files.files
    quants = [files.option(row).quant_type for row in range(files.rowCount())]
    robot.wait(lambda: "✓81 %" in _cell(robot, quants.index("Q4_K_M"), 2))
    assert "✓" not in _cell(robot, quants.index("Q5_K_M"), 2)
    robot.wait(lambda: "measured here" in robot.panel.quality.text())
    # It loses more than was expected, so that it is no longer what is recommended.
    assert robot.card(MODEL).best_quant != "Q4_K_M"


def test_a_refused_load_tells_its_figures_and_can_be_forced(
    on_machine: Open, here: dict[str, Any]
) -> None:
    robot = on_machine(models=(here,))
    _open_local(robot)
    robot.context.client.load = WONT_FIT
    robot.press(robot.panel.box.load)
    robot.wait(robot.panel.box.anyway.isVisible)
    assert "9.1 GiB" in robot.panel.price.why.text()
    robot.context.client.load = {}
    robot.press(robot.panel.box.anyway)
    robot.wait(lambda: len(robot.context.client.called("load")) == 2)
    assert robot.context.client.called("load")[1].kwargs["force"] is True


def test_nothing_that_is_not_here_can_be_loaded(on_machine: Open) -> None:
    robot = on_machine()
    robot.open(MODEL)
    robot.priced()
    assert not robot.panel.box.load.isVisible() and not robot.panel.box.anyway.isVisible()
    assert robot.panel.check.isVisible()
