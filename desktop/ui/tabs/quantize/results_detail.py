"""One row of the results in full: its figures, what fell back, how it was made, where it lies."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.library.facts import breakable
from desktop.ui.tabs.quantize import results_words as words
from desktop.ui.tabs.quantize.results_rows import Row
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, IconButton, Text, column, row
from desktop.ui.widgets.parts import CopyButton


class ResultDetail(Translated, QWidget):
    """Signals:
    open_asked: the path of a file to show in the Library.
    folder_asked: the path of a file whose folder is to be opened.
    """

    open_asked = Signal(str)
    folder_asked = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row: Row | None = None
        self._title = Text(theme, role="strong", wrap=True)
        self._note = Text(theme, role="caption", wrap=True)
        self._open = IconButton(theme, "library", "")
        self._open.setObjectName("result-detail-open")
        self._folder = IconButton(theme, "folder", "")
        self._folder.setObjectName("result-detail-folder")
        self._copy = CopyButton(theme, "")
        self._open.clicked.connect(self._on_open_clicked)
        self._folder.clicked.connect(self._on_folder_clicked)
        self._path = Text(theme, role="mono", wrap=True)
        self._fallbacks = Text(theme, token="warning", wrap=True)
        self._facts: dict[str, tuple[Text, Text]] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(TIGHT)
        grid.setColumnStretch(1, 1)
        for line, key in enumerate(self._names()):
            label, value = Text(theme, token="secondary"), Text(theme, wrap=True)
            value.setObjectName(f"result-{key}")
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts[key] = (label, value)
            grid.addWidget(label, line, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, line, 1)
        heading = row(spacing=0)
        heading.addLayout(column(self._title, self._note, spacing=0), 1)
        for button in (self._open, self._folder, self._copy):
            heading.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        layout = column(spacing=GAP)
        layout.addLayout(heading)
        layout.addLayout(grid)
        layout.addWidget(self._fallbacks)
        layout.addWidget(self._path)
        layout.addStretch(1)
        self.setLayout(layout)
        self.retranslate()

    def _names(self) -> dict[str, str]:
        return {
            "size": self.tr("Size"),
            "kld": self.tr("KL divergence"),
            "worst": self.tr("99 % below"),
            "same": self.tr("Same top token"),
            "perplexity": self.tr("Perplexity"),
            "speed": self.tr("Speed"),
            "recipe": self.tr("Recipe"),
            "time": self.tr("Made in"),
        }

    def retranslate(self) -> None:
        for key, name in self._names().items():
            self._facts[key][0].setText(name)
        self._open.set_name(self.tr("Show in the Library"))
        self._folder.set_name(self.tr("Open folder"))
        self._copy.set_name(self.tr("Copy path"))
        self._write()

    def show_row(self, shown: Row | None) -> None:
        self._row = shown
        self._write()

    def _write(self) -> None:
        shown = self._row
        if shown is None:
            return
        self._title.setText(shown.label)
        self._note.setText(shown.note)
        self._note.setVisible(bool(shown.note))
        values = self._values(shown)
        for key, (label, value) in self._facts.items():
            value.setText(values[key])
            label.setVisible(bool(values[key]))
            value.setVisible(bool(values[key]))
        told = words.fallbacks(shown.data["fallbacks"])
        self._fallbacks.setText(breakable(told))
        self._fallbacks.setVisible(bool(told))
        self._path.setText(breakable(shown.path or ""))
        self._copy.set_value(shown.path or "")
        for widget in (self._path, self._open, self._folder, self._copy):
            widget.setVisible(shown.path is not None)

    def _values(self, shown: Row) -> dict[str, str]:
        """Empty where there is nothing to tell."""
        data, recipe = shown.data, shown.recipe
        size = words.size(data["size_bytes"])
        if data["bits_per_weight"] is not None:
            text = self.tr("{size}, {bits} bits per weight")
            size = text.format(size=size, bits=words.bits(data["bits_per_weight"]))
        same, error = data["same_top_rate"], data["same_top_error"]
        rate = "" if same is None else words.share(same)
        if rate and error is not None:
            rate = f"{rate} ± {words.share(error)}"
        perplexity = ""
        if data["perplexity"] is not None:
            perplexity = words.with_error(data["perplexity"], data["perplexity_error"])
        if data["perplexity_ratio_log"] is not None:
            text = self.tr("{value}, {ratio} times the whole model's")
            perplexity = text.format(
                value=perplexity, ratio=words.ratio(data["perplexity_ratio_log"])
            )
        speeds = [
            text.format(speed=words.speed(data[name]))
            for name, text in (
                ("decode_tokens_per_second", self.tr("{speed} tok/s decode")),
                ("prefill_tokens_per_second", self.tr("{speed} tok/s prefill")),
            )
            if data[name] is not None
        ]
        whole = shown.kind == "base"
        return {
            "size": size,
            "kld": "" if data["kld_mean"] is None else words.kld_with_interval(data),
            "worst": "" if data["kld_99"] is None else words.kld(data["kld_99"]),
            "same": rate,
            "perplexity": perplexity,
            "speed": "\n".join(speeds),
            "recipe": ""
            if recipe is None or words.plain(recipe)
            else breakable("\n".join(words.recipe_lines(recipe))),
            "time": "" if whole or not data["seconds"] else units.seconds(data["seconds"]),
        }

    def _on_open_clicked(self) -> None:
        if self._row is not None and self._row.path:
            self.open_asked.emit(self._row.path)

    def _on_folder_clicked(self) -> None:
        if self._row is not None and self._row.path:
            self.folder_asked.emit(self._row.path)
