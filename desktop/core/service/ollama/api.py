"""Ollama's API as the service puts it together, and its own port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.reader import HeaderReader
from desktop.core.jobs.table import JobTable
from desktop.core.service import faces
from desktop.core.service.bus import EventBus
from desktop.core.service.calls import Calls
from desktop.core.service.modelfiles import Modelfiles
from desktop.core.service.models import Models
from desktop.core.service.ollama.manage import Manager, Submitter
from desktop.core.service.ollama.routes import Ollama
from desktop.core.service.tls import TlsContext
from desktop.core.settings import Settings

RUNNING = "Ollama is running"


class OllamaApi:
    """All of its routes.

    Args:
        scheduler: which is made after this.
    """

    def __init__(
        self,
        calls: Calls,
        models: Models,
        reader: HeaderReader,
        *,
        settings: Callable[[], Settings],
        jobs: JobTable,
        scheduler: Callable[[], Submitter],
        bus: EventBus,
    ) -> None:
        self._topics = (
            Ollama(calls, models, reader, settings=settings),
            Manager(
                calls,
                models,
                Modelfiles(models, reader),
                settings=settings,
                jobs=jobs,
                scheduler=scheduler,
                bus=bus,
            ),
        )

    def routes(self) -> list[web.RouteDef]:
        return [route for topic in self._topics for route in topic.routes()]


def with_greeting(routes: Sequence[web.RouteDef]) -> list[web.RouteDef]:
    """A face's routes, and at its root what Ollama's clients look for to see that it is there."""

    async def greet(request: web.Request) -> web.Response:
        return web.Response(text=RUNNING)

    return [web.get("/", greet), *(each for each in routes if each.path != "/")]


class OllamaPort:
    """The second port of the public face, where Ollama's clients look by themselves.

    Args:
        application: makes what listens there, of whom it is for.
    """

    def __init__(self, application: Callable[[faces.PublicPolicy], web.Application]) -> None:
        self._application = application
        self._face: faces.Face | None = None
        self._policy: faces.PublicPolicy | None = None

    @property
    def url(self) -> str | None:
        return self._face.url if self._face else None

    @contextlib.asynccontextmanager
    async def switched(
        self, policy: faces.PublicPolicy, port: int | None, tls: TlsContext | None
    ) -> AsyncIterator[bool]:
        """Listen there, or with None nowhere; as before where the block fails.

        Yields whether anything changed.

        Raises:
            AppError: OLLAMA_PORT_TAKEN, BAD_ADDRESS; nothing has changed then.
        """
        old, before = self._face, self._policy
        certificate = tls.certificate if tls is not None else None
        there = None if old is None else (old.port, before, old.tls and old.tls.certificate)
        wanted = None if port is None else (port, policy, certificate)
        if there == wanted:
            yield False
            return
        await self.off()
        try:
            if port is not None:
                await self._listen(policy, port, tls)
            yield True
        except BaseException:
            await self.off()
            if old is not None and before is not None:
                await self._listen(before, old.port, old.tls)
            raise

    async def _listen(self, policy: faces.PublicPolicy, port: int, tls: TlsContext | None) -> None:
        face = faces.Face(self._application(policy), tls)
        try:
            await face.start(policy.host, port)
        except AppError as error:
            if error.code is ErrorCode.PORT_TAKEN:
                raise AppError(ErrorCode.OLLAMA_PORT_TAKEN, **error.params) from error
            raise
        self._face, self._policy = face, policy

    async def off(self) -> None:
        face, self._face = self._face, None
        if face is not None:
            await face.stop()
