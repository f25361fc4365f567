"""Where downloads go: shown, and moved elsewhere where the environment does not decide it."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import hf_cache, models_folder_fixed_by
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.downloads.words import breakable
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.widgets.base import GAP, Button, Text
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.progressrow import ProgressRow

Json = dict[str, Any]
JOB = "move_models"


class FolderField(Translated, QWidget):
    """What was downloaded goes along to another folder, in a job of the service."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        theme = context.theme
        self._folder: str | None = None  # as it is set; None: the usual one
        self._wanted: str | None = None  # where it is to go; "" for the usual one
        self._fixed_by = models_folder_fixed_by()
        self._dialog: QFileDialog | None = None
        self._path = Text(theme, role="mono", wrap=True)
        self._why = Text(theme, role="caption", wrap=True)
        self._question = Text(theme, wrap=True)
        self.change, self.usual = Button(theme, icon_name="folder"), Button(theme, kind="quiet")
        self.change.setObjectName("settings-folder")
        self.move_there, self.keep = Button(theme), Button(theme, kind="quiet")
        self.progress = ProgressRow(theme)
        self._error = Text(theme, token="error", wrap=True)
        self._error.hide()
        buttons = QWidget()
        flow = FlowLayout(buttons, GAP)
        for button in (self.change, self.usual, self.move_there, self.keep):
            flow.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        for widget in (self._path, self._why, self._question, buttons, self.progress, self._error):
            layout.addWidget(widget)
        buttons.setVisible(self._fixed_by is None)
        self._why.setVisible(self._fixed_by is not None)
        self.change.clicked.connect(self._on_change_clicked)
        self.usual.clicked.connect(self._on_usual_clicked)
        self.move_there.clicked.connect(self._on_move_clicked)
        self.keep.clicked.connect(self._on_keep_clicked)
        self.progress.cancel_asked.connect(self._on_cancel_asked)
        context.state.jobs_changed.connect(self._on_jobs_changed)
        context.state.job_finished.connect(self._on_job_finished)
        self.setFocusProxy(self.change)
        self.retranslate()

    def retranslate(self) -> None:
        self.change.setText(self.tr("Change…"))
        self.change.setAccessibleName(self.tr("Change the models folder"))
        self.usual.setText(self.tr("Use the usual one"))
        self.move_there.setText(self.tr("Move there"))
        self.keep.setText(self.tr("Keep it"))
        for button in (self.change, self.usual, self.move_there, self.keep):
            button.updateGeometry()
        if self._fixed_by is not None:
            text = self.tr("{name} in the environment decides it, so it cannot be changed here.")
            self._why.setText(text.format(name=self._fixed_by))
        self._show()

    def show_folder(self, folder: str | None) -> None:
        """Args: folder: as it is set; None: the usual one."""
        self._folder = folder
        self._show()

    @property
    def _job(self) -> Json | None:
        """The move that is under way."""
        jobs = self._context.state.jobs.values()
        return next((job for job in jobs if job["kind"] == JOB), None)

    def _show(self) -> None:
        own = self._folder is not None and self._fixed_by is None
        usual = str(hf_cache().absolute())
        shown = self._folder if own and self._folder else usual
        self._path.setText(breakable(shown))
        asking, moving = self._wanted is not None, self._job is not None
        self.usual.setVisible(own and not asking and not moving)
        self.change.setVisible(not asking and not moving)
        self.move_there.setVisible(asking and not moving)
        self.keep.setVisible(asking and not moving)
        self._question.setVisible(asking and not moving)
        if asking:
            text = self.tr("What was downloaded moves to {folder}. Downloads wait meanwhile.")
            self._question.setText(text.format(folder=breakable(self._wanted or usual)))
        self.progress.setVisible(moving)
        self._show_progress()

    def _on_jobs_changed(self) -> None:
        if (self._job is not None) is self.progress.isHidden():
            self._show()  # a move began or ended
        else:
            self._show_progress()

    def _show_progress(self) -> None:
        told = (self._job or {}).get("progress") or {}
        done, total = told.get("done"), told.get("total")
        share, figures = None, ""
        if told.get("unit") == "bytes" and total:
            share = done / total
            figures = f"{units.size(done)} / {units.size(total)}"
        self.progress.show_progress(self.tr("Moving the models"), share, figures)

    # --- what is done ---------------------------------------------------------------------------

    def ask(self, folder: str) -> None:
        """Ask whether everything is to move there; empty: to the usual folder."""
        self._wanted = folder
        self._error.hide()
        self._show()
        self.move_there.setFocus()

    def _on_change_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose a folder for downloads"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.ask)
        self._dialog = dialog
        dialog.open()

    def _on_usual_clicked(self) -> None:
        self.ask("")

    def _on_keep_clicked(self) -> None:
        self._wanted = None
        self._show()
        self.change.setFocus()

    def _on_move_clicked(self) -> None:
        folder, self._wanted = self._wanted or None, None
        self._show()
        self._context.ask(lambda client: client.move_models(folder), None, self._on_failed)

    def _on_cancel_asked(self) -> None:
        job = self._job
        if job is not None:
            number = job["id"]
            self._context.ask(lambda client: client.cancel_job(number), None, self._on_failed)

    def _on_job_finished(self, job: Json) -> None:
        if job["kind"] != JOB:
            return
        if job["state"] == "failed":
            self._on_failed(AppError.from_dict(job["error"]))
        elif job["state"] == "done":
            folder = job["params"].get("folder")
            self._folder = None if folder is None else str(folder)
        self._show()

    def _on_failed(self, error: AppError) -> None:
        if error.code is not ErrorCode.JOB_FINISHED:
            self._error.setText(message(error).line)
            self._error.show()
        self._show()
