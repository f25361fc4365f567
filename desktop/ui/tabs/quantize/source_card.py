"""The first card: what files are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QLineEdit

from desktop.ui import units
from desktop.ui.downloads.words import joined
from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.cards import Card, combo, tell
from desktop.ui.tabs.quantize.pathfield import PathField
from desktop.ui.tabs.quantize.wish import Source
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.chips import ChoiceChips
from desktop.ui.widgets.field import Field
from desktop.ui.widgets.tick import Tick
from desktop.ui.widgets.wheel import WheelGuard

Json = dict[str, Any]
OUT_TYPES = ("auto", "f16", "bf16", "q8_0")


class SourceCard(Card):
    """A model of the library, a GGUF file, a checkpoint's folder, or its name on the hub."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, 1)
        self._models: list[Json] = []
        self.kinds = ChoiceChips(theme, ("library", "file", "folder", "hub"))
        self.kinds.chosen.connect(self._on_kind_chosen)
        self.model = combo("quantize-model")
        self.model.activated.connect(self._on_changed)
        self.file, self.folder = PathField(theme, "gguf"), PathField(theme, "folder")
        for field in (self.file, self.folder):
            field.chosen.connect(self._on_changed)
        self.repo = QLineEdit()
        self.repo.setObjectName("quantize-repo")
        self.repo.textEdited.connect(self._on_changed)
        self.out_type = combo("quantize-out-type")
        for name in OUT_TYPES:
            self.out_type.addItem(name.upper(), name)
        self.out_type.activated.connect(self._on_changed)
        WheelGuard(self).watch(self.model, self.out_type)
        self._out = Field(theme, self.out_type)
        for widget in (self.kinds, self.model, self.file, self.folder, self.repo, self._out):
            self.body.addWidget(widget)
        self._facts = self.caption()
        self._toolkit = self.caption()
        self._warning = self.caption("warning")
        self.again, self.pickle = Tick(theme), Tick(theme)
        self.again.setObjectName("quantize-again")
        self.pickle.setObjectName("quantize-pickle")
        for tick in (self.again, self.pickle):
            tick.clicked.connect(self._on_changed)
            tick.hide()
            self.body.addWidget(tick)
        self.body.addStretch(1)
        self._shown: tuple[Json | None, bool, bool] = (None, False, False)
        self.retranslate()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("Source"))
        self.kinds.set_words(
            {
                "library": self.tr("Library"),
                "file": self.tr("GGUF file"),
                "folder": self.tr("Checkpoint"),
                "hub": self.tr("Hub"),
            }
        )
        self.kinds.setAccessibleName(self.tr("Where the model comes from"))
        self.model.setAccessibleName(self.tr("Model"))
        self.repo.setPlaceholderText(self.tr("owner/name"))
        self.repo.setAccessibleName(self.tr("Name of the checkpoint on the hub"))
        self._out.set_name(
            self.tr("Convert to"),
            self.tr("Automatic: the 16-bit type that loses nothing"),
        )
        self.out_type.setItemText(0, self.tr("Automatic"))
        self.again.setText(self.tr("Quantize it again all the same"))
        self.pickle.setText(self.tr("Read pickles too: I trust who made them"))
        self.model.setPlaceholderText(self.tr("No model in the Library"))
        self._show()

    # --- what is shown --------------------------------------------------------------------------

    def show_models(self, models: Sequence[Json]) -> None:
        """Args: models: entries of the library, the best source first; what is chosen stays."""
        kept = self.model.currentData()
        self._models = list(models)
        with QSignalBlocker(self.model):
            self.model.clear()
            for entry in self._models:
                self.model.addItem(entry["id"], entry["path"])
            place = self.model.findData(kept) if kept else -1
            self.model.setCurrentIndex(max(place, 0) if self._models else -1)
        self.model.setEnabled(bool(self._models))
        self._tell_model()
        if self.model.currentData() != kept:
            self.changed.emit()

    def _tell_model(self) -> None:
        self.model.setToolTip(self.model.currentText())

    def show_plan(self, facts: Json | None, quantized: bool, pickled: bool) -> None:
        """Args:
        facts: of the source, as a plan has them; quantized: its weights are so already.
        pickled: they are pickles, and nobody agreed to reading these.
        """
        if (facts, quantized, pickled) != self._shown:
            self._shown = (facts, quantized, pickled)
            self._show()

    def choose_model(self, model: str) -> None:
        """Choose a model of the library by its id, as a person would."""
        place = next((n for n, each in enumerate(self._models) if each["id"] == model), -1)
        if place >= 0:
            self.kinds.choose("library")
            self.model.setCurrentIndex(place)
            self._on_changed()

    def choose_path(self, path: str) -> bool:
        """Take a file or folder that was dropped; returns whether it is one for this card."""
        place = Path(path)
        kind = "folder" if place.is_dir() else "file"
        if kind == "file" and place.suffix.lower() != ".gguf":
            return False
        (self.folder if kind == "folder" else self.file).set_path(path)
        self.kinds.choose(kind)
        self._on_changed()
        return True

    def _show(self) -> None:
        kind = self.kinds.current
        facts, quantized, pickled = self._shown
        checkpoint = kind in ("folder", "hub")
        for name, widget in (
            ("library", self.model),
            ("file", self.file),
            ("folder", self.folder),
            ("hub", self.repo),
        ):
            widget.setVisible(kind == name)
        self._out.setVisible(checkpoint)
        tell(self._facts, self._told(facts))
        text = self.tr(
            "The first time, the converter is installed: about 1 GB, in a folder of its own."
        )
        tell(self._toolkit, text if checkpoint else "")
        lost = self.tr("It is quantized already: what it lost stays lost, and more is lost now.")
        tell(self._warning, lost if quantized else "")
        self.again.setVisible(quantized)
        self.pickle.setVisible(kind == "hub" or pickled or self.pickle.isChecked())

    def _told(self, facts: Json | None) -> str:
        if self.kinds.current == "library" and facts is None:
            facts = next((e for e in self._models if e["path"] == self.model.currentData()), None)
        if facts is None:
            hint = self.tr("Or drop a GGUF file or a checkpoint's folder on this page.")
            return "" if self.wish().path or self.kinds.current == "hub" else hint
        count, weight = facts.get("parameters"), facts.get("bits_per_weight")
        per_weight = self.tr("{bits} bits per weight").format(bits=words.bits(weight))
        parameters = self.tr("{count} parameters").format(count=units.parameters(count))
        lines = [
            joined([str(facts.get("architecture") or ""), parameters if count else ""]),
            joined([units.size(facts.get("size_bytes")), per_weight if weight else ""]),
        ]
        return "\n".join(line for line in lines if line)

    # --- what is wanted -------------------------------------------------------------------------

    def wish(self) -> Source:
        kind = self.kinds.current
        path = {
            "library": self.model.currentData() or "",
            "file": self.file.path,
            "folder": self.folder.path,
            "hub": "",
        }[kind]
        return Source(
            kind,
            path,
            self.repo.text().strip() if kind == "hub" else "",
            self.out_type.currentData(),
            self.pickle.isChecked() and not self.pickle.isHidden(),
            self.again.isChecked() and not self.again.isHidden(),
        )

    def _on_kind_chosen(self, kind: str) -> None:
        self._on_changed()

    def _on_changed(self) -> None:
        """Another source is agreed to anew."""
        if self.sender() not in (self.again, self.pickle, self.out_type):
            self.again.setChecked(False)
            self.pickle.setChecked(False)
            self._shown = (None, False, False)
        self._tell_model()
        self._show()
        self.changed.emit()
