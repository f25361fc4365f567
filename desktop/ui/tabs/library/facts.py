"""What is known about a file: names on the left, values on the right, and where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.core.fit.quality import Loss
from desktop.core.library.given import TITLES
from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.price.words import loss_source, loss_word
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, IconButton, Text, row
from desktop.ui.widgets.parts import CopyButton

Json = dict[str, Any]
_BREAK = "\u200b"  # a place where a line may break; it takes no room
_LONGEST = 16


def breakable(text: str) -> str:
    """A path or hash that may be broken into lines: after its marks, and anywhere when it has none.

    For the eye only: what is copied is the text itself.
    """
    parts, run = [], 0
    for sign in text:
        parts.append(sign)
        run = 0 if sign.isspace() else run + 1
        if sign in "/\\-_." or run >= _LONGEST:
            parts.append(_BREAK)
            run = 0
    return "".join(parts)


class Facts(Translated, QWidget):
    """The facts of one entry; those it does not have are left out.

    Signals:
        folder_asked: the path whose folder is to be opened.
    """

    folder_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._entry: Json | None = None
        self._rows: dict[str, tuple[Text, Text]] = {}
        self._copy = CopyButton(theme, "")
        self._copy.setObjectName("copy-path")
        self._folder = IconButton(theme, "folder", "")
        self._folder.setObjectName("open-folder")
        self._folder.clicked.connect(self._on_folder_clicked)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(GAP)
        self._grid.setColumnStretch(1, 1)
        top = Qt.AlignmentFlag.AlignTop
        for line, (key, name) in enumerate(self._names().items()):
            mono = key in ("path", "copies", "fingerprint", "projector")
            label = Text(theme, name, token="secondary")
            value = Text(theme, role="mono" if mono else "body", wrap=True)
            value.setObjectName(f"fact-{key}")
            self._rows[key] = (label, value)
            if key == "path":  # on lines of its own, as wide as there is
                self._grid.addLayout(row(label, 1, self._copy, self._folder, spacing=0), 0, 0, 1, 2)
                self._grid.addWidget(value, 1, 0, 1, 2)
                continue
            self._grid.addWidget(label, line + 1, 0, top)
            self._grid.addWidget(value, line + 1, 1)
        self.retranslate()

    def _names(self) -> dict[str, str]:
        return {
            "path": self.tr("Path"),
            "name": self.tr("Name"),
            "architecture": self.tr("Architecture"),
            "parameters": self.tr("Parameters"),
            "quant": self.tr("Quant"),
            "size": self.tr("Size"),
            "context": self.tr("Trained context"),
            "template": self.tr("Chat template"),
            "projector": self.tr("Projector"),
            "license": self.tr("Licence"),
            "repo": self.tr("Repository"),
            "app": self.tr("Comes from"),
            "left_out": self.tr("Not taken over"),
            "speed": self.tr("Measured speed"),
            "quality": self.tr("Quality lost"),
            "checked": self.tr("Last check"),
            "added": self.tr("Added"),
            "last_used": self.tr("Last used"),
            "fingerprint": self.tr("Fingerprint"),
            "copies": self.tr("Other copies"),
        }

    def retranslate(self) -> None:
        for key, name in self._names().items():
            self._rows[key][0].setText(name)
        self._copy.set_name(self.tr("Copy path"))
        self._folder.set_name(self.tr("Open folder"))
        if self._entry is not None:
            self.show_entry(self._entry)

    def show_entry(self, entry: Json) -> None:
        self._entry = entry
        self._copy.set_value(entry["path"])
        values = self._values(entry)
        for key, (label, value) in self._rows.items():
            text = values.get(key)
            value.setText(breakable(text or ""))
            label.setVisible(bool(text))
            value.setVisible(bool(text))

    def _values(self, entry: Json) -> dict[str, str | None]:
        bits, tokens = entry["bits_per_weight"], entry["context_tokens"]
        quant = entry["quant_type"]
        if quant and bits:
            quant = self.tr("{quant}, {bits} bits per weight").format(
                quant=quant, bits=f"{bits:.2f}"
            )
        size = units.size(entry["size_bytes"])
        if len(entry["shard_paths"]) > 1:
            size = self.tr("{size} in {count} files").format(
                size=size, count=len(entry["shard_paths"])
            )
        has_template = self.tr("Yes") if entry["chat_template"] else self.tr("None")
        known = entry["parameters"] is not None
        return {
            "path": entry["path"],
            "name": entry["name"],
            "architecture": entry["architecture"],
            "parameters": units.parameters(entry["parameters"]) if known else None,
            "quant": quant,
            "size": size,
            "context": self.tr("{count} tokens").format(count=units.count(tokens))
            if tokens
            else None,
            "template": has_template if known and entry["kind"] == "model" else None,
            "projector": Path(entry["mmproj"]).name if entry["mmproj"] else None,
            "license": entry["license"],
            "repo": entry["repo"],
            "app": self._origin(entry),
            "left_out": "\n".join(f"{each['name']} {each['value']}" for each in entry["left_out"]),
            "speed": self._speed(entry),
            "quality": self._quality(entry),
            "checked": self._checked(entry),
            "added": units.day(entry["added"]) if entry["added"] else None,
            "last_used": units.day(entry["last_used"]) if entry["last_used"] else None,
            "fingerprint": entry["fingerprint"],
            "copies": "\n".join(entry["copies"]),
        }

    def _origin(self, entry: Json) -> str | None:
        """The program it is in, and what that calls it; of a variant the model it is one of."""
        parts = [TITLES[entry["app"]]] if entry["app"] else []
        parts += [name for name in entry["names"] if name != entry["id"]]
        if entry["variant_of"]:
            words = self.tr("{model}, with its own settings")
            parts.append(words.format(model=entry["variant_of"]))
        return "\n".join(parts) or None

    def _speed(self, entry: Json) -> str | None:
        figure = entry["decode_tokens_per_second"]
        return f"✓ {units.speed(figure['value'])} tok/s" if figure else None

    def _quality(self, entry: Json) -> str | None:
        """Of a file that was compared with the whole model."""
        if not entry["quality"]:
            return None
        loss = Loss.from_dict(entry["quality"])
        return f"{loss_word(loss)}\n{loss_source(loss)}"

    def _checked(self, entry: Json) -> str | None:
        """How the last look at every byte went; what to do about a bad one is the banner's."""
        checked = entry["checked"]
        if checked is None:
            return None
        words = {
            "ok": self.tr("✓ as it was published, {day}"),
            "damaged": self.tr("✕ damaged, {day}"),
        }.get(checked["state"], self.tr("readable; no hash to compare with, {day}"))
        return words.format(day=units.day(checked["checked"]))

    def _on_folder_clicked(self) -> None:
        if self._entry is not None:
            self.folder_asked.emit(self._entry["path"])
