"""A llama-server whose answers are scripted: a steady stream, as fast as it is told to be.

`install(folder, …)` makes a runtime of it for `paddock engine add`. Everything but serving a model
(version, flags, devices, memory plans, the other tools) is handed on to the real engine, so that
service and window see nothing unusual. The answer is a fixed text in Markdown, repeated.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

PASSAGE = """## What fits in memory {number}

A model is **weights**, a *KV cache* and some room to compute. The weights are as large as the \
file; the cache grows with the context, one token at a time, and `q8_0` halves it.

- Weights: 4.9 GB for an 8B model at Q4_K_M, read once for each token that is written.
- KV cache: 131,072 bytes a token at f16, so 32,768 tokens take 4.0 GiB.
- See [the notes](https://example.com/notes) for what else there is, and what it costs.

日本語の文章も同じように表示されます。モデルの重みはファイルと同じ大きさで、KVキャッシュは文脈の\
長さに比例して増えます。

```python
def kv_bytes(tokens: int, layers: int, heads: int, width: int) -> int:
    \"\"\"Bytes of an f16 cache.\"\"\"
    return 2 * 2 * tokens * layers * heads * width


print(kv_bytes(32_768, 32, 8, 128) / 2**30, "GiB")
```

| quant | bits | size |
|---|---:|---:|
| Q4_K_M | 4.8 | 4.9 GB |
| Q8_0 | 8.5 | 8.5 GB |

"""
TOKEN_CHARS = 4


def script(tokens: int) -> list[str]:
    """The answer in pieces of about a token's length."""
    pieces: list[str] = []
    number = 0
    while len(pieces) < tokens:
        number += 1
        text = PASSAGE.replace("{number}", str(number))
        pieces += [text[at : at + TOKEN_CHARS] for at in range(0, len(text), TOKEN_CHARS)]
    return pieces[:tokens]


def install(folder: Path, real: Path, *, tokens: int, rate: float) -> None:
    """Make a runtime folder.

    Args:
        real: the folder of the real tools.
        tokens: how long each answer is.
        rate: tokens per second.
    """
    folder.mkdir(parents=True)
    for tool in real.iterdir():
        if tool.name.startswith("llama-") and tool.name != "llama-server":
            (folder / tool.name).symlink_to(tool)
    server = folder / "llama-server"
    root = Path(__file__).resolve().parents[1]
    server.write_text(
        "#!/bin/sh\n"
        'case " $* " in\n'
        '*" -fit "*) ;;\n'
        f'*" --metrics "*) PYTHONPATH="{root}" exec "{sys.executable}" -m '
        f'benchmarks.scripted_engine {tokens} {rate} "$@" ;;\n'
        "esac\n"
        f'exec "{real / "llama-server"}" "$@"\n'
    )
    server.chmod(0o755)


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    event = {
        "choices": [{"finish_reason": finish, "index": 0, "delta": delta}],
        "created": 1700000000,
        "id": "chatcmpl-scripted",
        "model": "scripted",
        "object": "chat.completion.chunk",
    }
    return _event(event)


def _event(chunk: dict[str, Any]) -> bytes:
    """As llama-server writes it, without a space: what is passed on unread is known by that."""
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


async def serve(tokens: int, rate: float, port: int) -> None:
    chunks = [_chunk({"content": piece}) for piece in script(tokens)]
    ended = asyncio.Event()

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def props(request: web.Request) -> web.Response:
        caps = {"supports_tools": True, "supports_tool_calls": True, "supports_system_role": True}
        return web.json_response({"chat_template": "{{ messages }}", "chat_template_caps": caps})

    async def chat(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        begun, sent = time.perf_counter(), 0
        while sent < len(chunks):
            due = min(len(chunks), int((time.perf_counter() - begun) * rate) + 1)
            if due > sent:
                await response.write(b"".join(chunks[sent:due]))
                sent = due
            await asyncio.sleep(1 / rate)
        usage = {"prompt_tokens": 8, "completion_tokens": len(chunks)}
        await response.write(_chunk({}, "stop"))
        await response.write(_event({"choices": [], "usage": usage}))
        await response.write(b"data: [DONE]\n\n")
        print("all slots are idle", flush=True)
        return response

    def on_stdin() -> None:
        os.read(0, 4096)  # the exit command, or the end of a parent
        ended.set()

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/props", props)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    asyncio.get_running_loop().add_reader(0, on_stdin)
    print('cmd_child_to_router:state:{"state":"ready","payload":{}}', flush=True)
    print("all slots are idle", flush=True)
    await ended.wait()
    os._exit(0)


def main() -> None:
    tokens, rate = int(sys.argv[1]), float(sys.argv[2])
    port = int(sys.argv[sys.argv.index("--port") + 1])
    asyncio.run(serve(tokens, rate, port))


if __name__ == "__main__":
    main()
