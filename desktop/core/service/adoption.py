"""Adopting other programs' models: what there is, taking it in, and Modelfiles; with the routes."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.adopt.apps import AppModels, find_apps
from desktop.core.library.given import TITLES, App
from desktop.core.service.bodies import read_body, text_of
from desktop.core.service.downloads import TEST
from desktop.core.service.modelfiles import Modelfiles
from desktop.core.service.models import Models
from desktop.core.settings import Settings

if TYPE_CHECKING:
    from desktop.core.jobs.scheduler import Scheduler

log = logging.getLogger(__name__)

_BESIDE = "Their folders are looked for where they lie by default, and where their settings say."


class Adoption:
    """Adopting is remembering a folder: it is read in place at every look, so that what the other
    program adds and removes is followed.

    Args:
        reader: looks into headers.
        scheduler: which is made after this.
    """

    def __init__(
        self,
        models: Models,
        reader: HeaderReader,
        *,
        settings: Callable[[], Settings],
        change_settings: Callable[[dict[str, Any]], Awaitable[Settings]],
        scheduler: Callable[[], Scheduler],
    ) -> None:
        self._models = models
        self._scheduler = scheduler
        self._settings = settings
        self._change_settings = change_settings
        self._modelfiles = Modelfiles(models, reader)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.get(f"{prefix}/adoptable", self._adoptable),
            web.post(f"{prefix}/adopt", self._adopt),
            web.post(f"{prefix}/adopt/forget", self._forget),
            web.post(f"{prefix}/modelfile/import", self._import),
            web.post(f"{prefix}/modelfile/export", self._export),
        ]

    # --- what there is ------------------------------------------------------------------------

    def found(self) -> list[AppModels]:
        """The other programs' folders with models. For a worker thread."""
        return find_apps(os.environ, sys.platform, reporter=NullReporter(), cancel=CancelToken())

    async def _adoptable(self, request: web.Request) -> web.Response:
        found = await asyncio.to_thread(self.found)
        apps = [{**app.to_dict(), "adopted": self._is_adopted(app)} for app in found]
        return web.json_response({"apps": apps, "folders": self._settings().library.folders})

    def _is_adopted(self, app: AppModels) -> bool:
        folders = [Path(folder) for folder in self._settings().library.folders]
        return all(
            any(path.is_relative_to(folder) for folder in folders)
            for path in (app.folder, *app.further)
        )

    # --- taking it in -------------------------------------------------------------------------

    async def _adopt(self, request: web.Request) -> web.Response:
        """A folder or file ("path"), or all folders of a program ("app")."""
        body = await read_body(request)
        if "app" in body:
            places = await asyncio.to_thread(self._places_of, text_of(body, "app"))
        else:
            path = _absolute(text_of(body, "path"))
            if not await asyncio.to_thread(path.exists):
                raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(path))
            places = [path]
        await self._models.scanned.wait()
        await self._remember(places)
        change = await self._models.scan()
        await self._test(change.added)
        entries = await self._models.all_models()
        here = [entry.to_dict() for entry in entries if _lies_in(entry.shard_paths, places)]
        also = [entry.to_dict() for entry in entries if _lies_in(entry.copies, places)]
        known = {each["id"] for each in here}
        models = [*here, *(each for each in also if each["id"] not in known)]
        return web.json_response(
            {**vars(change), "folders": [str(place) for place in places], "models": models}
        )

    def _places_of(self, name: str) -> list[Path]:
        app = next((each for each in get_args(App) if each == name), None)
        if app is None:
            known = ", ".join(get_args(App))
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"Known programs are {known}.")
        found = [each for each in self.found() if each.app == app]
        places = [place for each in found for place in (each.folder, *each.further)]
        if not places:
            raise AppError(ErrorCode.ADOPT_NOTHING, app=TITLES[app], reason=_BESIDE)
        unreadable = [each.error for each in found if each.error is not None]
        if len(unreadable) == len(found):
            raise unreadable[0]
        return places

    async def _remember(self, places: Iterable[Path]) -> None:
        folders = list(self._settings().library.folders)
        new = [str(place) for place in places if str(place) not in folders]
        if new:
            await self._change_settings({"library.folders": [*folders, *new]})

    async def _test(self, ids: Iterable[str]) -> None:
        """Let new models be tried once, when the machine is idle."""
        if not self._settings().library.test_new_models:
            return
        new = set(ids)
        for entry in self._models.library.models():
            usable = entry.kind == "model" and not entry.broken and entry.acceptance is None
            if entry.id in new and usable:
                try:
                    await self._scheduler().submit(TEST, {"model": entry.id, "asked": False})
                except AppError as error:  # it is here all the same
                    log.warning("no test", extra={"model": entry.id, "why": str(error)})

    async def _forget(self, request: web.Request) -> web.Response:
        """Look into a folder no more; nothing in it is touched."""
        path = text_of(await read_body(request), "path")
        wanted = str(_absolute(path))
        folders = self._settings().library.folders
        kept = [folder for folder in folders if folder not in (path, wanted)]
        if len(kept) == len(folders):
            raise AppError(ErrorCode.PATH_NOT_FOUND, path=wanted)
        await self._change_settings({"library.folders": kept})
        return web.json_response({**vars(await self._models.scan()), "folders": kept})

    # --- Modelfiles ---------------------------------------------------------------------------

    async def _import(self, request: web.Request) -> web.Response:
        """{"modelfile": its text, "folder": where it lies, "name": of the model to be}."""
        body = await read_body(request)
        folder = _absolute(text_of(body, "folder"))
        text, name = text_of(body, "modelfile"), text_of(body, "name")
        return web.json_response(await self._modelfiles.take_in(text, name, folder))

    async def _export(self, request: web.Request) -> web.Response:
        name = text_of(await read_body(request), "model")
        entry = await self._models.find(name, hidden=True)
        return web.json_response(await self._modelfiles.give_out(entry))


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111


def _lies_in(paths: Iterable[Path], places: Iterable[Path]) -> bool:
    return any(path.is_relative_to(place) for path in paths for place in places)
