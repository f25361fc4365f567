"""Keys and what they may do: stored, changed, ended, and never more than was given."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import MIGRATIONS, Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.key_policy import (
    EVERYTHING,
    ROUTES,
    KeyPolicy,
    expiry_of,
    policy_of,
    route_of,
)
from desktop.core.service.keys import KeyStore
from tests.unit.service.openai.scripted import entry


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "paddock.db", tmp_path / "backups")
    yield database
    database.close()


class Wall:
    """A clock that is set by hand."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_policy_is_stored_with_its_key(database: Database, tmp_path: Path) -> None:
    policy = KeyPolicy(("qwen*",), ("chat",), 3, 400, 5000, 2, private_cache=True)
    key = KeyStore(database).create(" app ", policy)
    found = KeyStore(database).check(key)
    assert found is not None
    assert (found.name, found.policy, found.hint) == ("app", policy, key[-4:])
    assert KeyStore(database).policy("app") == policy
    assert KeyStore(database).policy(None) == KeyStore(database).policy("unknown") == EVERYTHING
    stored = "".join(str(tuple(row)) for row in database.query("SELECT * FROM api_keys"))
    assert key not in stored


def test_a_change_leaves_what_it_does_not_name(database: Database) -> None:
    keys = KeyStore(database)
    key = keys.create("app", KeyPolicy(requests_per_minute=3, models=("a",)))
    assert keys.change("APP", {"tokens_per_day": 9, "models": None}).policy == KeyPolicy(
        requests_per_minute=3, tokens_per_day=9
    )
    found = keys.check(key)
    assert found is not None and found.policy.tokens_per_day == 9, "the key itself stays"
    with pytest.raises(AppError) as caught:
        keys.change("app", {"tokens_per_day": 0})
    assert caught.value.code is ErrorCode.SETTING_INVALID
    assert caught.value.params["name"] == "tokens_per_day"
    assert KeyStore(database).policy("app").tokens_per_day == 9
    with pytest.raises(AppError) as caught:
        keys.change("other", {})
    assert caught.value.code is ErrorCode.KEY_NOT_FOUND


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests_per_minute": 0},
        {"requests_per_minute": 1.5},
        {"requests_per_minute": "60"},
        {"concurrent": -1},
        {"routes": ["chta"]},
        {"models": "one"},
        {"models": [""]},
        {"overflow": "truncate"},
        {"expires": "tomorrow"},
        {"requests_per_hour": 5},
        {"budget": {"amount": 0}},
        {"budget": {"amount": 1, "period": "week"}},
    ],
)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AppError) as caught:
        policy_of(wrong)
    assert caught.value.code is ErrorCode.SETTING_INVALID


def test_a_policy_is_json_and_back() -> None:
    policy = policy_of({"models": ["a"], "expires": 5, "budget": {"amount": 3}})
    assert policy_of(json.loads(json.dumps(policy.to_dict()))) == policy


def test_limits_that_cannot_be_read_open_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    key = KeyStore(database).create("app")
    database.execute("UPDATE api_keys SET policy = '{\"requests_per_minute\": ' ")
    keys = KeyStore(database)
    found = keys.check(key)
    assert found is not None and found.policy.expired()
    assert not keys.any
    assert "limits cannot be read" in caplog.text
    caplog.clear()


def test_a_key_ends(database: Database) -> None:
    wall = Wall()
    keys = KeyStore(database, wall)
    keys.create("soon", KeyPolicy(expires=wall.now + 4000))
    keys.create("later", KeyPolicy(expires=wall.now + 30 * 86400))
    assert not keys.notices(), "that one was made for an hour is no news"
    wall.now += 3100
    assert [notice.code for notice in keys.notices()] == ["key_expires"]
    wall.now += 900
    assert [(each.code, each.params["name"]) for each in keys.notices()] == [
        ("key_expired", "soon")
    ]
    assert keys.any
    wall.now += 7.5 * 86400
    assert not keys.notices()
    wall.now += 16 * 86400
    assert [each.params["name"] for each in keys.notices()] == ["later"]
    keys.revoke("later")
    assert not keys.any, "a key that has ended opens nothing"


def test_the_last_use_is_remembered(database: Database) -> None:
    wall = Wall()
    keys = KeyStore(database, wall)
    found = keys.check(keys.create("app"))
    assert found is not None and keys.list()[0].last_used is None
    keys.note_use(found)
    assert keys.list()[0].last_used == wall.now
    assert KeyStore(database).list()[0].last_used is None
    keys.flush()
    assert KeyStore(database).list()[0].last_used == wall.now
    wall.now += 5
    keys.note_use(found)
    keys.flush()
    assert KeyStore(database).list()[0].last_used == wall.now


def test_a_revoked_key_is_none(database: Database) -> None:
    keys = KeyStore(database)
    key = keys.create("app", KeyPolicy(concurrent=1))
    keys.revoke("App")
    assert keys.check(key) is None and not keys.any
    with pytest.raises(AppError) as caught:
        keys.revoke("app")
    assert caught.value.code is ErrorCode.KEY_NOT_FOUND
    again = keys.create("app")
    assert again != key and keys.policy("app") == EVERYTHING


def test_keys_of_before_have_no_limits(tmp_path: Path) -> None:
    path = tmp_path / "paddock.db"
    before = {version: sql for version, sql in MIGRATIONS.items() if version < 9}
    old = Database(path, tmp_path / "backups", before)
    old.execute("INSERT INTO api_keys (name, hash, hint, created) VALUES ('app', 'h', 'hint', 1)")
    old.close()
    database = Database(path, tmp_path / "backups")
    (key,) = KeyStore(database).list()
    assert (key.name, key.policy, key.last_used) == ("app", EVERYTHING, None)
    database.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] >= 9
    connection.close()


# --- models and routes


@pytest.mark.parametrize(
    ("patterns", "allowed"),
    [
        ((), True),
        (("qwen3-4b",), True),
        (("QWEN3-4B",), True),
        (("qwen*",), True),
        (("fast",), True),
        (("org/qwen3-gguf",), True),
        (("org/*",), True),
        (("org/Qwen3-GGUF:Q4_K_M",), True),
        (("qwen3-4b.gguf",), True),
        (("qwen3",), False),
        (("llama*", "gemma*"), False),
        (("*",), True),
    ],
)
def test_models_by_name_and_pattern(patterns: tuple[str, ...], allowed: bool) -> None:
    model = replace(
        entry("qwen3-4b", quant_type="Q4_K_M"), aliases=("fast",), repo="org/Qwen3-GGUF"
    )
    assert KeyPolicy(models=patterns).allows_model(model) is allowed


def test_a_variant_is_not_allowed_with_its_model() -> None:
    variant = replace(entry("pirate"), variant="pirate", variant_of="qwen3-4b", repo="org/q")
    assert not KeyPolicy(models=("org/q",)).allows_model(variant)
    assert KeyPolicy(models=("pirate",)).allows_model(variant)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/chat/completions", "chat"),
        ("/v1/messages", "chat"),
        ("/v1/messages/count_tokens", "tokens"),
        ("/v1/completions", "completions"),
        ("/v1/responses/resp_1", "responses"),
        ("/api/embeddings", "embeddings"),
        ("/api/embed", "embeddings"),
        ("/v1/audio/transcriptions", "audio"),
        ("/api/blobs/sha256:0", "manage"),
        ("/v1/models/a/b", "models"),
        ("/v1/modelsx", None),
        ("/other", None),
    ],
)
def test_the_route_of_a_path(path: str, route: str | None) -> None:
    assert route_of(path) == route


def test_routes() -> None:
    chat = KeyPolicy(routes=("chat",))
    assert chat.allows_route("/v1/messages") and chat.allows_route("/api/chat")
    assert not chat.allows_route("/v1/embeddings")
    assert not chat.allows_route("/unknown"), "what is not named is not allowed"
    assert not chat.allows_route("/v1/chat/completionsx")
    for path in ("/api/pull", "/api/delete", "/api/create", "/api/blobs/sha256:0"):
        assert not EVERYTHING.allows_route(path), "changing the library must be named"
        assert not KeyPolicy(routes=("all",)).allows_route(path)
        assert KeyPolicy(routes=("all", "manage")).allows_route(path)
    assert EVERYTHING.allows_route("/unknown")
    for name, paths in ROUTES.items():
        assert all(route_of(path) == name for path in paths)


# --- when it ends


def test_spans_and_days() -> None:
    now = datetime(2026, 11, 27, 12).timestamp()
    assert expiry_of("30d", now) == now + 30 * 86400
    assert expiry_of("12H", now) == now + 12 * 3600
    assert expiry_of("90m", now) == now + 5400
    assert expiry_of("2w", now) == now + 14 * 86400
    assert time.localtime(expiry_of("2027-01-31", now))[:5] == (2027, 2, 1, 0, 0)
    assert expiry_of("2026-11-27", now) > now, "a last day is one on which it is valid"


@pytest.mark.parametrize("text", ["", "0d", "-1d", "30", "soon", "2027-13-01", "2026-11-26", "1y"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|over"):
        expiry_of(text, datetime(2026, 11, 27, 12).timestamp())
