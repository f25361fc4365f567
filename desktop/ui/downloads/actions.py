"""What can be done with downloads, wherever they are shown: the one place that asks the service."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.names import parse_name
from desktop.ui.context import Context
from desktop.ui.models.downloads import Downloads

# What a click came too late for: the job has ended, and an event says so.
_OVERTAKEN = (ErrorCode.JOB_FINISHED, ErrorCode.JOB_NOT_FOUND)


class DownloadActions:
    """Small functions, one for each thing a person does. Nothing is remembered here."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def downloads(self) -> Downloads:
        return self._context.state.downloads

    def get(self, model: str, *, projector: bool = True, draft: bool = False) -> None:
        """Download a model; a refusal is kept in `Downloads.refused`, where it was asked for."""
        downloads = self.downloads
        if downloads.is_asked(model):
            return
        before = downloads.of(model)
        if before is not None and not before.ended:
            return
        downloads.expect(model)

        self._context.ask(
            lambda client: client.pull(model, projector=projector, draft=draft),
            downloads.on_answer,
            lambda error: downloads.refuse(model, error),
        )

    def pause(self, number: int) -> None:
        self._change(lambda client: client.pause_job(number))

    def resume(self, number: int) -> None:
        """Let a paused one go on, or try one that failed again: what was fetched is kept."""
        self._change(lambda client: client.resume_job(number))

    def cancel(self, number: int) -> None:
        """End it, or clear away one that failed; what was fetched of it is deleted."""
        self._change(lambda client: client.cancel_job(number))

    def pause_all(self) -> None:
        for each in self.downloads.queue:
            if each.state in ("queued", "running"):
                self.pause(each.id)

    def resume_all(self) -> None:
        for each in self.downloads.queue:
            if each.state == "paused":
                self.resume(each.id)

    def move(self, number: int, step: int) -> bool:
        """One place up (-1) or down (1); whether there is such a place."""
        order = [each.id for each in self.downloads.queue]
        if number not in order:
            return False
        place = order.index(number)
        wanted = place + step
        if not 0 <= wanted < len(order):
            return False
        return self.move_to(number, wanted)

    def move_to(self, number: int, place: int) -> bool:
        """To a place in the queue, counted without itself."""
        order = [each.id for each in self.downloads.queue if each.id != number]
        before = order[place] if place < len(order) else None
        self._change(lambda client: client.move_job(number, before))
        return True

    def open_page(self, model: str) -> None:
        """The repository's page at the hub, in the browser."""
        QDesktopServices.openUrl(QUrl(page_of(model)))

    def _change(self, use: Callable[[Client], object]) -> None:
        """What comes of it is told by an event."""

        def failed(error: AppError) -> None:
            if error.code not in _OVERTAKEN:
                self._context.show_error(error)

        self._context.ask(use, None, failed)

    def read_history(self) -> None:
        """Read what has ended; the state tells of what has not."""
        self._context.ask(
            lambda client: client.jobs(), self.downloads.read_history, lambda error: None
        )


def page_of(model: str) -> str:
    """The address of a repository's page."""
    from desktop.core.web import WebSettings, url_of  # the network's modules take their time

    endpoint = WebSettings.from_environment().endpoint
    name = parse_name(model, endpoint)
    return endpoint if name is None else url_of(endpoint, name.repo)
