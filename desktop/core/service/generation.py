"""What every answer of a model goes through, whoever asked for it: a client or a conversation."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from desktop.core.engine.server import EngineServer
from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry
from desktop.core.service import upstream
from desktop.core.service.api_errors import ApiError, from_upstream
from desktop.core.service.loaded import Loaded
from desktop.core.service.requests import RequestRecord
from desktop.core.service.streams import StreamFilter
from desktop.core.service.supervisor import Supervisor

# A dead engine's connection fails at once; its death is known when its output has been read.
GONE_SECONDS = 5.0
# The bundled model knows its answers by heart; chance would only spoil them.
DEMO_SAMPLING: Mapping[str, Any] = {"temperature": 0}

_Answer = TypeVar("_Answer")


def check_model(entry: ModelEntry) -> None:
    """Refuse what the engine cannot load by itself.

    Raises:
        AppError: MODEL_BROKEN.
        ApiError: 400 for a projector, an adapter and the like.
    """
    if entry.error is not None:
        raise AppError(ErrorCode.MODEL_BROKEN, model=entry.id, reason=str(entry.error))
    if entry.kind != "model":
        raise ApiError(
            400,
            f"“{entry.id}” is not a model of its own ({entry.kind}).",
            param="model",
            code="unsupported",
        )


def check_generative(entry: ModelEntry) -> None:
    """Refuse a model that cannot answer.

    Raises:
        ApiError: 400.
    """
    summary = entry.summary
    if summary is not None and summary.is_embedding:
        does, route = "makes embeddings", "/v1/embeddings"
        if summary.pooling_type == "rank":
            does, route = "ranks documents", "/v1/rerank"
        raise ApiError(
            400,
            f"“{entry.id}” {does} and cannot answer; use {route}.",
            param="model",
            code="model_not_generative",
        )


def with_card(body: dict[str, Any], entry: ModelEntry) -> dict[str, Any]:
    """A client's request with what the model's card says where the request says nothing.

    As Ollama does it with a Modelfile's SYSTEM, MESSAGE and PARAMETER.
    """
    card = entry.card
    filled = {
        name: value
        for name, value in card.sampling.items()
        if all(body.get(same) is None for same in _SAME.get(name, (name,)))
    }
    messages = body.get("messages")
    if isinstance(messages, list) and (card.system or card.messages):
        first = messages[0] if messages and isinstance(messages[0], dict) else {}
        own = first.get("role") in ("system", "developer")
        begin = messages[:1] if own else []
        if not own and card.system:
            begin = [{"role": "system", "content": card.system}]
        said = [dict(each) for each in card.messages]
        filled["messages"] = [*begin, *said, *messages[int(own) :]]
    return {**body, **filled}


# Names a request can use for the same thing.
_SAME = {"max_tokens": ("max_tokens", "max_completion_tokens", "n_predict")}


def prepared(body: dict[str, Any], entry: ModelEntry) -> dict[str, Any]:
    """What the engine is asked for a checked request: always a stream, its usage at the end.

    The engine reports its progress through the prompt, after each batch: each report is a write,
    and only at a write does it notice that the client has left.
    """
    return {
        **body,
        "model": entry.id,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        **(DEMO_SAMPLING if entry.bundled else {}),
    }


async def with_engine(
    supervisor: Supervisor,
    entry: ModelEntry,
    record: RequestRecord,
    answer: Callable[[Loaded], Awaitable[_Answer]],
    *,
    key: str | None = None,
    keep_seconds: float | None = None,
    answers: int = 1,
) -> _Answer:
    """Answer with slots of the model; once more where its engine had just died unnoticed.

    Args:
        key, keep_seconds, answers: as of `Supervisor.slot`.
    """
    for last_try in (False, True):
        slot = supervisor.slot(entry, key=key, keep_seconds=keep_seconds, answers=answers)
        async with slot as loaded:
            record.slot_granted(loaded.build)
            try:
                return await answer(loaded)
            except upstream.EngineSilent as error:
                silent = error
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GONE_SECONDS):
                        await loaded.gone.wait()
                if last_try or not loaded.gone.is_set():
                    assert loaded.server is not None
                    raise await upstream.broke_off(loaded.server, str(silent)) from silent
    raise AssertionError("the second try returns or raises")


async def stream_problem(events: StreamFilter, server: EngineServer) -> ApiError | None:
    """What went wrong in a stream that has ended, if anything did."""
    if events.error is not None:
        return from_upstream(500, events.error)
    if not events.finished:
        return await upstream.broke_off(server, "")
    return None
