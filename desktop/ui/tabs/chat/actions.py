"""The row under a message: its figures, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.chat.branches import Shown
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, IconButton, Text
from desktop.ui.widgets.parts import CopyButton

HEIGHT = 32  # pixels, with letters of the usual size


class Actions(Translated, QWidget):
    """Always as tall, so that nothing moves when it appears; built when it is first wanted."""

    branch_asked = Signal(int)
    regenerate_asked = Signal()
    edit_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._inner: QWidget | None = None
        self._shown: Shown | None = None
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self.setFixedHeight(theme.icon_side(HEIGHT))
        self.setMinimumWidth(64)  # room for what appears beside a message of the person

    def show_for(self, shown: Shown, wanted: bool) -> None:
        self._shown = shown
        if wanted and self._inner is None:
            self._build(shown.message["role"] == "user")
        if self._inner is not None:
            self._inner.setVisible(wanted)
            if wanted:
                self.retranslate()

    def _build(self, user: bool) -> None:
        theme = self._theme
        self._inner = QWidget()
        self._figures = Text(theme, role="caption", parent=self._inner)
        self._back = IconButton(theme, "chevron-right", "")
        self._back.set_icon("chevron-left")
        self._back.clicked.connect(self._on_back_clicked)
        self._place = Text(theme, role="caption")
        self._forth = IconButton(theme, "chevron-right", "")
        self._forth.clicked.connect(self._on_forth_clicked)
        self._copy = CopyButton(theme, "")
        self._other = IconButton(theme, "edit" if user else "refresh", "")
        self._other.clicked.connect(self.edit_asked if user else self.regenerate_asked)
        line = QHBoxLayout(self._inner)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(TIGHT)
        widgets = [self._back, self._place, self._forth, self._copy, self._other]
        if user:
            line.addStretch(1)
        else:
            line.addWidget(self._figures)
            line.addSpacing(8)
        for widget in widgets:
            line.addWidget(widget)
        if not user:
            line.addStretch(1)
        self._line.addWidget(self._inner)

    def retranslate(self) -> None:
        if self._inner is None or self._shown is None:
            return
        shown = self._shown
        message = shown.message
        user = message["role"] == "user"
        self._copy.set_name(self.tr("Copy the message"))
        self._copy.set_value(message["content"])
        self._back.set_name(self.tr("Earlier version"))
        self._forth.set_name(self.tr("Later version"))
        self._other.set_name(self.tr("Change and send again") if user else self.tr("Answer again"))
        count = len(shown.siblings)
        for widget in (self._back, self._place, self._forth):
            widget.setVisible(count > 1)
        self._place.setText(f"{shown.position}/{count}")
        self._back.setEnabled(shown.beside(-1) is not None)
        self._forth.setEnabled(shown.beside(1) is not None)
        figures = self._figures_text()
        self._figures.setText(figures)
        self._figures.setVisible(bool(figures) and not user)

    def _figures_text(self) -> str:
        assert self._shown is not None
        figures = self._shown.message.get("figures") or {}
        parts = []
        if figures.get("ttft_seconds") is not None:
            parts.append(self.tr("TTFT {time}").format(time=units.seconds(figures["ttft_seconds"])))
        if figures.get("tokens_per_second") is not None:
            parts.append(f"✓ {units.speed(figures['tokens_per_second'])} tok/s")
        if figures.get("completion_tokens"):
            tokens = units.count(figures["completion_tokens"])
            parts.append(self.tr("{count} tokens").format(count=tokens))
        return " · ".join(parts)

    def _on_back_clicked(self) -> None:
        self._ask(-1)

    def _on_forth_clicked(self) -> None:
        self._ask(1)

    def _ask(self, step: int) -> None:
        beside = self._shown.beside(step) if self._shown else None
        if beside is not None:
            self.branch_asked.emit(beside)
