"""What differs from a type's own mix: output, embedding, tensors by pattern, no mix at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.tabs.quantize.cards import combo
from desktop.ui.tabs.quantize.wish import Overrides
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, IconButton, Text, row
from desktop.ui.widgets.field import Field
from desktop.ui.widgets.tick import Tick
from desktop.ui.widgets.wheel import WheelGuard

Json = dict[str, Any]


class _Rule(Translated, QWidget):
    """Tensors whose names match a pattern get a type.

    Signals:
        changed: it says something else; remove_asked: it is to go.
    """

    changed = Signal()
    remove_asked = Signal(object)

    def __init__(self, theme: Theme, types: Sequence[str]) -> None:
        super().__init__()
        self.pattern = QLineEdit()
        self.pattern.setObjectName("quantize-pattern")
        self.pattern.setFont(theme.mono(-1))
        self.pattern.textEdited.connect(self.changed)
        self.type: QComboBox = combo("quantize-pattern-type", 6)
        self.type.addItems(list(types))
        self.type.setCurrentIndex(max(0, self.type.findText("Q6_K")))
        self.type.activated.connect(self.changed)
        WheelGuard(self).watch(self.type)
        self.remove = IconButton(theme, "close", "")
        self.remove.clicked.connect(self._on_remove_clicked)
        line = row(self.pattern, self.type, self.remove)
        line.setStretch(0, 3)
        line.setStretch(1, 2)
        self.setLayout(line)
        self.retranslate()

    def retranslate(self) -> None:
        self.pattern.setPlaceholderText("attn_v")
        self.pattern.setAccessibleName(self.tr("Part of the tensors' names"))
        self.type.setAccessibleName(self.tr("Type of these tensors"))
        self.type.setToolTip(self.tr("Type of these tensors"))
        self.remove.set_name(self.tr("Remove this line"))

    def _on_remove_clicked(self) -> None:
        self.remove_asked.emit(self)


class OverrideForm(Translated, QWidget):
    """Signals:
    changed: read it with `overrides`.
    """

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._types: list[str] = []
        self.rules: list[_Rule] = []
        self._about = Text(theme, role="caption", wrap=True)
        self.output, self.embedding = combo("quantize-output"), combo("quantize-embedding")
        for box in (self.output, self.embedding):
            box.addItem("", None)
            box.activated.connect(self.changed)
        WheelGuard(self).watch(self.output, self.embedding)
        self._fields = (Field(theme, self.output), Field(theme, self.embedding))
        self.pure = Tick(theme)
        self.pure.setObjectName("quantize-pure")
        self.pure.clicked.connect(self.changed)
        self._title = Text(theme, role="caption", wrap=True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(GAP)
        self.add = Button(theme, icon_name="add", shrinks=True)
        self.add.setObjectName("quantize-add-pattern")
        self.add.clicked.connect(self._on_add_clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._about)
        boxes = row(*self._fields)
        for place in (0, 1):
            boxes.setStretch(place, 1)
        layout.addLayout(boxes)
        layout.addWidget(self.pure)
        layout.addWidget(self._title)
        layout.addLayout(self._rows)
        layout.addLayout(row(self.add, 1))
        self.retranslate()

    def retranslate(self) -> None:
        self._about.setText(self.tr("They hold for every chosen type."))
        self._fields[0].set_name(self.tr("Output tensor"))
        self._fields[1].set_name(self.tr("Token embedding"))
        for box in (self.output, self.embedding):
            box.setItemText(0, self.tr("As the type has it"))
        self.pure.setText(self.tr("The same type for all tensors, without the type's mix"))
        self._title.setText(self.tr("Tensors whose names match"))
        self.add.setText(self.tr("Add tensors"))
        self.add.setToolTip(self.tr("Give tensors whose names match a type of their own"))
        self.add.updateGeometry()

    def show_types(self, types: Sequence[str]) -> None:
        self._types = list(types)
        for box in (self.output, self.embedding):
            kept = box.currentData()
            while box.count() > 1:
                box.removeItem(1)
            for name in types:
                box.addItem(name, name)
            box.setCurrentIndex(max(0, box.findData(kept)))

    def overrides(self) -> Overrides:
        rules = [(rule.pattern.text().strip(), rule.type.currentText()) for rule in self.rules]
        return Overrides(
            self.output.currentData(),
            self.embedding.currentData(),
            tuple((pattern, name) for pattern, name in rules if pattern),
            self.pure.isChecked(),
        )

    def set_recipe(self, recipe: Json) -> None:
        """Show what a recipe (`Recipe.to_dict`) overrides; says nothing."""
        for box, name in ((self.output, "output_type"), (self.embedding, "embedding_type")):
            box.setCurrentIndex(max(0, _find(box, recipe.get(name))))
        self.pure.setChecked(bool(recipe.get("pure")))
        for rule in list(self.rules):
            self._drop(rule)
        for pattern, name in recipe.get("tensor_types") or ():
            rule = self._added()
            rule.pattern.setText(pattern)
            rule.type.setCurrentIndex(max(0, _find(rule.type, name)))

    def _added(self) -> _Rule:
        rule = _Rule(self._theme, self._types)
        rule.changed.connect(self.changed)
        rule.remove_asked.connect(self._on_remove_asked)
        self.rules.append(rule)
        self._rows.addWidget(rule)
        return rule

    def _drop(self, rule: _Rule) -> None:
        self.rules.remove(rule)
        rule.hide()
        rule.deleteLater()

    def _on_add_clicked(self) -> None:
        self._added().pattern.setFocus()

    def _on_remove_asked(self, rule: _Rule) -> None:
        self._drop(rule)
        self.add.setFocus()
        self.changed.emit()


def _find(box: QComboBox, name: str | None) -> int:
    """The place of a type, which the engine also writes in small letters; -1 for none."""
    return -1 if not name else box.findText(name.upper())
