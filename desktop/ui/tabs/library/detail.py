"""The panel beside the list: one model, its load, its memory, its facts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.i18n import Translated
from desktop.ui.messages import joined, message, notice_words
from desktop.ui.models.standing import stay, stay_tip
from desktop.ui.price.panel import PricePanel
from desktop.ui.price.presenter import Priced
from desktop.ui.price.table import MemoryTable
from desktop.ui.tabs.library.card import CardForm
from desktop.ui.tabs.library.columns import loadable, short
from desktop.ui.tabs.library.facts import Facts, breakable
from desktop.ui.tabs.library.loadform import LoadForm
from desktop.ui.tabs.library.marks import Marks
from desktop.ui.tabs.library.menu import ModelMenu
from desktop.ui.tabs.library.rows import MEASURED_STAGES, LibraryRows
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Text, clear, row
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import Banner, Chip
from desktop.ui.widgets.stagecolumn import StageColumn

Json = dict[str, Any]
_TOO_MUCH = (ErrorCode.LOAD_WONT_FIT, ErrorCode.ENGINE_OUT_OF_MEMORY)


class DetailPanel(Translated, QWidget):
    """Shows an entry in its state.

    Signals:
        load_asked: id, and the wishes as keyword arguments of `Client.load`.
        unload_asked: id; of a model being loaded: stop loading it.
        folder_asked: the path whose folder is to be opened.
        close_asked: the panel is to go.
        menu_chosen: as `ModelMenu.chosen`.
        price_asked: the wishes to be priced, as keyword arguments of `Wishes`.
    """

    load_asked = Signal(str, dict)
    unload_asked = Signal(str)
    folder_asked = Signal(str)
    close_asked = Signal()
    price_asked = Signal(dict)
    menu_chosen = Signal(str, dict)

    def __init__(self, theme: Theme, rows: LibraryRows) -> None:
        super().__init__()
        self._theme, self._rows = theme, rows
        self._entry: Json | None = None
        self._state: tuple[str, Json | None, AppError | None] = ("", None, None)
        self._title = Text(theme, role="strong", wrap=True)
        self.more = IconButton(theme, "more", "")
        self.more.setObjectName("model-more")
        self.more.clicked.connect(self._on_more_clicked)
        self._close = IconButton(theme, "close", "")
        self._close.clicked.connect(self.close_asked)
        self._chip_lines = QWidget()
        self._chips = FlowLayout(self._chip_lines, TIGHT)
        self.banner = Banner(theme, "error")
        self._hint = Text(theme, token="secondary", wrap=True)
        self.notices = Text(theme, token="warning", wrap=True)
        self.stages = StageColumn(theme)
        self.cancel = Button(theme, icon_name="stop")
        self.cancel.setObjectName("load-cancel")
        self.cancel.clicked.connect(self._on_unload_asked)
        self.form = LoadForm(theme)
        self.form.load_asked.connect(self._on_load_asked)
        self.form.unload_asked.connect(self._on_unload_asked)
        self.form.changed.connect(self._on_form_changed)
        self.price = PricePanel(theme)
        self._memory_title = Text(theme, role="strong")
        self.memory = MemoryTable(theme)
        self._settings = Text(theme, role="caption", wrap=True)
        self._stay = Text(theme, role="caption", wrap=True)
        self._marks_title = Text(theme, role="strong")
        self.marks = Marks(theme)
        self._checking = Text(theme, token="secondary", wrap=True)
        self._card_title = Text(theme, role="strong")
        self.card = CardForm(theme)
        self._facts_title = Text(theme, role="strong")
        self.facts = Facts(theme)
        self.facts.folder_asked.connect(self.folder_asked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(GAP)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.more, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        for widget in (self._chip_lines, self.banner, self._hint, self.notices, self._checking):
            layout.addWidget(widget)
        layout.addWidget(self.stages)
        layout.addLayout(row(self.cancel, 1))
        layout.addSpacing(GAP)
        layout.addWidget(self.form)
        layout.addWidget(self.price)
        layout.addWidget(self._memory_title)
        layout.addWidget(self.memory)
        layout.addWidget(self._settings)
        layout.addWidget(self._stay)
        for title in (self._memory_title, self._marks_title, self._card_title, self._facts_title):
            title.setContentsMargins(0, 2 * GAP, 0, 0)  # gone with it where there is no such part
        for title, part in (
            (self._marks_title, self.marks),
            (self._card_title, self.card),
            (self._facts_title, self.facts),
        ):
            layout.addWidget(title)
            layout.addWidget(part)
        layout.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self.more.set_name(self.tr("What can be done with it"))
        self._close.set_name(self.tr("Close details"))
        self.cancel.setText(self.tr("Cancel"))
        self._memory_title.setText(self.tr("Memory"))
        self._marks_title.setText(self.tr("Does it work here?"))
        self._card_title.setText(self.tr("Names and defaults"))
        self._facts_title.setText(self.tr("About this file"))
        self._show_state()

    @property
    def entry(self) -> Json | None:
        """The entry it shows."""
        return self._entry

    def show_entry(self, entry: Json, chips: list[tuple[str, str]]) -> None:
        """Show another entry, or the same one with what is known now."""
        before = self._entry
        self._entry = entry
        self._title.setText(breakable(entry["id"]))
        clear(self._chips)
        for text, token in chips:
            chip = Chip(self._theme, short(text), token)
            chip.setToolTip(text if chip.text() != text else "")
            self._chips.addWidget(chip)
            chip.show()
        self._chip_lines.setVisible(bool(chips))
        if before is None or before["id"] != entry["id"]:
            self.form.set_model(entry["context_tokens"])
        self.facts.show_entry(entry)
        self.card.show_entry(entry)
        for widget in (self._marks_title, self.marks, self._card_title, self.card):
            widget.setVisible(loadable(entry))

    def show_jobs(self, test: Json | None, verify: Json | None) -> None:
        """Args: test, verify: its unfinished jobs of these kinds."""
        if self._entry is not None:
            self.marks.show_entry(self._entry, test)
        progress = (verify or {}).get("progress") or {}
        share = progress["done"] / progress["total"] if progress.get("total") else 0.0
        self._checking.setText(self.tr("Checking the file: {share}").format(share=f"{share:.0%}"))
        self._checking.setVisible(verify is not None)

    def show_state(self, state: str, loaded: Json | None, failure: AppError | None) -> None:
        """Args: state: as `LibraryRows.state`; loaded: `Loaded.to_dict` where it is this model."""
        self._state = (state, loaded, failure)
        self._show_state()

    # --- its price ----------------------------------------------------------------------------

    def begin_price(self) -> None:
        """Another file, or another state of it, is about to be priced."""
        state, loaded, _ = self._state
        real = None
        if state == "ready" and loaded is not None:
            real = {each["name"]: each for each in loaded["memory"]}
        self.price.begin(real)
        self._show_price()

    def set_layers(self, count: int, *, has_experts: bool) -> None:
        """Which layers can be placed: of a model that is priced on a machine with a GPU."""
        self.form.set_layers(count, has_experts=has_experts)

    def show_priced(self, priced: Priced) -> None:
        self.price.show_priced(priced)
        self._show_anyway()

    def show_price_error(self, error: AppError) -> None:
        self.price.show_error(error)
        self._show_anyway()

    def _show_price(self) -> None:
        """Beside a loaded model's own figures only where something else was chosen."""
        ready = self._state[0] == "ready"
        self.price.setVisible(self.form.isVisibleTo(self) and (self.form.touched or not ready))

    # --- its parts ----------------------------------------------------------------------------

    def _show_state(self) -> None:
        entry = self._entry
        if entry is None:
            return
        state, loaded, failure = self._state
        error = AppError.from_dict(entry["error"]) if entry["error"] else failure
        self._show_error(error, entry)
        self._show_hint(state, entry)
        loading = state == "loading" and loaded is not None
        self.stages.setVisible(loading)
        self.cancel.setVisible(loading)
        if loading and loaded is not None:
            stage = loaded["stage"]
            known = stage in MEASURED_STAGES and loaded["progress"]
            self.stages.show_stage(stage, loaded["progress"] if known else None)
        ready = state == "ready"
        self.form.setVisible(loadable(entry) and state in ("", "failed", "ready"))
        self.form.set_loaded(ready)
        for widget in (self._memory_title, self.memory, self._settings, self._stay):
            widget.setVisible(ready)
        self._show_price()
        notices = loaded.get("notices", ()) if ready and loaded is not None else ()
        self.notices.setText(breakable("\n".join(notice_words(each) for each in notices)))
        self.notices.setVisible(bool(notices))
        if ready and loaded is not None:
            self.memory.show_loaded(loaded)
            self._show_settings(loaded)
            self._stay.setText(stay(loaded))
            self._stay.setToolTip(stay_tip(loaded))

    def _show_error(self, error: AppError | None, entry: Json) -> None:
        self.banner.setVisible(error is not None)
        self._show_anyway()
        if error is None:
            return
        words = message(error)
        text = words.text
        if error.code in _TOO_MUCH:
            text = joined(
                words.cause,
                self.tr(
                    "A smaller context, one slot, a smaller type of the KV cache or a smaller "
                    "quant takes less."
                ),
            )
        self.banner.tell(breakable(words.title), breakable(text), kind="error")

    def _show_anyway(self) -> None:
        """The guard can be overruled where it refused, or is about to."""
        entry, (state, _, failure) = self._entry, self._state
        refused = failure is not None and failure.code in _TOO_MUCH
        usable = entry is not None and loadable(entry) and state in ("", "failed", "ready")
        self.form.anyway.setVisible(usable and (refused or self.price.badge.verdict == "wont_fit"))

    def _show_hint(self, state: str, entry: Json) -> None:
        text = {
            "waiting": self.tr("It is loaded as soon as there is room for it."),
            "restarting": self.tr("Its engine ended by itself and is started again in a moment."),
            "stopping": self.tr("It is being taken out of memory."),
        }.get(state, "")
        if not entry["broken"]:
            text = text or {
                "projector": self.tr("A projector is loaded together with the model beside it."),
                "adapter": self.tr("An adapter changes a model; it cannot be loaded by itself."),
                "vocab": self.tr("This file holds only a vocabulary."),
                "other": self.tr("This file holds data for the engine's tools, not a model."),
            }.get(entry["kind"], "")
        self._hint.setText(text)
        self._hint.setVisible(bool(text))

    def _show_settings(self, loaded: Json) -> None:
        settings = loaded["settings"]
        self._settings.setVisible(bool(settings))
        if settings:
            self._settings.setText(
                self.tr("Context {context} tokens × {slots} slots, KV cache {kv}").format(
                    context=f"{settings['context_tokens']:,}",
                    slots=settings["slots"],
                    kv=settings.get("kv_type_k") or "f16",
                )
            )

    # --- what is asked of it ------------------------------------------------------------------

    def _on_more_clicked(self) -> None:
        if self._entry is not None:
            menu = ModelMenu(self, self._rows, self._entry)
            menu.chosen.connect(self.menu_chosen)
            menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _on_load_asked(self, wishes: Json) -> None:
        if self._entry is not None:
            self.load_asked.emit(self._entry["id"], wishes)

    def _on_form_changed(self) -> None:
        self._show_price()
        self.price_asked.emit(self.form.wishes())

    def _on_unload_asked(self) -> None:
        if self._entry is not None:
            self.unload_asked.emit(self._entry["id"])
