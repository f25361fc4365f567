"""A bar for each device: what a load would take of it, beside what others take and what is free."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.fit.estimate import GPU_RESERVE_BYTES, HOST, OS_RESERVE_BYTES, DeviceNeed
from desktop.core.fit.trial import Place, Price, room_bytes
from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.price.words import device_name, missing
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, Text, row
from desktop.ui.widgets.memorybar import MemoryBar, Segment

KINDS = ("weights", "kv", "compute", "overhead")
Parts = Mapping[str, int]  # kind -> bytes


def parts_of(need: DeviceNeed) -> dict[str, int]:
    return {kind: getattr(need, f"{kind}_bytes").value for kind in KINDS}


def held_parts(device: Mapping[str, int]) -> dict[str, int]:
    """Of a device in the engine's own report (`Loaded.to_dict`'s "memory")."""
    return {kind: int(device.get(f"{kind}_bytes", 0)) for kind in KINDS}


class DeviceBar(Translated, QWidget):
    """One device."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._name = Text(theme, role="caption", token="text", wrap=True)
        self._total = Text(theme, role="caption")
        self.bar = MemoryBar(theme)
        self._lack = Text(theme, role="caption", token="error")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        line = row(self._name, self._total)
        line.setStretch(0, 1)
        layout.addLayout(line)
        layout.addWidget(self.bar)
        layout.addWidget(self._lack)
        self._lacking = 0
        self._segments: list[tuple[str, int, bool]] = []
        self._whole = 0
        self._device = ("", "")

    def show_device(
        self,
        device: tuple[str, str],
        whole: int,
        segments: list[tuple[str, int, bool]],
        lacking: int,
    ) -> None:
        """Args:
        device: name and description.
        segments: kind, bytes, whether not real yet.
        lacking: bytes by which it is too small.
        """
        self._device, self._whole, self._segments = device, whole, segments
        self._lacking = lacking
        self.retranslate()

    def retranslate(self) -> None:
        labels = {
            "weights": self.tr("Weights"),
            "kv": self.tr("KV cache"),
            "compute": self.tr("Compute"),
            "overhead": self.tr("Overhead"),
            "other": self.tr("Other programs"),
            "reserve": self.tr("Kept free"),
            "free": self.tr("Free"),
        }
        name = device_name(*self._device)
        self._name.setText(name)
        self._total.setText(units.size(self._whole))
        shown = [Segment(kind, labels[kind], size, new) for kind, size, new in self._segments]
        self.bar.show_memory(shown, self._whole, name)
        self._lack.setVisible(self._lacking > 0)
        self._lack.setText(f"✕ {missing(self._lacking)}")


class DeviceBars(QWidget):
    """All devices, GPUs first. What changed is hatched until it is settled or real."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._solid: dict[str, dict[str, int]] | None = None
        self._real = False
        self.devices: list[DeviceBar] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(12)

    def begin(self, real: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Of another model; `real` is what it holds now where it is loaded, by device."""
        self._real = real is not None
        self._solid = None
        if real is not None:
            self._solid = {name: held_parts(device) for name, device in real.items()}

    def show_price(self, price: Price, place: Place, *, settled: bool) -> None:
        if price.estimate is None:
            self.hide()
            return
        self.show()
        needs = {need.name: parts_of(need) for need in price.estimate.devices}
        if self._solid is None or (settled and not self._real):
            self._solid = needs
        described = {each.name: each for each in place.available}
        names = [each.name for each in place.available if each.name != HOST] + [HOST]
        while len(self.devices) < len(names):
            bar = DeviceBar(self._theme)
            self.devices.append(bar)
            self._column.addWidget(bar)
        for bar in self.devices[len(names) :]:
            bar.hide()
        for bar, name in zip(self.devices, names, strict=False):
            given = described[name]
            whole = place.total_bytes.get(name, given.available_bytes)
            reserve = OS_RESERVE_BYTES if name == HOST else GPU_RESERVE_BYTES
            need = needs.get(name, dict.fromkeys(KINDS, 0))
            segments = _split(need, self._solid.get(name, {}))
            other = max(0, whole - given.available_bytes)
            left = whole - other - sum(need.values())
            segments.append(("other", other, False))
            segments.append(("reserve", max(0, min(reserve, left)), False))
            segments.append(("free", max(0, left - reserve), False))
            lacking = sum(need.values()) - room_bytes(given)
            bar.show_device((name, given.description), whole, segments, lacking)
            bar.show()


def _split(need: Parts, solid: Parts) -> list[tuple[str, int, bool]]:
    """Each kind as far as it is there already, then what would come to it."""
    found = []
    for kind, size in need.items():
        kept = min(size, solid.get(kind, 0))
        found.append((kind, kept, False))
        found.append((kind, size - kept, True))
    return found
