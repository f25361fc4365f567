"""What the service gives to the handlers of its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.core.db import Database
from desktop.core.engine.runtime import Runtime
from desktop.core.events import CancelToken
from desktop.core.fit.losses import LossStore
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_predict import Predictor
from desktop.core.gguf.reader import HeaderReader
from desktop.core.jobs.handlers import Tools
from desktop.core.paths import Paths
from desktop.core.service.acceptances import Acceptances
from desktop.core.service.admission import standing
from desktop.core.service.guest import Guest
from desktop.core.service.library_jobs import LibraryJobs
from desktop.core.service.loaded import Standing
from desktop.core.service.measured_files import MeasuredFiles
from desktop.core.service.supervisor import Supervisor

if TYPE_CHECKING:
    from desktop.core.hub.client import Hub
    from desktop.core.service.service import Service


def job_tools(
    service: Service,
    *,
    where: Paths,
    database: Database,
    reader: HeaderReader,
    guest: Guest,
    predictor: Callable[[SpeedBook, Runtime], Predictor],
    hub: Callable[[], Hub],
) -> Tools:
    """Called on the service's event loop; the tools are for worker threads."""
    supervisor, models = service.supervisor, service.models

    def loaded() -> list[Standing]:
        return [standing(each, idle=False) for each in supervisor.models]

    return Tools(
        paths=where,
        resolve=models.library.resolve,
        current_runtime=service.runtimes.current,
        results=service.results,
        speeds=service.speeds,
        wait_idle=_idle_waiter(supervisor),
        requests_served=lambda: supervisor.served,
        library=LibraryJobs(
            where,
            database,
            models,
            settings=lambda: service.settings,
            change_settings=service.change_settings,
            jobs=service.jobs,
            supervisor=supervisor,
        ),
        quiet_seconds=lambda: supervisor.quiet_seconds,
        acceptances=Acceptances(
            database,
            guest,
            service.loader,
            reader,
            loaded=loaded,
            speeds=service.speeds,
            predictor=predictor,
            library=models.library,
            publish=service.bus.publish,
            hub=hub,
        ),
        downloads=service.downloads,
        measured=MeasuredFiles(
            where,
            reader,
            LossStore(database),
            service.speeds,
            settings=lambda: service.settings,
            loaded=loaded,
            predictor=predictor,
            library=models.library,
            publish=service.bus.publish,
        ),
    )


def _idle_waiter(supervisor: Supervisor) -> Callable[[CancelToken], None]:
    loop = asyncio.get_running_loop()

    def wait_idle(cancel: CancelToken) -> None:
        future = asyncio.run_coroutine_threadsafe(supervisor.wait_idle(), loop)

        def give_up() -> None:
            future.cancel()

        undo = cancel.on_cancel(give_up)
        try:
            future.result()
        except BaseException:
            cancel.raise_if_cancelled()
            raise
        finally:
            undo()

    return wait_idle
