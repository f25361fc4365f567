"""What can be done from the command palette, in the user's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from desktop.core.client.client import Client
from desktop.ui.context import Context
from desktop.ui.i18n import LANGUAGES
from desktop.ui.theme.theme import Mode

Json = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """One line of the palette.

    Attributes:
        hint: what stands on its right: a shortcut, or what kind of thing it is.
    """

    title: str
    icon: str
    run: Callable[[], None]
    hint: str = ""


def matching(commands: list[Command], query: str) -> list[Command]:
    """Those whose title or hint holds every word of a query; titles that begin with it first, then
    those with a word that does."""
    words = query.casefold().split()
    if not words:
        return commands

    def rank(command: Command) -> int:
        title = command.title.casefold()
        if title.startswith(words[0]):
            return 0
        return 1 if any(word.startswith(words[0]) for word in title.split()) else 2

    found = [
        command
        for command in commands
        if all(word in f"{command.title} {command.hint}".casefold() for word in words)
    ]
    return sorted(found, key=rank)


class Commands(QObject):
    """Builds the palette's lines from what there is at the moment.

    Args:
        pages: name and word of each page, in the order of the rail.

    Signals:
        conversation_asked: id of a conversation to open; 0 for a new one.
        settings_asked: the settings are to be shown.
        downloads_asked: the downloads are to be shown.
    """

    conversation_asked = Signal(int)
    settings_asked = Signal()
    downloads_asked = Signal()

    def __init__(
        self, context: Context, pages: Callable[[], dict[str, str]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._pages = context, pages

    def now(self, models: list[Json]) -> list[Command]:
        """All that can be done, with these models in the library."""
        return [
            *self._of_pages(),
            Command(self.tr("New chat"), "add", self._new_chat, "Ctrl+N"),
            *self._of_server(),
            *self._of_models(models),
            *self._of_looks(),
            Command(self.tr("Downloads"), "download", self.downloads_asked.emit, "Ctrl+J"),
            Command(self.tr("Settings"), "settings", self.settings_asked.emit, "Ctrl+,"),
        ]

    def of_conversations(self, found: list[Json]) -> list[Command]:
        """A line for each conversation that a search found."""
        hint = self.tr("Conversation")
        return [
            Command(each["title"], "chat", self._call(self._open, each["id"]), hint)
            for each in found
        ]

    @staticmethod
    def _call(function: Callable[..., None], *arguments: Any) -> Callable[[], None]:
        return lambda: function(*arguments)

    def _of_pages(self) -> list[Command]:
        return [
            Command(word, name, self._call(self._context.go_to, name), f"Ctrl+{number}")
            for number, (name, word) in enumerate(self._pages().items(), 1)
        ]

    def _new_chat(self) -> None:
        self._open(0)

    def _open(self, conversation_id: int) -> None:
        self.conversation_asked.emit(conversation_id)

    def _of_server(self) -> list[Command]:
        public = self._context.state.public
        hint = self.tr("Server")
        if not public["on"]:
            return [Command(self.tr("Turn the server on"), "server", self._turn_on, hint)]
        return [
            Command(self.tr("Turn the server off"), "server", self._turn_off, hint),
            Command(self.tr("Copy the base URL"), "copy", self._copy_url, hint),
        ]

    def _turn_on(self) -> None:
        self._context.ask(lambda client: client.public_on())

    def _turn_off(self) -> None:
        self._context.ask(Client.public_off)

    def _copy_url(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._context.state.public['url']}/v1")
        self._context.toast(self.tr("The base URL was copied."), "check")

    def _of_models(self, models: list[Json]) -> list[Command]:
        loaded = self._context.state.models
        found = []
        for name, each in loaded.items():
            coming = each["state"] == "loading"
            words = self.tr("Stop loading {model}") if coming else self.tr("Unload {model}")
            unload = self._call(self._unload, name)
            found.append(Command(words.format(model=name), "eject", unload))
        for model in models:
            there = model["id"] in loaded
            if model["kind"] == "model" and not model["broken"] and not there:
                words = self.tr("Load {model}").format(model=model["id"])
                found.append(Command(words, "play", self._call(self._load, model["id"])))
        return found

    def _load(self, model: str) -> None:
        self._context.ask(lambda client: client.load(model))

    def _unload(self, model: str) -> None:
        self._context.ask(lambda client: client.unload(model))

    def _of_looks(self) -> list[Command]:
        look, language = self.tr("Look"), self.tr("Language")
        modes: dict[Mode, str] = {
            "system": self.tr("As the system"),
            "light": self.tr("Light"),
            "dark": self.tr("Dark"),
            "contrast": self.tr("High contrast"),
        }
        return [
            *(
                Command(f"{look}: {word}", "theme", self._call(self._set_look, mode))
                for mode, word in modes.items()
            ),
            *(
                Command(f"{language}: {word}", "settings", self._call(self._set_language, code))
                for code, word in LANGUAGES.items()
            ),
        ]

    def _set_look(self, mode: Mode) -> None:
        self._context.theme.set_mode(mode)
        self._context.ask(lambda client: client.change_settings({"general.theme": mode}))

    def _set_language(self, code: str) -> None:
        self._context.language.set(code)
        self._context.ask(lambda client: client.change_settings({"general.language": code}))
