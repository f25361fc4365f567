"""The Machine page: devices, processor, engines and the doctor's findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from desktop.core.engine.runtime import Runtime, Version
from desktop.core.engine.store import RuntimeEntry
from desktop.core.errors import AppError, ErrorCode
from desktop.core.hardware.bandwidth import Bandwidth, Rate
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.disk import DiskInfo
from desktop.core.hardware.doctor_words import WORDS
from desktop.core.hardware.facts import Finding
from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.probe import Hardware
from desktop.ui.i18n import read_catalogue
from desktop.ui.tabs.machine import presenter as presenter_module
from desktop.ui.tabs.machine.devices import shares
from desktop.ui.tabs.machine.presenter import name_for
from desktop.ui.tabs.machine.view import MachinePage
from desktop.ui.tabs.machine.words import words_of
from desktop.ui.widgets.memorybar import MemoryBar, Segment
from tests.helpers.window import Call, RecordingContext

GIB = 1 << 30
LEFT = Qt.MouseButton.LeftButton
RAM = MemoryInfo(16 * GIB, 10 * GIB, 32 * GIB, "/sys/fs/cgroup/memory.max", "ram", 0, 0)
CPU = CpuInfo("AMD Ryzen 7", "x86_64", 8, 16, 16, instruction_sets=("avx2", "avx512_vnni"))
BANDWIDTH = Bandwidth(37.4, (Rate(8, 37.4),), (), GIB, True, 0.0, 3 * 86400.0, True)
DISK = DiskInfo("/models", 100 * GIB, 40 * GIB, "ext4", "/", False, True, None, False, False)
GPU = Gpu("NVIDIA GeForce RTX 4090", "cuda", 24 * GIB, 20 * GIB, 4 * GIB)
MACHINE = Hardware(CPU, RAM, (), (), BANDWIDTH, (DISK, replace(DISK, folder="/data")))
RUNTIME = Runtime(
    "environment",
    Path("/e"),
    Path("/e"),
    {},
    Version("1", "abc", "build 1"),
    (),
    frozenset({"backend:cpu"}),
)
ENTRIES = [
    RuntimeEntry("environment", "environment", Path("/e"), RUNTIME),
    RuntimeEntry("mine", "linked", Path("/m"), replace(RUNTIME, id="mine")),
    RuntimeEntry(
        "bad",
        "linked",
        Path("/b"),
        error=AppError(ErrorCode.ENGINE_BAD_RUNTIME, path="/b", reason="llama-server is missing."),
    ),
]


class FakeStore:
    """The runtimes of a machine that is not this one."""

    def __init__(self, paths: object, chosen: str | None = None) -> None:
        self.chosen = chosen or "environment"

    def entries(self) -> list[RuntimeEntry]:
        return list(ENTRIES)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the probe finds; `asked` has how it was called."""
    found: dict[str, Any] = {"hardware": MACHINE, "asked": []}

    def probe(paths: object, **how: Any) -> Hardware:
        found["asked"].append(how)
        hardware = found["hardware"]
        if isinstance(hardware, AppError):
            raise hardware
        return hardware

    monkeypatch.setattr(presenter_module, "probe", probe)
    monkeypatch.setattr(presenter_module, "RuntimeStore", FakeStore)
    monkeypatch.setattr(presenter_module, "probe_memory", lambda: found["hardware"].ram)
    return found


@pytest.fixture
def page(context: RecordingContext, machine: dict[str, Any], qtbot: QtBot) -> Iterator[MachinePage]:
    page = MachinePage(context)
    qtbot.addWidget(page)
    page.retranslate()
    page.resize(1000, 900)
    page.show()
    yield page
    page.hidden()


def look(page: MachinePage, qtbot: QtBot) -> None:
    page.shown()
    qtbot.waitUntil(lambda: page.presenter.findings is not None and not page.presenter.busy)


def test_the_machine_is_told_in_figures(
    page: MachinePage, machine: dict[str, Any], qtbot: QtBot
) -> None:
    look(page, qtbot)
    assert machine["asked"][0]["with_bandwidth"] is False
    memory = page.devices.ram._bar.accessibleDescription()
    assert "Free: 10.0 GiB, 62%" in memory and "Other programs: 6.0 GiB" in memory
    assert "/sys/fs/cgroup/memory.max" in page.devices.ram._note.text()
    assert page.bandwidth.figure.accessibleName() == "✓ 37.4 GB/s measured 3 days ago"
    assert "8 cores, 16 threads" in page.cpu._cores.text()
    codes = [line._finding.code for line in page.doctor.rows()]
    assert {"gpu_none", "ram_limited", "cpu_ok"} <= set(codes)
    assert page.doctor.rows()[0]._finding.severity in ("error", "warning", "info")


def test_a_loaded_model_is_seen_in_the_bar(
    page: MachinePage, context: RecordingContext, machine: dict[str, Any], qtbot: QtBot
) -> None:
    machine["hardware"] = replace(MACHINE, gpus=(GPU,))
    look(page, qtbot)
    held = {"name": "CUDA0", "weights_bytes": 3 * GIB, "kv_bytes": GIB, "compute_bytes": 0}
    context.link.tell(
        "model.changed", {"id": "m", "state": "ready", "memory": [held], "memory_bytes": 4 * GIB}
    )
    text = page.devices.gpus[0]._bar.accessibleDescription()
    assert "Weights: 3.0 GiB" in text and "KV cache: 1.0 GiB" in text
    assert "Free: 20.0 GiB" in text and "Other" not in text


def test_a_gpu_inside_the_processor_says_so_and_is_found_by_the_engines_name(
    page: MachinePage, context: RecordingContext, machine: dict[str, Any], qtbot: QtBot
) -> None:
    inside = Gpu(
        "Radeon 8060S Graphics",
        "rocm",
        96 * GIB,
        90 * GIB,
        vendor="AMD",
        shares_ram=True,
        integrated=True,
        memory_bandwidth_gb_per_second=256.0,
        known_as="Ryzen AI Max+ 395 (Radeon 8060S)",
        confidence="mixed",
        engine_device="Vulkan0",
    )
    machine["hardware"] = replace(MACHINE, gpus=(inside,))
    look(page, qtbot)
    note = page.devices.gpus[0]._note.text()
    assert "Built into the processor" in note and "Its memory is part of the RAM" in note
    assert "~256 GB/s by the table of known devices" in note
    held = {"name": "Vulkan0", "weights_bytes": 3 * GIB, "kv_bytes": GIB, "compute_bytes": 0}
    context.link.tell(
        "model.changed", {"id": "m", "state": "ready", "memory": [held], "memory_bytes": 4 * GIB}
    )
    assert "Weights: 3.0 GiB" in page.devices.gpus[0]._bar.accessibleDescription()


def test_the_bar_tells_its_figures_under_the_pointer(
    context: RecordingContext, qtbot: QtBot
) -> None:
    bar = MemoryBar(context.theme)
    qtbot.addWidget(bar)
    bar.resize(400, 60)
    bar.show()
    parts = [
        Segment("weights", "Weights", 3 * GIB),
        Segment("kv", "KV cache", GIB, preview=True),
        Segment("compute", "Compute", 0),
        Segment("free", "Free", 4 * GIB),
    ]
    bar.show_memory(parts, 8 * GIB, "RAM")
    places = bar._bar.places()
    assert [segment.kind for segment, _ in places] == ["weights", "kv", "free"]
    assert places[1][1].width() == pytest.approx(bar._bar.width() / 8)
    where = places[1][1].center().toPoint()
    QApplication.sendEvent(
        bar._bar, QHelpEvent(QEvent.Type.ToolTip, where, bar._bar.mapToGlobal(where))
    )
    assert QToolTip.text() == "KV cache: 1.0 GiB, 12%"
    QToolTip.hideText()
    bar.grab()  # the hatched part is painted too


def test_shares_never_exceed_the_device() -> None:
    parts = dict(shares(10, 9, [("weights", 4)]))  # a mapped file counts as free
    assert parts == {"weights": 4, "other": 0, "free": 6}
    assert sum(dict(shares(10, 2, [("weights", 3)])).values()) == 10


def test_measuring_again_can_be_cancelled(
    page: MachinePage, machine: dict[str, Any], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(page, qtbot)

    def slow(paths: object, *, cancel: Any, **how: Any) -> Hardware:
        machine["asked"].append(how)
        cancel.wait(20)
        raise AppError(ErrorCode.CANCELLED)

    monkeypatch.setattr(presenter_module, "probe", slow)
    qtbot.mouseClick(page.bandwidth.button, LEFT)
    qtbot.waitUntil(lambda: len(machine["asked"]) == 2)
    assert machine["asked"][1]["remeasure"] is True
    assert page.bandwidth.button.text() == "Cancel"
    assert not page.refresh.isEnabled()
    qtbot.mouseClick(page.bandwidth.button, LEFT)
    qtbot.waitUntil(lambda: not page.presenter.busy)
    assert page.bandwidth.button.text() == "Measure again"
    assert not page.banner.isVisible()


def test_f5_looks_again(page: MachinePage, machine: dict[str, Any], qtbot: QtBot) -> None:
    look(page, qtbot)
    machine["hardware"] = replace(MACHINE, bandwidth=None)
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    qtbot.keyClick(page, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: page.bandwidth.button.text() == "Measure")
    assert "as soon as the machine is idle" in page.bandwidth.figure.accessibleName()


def test_what_the_service_measured_is_shown_at_once_or_when_one_looks_again(
    page: MachinePage, machine: dict[str, Any], qtbot: QtBot, context: RecordingContext
) -> None:
    machine["hardware"] = replace(MACHINE, bandwidth=None)
    look(page, qtbot)
    machine["hardware"] = MACHINE
    context.link.tell("hardware.measured", {"bandwidth_gb_per_second": 37.4})
    qtbot.waitUntil(lambda: "37.4 GB/s" in page.bandwidth.figure.accessibleName())
    qtbot.waitUntil(lambda: not page.presenter.busy)
    asked = len(machine["asked"])
    page.hidden()
    context.link.tell("hardware.measured", {"bandwidth_gb_per_second": 38.0})
    assert len(machine["asked"]) == asked
    page.shown()
    qtbot.waitUntil(lambda: len(machine["asked"]) == asked + 1)
    qtbot.waitUntil(lambda: not page.presenter.busy)


def test_a_probe_that_fails_says_why(
    page: MachinePage, machine: dict[str, Any], qtbot: QtBot
) -> None:
    machine["hardware"] = AppError(ErrorCode.PROBE_FAILED, what="memory", reason="No /proc.")
    page.shown()
    assert "Looking" in page.banner.accessibleName()
    qtbot.waitUntil(lambda: "No /proc." in page.banner.accessibleName())
    assert page.banner.isVisible() and page.refresh.isEnabled()


def test_another_engine_is_chosen(
    page: MachinePage, context: RecordingContext, qtbot: QtBot
) -> None:
    look(page, qtbot)
    first, second, broken = page.engines.rows()
    qtbot.waitUntil(first._chip.isVisible)
    assert not first.use.isVisible()
    assert not broken.use.isVisible() and "llama-server is missing" in broken._what.text()
    context.client.use_engine = {"id": "mine"}
    context.client.state = {**context.client.state(), "runtime": {"id": "mine"}}
    qtbot.waitUntil(lambda: second.use.height() > 0)  # laid out
    qtbot.mouseClick(second.use, LEFT)
    qtbot.waitUntil(lambda: page.presenter.chosen == "mine")
    assert context.client.called("use_engine") == [Call("use_engine", ("mine",), {})]
    qtbot.waitUntil(page.engines.rows()[1]._chip.isVisible)


def test_a_folder_gets_a_name_of_its_own(
    page: MachinePage, context: RecordingContext, qtbot: QtBot
) -> None:
    look(page, qtbot)
    context.client.add_engine = AppError(ErrorCode.ENGINE_BAD_RUNTIME, path="/x", reason="Empty.")
    page.presenter.add_engine("/somewhere/mine")
    qtbot.waitUntil(page.engines.error.isVisible)
    assert context.client.called("add_engine")[0].args == ("mine-2", "/somewhere/mine")
    assert name_for("/opt/llama cpp!", set()) == "llama-cpp"
    assert name_for("/", set()) == "engine"


def test_a_gpu_the_engine_cannot_drive_offers_a_build(
    page: MachinePage, context: RecordingContext, machine: dict[str, Any], qtbot: QtBot
) -> None:
    machine["hardware"] = replace(MACHINE, gpus=(GPU,))
    look(page, qtbot)
    assert page.engines.cannot.isVisible()
    assert "RTX 4090" in page.engines.cannot.accessibleName()
    job = {
        "id": 3,
        "kind": "engine_build",
        "params": {"backend": "cuda", "name": "cuda"},
        "state": "running",
        "finished": None,
        "progress": {"what": "compiling", "done": 30, "total": 120, "unit": "steps"},
    }
    context.client.submit = job
    context.client.cancel_job = job
    page.engines.cannot.pressed.emit()
    qtbot.waitUntil(lambda: bool(context.client.called("submit")))
    assert context.client.called("submit")[0].args == (
        "engine_build",
        {"backend": "cuda", "name": "cuda"},
    )
    context.link.tell("job.changed", job)
    assert page.engines.progress.isVisible()
    assert "25%" in page.engines.progress.accessibleName()
    page.engines.progress.cancel_asked.emit()
    qtbot.waitUntil(lambda: context.client.called("cancel_job") == [Call("cancel_job", (3,), {})])
    error = AppError(ErrorCode.ENGINE_BUILD_FAILED, reason="Missing here: nvcc.", log="x")
    context.link.tell(
        "job.changed", {**job, "state": "failed", "finished": 1.0, "error": error.to_dict()}
    )
    assert not page.engines.progress.isVisible()
    assert "nvcc" in page.engines.error.accessibleName()


def test_the_ram_is_read_only_while_the_page_is_shown(page: MachinePage, qtbot: QtBot) -> None:
    look(page, qtbot)
    assert page.presenter._timer.isActive()
    page.hidden()
    assert not page.presenter._timer.isActive()


def test_the_ram_bar_follows(page: MachinePage, machine: dict[str, Any], qtbot: QtBot) -> None:
    look(page, qtbot)
    machine["hardware"] = replace(MACHINE, ram=replace(RAM, available_bytes=4 * GIB))
    qtbot.waitUntil(
        lambda: "Free: 4.0 GiB" in page.devices.ram._bar.accessibleDescription(), timeout=8000
    )


def test_every_finding_has_japanese(context: RecordingContext) -> None:
    context.language.set("ja")
    for code, words in WORDS.items():
        for text in words:
            assert (
                not text
                or QCoreApplication.translate("Doctor", text) != text
                or (text == "{detail}")
            ), code
    found = words_of(Finding("ok", "bandwidth_ok", "", "", "", {"rate": "37.4", "age": "today"}))
    assert found == ("メモリ帯域幅", "37.4 GB/s（今日測定）。", "")
    old = words_of(Finding("ok", "bandwidth_ok", "", "", "", {"rate": "37.4", "age": "3 days ago"}))
    assert "3 日前" in old[1]


def test_the_page_is_japanese_at_once(
    page: MachinePage, context: RecordingContext, qtbot: QtBot
) -> None:
    look(page, qtbot)
    context.language.set("ja")
    QApplication.processEvents()
    assert page.heading.text() == "マシン"
    assert page.devices.ram._name.text() == "メモリ（RAM）"
    assert "による上限です" in page.devices.ram._note.text()
    assert "空き" in page.devices.ram._bar.accessibleDescription()
    assert any("GPU が見つかりません" in line.accessibleName() for line in page.doctor.rows())
    from desktop.core.paths import resources

    assert ("Doctor", "No GPU found") in read_catalogue(resources() / "i18n" / "ja")
