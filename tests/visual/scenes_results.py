"""What quantizing cost, in the states that the Quantize page's own scenes leave out."""

from __future__ import annotations

from PySide6.QtCore import Qt

from desktop.ui.tabs.quantize.results import ResultsPane
from tests.helpers.quant_results import FOREIGN, TARGET, UNEVALUATED, many
from tests.visual import data, data_quantize
from tests.visual.scenes import READY, scene
from tests.visual.stage import Stage


def _results(stage: Stage, width: int, height: int) -> ResultsPane:
    stage.client.models = data_quantize.MODELS
    stage.client.quant_types = data_quantize.TYPES
    stage.client.quant_recipes = data_quantize.RECIPES
    stage.client.quant_plan = data_quantize.plan
    stage.client.jobs = []
    stage.open("quantize", width, height, **READY)
    page = stage.page("quantize")
    stage.settle(lambda: page.presenter.plan is not None and not page.presenter.planning)
    stage.settle(lambda: page.parts.results.plot.chart is not None)
    pane: ResultsPane = page.parts.results
    return pane


def _show(stage: Stage, pane: ResultsPane) -> None:
    stage.settle()
    area = stage.page("quantize").area
    area.verticalScrollBar().setValue(pane.y())
    stage.settle()


@scene
def quantize_compared(stage: Stage, width: int, height: int) -> None:
    pane = _results(stage, width, height)
    fallen = [
        {**each, "fallbacks": [f"blk.{n}.ffn_down.weight" for n in range(9)]}
        for each in FOREIGN["outputs"]
    ]
    others = {**FOREIGN, "outputs": fallen}
    pane.set_results(
        [
            (9, "paddock-guide-F16.gguf", data.NOW, others),
            (7, "paddock-guide-F16.gguf ≤ 2.91 MiB", data.NOW - data.DAY, TARGET),
        ]
    )
    pane.history.other_box.setFocus()
    pane.history.other_box.setCurrentIndex(1)
    pane.history.other_box.activated.emit(1)
    _show(stage, pane)


@scene
def quantize_crowd(stage: Stage, width: int, height: int) -> None:
    pane = _results(stage, width, height)
    pane.set_result(many(200), "paddock-guide-F16.gguf")
    chart = pane.plot.chart
    assert chart is not None
    chart.setFocus(Qt.FocusReason.TabFocusReason)
    _show(stage, pane)


@scene
def quantize_sizes(stage: Stage, width: int, height: int) -> None:
    pane = _results(stage, width, height)
    pane.set_result(UNEVALUATED, "paddock-guide-F16.gguf")
    _show(stage, pane)
