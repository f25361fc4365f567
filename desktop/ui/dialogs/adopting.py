"""Models of other programs: what is there, and which of it is to be in the library."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.widgets.base import GAP, MARGIN, Button, Text, row
from desktop.ui.widgets.scrolled import Scrolled

Json = dict[str, Any]
_BREAK = "\u200b"
_SHOWN_PROBLEMS = 5


class AdoptingDialog(Translated, QDialog):
    """One tick a program; those that were adopted already are said to be.

    Args:
        apps: `Client.adoptable`'s.

    Signals:
        confirmed: the programs that were ticked.
    """

    confirmed = Signal(list)

    def __init__(self, context: Context, parent: QWidget, apps: list[Json]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = context.theme
        self._apps = apps
        self._title = Text(theme, role="strong", wrap=True)
        self._text = Text(theme, token="secondary", wrap=True)
        self.ticks: list[QCheckBox] = []
        self._lines: list[Text] = []
        self._problems: list[Text] = []
        inner = QWidget()
        lines = QVBoxLayout(inner)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(GAP // 2)
        lines.addWidget(self._text)
        lines.addSpacing(GAP)
        for app in apps:
            tick = QCheckBox()
            tick.setObjectName(f"adopt-{app['app']}")
            usable = bool(app["models"]) and not app["adopted"]
            tick.setChecked(usable)
            tick.setEnabled(usable)
            tick.toggled.connect(self._on_toggled)
            line, problem = Text(theme, role="caption", wrap=True), Text(theme, wrap=True)
            problem.set_token("warning")
            self.ticks.append(tick)
            self._lines.append(line)
            self._problems.append(problem)
            for widget in (tick, line, problem):
                lines.addWidget(widget)
            lines.addSpacing(GAP)
        lines.addStretch(1)
        self._scroll = Scrolled(inner, self.fontMetrics().averageCharWidth() * 72)
        self._cancel = Button(theme, kind="quiet")
        self._cancel.clicked.connect(self.reject)
        self._adopt = Button(theme, kind="primary")
        self._adopt.setObjectName("adopt-confirm")
        self._adopt.setDefault(True)
        self._adopt.clicked.connect(self._on_adopt)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(2 * GAP)
        layout.addWidget(self._title)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(row(1, self._cancel, self._adopt))
        self.retranslate()
        self._on_toggled()

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Models of other programs"))
        if self._apps:
            self._title.setText(self.tr("Take these models into the library"))
            self._text.setText(
                self.tr(
                    "They are read where they lie: nothing is copied or changed, and Paddock never "
                    "deletes them. System prompts and parameters come along."
                )
            )
        else:
            self._title.setText(self.tr("No other program has models here"))
            self._text.setText(
                self.tr(
                    "Looked for: Ollama, LM Studio, Jan, GPT4All and llama.cpp. A folder of yours "
                    "is added with “Add folder…”."
                )
            )
        for app, tick, line, problem in zip(
            self._apps, self.ticks, self._lines, self._problems, strict=True
        ):
            count, size = len(app["models"]), units.size(app["size_bytes"])
            one = self.tr("{app}: 1 model, {size}") if count == 1 else ""
            words = one or self.tr("{app}: {count} models, {size}")
            if app["adopted"]:
                words = self.tr("{app}: in the library already")
            tick.setText(words.format(app=app["title"], count=count, size=size))
            line.setText(app["folder"].replace("/", f"/{_BREAK}"))
            problem.setText("\n".join(self._problems_of(app)))
            problem.setVisible(bool(problem.text()))
        self._cancel.setText(self.tr("Cancel") if self._apps else self.tr("Close"))
        self._adopt.setText(self.tr("Take in"))
        self._scroll.updateGeometry()

    def _problems_of(self, app: Json) -> list[str]:
        """What cannot be taken in, and why; some of it where there is much."""
        found = [message(AppError.from_dict(app["error"])).title] if app["error"] else []
        found += [
            f"{model['name']}: {message(AppError.from_dict(model['problem'])).title}"
            for model in app["models"]
            if model["problem"]
        ]
        if len(found) > _SHOWN_PROBLEMS:
            more = self.tr("and {count} more").format(count=len(found) - _SHOWN_PROBLEMS)
            found = [*found[:_SHOWN_PROBLEMS], more]
        return found

    def _on_toggled(self) -> None:
        self._adopt.setEnabled(any(t.isChecked() and t.isEnabled() for t in self.ticks))
        self._adopt.setVisible(bool(self._apps))

    def _on_adopt(self) -> None:
        ticked = [
            app["app"]
            for app, tick in zip(self._apps, self.ticks, strict=True)
            if tick.isChecked() and tick.isEnabled()
        ]
        self.accept()
        self.confirmed.emit(ticked)
