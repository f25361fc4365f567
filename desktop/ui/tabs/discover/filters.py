"""What is looked for: the purpose as chips, and what must hold: fit, speed, context."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QWidget

from desktop.core.fit.recommend import DEFAULT_CONTEXT, PURPOSES, SPEED_CLASSES
from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.discover.cards import FITS
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP
from desktop.ui.widgets.chips import ChoiceChips
from desktop.ui.widgets.flow import FlowLayout

CONTEXTS = (4096, 8192, 16_384, 32_768, 65_536, 131_072)


class Filters(Translated, QWidget):
    """Chips above boxes; more lines where there is little room.

    Signals:
        purpose_chosen, fits_chosen: a key.
        speed_chosen: tokens per second; 0 for any.
        context_chosen: tokens.
    """

    purpose_chosen = Signal(str)
    fits_chosen = Signal(str)
    speed_chosen = Signal(float)
    context_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.purpose = ChoiceChips(theme, PURPOSES)
        self.purpose.setObjectName("discover-purpose")
        self.fits, self.speed, self.context = QComboBox(), QComboBox(), QComboBox()
        for key in FITS:
            self.fits.addItem("", key)
        self.speed.addItem("", 0.0)
        for bound, _ in reversed(SPEED_CLASSES):
            self.speed.addItem("", bound)
        for tokens in CONTEXTS:
            self.context.addItem("", tokens)
        self.context.setCurrentIndex(CONTEXTS.index(DEFAULT_CONTEXT))
        boxes = QWidget()
        flow = FlowLayout(boxes, GAP)
        self._line = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(GAP)
        self._line.addWidget(self.purpose)
        self._line.addWidget(boxes)
        for name, box in (("fits", self.fits), ("speed", self.speed), ("context", self.context)):
            box.setObjectName(f"discover-{name}")
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            flow.addWidget(box)
        self.purpose.chosen.connect(self.purpose_chosen)
        self.fits.activated.connect(self._on_fits_activated)
        self.speed.activated.connect(self._on_speed_activated)
        self.context.activated.connect(self._on_context_activated)
        self.retranslate()

    def retranslate(self) -> None:
        self.purpose.set_words(
            {
                "chat": self.tr("Chat"),
                "code": self.tr("Code"),
                "reasoning": self.tr("Reasoning"),
                "vision": self.tr("Vision"),
                "embeddings": self.tr("Embeddings"),
                "japanese": self.tr("Japanese"),
            }
        )
        self.purpose.setAccessibleName(self.tr("What for"))
        fits = {
            "runs": self.tr("What runs here"),
            "gpu": self.tr("Whole on the GPU"),
            "all": self.tr("All models"),
        }
        for number, key in enumerate(FITS):
            self.fits.setItemText(number, fits[key])
        self.fits.setAccessibleName(self.tr("How it fits"))
        self.speed.setItemText(0, self.tr("Any speed"))
        for number, (bound, name) in enumerate(reversed(SPEED_CLASSES), 1):
            text = self.tr("{speed}+ tok/s (class {name})")
            self.speed.setItemText(number, text.format(speed=f"{bound:.0f}", name=name))
        self.speed.setAccessibleName(self.tr("How fast"))
        for number, tokens in enumerate(CONTEXTS):
            text = self.tr("{tokens} tokens of context")
            self.context.setItemText(number, text.format(tokens=units.count(tokens)))
        self.context.setAccessibleName(self.tr("Context"))
        for each in (self.fits, self.speed, self.context):
            each.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In one line where all of it fits."""
        super().resizeEvent(event)
        chips = self.purpose.full_width()
        boxes = sum(box.sizeHint().width() + GAP for box in (self.fits, self.speed, self.context))
        fits = self.width() >= chips + boxes + 2 * GAP
        along, below = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._line.setDirection(along if fits else below)
        self._line.setStretch(0, chips if fits else 0)
        self._line.setStretch(1, self.width() - chips if fits else 0)

    def choose_fits(self, key: str) -> None:
        """Show this as chosen; says nothing."""
        with QSignalBlocker(self.fits):
            self.fits.setCurrentIndex(FITS.index(key))

    def _on_fits_activated(self) -> None:
        self.fits_chosen.emit(self.fits.currentData())

    def _on_speed_activated(self) -> None:
        self.speed_chosen.emit(self.speed.currentData())

    def _on_context_activated(self) -> None:
        self.context_chosen.emit(self.context.currentData())
