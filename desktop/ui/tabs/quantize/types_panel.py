"""The panel beside the cards: all types by their bits, overrides, saved recipes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.tabs.quantize.cards import combo
from desktop.ui.tabs.quantize.overrides import OverrideForm
from desktop.ui.tabs.quantize.types_card import type_tip
from desktop.ui.tabs.quantize.wish import Overrides, tensor_types
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, IconButton, Text, row
from desktop.ui.widgets.chips import ToggleChips
from desktop.ui.widgets.parts import Line

Json = dict[str, Any]


class TypesPanel(Translated, QWidget):
    """Signals:
    toggled: a type was chosen, or is chosen no longer.
    overridden: what differs from the types' own mixes.
    save_asked: the name a recipe is to have, and the recipe; remove_asked: a saved one's name.
    close_asked: the panel has done its work.
    """

    toggled = Signal(str, bool)
    overridden = Signal(object)
    save_asked = Signal(str, dict)
    remove_asked = Signal(str)
    close_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._types: list[Json] = []
        self._recipes: list[Json] = []
        self._chosen: frozenset[str] = frozenset()
        self._groups: dict[int, tuple[Text, ToggleChips]] = {}
        self._title = Text(theme, role="strong", wrap=True)
        self.close_button = IconButton(theme, "close", "")
        self.close_button.clicked.connect(self.close_asked)
        self._types_box = QWidget()
        self._types_rows = QVBoxLayout(self._types_box)
        self._types_rows.setContentsMargins(0, 0, 0, 0)
        self._types_rows.setSpacing(GAP)
        self.overrides_button = Button(
            theme, kind="quiet", icon_name="chevron-right", flush=True, shrinks=True
        )
        self.overrides_button.setObjectName("quantize-overrides")
        self.overrides_button.clicked.connect(self._on_overrides_clicked)
        self.form = OverrideForm(theme)
        self.form.changed.connect(self._on_form_changed)
        self.form.hide()
        self._saved_title = Text(theme, role="strong", wrap=True)
        self._saved_about = Text(theme, role="caption", wrap=True)
        self._saved = QWidget()
        self._saved_rows = QVBoxLayout(self._saved)
        self._saved_rows.setContentsMargins(0, 0, 0, 0)
        self._saved_rows.setSpacing(GAP)
        self.base: QComboBox = combo("quantize-recipe-type", 6)
        self.name = QLineEdit()
        self.name.setObjectName("quantize-recipe-name")
        self.name.textEdited.connect(self._on_name_edited)
        self.name.returnPressed.connect(self._on_save_clicked)
        self.save = Button(theme)
        self.save.setObjectName("quantize-recipe-save")
        self.save.clicked.connect(self._on_save_clicked)
        self._build()
        self.retranslate()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(GAP)
        heading = row(self._title, 1, self.close_button)
        heading.setStretchFactor(self._title, 1)
        layout.addLayout(heading)
        layout.addWidget(self._types_box)
        layout.addWidget(Line(self._theme))
        layout.addWidget(self.overrides_button)
        layout.addWidget(self.form)
        layout.addWidget(Line(self._theme))
        layout.addWidget(self._saved_title)
        layout.addWidget(self._saved_about)
        layout.addWidget(self._saved)
        line = row(self.name, self.base)
        line.setStretch(0, 3)
        line.setStretch(1, 2)
        layout.addLayout(line)
        layout.addLayout(row(self.save, 1))
        layout.addStretch(1)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Types and recipes"))
        self.close_button.set_name(self.tr("Close"))
        self._saved_title.setText(self.tr("Saved recipes"))
        self.name.setPlaceholderText(self.tr("Name"))
        self.name.setAccessibleName(self.tr("Name of the recipe"))
        self.base.setAccessibleName(self.tr("Type the recipe is based on"))
        self.base.setToolTip(self.tr("Type the recipe is based on"))
        self.save.setText(self.tr("Save the overrides as a recipe"))
        self.save.updateGeometry()
        self._show_types()
        self._show_recipes()
        self._name_overrides()

    # --- what is shown --------------------------------------------------------------------------

    def show_types(self, types: Sequence[Json], chosen: Collection[str]) -> None:
        """Args: types: of this build; chosen: names of those that are wanted."""
        fresh, self._chosen = list(types), frozenset(chosen)
        if fresh != self._types:
            self._types = fresh
            names = [each["name"] for each in fresh]
            self.form.show_types(tensor_types(names))
            kept = self.base.currentText() or "Q4_K_M"
            self.base.clear()
            self.base.addItems(names)
            self.base.setCurrentIndex(max(0, self.base.findText(kept)))
        self._show_types()

    def _show_types(self) -> None:
        """A line of chips for each number of bits, the most first."""
        groups: dict[int, list[Json]] = {}
        for each in self._types:
            groups.setdefault(_bits(each), []).append(each)
        for bits in [bits for bits in self._groups if bits not in groups]:
            for widget in self._groups.pop(bits):
                widget.hide()
                widget.deleteLater()
        for place, bits in enumerate(sorted(groups, reverse=True)):
            if bits not in self._groups:
                title, chips = Text(self._theme, role="caption"), ToggleChips(self._theme)
                chips.toggled.connect(self.toggled)
                self._types_rows.insertWidget(2 * place, title)
                self._types_rows.insertWidget(2 * place + 1, chips)
                self._groups[bits] = (title, chips)
            title, chips = self._groups[bits]
            text = self.tr("1 bit") if bits == 1 else self.tr("{bits} bits").format(bits=bits)
            title.setText(text)
            chips.setAccessibleName(text)
            words = {each["name"]: (each["name"], type_tip(each)) for each in groups[bits]}
            chips.show_chips(words, self._chosen)

    def chip(self, name: str) -> Any:
        """The chip of a type."""
        for _, chips in self._groups.values():
            if name in chips.keys:
                return chips.chip(name)
        raise KeyError(name)

    def show_recipes(self, recipes: Sequence[Json]) -> None:
        """Args: recipes: the saved ones: {"name", "recipe"}."""
        self._recipes = list(recipes)
        self._show_recipes()

    def _show_recipes(self) -> None:
        while (item := self._saved_rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for each in self._recipes:
            saved = _Saved(self._theme, each)
            saved.remove_asked.connect(self.remove_asked)
            self._saved_rows.addWidget(saved)
        self._saved.setVisible(bool(self._recipes))
        none = self.tr("None yet. Set overrides, then save them here under a name.")
        some = self.tr("Choose them in the card; each makes a file of its own.")
        self._saved_about.setText(some if self._recipes else none)
        self._check()

    def _name_overrides(self) -> None:
        count = self.form.overrides().count
        text = self.tr("Overrides ({count})").format(count=count)
        self.overrides_button.setText(text if count else self.tr("Overrides"))
        self.overrides_button.setToolTip(
            self.tr("What differs from a type's own mix, in every chosen type")
        )
        self.overrides_button.updateGeometry()
        self._check()

    def _check(self) -> None:
        named = bool(self.name.text().strip())
        ready = named and self.form.overrides().count > 0
        self.save.setEnabled(ready)
        why = self.tr("Set an override and give it a name first.")
        self.save.setToolTip("" if ready else why)

    # --- what is done ---------------------------------------------------------------------------

    def open_overrides(self, shown: bool) -> None:
        self.form.setVisible(shown)
        self.overrides_button.set_icon("chevron-down" if shown else "chevron-right")

    def _on_overrides_clicked(self) -> None:
        self.open_overrides(self.form.isHidden())

    def _on_form_changed(self) -> None:
        self._name_overrides()
        self.overridden.emit(self.form.overrides())

    def offer(self, recipe: Json) -> None:
        """Set the overrides to those of a recipe, to be saved under a name."""
        self.form.set_recipe(recipe)
        self.base.setCurrentIndex(max(0, self.base.findText(str(recipe["quant_type"]))))
        self.open_overrides(True)
        self._on_form_changed()

    def _on_name_edited(self) -> None:
        self._check()

    def _on_save_clicked(self) -> None:
        overrides: Overrides = self.form.overrides()
        name = self.name.text().strip()
        if name and overrides.count:
            self.save_asked.emit(name, overrides.recipe(self.base.currentText()))
            self.name.clear()
            self._check()


class _Saved(Translated, QWidget):
    """A saved recipe: its name, what it is, and a button that removes it."""

    remove_asked = Signal(str)

    def __init__(self, theme: Theme, saved: Json) -> None:
        super().__init__()
        self._name = str(saved["name"])
        self._text = Text(theme, self._name, wrap=True)
        self._about = Text(theme, _about(saved["recipe"]), role="caption", wrap=True)
        self.remove = IconButton(theme, "trash", "")
        self.remove.clicked.connect(self._on_remove_clicked)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self._text)
        texts.addWidget(self._about)
        line = row()
        line.addLayout(texts, 1)
        line.addWidget(self.remove)
        self.setLayout(line)
        self.retranslate()

    def retranslate(self) -> None:
        self.remove.set_name(self.tr("Remove {name}").format(name=self._name))

    def _on_remove_clicked(self) -> None:
        self.remove_asked.emit(self._name)


def _about(recipe: Json) -> str:
    """ "Q4_K_M · output Q6_K · attn_v=Q6_K": names as the engine has them."""
    parts = [str(recipe["quant_type"])]
    if recipe.get("pure"):
        parts.append("pure")
    for name, flag in (("output_type", "output"), ("embedding_type", "token_embd")):
        if recipe.get(name):
            parts.append(f"{flag}={recipe[name]}")
    parts += [f"{pattern}={name}" for pattern, name in recipe.get("tensor_types") or ()]
    return " · ".join(parts)


def _bits(quant_type: Json) -> int:
    """The number in its name, by which people know it: 4 of Q4_K_M and of IQ4_XS."""
    found = re.search(r"\d+", quant_type["name"])
    return int(found[0]) if found is not None else 0
