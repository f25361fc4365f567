"""The Machine page: devices and what fills them, processor, engine, disks, and the doctor."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.shell.page import Page
from desktop.ui.tabs.machine.calibration import CalibrationCard, CalibrationPresenter
from desktop.ui.tabs.machine.devices import Devices
from desktop.ui.tabs.machine.engines import EnginesCard
from desktop.ui.tabs.machine.lines import DisksCard, DoctorCard
from desktop.ui.tabs.machine.presenter import MachinePresenter
from desktop.ui.tabs.machine.processor import BandwidthCard, CpuCard, Pair
from desktop.ui.tabs.machine.words import words_of
from desktop.ui.widgets.base import Button, Text
from desktop.ui.widgets.parts import Banner


class MachinePage(Page):
    name = "machine"

    def __init__(self, context: Context) -> None:
        super().__init__(context, full_width=False)
        theme = context.theme
        self.presenter = MachinePresenter(context, self)
        self._working = Text(theme, role="caption")
        self.refresh = Button(theme, icon_name="refresh")
        self.refresh.setShortcut("F5")
        self.refresh.clicked.connect(self.presenter.refresh)
        self.tools.addWidget(self._working)
        self.tools.addWidget(self.refresh)
        self.banner = Banner(theme, "error")
        self.banner.hide()
        self.devices = Devices(theme)
        self.cpu = CpuCard(theme)
        self.bandwidth = BandwidthCard(theme)
        self.bandwidth.measure_asked.connect(self.presenter.measure)
        self.bandwidth.cancel_asked.connect(self.presenter.cancel)
        self.calibrating = CalibrationPresenter(context, self)
        self.calibration = CalibrationCard(theme)
        self.calibration.calibrate_asked.connect(self.calibrating.calibrate)
        self.calibration.cancel_asked.connect(self.calibrating.cancel)
        self.engines = EnginesCard(theme)
        self.engines.use_asked.connect(self.presenter.use_engine)
        self.engines.add_asked.connect(self.presenter.add_engine)
        self.engines.build_asked.connect(self.presenter.build)
        self.engines.cancel_asked.connect(self.presenter.cancel_build)
        self.disks = DisksCard(theme)
        self.doctor = DoctorCard(theme)
        self._build()
        self._connect()

    def _build(self) -> None:
        whole, self._known = QWidget(), QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.banner)
        layout.addWidget(self._known)
        layout.addStretch(1)
        layout = QVBoxLayout(self._known)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(self.devices)
        layout.addLayout(Pair(self.cpu, self.bandwidth))
        layout.addWidget(self.calibration)
        layout.addWidget(self.engines)
        layout.addWidget(self.doctor)
        layout.addWidget(self.disks)
        self._known.hide()
        self.scroller = self.add_scrolled(whole)

    def _connect(self) -> None:
        presenter = self.presenter
        presenter.hardware_changed.connect(self._on_hardware_changed)
        presenter.ram_changed.connect(self._on_ram_changed)
        presenter.engines_changed.connect(self._on_engines_changed)
        presenter.findings_changed.connect(self._on_findings_changed)
        presenter.busy_changed.connect(self._on_busy_changed)
        presenter.job_changed.connect(self._on_job_changed)
        presenter.engine_refused.connect(self._on_engine_refused)
        presenter.engine_built.connect(self._on_engine_built)
        self.calibrating.changed.connect(self._on_calibration_changed)

    def title(self) -> str:
        return self.tr("Machine")

    def retranslate(self) -> None:
        super().retranslate()
        self.refresh.setText(self.tr("Look again"))
        self.refresh.setToolTip(self.tr("Look again (F5)"))
        self.refresh.setShortcut("F5")  # setText takes it away
        self.refresh.updateGeometry()
        self._on_busy_changed()
        self._on_hardware_changed()
        self._on_ram_changed()
        self._show_cannot()

    def shown(self) -> None:
        self.presenter.show()
        self.calibrating.read()

    def hidden(self) -> None:
        self.presenter.hide()

    # --- what the presenter tells ---------------------------------------------------------------

    def _on_hardware_changed(self) -> None:
        hardware = self.presenter.hardware
        if hardware is None:
            return
        self._known.show()
        self.devices.show_gpus(hardware.gpus, self.presenter.loaded_memory)
        self.cpu.show_cpu(hardware.cpu)
        self.bandwidth.show_bandwidth(hardware.bandwidth)
        self.disks.show_disks(hardware.disks)

    def _on_ram_changed(self) -> None:
        ram, hardware = self.presenter.ram, self.presenter.hardware
        loaded = self.presenter.loaded_memory
        self.devices.ram.setVisible(ram is not None)
        if ram is not None:
            self.devices.ram.show_ram(ram, loaded.get("CPU", {}), self.presenter.own_bytes)
        if hardware is not None:
            self.devices.show_gpus(hardware.gpus, loaded)

    def _on_engines_changed(self) -> None:
        self.engines.show_engines(self.presenter.engines or [], self.presenter.chosen)
        self.engines.show_error("", "")

    def _on_findings_changed(self) -> None:
        self.doctor.show_findings(self.presenter.findings or [])
        self._show_cannot()

    def _show_cannot(self) -> None:
        backend = self.presenter.wanted_backend
        for finding in self.presenter.findings or ():
            if backend and finding.code == "gpu_engine_cannot_drive":
                title, detail, _ = words_of(finding)
                self.engines.show_cannot(title, detail, backend)
                return
        self.engines.show_cannot("", "", "")

    def _on_busy_changed(self) -> None:
        presenter = self.presenter
        self.refresh.setEnabled(not presenter.busy)
        first = presenter.busy and presenter.hardware is None
        looking = self.tr("Looking at the machine …")
        self._working.setText(looking if presenter.busy and not first else "")
        self.bandwidth.show_busy(presenter.measuring, presenter.busy)
        self.banner.setVisible(first or presenter.trouble is not None)
        if presenter.trouble is not None:
            words = message(presenter.trouble)
            self.banner.tell(words.title, words.text, kind="error")
        elif first:
            text = self.tr(
                "Devices, engines and disks are being asked; this takes a few seconds at most."
            )
            self.banner.tell(looking, text, kind="info")

    def _on_calibration_changed(self) -> None:
        self.calibration.show_state(self.calibrating)

    def _on_job_changed(self) -> None:
        self.engines.show_job(self.presenter.build_job)

    def _on_engine_refused(self, error: object) -> None:
        words = message(error)  # type: ignore[arg-type]
        self.engines.show_error(words.title, words.text)

    def _on_engine_built(self, name: str) -> None:
        self.context.toast(
            self.tr("The engine “{name}” is built. Choose it here.").format(name=name), "check"
        )
