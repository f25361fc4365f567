"""Speech to text over a scripted engine, and who may send forms."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import openai
import pytest

from desktop.core.service.openai.audio import Audio
from tests.unit.service.openai.scripted import Gateway, entry, said

PATH = "/v1/audio/transcriptions"


def sound(seconds: float = 0.5) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 8000) * 2))
    return made.getvalue()


WAV = sound()


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    models = [entry("ears", mmproj="/models/mmproj.gguf"), entry("deaf"), entry("bert")]
    made = Gateway(models)
    async with made.running(lambda calls: Audio(calls).routes()):
        made.engine.chunks = said(" Good", " morning. ")
        yield made


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key="x", max_retries=0
    ) as client:
        yield client


async def post(
    gateway: Gateway, form: Any, headers: dict[str, str] | None = None, path: str = PATH
) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}{path}", data=form, headers=headers) as reply,
    ):
        return reply.status, await reply.json()


def form(**fields: Any) -> aiohttp.FormData:
    made = aiohttp.FormData()
    for name, value in {"model": "ears", "file": WAV, **fields}.items():
        if value is not None:
            more = {"filename": "a.wav"} if isinstance(value, bytes) else {}
            made.add_field(name, io.BytesIO(value) if more else value, **more)
    return made


async def test_speech_becomes_text(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    made = await client.audio.transcriptions.create(
        model="ears", file=("a.wav", WAV), language="de", prompt="Anna Kröger"
    )
    assert made.text == "Good morning."
    asked = gateway.engine.last
    words, heard = asked["messages"][0]["content"]
    assert "Transcribe" in words["text"] and "Its language is de." in words["text"]
    assert "Anna Kröger" in words["text"] and asked["temperature"] == 0
    kind, _, data = heard["input_audio"]["data"].partition(",")
    assert kind == "data:audio/wav;base64" and base64.b64decode(data) == WAV
    [record] = gateway.log.latest()
    assert (record["route"], record["model"], record["completion_tokens"]) == (PATH, "ears", 4)


async def test_the_forms_of_the_answer(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    create = client.audio.transcriptions.create
    plain = await create(model="ears", file=("a.wav", WAV), response_format="text")
    assert plain == "Good morning.\n"
    verbose = await create(
        model="ears", file=("a.wav", WAV), response_format="verbose_json", language="english"
    )
    assert (verbose.text, verbose.duration, verbose.language) == ("Good morning.", 0.5, "english")
    stream = await create(model="ears", file=("a.wav", WAV), stream=True)
    events = [event async for event in stream]
    assert [event.type for event in events] == [
        "transcript.text.delta",
        "transcript.text.delta",
        "transcript.text.done",
    ]
    assert events[-1].text == "Good morning."  # type: ignore[union-attr]


async def test_translating_to_english(gateway: Gateway) -> None:
    sent = form(file=b"ID3" + bytes(9))
    status, made = await post(gateway, sent, path="/v1/audio/translations")
    assert (status, made["text"]) == (200, "Good morning.")
    words, heard = gateway.engine.last["messages"][0]["content"]
    assert "to English" in words["text"]
    assert heard["input_audio"]["data"].startswith("data:audio/mpeg;base64,")


async def test_a_model_that_cannot_hear(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    for model, audio in (("deaf", True), ("ears", False)):
        gateway.engine.props["modalities"]["audio"] = audio
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.transcriptions.create(model=model, file=("a.wav", WAV))
        assert caught.value.code == "model_not_hearing" and caught.value.param == "model"
    assert gateway.engine.asked == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"file": b""}, "file"),
        ({"file": b"OggS" + bytes(20)}, "file"),
        ({"response_format": "srt"}, "response_format"),
        ({"response_format": "verbose_json", "file": b"ID3" + bytes(9)}, "response_format"),
        ({"temperature": "warm"}, "temperature"),
        ({"stream": "maybe"}, "stream"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities"),
    ],
)
async def test_what_is_refused(gateway: Gateway, fields: dict[str, Any], param: str) -> None:
    status, body = await post(gateway, form(**fields))
    assert (status, body["error"]["param"]) == (400, param)


async def test_broken_forms(gateway: Gateway) -> None:
    kind = {"Content-Type": "multipart/form-data"}
    bounded = {"Content-Type": "multipart/form-data; boundary=b"}
    for headers, data in (
        (kind, b"x"),
        (bounded, b"nothing of a form"),
        (bounded, b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nRIFF'),
        (bounded, b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n\xff\r\n--b--\r\n'),
        (bounded, b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n'),
        (bounded, b'--b\r\nContent-Disposition: form-data; name="a\x17"\r\n\r\nm\r\n--b--\r\n'),
    ):
        status, body = await post(gateway, data, headers)
        assert status == 400 and body["error"]["message"], data


async def test_forms_that_are_too_large(gateway: Gateway) -> None:
    status, body = await post(gateway, form(file=b"RIFF" + bytes(33 << 20)))
    assert (status, body["error"]["code"]) == (413, "request_too_large")
    status, body = await post(gateway, form(prompt="x" * (65 << 10)))
    assert (status, body["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Mode": "navigate"}, False),
        ({"Origin": "https://app.example"}, False),
        ({"Origin": "https://app.example", "Authorization": "Basic eDp4"}, False),
        ({"Origin": "https://app.example", "Authorization": "Bearer x"}, True),
        ({"Origin": "https://app.example", "x-api-key": "x"}, True),
    ],
)
async def test_a_page_cannot_send_a_form_unasked(
    gateway: Gateway, headers: dict[str, str], taken: bool
) -> None:
    status, body = await post(gateway, form(), headers)
    assert status == (200 if taken else 415), body


async def test_other_pages_and_other_routes_send_no_forms(gateway: Gateway) -> None:
    sent = {"Origin": "https://evil.example", "Authorization": "Bearer x"}
    assert (await post(gateway, form(), sent))[0] == 403
    assert (await post(gateway, form(), path="/v1/chat/completions"))[0] in (404, 415)
