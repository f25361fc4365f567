"""The part of the Server page that says how common programs reach the server."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.tabs.server.boxes import ModelBox
from desktop.ui.tabs.server.tools import KEY_HERE, TOOLS, Place
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, clear, column, row
from desktop.ui.widgets.chips import ChoiceChips
from desktop.ui.widgets.parts import Banner, CodeBox

_WIDEST = 860  # lines that are read


class ToolsPane(Translated, QWidget):
    """Signals:
    keys_asked: the page of keys is wanted.
    ollama_asked: the Ollama listener is to be switched on.
    server_asked: the server is to be switched on.
    """

    keys_asked = Signal()
    ollama_asked = Signal()
    server_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._place = Place("http://127.0.0.1:8484", "", False)
        self._on = True
        self._title = Text(theme, role="strong")
        self._text = Text(theme, token="secondary", wrap=True)
        self._model_label = Text(theme, token="secondary")
        self.model = ModelBox(letters=16)
        self.model.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.model.currentIndexChanged.connect(self._on_model_changed)
        self.choice = ChoiceChips(theme, tuple(TOOLS))
        self.choice.set_words({key: tool.title for key, tool in TOOLS.items()})
        self.choice.chosen.connect(self._on_chosen)
        self.off = Banner(theme, "info")
        self.off.pressed.connect(self.server_asked)
        self.ollama = Banner(theme, "info")
        self.ollama.pressed.connect(self.ollama_asked)
        self._what = Text(theme, wrap=True)
        self._boxes = QVBoxLayout()
        self._boxes.setSpacing(GAP)
        self.codes: list[CodeBox] = []
        self._key = Text(theme, token="secondary", wrap=True)
        self.keys = Button(theme, kind="quiet")
        self.keys.clicked.connect(self.keys_asked)
        card = Surface(theme)
        card.body.addLayout(row(self._title, 1, self._model_label, self.model))
        card.body.addWidget(self._text)
        card.body.addWidget(self.choice)
        card.body.addWidget(self.ollama)
        card.body.addWidget(self._what)
        card.body.addLayout(self._boxes)
        line = row(self._key, self.keys)
        line.setStretch(0, 1)
        card.body.addLayout(line)
        card.setMaximumWidth(_WIDEST)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.off)
        # In a line of its own: a column would ask how high the card is at the column's width.
        narrow = QHBoxLayout()
        narrow.addWidget(card, 1)
        narrow.addStretch(0)
        layout.addLayout(narrow)
        layout.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Connect your tools"))
        self._text.setText(
            self.tr("Settings to paste, with this server's address and the model you choose.")
        )
        self._model_label.setText(self.tr("Model"))
        self.model.setAccessibleName(self.tr("Model"))
        self.choice.setAccessibleName(self.tr("Program"))
        self.keys.setText(self.tr("Open the keys"))
        self.keys.updateGeometry()
        self.off.tell(
            self.tr("The server is off"),
            self.tr("Programs reach it only while it is on."),
            self.tr("Turn it on"),
            kind="info",
        )
        self._show()

    def show_place(self, place: Place, on: bool) -> None:
        """Args: on: whether the server is on."""
        if (place, on) != (self._place, self._on) or not self.codes:
            self._place, self._on = place, on
            self._show()

    def show_models(self, models: list[str], current: str | None) -> None:
        self.model.show_models(models, current)
        self._show()

    @property
    def place(self) -> Place:
        """As it is, with the model that is chosen here."""
        told = self._place
        model = self.model.currentText() or told.model or "MODEL"
        return Place(told.url, model, told.key_needed, told.ollama_url)

    def _sentences(self) -> dict[str, str]:
        """Where its settings go, of each program."""
        return {
            "claude": self.tr(
                "In a terminal, before you start it. The model should have a context of 32,768 "
                "tokens or more, and be able to call tools."
            ),
            "continue": self.tr("Into its settings file; it shows the model after a reload."),
            "webui": self.tr(
                "When you start it; or in its settings under Connections, as an OpenAI API."
            ),
            "vscode": self.tr(
                "GitHub Copilot Chat takes models from an Ollama server, and Paddock is one: find "
                "this in the settings, then choose Manage Models and Ollama. Or use Continue."
            ),
            "ollama": self.tr(
                "For programs made for Ollama: where they take an address, give them this one."
            ),
            "langchain": self.tr("Needs the package langchain-openai."),
            "curl": self.tr("In a terminal."),
            "python": self.tr("Needs the package openai: pip install openai"),
        }

    def _show(self) -> None:
        key, place = self.choice.current, self.place
        tool = TOOLS[key]
        self.off.setVisible(not self._on)
        self._what.setText(self._sentences()[key])
        needs_listener = key == "ollama" and place.ollama_url is None
        self.ollama.setVisible(needs_listener)
        self.ollama.tell(
            self.tr("Some of them know only Ollama's own port"),
            self.tr("For these Paddock can listen at port 11434, too."),
            self.tr("Turn it on"),
            kind="info",
        )
        found = tool.snippets(place)
        clear(self._boxes)
        self.codes = []
        for snippet in found:
            holder = QWidget()
            box = CodeBox(self._theme)
            box.set_text(snippet.code)
            where = Text(self._theme, self._where(snippet.where), role="caption")
            holder.setLayout(column(where, box, spacing=TIGHT))
            self._boxes.addWidget(holder)
            self.codes.append(box)
        self._key.setText(self._key_words(tool.api, "".join(each.code for each in found)))
        self.keys.setVisible(place.key_needed)

    def _key_words(self, api: str, code: str) -> str:
        if not self._place.key_needed:
            return self.tr("No key is asked for; where a program wants one, any text will do.")
        if KEY_HERE in code:
            return self.tr("It needs a key: put one of yours in the place of YOUR-KEY.")
        if api == "ollama":
            return self.tr(
                "A key is needed, and programs made for Ollama send none: let only this machine "
                "reach the server for them."
            )
        return self.tr("It needs a key, in the variable PADDOCK_API_KEY.")

    def _where(self, name: str) -> str:
        words = {
            "shell": self.tr("Terminal"),
            "docker": self.tr("Terminal, with Docker"),
            "python": "Python",
            "setting": self.tr("Setting"),
            "value": self.tr("Its value"),
        }
        return words.get(name, name)

    def _on_chosen(self, key: str) -> None:
        self._show()

    def _on_model_changed(self) -> None:
        self._show()
