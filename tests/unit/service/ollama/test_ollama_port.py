"""The second port of the server, where Ollama's clients look by themselves."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import web

from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.access import PublicPolicy
from desktop.core.service.ollama.api import OllamaPort, with_greeting

POLICY = PublicPolicy("127.0.0.1", False, [], [])
STRICT = PublicPolicy("127.0.0.1", True, [], [])


class Failed(Exception):
    pass


def application(policy: PublicPolicy) -> web.Application:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="a page for people")

    async def who(request: web.Request) -> web.Response:
        return web.Response(text=f"key: {policy.require_key}")

    app = web.Application()
    app.add_routes(with_greeting([web.get("/", page), web.get("/who", who)]))
    return app


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


async def said(port: OllamaPort, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{port.url}{path}") as answer:
        return await answer.text()


async def test_it_is_switched_on_moved_and_off() -> None:
    port, first, second = OllamaPort(application), free_port(), free_port()
    async with port.switched(POLICY, None, None) as changed:
        assert (changed, port.url) == (False, None)
    async with port.switched(POLICY, first, None) as changed:
        assert changed
    assert await said(port, "/") == "Ollama is running"
    async with port.switched(POLICY, first, None) as changed:
        assert not changed
    async with port.switched(STRICT, first, None) as changed:
        assert changed
    assert await said(port, "/who") == "key: True"
    async with port.switched(STRICT, second, None):
        pass
    assert port.url == f"http://127.0.0.1:{second}"
    async with port.switched(STRICT, None, None) as changed:
        assert changed and port.url is None
    await port.off()


async def test_what_was_on_stays_on(taken: int) -> None:
    port, first = OllamaPort(application), free_port()
    async with port.switched(POLICY, first, None):
        pass
    with pytest.raises(AppError) as raised:
        async with port.switched(STRICT, taken, None):
            pytest.fail("the port is taken")
    assert raised.value.code is ErrorCode.OLLAMA_PORT_TAKEN
    assert await said(port, "/who") == "key: False"
    with pytest.raises(Failed):
        async with port.switched(STRICT, first, None):
            raise Failed  # the server's own port, say
    assert await said(port, "/who") == "key: False"
    await port.off()
