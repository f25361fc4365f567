"""Whether a model was found to work here: a row of marks, and what to do about a failed one."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.library.acceptance import Acceptance, Check
from desktop.core.library.acceptance_words import TITLES, WORDS, error_of, filled
from desktop.ui.i18n import Translated
from desktop.ui.messages import Message, message
from desktop.ui.models.jobs import waits_for_idle
from desktop.ui.tabs.library.facts import breakable
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Text, clear, row
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import Chip

Json = dict[str, Any]
_SIGNS = {"passed": ("✓", "accent"), "failed": ("✕", "warning")}


def check_title(check: Check) -> str:
    return QCoreApplication.translate("Acceptance", TITLES[check.name])


def check_words(check: Check) -> Message:
    """What was found, why, and what to do, in the user's language; a newer version's is its code.

    Where the mark tells of an error, that error's own words are why and what to do.
    """
    words, error = WORDS.get(check.code), error_of(check)
    if words is None:
        return Message(check.code, "", "")
    params = dict(check.params)
    if error is not None:
        told = message(error)
        params |= {"reason": told.title, "remedy": told.remedy}
    return Message(
        *(
            filled(QCoreApplication.translate("Acceptance", text), params) if text else ""
            for text in (words.title, words.cause, words.remedy)
        )
    )


class Marks(Translated, QWidget):
    """The marks of one model, or how its test stands.

    Signals:
        try_asked: the model is to be tried now.
    """

    try_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._acceptance: Acceptance | None = None
        self._job: Json | None = None
        self._row = QWidget()
        self._marks = FlowLayout(self._row, TIGHT)
        self._state = Text(theme, token="secondary", wrap=True)
        self._failed = QVBoxLayout()
        self._failed.setSpacing(GAP)
        self.again = Button(theme, icon_name="play")
        self.again.setObjectName("try-model")
        self.again.clicked.connect(self.try_asked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._row)
        layout.addLayout(self._failed)
        layout.addWidget(self._state)
        layout.addLayout(row(self.again, 1))
        self.retranslate()

    def retranslate(self) -> None:
        self._show()

    def show_entry(self, entry: Json, job: Json | None) -> None:
        """Args: job: the test of this model that is not finished, where there is one."""
        self._job = job
        try:
            self._acceptance = Acceptance.from_dict(entry["acceptance"])
        except (KeyError, ValueError, TypeError):  # none yet, or a newer version's
            self._acceptance = None
        self._show()

    def _show(self) -> None:
        clear(self._marks)
        clear(self._failed)
        checks = self._acceptance.checks if self._acceptance else ()
        for check in checks:
            if check.mark == "skipped":
                continue
            sign, token = _SIGNS[check.mark]
            chip = Chip(self._theme, f"{sign} {check_title(check)}", token)
            chip.setToolTip(check_words(check).line)
            self._marks.addWidget(chip)
            chip.show()
        self._row.setVisible(self._marks.count() > 0)
        for check in checks:
            if check.mark == "failed":
                words = check_words(check)
                title = Text(self._theme, breakable(words.title), token="warning", wrap=True)
                self._failed.addWidget(title)
                title.show()
                text = Text(self._theme, breakable(words.text), token="secondary", wrap=True)
                self._failed.addWidget(text)
                text.show()
        self._state.setText(self._state_text())
        self._state.setVisible(bool(self._state.text()))
        self.again.setText(self.tr("Try it once") if not checks else self.tr("Try it again"))
        self.again.setVisible(self._job is None)

    def _state_text(self) -> str:
        job = self._job
        if job is None:
            return "" if self._acceptance else self.tr("It has not been tried yet.")
        if not waits_for_idle(job):
            return self.tr("It is being tried now.")
        return self.tr("It is tried as soon as nothing else uses the machine.")
