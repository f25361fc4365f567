"""The second card: from which text it is learned what matters, if at all."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.ui.tabs.quantize.cards import Card, tell
from desktop.ui.tabs.quantize.pathfield import PathField
from desktop.ui.tabs.quantize.wish import Text
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.chips import ChoiceChips


class MatrixCard(Card):
    """No importance matrix, one of a text, or one that is there already."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, 2)
        self._needing: tuple[str, ...] = ()
        self._needed: tuple[str, ...] = ()
        self.kinds = ChoiceChips(theme, ("none", "bundled", "text", "matrix"))
        self.kinds.choose("bundled")
        self.kinds.chosen.connect(self._on_changed)
        self.text, self.matrix = PathField(theme, "text"), PathField(theme, "matrix")
        for field in (self.text, self.matrix):
            field.chosen.connect(self._on_changed)
        for widget in (self.kinds, self.text, self.matrix):
            self.body.addWidget(widget)
        self._about = self.caption()
        self._warning = self.caption("warning")
        self._needs = self.caption()
        self.body.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("Importance matrix"))
        self.kinds.set_words(
            {
                "none": self.tr("None"),
                "bundled": self.tr("Paddock's text"),
                "text": self.tr("Own text"),
                "matrix": self.tr("Matrix file"),
            }
        )
        self.kinds.setAccessibleName(self.tr("Importance matrix"))
        self._show()

    def show_types(self, needing: Sequence[str], needed: Sequence[str]) -> None:
        """Args:
        needing: all types that cannot be made without one; needed: of those that are wanted.
        """
        fresh = (tuple(needing), tuple(needed))
        if fresh != (self._needing, self._needed):
            self._needing, self._needed = fresh
            self._show()

    def _show(self) -> None:
        kind = self.kinds.current
        self.text.setVisible(kind == "text")
        self.matrix.setVisible(kind == "matrix")
        about = {
            "none": self.tr("All weights count the same. Below 5 bits that costs quality."),
            "bundled": self.tr(
                "Which weights matter is learned from a text in English, Japanese and code."
            ),
            "text": self.tr("A text of some pages, such as the model is to read and write."),
            "matrix": self.tr("A matrix of this very model (.gguf, .dat)."),
        }
        tell(self._about, about[kind])
        short = kind == "none" and self._needed
        text = self.tr("{types} cannot be made without one.")
        tell(self._warning, text.format(types=", ".join(self._needed)) if short else "")
        text = self.tr("Needed by {types}.")
        shown = bool(self._needing) and not short
        tell(self._needs, text.format(types=", ".join(self._needing)) if shown else "")

    def wish(self) -> Text:
        kind = self.kinds.current
        path = {"text": self.text.path, "matrix": self.matrix.path}.get(kind, "")
        return Text(kind, path)

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()
