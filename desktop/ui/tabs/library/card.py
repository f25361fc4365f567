"""What is said of a model: other names for clients, tags, the system prompt, its defaults."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, Text, row

Json = dict[str, Any]
_SYSTEM_LINES = 4


class _Prompt(QPlainTextEdit):
    """A few lines, however long the text is."""

    def sizeHint(self) -> QSize:
        margins = 2 * (self.frameWidth() + round(self.document().documentMargin()))
        height = self.fontMetrics().lineSpacing() * _SYSTEM_LINES + margins
        return QSize(super().sizeHint().width(), height)

    minimumSizeHint = sizeHint


class CardForm(Translated, QWidget):
    """Shows and changes a model's card.

    Signals:
        changed: what is to be changed, as `Client.change_card` takes it.
    """

    changed = Signal(dict)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._entry: Json | None = None
        self.aliases = QLineEdit()
        self.aliases.setObjectName("model-aliases")
        self.tags = QLineEdit()
        self.tags.setObjectName("model-tags")
        self.system = _Prompt()
        self.system.setObjectName("model-system")
        self.system.setTabChangesFocus(True)
        self._labels = [Text(theme, token="secondary") for _ in range(3)]
        self._defaults = Text(theme, role="caption", wrap=True)
        self._hint = Text(theme, role="caption", wrap=True)
        self.save = Button(theme)
        self.save.setObjectName("card-save")
        self.undo = Button(theme, kind="quiet")
        self.save.clicked.connect(self._on_save)
        self.undo.clicked.connect(self._on_undo)
        self._buttons = QWidget()
        buttons = row(self.save, self.undo, 1)
        buttons.setContentsMargins(0, 0, 0, 0)
        self._buttons.setLayout(buttons)
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.setVerticalSpacing(GAP // 2)
        fields = (self.aliases, self.tags, self.system)
        for label, field in zip(self._labels, fields, strict=True):
            label.setBuddy(field)
            form.addRow(label, field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addLayout(form)
        layout.addWidget(self._defaults)
        layout.addWidget(self._hint)
        layout.addWidget(self._buttons)
        for line in (self.aliases, self.tags):
            line.textEdited.connect(self._show_buttons)
            line.returnPressed.connect(self._on_save)
        self.system.textChanged.connect(self._show_buttons)
        self.retranslate()
        self._show_buttons()

    def retranslate(self) -> None:
        names = (self.tr("Other names for clients"), self.tr("Tags"), self.tr("System prompt"))
        for label, field, name in zip(
            self._labels, (self.aliases, self.tags, self.system), names, strict=True
        ):
            label.setText(name)
            field.setAccessibleName(name)
        self.aliases.setPlaceholderText(self.tr("several with commas between them"))
        self.tags.setPlaceholderText(self.tr("several with commas between them"))
        self.system.setPlaceholderText(self.tr("Used where a conversation has none of its own"))
        self._hint.setText(self.tr("What is changed here holds for chats and for clients."))
        self.save.setText(self.tr("Save"))
        self.undo.setText(self.tr("Undo"))
        self._show_defaults()

    def show_entry(self, entry: Json) -> None:
        """Show another model, or the same one anew: what is being typed is kept then."""
        same = self._entry is not None and self._entry["id"] == entry["id"]
        kept = same and self.dirty
        self._entry = entry
        if not kept:
            self._on_undo()
        self._show_defaults()
        self._show_buttons()

    @property
    def dirty(self) -> bool:
        return bool(self._changes())

    def _stored(self) -> tuple[list[str], list[str], str]:
        entry = self._entry or {"aliases": [], "tags": [], "card": {}}
        return entry["aliases"], entry["tags"], entry["card"].get("system") or ""

    def _changes(self) -> Json:
        aliases, tags, system = self._stored()
        changes: Json = {}
        if _words(self.aliases.text()) != aliases:
            changes["aliases"] = _words(self.aliases.text())
        if _words(self.tags.text()) != tags:
            changes["tags"] = _words(self.tags.text())
        if self.system.toPlainText() != system:
            changes["system"] = self.system.toPlainText() or None
        return changes

    def _show_defaults(self) -> None:
        sampling = (self._entry or {}).get("card", {}).get("sampling") or {}
        pairs = ", ".join(f"{name} {value}" for name, value in sampling.items())
        self._defaults.setText(self.tr("Defaults: {pairs}").format(pairs=pairs))
        self._defaults.setVisible(bool(pairs))

    def _show_buttons(self) -> None:
        self._buttons.setVisible(self.dirty)

    def _on_save(self) -> None:
        changes = self._changes()
        if changes:
            self.changed.emit(changes)

    def _on_undo(self) -> None:
        aliases, tags, system = self._stored()
        self.aliases.setText(", ".join(aliases))
        self.tags.setText(", ".join(tags))
        self.system.setPlainText(system)
        self._show_buttons()


def _words(text: str) -> list[str]:
    """What stands between the commas, Japanese ones too; each once."""
    parts = (part.strip() for part in text.replace("、", ",").replace(",", ",").split(","))
    return list(dict.fromkeys(part for part in parts if part))
