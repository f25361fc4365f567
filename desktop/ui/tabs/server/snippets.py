"""Lines that work as pasted: a chat request with curl, and one with the openai package."""

from __future__ import annotations

import json
import shlex
import sys

QUESTION = "Hello"
KEY_VARIABLE = "PADDOCK_KEY"


def _one_line(text: str) -> str:
    """Model ids come from file names: no line of theirs may end one of ours."""
    return " ".join(text.split())


def curl(base_url: str, model: str, *, key_needed: bool, platform: str = sys.platform) -> str:
    """For a POSIX shell, or for cmd.exe on Windows."""
    messages = json.dumps([{"role": "user", "content": QUESTION}])
    name = json.dumps(_one_line(model))
    windows = platform == "win32"
    variable = f"%{KEY_VARIABLE}%" if windows else f"${KEY_VARIABLE}"
    parts = [f"curl {base_url}/chat/completions", '-H "Content-Type: application/json"']
    if key_needed:
        parts.append(f'-H "Authorization: Bearer {variable}"')
    if windows:
        body = f'{{"model": {name}, "messages": {messages}}}'
        escaped = body.replace("\\", "\\\\").replace('"', '\\"')
        return " ".join([*parts, f'-d "{escaped}"'])
    body = f'{{"model": {name},\n  "messages": {messages}}}'
    return " \\\n  ".join([*parts, f"-d {shlex.quote(body)}"])


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
            f"    model={json.dumps(_one_line(model), ensure_ascii=False)},",
            f'    messages=[{{"role": "user", "content": {json.dumps(QUESTION)}}}],',
            ")",
            "print(answer.choices[0].message.content)",
        ]
    )
