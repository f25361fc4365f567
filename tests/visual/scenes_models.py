"""Discover, the hub and the downloads in every state worth seeing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QScrollArea

from desktop.core.events import Progress
from desktop.ui.widgets.base import Button
from tests.visual import data, downloads
from tests.visual.scenes import READY, scene
from tests.visual.stage import Stage

# --- discover -------------------------------------------------------------------------------------


def _discover(stage: Stage, width: int, height: int, **state: Any) -> Any:
    stage.open("discover", width, height, **state)
    page = stage.page("discover")
    stage.settle(lambda: page.presenter.ranked)
    return page


def _choose(stage: Stage, page: Any, model: str) -> None:
    place = page.cards.row_of(model)
    page.grid.setCurrentIndex(page.cards.index(place))
    page.grid.opened.emit(place)
    stage.settle(lambda: page.presenter.prices.trial is not None)


@scene
def discover(stage: Stage, width: int, height: int) -> None:
    stage.machine = replace(data.LAPTOP, bandwidth=data.BANDWIDTH)
    page = _discover(stage, width, height)
    page.grid.setCurrentIndex(page.cards.index(1))
    stage.settle()


@scene
def discover_panel(stage: Stage, width: int, height: int) -> None:
    stage.machine = replace(data.LAPTOP, bandwidth=data.BANDWIDTH)
    _choose(stage, _discover(stage, width, height), "Qwen/Qwen3-8B")


@scene
def discover_gpu(stage: Stage, width: int, height: int) -> None:
    stage.machine = replace(data.DESKTOP, bandwidth=data.BANDWIDTH)
    page = _discover(stage, width, height)
    page.filters.fits.setCurrentIndex(2)
    page.filters.fits_chosen.emit("all")
    _choose(stage, page, "openai/gpt-oss-120b")
    page.panel.price.toggle.click()
    page.panel.controls.experts.setValue(20)
    stage.settle()
    scroller = page.split.panel.findChild(QScrollArea)
    scroller.ensureWidgetVisible(page.panel.price.table)
    stage.settle()


@scene
def discover_too_small(stage: Stage, width: int, height: int) -> None:
    small = replace(data.RAM, total_bytes=4 * data.GIB, available_bytes=int(0.9 * data.GIB))
    stage.machine = replace(data.LAPTOP, ram=small, bandwidth=data.BANDWIDTH)
    _discover(stage, width, height)


@scene
def discover_all(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height)
    page.filters.fits_chosen.emit("all")
    page.search.setText("qwen3")
    stage.settle()
    _choose(stage, page, "Qwen/Qwen3-32B")


@scene
def discover_looking_up(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height)
    page.search.setText("bartowski/Llama-3.2-3B-Instruct-GGUF")
    page.presenter.lookup.looking = "bartowski/Llama-3.2-3B-Instruct-GGUF"
    page.presenter.lookup._on_progress(Progress("header", 3.1 * data.MIB, 8 * data.MIB, "bytes"))
    stage.settle()


@scene
def discover_offline(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height)
    page.search.setText("bartowski/Llama-3.2-3B-Instruct-GGUF")
    page.presenter.lookup._on_failed(data.OFFLINE)
    stage.settle()


@scene
def discover_failed(stage: Stage, width: int, height: int) -> None:
    stage.machine = replace(data.LAPTOP, ram=None)
    stage.open("discover", width, height)
    stage.settle(lambda: stage.page("discover").presenter.trouble)


# --- getting --------------------------------------------------------------------------------------


def _quiet(stage: Stage) -> None:
    stage.machine = replace(data.LAPTOP, bandwidth=data.BANDWIDTH)


@scene
def discover_getting(stage: Stage, width: int, height: int) -> None:
    """One card on its way, one paused, one refused; the panel follows the first."""
    _quiet(stage)
    page = _discover(stage, width, height, jobs=[downloads.RUNNING])
    card = page.cards.cards[page.cards.row_of("Qwen/Qwen3-8B")]
    first, second, third = page.cards.cards[:3]
    names = [page.presenter.getting.way(c.repository, c.best_quant).name for c in (first, second)]
    stage.link.tell("job.changed", {**downloads.PAUSED, "params": {"model": names[0]}})
    stage.link.tell("job.changed", {**downloads.RUNNING, "id": 30, "params": {"model": names[1]}})
    third_way = page.presenter.getting.way(third.repository, third.best_quant)
    stage.state.downloads.refuse(third_way.name, data.OFFLINE)
    _choose(stage, page, card.candidate.id)
    page.panel.files.choose("Q4_K_M")
    stage.settle()


@scene
def discover_busy_server(stage: Stage, width: int, height: int) -> None:
    _quiet(stage)
    page = _discover(stage, width, height, jobs=[downloads.BUSY])
    _choose(stage, page, "Qwen/Qwen3-8B")
    page.panel.files.choose("Q4_K_M")
    page.panel.box.cancel.click()
    stage.settle()


@scene
def discover_too_large_to_run(stage: Stage, width: int, height: int) -> None:
    _quiet(stage)
    page = _discover(stage, width, height)
    page.filters.fits_chosen.emit("all")
    stage.settle()
    _choose(stage, page, "meta-llama/Llama-3.3-70B-Instruct")
    stage.settle(lambda: page.panel.price.badge.verdict == "wont_fit")


@scene
def discover_denied(stage: Stage, width: int, height: int) -> None:
    _quiet(stage)
    page = _discover(stage, width, height)
    _choose(stage, page, "Qwen/Qwen3-8B")
    way = page.panel.box.way
    stage.link.tell(
        "job.changed", {**downloads.FAILED, "params": {"model": way.name}, "finished": data.NOW}
    )
    stage.settle()


# --- the hub --------------------------------------------------------------------------------------


def _search(stage: Stage, page: Any, text: str, answer: Callable[[Any], None]) -> None:
    """Ask the hub, which is not there: its answer is made up."""
    search = page.presenter.search
    search._start = lambda wanted: None
    page.search.setText(text)
    search.ask(text=text)
    search.active = True
    answer(search)
    stage.settle()


@scene
def discover_hub(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height)
    _search(stage, page, "instruct gguf", lambda search: search._on_found(downloads.RESULT))
    page.hub.grid.setCurrentIndex(page.hub.repos.index(1))
    stage.settle()


@scene
def discover_hub_asking(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height)

    def asking(search: Any) -> None:
        search.busy = True
        search.changed.emit()

    _search(stage, page, "instruct gguf", asking)


@scene
def discover_hub_remembered(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height)
    _search(stage, page, "instruct", lambda search: search._on_found(downloads.REMEMBERED))


@scene
def discover_hub_offline(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height)
    _search(stage, page, "instruct", lambda search: search._on_failed(data.OFFLINE))


@scene
def discover_hub_gated(stage: Stage, width: int, height: int) -> None:
    page = _discover(stage, width, height, jobs=[downloads.RUNNING])
    _search(stage, page, "llama", lambda search: search._on_found(downloads.RESULT))
    lookup = page.presenter.lookup
    lookup.start = lambda text, world, wish: None
    page.hub.opened.emit(1)
    lookup._on_listed(downloads.GATED_REPOSITORY)
    lookup._on_failed(downloads.DENIED)
    stage.settle()


# --- downloads ------------------------------------------------------------------------------------


def _downloads(
    stage: Stage, width: int, height: int, page: str, jobs: list[data.Json], *ended: data.Json
) -> Any:
    stage.client.jobs = [*jobs, *ended]
    stage.open(page, width, height, jobs=jobs, **READY)
    stage.window.findChild(Button, "status-downloads").click()
    stage.settle()
    return stage.window.downloads


@scene
def downloads_panel(stage: Stage, width: int, height: int) -> None:
    panel = _downloads(
        stage, width, height, "library", downloads.QUEUE, downloads.DONE, downloads.FAILED
    )
    panel.list.rows[0].toggle.click()
    stage.settle()


@scene
def downloads_none(stage: Stage, width: int, height: int) -> None:
    _downloads(stage, width, height, "chat", [])


@scene
def downloads_one(stage: Stage, width: int, height: int) -> None:
    _downloads(stage, width, height, "discover", [downloads.CHECKING])


@scene
def downloads_busy(stage: Stage, width: int, height: int) -> None:
    panel = _downloads(stage, width, height, "chat", [downloads.BUSY, downloads.QUEUED])
    panel.list.rows[0].cancel.click()
    stage.settle()


@scene
def downloads_ended(stage: Stage, width: int, height: int) -> None:
    panel = _downloads(stage, width, height, "chat", [], *downloads.HISTORY)
    panel.list.ended[-1].close_.click()
    stage.settle()


@scene
def downloads_under_way(stage: Stage, width: int, height: int) -> None:
    """The panel is closed: the status bar tells."""
    stage.open("server", width, height, jobs=downloads.QUEUE, **READY)
    stage.settle()
