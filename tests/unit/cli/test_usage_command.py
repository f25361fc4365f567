"""`paddock usage`: what it asks for and how it shows it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from desktop.core.client.client import Client
from desktop.core.client.transport import Endpoint
from desktop.core.errors import AppError
from desktop.core.settings import SettingsFile
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import AppErrorReply, FakeFace

NOTHING: dict[str, Any] = {
    "requests": 0,
    "errors": 0,
    "prompt_tokens": 0,
    "cached_tokens": 0,
    "completion_tokens": 0,
    "busy_seconds": 0.0,
    "cost": None,
    "at_cost": None,
    "unpriced": 0,
    "idle_cost": None,
}


def sums(name: str, **figures: Any) -> dict[str, Any]:
    return {**NOTHING, "name": name, **figures}


def document(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    figures = [name for name, value in NOTHING.items() if isinstance(value, int | float)]
    total = {**NOTHING, **{name: sum(row[name] for row in rows) for name in figures}}
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    total["cost"] = sum(costs) if costs else None
    return {
        "by": "key",
        "currency": "EUR",
        "rows": list(rows),
        "total": total,
        "at": None,
        "cache": {"hits": 0, "misses": 0, "hit_rate": None},
        "held": 0,
        "dropped": 0,
        "problem": None,
        **more,
    }


def test_sums_of_keys(face: FakeFace, paddock: Paddock) -> None:
    rows = (
        sums("a", requests=1200, prompt_tokens=5_000_000, completion_tokens=9, busy_seconds=7200),
        sums("", requests=3, errors=2, cached_tokens=7, busy_seconds=0.2),
    )
    face.routes["/usage"] = lambda body: document(*rows)
    ran = paddock("usage", "--by", "key")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ran.code == 0 and lines[0][:3] == ["KEY", "REQUESTS", "ERRORS"]
    assert lines[1] == ["a", "1,200", "0", "5,000,000", "0", "9", "2", "h", "0", "min"]
    assert lines[2] == ["(no", "key)", "3", "2", "0", "7", "0", "0", "s"]
    assert lines[3][:2] == ["total", "1,203"]
    assert "COST" not in ran.out and "Without prices there is no cost" in ran.err


def test_costs_and_what_it_would_have_cost(face: FakeFace, paddock: Paddock) -> None:
    row = sums("m", requests=5, cost=12.5, at_cost=0.0678, unpriced=2)
    at = {"name": "gpt-4o", "into": 2.5, "out": 10.0, "cached": 1.25, "currency": "USD"}
    face.routes["/usage"] = lambda body: document(
        row,
        by="model",
        at={**at, "as_of": "2026-06-01"},
        cache={"hits": 3, "misses": 1, "hit_rate": 0.75},
        held=7,
        dropped=1,
        problem="database or disk is full",
    )
    ran = paddock("usage", "--at", "gpt-4o")
    head, line = (line.split() for line in ran.out.splitlines())
    assert head[-4:] == ["COST", "EUR", "AT", "GPT-4O"]
    assert line[-2:] == ["12.50", "0.0678"]
    for text in (
        "gpt-4o: 2.5 in, 10 out, 1.25 cached for a million tokens in USD, as of 2026-06-01",
        "2 requests have no cost in EUR",
        "3 of 4 requests that could repeat were repeats since the service started (75 %)",
        "7 requests wait in memory",
        "database or disk is full",
        "1 requests could not be stored",
    ):
        assert text in ran.err


def test_nothing_was_asked(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/usage"] = lambda body: document()
    assert paddock("usage").out == "Nothing was asked in this time.\n"
    face.routes["/ledger"] = lambda body: {"requests": []}
    assert paddock("usage", "--by", "request").out == "Nothing was asked in this time.\n"


def test_the_json_is_the_services(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/usage"] = lambda body: document(sums("a"))
    assert paddock("usage", "--json").document == document(sums("a"))


def test_each_request(face: FakeFace, paddock: Paddock) -> None:
    row = {
        "id": "req_1",
        "arrived": 0.0,
        "key": None,
        "prompt_tokens": 1234,
        "completion_tokens": None,
        "ttft_seconds": 0.256,
        "total_seconds": 2.0,
        "error_code": "client_left",
        "finish_reason": "stop",
        "status": 499,
        "model": "m",
    }
    face.routes["/ledger"] = lambda body: {"requests": [row], "next": None}
    ran = paddock("usage", "--by", "request")
    assert "req_1" in ran.out and "1,234" in ran.out and "0.26" in ran.out
    assert ran.out.split()[-2:] == ["client_left", "m"]


def test_a_wrong_time_is_the_services_error(face: FakeFace, paddock: Paddock) -> None:
    error = {"code": "bad_request", "params": {"reason": "“x” is no time."}, "title": "t"}

    def refuse(body: dict[str, Any]) -> dict[str, Any]:
        raise AppErrorReply(error)

    face.routes["/usage"] = refuse
    ran = paddock("usage", "--since", "x")
    assert ran.code == 1 and "is no time" in ran.err
    assert paddock("usage", "--by", "colour").code == 2


def test_prices_are_set(face: FakeFace, paddock: Paddock) -> None:
    hosted = {"*": [1.0, 2.0], "old": [3.0, 4.0]}
    prices = {"currency": "EUR", "busy_watts": 400.0, "hosted": hosted}
    face.routes["/settings"] = lambda body: {"prices": prices}
    words = ("currency=EUR", "busy_watts=", "hosted:m=1,2,0.5", "hosted:old=")
    ran = paddock("usage", *(part for word in words for part in ("--price", word)))
    assert face.called("/settings")[-1] == {
        "prices.currency": "EUR",
        "prices.busy_watts": None,
        "prices.hosted": {"*": [1.0, 2.0], "m": ["1", "2", "0.5"]},
    }
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "currency: EUR",
        "busy_watts: 400",
        "hosted:*: 1, 2",
        "hosted:old: 3, 4",
    ]
    wrong = paddock("usage", "--price", "currency")
    assert wrong.code == 1 and "NAME=VALUE" in wrong.err


def test_prices_that_are_typed_are_prices(tmp_path: Path) -> None:
    """As the service takes what the command sends."""
    file = SettingsFile(tmp_path / "settings.toml", {})
    typed = {"prices.busy_watts": "400", "prices.hosted": {"a b:c": ["1", "2.5"]}}
    assert file.change(typed).prices.hosted == {"a b:c": [1.0, 2.5]}
    again = SettingsFile(tmp_path / "settings.toml", {}).settings.prices
    assert again.busy_watts == 400 and again.hosted == {"a b:c": [1.0, 2.5]}
    for bad in ({"x": ["1"]}, {"x": ["1", "-2"]}, {"x": ["1", "y"]}):
        with pytest.raises(AppError):
            file.change({"prices.hosted": bad})


class Csv:
    """A private face that has a CSV file; `asked` are its queries."""

    def __init__(self, status: int = 200, raw: bytes = b"name\r\nm\r\n") -> None:
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        csv = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                where = urlsplit(self.path)
                csv.asked.append((where.path, parse_qs(where.query, keep_blank_values=True)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                return None

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.client = Client(Endpoint("127.0.0.1", self.server.server_address[1], "t", 1))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def write_csv(
    csv: Csv, paddock: Paddock, monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str]:
    monkeypatch.setattr("desktop.cli.session.started", lambda out: csv.client)
    try:
        ran = paddock("usage", *words)
        return ran.code, ran.out + ran.err
    finally:
        csv.close()


def test_a_file(paddock: Paddock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    csv, target = Csv(), tmp_path / "usage.csv"
    words = ("--by", "day", "--csv", str(target), "--since", "7d", "--key", "", "--at", "1,2")
    code, said = write_csv(csv, paddock, monkeypatch, *words)
    assert code == 0 and str(target) in said
    assert target.read_bytes() == b"name\r\nm\r\n"
    wanted = {"by": ["day"], "since": ["7d"], "key": [""], "at": ["1,2"]}
    assert csv.asked == [("/admin/v1/usage.csv", wanted)]
    assert list(tmp_path.glob(".*")) == []


def test_a_file_that_failed_leaves_the_old_one(
    paddock: Paddock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "usage.csv"
    target.write_text("old")
    error = {"error": {"code": "bad_request", "params": {"reason": "No."}, "title": "t"}}
    csv = Csv(409, json.dumps(error).encode())
    code, said = write_csv(csv, paddock, monkeypatch, "--csv", str(target))
    assert code == 1 and "No." in said
    assert target.read_text() == "old" and list(tmp_path.glob(".*")) == []
    nowhere = tmp_path / "missing" / "usage.csv"
    code, said = write_csv(Csv(), paddock, monkeypatch, "--csv", str(nowhere))
    assert code == 1 and "usage.csv" in said
