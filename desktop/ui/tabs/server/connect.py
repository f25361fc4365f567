"""What a program needs to reach the server: base URL, key, model; and who may reach it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.tabs.server.boxes import ModelBox
from desktop.ui.tabs.server.tools import TOOLS, Place
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Surface, Text, clear, column, row
from desktop.ui.widgets.parts import CodeBox, CopyButton, Mono
from desktop.ui.widgets.segments import Segments


class ConnectCard(Translated, Surface):
    """The three things to copy.

    Signals:
        model_chosen: the id the snippets are to name.
    """

    model_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._title = Text(theme, role="strong")
        self._labels = [Text(theme, token="secondary") for _ in range(3)]
        self.url = Mono(theme)
        self.key = Mono(theme)
        self.model = ModelBox()
        self.model.currentIndexChanged.connect(self._on_model_changed)
        self.copies = [CopyButton(theme, "") for _ in range(3)]
        self._note = Text(theme, role="caption", wrap=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(TIGHT)
        grid.setColumnStretch(1, 1)
        values: tuple[QWidget, ...] = (self.url, self.key, self.model)
        for number, value in enumerate(values):
            grid.addWidget(self._labels[number], number, 0)
            grid.addWidget(value, number, 1)
            grid.addWidget(self.copies[number], number, 2)
            grid.setRowMinimumHeight(number, 36)
        self.body.addWidget(self._title)
        self.body.addLayout(grid)
        self.body.addWidget(self._note)
        self._key_needed = False
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Connect"))
        names = (self.tr("Base URL"), self.tr("API key"), self.tr("Model"))
        for label, name in zip(self._labels, names, strict=True):
            label.setText(name)
        copies = (self.tr("Copy the base URL"), self.tr("Copy"), self.tr("Copy the model's name"))
        for button, name in zip(self.copies, copies, strict=True):
            button.set_name(name)
        self.model.setAccessibleName(self.tr("Model"))
        self._tell_key()

    def show_address(self, base_url: str, key_needed: bool) -> None:
        self.url.setText(base_url)
        self.copies[0].set_value(base_url)
        self._key_needed = key_needed
        self._tell_key()

    def _tell_key(self) -> None:
        needed = self._key_needed
        self.key.setText(self.tr("one of your keys") if needed else "none")
        self.copies[1].set_value("none")
        self.copies[1].setVisible(not needed)
        self._note.setText(
            self.tr("A key is shown only when it is made. Lost it? Make another one under Keys.")
            if needed
            else self.tr("No key is asked for. Where a program insists on one, any text will do.")
        )

    def show_models(self, models: list[str], current: str | None) -> None:
        """Args: current: the one that is loaded."""
        self.model.show_models(models, current)
        self._on_model_changed()

    def _on_model_changed(self) -> None:
        name = self.model.currentText()
        self.copies[2].set_value(name)
        self.copies[2].setEnabled(bool(name))
        self.model_chosen.emit(name)


class ReachCard(Translated, Surface):
    """Who may reach the server: this machine only, or the network it is in.

    Signals:
        network_chosen: whether the network is wanted.
    """

    network_chosen = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._title = Text(theme, role="strong")
        self.choice = Segments(theme, ("machine", "network"))
        self.choice.chosen.connect(self._on_chosen)
        self._text = Text(theme, token="secondary", wrap=True)
        self._urls: list[str] = []
        self._copies: list[CopyButton] = []
        self._places = QVBoxLayout()
        self._places.setSpacing(0)
        self.body.addWidget(self._title)
        self.body.addLayout(row(self.choice, 1))
        self.body.addWidget(self._text)
        self.body.addLayout(self._places)
        self._network = False
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Who can reach it"))
        self.choice.set_words(
            {"machine": self.tr("This machine only"), "network": self.tr("My network")}
        )
        self.choice.setAccessibleName(self.tr("Who can reach it"))
        for button in self._copies:
            button.set_name(self.tr("Copy the address"))
        self._tell()

    def show_reach(self, network: bool, lan_urls: list[str]) -> None:
        self._network = network
        self.choice.choose("network" if network else "machine")
        self._tell()
        if lan_urls == self._urls:
            return
        self._urls, self._copies = lan_urls, []
        clear(self._places)
        for url in lan_urls:
            place, value = QWidget(), Mono(self._theme)
            value.setText(f"{url}/v1")
            copy = CopyButton(self._theme, self.tr("Copy the address"))
            copy.set_value(f"{url}/v1")
            line = row(value, copy)
            line.setStretch(0, 1)
            place.setLayout(line)
            self._copies.append(copy)
            self._places.addWidget(place)

    def _tell(self) -> None:
        self._text.setText(
            self.tr(
                "Every machine in your network can reach the server, and needs a key. What is sent"
                " is not encrypted: do not open it in networks you do not trust."
            )
            if self._network
            else self.tr("Only programs on this machine can reach the server.")
        )

    def _on_chosen(self, key: str) -> None:
        self.network_chosen.emit(key == "network")


class SnippetsCard(Translated, Surface):
    """A first request, ready to paste."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._title = Text(theme, role="strong")
        self.choice = Segments(theme, ("curl", "python"))
        self.choice.set_words({key: TOOLS[key].title for key in ("curl", "python")})
        self.choice.choose("curl")
        self.choice.chosen.connect(self._on_chosen)
        self.code = CodeBox(theme)
        self._note = Text(theme, role="caption", wrap=True)
        self._place: Place | None = None
        self.body.addLayout(row(self._title, 1, self.choice))
        self.body.addLayout(column(self.code, self._note, spacing=GAP))
        self.body.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("First request"))
        self.choice.setAccessibleName(self.tr("Language"))
        self._tell()

    def show_place(self, place: Place) -> None:
        self._place = place
        self._tell()

    def _tell(self) -> None:
        current, place = self.choice.current or "curl", self._place
        if place is None:
            return
        [snippet] = TOOLS[current].snippets(place)
        self.code.set_text(snippet.code)
        python = current == "python"
        notes = [self.tr("Needs the package openai: pip install openai")] if python else []
        if place.key_needed:
            notes.append(self.tr("Put your key into the variable PADDOCK_API_KEY first."))
        self._note.setText(" · ".join(notes))
        self._note.setVisible(bool(notes))

    def _on_chosen(self, key: str) -> None:
        self._tell()
