"""Devices as cards: a GPU's or the RAM's memory, what fills it, what limits it."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.memory import MemoryInfo
from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Surface, Text, row
from desktop.ui.widgets.memorybar import MemoryBar, Segment

Held = dict[str, int]  # "weights_bytes", "kv_bytes", "compute_bytes" of the loaded models


def shares(total: int, free: int, held: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """What fills a device, of `total` bytes: what we hold, other programs, what is free.

    A mapped file counts as free for the system although our model lies in it: ours comes first.
    """
    ours = sum(size for _, size in held)
    free = max(0, min(free, total - ours))
    return [*held, ("other", max(0, total - ours - free)), ("free", free)]


class DeviceCard(Translated, Surface):
    """One device's memory."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._name = Text(theme, role="strong", wrap=True)
        self._total = Text(theme, token="secondary")
        self._bar = MemoryBar(theme)
        self._note = Text(theme, role="caption", wrap=True)
        line = row(self._name, self._total)
        line.setStretch(0, 1)
        self.body.addLayout(line)
        self.body.addWidget(self._bar)
        self.body.addWidget(self._note)
        self._parts: list[tuple[str, int]] = []
        self._whole = 0

    def retranslate(self) -> None:
        labels = {
            "weights": self.tr("Weights"),
            "kv": self.tr("KV cache"),
            "compute": self.tr("Compute"),
            "paddock": self.tr("Paddock"),
            "other": self.tr("Other programs"),
            "free": self.tr("Free"),
        }
        segments = [Segment(kind, labels[kind], size) for kind, size in self._parts]
        self._bar.show_memory(segments, self._whole, self._name.text())

    def _show(self, name: str, total: int, parts: list[tuple[str, int]], notes: list[str]) -> None:
        self._name.setText(name)
        self._total.setText(units.size(total))
        self._parts, self._whole = parts, total
        self._note.setText(" · ".join(notes))
        self._note.setVisible(bool(notes))
        self.retranslate()

    def show_ram(self, ram: MemoryInfo, held: Held, own_bytes: int) -> None:
        notes = []
        if ram.total_bytes < ram.physical_bytes:
            notes.append(
                self.tr("Limited by {source}; the machine has {physical}.").format(
                    source=ram.limited_by, physical=units.size(ram.physical_bytes)
                )
            )
        if ram.swap_used_bytes:
            notes.append(
                self.tr("Swap in use: {used} of {total}").format(
                    used=units.size(ram.swap_used_bytes), total=units.size(ram.swap_total_bytes)
                )
            )
        ours = [*_held(held), ("paddock", own_bytes)]
        parts = shares(ram.total_bytes, ram.available_bytes, ours)
        self._show(self.tr("Memory (RAM)"), ram.total_bytes, parts, notes)

    def show_gpu(self, gpu: Gpu, held: Held) -> None:
        notes = [gpu.backend.upper()]
        if gpu.driver_version:
            notes.append(self.tr("Driver {version}").format(version=gpu.driver_version))
        if gpu.cores:
            notes.append(self.tr("{count} GPU cores").format(count=gpu.cores))
        if gpu.memory_bandwidth_gb_per_second:
            rate = f"{gpu.memory_bandwidth_gb_per_second:,.0f}"
            if gpu.known_as and gpu.confidence != "read":
                words = self.tr("~{rate} GB/s by the table of known devices")
            else:
                words = self.tr("~{rate} GB/s by its data sheet")
            notes.append(words.format(rate=rate))
        if gpu.integrated:
            notes.append(self.tr("Built into the processor"))
        if gpu.shares_ram:
            notes.append(self.tr("Its memory is part of the RAM"))
        total = gpu.total_bytes or 0
        if gpu.total_bytes is None or gpu.free_bytes is None:
            notes.append(self.tr("The driver does not tell how much memory is free"))
            self._show(gpu.name, total, [], notes)
        else:
            self._show(gpu.name, total, shares(total, gpu.free_bytes, _held(held)), notes)


def _held(held: Held) -> list[tuple[str, int]]:
    kinds = ("weights", "kv", "compute")
    return [(kind, int(held.get(f"{kind}_bytes", 0))) for kind in kinds]


class Devices(QVBoxLayout):
    """The cards, GPUs first. What is loaded is told of a GPU by the name the engine gave it, or by
    backend and number where the engine was not asked."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setSpacing(16)
        self._theme = theme
        self.ram = DeviceCard(theme)
        self.gpus: list[DeviceCard] = []
        self.addWidget(self.ram)

    def show_gpus(self, gpus: tuple[Gpu, ...], loaded: dict[str, Held]) -> None:
        while len(self.gpus) < len(gpus):
            card = DeviceCard(self._theme)
            self.insertWidget(len(self.gpus), card)
            self.gpus.append(card)
        while len(self.gpus) > len(gpus):
            old = self.gpus.pop()
            old.hide()
            old.deleteLater()
        held = {name.lower(): each for name, each in loaded.items()}
        seen: dict[str, int] = {}
        for card, gpu in zip(self.gpus, gpus, strict=True):
            number = seen.setdefault(gpu.backend, 0)
            seen[gpu.backend] += 1
            prefix = "mtl" if gpu.backend == "metal" else gpu.backend
            device = gpu.engine_device or f"{prefix}{number}"
            card.show_gpu(gpu, held.get(device.lower(), {}))
