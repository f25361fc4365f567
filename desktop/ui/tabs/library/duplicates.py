"""Finding the same file twice, and making one of it: the dialog and the two jobs."""

from __future__ import annotations

from typing import Any

import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.dialogs.duplicates import DuplicatesDialog
from desktop.ui.messages import message
from desktop.ui.tabs.library.jobs import JobFollower

Json = dict[str, Any]


class Duplicates(QObject):
    """Opens the dialog; what is linked goes on when the page or the window is closed."""

    def __init__(self, context: Context, page: QWidget) -> None:
        super().__init__(page)
        self._context, self._page = context, page
        self._jobs = JobFollower(context, self)
        self._dialog: DuplicatesDialog | None = None
        self._search: int | None = None
        context.state.jobs_changed.connect(self._on_jobs_changed)

    def open(self) -> None:
        """Begin to search, and show how far it is."""
        dialog = self._dialog = DuplicatesDialog(self._context, self._page)
        dialog.cancel_asked.connect(self._on_cancel_asked)
        dialog.link_asked.connect(self._on_link_asked)
        dialog.open()

        def begun(job: Json) -> None:
            if not self._shows(dialog):  # closed meanwhile
                self._cancel(job["id"])
                return
            self._search = job["id"]
            self._jobs.follow(job, self._on_searched)
            self._on_jobs_changed()

        def failed(error: AppError) -> None:
            if self._shows(dialog):
                dialog.show_error(error)

        self._context.ask(Client.duplicates, begun, failed)

    def _shows(self, dialog: DuplicatesDialog | None) -> bool:
        return dialog is not None and dialog is self._dialog and shiboken6.isValid(dialog)

    def _on_jobs_changed(self) -> None:
        job = self._context.state.jobs.get(self._search) if self._search is not None else None
        if job is not None and self._dialog is not None and self._shows(self._dialog):
            self._dialog.show_progress(job["progress"])

    def _on_searched(self, job: Json) -> None:
        self._search = None
        dialog = self._dialog
        if dialog is None or not self._shows(dialog):
            return
        if job["result"] is not None:
            dialog.show_groups(job["result"])
        else:  # its error is shown by the window
            self._dialog = None
            dialog.done(0)

    def _on_cancel_asked(self) -> None:
        self._dialog = None
        if self._search is not None:
            self._cancel(self._search)

    def _cancel(self, job_id: int) -> None:
        self._context.ask(lambda client: client.cancel_job(job_id))

    # --- linking ------------------------------------------------------------------------------

    def _on_link_asked(self, groups: list[list[str]]) -> None:
        self._dialog = None

        def begun(job: Json) -> None:
            self._jobs.follow(job, self._on_linked)

        self._context.ask(lambda client: client.link_duplicates(groups), begun)

    def _on_linked(self, job: Json) -> None:
        result = job["result"]
        if result is None:
            return
        size = units.size(result["freed_bytes"])
        words = self.tr("{size} are free again.").format(size=size)
        refused = [each for disk in result["disks"] for each in disk["refused"]]
        if refused:
            first = message(AppError.from_dict(refused[0]["error"])).line
            words += " " + self.tr("{count} files were left as they are: {reason}").format(
                count=len(refused), reason=first
            )
        self._context.toast(words, "warning" if refused else "check")
