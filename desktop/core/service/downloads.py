"""Downloads in the service: what their jobs need of it, and the routes of the queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.reader import HeaderReader
from desktop.core.jobs.table import Job, JobTable
from desktop.core.library.entry import ModelEntry
from desktop.core.library.notes import DownloadedFile
from desktop.core.paths import Paths, models_folder
from desktop.core.secrets import Secrets
from desktop.core.service.bodies import read_body
from desktop.core.service.download_store import DownloadStore
from desktop.core.service.models import Models
from desktop.core.settings import Settings
from desktop.core.web import WebSettings

if TYPE_CHECKING:
    from desktop.core.fit.catalog import Catalog
    from desktop.core.jobs.scheduler import Scheduler

log = logging.getLogger(__name__)

T = TypeVar("T")
KIND = "download"
TEST = "acceptance"


class Downloads:
    """The `Host` of download jobs, and routes that pause, resume and move jobs of any kind.

    Args:
        scheduler: which is made after this, since it needs the kinds of jobs.
    """

    def __init__(
        self,
        where: Paths,
        database: Database,
        models: Models,
        reader: HeaderReader,
        *,
        secrets: Secrets,
        settings: Callable[[], Settings],
        jobs: JobTable,
        scheduler: Callable[[], Scheduler],
    ) -> None:
        self._where = where
        self._store = DownloadStore(database)
        self._models = models
        self._reader = reader
        self._secrets = secrets
        self._settings = settings
        self._jobs = jobs
        self._scheduler = scheduler
        self._loop = asyncio.get_running_loop()

    # --- for jobs, in their threads -----------------------------------------------------------

    def settings(self) -> Settings:
        return self._settings()

    def network(self) -> WebSettings:
        from desktop.core.hub.access import web_settings

        return web_settings(self._where, secrets=self._secrets)

    def cache(self) -> Path:
        return models_folder(self._settings())

    @cached_property
    def _catalog(self) -> Catalog:
        from desktop.core.fit.catalog import load_catalog

        return load_catalog()

    def catalog(self) -> Catalog:
        return self._catalog

    def entry(self, name: str) -> ModelEntry:
        found = self._models.library.resolve(name, hidden=True)
        if found.hidden:  # who gets it wants to see it
            return self._wait(self._models.hide(found, hidden=False))
        return found

    def unfinished(self) -> Sequence[Job]:
        return [job for job in self._jobs.unfinished() if job.kind == KIND]

    def keep(self, files: Iterable[DownloadedFile]) -> None:
        self._store.add(files)

    def kept(self, path: Path) -> DownloadedFile | None:
        return self._store.read(path)

    def remove(self, files: Sequence[DownloadedFile]) -> None:
        from desktop.core.library.removal import plan_rows

        if files:
            self._models.remover.carry_out(plan_rows(files[0].repo, files))

    def scan(self) -> None:
        self._wait(self._models.scan())

    def draft_problem(
        self, model_files: Sequence[Path], draft: str, cancel: CancelToken
    ) -> str | None:
        from desktop.core.fit.subject import Finder

        library = self._models.library
        finder = Finder(self._where, self._reader, lambda: library, self.network())
        with finder.find(draft, cancel=cancel) as subject:
            return self._reader.problem_with("draft", model_files, subject.path)

    def use_draft(self, model: ModelEntry, draft: ModelEntry) -> bool:
        if "draft" in self._models.saved.read(model.fingerprint):
            return False
        self._wait(self._models.change_saved(model, {"draft": draft.id}))
        return True

    def test(self, model: ModelEntry) -> None:
        if not self._settings().library.test_new_models:
            return
        try:
            self._wait(self._scheduler().submit(TEST, {"model": model.id, "asked": False}))
        except AppError as error:  # the model is here all the same
            log.warning("a new model is not tested", extra={"model": model.id, "why": str(error)})

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # --- routes -------------------------------------------------------------------------------

    def routes(self, prefix: str) -> list[web.RouteDef]:
        job = f"{prefix}/jobs/{{id:\\d+}}"
        return [
            web.post(f"{job}/pause", self._pause),
            web.post(f"{job}/resume", self._resume),
            web.post(f"{job}/move", self._move),
        ]

    async def _pause(self, request: web.Request) -> web.Response:
        return self._answer(await self._scheduler().pause(_number(request)))

    async def _resume(self, request: web.Request) -> web.Response:
        return self._answer(await self._scheduler().resume(_number(request)))

    async def _move(self, request: web.Request) -> web.Response:
        """In front of the job "before"; at the end where that is null."""
        body = await read_body(request)
        before = body.get("before")
        if "before" not in body or not (before is None or type(before) is int):
            reason = "“before” must be a job's number, or null for the end."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        return self._answer(await self._scheduler().move(_number(request), before))

    def _answer(self, job: Job) -> web.Response:
        return web.json_response(self._scheduler().describe(job))


def _number(request: web.Request) -> int:
    return int(request.match_info["id"])
