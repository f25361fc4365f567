"""Ollama's API over a real library, a real scheduler of models, and an engine that is scripted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ollama
from aiohttp import web

from desktop.core.engine.flags import LoadSettings
from desktop.core.events import CancelToken
from desktop.core.jobs.handlers.download import DownloadKind
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.library.entry import ModelEntry
from desktop.core.paths import paths
from desktop.core.service.access import PublicPolicy
from desktop.core.service.bus import EventBus
from desktop.core.service.calls import Calls
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Prepared, Standing
from desktop.core.service.model_map import with_map
from desktop.core.service.ollama.api import OllamaApi, with_greeting
from desktop.core.service.requests import RequestLog
from desktop.core.service.supervisor import Supervisor
from tests.helpers.scripted_loader import Room, ScriptedLoader
from tests.unit.service.downloading import HASTY, Service, serving
from tests.unit.service.openai import scripted


class _Loader(ScriptedLoader):
    """Its engines are one server.

    Attributes:
        contexts: of every load that was decided.
    """

    def __init__(self, room: Room, url: str) -> None:
        super().__init__(room)
        self._url = url
        self.contexts: list[int] = []

    def prepare(
        self,
        entry: ModelEntry,
        request: LoadRequest,
        cancel: CancelToken,
        others: Sequence[Standing] = (),
        expected: LoadSettings | None = None,
    ) -> Prepared:
        prepared = super().prepare(entry, request, cancel, others, expected)
        self.contexts.append(prepared.settings.context_tokens)

        def new_server(on_change: Any) -> Any:
            engine: Any = prepared.new_server(on_change)
            engine.base_url, engine.api_key = self._url, "k"
            engine.wait_ended = lambda seconds: True
            engine.runtime = SimpleNamespace(version=SimpleNamespace(text="b1"))
            return engine

        return replace(prepared, new_server=new_server)


class Engine(scripted.Engine):
    """Attributes:
    override: answers in its place.
    """

    override: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.override is not None and request.method == "POST":
            return await self.override(request)
        return await super().answer(request)


class World:
    """Attributes:
    engine: what every model answers with.
    supervisor: as in the service.
    url: where the API is.
    """

    def __init__(self, service: Service, engine: Engine, upstream: str) -> None:
        self.service, self.engine = service, engine
        self.room = Room()
        self.loader = _Loader(self.room, upstream)
        self.log = RequestLog(lambda kind, data: None)
        self.supervisor = Supervisor(self.loader, lambda kind, data: None, lambda: 100, 1.0)
        self.url = ""

    @property
    def models(self) -> Any:
        return self.service.models

    @property
    def loaded(self) -> list[str]:
        return [each.entry.id for each in self.supervisor.models]

    def set(self, **server: Any) -> None:
        self.service.file.change({f"server.{name}": value for name, value in server.items()})


@contextlib.asynccontextmanager
async def world_of(folder: Path) -> AsyncIterator[World]:
    """With the models that lie in a folder."""
    engine = Engine()
    upstream = web.Application(client_max_size=1 << 28)
    upstream.router.add_route("*", "/{path:.*}", engine.answer)
    async with contextlib.AsyncExitStack() as entered:
        service = await entered.enter_async_context(serving(paths()))
        address = await entered.enter_async_context(scripted.listening(upstream))
        world = World(service, engine, address)
        entered.push_async_callback(world.supervisor.close)
        await service.models.add_folder(str(folder))
        calls = Calls(
            world.supervisor,
            world.log,
            find=with_map(service.models.find, lambda: service.file.settings.server.model_map),
            list_models=service.models.all_models,
        )
        api = OllamaApi(
            calls,
            service.models,
            service.reader,
            settings=lambda: service.file.settings,
            jobs=service.table,
            scheduler=lambda: service.scheduler,
            bus=_bus_of(service),
        )
        policy = PublicPolicy("127.0.0.1", False, [], [])
        app = scripted.Gateway([]).application(policy, with_greeting(api.routes()))
        world.url = await entered.enter_async_context(scripted.listening(app))
        yield world


def _bus_of(service: Service) -> EventBus:
    """The bus on which the service's jobs are told from now on."""
    bus = EventBus(asyncio.get_running_loop())
    kind = DownloadKind(service.downloads, patience=HASTY, lost_seconds=0.0)
    kinds: dict[str, Any] = {"download": kind, "acceptance": service.tests}
    service.scheduler = Scheduler(service.table, kinds, bus.publish)
    service.scheduler.start()
    return bus


def client_of(world: World) -> ollama.AsyncClient:
    return ollama.AsyncClient(host=world.url)
