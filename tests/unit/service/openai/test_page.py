"""The page for people."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest

from desktop.core.db import Database
from desktop.core.service.keys import KeyStore
from desktop.core.service.loaded import ModelState
from desktop.core.service.openai.page import Page
from desktop.core.service.openai.page_words import ENGLISH, JAPANESE, words_for
from tests.unit.service.openai.scripted import Gateway, entry

HOSTILE = "<img src=x onerror=alert(1)>'\"; rm -rf ~"


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


@contextlib.asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    needed = gateway.keys is not None
    async with (
        gateway.running(lambda calls: Page(calls, lambda: needed).routes()),
        aiohttp.ClientSession(gateway.url) as session,
    ):
        yield session


async def page(session: aiohttp.ClientSession, language: str = "en") -> tuple[Tags, str]:
    async with session.get("/", headers={"Accept-Language": language}) as reply:
        assert reply.status == 200 and reply.content_type == "text/html"
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        text = await reply.text()
        style = text.partition("<style>")[2].partition("</style>")[0]
        allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{allowed}'" in policy, "a browser would leave the style out"
        return Tags(text), text


async def test_it_says_what_it_is_and_how_to_use_it() -> None:
    gateway = Gateway([entry("qwen"), entry("other")])
    async with serving(gateway) as session:
        found, _ = await page(session)
        for part in (ENGLISH.what, ENGLISH.ready, ENGLISH.key_not_needed, "qwen", "4,096 tokens"):
            assert part in found.text
        for part in (
            f'base_url="{gateway.url}/v1"',
            f"curl {gateway.url}/v1/chat/completions",
            f"ANTHROPIC_BASE_URL={gateway.url}",
            f"OLLAMA_HOST={gateway.url}",
        ):
            assert part in found.text
        assert found.open == [] and "script" not in found.tags
        assert {a.partition(":")[0] for a in found.addresses} <= {
            "/openapi.json",
            "/health",
            "/ready",
            "/v1/models",
        }
        gateway.supervisor.loaded("qwen").state = ModelState.LOADING
        assert ENGLISH.loading in (await page(session))[0].text


async def test_what_to_paste_names_a_model_that_answers() -> None:
    async with serving(Gateway([entry("a-vectors", is_embedding=True), entry("talks")])) as session:
        found, _ = await page(session)
        assert "ollama run talks" in found.text and "a-vectors" in found.text
    async with serving(Gateway([entry("a-vectors", is_embedding=True)])) as session:
        assert "ollama run MODEL" in (await page(session))[0].text


async def test_it_speaks_japanese() -> None:
    async with serving(Gateway([entry()])) as session:
        found, text = await page(session, "fr, ja-JP;q=0.9, en;q=0.5")
        assert JAPANESE.what in found.text and JAPANESE.ready in found.text
        assert '<html lang="ja">' in text and ENGLISH.what not in found.text


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", ENGLISH),
        ("ja", JAPANESE),
        ("en-GB,ja;q=0.8", ENGLISH),
        ("ja;q=0.5,en;q=0.9", ENGLISH),
        ("JA-jp", JAPANESE),
        ("ja;q=0", ENGLISH),
        ("ja;q=x", ENGLISH),
        ("*;;=,,q", ENGLISH),
        ("de", ENGLISH),
    ],
)
def test_choosing_a_language(header: str, words: object) -> None:
    assert words_for(header) is words


async def test_where_a_key_is_needed_it_shows_no_models(tmp_path: Path) -> None:
    keys = KeyStore(Database(tmp_path / "paddock.db", tmp_path / "backups"))
    secret = keys.create("anna")
    async with serving(Gateway([entry("qwen")], keys)) as session:
        found, text = await page(session)
        assert "qwen" not in text and secret not in text and "anna" not in text
        assert ENGLISH.key_needed in found.text and "YOUR_KEY" in found.text


async def test_a_models_name_cannot_break_out() -> None:
    async with serving(Gateway([entry(HOSTILE)])) as session:
        found, text = await page(session)
        assert "img" not in found.tags and "onerror" not in found.attributes
        assert HOSTILE in found.text and "<img" not in text
        line = next(each for each in found.text.splitlines() if each.startswith("ollama run"))
        assert line.startswith("ollama run '<img"), "quoted for a shell"


async def test_many_models_are_told_in_few_rows() -> None:
    async with serving(Gateway([entry(f"m{n:03}") for n in range(60)])) as session:
        found, _ = await page(session)
        assert found.tags.count("tr") == 51 and "and 10 more" in found.text


def test_both_languages_say_the_same_things() -> None:
    for name, english in vars(ENGLISH).items():
        japanese = getattr(JAPANESE, name)
        assert type(english) is type(japanese)
        if isinstance(english, str):
            assert english.count("{") == japanese.count("{") and japanese
        else:
            assert english.keys() == japanese.keys()
