"""Speech to text, with a model whose projector hears.

The engine has a route for it that knows JSON answers only and notices late that a client has left;
here it is a chat about a sound.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from aiohttp import web

from desktop.core.service import generation
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Call, Calls
from desktop.core.service.early import Early
from desktop.core.service.loaded import Loaded
from desktop.core.service.openai import forms, values
from desktop.core.service.openai.values import invalid

_CHAT = "/v1/chat/completions"
_FORMATS = ("json", "text", "verbose_json")
_FILE = "file"


class Audio:
    """Transcribes speech, and translates it to English."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(forms.TRANSCRIPTIONS, self.transcribe),
            web.post(forms.TRANSLATIONS, self.translate),
        ]

    async def transcribe(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, forms.TRANSCRIPTIONS, "transcribe")

    async def translate(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, forms.TRANSLATIONS, "translate")

    async def _answer(self, request: web.Request, route: str, task: str) -> web.StreamResponse:
        async with self._calls.opened(request, route, read=_read) as call:
            entry = await self._calls.model(call, call.body.get("model"))
            generation.check_generative(entry)
            if (await self._calls.card(entry))["capabilities"]["audio"] is False:
                raise _deaf(entry.id, "It has no projector for sound.")
            asked = _Wish(call.body, task)
            call.record.stream = asked.stream

            async def answer(loaded: Loaded) -> web.StreamResponse:
                if (await self._calls.abilities(loaded)).audio is False:
                    raise _deaf(entry.id, "It was loaded without a projector for sound.")
                body = generation.prepared(asked.chat(entry.summary), entry)
                texts = self._texts(call, loaded, body)
                if asked.stream:
                    return await self._calls.send(call, _events(call, texts))
                async with aclosing(texts):
                    text = "".join([text async for text in texts]).strip()
                return asked.response(text, call)

            return await self._calls.answer(call, answer, early=Early() if asked.stream else None)

    async def _texts(self, call: Call, loaded: Loaded, body: dict[str, Any]) -> AsyncGenerator[str]:
        async with aclosing(self._calls.chunks(call, loaded, _CHAT, body)) as chunks:
            async for chunk in chunks:
                for choice in chunk.get("choices") or ():
                    text = (choice.get("delta") or {}).get("content")
                    if text:
                        yield text


async def _read(request: web.Request) -> dict[str, Any]:
    """The form as a body; the file as base64, which is what becomes of it anyway."""
    fields, content = await forms.read(request, _FILE)
    encoded = await asyncio.to_thread(base64.b64encode, content)  # it may be megabytes
    return {
        **fields,
        _FILE: encoded.decode(),
        "format": _format(content),
        "duration": _seconds(content),
    }


def _format(content: bytes) -> str:
    """What the file is, by its beginning; its name may say anything."""
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "wav"
    if content[:4] == b"fLaC":
        return "flac"
    frame = len(content) > 1 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2  # layer III
    if content[:3] == b"ID3" or frame:
        return "mp3"
    raise invalid(
        "“file” is neither WAV, MP3 nor FLAC, which are what models here can hear.",
        _FILE,
        "unsupported_format",
    )


def _seconds(content: bytes) -> float | None:
    """How long a WAV file is; None for others and for those that do not say."""
    try:
        with wave.open(io.BytesIO(content)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return None


def _deaf(model: str, why: str) -> ApiError:
    return ApiError(
        400,
        f"“{model}” cannot hear. {why} Choose a model that has one, or load it with one first.",
        param="model",
        code="model_not_hearing",
    )


class _Wish:
    """The checked fields of a form."""

    def __init__(self, body: dict[str, Any], task: str) -> None:
        self._body = body
        self._task = task
        self._form = values.text(body, "response_format") or "json"
        if self._form not in _FORMATS:
            raise invalid(
                f"“response_format” must be one of {', '.join(_FORMATS)}: models here do not say "
                "when a word was spoken.",
                "response_format",
                "unsupported",
            )
        if body.get("timestamp_granularities"):
            raise invalid(
                "Models here do not say when a word was spoken.",
                "timestamp_granularities",
                "unsupported",
            )
        self.stream = _flag(body, "stream")
        self._seconds: float | None = body["duration"]
        if self._form == "verbose_json" and self._seconds is None:
            raise invalid(
                "“verbose_json” tells how long the sound is, which can be read of WAV files only.",
                "response_format",
                "unsupported",
            )
        self._language = values.text(body, "language")
        self._prompt = values.text(body, "prompt")
        self._temperature = _temperature(body)

    def chat(self, summary: Any) -> dict[str, Any]:
        """The conversation that is answered with the text."""
        sound = {
            "type": "input_audio",
            "input_audio": {"data": self._body[_FILE], "format": self._body["format"]},
        }
        asked = {"temperature": self._temperature}
        # LFM2's audio models know one instruction for it (common/chat.cpp of llama.cpp 0c1e570).
        if self._task == "transcribe" and summary is not None and summary.architecture == "lfm2":
            system = {"role": "system", "content": "Perform ASR."}
            return {**asked, "messages": [system, {"role": "user", "content": [sound]}]}
        part = {"type": "text", "text": self._words()}
        return {**asked, "messages": [{"role": "user", "content": [part, sound]}]}

    def _words(self) -> str:
        if self._task == "translate":
            words = "Translate what is said in this audio to English. Write the translation only."
        else:
            words = "Transcribe this audio. Write what is said and nothing else."
        if self._language:
            words += f" Its language is {self._language}."
        if self._prompt:
            words += f" How names are written, or what was said before: {self._prompt}"
        return words

    def response(self, text: str, call: Call) -> web.Response:
        if self._form == "text":
            return web.Response(text=text + "\n")
        if self._form == "json":
            return web.json_response({"text": text, "usage": _usage(call)})
        language = self._language or ("english" if self._task == "translate" else "")
        return web.json_response(
            {
                "task": self._task,
                "language": language,
                "duration": self._seconds,
                "text": text,
                "usage": _usage(call),
            }
        )


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, "false")
    if value not in ("true", "false", "True", "False", "1", "0"):
        raise invalid(f"“{name}” must be true or false.", name)
    return value in ("true", "True", "1")


def _temperature(body: dict[str, Any]) -> float:
    """0 where nothing is said: what was spoken is not a matter of chance."""
    text = body.get("temperature", "0")
    try:
        found = float(text)
    except (TypeError, ValueError):
        found = -1.0
    if not 0 <= found <= 2:
        raise invalid("“temperature” must be a number from 0 to 2.", "temperature")
    return found


def _usage(call: Call) -> dict[str, Any]:
    asked, said = call.usage.prompt_tokens or 0, call.usage.completion_tokens or 0
    return {
        "type": "tokens",
        "input_tokens": asked,
        "output_tokens": said,
        "total_tokens": asked + said,
    }


async def _events(call: Call, texts: AsyncGenerator[str]) -> AsyncGenerator[bytes]:
    """OpenAI's events of a transcription."""
    whole = []
    async with aclosing(texts):
        async for text in texts:
            whole.append(text)
            yield _event("transcript.text.delta", delta=text)
    yield _event("transcript.text.done", text="".join(whole).strip(), usage=_usage(call))


def _event(kind: str, **about: Any) -> bytes:
    return f"data: {json.dumps({'type': kind, **about})}\n\n".encode()
