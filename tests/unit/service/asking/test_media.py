"""Pictures and sound: inlined, refused where the model takes none, never fetched from inside."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking.fetch import Fetcher, is_public
from tests.helpers.scripted_engine import ScriptedEngine, gateway, listening

PIXEL = base64.b64encode(b"\x89PNG picture").decode()
DATA_URL = f"data:image/png;base64,{PIXEL}"


def seeing(**modalities: bool) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.props["modalities"] = {"vision": True, "audio": True, **modalities}
    return engine


def with_parts(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def picture(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": url}


def sound(data: Any, form: str = "wav") -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


@pytest.fixture
async def pictures() -> AsyncIterator[str]:
    """A server of pictures, on this machine."""

    async def serve(request: web.Request) -> web.StreamResponse:
        name = request.path[1:]
        if name == "large":
            return web.Response(body=b"x" * 2_000_000, content_type="image/png")
        if name == "page":
            return web.Response(text="<html>", content_type="text/html")
        if name == "inside":
            raise web.HTTPFound("http://10.0.0.1/secret.png")
        if name == "file":
            raise web.HTTPFound("file:///etc/passwd")
        if name == "again":
            raise web.HTTPFound("/again")
        if name == "moved":
            raise web.HTTPFound("/pixel")
        if name == "never":
            await asyncio.Event().wait()
        if name == "pixel":
            return web.Response(body=b"\x89PNG picture", content_type="image/png")
        raise web.HTTPNotFound

    app = web.Application()
    app.router.add_get("/{name}", serve)
    async with listening(app) as url:
        yield url


def on_loopback(address: Any) -> bool:
    return bool(address.is_loopback)


async def test_pictures_are_inlined(pictures: str) -> None:
    body = with_parts(
        {"type": "text", "text": "What?"},
        picture({"url": f"{pictures}/pixel", "detail": "low"}),
        picture(f"{pictures}/moved"),
        picture({"url": DATA_URL}),
        {"type": "refusal", "refusal": "No."},
    )
    async with gateway(seeing(), fetcher=Fetcher(on_loopback)) as served:
        await served.chat(**body)
        parts = served.engine.last["messages"][0]["content"]
    assert parts == [
        {"type": "text", "text": "What?"},
        *[{"type": "image_url", "image_url": {"url": DATA_URL}}] * 3,
        {"type": "text", "text": "No."},
    ]


async def test_sound_is_a_data_url() -> None:
    """The engine would fetch data that begins like an address."""
    body = with_parts(
        sound("httpABCD"), sound(f"data:audio/wav;base64,{PIXEL}"), sound(PIXEL, "mp3")
    )
    async with gateway(seeing()) as served:
        await served.chat(**body)
        parts = served.engine.last["messages"][0]["content"]
    assert [part["input_audio"]["data"] for part in parts] == [
        "data:audio/wav;base64,httpABCD",
        f"data:audio/wav;base64,{PIXEL}",
        f"data:audio/mpeg;base64,{PIXEL}",
    ]


@pytest.mark.parametrize(
    "part",
    [
        picture({"url": "file:///etc/passwd"}),
        picture({"url": PIXEL}),
        picture({"url": "data:text/html;base64,AAAA"}),
        picture({"url": "data:image/png;base64,!!!"}),
        picture({"url": "data:image/png;base64,"}),
        picture({"url": "ftp://example.com/a.png"}),
        picture({"url": "http://user:secret@example.com/a.png"}),
        picture({"url": "http:///a.png"}),
        picture({}),
        picture(5),
        sound("http://127.0.0.1/a.wav"),
        sound("AAAA", "aiff"),
        {"type": "input_video", "input_video": {"data": "AAAA"}},
        {"type": "file", "file": {"file_id": "x"}},
        {"type": "text", "text": 5},
        {"text": "Hi"},
        "Hi",
    ],
)
async def test_parts_that_are_refused(part: Any) -> None:
    async with gateway(seeing()) as served:
        error = await served.refused(**with_parts(part))
        assert error["status"] == 400
        assert served.engine.asked == []


async def test_a_model_without_eyes_and_ears() -> None:
    async with gateway(seeing(vision=False, audio=False)) as served:
        error = await served.refused(**with_parts(picture({"url": DATA_URL})))
        assert (error["status"], error["code"]) == (400, "unsupported")
        error = await served.refused(**with_parts(sound("AAAA")))
        assert (error["status"], error["code"]) == (400, "unsupported")


async def test_fetching_can_be_switched_off(pictures: str) -> None:
    fetcher = Fetcher(on_loopback)
    async with gateway(seeing(), fetcher=fetcher, may_fetch=lambda: False) as served:
        error = await served.refused(**with_parts(picture(f"{pictures}/pixel")))
        assert (error["code"], "fetch_images" in error["message"]) == ("unsupported", True)
        await served.chat(**with_parts(picture(DATA_URL)))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("large", "image_not_fetched"),
        ("page", "image_not_fetched"),
        ("gone", "image_not_fetched"),
        ("again", "image_not_fetched"),
        ("never", "image_not_fetched"),
        ("inside", "address_not_allowed"),
        ("file", "invalid_value"),
    ],
)
async def test_what_is_not_fetched(pictures: str, name: str, code: str) -> None:
    fetcher = Fetcher(on_loopback, most_bytes=1_000_000, seconds=0.3)
    with pytest.raises(ApiError) as caught:
        await fetcher.image(f"{pictures}/{name}")
    assert (caught.value.status, caught.value.code) == (400, code)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_this_machine_is_not_asked(pictures: str, host: str) -> None:
    port = pictures.rpartition(":")[2]
    with pytest.raises(ApiError) as caught:
        await Fetcher().image(f"http://{host}:{port}/pixel")
    assert caught.value.code == "address_not_allowed"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.53", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", False),
    ],
)
def test_addresses(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


async def test_the_connection_goes_to_the_address_that_was_looked_at(
    pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that means something else the second time it is asked for."""
    port = int(pictures.rpartition(":")[2])
    answers = iter(["127.0.0.1", "10.0.0.1"])
    loop = asyncio.get_running_loop()

    async def lookup(host: str, to: int, **more: Any) -> list[Any]:
        assert host == "changing.example"
        return [(2, 1, 6, "", (next(answers), to))]

    monkeypatch.setattr(loop, "getaddrinfo", lookup)
    found = await Fetcher(on_loopback).image(f"http://changing.example:{port}/pixel")
    assert found == DATA_URL and next(answers) == "10.0.0.1", "asked for once"
