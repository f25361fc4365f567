"""Keys over the private face: make, list, change, revoke."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.bodies import read_body, text_of
from desktop.core.service.key_gate import KeyGate
from desktop.core.service.key_policy import policy_of
from desktop.core.service.keys import ApiKey, KeyStore


class KeyRoutes:
    """The routes of keys.

    Args:
        revoked: told after a key was revoked.
    """

    def __init__(
        self,
        keys: KeyStore,
        gate: KeyGate,
        publish: Callable[[str, dict[str, Any]], None],
        revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._keys = keys
        self._gate = gate
        self._publish = publish
        self._revoked = revoked

    def routes(self, prefix: str) -> Sequence[web.RouteDef]:
        return [
            web.get(f"{prefix}/keys", self.list),
            web.post(f"{prefix}/keys", self.create),
            web.post(f"{prefix}/keys/change", self.change),
            web.post(f"{prefix}/keys/revoke", self.revoke),
        ]

    def _describe(self, key: ApiKey) -> dict[str, Any]:
        return {**key.to_dict(), "now": self._gate.standing(key.name)}

    async def list(self, request: web.Request) -> web.Response:
        """All keys; "now" is what each has used of its limits."""
        found = await asyncio.to_thread(self._keys.list)
        return web.json_response({"keys": [self._describe(key) for key in found]})

    async def create(self, request: web.Request) -> web.Response:
        """{"name", "policy"?}; the answer alone has the key."""
        body = await read_body(request)
        name, policy = text_of(body, "name"), policy_of(_policy(body))
        made = await asyncio.to_thread(self._keys.create, name, policy)
        key = self._keys.get(name)
        self._gate.forget(key.name)
        self._publish("keys.changed", {"name": key.name})
        return web.json_response({**self._describe(key), "key": made})

    async def change(self, request: web.Request) -> web.Response:
        """{"name", "policy": fields to change}; null takes a limit away."""
        body = await read_body(request)
        name, changes = text_of(body, "name"), _policy(body)
        key = await asyncio.to_thread(self._keys.change, name, changes)
        self._publish("keys.changed", {"name": key.name})
        return web.json_response(self._describe(key))

    async def revoke(self, request: web.Request) -> web.Response:
        name = text_of(await read_body(request), "name")
        await asyncio.to_thread(self._keys.revoke, name)
        self._publish("keys.changed", {"name": name})
        await self._revoked()
        return web.json_response({"name": name})


def _policy(body: dict[str, Any]) -> dict[str, Any]:
    policy = body.get("policy") or {}
    if not isinstance(policy, dict):
        raise AppError(ErrorCode.BAD_REQUEST, reason="“policy” must be an object.")
    return policy
