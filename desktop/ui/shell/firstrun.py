"""The first start: what this machine can do, a model that answers, where models live, the language.

One page over the window, shown once; Esc or any of its buttons ends it.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, QSettings, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.hardware.probe import Hardware, probe
from desktop.core.paths import Paths, hf_cache
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.i18n import LANGUAGES, Translated
from desktop.ui.messages import message
from desktop.ui.widgets.base import MARGIN, Button, Surface, Text, column, row
from desktop.ui.widgets.parts import IconLabel

_SEEN = "first_run_seen"
_OF_THE_SERVICE = (ErrorCode.SERVICE_UNREACHABLE, ErrorCode.SERVICE_NOT_RUNNING)


def _store(where: Paths) -> QSettings:
    return QSettings(str(where.config / "window.ini"), QSettings.Format.IniFormat)


def is_due(where: Paths) -> bool:
    """Whether this data folder's window has never been opened."""
    return _store(where).value(_SEEN) is None


def mark_seen(where: Paths) -> None:
    store = _store(where)
    store.setValue(_SEEN, "1")
    store.sync()


def _fitting(found: list[dict[str, Any]]) -> str | None:
    """The id of the model that comes with Paddock."""
    return next((each["id"] for each in found if each.get("bundled")), None)


class FirstRun(Translated, QWidget):
    """Lies over `over`, which it covers whole."""

    closed = Signal()

    def __init__(self, context: Context, over: QWidget) -> None:
        super().__init__(over)
        self._context, self._over = context, over
        self._hardware: Hardware | None = None
        self._model: str | None = None
        self._trouble: AppError | None = None
        self._finished = False
        theme = context.theme
        self._heading = Text(theme, role="title", wrap=True)
        self._lead = Text(theme, token="secondary", wrap=True)
        self._titles = [Text(theme, role="strong") for _ in range(4)]
        self._machine, self._answers, self._place = (
            Text(theme, token="secondary", wrap=True) for _ in range(3)
        )
        self._again = Button(theme)
        self._again.setObjectName("firstrun-again")
        self._again.clicked.connect(self._on_again_clicked)
        self._path = Text(theme, role="mono", wrap=True)
        self._language = QComboBox()
        self._language.setObjectName("firstrun-language")
        for code, name in LANGUAGES.items():
            self._language.addItem(name, code)
        self._language.setMinimumContentsLength(10)
        self._language.activated.connect(self._on_language_activated)
        self._ask = Button(theme, kind="primary")
        self._ask.setObjectName("firstrun-ask")
        self._ask.clicked.connect(self._on_ask_clicked)
        self._skip = Button(theme, kind="quiet")
        self._skip.setObjectName("firstrun-skip")
        self._skip.clicked.connect(self.finish)
        self._build()
        theme.changed.connect(self.update)
        over.installEventFilter(self)
        self.setGeometry(over.rect())
        self.retranslate()
        context.state.online_changed.connect(self._on_online_changed)
        context.state.loaded_changed.connect(self.retranslate)
        where = context.paths
        context.tasks.run(lambda: probe(where), self._on_probed, self._on_probe_failed)
        self._on_online_changed()

    def _build(self) -> None:
        theme = self._context.theme
        box = Surface(theme, padding=MARGIN)
        box.setMaximumWidth(max(680, 90 * self.fontMetrics().averageCharWidth()))
        box.body.setSpacing(20)
        mark = IconLabel(theme, "paddock", "accent", 40)
        head = row(mark, spacing=16)
        head.addLayout(column(self._heading, self._lead, spacing=2), 1)
        box.body.addLayout(head)
        contents: tuple[tuple[str, tuple[QWidget, ...]], ...] = (
            ("machine", (self._machine,)),
            ("chat", (self._answers,)),
            ("folder", (self._path, self._place)),
            ("language", ()),
        )
        for (icon_name, parts), title in zip(contents, self._titles, strict=True):
            line = row(spacing=0)
            small = IconLabel(theme, icon_name, "accent")
            line.addSpacing((mark.width() - small.width()) // 2)
            line.addWidget(small, 0, Qt.AlignmentFlag.AlignTop)
            line.addSpacing((mark.width() - small.width()) // 2 + 16)
            texts = column(title, *parts, spacing=2)
            if icon_name == "chat":
                texts.addLayout(row(self._again, 1))
            if not parts:
                texts.addLayout(row(self._language, 1))
            line.addLayout(texts, 1)
            box.body.addLayout(line)
        box.body.addLayout(row(1, self._skip, self._ask))
        inside = QWidget()
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(box, 100)
        middle.addStretch(1)
        centred = QVBoxLayout(inside)
        centred.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        centred.addStretch(1)
        centred.addLayout(middle)
        centred.addStretch(1)
        area = QScrollArea()  # for letters that are larger than the window is high
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        for each in (area.viewport(), inside):
            each.setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    def begin(self) -> None:
        """Come to the front."""
        self.show()
        self.raise_()
        self._ask.setFocus()

    def retranslate(self) -> None:
        self._heading.setText(self.tr("Welcome to Paddock"))
        self._lead.setText(
            self.tr("It finds out what language models this machine can run, and runs them here.")
        )
        titles = (
            self.tr("This machine"),
            self.tr("A model to try"),
            self.tr("Where models are"),
            self.tr("Language"),
        )
        for label, text in zip(self._titles, titles, strict=True):
            label.setText(text)
        self._language.setAccessibleName(titles[3])
        self._language.setCurrentIndex(self._language.findData(self._context.language.code))
        self._machine.setText(self._machine_text())
        self._answers.setText(self._model_text())
        self._answers.set_token("secondary" if self._told_trouble() is None else "error")
        self._again.setText(self.tr("Try again"))
        self._again.setVisible(self._trouble is not None)
        # Until the service says it: the hub's own folder, which a setting or a variable may change.
        self._path.setText(self._context.state.models_folder or str(hf_cache()))
        self._place.setText(
            self.tr("Models of other tools are found there too. Folders are added in the Library.")
        )
        self._ask.setText(self.tr("Ask it something"))
        self._skip.setText(self.tr("Skip"))
        for button in (self._ask, self._skip, self._again):
            button.updateGeometry()

    def _machine_text(self) -> str:
        found = self._hardware
        if found is None:
            return self.tr("Being looked at …")
        cores = found.cpu.usable_physical_cores or found.cpu.usable_cpus
        parts = [found.cpu.name, self.tr("{count} cores").format(count=cores)]
        if found.ram is not None:
            available, total = found.ram.available_bytes, found.ram.total_bytes
            parts.append(
                self.tr("{available} of {total} RAM available").format(
                    available=units.size(available), total=units.size(total)
                )
            )
        if found.bandwidth is not None:
            parts.append(f"✓\xa0{found.bandwidth.gb_per_second:.0f}\xa0GB/s")
        for gpu in found.gpus:
            parts.append(f"{gpu.name} ({units.size(gpu.total_bytes)})")
        if not found.gpus:
            parts.append(self.tr("no GPU"))
        return " · ".join(parts)

    def _told_trouble(self) -> AppError | None:
        """Why no model answers; while no service does, that is it."""
        return self._trouble or self._context.state.trouble

    def _model_text(self) -> str:
        ready = self._context.state.ready
        trouble = self._told_trouble()
        if trouble is not None:
            return message(trouble).line
        if ready:
            return self.tr("{model} is loaded and ready to answer.").format(model=ready[0]["id"])
        if self._model is not None:
            return self.tr("{model} is being loaded …").format(model=self._model)
        return self.tr("Waiting for the service")

    # --- what comes in ------------------------------------------------------------------------

    # The page may be gone before what it asked for is known.

    def _on_probed(self, found: Hardware) -> None:
        self._hardware = found
        if not self._finished:
            self.retranslate()

    def _on_probe_failed(self, error: AppError) -> None:
        if not self._finished:
            self._machine.setText(message(error).title)

    def _on_online_changed(self) -> None:
        state = self._context.state
        if state.online and self._trouble is not None and self._trouble.code in _OF_THE_SERVICE:
            self._trouble = self._model = None  # it is back
        if state.online and not state.models and self._model is None:
            self._context.ask(Client.models, self._on_models, self._on_model_failed)
        self.retranslate()

    def _on_models(self, found: list[dict[str, Any]]) -> None:
        self._model = _fitting(found)
        if not self._finished:
            self._load()

    def _load(self) -> None:
        model, self._trouble = self._model, None
        self.retranslate()
        if model is not None:
            self._context.ask(lambda client: client.load(model), None, self._on_model_failed)

    def _on_model_failed(self, error: AppError) -> None:
        self._trouble = error
        if not self._finished:
            self.retranslate()

    # --- what the person does -----------------------------------------------------------------

    def _on_language_activated(self) -> None:
        code = self._language.currentData()
        self._context.language.set(code)
        self._context.ask(lambda client: client.change_settings({"general.language": code}))

    def _on_again_clicked(self) -> None:
        if self._model is None:  # not even the list of models came
            self._trouble = None
            self._on_online_changed()
        else:
            self._load()

    def _on_ask_clicked(self) -> None:
        self._context.go_to("chat")
        self.finish()

    def finish(self) -> None:
        """Go, and never come back."""
        self._finished = True
        mark_seen(self._context.paths)
        self.hide()
        self._over.removeEventFilter(self)
        self.closed.emit()
        self.deleteLater()

    def event(self, event: QEvent) -> bool:
        # Esc is a shortcut of the page below, too: it is ours as long as we lie over it.
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.finish()
                return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._over.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._context.theme.colour("window"))
