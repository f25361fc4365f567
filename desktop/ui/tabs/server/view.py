"""The Server page: the switch, and its parts: overview, requests, keys, usage, tools."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.shell.page import BAR_ROOM, Page, ScrollingColumn
from desktop.ui.tabs.server.keys import KeysCard
from desktop.ui.tabs.server.overview import Overview
from desktop.ui.tabs.server.portrow import PortRow
from desktop.ui.tabs.server.presenter import ServerPresenter
from desktop.ui.tabs.server.requests_pane import RequestsPane
from desktop.ui.tabs.server.status import StatusLine
from desktop.ui.tabs.server.tools import Place
from desktop.ui.tabs.server.tools_pane import ToolsPane
from desktop.ui.tabs.server.usage_pane import UsagePane
from desktop.ui.widgets.parts import Banner
from desktop.ui.widgets.segments import Segments
from desktop.ui.widgets.switch import Switch

PARTS = ("overview", "requests", "keys", "usage", "tools")
_TWO_COLUMNS_FROM = 860  # pixels, and widths of a letter
_TWO_COLUMNS_FROM_LETTERS = 110
_HOLDER = re.compile(r"^(.+) \(process (\d+)\) is using it\.$")
_SOMEBODY = "Another program is using it."


class ServerPage(Page):
    name = "server"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.presenter = ServerPresenter(context, self)
        self.switch = Switch(theme)
        self.switch.asked.connect(self.presenter.switch)
        self.tools.addWidget(self.switch)
        self.parts = Segments(theme, PARTS)
        self.parts.choose("overview")
        self.parts.chosen.connect(self.show_part)
        self.banner = Banner(theme, "error")
        self.banner.pressed.connect(self.presenter.make_key_and_open)
        self.port_row = PortRow(theme)
        self.port_row.port_chosen.connect(self.presenter.use_port)
        self.status = StatusLine(theme)
        self.overview = Overview(theme)
        self.connect_card, self.reach = self.overview.connect_card, self.overview.reach
        self.snippets, self.keep = self.overview.snippets, self.overview.keep
        self.connect_card.model_chosen.connect(self._on_model_chosen)
        self.reach.network_chosen.connect(self.presenter.choose_network)
        self.keep.changed.connect(self.presenter.change_settings)
        self.requests = RequestsPane(context)
        self.keys = KeysCard(theme)
        self.keys.make_asked.connect(self.presenter.make_key)
        self.keys.revoke_asked.connect(self.presenter.revoke_key)
        self.keys.change_asked.connect(self.presenter.change_key)
        self.usage = UsagePane(context)
        self.tools_pane = ToolsPane(theme)
        self.tools_pane.keys_asked.connect(self._on_keys_asked)
        self.tools_pane.server_asked.connect(self._on_server_asked)
        self.tools_pane.ollama_asked.connect(self._on_ollama_asked)
        self._build()
        self._connect()

    def _build(self) -> None:
        self.stack = QStackedWidget()
        self.areas: dict[str, QWidget] = {}
        self._in_front = False
        for name, inside, scrolls in (
            ("overview", self.overview, True),
            ("requests", self.requests, False),
            ("keys", self.keys, True),
            ("usage", self.usage, True),
            ("tools", self.tools_pane, True),
        ):
            area: QWidget = inside
            if scrolls:
                holder = QWidget()
                column = QVBoxLayout(holder)
                column.setContentsMargins(0, 0, 0, 0)
                if name == "overview":
                    column.setSpacing(16)
                    column.addWidget(self.status)
                column.addWidget(inside)
                if name != "usage":
                    column.addStretch(1)
                area = ScrollingColumn(holder)
            self.areas[name] = area
            self.stack.addWidget(area)
        self._bring_forward("overview")
        self.leave_bar_room()
        line = QHBoxLayout()
        line.addWidget(self.parts)
        line.addStretch(1)
        top = QVBoxLayout()
        top.setContentsMargins(0, 0, BAR_ROOM, 0)
        top.setSpacing(16)
        top.addLayout(line)
        for widget in (self.banner, self.port_row):
            top.addWidget(widget)
        self.content.addLayout(top)
        self.content.addWidget(self.stack, 1)
        for number, name in enumerate(PARTS, 1):
            shortcut = QShortcut(QKeySequence(f"Alt+{number}"), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda name=name: self.show_part(name))

    def _connect(self) -> None:
        presenter = self.presenter
        presenter.changed.connect(self._on_changed)
        presenter.keys_changed.connect(self._on_keys_changed)
        presenter.models_changed.connect(self._on_models_changed)
        presenter.settings_changed.connect(self._on_settings_changed)
        presenter.key_made.connect(self._on_key_made)
        presenter.key_changed.connect(self.keys.show_changed)
        presenter.key_refused.connect(self._on_key_refused)

    # --- Page ---------------------------------------------------------------------------------

    def title(self) -> str:
        return self.tr("Server")

    def retranslate(self) -> None:
        super().retranslate()
        self.parts.set_words(
            {
                "overview": self.tr("Overview"),
                "requests": self.tr("Requests"),
                "keys": self.tr("Keys"),
                "usage": self.tr("Usage"),
                "tools": self.tr("Tools"),
            }
        )
        self.parts.setAccessibleName(self.tr("Parts of the server's page"))
        for number, name in enumerate(PARTS, 1):
            self.parts.button(name).setToolTip(f"Alt+{number}")
        self.requests.retranslate()
        self.usage.retranslate()
        self._on_changed()

    def shown(self) -> None:
        self._in_front = True
        self.presenter.refresh()
        self._part_shown()

    def hidden(self) -> None:
        self._in_front = False
        self._part_hidden()

    def panes(self) -> list[QWidget]:
        return [self.parts, self.stack]

    @property
    def part(self) -> str:
        """The part in front."""
        current = self.stack.currentWidget()
        return next(name for name, area in self.areas.items() if area is current)

    def show_part(self, name: str) -> None:
        """Args: name: one of `PARTS`."""
        self._part_hidden()
        self.parts.choose(name)
        self._bring_forward(name)
        if self._in_front:
            self._part_shown()

    def _bring_forward(self, name: str) -> None:
        """Show one area; how much room the others need does not count."""
        for each, area in self.areas.items():
            policy = area.sizePolicy()
            fill = QSizePolicy.Policy.Expanding if each == name else QSizePolicy.Policy.Ignored
            policy.setVerticalPolicy(fill)
            area.setSizePolicy(policy)
        self.stack.setCurrentWidget(self.areas[name])

    def show_model(self, model: str) -> None:
        """Anything that is behind the page's name: one of its parts."""
        if model in PARTS:
            self.show_part(model)

    def _part_shown(self) -> None:
        if self.part == "requests":
            self.requests.shown()
        elif self.part == "usage":
            self.usage.shown()
        elif self.part == "keys":
            self.presenter.read_keys()

    def _part_hidden(self) -> None:
        if self.part == "requests":
            self.requests.hidden()
        elif self.part == "usage":
            self.usage.hidden()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        letters = _TWO_COLUMNS_FROM_LETTERS * self.fontMetrics().averageCharWidth()
        self.overview.set_wide(self.width() >= max(_TWO_COLUMNS_FROM, letters))

    # --- what the presenter tells ---------------------------------------------------------------

    def _on_changed(self) -> None:
        presenter = self.presenter
        phase = presenter.phase
        words = {
            "on": self.tr("On"),
            "off": self.tr("Off"),
            "failed": self.tr("Off"),
            "away": self.tr("Off"),
            "starting": self.tr("Starting …"),
            "stopping": self.tr("Stopping …"),
        }
        self.switch.set_word(words[phase], tuple(words.values()))
        self.switch.set_on(phase in ("on", "starting"))
        self.switch.setEnabled(phase != "away")
        self.switch.set_busy(phase in ("starting", "stopping"))
        self.switch.setAccessibleName(self.tr("Server: {state}").format(state=words[phase]))
        network = presenter.on_network and phase == "on"
        shown = presenter.lan_urls[0] if network and presenter.lan_urls else presenter.url
        self.status.show_phase(phase, shown, network)
        self._show_trouble()
        self.connect_card.show_address(f"{presenter.url}/v1", presenter.key_needed)
        self.reach.show_reach(presenter.on_network, presenter.lan_urls)
        self.reach.choice.setEnabled(self.switch.isEnabled() and not self.switch.busy)
        self.requests.set_url(presenter.url)
        self._show_snippets()

    def _show_trouble(self) -> None:
        error, kind = self.presenter.trouble, self.presenter.trouble_kind
        self.banner.setVisible(error is not None)
        self.port_row.setVisible(kind == "port")
        if error is None:
            return
        words = message(error)
        if kind == "key":
            text = self.tr(
                "With a key, only who has it can use your models. Nothing is open until then."
            )
            self.banner.tell(words.title, text, self.tr("Create a key and open"), kind="warning")
        elif kind == "port":
            self.banner.tell(words.title, self._holder(words.cause), kind="error")
            self.port_row.offer(self.presenter.port)
        else:
            self.banner.tell(words.title, words.text, kind="error")

    def _holder(self, text: str) -> str:
        """Who holds the port: the service says it in English."""
        if found := _HOLDER.match(text):
            words = self.tr("{program} (process {pid}) is using it.")
            return words.format(program=found[1], pid=found[2])
        return self.tr("Another program is using it.") if text == _SOMEBODY else text

    def _on_keys_changed(self) -> None:
        self.keys.show_keys(self.presenter.keys)
        self._name_filters()

    def _on_models_changed(self) -> None:
        presenter = self.presenter
        self.connect_card.show_models(presenter.models, presenter.loaded_model)
        self.tools_pane.show_models(presenter.models, presenter.loaded_model)
        self.keep.show_models(presenter.models)
        self._name_filters()

    def _name_filters(self) -> None:
        names = [str(key["name"]) for key in self.presenter.keys or ()]
        self.requests.set_names(self.presenter.models, names)

    def _on_settings_changed(self) -> None:
        settings = self.presenter.settings
        self.keep.show_settings(
            float(settings.get("keep_minutes", 30.0)), list(settings.get("preload") or ())
        )

    def _on_model_chosen(self, model: str) -> None:
        self._show_snippets()

    def _show_snippets(self) -> None:
        presenter = self.presenter
        model = self.connect_card.model.currentText() or "MODEL"
        place = Place(presenter.url, model, presenter.key_needed, presenter.ollama_url)
        self.snippets.show_place(place)
        self.tools_pane.show_place(place, presenter.phase == "on")

    def _on_key_made(self, name: str, key: str) -> None:
        self.keys.show_made(name, key)
        self.show_part("keys")
        area = self.areas["keys"]
        assert isinstance(area, ScrollingColumn)
        area.ensureWidgetVisible(self.keys.fresh)

    def _on_key_refused(self, error: object) -> None:
        self.keys.show_refused(message(error).line)  # type: ignore[arg-type]

    def _on_keys_asked(self) -> None:
        self.show_part("keys")
        self.keys.name.setFocus()

    def _on_server_asked(self) -> None:
        self.presenter.switch(True)

    def _on_ollama_asked(self) -> None:
        self.presenter.listen_for_ollama()
