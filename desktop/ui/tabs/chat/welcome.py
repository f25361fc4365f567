"""No conversation yet: what one can do here, and three questions to begin with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, Text
from desktop.ui.widgets.parts import IconLabel


class Welcome(Translated, QWidget):
    """Emits the question that was chosen."""

    asked = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bundled, self._has_model, self._model = True, True, ""
        self._text = Text(theme, role="body", token="secondary", wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.buttons = [Button(theme) for _ in range(3)]
        layout = QVBoxLayout(self)
        layout.setSpacing(GAP)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout.addStretch(3)
        layout.addWidget(IconLabel(theme, "chat", "secondary", 48), 0, centre)
        layout.addSpacing(8)
        layout.addWidget(self._text)
        layout.addSpacing(8)
        for button in self.buttons:
            button.clicked.connect(self._on_button_clicked)
            layout.addWidget(button, 0, centre)
        layout.addStretch(4)
        self.retranslate()

    def retranslate(self) -> None:
        if not self._has_model:
            text = self.tr("There is no model that can chat yet. Add one in the Library.")
        elif self._bundled:
            text = self.tr("Ask the bundled model something: it knows about local models.")
        else:
            text = self.tr("Ask {model} something.").format(model=self._model)
        self._text.setText(text)
        questions = (
            self.tr("What is Q4_K_M?"),
            self.tr("What does context length mean?"),
            self.tr("How much memory does a model need?"),
        )
        for button, question in zip(self.buttons, questions, strict=True):
            button.setText(question)
            button.setVisible(self._has_model)
            button.updateGeometry()

    def show_model(self, model: dict[str, object] | None) -> None:
        """Say whom one would ask."""
        self._has_model = model is not None
        self._bundled = model is not None and bool(model["bundled"])
        self._model = str(model["id"]) if model else ""
        self.retranslate()

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, Button):
            self.asked.emit(sender.text())
