"""The private face's own routes, `/admin/v1/…`: everything that changes state or takes long."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.bodies import read_body, text_of
from desktop.core.service.load_request import load_request
from desktop.core.service.tls import tls_choice
from desktop.core.version import ADMIN_API, VERSION

if TYPE_CHECKING:
    from desktop.core.service.service import Service

PREFIX = "/admin/v1"
_PING_SECONDS = 5.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def admin_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """AppErrors travel whole to our own clients, which print or translate them."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    try:
        return await handler(request)
    except AppError as error:
        return web.json_response({"error": error.to_dict()}, status=409)


class Admin:
    """Routes over one `Service`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PREFIX}/hello", self.hello),
            web.get(f"{PREFIX}/state", self.state),
            web.get(f"{PREFIX}/events", self.events),
            web.post(f"{PREFIX}/stop", self.stop),
            web.post(f"{PREFIX}/load", self.load),
            web.post(f"{PREFIX}/unload", self.unload),
            web.post(f"{PREFIX}/public", self.public),
            web.get(f"{PREFIX}/jobs", self.jobs),
            web.post(f"{PREFIX}/jobs", self.submit),
            web.get(f"{PREFIX}/jobs/{{id:\\d+}}", self.job),
            web.post(f"{PREFIX}/jobs/{{id:\\d+}}/cancel", self.cancel_job),
            web.get(f"{PREFIX}/requests", self.requests),
            web.get(f"{PREFIX}/settings", self.settings),
            web.post(f"{PREFIX}/settings", self.change_settings),
            web.post(f"{PREFIX}/secrets", self.set_secret),
            web.post(f"{PREFIX}/engines/add", self.add_engine),
            web.post(f"{PREFIX}/engines/use", self.use_engine),
            web.post(f"{PREFIX}/engines/remove", self.remove_engine),
        ]

    # --- the service itself -------------------------------------------------------------------

    async def hello(self, request: web.Request) -> web.Response:
        """Versions first: a client of another language goes no further."""
        return web.json_response(
            {
                "name": "paddock",
                "version": VERSION,
                "admin_api": ADMIN_API,
                "pid": os.getpid(),
                "epoch": self._service.bus.epoch,
            }
        )

    async def state(self, request: web.Request) -> web.Response:
        return web.json_response(self._service.describe())

    async def stop(self, request: web.Request) -> web.Response:
        """At once, or with "after_jobs" when what it does is done, to make room for another."""
        body = await read_body(request)
        if body.get("after_jobs"):
            self._service.make_room()
        else:
            self._service.request_stop()
        return web.json_response({"stopping": True})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """One JSON object a line: every event after `after` of `epoch`, then those to come."""
        after = request.query.get("after", "")
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        follow = self._service.bus.follow(
            request.query.get("epoch"), int(after) if after.isdigit() else 0
        )
        pending: asyncio.Task[Any] | None = None
        try:
            while True:
                pending = pending or asyncio.ensure_future(anext(follow))
                done, _ = await asyncio.wait({pending}, timeout=_PING_SECONDS)
                if done:
                    if isinstance(pending.exception(), StopAsyncIteration):
                        return response
                    line = pending.result().to_dict()
                    pending = None
                else:
                    line = {"type": "ping", "time": time.time()}
                await response.write(json.dumps(line).encode() + b"\n")
        finally:
            if pending is not None:
                pending.cancel()
                await asyncio.gather(pending, return_exceptions=True)
            await follow.aclose()

    # --- models -------------------------------------------------------------------------------

    async def load(self, request: web.Request) -> web.Response:
        """Returns when the model is ready; the stages on the way are events."""
        body = await read_body(request)
        entry = await self._service.models.find(text_of(body, "model"))
        if entry.error is not None:
            raise AppError(ErrorCode.MODEL_BROKEN, model=entry.id, reason=str(entry.error))
        loaded = await self._service.supervisor.load(
            entry, load_request(body), for_now=bool(body.get("for_now"))
        )
        return web.json_response(loaded.to_dict())

    async def unload(self, request: web.Request) -> web.Response:
        entry = await self._service.models.find(text_of(await read_body(request), "model"))
        was_loaded = self._service.supervisor.loaded(entry.id) is not None
        await self._service.supervisor.unload(entry.id)
        return web.json_response({"id": entry.id, "was_loaded": was_loaded})

    # --- the public face ----------------------------------------------------------------------

    async def public(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        if body.get("on"):
            ollama = body.get("ollama")
            await self._service.public.on(
                body.get("host"),
                body.get("port"),
                tls_choice(body),
                ollama if isinstance(ollama, bool) else None,
            )
        else:
            await self._service.public.off()
        return web.json_response(self._service.public.describe())

    # --- jobs ---------------------------------------------------------------------------------

    async def jobs(self, request: web.Request) -> web.Response:
        found = await asyncio.to_thread(self._service.jobs.latest)
        describe = self._service.scheduler.describe
        return web.json_response({"jobs": [describe(job) for job in found]})

    async def submit(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        params = body.get("params") or {}
        await self._service.models.scanned.wait()
        job = await self._service.scheduler.submit(text_of(body, "kind"), params)
        return web.json_response(self._service.scheduler.describe(job))

    async def job(self, request: web.Request) -> web.Response:
        job = await asyncio.to_thread(self._service.jobs.get, int(request.match_info["id"]))
        return web.json_response(self._service.scheduler.describe(job))

    async def cancel_job(self, request: web.Request) -> web.Response:
        job = await self._service.scheduler.cancel(int(request.match_info["id"]))
        return web.json_response(self._service.scheduler.describe(job))

    async def requests(self, request: web.Request) -> web.Response:
        return web.json_response({"requests": self._service.requests.latest()})

    # --- settings, secrets, engines -----------------------------------------------------

    async def settings(self, request: web.Request) -> web.Response:
        return web.json_response(self._service.settings.model_dump())

    async def change_settings(self, request: web.Request) -> web.Response:
        changed = await self._service.change_settings(await read_body(request))
        return web.json_response(changed.model_dump())

    async def set_secret(self, request: web.Request) -> web.Response:
        """Store or (with value null) forget a secret. There is no route that reads one."""
        body = await read_body(request)
        name, value = text_of(body, "name"), body.get("value")
        secrets = self._service.secrets
        if value is None:
            await asyncio.to_thread(secrets.delete, name)
        else:
            await asyncio.to_thread(secrets.set, name, str(value))
        return web.json_response({"name": name, "backend": secrets.backend.name})

    async def add_engine(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        name, folder = text_of(body, "name"), text_of(body, "path")
        runtime = await asyncio.to_thread(self._service.add_engine, name, folder)
        return web.json_response(runtime.to_dict())

    async def use_engine(self, request: web.Request) -> web.Response:
        name = text_of(await read_body(request), "name")
        runtime = await self._service.use_engine(name)
        return web.json_response(runtime.to_dict())

    async def remove_engine(self, request: web.Request) -> web.Response:
        name = text_of(await read_body(request), "name")
        await asyncio.to_thread(self._service.runtimes.remove, name)
        return web.json_response({"name": name})
