"""Every state of the window worth seeing, by name. Each plays on a fresh `Stage`.

Those of Discover and of the downloads are in `scenes_models.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.dialogs.closing import ClosingDialog
from desktop.ui.dialogs.settings import SettingsDialog
from desktop.ui.shell.firstrun import FirstRun
from desktop.ui.shell.palette import Palette
from desktop.ui.tabs.server.throughput import slices
from desktop.ui.widgets.base import Button
from tests.visual import data, data_server
from tests.visual.stage import Stage

Scene = Callable[[Stage, int, int], None]
SCENES: dict[str, Scene] = {}


def scene(play: Scene) -> Scene:
    SCENES[play.__name__.replace("_", "-")] = play
    return play


READY = {"models": [data.loaded()]}


# --- chat -----------------------------------------------------------------------------------------


def _open_thread(stage: Stage, messages: list[data.Json], **more: Any) -> None:
    language = stage.language.code
    first = data.conversations(language)[0]
    stage.client.conversation = {
        **first,
        "current": messages[-1]["id"],
        "messages": messages,
        **more,
    }
    page = stage.page("chat")
    page.presenter.open(1)
    stage.settle(lambda: page.presenter.current is not None)


@scene
def chat_empty(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height, **READY)


@scene
def chat_thread(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height, models=[data.loaded()], public=data_server.PUBLIC_ON)
    _open_thread(stage, data.thread(stage.language.code))
    area = stage.page("chat").thread_view
    area.verticalScrollBar().setValue(0)
    stage.state.request_finished.emit({"tokens_per_second": 41.3})
    stage.settle()


@scene
def chat_loading(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height, models=[data.loading(data.MODEL, "reading file", 0.62)])
    question = data.thread(stage.language.code)[0]
    waiting = data.message(2, "assistant", "", state="waiting", figures=None)
    _open_thread(stage, [question, waiting])


@scene
def chat_failed(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height)
    question = data.thread(stage.language.code)[0]
    failed = data.message(
        2, "assistant", "", state="failed", figures=None, error=data.WONT_FIT.to_dict()
    )
    _open_thread(stage, [question, failed])


@scene
def chat_options(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height, **READY)
    page = stage.page("chat")
    page.composer.options_asked.emit()
    page.composer.set_text(data.thread(stage.language.code)[0]["content"])
    stage.settle()


@scene
def chat_models_menu(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height, **READY)
    QTest.mouseClick(stage.page("chat").composer.model_button, Qt.MouseButton.LeftButton)
    stage.settle()


# --- library --------------------------------------------------------------------------------------


def _show(stage: Stage, model: str) -> Any:
    page = stage.page("library")
    stage.settle(lambda: page.list.filter.rowCount() == len(data.LIBRARY))
    page.list.select(model)
    page.list.opened.emit()
    stage.settle()
    return page


@scene
def library(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height, **READY)
    page = stage.page("library")
    page.list.select(data.DEMO)
    page.detail.close_asked.emit()
    stage.settle()


@scene
def library_loaded(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height, **READY)
    _show(stage, data.MODEL)


@scene
def library_several(stage: Stage, width: int, height: int) -> None:
    other = "qwen3-4b-thinking-2507:q4_k_m"
    models = [data.loaded(other, pinned=True), data.loaded(keep_seconds=1800.0, last_used=data.NOW)]
    coming = data.loading("gpt-oss-20b:mxfp4", "placing layers", 0.4)
    stage.open("library", width, height, models=[*models, coming])
    _show(stage, data.MODEL)


@scene
def library_load_form(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    page = _show(stage, data.LIBRARY[3]["id"])
    page.detail.form.context.setValue(16_384)
    page.detail.form.slots.setValue(2)
    stage.settle()


@scene
def library_loading(stage: Stage, width: int, height: int) -> None:
    model = "gpt-oss-20b:mxfp4"
    stage.open("library", width, height, models=[data.loading(model, "placing layers", 0.4)])
    _show(stage, model)


@scene
def library_wont_fit(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    _show(stage, data.HUGE)
    stage.link.tell("model.failed", {"id": data.HUGE, "error": data.WONT_FIT.to_dict()})
    stage.settle()


@scene
def library_broken(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    _show(stage, data.BROKEN)


@scene
def library_empty(stage: Stage, width: int, height: int) -> None:
    stage.client.models = []
    stage.open("library", width, height)


@scene
def library_nothing_matches(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    stage.page("library").filter.setText("mixtral")
    stage.settle()


@scene
def library_add_menu(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    QTest.mouseClick(stage.page("library").add, Qt.MouseButton.LeftButton)
    stage.settle()


@scene
def library_row_menu(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    page = _show(stage, data.MODEL)
    table = page.list.table
    table.menu_asked.emit(table.currentIndex(), stage.window.mapToGlobal(stage.window.pos()))
    stage.settle()


@scene
def library_drop(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    overlay = stage.window.drop._overlay
    overlay.setGeometry(stage.window.ground.rect())
    overlay.show()
    overlay.raise_()
    stage.settle()


# --- server ---------------------------------------------------------------------------------------


def _server(stage: Stage, width: int, height: int, part: str, **state: Any) -> Any:
    stage.client.ledger = lambda *args, **how: {"requests": data_server.requests(), "next": None}
    stage.client.ledger_request = lambda name: {}
    stage.client.list_keys = data_server.KEYS
    stage.client.hosted_prices = data_server.PRICES
    stage.client.usage = lambda by, since, at: data_server.usage(
        by, data_server.PRICES[0] if at else None
    )
    state = {"models": [data.loaded()], "public": data_server.PUBLIC_ON, **state}
    stage.open("server", width, height, **state)
    page = stage.page("server")
    page.show_part(part)
    stage.settle(lambda: part != "requests" or page.requests.chart.plots)
    return page


@scene
def server_off(stage: Stage, width: int, height: int) -> None:
    stage.open("server", width, height, **READY)


@scene
def server_on(stage: Stage, width: int, height: int) -> None:
    _server(stage, width, height, "overview")


@scene
def server_network(stage: Stage, width: int, height: int) -> None:
    _server(stage, width, height, "overview", public=data_server.PUBLIC_OPEN)


@scene
def server_requests(stage: Stage, width: int, height: int) -> None:
    page = _server(stage, width, height, "requests")
    now = time.time()
    for number, each in enumerate(data_server.requests()):
        page.requests.chart.show_slices(slices([{**each, "arrived": now - 90 * number}], now, 900))
    stage.settle()


@scene
def server_request(stage: Stage, width: int, height: int) -> None:
    pane = _server(stage, width, height, "requests").requests
    shown = next(column for column in range(10) if not pane.table.isColumnHidden(column))
    stage.click_row(pane.table, 1, shown)


@scene
def server_request_failed(stage: Stage, width: int, height: int) -> None:
    pane = _server(stage, width, height, "requests").requests
    pane.chart.as_table.setChecked(True)
    pane._on_row_chosen(pane.presenter.model.index(3, 0))
    stage.settle()


@scene
def server_request_refused(stage: Stage, width: int, height: int) -> None:
    pane = _server(stage, width, height, "requests").requests
    pane._on_row_chosen(pane.presenter.model.index(len(data_server.requests()) - 1, 0))
    stage.settle()


@scene
def server_keys(stage: Stage, width: int, height: int) -> None:
    stage.client.create_key = {"name": "phone", "key": f"pk-{'4fKq9ZbX7r' * 4}"}
    page = _server(stage, width, height, "keys", public=data_server.PUBLIC_OPEN)
    page.presenter.make_key("phone")
    stage.settle()
    page.keys.rows()[0].revoke.click()
    stage.settle()


@scene
def server_key_limits(stage: Stage, width: int, height: int) -> None:
    page = _server(stage, width, height, "keys")
    page.keys.rows()[1].change.click()
    stage.settle()


@scene
def server_usage(stage: Stage, width: int, height: int) -> None:
    page = _server(stage, width, height, "usage")
    page.usage.at.setCurrentIndex(1)
    page.usage.prices.click()
    stage.settle(lambda: not page.usage.prices_card.isHidden())


@scene
def server_tools(stage: Stage, width: int, height: int) -> None:
    _server(stage, width, height, "tools")


@scene
def server_tools_listener(stage: Stage, width: int, height: int) -> None:
    pane = _server(stage, width, height, "tools", public=data_server.PUBLIC_OPEN).tools_pane
    pane.choice.chip("vscode").click()
    stage.settle()


@scene
def server_port_taken(stage: Stage, width: int, height: int) -> None:
    stage.client.public_on = data_server.PORT_TAKEN
    stage.open("server", width, height)
    stage.page("server").presenter.switch(True)
    stage.settle()


# --- benchmark ------------------------------------------------------------------------------------


@scene
def bench_empty(stage: Stage, width: int, height: int) -> None:
    stage.open("bench", width, height)
    stage.settle(lambda: stage.page("bench")._comparison._chart is not None)


@scene
def bench_running(stage: Stage, width: int, height: int) -> None:
    stage.store_results(data.DOCUMENTS[:1])
    stage.open("bench", width, height, models=[data.loaded()], jobs=[data.BENCH_JOB])
    stage.settle(lambda: stage.page("bench")._comparison._chart is not None)


@scene
def bench_compared(stage: Stage, width: int, height: int) -> None:
    stage.store_results(data.DOCUMENTS)
    stage.open("bench", width, height, **READY)
    presenter = stage.page("bench")._presenter
    stage.settle(lambda: stage.page("bench")._comparison._chart is not None and presenter.runs)
    presenter.choose(tuple(run.number for run in presenter.runs[:2]))
    stage.settle(lambda: presenter.shown is not None)


# --- machine --------------------------------------------------------------------------------------


def _look(stage: Stage) -> Any:
    page = stage.page("machine")
    stage.settle(lambda: page.presenter.findings is not None and not page.presenter.busy)
    return page


@scene
def machine(stage: Stage, width: int, height: int) -> None:
    stage.open("machine", width, height, **READY)
    _look(stage)


@scene
def machine_findings(stage: Stage, width: int, height: int) -> None:
    stage.machine = data.DESKTOP
    stage.open("machine", width, height, **READY)
    page = _look(stage)
    page.scroller.ensureWidgetVisible(page.doctor)
    stage.settle()


@scene
def machine_building(stage: Stage, width: int, height: int) -> None:
    stage.machine = replace(data.DESKTOP, bandwidth=data.BANDWIDTH)
    stage.open("machine", width, height, models=[data.loaded()], jobs=[data.BUILD_JOB])
    page = _look(stage)
    page.scroller.ensureWidgetVisible(page.engines)
    stage.settle()


@scene
def machine_calibrated(stage: Stage, width: int, height: int) -> None:
    stage.machine = replace(data.LAPTOP, bandwidth=data.BANDWIDTH)
    stage.open("machine", width, height, **READY)
    page = _look(stage)
    page.calibrating._on_read(data.KNOWN_SPEEDS)
    stage.settle()


@scene
def machine_calibrating(stage: Stage, width: int, height: int) -> None:
    stage.machine = replace(data.LAPTOP, bandwidth=data.BANDWIDTH)
    stage.open("machine", width, height, jobs=[data.CALIBRATE_JOB], **READY)
    page = _look(stage)
    page.scroller.ensureWidgetVisible(page.calibration)
    stage.settle()


# --- the shell ------------------------------------------------------------------------------------


@scene
def first_run(stage: Stage, width: int, height: int) -> None:
    stage.client.load = {}
    stage.open("chat", width, height, models=[data.loaded(data.DEMO)])
    first = FirstRun(stage.context, stage.window.ground)
    first.begin()
    stage.settle(lambda: first._hardware is not None)


@scene
def settings(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height, **READY)
    dialog = SettingsDialog(stage.context, stage.window)
    dialog.open()
    stage.top = dialog
    stage.settle()


@scene
def closing(stage: Stage, width: int, height: int) -> None:
    stage.open("server", width, height, models=[data.loaded()], public=data_server.PUBLIC_ON)
    dialog = ClosingDialog(stage.context, stage.window)
    dialog.open()
    stage.top = dialog
    stage.settle()


@scene
def palette(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height, **READY)
    stage.window.findChild(Palette).open_up()
    stage.settle()


@scene
def toasts(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height, jobs=[data.BENCH_JOB, data.BUILD_JOB])
    page = stage.page("library")
    page.presenter.added.emit([data.MODEL], [f"{data.HOME}/notes.txt"])
    stage.window.show_error(data.WONT_FIT)
    chat = stage.page("chat")
    chat._on_deleted(1, data.conversations(stage.language.code)[2]["title"])
    stage.settle()


@scene
def service_lost(stage: Stage, width: int, height: int) -> None:
    stage.open("server", width, height, **READY)
    stage.link.lose(
        AppError(ErrorCode.SERVICE_UNREACHABLE, reason="[Errno 111] Connection refused")
    )
    stage.settle()


@scene
def rail_of_icons(stage: Stage, width: int, height: int) -> None:
    stage.open("server", width, height, models=[data.loaded()], public=data_server.PUBLIC_ON)
    stage.window._rail._brand.click()
    stage.settle()


@scene
def model_menu(stage: Stage, width: int, height: int) -> None:
    other = data.loaded("qwen3-embedding-0.6b:q8_0", pinned=True, keep_seconds=1800.0)
    stage.open("chat", width, height, models=[other, data.loaded()])
    stage.window.findChild(Button, "status-model").click()
    stage.settle()


@scene
def jobs_menu(stage: Stage, width: int, height: int) -> None:
    stage.open("chat", width, height, jobs=[data.BENCH_JOB, data.BUILD_JOB])
    stage.window.findChild(Button, "status-jobs").click()
    stage.settle()
