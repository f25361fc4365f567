"""The service's models: where they lie, what is saved for them, and the routes that ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.entry import ModelEntry
from desktop.core.library.library import Library, LibraryChange
from desktop.core.library.reading import known_apps
from desktop.core.paths import Paths, demo_model, model_caches
from desktop.core.service.bodies import object_of, read_body, text_of
from desktop.core.service.library_store import LibraryStore
from desktop.core.service.load_guard import check_context
from desktop.core.service.model_settings import ModelSettingsStore
from desktop.core.settings import Settings

# How old a look at the model folders may be before a question for models looks again.
RESCAN_SECONDS = 5.0


class Models:
    """The library as the service keeps it.

    Args:
        change_settings: remembers settings by their dotted names.
        publish: tells everyone what changed.

    Attributes:
        scanned: set once the folders have been looked through for the first time.
    """

    def __init__(
        self,
        where: Paths,
        database: Database,
        reader: HeaderReader,
        *,
        settings: Callable[[], Settings],
        change_settings: Callable[[dict[str, Any]], Awaitable[Settings]],
        publish: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._change_settings = change_settings
        self._publish = publish
        self.store = LibraryStore(database)
        self.saved = ModelSettingsStore(database)
        self.library = Library(
            store=self.store,
            reader=reader,
            caches=lambda: model_caches(settings()),
            folders=lambda: [Path(folder) for folder in settings().library.folders],
            bundled=demo_model(),
            hashes=where.cache / "hashes",
            notes=self.store.notes,
            given=known_apps,
        )
        self.scanned = asyncio.Event()
        self._last_scan = time.monotonic()

    async def find(self, name: str) -> ModelEntry:
        """The model called `name`; looked for once more on the disks before it is unknown."""
        await self.scanned.wait()
        try:
            return self.library.resolve(name)
        except AppError as error:
            if error.code is not ErrorCode.MODEL_NOT_FOUND or self._scan_age() < RESCAN_SECONDS:
                raise
        await self.scan()
        return self.library.resolve(name)

    async def all_models(self) -> list[ModelEntry]:
        await self.scanned.wait()
        return self.library.models()

    def _scan_age(self) -> float:
        return time.monotonic() - self._last_scan

    async def scan_if_old(self) -> None:
        """Another program may have stored a model since the last look."""
        await self.scanned.wait()
        if self._scan_age() > RESCAN_SECONDS:
            await self.scan()

    async def scan(self) -> LibraryChange:
        change = await asyncio.to_thread(self.library.rescan, NullReporter(), CancelToken())
        self._last_scan = time.monotonic()
        if change:
            self._publish("library.changed", vars(change))
        return change

    async def add_folder(self, path: str) -> LibraryChange:
        """Add a folder or file to the library's places; it is remembered and read in place."""
        found = await asyncio.to_thread(_existing, path)
        folders = list(self._settings().library.folders)
        if str(found) not in folders:
            await self._change_settings({"library.folders": [*folders, str(found)]})
        return await self.scan()

    async def change_saved(self, entry: ModelEntry, changes: dict[str, Any]) -> dict[str, Any]:
        """Save values for every later load of a model; a loaded one keeps those it has."""
        context = changes.get("context_tokens")
        check_context(entry, context if isinstance(context, int) else None)
        saved = await asyncio.to_thread(self.saved.change, entry.fingerprint, changes)
        self._publish("settings.model_changed", {"id": entry.id, "names": sorted(changes)})
        return saved

    # --- routes -------------------------------------------------------------------------------

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.get(f"{prefix}/models", self._list),
            web.post(f"{prefix}/models/scan", self._scan),
            web.post(f"{prefix}/models/add", self._add),
            web.post(f"{prefix}/models/settings", self._saved),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        await self.scan_if_old()
        return web.json_response({"models": [entry.to_dict() for entry in self.library.models()]})

    async def _scan(self, request: web.Request) -> web.Response:
        return web.json_response(vars(await self.scan()))

    async def _add(self, request: web.Request) -> web.Response:
        """Add a folder or file; it is read in place and never changed."""
        path = text_of(await read_body(request), "path")
        return web.json_response(vars(await self.add_folder(path)))

    async def _saved(self, request: web.Request) -> web.Response:
        """What is saved for every load of a model, after "changes", where there are any."""
        body = await read_body(request)
        entry = await self.find(text_of(body, "model"))
        if "changes" in body:
            saved = await self.change_saved(entry, object_of(body, "changes"))
        else:
            saved = await asyncio.to_thread(self.saved.read, entry.fingerprint)
        return web.json_response({"id": entry.id, "settings": saved})


def _existing(path: str) -> Path:
    found = Path(path).expanduser().absolute()
    if not found.exists():
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(found))
    return found
