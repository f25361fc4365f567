"""The processor and how fast its memory is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.core.hardware.bandwidth import Bandwidth
from desktop.core.hardware.cpu import CpuInfo
from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, Button, Surface, Text, row
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import Chip, Figure
from desktop.ui.widgets.progressrow import Bar


class CpuCard(Translated, Surface):
    """Name, cores, instruction sets."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._name = Text(theme, role="strong", wrap=True)
        self._cores = Text(theme, token="secondary", wrap=True)
        self._limit = Text(theme, token="warning", wrap=True)
        self._sets = QWidget()
        self._flow = FlowLayout(self._sets, TIGHT)
        self._cpu: CpuInfo | None = None
        for widget in (self._name, self._cores, self._limit, self._sets):
            self.body.addWidget(widget)
        self.body.addStretch(1)
        self._limit.hide()

    def show_cpu(self, cpu: CpuInfo) -> None:
        if cpu == self._cpu:
            return
        self._cpu = cpu
        while (item := self._flow.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for name in cpu.instruction_sets:
            self._flow.addWidget(Chip(self._theme, name.replace("_", " ").upper()))
        self.retranslate()

    def retranslate(self) -> None:
        cpu = self._cpu
        if cpu is None:
            return
        self._name.setText(cpu.name)
        texts = [
            self.tr("{cores} cores, {threads} threads").format(
                cores=cpu.physical_cores or cpu.logical_cores, threads=cpu.logical_cores
            )
        ]
        if cpu.performance_cores and cpu.efficiency_cores:
            texts.append(
                self.tr("{fast} fast and {frugal} frugal ones").format(
                    fast=cpu.performance_cores, frugal=cpu.efficiency_cores
                )
            )
        texts.append(cpu.architecture)
        if cpu.virtual_machine:
            texts.append(self.tr("virtual machine"))
        self._cores.setText(" · ".join(texts))
        limited = cpu.usable_cpus < cpu.logical_cores
        self._limit.setVisible(limited)
        if limited:
            self._limit.setText(
                self.tr("⚠ Only {usable} of {threads} threads may be used.").format(
                    usable=cpu.usable_cpus, threads=cpu.logical_cores
                )
            )


class BandwidthCard(Translated, Surface):
    """The measured memory bandwidth, which bounds how fast answers come.

    Signals:
        measure_asked, cancel_asked: the button, by what it says.
    """

    measure_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._title = Text(theme, role="strong")
        self.figure = Figure(theme)
        self._why = Text(theme, role="caption", wrap=True)
        self.button = Button(theme)
        self.button.clicked.connect(self._on_clicked)
        self._bar = Bar(theme)
        self.body.addWidget(self._title)
        self.body.addWidget(self.figure)
        self.body.addWidget(self._why)
        self.body.addLayout(row(self.button, 1))
        self.body.addWidget(self._bar)
        self.body.addStretch(1)
        self._bar.hide()
        self._measured: Bandwidth | None = None
        self._busy = False
        self.retranslate()

    def show_bandwidth(self, measured: Bandwidth | None) -> None:
        self._measured = measured
        self.retranslate()

    def show_busy(self, measuring: bool, busy: bool) -> None:
        self._busy = measuring
        self._bar.setVisible(measuring)
        self.button.setEnabled(measuring or not busy)
        self.retranslate()

    def _on_clicked(self) -> None:
        (self.cancel_asked if self._busy else self.measure_asked).emit()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Memory bandwidth"))
        self._why.setText(self.tr("Every token reads the whole model once: this bounds the speed."))
        measured = self._measured
        if self._busy:
            self.button.setText(self.tr("Cancel"))
            self.figure.show_value("…", "GB/s", self.tr("Measuring, about 2 s"))
        elif measured is None:
            self.button.setText(self.tr("Measure"))
            note = self.tr("measured by itself as soon as the machine is idle")
            self.figure.show_value("–", "GB/s", note)
        else:
            self.button.setText(self.tr("Measure again"))
            note = self._age(int(measured.age_seconds // 86400))
            self.figure.show_value(f"{measured.gb_per_second:.1f}", "GB/s", note, "✓")
        self.button.updateGeometry()

    def _age(self, days: int) -> str:
        if days == 0:
            return self.tr("measured today")
        if days == 1:
            return self.tr("measured yesterday")
        return self.tr("measured {days} days ago").format(days=days)


class Pair(QHBoxLayout):
    """Two cards beside each other, the first one wider."""

    def __init__(self, first: QWidget, second: QWidget) -> None:
        super().__init__()
        self.setSpacing(16)
        self.addWidget(first, 3)
        self.addWidget(second, 2)
