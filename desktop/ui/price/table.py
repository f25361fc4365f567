"""What a model takes, by part and device: predicted, and measured where it is loaded."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Text

Json = dict[str, Any]
_PARTS = ("weights_bytes", "kv_bytes", "compute_bytes")


class MemoryTable(Translated, QWidget):
    """Rows of `Loaded.to_dict`: its "estimate" (~) and its "memory" (✓)."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._loaded: Json = {}
        self._exact = False
        self._names: dict[str, str] = {}
        self._cells: list[Text] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)

    def retranslate(self) -> None:
        self._show()

    def show_loaded(self, loaded: Json) -> None:
        same = ("estimate", "memory")
        if any(loaded.get(key) != self._loaded.get(key) for key in same):
            self._loaded = loaded
            self._show()

    def show_estimate(self, estimate: Json, names: dict[str, str], *, exact: bool) -> None:
        """A price (`Estimate.to_dict`), with nothing measured beside it.

        Args:
            names: what the devices are called.
            exact: the engine planned it.
        """
        self._names = names
        if estimate != self._loaded.get("estimate") or exact != self._exact:
            self._loaded, self._exact = {"estimate": estimate}, exact
            self._show()

    def texts(self) -> list[list[str]]:
        """The table's rows, as they stand there."""
        rows: dict[int, list[str]] = {}
        for cell in self._cells:
            place = self._grid.getItemPosition(self._grid.indexOf(cell))
            rows.setdefault(int(place[0]), []).append(cell.text())  # type: ignore[index]
        return [rows[number] for number in sorted(rows)]

    def _show(self) -> None:
        for cell in self._cells:
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self._cells = []
        measured = "memory" in self._loaded
        heads = ["", self.tr("Predicted"), self.tr("Measured")]
        if not measured:
            heads = ["", self.tr("The engine's plan") if self._exact else self.tr("Estimated")]
        self._row(heads, role="caption")
        names = {
            "weights_bytes": self.tr("Weights"),
            "kv_bytes": self.tr("KV cache"),
            "compute_bytes": self.tr("Compute buffers"),
        }
        estimate = self._loaded.get("estimate")
        planned = {each["name"]: each for each in estimate["devices"]} if estimate else {}
        held = {each["name"]: each for each in self._loaded.get("memory") or ()}
        devices = list(dict.fromkeys((*planned, *held)))

        def figures(guess: int | None, real: str) -> list[str]:
            told = "–" if guess is None else units.size(guess)
            if guess is not None and not self._exact:
                told = f"~ {told}"
            return [told, real] if measured else [told]

        for device in devices:
            if len(devices) > 1:
                name = self.tr("Main memory") if device == "CPU" else self._names.get(device)
                self._row([name or device], role="strong")
            for part in _PARTS:
                guess, real = planned.get(device), held.get(device)
                told = _measured(real and real[part])
                self._row([names[part], *figures(guess and guess[part], told)])
        total = sum(planned[name][part] for name in planned for part in _PARTS)
        own = sum(each["overhead_bytes"] for each in planned.values())
        loaded = _measured(self._loaded.get("memory_bytes"))
        engine = [self.tr("The engine itself"), *figures(own, "–")]
        if not measured:  # what the engine reports of a load leaves the engine itself out
            self._row(engine)
            total += own
        together = [self.tr("Together"), *figures(total if planned else None, loaded)]
        self._row(together, role="strong")
        if measured and own:
            self._row(engine)

    def _row(self, texts: list[str], role: str = "body") -> None:
        line = self._grid.rowCount()
        for column, text in enumerate(texts):
            token = "secondary" if role == "body" and column < 2 else None
            cell = Text(self._theme, text, role, token)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            self._grid.addWidget(cell, line, column, side | Qt.AlignmentFlag.AlignBaseline)
            self._cells.append(cell)


def _measured(size_bytes: int | None) -> str:
    return "–" if size_bytes is None else f"✓ {units.size(size_bytes)}"
