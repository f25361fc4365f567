"""The public face as a switch: on at an address, elsewhere, off."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import faces, limits, request_ids
from desktop.core.service.anthropic.routes import MESSAGES
from desktop.core.service.calls import caller_of
from desktop.core.service.key_gate import KeyGate
from desktop.core.service.key_policy import VERSION
from desktop.core.service.keys import KeyStore
from desktop.core.service.ollama.api import OllamaPort, with_greeting
from desktop.core.service.requests import RequestLog
from desktop.core.service.tls import TlsChoice, TlsContext, server_names, tls_context
from desktop.core.service.turned_away import TurnedAway
from desktop.core.settings import ServerSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublicAt:
    """Where a server is to be switched on; None: as the settings say."""

    host: str | None = None
    port: int | None = None
    tls: TlsChoice | None = None
    ollama: bool | None = None


@dataclass(frozen=True)
class _Opening:
    """How a face was opened; one like it need not be opened again."""

    policy: faces.PublicPolicy
    tls: TlsChoice


class PublicServer:
    """The OpenAI-compatible server; on only while it is switched on.

    Args:
        routes: of every API it speaks.
        gate: tells what is left of a key's limits.
        settings: read anew each time it is switched on.
        requests: where those that are refused at the door are written down.
        folder: where a certificate that is made here is kept.
    """

    def __init__(
        self,
        routes: Callable[[], Sequence[web.RouteDef]],
        keys: KeyStore,
        gate: KeyGate,
        settings: Callable[[], ServerSettings],
        publish: Callable[[str, dict[str, Any]], None],
        *,
        requests: RequestLog,
        folder: Path,
    ) -> None:
        self._routes = routes
        self._keys = keys
        self._gate = gate
        self._turned_away = TurnedAway(requests).middleware
        self._folder = folder
        self._settings = settings
        self._publish = publish
        self._changing = asyncio.Lock()
        self._face: faces.Face | None = None
        self._opening: _Opening | None = None
        self._ollama = OllamaPort(self._ollama_application)

    @property
    def url(self) -> str | None:
        return self._face.url if self._face else None

    async def on(
        self,
        host: str | None = None,
        port: int | None = None,
        tls: TlsChoice | None = None,
        ollama: bool | None = None,
    ) -> None:
        """Switch it on; when it is on at another address, it moves.

        Args:
            tls: what to encrypt with; None: what the settings say.
            ollama: whether Ollama's clients find it on their own port too; None: as `tls`.

        Raises:
            AppError: KEY_REQUIRED, PORT_TAKEN, OLLAMA_PORT_TAKEN, BAD_ADDRESS, and of its
                certificate as `tls.tls_context`; what was on stays on.
        """
        server = self._settings()
        host, port = host or server.host, server.port if port is None else port
        if not faces.is_loopback(host) and not self._keys.any:
            raise AppError(ErrorCode.KEY_REQUIRED, host=host)
        policy = faces.PublicPolicy(
            host, server.require_key, server.allowed_hosts, server.allowed_origins
        )
        chosen = tls or TlsChoice(server.tls, server.tls_certificate, server.tls_key)
        opening = _Opening(policy, chosen)
        at_ollamas = server.ollama if ollama is None else ollama
        async with self._changing:
            old, before = self._face, self._opening
            same = old is not None and (old.host, old.port) == (host, port) and opening == before
            context = old.tls if same and old is not None else await self._tls(chosen)
            second = server.ollama_port if at_ollamas else None
            async with self._ollama.switched(policy, second, context) as changed:
                if same and not changed:
                    return
                if not same:
                    await self._open(host, port, opening, context)
        self._publish("public.changed", self.describe())

    async def _tls(self, chosen: TlsChoice) -> TlsContext | None:
        return await asyncio.to_thread(
            tls_context, chosen, self._folder, self._names, self._certificate_changed
        )

    async def _open(
        self, host: str, port: int, opening: _Opening, context: TlsContext | None
    ) -> None:
        """Listen there in the place of where it was."""
        old, before = self._face, self._opening
        # The same port cannot be listened on twice, not at another address either: 0.0.0.0
        # and 127.0.0.1 overlap.
        same_port = old is not None and old.port == port
        if old is not None and same_port:
            await old.stop()
            self._face = None
        face = faces.Face(self._application(opening.policy), context)
        try:
            await face.start(host, port)
        except AppError:
            if old is not None and before is not None and same_port:
                await self._back_to(old, before)
            raise
        self._face, self._opening = face, opening
        if old is not None and not same_port:
            await old.stop()

    async def _back_to(self, old: faces.Face, opening: _Opening) -> None:
        """Listen again where it was before a move that failed."""
        face = faces.Face(self._application(opening.policy), old.tls)
        try:
            await face.start(old.host, old.port)
        except AppError:
            log.exception("the server's old address was taken in the meantime")
            self._publish("public.changed", self.describe())
            return
        self._face = face

    def _names(self) -> list[str]:
        """What this machine is called, for a certificate of its own."""
        return server_names(socket.gethostname(), _addresses(), [*self._settings().allowed_hosts])

    def _certificate_changed(self) -> None:
        self._publish("public.changed", self.describe())

    async def off(self) -> None:
        async with self._changing:
            face, self._face = self._face, None
            await self._ollama.off()
            if face is None:
                return
            await face.stop()
        self._publish("public.changed", self.describe())

    async def key_revoked(self) -> None:
        """An open address without any key left is closed at once."""
        face = self._face
        if face is not None and not faces.is_loopback(face.host) and not self._keys.any:
            log.warning("the last key was revoked: the server is switched off")
            await self.off()

    def describe(self) -> dict[str, Any]:
        face, opening = self._face, self._opening
        if face is None or opening is None:
            server = self._settings()
            return {
                "on": False,
                "url": None,
                "host": server.host,
                "port": server.port,
                "tls": None,
                "ollama_url": None,
            }
        return {
            "on": True,
            "url": face.url,
            "host": face.host,
            "port": face.port,
            "lan_urls": [face.url_of(address) for address in _reached_at(face.host)],
            "key_required": opening.policy.key_needed,
            "tls": _describe_tls(opening.tls, face.tls),
            "ollama_url": self._ollama.url,
        }

    def _ollama_application(self, policy: faces.PublicPolicy) -> web.Application:
        return self._application(policy, with_greeting(self._routes()))

    def _application(
        self, policy: faces.PublicPolicy, routes: Sequence[web.RouteDef] | None = None
    ) -> web.Application:
        app = web.Application(
            middlewares=[
                faces.error_shape,
                self._turned_away,
                faces.public_guard(policy, self._keys),
                faces.json_only,
            ],
            client_max_size=limits.BODY_BYTES,
        )
        app.on_response_prepare.append(request_ids.mark)
        app.on_response_prepare.append(self._tell_limits)
        app.on_response_prepare.append(faces.cors_headers(policy))
        app.add_routes(_with_short(self._routes() if routes is None else routes))
        return app

    async def _tell_limits(self, request: web.Request, response: web.StreamResponse) -> None:
        for name, value in self._gate.headers(caller_of(request)).items():
            response.headers[name] = value


def _with_short(routes: Sequence[web.RouteDef]) -> list[web.RouteDef]:
    """OpenAI's routes without /v1 as well: llama-server has them, and clients are set up so."""
    there = {(route.method, route.path) for route in routes}
    short = [
        web.RouteDef(route.method, route.path.removeprefix(VERSION), route.handler, route.kwargs)
        for route in routes
        if route.path.startswith(f"{VERSION}/") and not route.path.startswith(MESSAGES)
    ]
    return [*routes, *(each for each in short if (each.method, each.path) not in there)]


def _describe_tls(choice: TlsChoice, tls: TlsContext | None) -> dict[str, Any] | None:
    if tls is None:
        return None
    certificate = tls.certificate
    return {
        "mode": choice.mode,
        "fingerprint": certificate.fingerprint,
        "names": list(certificate.names),
        "expires": certificate.expires,
        "certificate": str(certificate.path),
    }


def _reached_at(host: str) -> list[str]:
    """Where other machines reach a face that listens at `host`; nowhere on loopback."""
    if faces.is_loopback(host):
        return []
    return _addresses() if host in ("0.0.0.0", "::") else [host]


def _addresses() -> list[str]:
    """The machine's IPv4 addresses in its networks."""
    import psutil  # type: ignore[import-untyped]

    found = {
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not faces.is_loopback(address.address)
    }
    return sorted(found)
