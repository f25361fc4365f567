"""The page for people who open the server's address in a browser.

Plain HTML without scripts and without anything from elsewhere; it shows no key, and no models where
a key is needed to see them (a browser cannot send one here).
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from aiohttp import web

from desktop.core.library.entry import ModelEntry
from desktop.core.service.calls import Calls, caller_of
from desktop.core.service.openai.page_words import Words, words_for
from desktop.core.version import VERSION

_MOST_MODELS = 50
_MODELS = "/v1/models"

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2125; --soft: #5a636c; --paper: #fff;
  --panel: #f3f5f7; --line: #d5dae0; --good: #12703a; --busy: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaed; --soft: #a4adb6; --paper: #16191c;
  --panel: #1f2428; --line: #363d44; --good: #6fd39a; --busy: #f0bf66; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; color: var(--soft); font-weight: 600; }
.state { font-weight: 600; } .good { color: var(--good); } .busy { color: var(--busy); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--soft); }
th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: .7rem .9rem; overflow-x: auto; margin: 0; }
a { color: inherit; }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}


@dataclass(frozen=True)
class _Shown:
    """A model as the page shows it.

    Attributes:
        context: in tokens.
        answers: it makes text.
    """

    id: str
    state: str
    context: int | None
    answers: bool


class Page:
    """Args:
    key_needed: whether the public face wants a key.
    """

    def __init__(self, calls: Calls, key_needed: Callable[[], bool]) -> None:
        self._calls = calls
        self._key_needed = key_needed

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.page)]

    async def page(self, request: web.Request) -> web.Response:
        words = words_for(request.headers.get("Accept-Language", ""))
        needed = self._key_needed()
        hidden = needed and not caller_of(request).inside
        models = [] if hidden else await self._models(request)
        base = f"{request.scheme}://{request.host}"
        body = _Body(words, base, needed)
        parts = [
            body.head(self._state(words)),
            body.hidden_models() if hidden else body.models(models),
            body.snippets(next((each.id for each in models if each.answers), "MODEL")),
            body.foot(),
        ]
        text = _PAGE.format(
            language=words.language, style=_STYLE, version=escape(VERSION), body="\n".join(parts)
        )
        headers = {**_HEADERS, "Content-Language": words.language}
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)

    def _state(self, words: Words) -> tuple[str, str]:
        """Its class and its words."""
        if self._calls.stopping:
            return "busy", words.stopping
        if all(each.state.value == "ready" for each in self._calls.supervisor.models):
            return "good", words.ready
        return "busy", words.loading

    async def _models(self, request: web.Request) -> list[_Shown]:
        """Those that answer at once come first."""
        found = [
            self._shown(entry)
            for entry in await self._calls.models_for(request)
            if entry.error is None and entry.kind == "model"
        ]
        return sorted(found, key=lambda each: (each.state == "not_loaded", each.id))

    def _shown(self, entry: ModelEntry) -> _Shown:
        loaded, summary = self._calls.supervisor.loaded(entry.id), entry.summary
        context = summary.context_tokens if summary else None
        if loaded is not None and loaded.prepared is not None:
            context = loaded.prepared.settings.context_tokens
        state = loaded.state.value if loaded else "not_loaded"
        return _Shown(entry.id, state, context, not (summary and summary.is_embedding))


_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Paddock</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
<footer>Paddock {version}</footer>
</main>
</body>
</html>
"""


class _Body:
    """The parts of the page, each as HTML. Whatever comes from outside is escaped here."""

    def __init__(self, words: Words, base: str, key_needed: bool) -> None:
        self._words = words
        self._base = base
        self._key_needed = key_needed

    def head(self, state: tuple[str, str]) -> str:
        words = self._words
        key = words.key_needed if self._key_needed else words.key_not_needed
        kind, said = state
        return (
            f"<h1>Paddock</h1>\n<p>{escape(words.what)}</p>\n"
            f'<p class="state {kind}" role="status">{escape(said)}</p>\n'
            f"<dl><dt>{escape(words.base_url)}</dt><dd><code>{escape(self._base)}/v1</code></dd>"
            f"<dt>{escape(words.key)}</dt><dd>{escape(key)}</dd></dl>"
        )

    def hidden_models(self) -> str:
        words = self._words
        said = escape(words.models_hidden).format(path=_link(_MODELS))
        return f"<h2>{escape(words.models)}</h2>\n<p>{said}</p>"

    def models(self, models: list[_Shown]) -> str:
        words = self._words
        title = f"<h2>{escape(words.models)}</h2>\n"
        if not models:
            return f"{title}<p>{escape(words.no_models)}</p>"
        rows = "\n".join(self._row(each) for each in models[:_MOST_MODELS])
        heads = "".join(
            f'<th scope="col">{escape(each)}</th>'
            for each in (words.model, words.state, words.context)
        )
        more = len(models) - _MOST_MODELS
        rest = escape(words.more_models).format(count=more, path=_link(_MODELS)) if more > 0 else ""
        return (
            f"{title}<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
            f"{f'<p>{rest}</p>' if rest else ''}"
        )

    def _row(self, model: _Shown) -> str:
        words, context = self._words, model.context
        tokens = "" if context is None else words.tokens.format(count=f"{context:,}")
        state = words.states.get(model.state, model.state)
        return (
            f"<tr><td><code>{escape(model.id)}</code></td><td>{escape(state)}</td>"
            f"<td>{escape(tokens)}</td></tr>"
        )

    def snippets(self, model: str) -> str:
        words = self._words
        made = [
            ("curl", self._curl(model)),
            ("Python, openai", self._openai(model)),
            ("Claude Code, anthropic", self._anthropic(model)),
            ("Ollama", self._ollama(model)),
        ]
        parts = [
            f"<h3>{escape(words.use_with.format(tool=tool))}</h3>\n<pre><code>{escape(text)}"
            "</code></pre>"
            for tool, text in made
        ]
        return f"<h2>{escape(words.use)}</h2>\n" + "\n".join(parts)

    @property
    def _key(self) -> str:
        return self._words.your_key if self._key_needed else "none"

    def _curl(self, model: str) -> str:
        asked = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        lines = [f"curl {self._base}/v1/chat/completions", "  -H 'Content-Type: application/json'"]
        if self._key_needed:
            lines.append(f"  -H {shlex.quote(f'Authorization: Bearer {self._key}')}")
        lines.append(f"  -d {shlex.quote(json.dumps(asked, ensure_ascii=False))}")
        return " \\\n".join(lines)

    def _openai(self, model: str) -> str:
        said = "[{'role': 'user', 'content': 'Hello'}]".replace("'", '"')
        return (
            "from openai import OpenAI\n\n"
            f'client = OpenAI(base_url="{self._base}/v1", api_key={_text(self._key)})\n'
            "answer = client.chat.completions.create(\n"
            f"    model={_text(model)},\n    messages={said},\n)\n"
            "print(answer.choices[0].message.content)"
        )

    def _anthropic(self, model: str) -> str:
        return (
            f"export ANTHROPIC_BASE_URL={self._base}\n"
            f"export ANTHROPIC_AUTH_TOKEN={shlex.quote(self._key)}\n"
            f"claude --model {shlex.quote(model)}"
        )

    def _ollama(self, model: str) -> str:
        key = f"export OLLAMA_API_KEY={shlex.quote(self._key)}\n" if self._key_needed else ""
        return f"export OLLAMA_HOST={self._base}\n{key}ollama run {shlex.quote(model)}"

    def foot(self) -> str:
        words = self._words
        links = [
            f'<a href="/openapi.json">{escape(words.document)}</a>',
            *(_link(path) for path in ("/health", "/ready")),
        ]
        return f"<h2>{escape(words.learn)}</h2>\n<p>{' · '.join(links)}</p>"


def _link(path: str) -> str:
    return f'<a href="{path}"><code>{path}</code></a>'


def _text(value: Any) -> str:
    """As a text in a Python program."""
    return json.dumps(value, ensure_ascii=False)
