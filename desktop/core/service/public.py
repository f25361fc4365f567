"""The public face as a switch: on at an address, elsewhere, off."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import faces, limits
from desktop.core.service.keys import KeyStore
from desktop.core.settings import ServerSettings

log = logging.getLogger(__name__)


class PublicServer:
    """The OpenAI-compatible server; on only while it is switched on.

    Args:
        routes: of every API it speaks.
        settings: read anew each time it is switched on.
    """

    def __init__(
        self,
        routes: Callable[[], Sequence[web.RouteDef]],
        keys: KeyStore,
        settings: Callable[[], ServerSettings],
        publish: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._routes = routes
        self._keys = keys
        self._settings = settings
        self._publish = publish
        self._changing = asyncio.Lock()
        self._face: faces.Face | None = None
        self._policy: faces.PublicPolicy | None = None

    @property
    def url(self) -> str | None:
        return self._face.url if self._face else None

    async def on(self, host: str | None = None, port: int | None = None) -> None:
        """Switch it on; when it is on at another address, it moves.

        Raises:
            AppError: KEY_REQUIRED, PORT_TAKEN, BAD_ADDRESS; what was on stays on.
        """
        server = self._settings()
        host, port = host or server.host, server.port if port is None else port
        if not faces.is_loopback(host) and not self._keys.any:
            raise AppError(ErrorCode.KEY_REQUIRED, host=host)
        policy = faces.PublicPolicy(
            host, server.require_key, server.allowed_hosts, server.allowed_origins
        )
        async with self._changing:
            old, before = self._face, self._policy
            if old is not None and (old.host, old.port) == (host, port) and policy == before:
                return
            # The same port cannot be listened on twice, not at another address either: 0.0.0.0
            # and 127.0.0.1 overlap.
            same_port = old is not None and old.port == port
            if old is not None and same_port:
                await old.stop()
                self._face = None
            face = faces.Face(self._application(policy))
            try:
                await face.start(host, port)
            except AppError:
                if old is not None and before is not None and same_port:
                    await self._back_to(old, before)
                raise
            self._face, self._policy = face, policy
            if old is not None and not same_port:
                await old.stop()
        self._publish("public.changed", self.describe())

    async def _back_to(self, old: faces.Face, policy: faces.PublicPolicy) -> None:
        """Listen again where it was before a move that failed."""
        face = faces.Face(self._application(policy))
        try:
            await face.start(old.host, old.port)
        except AppError:
            log.exception("the server's old address was taken in the meantime")
            self._publish("public.changed", self.describe())
            return
        self._face = face

    async def off(self) -> None:
        async with self._changing:
            face, self._face = self._face, None
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
        face, policy = self._face, self._policy
        if face is None or policy is None:
            server = self._settings()
            return {"on": False, "url": None, "host": server.host, "port": server.port}
        return {
            "on": True,
            "url": face.url,
            "host": face.host,
            "port": face.port,
            "lan_urls": _lan_urls(face.host, face.port),
            "key_required": policy.key_needed,
        }

    def _application(self, policy: faces.PublicPolicy) -> web.Application:
        app = web.Application(
            middlewares=[
                faces.error_shape,
                faces.public_guard(policy, self._keys),
                faces.json_only,
            ],
            client_max_size=limits.BODY_BYTES,
        )
        app.on_response_prepare.append(faces.cors_headers(policy))
        app.add_routes(self._routes())
        return app


def _lan_urls(host: str, port: int) -> list[str]:
    """Where other machines reach a face that listens at `host`; empty on loopback."""
    if faces.is_loopback(host):
        return []
    if host not in ("0.0.0.0", "::"):
        return [f"http://{host}:{port}"]
    import psutil  # type: ignore[import-untyped]

    found = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not faces.is_loopback(address.address)
    ]
    return [f"http://{address}:{port}" for address in sorted(set(found))]
