"""A request as a row of the ledger and back; nothing in it is a prompt or an answer."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from desktop.core.service.requests import RequestRecord, Texts
from desktop.core.service.streams import chunks_of

COLUMNS = (
    "id",
    "client_id",
    "created",
    "api",
    "route",
    "key",
    "model",
    "fingerprint",
    "engine",
    "stream",
    "status",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "wait_seconds",
    "ttft_seconds",
    "tpot_seconds",
    "prefill_seconds",
    "decode_seconds",
    "total_seconds",
    "busy_seconds",
    "finish_reason",
    "error_code",
    "error",
    "cached_answer",
    "currency",
    "electricity_cost",
    "hardware_cost",
    "hosted_cost",
    "cost",
)
_ERROR_CHARS = 300
_QUOTED = re.compile(r"""(["“'`])[^"“”'`]{40,}(["”'`]|$)""")


def row_of(record: RequestRecord, currency: str | None) -> tuple[Any, ...]:
    """The values of `COLUMNS`.

    Args:
        currency: of its costs.
    """
    said = vars(record)
    special = {
        "created": record.arrived,
        "currency": currency if record.cost is not None else None,
        "error": safe_error(record.error_code, record.error),
        "error_code": record.error_code or ("unknown" if record.error else None),
    }
    return tuple(special[name] if name in special else said[name] for name in COLUMNS)


def safe_error(code: str | None, text: str | None) -> str | None:
    """The part of an error's text that cannot hold what was asked or answered.

    Errors without a code are the engine's own about the request's body, and quote it.
    """
    if text is None or code is None:
        return None
    return storable(_QUOTED.sub(r"\1…\2", text)[:_ERROR_CHARS])


def storable(text: str) -> str:
    """Half a character, as JSON can hold, is no text to a database."""
    return text.encode("utf-8", "replace").decode()


def record_of(row: sqlite3.Row) -> dict[str, Any]:
    """A row with the names of `RequestRecord.to_dict`."""
    found: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118
    found["arrived"] = found.pop("created")
    found["stream"], found["cached_answer"] = bool(found["stream"]), bool(found["cached_answer"])
    tokens, seconds = found["completion_tokens"], found["decode_seconds"]
    found["tokens_per_second"] = tokens / seconds if tokens and seconds else None
    return found


def answer_text(texts: Texts) -> str:
    """What the kept events of an answer say, its reasoning first."""
    thought: list[str] = []
    said: list[str] = []
    for block in texts.blocks:
        for chunk in chunks_of(block):
            for choice in chunk.get("choices") or ():
                delta = choice.get("delta") or {}
                thought.append(delta.get("reasoning_content") or "")
                said.append(delta.get("content") or choice.get("text") or "")
                for call in delta.get("tool_calls") or ():
                    function = call.get("function") or {}
                    said.append(f"{function.get('name') or ''}{function.get('arguments') or ''}")
    reasoning = "".join(thought)
    return storable((f"<think>{reasoning}</think>\n" if reasoning else "") + "".join(said))
