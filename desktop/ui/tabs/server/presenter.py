"""The Server page's dealings with the service: its switch, its keys, its settings."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.ui.context import Context

Json = dict[str, Any]

THIS_MACHINE = "127.0.0.1"
NETWORK = "0.0.0.0"
NETWORK_KEY = "network"  # what a key is called that is made on the way to the network
_LOOPBACK = ("127.", "::1", "localhost")


class ServerPresenter(QObject):
    """What the page shows and what it may ask for.

    Attributes:
        trouble: why the last switching failed, or None.
        keys: {"name", "hint", "created"} of each key; None until they are known.
        models: ids of the models that can be asked for.
        settings: the section "server" of the settings; empty until it is known.

    Signals:
        changed: the switch, its address or the trouble with it.
        settings_changed: the settings are known, or others.
        key_changed: the key as it is listed, after a change.
        key_made: name and key, the only time it is seen.
        key_refused: the error of a key that could not be made, changed or revoked.
    """

    changed = Signal()
    keys_changed = Signal()
    models_changed = Signal()
    settings_changed = Signal()
    key_changed = Signal(dict)
    key_made = Signal(str, str)
    key_refused = Signal(object)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._wanted: bool | None = None  # what the switch is on its way to
        self._host: str | None = None  # chosen while the server is off
        self._going: tuple[str, int] | None = None  # where it is on its way to
        self._stale = True
        self._shown = False
        self.trouble: AppError | None = None
        self.keys: list[Json] | None = None
        self.models: list[str] = []
        self.settings: Json = {}
        state = context.state
        state.public_changed.connect(self._on_public_changed)
        state.online_changed.connect(self._on_online_changed)
        state.library_changed.connect(self._on_library_changed)
        state.loaded_changed.connect(self.models_changed)
        state.settings_changed.connect(self._on_settings_changed)
        state.keys_changed.connect(self._on_state_keys_changed)

    # --- what is ------------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """ "away", "starting", "stopping", "on", "failed" or "off"."""
        if not self._context.state.online:
            return "away"
        if self._wanted is not None:
            return "starting" if self._wanted else "stopping"
        if self._context.state.public["on"]:
            return "on"
        return "failed" if self.trouble is not None else "off"

    @property
    def host(self) -> str:
        if self._going is not None:
            return self._going[0]
        public = self._context.state.public
        host = None if public["on"] else self._host
        return str(host or public.get("host") or THIS_MACHINE)

    @property
    def port(self) -> int:
        if self._going is not None:
            return self._going[1]
        return int(self._context.state.public.get("port") or 8484)

    @property
    def on_network(self) -> bool:
        return not self.host.lower().startswith(_LOOPBACK)

    @property
    def url(self) -> str:
        """Where programs on this machine reach it, on or not."""
        return str(self._context.state.public.get("url") or f"http://{THIS_MACHINE}:{self.port}")

    @property
    def lan_urls(self) -> list[str]:
        return list(self._context.state.public.get("lan_urls") or ())

    @property
    def key_needed(self) -> bool:
        public = self._context.state.public
        return bool(public["key_required"]) if public.get("on") else self.on_network

    @property
    def trouble_kind(self) -> str:
        """ "port", "key", "other", or "" without trouble."""
        if self.trouble is None:
            return ""
        kinds = {ErrorCode.PORT_TAKEN: "port", ErrorCode.KEY_REQUIRED: "key"}
        return kinds.get(self.trouble.code, "other")

    @property
    def loaded_model(self) -> str | None:
        state = self._context.state
        first = next(iter(state.ready), None) or state.loaded
        return None if first is None else str(first["id"])

    @property
    def ollama_url(self) -> str | None:
        """Where Ollama's clients find it on their own port; None where they do not."""
        url = self._context.state.public.get("ollama_url")
        return None if url is None else str(url)

    # --- what is asked for --------------------------------------------------------------------

    def refresh(self) -> None:
        """The page is shown: read what events do not tell."""
        self._shown = True
        if self._context.state.online and self._stale:
            self._stale = False
            self._read()

    def switch(self, on: bool) -> None:
        if self._wanted is not None or not self._context.state.online:
            return
        if on:
            self._turn_on(self.host, self.port, {})
        else:
            self._begin(False)
            self._context.ask(Client.public_off, self._on_switched, self._on_refused)

    def choose_network(self, network: bool) -> None:
        """Open to the network, or to this machine only; at once where the server is on."""
        host = NETWORK if network else THIS_MACHINE
        if network and self.keys == [] and not self._context.state.public["on"]:
            self._fail(AppError(ErrorCode.KEY_REQUIRED, host=host))
        elif self._context.state.public["on"]:
            self._turn_on(host, self.port, {"server.host": host})
        else:
            self._host, self.trouble = host, None
            self.changed.emit()
            changes = {"server.host": host}
            self._context.ask(lambda client: client.change_settings(changes))

    def use_port(self, port: int) -> None:
        """Listen on another port, from now on."""
        self._turn_on(self.host, port, {"server.port": port})

    def listen_for_ollama(self) -> None:
        """Answer Ollama's clients on their own port too, from now on."""
        on = bool(self._context.state.public["on"])

        def listen(client: Client) -> Json | None:
            public = client.public_on(ollama=True) if on else None
            client.change_settings({"server.ollama": True})
            return public

        def done(public: Json | None) -> None:
            if public is not None:
                self._context.state.on_event("public.changed", public)

        self._context.ask(listen, done)

    def make_key(self, name: str, policy: Json | None = None) -> None:
        self._context.ask(
            lambda client: client.create_key(name, policy or {}),
            self._on_key_made,
            self.key_refused.emit,
        )

    def change_key(self, name: str, policy: Json) -> None:
        self._context.ask(
            lambda client: client.change_key(name, policy),
            self._on_key_changed,
            self.key_refused.emit,
        )

    def change_settings(self, changes: Json) -> None:
        """Args: changes: {"server.keep_minutes": 30.0}."""
        self._context.ask(
            lambda client: client.change_settings(changes), None, self._on_settings_refused
        )

    def make_key_and_open(self) -> None:
        """A key where none is, then the network with it."""
        self._context.ask(
            lambda client: client.create_key(NETWORK_KEY), self._on_network_key_made, self._fail
        )

    def revoke_key(self, name: str) -> None:
        self._context.ask(
            lambda client: client.revoke_key(name), self._on_key_revoked, self.key_refused.emit
        )

    # --- what came of it ----------------------------------------------------------------------

    def _begin(self, on: bool) -> None:
        self._wanted, self.trouble = on, None
        self.changed.emit()

    def _turn_on(self, host: str, port: int, changes: Json) -> None:
        """Switch on (or move) and, when that worked, keep what was chosen."""
        if self._wanted is not None:
            return

        def turn_on(client: Client) -> Json:
            public = client.public_on(host=host, port=port)
            if changes:
                client.change_settings(changes)
            return public

        self._going = host, port
        self._begin(True)
        self._context.ask(turn_on, self._on_switched, self._on_refused)

    def _on_switched(self, public: Json) -> None:
        self._wanted = self._going = self._host = None
        self._context.state.on_event("public.changed", public)

    def _on_refused(self, error: AppError) -> None:
        self._wanted = self._going = None
        self._fail(error)

    def _fail(self, error: AppError) -> None:
        self.trouble = error
        self.changed.emit()

    def _on_public_changed(self) -> None:
        if self._context.state.public["on"] and self._wanted is None:
            self.trouble = None
        self.changed.emit()

    def _on_online_changed(self) -> None:
        if not self._context.state.online:
            self._wanted = self._going = None
        self._stale = True
        if self._shown:
            self.refresh()
        self.changed.emit()

    def _on_library_changed(self) -> None:
        if self._shown and self._context.state.online:
            self._context.ask(Client.models, self._on_models_read)

    def _read(self) -> None:
        self._read_settings()
        self._context.ask(Client.models, self._on_models_read)
        self._read_keys()

    def _read_settings(self) -> None:
        self._context.ask(Client.settings, self._on_settings_read)

    def _on_settings_read(self, settings: Json) -> None:
        self.settings = settings.get("server") or {}
        self.settings_changed.emit()
        self.changed.emit()

    def _on_settings_changed(self, names: list[str]) -> None:
        if self._shown and any(name.startswith("server.") for name in names):
            self._read_settings()

    def _on_settings_refused(self, error: AppError) -> None:
        self._context.show_error(error)
        self.settings_changed.emit()  # what was typed goes back to what is

    def _on_state_keys_changed(self) -> None:
        if self._shown and self._context.state.online:
            self._read_keys()

    def read_keys(self) -> None:
        """Again: what they have used changes all the time."""
        if self._context.state.online:
            self._read_keys()

    def _read_keys(self) -> None:
        self._context.ask(Client.list_keys, self._on_keys_read)

    def _on_models_read(self, models: list[Json]) -> None:
        fit = [m["id"] for m in models if not m["broken"] and m.get("kind", "model") == "model"]
        self.models = fit
        self.models_changed.emit()

    def _on_keys_read(self, keys: list[Json]) -> None:
        self.keys = keys
        self.keys_changed.emit()
        self.changed.emit()

    def _on_key_made(self, made: Json) -> None:
        if self.trouble_kind == "key":
            self.trouble = None
        self.key_made.emit(made["name"], made["key"])
        self._read_keys()

    def _on_key_changed(self, key: Json) -> None:
        self.key_changed.emit(key)
        self._read_keys()

    def _on_network_key_made(self, made: Json) -> None:
        self._on_key_made(made)
        self.keys = [*(self.keys or ()), {"name": made["name"], "hint": made["key"][-4:]}]
        on = partial(self._turn_on, NETWORK, self.port, {"server.host": NETWORK})
        on() if self._asked_to_be_on() else self.choose_network(True)

    def _asked_to_be_on(self) -> bool:
        """Whether the wish for the network came with the server on, or by switching it on."""
        return bool(self._context.state.public["on"]) or self.on_network

    def _on_key_revoked(self, gone: Json) -> None:
        self._read_keys()
