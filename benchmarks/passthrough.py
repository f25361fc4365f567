"""A bare aiohttp pass-through: it copies a stream and does nothing else. Run by gateway.py.

What a gateway on these libraries cannot cost less than: the measure of Paddock's own gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

import aiohttp
import uvloop
from aiohttp import web


def bare_app(upstream: str) -> web.Application:
    session: list[aiohttp.ClientSession] = []

    async def chat(request: web.Request) -> web.StreamResponse:
        if not session:
            session.append(
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0, force_close=True),
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


async def serve(upstream: str) -> None:
    runner = web.AppRunner(bare_app(upstream), access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", required=True)
    uvloop.run(serve(parser.parse_args().upstream))


if __name__ == "__main__":
    main()
