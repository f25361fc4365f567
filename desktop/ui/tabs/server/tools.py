"""Settings of common programs, ready to paste, with the server's real address and model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from desktop.ui.tabs.server.snippets import KEY_VARIABLE, curl, one_line, python

NO_KEY = "none"  # where no key is asked for, and a program insists on one
KEY_HERE = "YOUR-KEY"


@dataclass(frozen=True)
class Place:
    """What the snippets are made of.

    Attributes:
        url: of the server, without "/v1".
        ollama_url: of the listener that speaks Ollama's API; None: it is off.
    """

    url: str
    model: str
    key_needed: bool
    ollama_url: str | None = None

    @property
    def key(self) -> str:
        return KEY_HERE if self.key_needed else NO_KEY

    @property
    def base(self) -> str:
        return f"{self.url}/v1"

    @property
    def name(self) -> str:
        return one_line(self.model)


@dataclass(frozen=True)
class Snippet:
    """Args: where: what it is put into: "shell" or a file's path."""

    where: str
    code: str


def _claude_code(place: Place) -> list[Snippet]:
    # Claude Code asks ANTHROPIC_BASE_URL + /v1/messages; the small model does its side work.
    lines = [
        f"export ANTHROPIC_BASE_URL={place.url}",
        f"export ANTHROPIC_AUTH_TOKEN={place.key}",
        f"export ANTHROPIC_MODEL={json.dumps(place.name)}",
        f"export ANTHROPIC_SMALL_FAST_MODEL={json.dumps(place.name)}",
        "claude",
    ]
    return [Snippet("shell", "\n".join(lines))]


def _continue(place: Place) -> list[Snippet]:
    text = json.dumps(place.name, ensure_ascii=False)
    lines = [
        "name: Paddock",
        "version: 1.0.0",
        "schema: v1",
        "models:",
        f"  - name: {text}",
        "    provider: openai",
        f"    model: {text}",
        f"    apiBase: {place.base}",
        f"    apiKey: {place.key}",
        "    roles: [chat, edit, apply]",
    ]
    return [Snippet("~/.continue/config.yaml", "\n".join(lines))]


def _open_webui(place: Place) -> list[Snippet]:
    url = urlsplit(place.base)
    host = url.hostname or ""
    # From a container, this machine has another name.
    inside = place.base
    if host in ("127.0.0.1", "localhost", "::1"):
        inside = place.base.replace(url.netloc, f"host.docker.internal:{url.port}")
    lines = [
        "docker run -d -p 3000:8080 --name open-webui",
        "--add-host=host.docker.internal:host-gateway",
        f"-e OPENAI_API_BASE_URL={inside}",
        f"-e OPENAI_API_KEY={place.key}",
        "-v open-webui:/app/backend/data",
        "ghcr.io/open-webui/open-webui:main",
    ]
    direct = [
        f"OPENAI_API_BASE_URL={place.base} \\",
        f"  OPENAI_API_KEY={place.key} \\",
        "  open-webui serve",
    ]
    return [Snippet("shell", "\n".join(direct)), Snippet("docker", " \\\n  ".join(lines))]


def _vscode(place: Place) -> list[Snippet]:
    # Copilot Chat asks {endpoint}/api/tags and {endpoint}/v1/chat/completions: the server has both.
    return [
        Snippet("setting", "github.copilot.chat.byok.ollamaEndpoint"),
        Snippet("value", place.url),
    ]


def _ollama(place: Place) -> list[Snippet]:
    return [Snippet("shell", f"export OLLAMA_HOST={place.ollama_url or place.url}")]


def _langchain(place: Place) -> list[Snippet]:
    key = f'os.environ["{KEY_VARIABLE}"]' if place.key_needed else f'"{NO_KEY}"'
    first = ["import os", ""] if place.key_needed else []
    lines = [
        *first,
        "from langchain_openai import ChatOpenAI",
        "",
        "model = ChatOpenAI(",
        f"    base_url={json.dumps(place.base)},",
        f"    api_key={key},",
        f"    model={json.dumps(place.name, ensure_ascii=False)},",
        ")",
        'print(model.invoke("Hello").content)',
    ]
    return [Snippet("python", "\n".join(lines))]


def _curl(place: Place) -> list[Snippet]:
    return [Snippet("shell", curl(place.base, place.model, key_needed=place.key_needed))]


def _python(place: Place) -> list[Snippet]:
    return [Snippet("python", python(place.base, place.model, key_needed=place.key_needed))]


@dataclass(frozen=True)
class Tool:
    """A program.

    Attributes:
        title: its own name.
        api: whose API it speaks: "openai", "anthropic" or "ollama".
    """

    title: str
    api: str
    snippets: Callable[[Place], list[Snippet]]


TOOLS: dict[str, Tool] = {
    "claude": Tool("Claude Code", "anthropic", _claude_code),
    "continue": Tool("Continue", "openai", _continue),
    "webui": Tool("Open WebUI", "openai", _open_webui),
    "vscode": Tool("VS Code", "ollama", _vscode),
    "ollama": Tool("Ollama", "ollama", _ollama),
    "langchain": Tool("LangChain", "openai", _langchain),
    "curl": Tool("curl", "openai", _curl),
    "python": Tool("Python", "openai", _python),
}
