"""The engines there are: which one runs the models, what it can drive, and how to get another."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from desktop.core.engine.store import RuntimeEntry
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, Surface, Text, row
from desktop.ui.widgets.parts import Banner, Chip, Line
from desktop.ui.widgets.progressrow import ProgressRow

Json = dict[str, Any]


class EngineRow(Translated, QWidget):
    """Signals:
    use_asked: the engine's id.
    """

    use_asked = Signal(str)

    def __init__(self, theme: Theme, entry: RuntimeEntry, chosen: bool) -> None:
        super().__init__()
        self._entry, self._chosen = entry, chosen
        self._name = Text(theme, role="strong", wrap=True)
        self._what = Text(theme, token="secondary", wrap=True)
        self._where = Text(
            theme, str(entry.folder or ""), role="mono", token="secondary", wrap=True
        )
        self._where.setVisible(entry.folder is not None)
        self._chip = Chip(theme)
        self._chip.setVisible(chosen)
        self.use = Button(theme)
        self.use.setVisible(not chosen and entry.runtime is not None)
        self.use.clicked.connect(self._on_use_clicked)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        for each in (self._name, self._what, self._where):
            texts.addWidget(each)
        line = row(spacing=16)
        line.addLayout(texts, 1)
        line.addWidget(self._chip)
        line.addWidget(self.use)
        self.setLayout(line)
        self.retranslate()

    def retranslate(self) -> None:
        entry, runtime = self._entry, self._entry.runtime
        kinds = {
            "environment": self.tr("comes with Paddock"),
            "built": self.tr("built on this machine"),
            "linked": self.tr("linked folder"),
            "found": self.tr("found folder"),
        }
        self._name.setText(entry.id)
        if runtime is None:
            words = message(entry.error).line if entry.error is not None else ""
            self._what.setText(f"✕ {words}".strip())
            self._what.set_token("error")
        else:
            devices = ", ".join(f"{d.name} ({d.description})" for d in runtime.devices)
            parts = [
                runtime.version.text,
                ", ".join(backend.upper() for backend in runtime.backends),
                devices or self.tr("no device but the CPU"),
                kinds[entry.kind],
            ]
            self._what.setText(" · ".join(part for part in parts if part))
        self._chip.set_text(self.tr("✓ in use"), "accent")
        self.use.setText(self.tr("Use"))
        self.use.setAccessibleName(self.tr("Use {engine}").format(engine=entry.id))
        self.use.updateGeometry()

    def _on_use_clicked(self) -> None:
        self.use.setEnabled(False)
        self.use_asked.emit(self._entry.id)


class EnginesCard(Translated, Surface):
    """Signals:
    use_asked: an engine's id. add_asked: a folder. build_asked: a backend.
    """

    use_asked = Signal(str)
    add_asked = Signal(str)
    build_asked = Signal(str)
    cancel_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._title = Text(theme, role="strong")
        self.add = Button(theme, kind="quiet", icon_name="folder")
        self.add.clicked.connect(self._on_add_clicked)
        self.cannot = Banner(theme, "warning")
        self.cannot.pressed.connect(self._on_build_pressed)
        self.cannot.hide()
        self.error = Banner(theme, "error")
        self.error.hide()
        self.progress = ProgressRow(theme)
        self.progress.cancel_asked.connect(self.cancel_asked)
        self.progress.hide()
        self._text = Text(theme, token="secondary", wrap=True)
        self._rows = QVBoxLayout()
        self._lines: list[EngineRow] = []
        self._rows.setSpacing(12)
        self._dialog: QFileDialog | None = None
        self._backend = ""
        self._known = False
        self.body.setSpacing(12)
        self.body.addLayout(row(self._title, 1, self.add))
        for widget in (self.cannot, self.error, self.progress, self._text):
            self.body.addWidget(widget)
        self.body.addLayout(self._rows)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Engine"))
        self.add.setText(self.tr("Add a folder …"))
        self.add.setToolTip(self.tr("A folder with llama-server and the other tools"))
        self.add.updateGeometry()
        self._text.setText(
            self.tr("The llama.cpp build that runs the models. A loaded model keeps its own.")
            if self._known
            else self.tr("Asking the engines what they are …")
        )

    def show_engines(self, engines: list[RuntimeEntry], chosen: str) -> None:
        self._known = True
        self._lines = []
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for number, entry in enumerate(engines):
            if number:
                self._rows.addWidget(Line(self._theme))
            shown = EngineRow(self._theme, entry, entry.id == chosen)
            shown.use_asked.connect(self.use_asked)
            self._rows.addWidget(shown)
            self._lines.append(shown)
        self.retranslate()

    def rows(self) -> list[EngineRow]:
        return list(self._lines)

    def show_cannot(self, title: str, text: str, backend: str) -> None:
        """A GPU is here that the engine in use cannot drive; "" for `backend` where none is."""
        self._backend = backend
        self.cannot.setVisible(bool(backend))
        action = ""
        if backend in ("cuda", "vulkan"):
            action = self.tr("Build an engine with {backend}").format(backend=backend.upper())
        self.cannot.tell(title, text, action)

    def show_error(self, title: str, text: str) -> None:
        self.error.setVisible(bool(title))
        self.error.tell(title, text)
        for line in self.rows():
            line.use.setEnabled(True)

    def show_job(self, job: Json | None) -> None:
        self.progress.setVisible(job is not None)
        self.cannot.setEnabled(job is None)
        if job is None:
            return
        progress = job.get("progress") or {}
        done, total = progress.get("done"), progress.get("total")
        share = done / total if done is not None and total else None
        figures = f"{share:.0%}" if share is not None else ""
        name = str(job["params"].get("name") or job["params"].get("backend", ""))
        what = self.tr("Building the engine “{name}”").format(name=name)
        step = str(progress.get("what") or "")
        waiting = self.tr("waiting for its turn") if job["state"] == "queued" else step
        self.progress.show_progress(f"{what} · {waiting}" if waiting else what, share, figures)

    def _on_build_pressed(self) -> None:
        self.build_asked.emit(self._backend)

    def _on_add_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("A folder with llama.cpp's tools"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.add_asked)
        dialog.finished.connect(dialog.deleteLater)
        self._dialog = dialog
        dialog.open()
