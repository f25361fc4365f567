"""How long models stay loaded, and which are loaded with the server."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QSpinBox, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.tabs.server.boxes import ModelBox
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, IconButton, Surface, Text, clear, row

Json = dict[str, Any]
_USUAL_MINUTES = 30
_MOST_MINUTES = 10_080  # a week


class KeepCard(Translated, Surface):
    """Shows settings; says what is changed of them.

    Signals:
        changed: names of settings with their new values.
    """

    changed = Signal(dict)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._title = Text(theme, role="strong")
        self._text = Text(theme, token="secondary", wrap=True)
        self.unload = QCheckBox()
        self.unload.toggled.connect(self._on_unload_toggled)
        self.minutes = QSpinBox()
        self.minutes.setRange(1, _MOST_MINUTES)
        self.minutes.setValue(_USUAL_MINUTES)
        self.minutes.editingFinished.connect(self._on_minutes_edited)
        self._preload_title = Text(theme, token="secondary", wrap=True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        self._preload: list[str] = []
        self._models: list[str] = []
        self._sent: float | None = None
        self.add_box = ModelBox()
        self.add = Button(theme, icon_name="add")
        self.add.clicked.connect(self._on_add_clicked)
        self.body.addWidget(self._title)
        self.body.addWidget(self._text)
        self.body.addLayout(row(self.unload, self.minutes, 1))
        self.body.addWidget(self._preload_title)
        self.body.addLayout(self._rows)
        adding = row(self.add_box, self.add)
        adding.setStretch(0, 1)
        self.body.addLayout(adding)
        self.body.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Keep loaded"))
        self._text.setText(
            self.tr(
                "Models are loaded when they are asked for. What you load yourself stays until "
                "another one needs its room; one that is kept stays in any case (Library, menu of "
                "a model)."
            )
        )
        self.unload.setText(self.tr("Unload what was not used for"))
        self.minutes.setSuffix(" " + self.tr("min"))
        self.minutes.setAccessibleName(self.tr("Minutes without use"))
        self.add.setText(self.tr("Add"))
        self.add.updateGeometry()
        self.add_box.setAccessibleName(self.tr("Model to load with the server"))
        self._preload_title.setText(
            self.tr("Loaded when the server is turned on:")
            if self._preload
            else self.tr("No model is loaded when the server is turned on.")
        )
        self._show_rows()

    def show_settings(self, keep_minutes: float, preload: list[str]) -> None:
        self._sent = keep_minutes
        self.unload.blockSignals(True)
        self.unload.setChecked(keep_minutes >= 0)
        self.unload.blockSignals(False)
        self.minutes.setEnabled(keep_minutes >= 0)
        if keep_minutes >= 0:
            self.minutes.setValue(max(1, round(keep_minutes)))
        self._preload = list(preload)
        self.retranslate()

    def show_models(self, models: list[str]) -> None:
        self._models = models
        self._show_rows()

    def _show_rows(self) -> None:
        clear(self._rows)
        for model in self._preload:
            holder = QWidget()
            name = Text(self._theme, model, role="mono", wrap=True)
            remove = IconButton(
                self._theme, "close", self.tr("Do not load {model}").format(model=model)
            )
            remove.setObjectName(f"preload-remove-{model}")
            remove.clicked.connect(lambda _=False, gone=model: self._remove(gone))
            line = row(name, remove)
            line.setStretch(0, 1)
            holder.setLayout(line)
            self._rows.addWidget(holder)
        left = [model for model in self._models if model not in self._preload]
        self.add_box.show_models(left)
        self.add.setEnabled(bool(left))

    def _change_preload(self, preload: list[str]) -> None:
        self._preload = preload
        self.retranslate()
        self.changed.emit({"server.preload": preload})

    def _remove(self, model: str) -> None:
        self._change_preload([each for each in self._preload if each != model])

    def _on_add_clicked(self) -> None:
        model = self.add_box.currentText()
        if model:
            self._change_preload([*self._preload, model])

    def _on_unload_toggled(self, on: bool) -> None:
        self.minutes.setEnabled(on)
        self._send(float(self.minutes.value()) if on else -1.0)

    def _on_minutes_edited(self) -> None:
        if self.unload.isChecked():
            self._send(float(self.minutes.value()))

    def _send(self, minutes: float) -> None:
        if minutes != self._sent:
            self._sent = minutes
            self.changed.emit({"server.keep_minutes": minutes})
