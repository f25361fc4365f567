"""The Quantize page in every state worth seeing."""

from __future__ import annotations

from typing import Any

from desktop.ui.tabs.quantize.view import QuantizePage
from tests.visual import data, data_quantize
from tests.visual.scenes import READY, scene
from tests.visual.stage import Stage


def _open(
    stage: Stage, width: int, height: int, ended: tuple[data.Json, ...] = (), **state: Any
) -> QuantizePage:
    stage.client.models = data_quantize.MODELS
    stage.client.quant_types = data_quantize.TYPES
    stage.client.quant_recipes = data_quantize.RECIPES
    stage.client.quant_plan = data_quantize.plan
    stage.client.jobs = list(ended)
    stage.open("quantize", width, height, **{**READY, **state})
    page: QuantizePage = stage.page("quantize")
    stage.settle(lambda: page.presenter.plan is not None and not page.presenter.planning)
    return page


def _to_bottom(stage: Stage, page: QuantizePage) -> None:
    bar = page.area.verticalScrollBar()
    bar.setValue(bar.maximum())
    stage.settle()


@scene
def quantize(stage: Stage, width: int, height: int) -> None:
    _open(stage, width, height)


@scene
def quantize_nothing(stage: Stage, width: int, height: int) -> None:
    stage.client.models = []
    stage.client.quant_types = data_quantize.TYPES
    stage.client.quant_recipes = []
    stage.open("quantize", width, height)
    stage.settle()


@scene
def quantize_filled(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height)
    parts = page.parts
    parts.types.usual.click()
    parts.types.recipes.chip("careful attention").click()
    parts.evaluate._ticks[data_quantize.MODELS[1]["path"]].click()
    parts.evaluate.budget.setCurrentIndex(3)
    parts.evaluate.changed.emit()
    stage.settle(lambda: not page.presenter.planning)


@scene
def quantize_plan(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height)
    page.parts.types.usual.click()
    stage.settle(lambda: not page.presenter.planning)
    page.area.ensureWidgetVisible(page.parts.plan)
    stage.settle()


@scene
def quantize_again(stage: Stage, width: int, height: int) -> None:
    """A quantized source, types that need a matrix, and none."""
    stage.client.quant_plan = data_quantize.plan
    page = _open(stage, width, height)
    parts = page.parts
    parts.source.choose_model(data.MODEL)
    parts.matrix.kinds.chip("none").click()
    parts.types.choose("IQ2_XS", True)
    made = data_quantize.plan({"types": ["Q4_K_M", "IQ2_XS"]})
    made["source"] = {**made["source"], "quantized": True, "bits_per_weight": 4.89}
    stage.client.quant_plan = made
    stage.settle(lambda: not page.presenter.planning)
    page.presenter._ask_later()
    stage.settle(lambda: not page.presenter.planning)


@scene
def quantize_checkpoint(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height)
    stage.client.quant_plan = data_quantize.UNKNOWN
    parts = page.parts
    parts.source.folder.set_path(f"{data_quantize.FOLDER}/old-checkpoint")
    parts.source.kinds.chip("folder").click()
    parts.matrix.kinds.chip("text").click()
    stage.settle(lambda: not page.presenter.planning)


@scene
def quantize_panel(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height)
    page.parts.types.more.click()
    stage.settle()


@scene
def quantize_overrides(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height)
    page.parts.types.more.click()
    page.panel.offer(data_quantize.RECIPES[0]["recipe"])
    stage.settle(lambda: not page.presenter.planning)
    page.split.panel.findChild(_scroller()).ensureWidgetVisible(page.panel.save)
    stage.settle()


def _scroller() -> type:
    from PySide6.QtWidgets import QScrollArea

    return QScrollArea


@scene
def quantize_target(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height)
    page.parts.types.mode.button("target").click()
    stage.settle(lambda: not page.presenter.planning)


@scene
def quantize_running(stage: Stage, width: int, height: int) -> None:
    jobs = [data_quantize.RUNNING, data_quantize.WAITING, data_quantize.PAUSED]
    page = _open(stage, width, height, jobs=jobs)
    page.parts.queue.rows[21].log.toggle.click()
    for line in data_quantize.LINES:
        stage.link.tell("job.log", {"id": 21, "line": line})
    stage.settle()


@scene
def quantize_failed(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height, jobs=[data_quantize.RUNNING])
    stage.link.tell("job.changed", {**data_quantize.FAILED, "id": 21})
    stage.settle(lambda: not page.presenter.planning)


@scene
def quantize_results(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height, (data_quantize.DONE, data_quantize.FAILED))
    stage.settle(lambda: page.parts.results.plot.chart is not None)
    page.area.ensureWidgetVisible(page.parts.ended)
    stage.settle()
    _to_bottom(stage, page)


@scene
def quantize_found(stage: Stage, width: int, height: int) -> None:
    page = _open(stage, width, height, (data_quantize.FOUND, data_quantize.DONE))
    stage.settle(lambda: page.parts.results.plot.chart is not None)
    page.parts.ended.rows[19].results.click()
    stage.settle()
