"""The third card: which files are made, or which target one is to meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QVBoxLayout, QWidget

from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.cards import Card, combo, tell
from desktop.ui.tabs.quantize.wish import USUAL, Overrides, Target, Types
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, Text
from desktop.ui.widgets.chips import ChoiceChips, ToggleChips
from desktop.ui.widgets.field import Field
from desktop.ui.widgets.segments import Segments
from desktop.ui.widgets.wheel import WheelGuard

Json = dict[str, Any]
_GIB = 1 << 30
_BUDGETS = (600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0)


class TargetBox(QWidget):
    """The bound, and how long is searched for what meets it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.bounds = ChoiceChips(theme, ("size", "speed"))
        self.most, self.least = QDoubleSpinBox(), QDoubleSpinBox()
        for spin, name, value, most in (
            (self.most, "quantize-most", 4.0, 4096.0),
            (self.least, "quantize-least", 10.0, 10_000.0),
        ):
            spin.setObjectName(name)
            spin.setDecimals(2 if spin is self.most else 1)
            spin.setRange(0.01 if spin is self.most else 0.1, most)
            spin.setValue(value)
        self.budget = combo("quantize-target-budget", 6)
        for seconds in _BUDGETS:
            self.budget.addItem(words.time_budget(seconds), seconds)
        self.budget.setCurrentIndex(1)
        WheelGuard(self).watch(self.most, self.least, self.budget)
        self.size_field, self.speed_field = Field(theme, self.most), Field(theme, self.least)
        self.budget_field = Field(theme, self.budget)
        self.about = Text(theme, role="caption", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        for widget in (
            *(self.bounds, self.size_field, self.speed_field, self.budget_field, self.about),
        ):
            layout.addWidget(widget)
        self.show_bound()

    def show_bound(self) -> None:
        by_size = self.bounds.current == "size"
        self.size_field.setVisible(by_size)
        self.speed_field.setVisible(not by_size)

    def wish(self) -> Target:
        by_size = self.bounds.current == "size"
        most = round(self.most.value() * _GIB) if by_size else None
        least = None if by_size else self.least.value()
        return Target(most, least, self.budget.currentData())


class TypesCard(Card):
    """Signals:
    more_asked: all types, overrides and recipes are to be shown.
    """

    more_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, 3)
        self._types: dict[str, Json] = {}
        self._recipes: dict[str, Json] = {}
        self.names: set[str] = {"Q4_K_M"}
        self.chosen_recipes: set[str] = set()
        self.overrides = Overrides()
        self.mode = Segments(theme, ("types", "target"))
        self.mode.choose("types")
        self.mode.chosen.connect(self._on_mode_chosen)
        self.chips, self.recipes = ToggleChips(theme), ToggleChips(theme)
        self.chips.toggled.connect(self._on_type_toggled)
        self.recipes.toggled.connect(self._on_recipe_toggled)
        self.usual = Button(theme, kind="quiet", flush=True, shrinks=True)
        self.usual.setObjectName("quantize-usual")
        self.usual.clicked.connect(self._on_usual_clicked)
        self.more = Button(theme, icon_name="sliders", shrinks=True)
        self.more.setObjectName("quantize-more")
        self.more.clicked.connect(self.more_asked)
        self.target = TargetBox(theme)
        self.target.bounds.chosen.connect(self._on_target_changed)
        for spin in (self.target.most, self.target.least):
            spin.valueChanged.connect(self._on_target_changed)
        self.target.budget.activated.connect(self._on_target_changed)
        self.body.addWidget(self.mode)
        self._title = self.caption()
        self.body.addWidget(self.chips)
        self.body.addWidget(self.usual)
        self._recipes_title = self.caption()
        self.body.addWidget(self.recipes)
        self._own = self.caption()
        self.body.addWidget(self.more)
        self.body.addWidget(self.target)
        self.body.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("Files"))
        self.mode.set_words({"types": self.tr("Types"), "target": self.tr("Target")})
        self.mode.setAccessibleName(self.tr("What is made"))
        self.chips.setAccessibleName(self.tr("Types"))
        self.recipes.setAccessibleName(self.tr("Saved recipes"))
        self.more.setText(self.tr("All types and recipes…"))
        self.more.setToolTip(self.tr("Every type of this build, overrides and saved recipes"))
        self.more.updateGeometry()
        target = self.target
        target.bounds.set_words({"size": self.tr("Size"), "speed": self.tr("Speed")})
        target.bounds.setAccessibleName(self.tr("What the target is"))
        target.size_field.set_name(self.tr("Best quality under"))
        target.most.setSuffix(" GiB")
        target.speed_field.set_name(self.tr("Best quality at no less than"))
        target.least.setSuffix(" tok/s")
        target.budget_field.set_name(self.tr("Search for"))
        target.about.setText(
            self.tr(
                "Mixes of types, tensor by tensor, are tried and measured here; the best one that "
                "stays within the bound is kept."
            )
        )
        self._show()

    # --- what is shown --------------------------------------------------------------------------

    def show_types(self, types: Sequence[Json]) -> None:
        """Args: types: of this build."""
        self._types = {each["name"]: each for each in types}
        self.names &= set(self._types)
        self._show()
        self.changed.emit()

    def show_recipes(self, recipes: Sequence[Json]) -> None:
        """Args: recipes: the saved ones: {"name", "recipe"}."""
        self._recipes = {each["name"]: each["recipe"] for each in recipes}
        self.chosen_recipes &= set(self._recipes)
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        by_type = self.mode.current == "types"
        for widget in (self.chips, self.usual, self.more):
            widget.setVisible(by_type)
        self.target.setVisible(not by_type)
        tell(self._title, "" if self._types or not by_type else self.tr("Asking the engine."))
        usual = [name for name in USUAL if name in self._types]
        others = [name for name in self._types if name in self.names and name not in usual]
        self.chips.show_chips(self._words([*usual, *others]), self.names)
        every = bool(usual) and set(usual) <= self.names
        text = self.tr("Choose none of them") if every else self.tr("Choose the usual six")
        if text != self.usual.text():
            self.usual.setText(text)
            self.usual.setToolTip(text)
            self.usual.updateGeometry()
        self.usual.setEnabled(bool(usual))
        saved = {
            name: (name, self.tr("On {type}").format(type=recipe["quant_type"]))
            for name, recipe in self._recipes.items()
        }
        self.recipes.setVisible(by_type and bool(saved))
        self.recipes.show_chips(saved, self.chosen_recipes)
        tell(self._recipes_title, self.tr("Saved recipes") if by_type and saved else "")
        count = self.overrides.count
        text = self.tr("1 override") if count == 1 else self.tr("{count} overrides")
        tell(self._own, text.format(count=count) if count and by_type else "")

    def _words(self, names: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        return {name: (name, type_tip(self._types[name])) for name in names}

    # --- what is wanted -------------------------------------------------------------------------

    def wish(self) -> Types:
        if self.mode.current == "target":
            return Types(target=self.target.wish())
        recipes = [
            {**recipe, "name": name}
            for name, recipe in self._recipes.items()
            if name in self.chosen_recipes
        ]
        # The order of the build, the largest types last: as the plan lists them.
        names = tuple(name for name in self._types if name in self.names)
        return Types(names, tuple(recipes), self.overrides)

    def choose(self, name: str, chosen: bool) -> None:
        """Choose a type, or choose it no longer."""
        (self.names.add if chosen else self.names.discard)(name)
        self._show()
        self.changed.emit()

    def override(self, overrides: Overrides) -> None:
        self.overrides = overrides
        self._show()
        self.changed.emit()

    def _on_type_toggled(self, name: str, chosen: bool) -> None:
        self.choose(name, chosen)

    def _on_recipe_toggled(self, name: str, chosen: bool) -> None:
        (self.chosen_recipes.add if chosen else self.chosen_recipes.discard)(name)
        self.changed.emit()

    def _on_usual_clicked(self) -> None:
        usual = {name for name in USUAL if name in self._types}
        self.names = self.names - usual if usual <= self.names else self.names | usual
        self._show()
        self.changed.emit()

    def _on_mode_chosen(self, mode: str) -> None:
        self._show()
        self.changed.emit()

    def _on_target_changed(self) -> None:
        self.target.show_bound()
        self.changed.emit()


def type_tip(quant_type: Json) -> str:
    """What a type's tooltip says."""
    bits = words.translate("Quantize", "{bits} bits per weight")
    text = bits.format(bits=words.bits(quant_type.get("bits_per_weight")))
    if quant_type["needs_imatrix"]:
        text = f"{text} · {words.translate('Quantize', 'needs an importance matrix')}"
    return text
