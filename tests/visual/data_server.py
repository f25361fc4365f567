"""What the service says of the server, its keys, its requests and its usage, in the scenes."""

from __future__ import annotations

from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.key_policy import ROUTES
from tests.visual.data import DAY, MODEL, NOW, Json

PUBLIC_ON: Json = {
    "on": True,
    "url": "http://127.0.0.1:8484",
    "host": "127.0.0.1",
    "port": 8484,
    "lan_urls": [],
    "key_required": False,
}
PUBLIC_OPEN = {
    **PUBLIC_ON,
    "host": "0.0.0.0",
    "lan_urls": ["http://192.168.178.27:8484", "http://10.147.17.203:8484"],
    "key_required": True,
}
_POLICY: Json = {
    "models": [],
    "routes": [],
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "tokens_per_day": None,
    "concurrent": None,
    "expires": None,
    "private_cache": False,
    "overflow": "error",
    "exact_cache": False,
    "budget": None,
}
KEYS = [
    {
        "name": "editor on the laptop",
        "hint": "x4Qe",
        "created": NOW - 40 * DAY,
        "last_used": NOW - DAY,
        "expired": False,
        "policy": _POLICY,
        "now": {"tokens_today": 48_211, "concurrent": 1},
    },
    {
        "name": "nightly summaries of the meeting notes",
        "hint": "9fTz",
        "created": NOW - 3 * DAY,
        "last_used": None,
        "expired": False,
        "policy": {
            **_POLICY,
            "models": [MODEL],
            "routes": ["chat", "embeddings"],
            "requests_per_minute": 60,
            "tokens_per_day": 2_000_000,
            "expires": NOW + 400 * DAY,
            "budget": {
                "amount": 20.0,
                "unit": "cost",
                "period": "month",
                "warn_percent": 80.0,
                "stop": True,
            },
        },
        "now": {},
    },
]
PRICES = [
    {
        "name": "gpt-4o-mini",
        "into": 0.15,
        "out": 0.6,
        "cached": 0.075,
        "as_of": "2026-11-01",
        "currency": "USD",
    }
]


def usage(by: str, at: Json | None = None) -> Json:
    """What the ledger says of a month."""

    def one(name: str, requests: int, into: int, out: int, **more: Any) -> Json:
        return {
            "name": name,
            "requests": requests,
            "errors": 0,
            "prompt_tokens": into,
            "cached_tokens": into // 3,
            "completion_tokens": out,
            "busy_seconds": out / 38,
            "cost": out * 2.1e-6,
            "at_cost": None if at is None else (into * 0.15 + out * 0.6) / 1e6,
            "unpriced": 0,
            **more,
        }

    names = {
        "model": [MODEL, "qwen3-embedding-0.6b:q8_0", "qwen3-4b-thinking-2507:q4_k_m"],
        "key": [str(KEYS[0]["name"]), "", str(KEYS[1]["name"])],
        "day": ["2026-11-27", "2026-11-26", "2026-11-25"],
    }[by]
    rows = [
        one(names[0], 8_412, 21_482_112, 3_118_224, errors=12),
        one(names[1], 1_204, 3_918_000, 0),
        one(names[2], 96, 188_400, 241_022),
    ]
    total = one("", 9_712, 25_588_512, 3_359_246, errors=12)
    document = {"by": by, "currency": "EUR", "rows": rows, "total": total, "at": at}
    return {**document, "since": None, "until": None}


PORT_TAKEN = AppError(
    ErrorCode.PORT_TAKEN, host="127.0.0.1", port=8484, holder="nginx (process 7) is using it."
)


AT_NO_ROUTE = (
    "There is no route POST /v1/v1/chat/completions. There is /v1/chat/completions: the client's "
    "base URL must not end in /v1."
)


def requests() -> list[Json]:
    def one(number: int, seconds: float, first: float, **more: Any) -> Json:
        return {
            "id": f"req_{number:024x}",
            "api": "openai",
            "route": "/v1/chat/completions",
            "model": MODEL,
            "key": None if number else "editor on the laptop",
            "stream": True,
            "arrived": NOW - 37.0 * number,
            "wait_seconds": first / 4 if first else None,
            "ttft_seconds": first,
            "tpot_seconds": 0.024,
            "finish_reason": "stop",
            "error_code": None,
            "total_seconds": seconds,
            "prompt_tokens": 1234 + 711 * number,
            "completion_tokens": 56 + 83 * number,
            "tokens_per_second": 41.2 - number,
            "status": 200,
            "error": None,
            **more,
        }

    refused: Json = {
        "finish_reason": None,
        "tpot_seconds": None,
        "prompt_tokens": None,
        "ttft_seconds": None,
        "wait_seconds": None,
        "completion_tokens": None,
        "tokens_per_second": None,
    }
    return [
        one(0, 3.4, 0.25),
        one(1, 12.9, 1.4),
        one(2, 0.18, 0.18, route="/v1/embeddings", model="qwen3-embedding-0.6b:q8_0", stream=False)
        | {"completion_tokens": None, "tokens_per_second": None, "ttft_seconds": None},
        one(
            3,
            0.01,
            0.0,
            status=404,
            model="gpt-5",
            error="There is no model “gpt-5” here.",
            error_code="model_not_found",
            **refused,
        ),
        one(4, 110.2, 8.8, model="qwen3-4b-thinking-2507:q4_k_m"),
        one(
            5,
            0.0004,
            0.0,
            status=404,
            route="/v1/v1/chat/completions",
            model=None,
            stream=False,
            error=AT_NO_ROUTE,
            error_code="not_found",
            **refused,
        ),
    ]


# What stands in English in every language.
NAMES = frozenset(
    [
        *(each["name"] for each in KEYS),
        *ROUTES,
        "There is no model “gpt-5” here.",
        AT_NO_ROUTE,
        "none",  # what stands for a key where none is needed
    ]
)
