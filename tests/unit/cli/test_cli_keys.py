"""`paddock keys` and what `paddock serve` says of who can reach the server."""

from __future__ import annotations

import time
from typing import Any

import pytest

from desktop.cli.commands.serve import _tell_reach, _tls
from desktop.cli.output import Output
from desktop.cli.parser import UsageError, build
from desktop.core.service.key_policy import EVERYTHING, policy_of
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import FakeFace

Json = dict[str, Any]
UNUSED = {"requests_last_minute": 0, "tokens_last_minute": 0, "tokens_today": 0, "concurrent": 0}


def key(name: str = "bob", policy: Json | None = None, **more: Any) -> Json:
    """A key as the service tells of it."""
    return {
        "name": name,
        "hint": "cret",
        "created": 1_800_000_000.0,
        "last_used": None,
        "expired": False,
        "policy": policy_of(policy or {}).to_dict(),
        "now": UNUSED,
        **more,
    }


def test_a_key_is_the_only_thing_on_stdout(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/keys"] = lambda body: {**key(policy=body["policy"]), "key": "pk-secret"}
    ran = paddock("keys", "create", "bob", "--rpm", "60")
    assert ran.out == "pk-secret\n"
    assert "not shown again" in ran.err and "60 requests a minute" in ran.err
    assert face.called("/keys") == [{"name": "bob", "policy": {"requests_per_minute": 60}}]


def test_every_limit_reaches_the_service(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/keys"] = lambda body: {**key(policy=body["policy"]), "key": "pk-secret"}
    words = (
        "--models qwen*,demo --routes chat,manage --rpm 1 --tokens-per-minute 2 "
        "--tokens-per-day 3 --concurrent 4 --expires 30d --private-cache "
        "--overflow drop_oldest --exact-cache --budget 5.5/day --budget-warn 50"
    )
    before = time.time()
    assert paddock("keys", "create", "bob", *words.split(), "--json").document["key"]
    (sent,) = face.called("/keys")
    policy = sent["policy"]
    assert policy.pop("expires") == pytest.approx(before + 30 * 86400, abs=60)
    assert policy == {
        "models": ["qwen*", "demo"],
        "routes": ["chat", "manage"],
        "requests_per_minute": 1,
        "tokens_per_minute": 2,
        "tokens_per_day": 3,
        "concurrent": 4,
        "private_cache": True,
        "overflow": "drop_oldest",
        "exact_cache": True,
        "budget": {
            "amount": 5.5,
            "unit": "cost",
            "period": "day",
            "warn_percent": 50,
            "stop": True,
        },
    }
    left_out = set(EVERYTHING.to_dict()) - set(policy) - {"expires"}
    assert not left_out, "a limit that cannot be given in the terminal"


def test_a_change_takes_limits_away(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/keys/change"] = lambda body: key(policy=body["policy"])
    words = "--rpm none --models none --no-private-cache --expires none"
    assert "none" in paddock("keys", "change", "bob", *words.split()).out
    gone = dict.fromkeys(("requests_per_minute", "models", "expires"))
    assert face.called("/keys/change") == [
        {"name": "bob", "policy": {**gone, "private_cache": False}}
    ]


@pytest.mark.parametrize(
    "words",
    [
        "create bob --rpm 0",
        "create bob --rpm none",
        "create bob --rpm 1.5",
        "create bob --expires soon",
        "create bob --expires 2001-01-01",
        "create bob --overflow truncate",
        "create bob --budget 5/week",
        "create bob --budget 0",
        "create bob --budget-warn 50",
        "change bob",
        "change bob --concurrent -1",
    ],
)
def test_words_that_make_no_sense(face: FakeFace, paddock: Paddock, words: str) -> None:
    assert paddock("keys", *words.split()).code == 2
    assert not face.called("/keys") and not face.called("/keys/change")


def test_the_list_tells_limits_and_what_was_used(face: FakeFace, paddock: Paddock) -> None:
    used = {**UNUSED, "tokens_today": 1234}
    found = [
        key(policy={"tokens_per_day": 5000, "routes": ["chat"]}, now=used),
        key("old", {"expires": 1.0}, expired=True),
        key("free"),
    ]
    face.routes["/keys"] = lambda body: {"keys": found}
    shown = paddock("keys", "list").out
    assert "5,000 tokens a day (1,234 used)" in shown and "routes: chat" in shown
    assert "ended 1970-01-01" in shown and "no limits" in shown and "never" in shown
    assert paddock("keys", "list", "--json").document == {"keys": found}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("5", "budget: 5 in cost a month"),
        ("200000tokens/day", "budget: 200,000 tokens a day"),
        ("1.25 / total", "budget: 1.25 in cost in all"),
    ],
)
def test_budgets(face: FakeFace, paddock: Paddock, text: str, shown: str) -> None:
    face.routes["/keys/change"] = lambda body: key(policy=body["policy"])
    assert shown in paddock("keys", "change", "bob", "--budget", text).out
    warned = paddock("keys", "change", "bob", "--budget", text, "--budget-warn-only")
    assert f"{shown}, warning only" in warned.out
    paddock("keys", "change", "bob", "--budget", "none")
    assert face.called("/keys/change")[-1]["policy"] == {"budget": None}


# --- serve


def parsed(*words: str) -> Json | None:
    return _tls(build().parse_args(["serve", *words]))


def test_what_the_server_encrypts_with() -> None:
    assert parsed() is None
    assert parsed("--tls", "self") == {"mode": "self"}
    assert parsed("--tls", "off") == {"mode": "off"}
    own = parsed("--tls-certificate", "/c.pem", "--tls-key", "/k.pem")
    assert own == {"mode": "own", "certificate": "/c.pem", "key": "/k.pem"}
    assert parsed("--tls", "own", "--tls-certificate", "/c") == {
        "mode": "own",
        "certificate": "/c",
    }
    for words in (("--tls", "self", "--tls-certificate", "/c"), ("--tls-key", "/k")):
        with pytest.raises(UsageError):
            parsed(*words)


def test_it_is_said_who_can_reach_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    _tell_reach({"lan_urls": [], "tls": None}, out)
    assert capsys.readouterr().err == ""
    _tell_reach({"lan_urls": ["http://10.0.0.2:1", "http://10.0.0.3:1"], "tls": None}, out)
    told = capsys.readouterr().err
    assert "http://10.0.0.2:1 or http://10.0.0.3:1" in told
    assert "anyone with a key on your network" in told and "not encrypted" in told
    tls = {"mode": "self", "fingerprint": "AB:CD", "certificate": "/data/tls/certificate.pem"}
    _tell_reach({"lan_urls": ["https://10.0.0.2:1"], "tls": tls}, out)
    told = capsys.readouterr().err
    assert "AB:CD" in told and "/data/tls/certificate.pem" in told and "not encr" not in told
