"""The line over the pages while something is the matter with the service: what, and the way out."""

from __future__ import annotations

from desktop.core.client import ending
from desktop.core.errors import AppError, ErrorCode
from desktop.core.version import VERSION
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.widgets.parts import Banner


class ServiceBanner(Translated, Banner):
    """Hidden while all is well. Its button restarts a service that is too old or does not answer;
    the window's link starts the new one by itself."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme, "warning")
        self._context = context
        self._asked = False
        self.hide()
        self.pressed.connect(self._on_pressed)
        state = context.state
        state.online_changed.connect(self._on_online_changed)
        state.version_changed.connect(self.retranslate)
        state.jobs_changed.connect(self._on_jobs_changed)
        self.retranslate()

    def retranslate(self) -> None:
        state = self._context.state
        if state.online and (state.making_room or self._asked):
            self._tell_making_room()
        elif state.online and state.older:
            self._tell_older()
        elif not state.online and state.trouble is not None:
            self._tell_trouble(state.trouble)
        else:
            self.hide()
            return
        self.show()

    def _tell_making_room(self) -> None:
        running = [job for job in self._context.state.jobs.values() if job["state"] == "running"]
        text = self.tr("Jobs in progress: {count}. What waits goes on after the restart.")
        self.tell(
            self.tr("The service restarts as soon as what it is doing is done"),
            text.format(count=len(running)),
            kind="info",
        )

    def _tell_older(self) -> None:
        text = self.tr(
            "The service is version {service}, this window is {client}. Restart the service to use "
            "what is new; what it is doing is finished first."
        )
        self.tell(
            self.tr("The running service is of an older version"),
            text.format(service=self._context.state.version, client=VERSION),
            self.tr("Restart the service"),
            kind="warning",
        )

    def _tell_trouble(self, trouble: AppError) -> None:
        title, text, action = message(trouble).title, message(trouble).text, ""
        kind = "error"
        if trouble.code is ErrorCode.SERVICE_UNREACHABLE:
            text = self.tr(
                "It may be very busy; it is asked again by itself. If it stays so, restart it: an "
                "answer in progress is cut off and kept as far as it came."
            )
            action = self.tr("Restart the service")
        elif trouble.code is ErrorCode.SERVICE_NOT_RUNNING:
            text = self.tr("It is being started.")
            kind = "warning"
        elif trouble.code is ErrorCode.SERVICE_VERSION and self._asked:
            title = self.tr("The service restarts as soon as what it is doing is done")
            text, kind = "", "info"
        elif trouble.code is ErrorCode.SERVICE_VERSION:
            text = self.tr(
                "The service is version {service}, this window is {client}: they do not understand "
                "each other. Restart the service; what it is doing is finished first."
            ).format(**trouble.params)
            action = self.tr("Restart the service")
        self.tell(title, text, action, kind=kind)

    def _on_online_changed(self) -> None:
        trouble = self._context.state.trouble
        if trouble is None or trouble.code is not ErrorCode.SERVICE_VERSION:
            self._asked = False
        self.retranslate()

    def _on_jobs_changed(self) -> None:
        if self._context.state.making_room:
            self.retranslate()

    def _on_pressed(self) -> None:
        where = self._context.paths
        trouble = self._context.state.trouble
        hangs = trouble is not None and trouble.code is ErrorCode.SERVICE_UNREACHABLE
        self._asked = not hangs
        self.retranslate()
        end = ending.kill_hanging if hangs else ending.ask_to_make_room
        self._context.tasks.run(lambda: end(where), None, self._on_refused)

    def _on_refused(self, error: AppError) -> None:
        self._asked = False
        self.retranslate()
        self._context.show_error(error)
