"""The private face's routes for models: lists, cards, settings, removing, disk, the hub's state."""

from __future__ import annotations

import asyncio

from aiohttp import web

from desktop.core.service.bodies import object_of, read_body, text_of
from desktop.core.service.models import Models


class ModelRoutes:
    """Every route names its model in the body as "model", by whatever name `Models.find` takes."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.get(f"{prefix}/models", self.list),
            web.get(f"{prefix}/models/disk", self.disk),
            web.post(f"{prefix}/models/scan", self.scan),
            web.post(f"{prefix}/models/add", self.add),
            web.post(f"{prefix}/models/settings", self.saved),
            web.post(f"{prefix}/models/card", self.card),
            web.post(f"{prefix}/models/hide", self.hide),
            web.post(f"{prefix}/models/show", self.show),
            web.post(f"{prefix}/models/removal", self.removal),
            web.post(f"{prefix}/models/remove", self.remove),
            web.post(f"{prefix}/models/upstream", self.upstream),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """With ?hidden=1 those that are hidden, too."""
        await self._models.scan_if_old()
        entries = await self._models.all_models()
        if request.query.get("hidden") == "1":
            entries = self._models.library.models()
        return web.json_response({"models": [entry.to_dict() for entry in entries]})

    async def scan(self, request: web.Request) -> web.Response:
        return web.json_response(vars(await self._models.scan()))

    async def add(self, request: web.Request) -> web.Response:
        """Add a folder or file; it is read in place and never changed."""
        path = text_of(await read_body(request), "path")
        return web.json_response(vars(await self._models.add_folder(path)))

    async def saved(self, request: web.Request) -> web.Response:
        """What is saved for every load of a model, after "changes", where there are any."""
        body = await read_body(request)
        entry = await self._models.find(text_of(body, "model"))
        if "changes" in body:
            saved = await self._models.change_saved(entry, object_of(body, "changes"))
        else:
            saved = await asyncio.to_thread(self._models.saved.read, entry.fingerprint)
        return web.json_response({"id": entry.id, "settings": saved})

    async def card(self, request: web.Request) -> web.Response:
        """What is said of a model, after "changes", where there are any; as in the list."""
        body = await read_body(request)
        entry = await self._models.find(text_of(body, "model"), hidden=True)
        if "changes" in body:
            entry = await self._models.change_card(entry, object_of(body, "changes"))
        return web.json_response(entry.to_dict())

    async def hide(self, request: web.Request) -> web.Response:
        entry = await self._models.find(text_of(await read_body(request), "model"), hidden=True)
        return web.json_response((await self._models.hide(entry)).to_dict())

    async def show(self, request: web.Request) -> web.Response:
        entry = await self._models.find(text_of(await read_body(request), "model"), hidden=True)
        return web.json_response((await self._models.hide(entry, False)).to_dict())

    async def removal(self, request: web.Request) -> web.Response:
        """What /models/remove would do."""
        body = await read_body(request)
        entry = await self._models.find(text_of(body, "model"), hidden=True)
        removal = await self._models.removal(entry, keep_file=body.get("keep_file") is True)
        return web.json_response(removal.to_dict())

    async def remove(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        entry = await self._models.find(text_of(body, "model"), hidden=True)
        done = await self._models.remove(entry, keep_file=body.get("keep_file") is True)
        return web.json_response(done)

    async def disk(self, request: web.Request) -> web.Response:
        return web.json_response(await self._models.disk_use())

    async def upstream(self, request: web.Request) -> web.Response:
        """Asks the hub: of one model, or of all where none is named."""
        body = await read_body(request)
        name = body.get("model")
        entry = None if name is None else await self._models.find(text_of(body, "model"))
        return web.json_response({"repositories": await self._models.check_upstream(entry)})
