"""A llama-server that says back what it was sent: a reply tells by itself whose it is.

`install(folder, real)` makes a runtime of it: everything but serving a model (versions, flags,
devices, memory plans, the other tools) is the real engine's. What it does is said in the last
message, by words of `Order`:

    say=WORD words=N pause=SECONDS   N times the word, so far apart
    die=N                            its process ends after N words, without a good-bye

With tools it calls the first one, or the one that is asked for; with a JSON schema it answers the
smallest thing that keeps to it. Embeddings are three numbers of each text.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
HELD_MIB = 64  # what it says that each model takes


@dataclass(frozen=True)
class Order:
    """What the last message asks for."""

    say: str = "word"
    words: int = 4
    pause: float = 0.0
    die: int | None = None

    @classmethod
    def of(cls, text: str) -> Order:
        given = dict(part.split("=", 1) for part in text.split() if "=" in part)
        die = given.get("die")
        return cls(
            given.get("say", "word"),
            int(given.get("words", "4")),
            float(given.get("pause", "0")),
            None if die is None else int(die),
        )


def install(folder: Path, real: Path) -> None:
    """Make a runtime folder beside the folder of the real tools."""
    folder.mkdir(parents=True)
    for tool in real.iterdir():
        if tool.name.startswith("llama-") and tool.name != "llama-server":
            (folder / tool.name).symlink_to(tool)
    server = folder / "llama-server"
    server.write_text(
        "#!/bin/sh\n"
        'case " $* " in\n'
        '*" -fit "*) ;;\n'
        f'*" --metrics "*) PYTHONPATH="{ROOT}" exec "{sys.executable}" -m '
        'tests.helpers.echo_engine "$@" ;;\n'
        "esac\n"
        f'exec "{real / "llama-server"}" "$@"\n'
    )
    server.chmod(0o755)


def smallest(schema: Json) -> Any:
    """The smallest thing that keeps to a simple schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        needed = schema.get("required", list(schema.get("properties", {})))
        return {name: smallest(schema["properties"][name]) for name in needed}
    if kind == "array":
        return []
    return {"string": "text", "integer": 1, "number": 1.5, "boolean": True}.get(str(kind))


def chosen_tool(body: Json) -> Json | None:
    tools, choice = body.get("tools") or [], body.get("tool_choice")
    if not tools or choice == "none" or body["messages"][-1]["role"] == "tool":
        return None
    wanted = choice["function"]["name"] if isinstance(choice, dict) else None
    functions: list[Json] = [tool["function"] for tool in tools]
    return next((each for each in functions if wanted in (None, each["name"])), None)


def schema_of(body: Json) -> Json | None:
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return dict(form["json_schema"]["schema"])
    if form.get("type") == "json_object":
        return dict(form.get("schema") or {"type": "object", "properties": {}})
    return body.get("json_schema")


def text_of(message: Json) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def deltas(body: Json, order: Order) -> Iterator[Json]:
    """The answer in pieces; the last one is the reason of its end."""
    tool, schema = chosen_tool(body), schema_of(body)
    if tool is not None:
        arguments = json.dumps(smallest(tool.get("parameters") or {"type": "object"}))
        head = {"name": tool["name"], "arguments": ""}
        yield {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": head}]}
        for at in range(0, len(arguments), 5):
            part = {"arguments": arguments[at : at + 5]}
            yield {"tool_calls": [{"index": 0, "function": part}]}
        yield {"finish": "tool_calls"}
    elif schema is not None:
        text = json.dumps(smallest(schema))
        for at in range(0, len(text), 5):
            yield {"content": text[at : at + 5]}
        yield {"finish": "stop"}
    else:
        limit = body.get("max_tokens") or body.get("n_predict") or order.words
        words = order.words if limit < 0 else min(order.words, limit)
        for _ in range(words):
            yield {"content": f"{order.say} "}
        yield {"finish": "length" if words < order.words else "stop"}


class Engine:
    """Its routes, on aiohttp."""

    def __init__(self, model: str) -> None:
        self._model = model

    async def chat(self, request: Any) -> Any:
        from aiohttp import web

        body = await request.json()
        messages = body.get("messages") or [{"role": "user", "content": str(body.get("prompt"))}]
        asked = " ".join(text_of(each) for each in messages)
        order = Order.of(text_of(messages[-1]))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        is_chat = "messages" in body
        count = 0
        for delta in deltas(body, order):
            finish = delta.pop("finish", None)
            if order.die is not None and count >= order.die:
                os._exit(3)
            if order.pause and finish is None:
                await asyncio.sleep(order.pause)
            count += finish is None
            await response.write(self._chunk(is_chat, delta, finish))
        usage = {
            "prompt_tokens": len(asked.split()),
            "completion_tokens": count,
            "total_tokens": len(asked.split()) + count,
            "prompt_tokens_details": {"cached_tokens": 0},
        }
        timings = {"predicted_n": count, "predicted_ms": 1.0, "prompt_n": 1, "prompt_ms": 1.0}
        last = {**self._head(is_chat), "choices": [], "usage": usage, "timings": timings}
        await response.write(b"data: " + json.dumps(last).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        print("all slots are idle", flush=True)
        return response

    def _head(self, is_chat: bool) -> Json:
        kind = "chat.completion.chunk" if is_chat else "text_completion"
        return {
            "id": "chatcmpl-echo",
            "object": kind,
            "created": 1_700_000_000,
            "model": self._model,
        }

    def _chunk(self, is_chat: bool, delta: Json, finish: str | None) -> bytes:
        choice: Json = {"index": 0, "finish_reason": finish}
        choice |= {"delta": delta} if is_chat else {"text": delta.get("content", "")}
        event = {**self._head(is_chat), "choices": [choice]}
        return b"data: " + json.dumps(event).encode() + b"\n\n"

    async def embeddings(self, request: Any) -> Any:
        from aiohttp import web

        body = await request.json()
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        rows = [
            {
                "object": "embedding",
                "index": index,
                "embedding": [float(len(str(text))), float(index), 1.0],
            }
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return web.json_response(
            {"object": "list", "model": self._model, "data": rows, "usage": usage}
        )

    async def props(self, request: Any) -> Any:
        from aiohttp import web

        caps = {"supports_tools": True, "supports_tool_calls": True, "supports_system_role": True}
        return web.json_response(
            {
                "chat_template": "{{ messages }}",
                "chat_template_caps": caps,
                "modalities": {"vision": False, "audio": False},
            }
        )

    async def tokenize(self, request: Any) -> Any:
        from aiohttp import web

        body = await request.json()
        return web.json_response({"tokens": list(range(len(str(body["content"]).split())))})

    async def health(self, request: Any) -> Any:
        from aiohttp import web

        return web.json_response({"status": "ok"})


async def serve(model: str, port: int) -> None:
    from aiohttp import web

    ended = asyncio.Event()
    engine, app = Engine(model), web.Application()
    app.router.add_get("/health", engine.health)
    app.router.add_get("/props", engine.props)
    app.router.add_post("/tokenize", engine.tokenize)
    app.router.add_post("/v1/embeddings", engine.embeddings)
    app.router.add_post("/v1/chat/completions", engine.chat)
    app.router.add_post("/v1/completions", engine.chat)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()

    def on_stdin() -> None:
        os.read(0, 4096)  # the exit command, or the end of a parent
        ended.set()

    asyncio.get_running_loop().add_reader(0, on_stdin)
    held = f"load_tensors:          CPU model buffer size = {HELD_MIB:9.2f} MiB"
    print(json.dumps({"type": "log", "level": "info", "msg": held}), flush=True)
    print('cmd_child_to_router:state:{"state":"ready","payload":{}}', flush=True)
    print("all slots are idle", flush=True)
    await ended.wait()
    os._exit(0)


def main() -> None:
    words = sys.argv
    asyncio.run(serve(words[words.index("--alias") + 1], int(words[words.index("--port") + 1])))


if __name__ == "__main__":
    main()
