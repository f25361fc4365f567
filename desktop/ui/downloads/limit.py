"""The box for the speed limit of all downloads together."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox

from desktop.ui.i18n import Translated

NAME = "downloads.limit_mib_per_second"
_MOST = 100_000.0


class LimitBox(Translated, QDoubleSpinBox):
    """MiB a second; all the way down there is no limit.

    Signals:
        limit_chosen: the limit, or None.
    """

    limit_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("downloads-limit")
        self.setRange(0.0, _MOST)
        self.setDecimals(1)
        self.setSuffix(" MiB/s")
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.setKeyboardTracking(False)
        self.valueChanged.connect(self._on_value_changed)
        self.retranslate()

    def retranslate(self) -> None:
        self.setSpecialValueText(self.tr("No limit"))
        self.setAccessibleName(self.tr("Speed limit"))

    def set_limit(self, limit: float | None) -> None:
        """Show it; says nothing."""
        with QSignalBlocker(self):
            self.setValue(limit or 0.0)

    def _on_value_changed(self, value: float) -> None:
        self.limit_chosen.emit(value or None)
