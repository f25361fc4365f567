"""How a model is to be loaded, and the buttons that do it. Automatic unless chosen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal

from desktop.ui.price.controls import LoadControls
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, row

_LAST_LINE = 20  # below all fields


class LoadForm(LoadControls):
    """The inputs and their buttons.

    Signals:
        load_asked: the wishes, as keyword arguments of `Client.load`; None is "decide yourself".
            With "force" from `anyway`, which is shown where the check of memory refuses.
        unload_asked: the loaded model is to go.
    """

    load_asked = Signal(dict)
    unload_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        self._loaded = False
        self.button = Button(theme, kind="plain", icon_name="play")
        self.button.setObjectName("load-button")
        self.unload = Button(theme, kind="quiet", icon_name="eject")
        self.unload.setObjectName("unload-button")
        self.anyway = Button(theme)
        self.anyway.setObjectName("load-anyway")
        super().__init__(theme)
        self.anyway.hide()
        self.grid.addLayout(row(self.button, self.anyway, self.unload, 1), _LAST_LINE, 0, 1, 2)
        self.grid.setRowMinimumHeight(_LAST_LINE, 48)
        self.anyway.clicked.connect(self._on_anyway_clicked)
        self.button.clicked.connect(self._on_button_clicked)
        self.unload.clicked.connect(self.unload_asked)

    def retranslate(self) -> None:
        super().retranslate()
        self._name_buttons()

    def _name_buttons(self) -> None:
        self.button.setText(self.tr("Load again") if self._loaded else self.tr("Load"))
        self.button.setToolTip(
            self.tr("Takes the model out and loads it with these settings") if self._loaded else ""
        )
        self.anyway.setText(self.tr("Load anyway"))
        self.anyway.updateGeometry()
        self.unload.setText(self.tr("Unload"))
        self.unload.setVisible(self._loaded)

    def set_loaded(self, loaded: bool) -> None:
        self._loaded = loaded
        self._name_buttons()

    def _on_button_clicked(self) -> None:
        wishes: dict[str, Any] = self.wishes()
        self.load_asked.emit(wishes)

    def _on_anyway_clicked(self) -> None:
        self.load_asked.emit({**self.wishes(), "force": True})
