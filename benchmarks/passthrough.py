"""CPU of the gateway per streamed event, against a bare aiohttp pass-through, in one run.

Run by gateway.py. Roles, each a process of its own so that its CPU time can be read:
`upstream` streams events at a steady rate; `bare` copies a stream and nothing else; `gateway` is
Paddock's own gateway in front of the same upstream, with its library and supervisor stubbed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import uvloop
from aiohttp import web

EVENT = (
    b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":" word"}}],'
    b'"created":1700000000,"id":"chatcmpl-x","model":"m","system_fingerprint":"b1",'
    b'"object":"chat.completion.chunk"}\n\n'
)
LAST = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
DONE = b"data: [DONE]\n\n"


def upstream_app(events: int, rate: float) -> web.Application:
    async def chat(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(events):
            await response.write(EVENT)
            await asyncio.sleep(1 / rate)
        await response.write(LAST)
        await response.write(DONE)
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    return app


def bare_app(upstream: str) -> web.Application:
    session: list[aiohttp.ClientSession] = []

    async def chat(request: web.Request) -> web.StreamResponse:
        if not session:
            session.append(
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0),
                    timeout=aiohttp.ClientTimeout(total=None),
                    auto_decompress=False,
                )
            )
        body = await request.read()
        async with session[0].post(
            upstream + request.path, data=body, headers={"Content-Type": "application/json"}
        ) as reply:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            async for block in reply.content.iter_any():
                await response.write(block)
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    return app


async def gateway_app(upstream: str) -> web.Application:
    from desktop.core.service import faces
    from desktop.core.service.calls import Calls
    from desktop.core.service.gateway import Gateway
    from desktop.core.service.requests import RequestLog
    from desktop.core.service.upstream import new_session

    server = SimpleNamespace(base_url=upstream, api_key="k", death=None)
    loaded = SimpleNamespace(server=server, slots=1000)
    entry = SimpleNamespace(id="m", error=None, kind="model", summary=None, bundled=False)

    class OneModel:
        @contextlib.asynccontextmanager
        async def slot(self, entry: Any, **_: Any) -> AsyncIterator[Any]:
            yield loaded

    async def find(name: str) -> Any:
        return entry

    supervisor: Any = OneModel()
    requests = RequestLog(lambda kind, data: None)
    nothing: Any = None
    calls = Calls(supervisor, new_session(), requests, find=find, list_models=nothing)
    policy = faces.PublicPolicy("127.0.0.1", False, [], [])
    keys: Any = SimpleNamespace(check=lambda key: None, any=False)
    app = web.Application(
        middlewares=[faces.error_shape, faces.public_guard(policy, keys), faces.json_only]
    )
    app.on_response_prepare.append(faces.cors_headers(policy))
    app.add_routes(Gateway(calls).routes())
    return app


async def serve(arguments: argparse.Namespace) -> None:
    if arguments.role == "upstream":
        app = upstream_app(arguments.events, arguments.rate)
    elif arguments.role == "bare":
        app = bare_app(arguments.upstream)
    else:
        app = await gateway_app(arguments.upstream)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("upstream", "bare", "gateway"))
    parser.add_argument("--upstream", default="")
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50.0)
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
