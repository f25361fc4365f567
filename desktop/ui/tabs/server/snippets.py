"""Lines that work as pasted: requests with curl, and one with the openai package."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any
from urllib.parse import quote

QUESTION = "Hello"
KEY_VARIABLE = "PADDOCK_API_KEY"


def one_line(text: str) -> str:
    """Model ids come from file names: no line of theirs may end one of ours."""
    return " ".join(text.split())


def curl(base_url: str, model: str, *, key_needed: bool, platform: str = sys.platform) -> str:
    """For a POSIX shell, or for cmd.exe on Windows."""
    messages = json.dumps([{"role": "user", "content": QUESTION}])
    body = f'{{"model": {json.dumps(one_line(model))},\n  "messages": {messages}}}'
    return _post(f"{base_url}/chat/completions", body, key_needed, platform)


def _post(address: str, body: str, key_needed: bool, platform: str) -> str:
    """Args: body: JSON; where it is to go into one line, it does, and in ASCII."""
    windows = platform == "win32"
    parts = [f"curl {address}", '-H "Content-Type: application/json"']
    if key_needed:
        parts.append(_key_header(platform))
    if windows:
        escaped = json.dumps(json.loads(body)).replace("\\", "\\\\").replace('"', '\\"')
        return " ".join([*parts, f'-d "{escaped}"'])
    return " \\\n  ".join([*parts, f"-d {shlex.quote(body)}"])


def _key_header(platform: str) -> str:
    variable = f"%{KEY_VARIABLE}%" if platform == "win32" else f"${KEY_VARIABLE}"
    return f'-H "Authorization: Bearer {variable}"'


def python(base_url: str, model: str, *, key_needed: bool) -> str:
    key = f'os.environ["{KEY_VARIABLE}"]' if key_needed else '"none"'
    first = (
        ["import os", "", "from openai import OpenAI"]
        if key_needed
        else ["from openai import OpenAI"]
    )
    return "\n".join(
        [
            *first,
            "",
            "client = OpenAI(",
            f"    base_url={json.dumps(base_url)},",
            f"    api_key={key},",
            ")",
            "answer = client.chat.completions.create(",
            f"    model={json.dumps(one_line(model), ensure_ascii=False)},",
            f'    messages=[{{"role": "user", "content": {json.dumps(QUESTION)}}}],',
            ")",
            "print(answer.choices[0].message.content)",
        ]
    )


# What a request of each kind must say; what was said is not known here.
_BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": QUESTION}]},
    "/v1/messages": {
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": QUESTION}],
    },
    "/v1/completions": {"prompt": QUESTION},
    "/v1/responses": {"input": QUESTION},
    "/v1/embeddings": {"input": QUESTION},
    "/v1/rerank": {"query": QUESTION, "documents": [QUESTION]},
    "/api/chat": {"messages": [{"role": "user", "content": QUESTION}]},
    "/api/generate": {"prompt": QUESTION},
    "/api/embed": {"input": QUESTION},
}


def curl_of(request: dict[str, Any], base_url: str, *, platform: str = sys.platform) -> str:
    """The same kind of request again: address, route, model, and the key from the environment.

    What was asked is in it only where it was stored (`request["request"]`).

    Args:
        base_url: of the server, without "/v1".
    """
    route = str(request["route"])
    method, _, route = ("", "", route) if route.startswith("/") else route.partition(" ")
    # Of a request that was refused, a stranger may have chosen both: no shell may read them.
    address = f"{base_url}{quote(route)}"
    if method:
        return f"curl -X {quote(method)} {address} {_key_header(platform)}"
    body: dict[str, Any] = {"model": request.get("model") or "MODEL"}
    body |= _BODIES.get(route, {"input": QUESTION})
    if request.get("stream"):
        body["stream"] = True
    try:
        stored = json.loads(request.get("request") or "")
    except ValueError:
        stored = None
    if isinstance(stored, dict):
        body = stored
    text = json.dumps(body, ensure_ascii=False)
    return _post(address, text, True, platform)
