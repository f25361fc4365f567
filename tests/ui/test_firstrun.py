"""The first start: shown once, skippable, and true about the machine and the model."""

from __future__ import annotations

import os

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hardware.bandwidth import Bandwidth
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.probe import Hardware
from desktop.ui.shell import firstrun
from desktop.ui.shell.firstrun import FirstRun
from desktop.ui.shell.window import MainWindow
from desktop.ui.widgets.base import Button, Text
from tests.helpers.window import RecordingContext

GUIDE = {"id": "paddock-guide:q8_0", "bundled": True}
READY = {"id": GUIDE["id"], "state": "ready", "stage": "ready", "progress": 1.0, "memory_bytes": 9}


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Hardware:
    found = Hardware(cpu=CpuInfo("Test CPU", "x86_64", 2, 4, 4), ram=None)
    monkeypatch.setattr(firstrun, "probe", lambda where: found)
    return found


@pytest.fixture
def first(
    qtbot: QtBot, window: MainWindow, context: RecordingContext, hardware: Hardware
) -> FirstRun:
    context.client.models = [{"id": "other", "bundled": False}, GUIDE]
    context.client.load = {}
    page = FirstRun(context, window.ground)
    page.begin()
    return page


def words(page: FirstRun) -> str:
    return "\n".join(text.text() for text in page.findChildren(Text))


def test_it_tells_of_the_machine_and_loads_the_model(
    qtbot: QtBot, first: FirstRun, context: RecordingContext
) -> None:
    qtbot.waitUntil(lambda: "Test CPU · 4 cores · no GPU" in words(first))
    qtbot.waitUntil(lambda: bool(context.client.called("load")))
    assert context.client.called("load")[0].args == (GUIDE["id"],)
    assert "paddock-guide:q8_0 is being loaded" in words(first)
    context.state.on_event("model.changed", READY)
    assert "paddock-guide:q8_0 is loaded and ready to answer." in words(first)
    assert os.environ["HF_HOME"] in words(first)


def test_models_are_where_the_service_says(first: FirstRun, context: RecordingContext) -> None:
    folder = "/mnt/large/models"
    context.link.tell_state(models_folder=folder)  # type: ignore[attr-defined]
    assert folder in words(first) and os.environ["HF_HOME"] not in words(first)


def test_a_model_that_cannot_be_loaded_is_told(
    qtbot: QtBot, first: FirstRun, context: RecordingContext
) -> None:
    context.client.load = AppError(ErrorCode.ENGINE_DIED, reason="It fell.", model="m")
    qtbot.waitUntil(lambda: "ended unexpectedly" in words(first) or bool(_loads(context)))
    first._on_model_failed(AppError(ErrorCode.ENGINE_DIED, reason="It fell.", model="m"))
    assert "It fell." in words(first)


def _loads(context: RecordingContext) -> list[object]:
    return list(context.client.called("load"))


@pytest.mark.parametrize("how", ["escape", "skip", "ask"])
def test_it_goes_and_never_comes_back(
    qtbot: QtBot, first: FirstRun, window: MainWindow, context: RecordingContext, how: str
) -> None:
    assert firstrun.is_due(context.paths)
    window.go_to("machine")
    with qtbot.waitSignal(first.closed):
        if how == "escape":
            qtbot.keyClick(first, Qt.Key.Key_Escape)
        else:
            button = first.findChild(Button, f"firstrun-{how}")
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not firstrun.is_due(context.paths)
    assert window.page == ("chat" if how == "ask" else "machine")


def test_the_language_counts_at_once(
    qtbot: QtBot, first: FirstRun, context: RecordingContext
) -> None:
    box = first.findChild(QComboBox, "firstrun-language")
    box.setCurrentIndex(box.findData("ja"))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: "Paddock へようこそ" in words(first))
    qtbot.waitUntil(lambda: bool(context.client.called("change_settings")))
    assert context.client.called("change_settings")[0].args == ({"general.language": "ja"},)


def test_it_covers_the_window_at_every_size(
    qtbot: QtBot, first: FirstRun, window: MainWindow
) -> None:
    for size in ((960, 600), (1200, 780)):
        window.resize(*size)
        qtbot.waitUntil(lambda: first.geometry() == window.ground.rect())


def test_a_figure_of_bandwidth_is_marked_as_measured(first: FirstRun, hardware: Hardware) -> None:
    fields = {name: 0 for name in Bandwidth.__dataclass_fields__}
    bandwidth = Bandwidth(**{**fields, "gb_per_second": 41.7})
    first._on_probed(Hardware(cpu=hardware.cpu, ram=None, bandwidth=bandwidth))
    assert "✓ 42 GB/s" in words(first).replace("\xa0", " ")


def test_a_load_that_failed_can_be_tried_again(
    qtbot: QtBot, first: FirstRun, context: RecordingContext
) -> None:
    qtbot.waitUntil(lambda: bool(_loads(context)))
    again = first.findChild(Button, "firstrun-again")
    assert again.isHidden()
    first._on_model_failed(AppError(ErrorCode.ENGINE_DIED, reason="It fell.", model="m"))
    assert again.isVisible()
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(_loads(context)) == 2)
    assert again.isHidden() and "It fell." not in words(first)


def test_what_comes_after_it_has_gone_is_dropped(
    qtbot: QtBot, first: FirstRun, hardware: Hardware
) -> None:
    """A probe takes a second, and a person may be quicker."""
    first.finish()
    qtbot.waitUntil(lambda: not shiboken6.isValid(first))
    first._on_probed(hardware)
    first._on_probe_failed(AppError(ErrorCode.PROBE_FAILED, what="x", reason="y"))
    first._on_model_failed(AppError(ErrorCode.ENGINE_DIED, reason="It fell.", model="m"))


def test_a_service_that_cannot_start_is_told_there(
    qtbot: QtBot, first: FirstRun, context: RecordingContext
) -> None:
    """The page lies over the window's banner."""
    qtbot.waitUntil(lambda: bool(_loads(context)))
    context.link.lose(AppError(ErrorCode.DISK_FULL, path="/home", reason="None is left."))  # type: ignore[attr-defined]
    assert "The disk is full" in words(first)
    context.link.tell_state()  # type: ignore[attr-defined]
    assert "The disk is full" not in words(first)


def test_a_load_that_the_service_took_along_is_begun_again(
    qtbot: QtBot, first: FirstRun, context: RecordingContext
) -> None:
    qtbot.waitUntil(lambda: bool(_loads(context)))
    gone = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It closed the stream.")
    first._on_model_failed(gone)
    context.link.lose(gone)  # type: ignore[attr-defined]
    context.link.tell_state(epoch="new")  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: len(_loads(context)) == 2)
    assert "is being loaded" in words(first)
