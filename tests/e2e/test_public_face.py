"""Who may call the public face, and bodies that would kill the engine."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from desktop.core.engine.serverstate import free_port
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.service import RunningService


def call(
    url: str,
    path: str,
    body: bytes | None = None,
    method: str | None = None,
    **headers: str,
) -> tuple[int, dict[str, Any], dict[str, str]]:
    place = urlsplit(url)
    assert place.hostname and place.port
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
        reply = connection.getresponse()
        raw = reply.read()
        return reply.status, json.loads(raw) if raw else {}, dict(reply.getheaders())
    finally:
        connection.close()


def chat(url: str, body: bytes) -> tuple[int, dict[str, Any]]:
    status, answer, _ = call(url, "/v1/chat/completions", body, Content_Type="application/json")
    return status, answer


def test_health_and_ready(public_url: str) -> None:
    assert call(public_url, "/health")[:2] == (200, {"status": "ok"})
    assert call(public_url, "/ready")[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8484", "127.0.0.1.evil.example"])
def test_foreign_hosts_are_refused(public_url: str, host: str) -> None:
    for path in ("/v1/models", "/metrics", "/", "/openapi.json"):
        status, answer, _ = call(public_url, path, Host=host)
        assert (status, answer["error"]["code"]) == (403, "host_not_allowed"), path


def test_foreign_pages_are_refused(public_url: str) -> None:
    status, answer, headers = call(public_url, "/v1/models", Origin="https://evil.example")
    assert (status, answer["error"]["code"]) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in headers


def test_pages_on_the_list_are_answered(service: RunningService, public_url: str) -> None:
    origin = "http://localhost:3000"
    service.client.change_settings({"server.allowed_origins": [origin]})
    url = service.client.public_on(port=free_port())["url"]
    try:
        status, _, headers = call(url, "/v1/models", Origin=origin)
        assert (status, headers["Access-Control-Allow-Origin"]) == (200, origin)
        status, _, headers = call(url, "/v1/chat/completions", method="OPTIONS", Origin=origin)
        assert status == 204 and "POST" in headers["Access-Control-Allow-Methods"]
    finally:
        service.client.change_settings({"server.allowed_origins": None})
        service.client.public_on(port=urlsplit(public_url).port)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(public_url: str, kind: str) -> None:
    status, answer, _ = call(public_url, "/v1/chat/completions", b"{}", Content_Type=kind)
    assert (status, answer["error"]["code"]) == (415, "unsupported_media_type")


def test_unknown_routes_and_methods(public_url: str) -> None:
    status, answer, _ = call(public_url, "/slots")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    for path in ("/props", "/admin/v1/state", "/lora-adapters", "/slots/0", "/v1/stream/x"):
        assert call(public_url, path)[0] == 404, path
    status, _, headers = call(public_url, "/v1/chat/completions")
    assert (status, headers["Allow"]) == (405, "POST")


def killers(model: str) -> list[tuple[bytes, int]]:
    messages = b'"messages":[{"role":"user","content":"x"}]'
    head = b'{"model":"' + model.encode() + b'",' + messages + b","
    deep = b'{"type":"object","properties":{"a":' * 20 + b"{}" + b"}}" * 20
    return [
        (b"[" * 1_000_000, 400),
        (head + b'"x":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", 400),
        (head + b'"json_schema":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", 400),
        (head + b'"json_schema":' + deep + b"}", 400),
        (head + b'"grammar":"root ::= ' + b"(" * 100_000 + b'"}', 400),
        (head + b'"n":100000}', 400),
        (head + b'"n_probs":1000000000}', 400),
        (head + b'"stop":[' + b'"a",' * 100_000 + b'"a"]}', 400),
        (b'{"model":"\xff"}', 400),
        (b"x" * (33 << 20), 413),
    ]


def test_killer_bodies_are_answered_and_the_engine_lives(
    service: RunningService, tiny: str, public_url: str
) -> None:
    pid = service.client.load(tiny)["pid"]
    for body, expected in killers(tiny):
        status, answer = chat(public_url, body)
        assert status == expected, body[:80]
        assert answer["error"]["message"]
    good = {"model": tiny, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    assert chat(public_url, json.dumps(good).encode())[0] == 200
    assert [engine.pid for engine in service.engines()] == [pid]


def test_invalid_bytes_on_the_line(public_url: str) -> None:
    place = urlsplit(public_url)
    with socket.create_connection((place.hostname, place.port or 0), timeout=10) as line:
        line.sendall(b"\x16\x03\x01 not http at all\r\n\r\n")
        assert line.recv(200).startswith(b"HTTP/1.")
    assert call(public_url, "/health")[0] == 200


def test_another_address_needs_a_key(service: RunningService, public_url: str) -> None:
    with pytest.raises(AppError) as caught:
        service.client.public_on("0.0.0.0", free_port())
    assert caught.value.code is ErrorCode.KEY_REQUIRED
    assert call(public_url, "/health")[0] == 200, "the old face stays on"

    key = service.client.create_key("lan")["key"]
    try:
        url = service.client.public_on("0.0.0.0", free_port())["url"]
        status, answer, headers = call(url, "/v1/models")
        assert (status, answer["error"]["code"]) == (401, "invalid_api_key")
        assert headers["WWW-Authenticate"] == "Bearer"
        assert call(url, "/v1/models", Authorization="Bearer wrong")[0] == 401
        assert call(url, "/v1/models", Authorization=f"Bearer {key}")[0] == 200
        service.client.revoke_key("lan")
        assert not service.client.state()["public"]["on"], "no key is left: it is closed"
    finally:
        service.client.public_on(port=urlsplit(public_url).port)


def test_it_moves_to_the_network_and_back_on_one_port(
    service: RunningService, public_url: str
) -> None:
    port = urlsplit(public_url).port
    key = service.client.create_key("move")["key"]
    try:
        moved = service.client.public_on("0.0.0.0", port)
        assert (moved["host"], moved["port"]) == ("0.0.0.0", port)
        assert call(public_url, "/v1/models")[0] == 401
        assert call(public_url, "/v1/models", Authorization=f"Bearer {key}")[0] == 200
        with pytest.raises(AppError) as caught:  # an address that is not this machine's
            service.client.public_on("203.0.113.1", port)
        assert caught.value.code is ErrorCode.BAD_ADDRESS
        assert call(public_url, "/v1/models", Authorization=f"Bearer {key}")[0] == 200
        assert service.client.public_on("127.0.0.1", port)["host"] == "127.0.0.1"
        assert call(public_url, "/v1/models")[0] == 200
    finally:
        service.client.public_on(port=port)
        service.client.revoke_key("move")


def test_a_limited_key_of_the_real_thing(
    service: RunningService, tiny: str, public_url: str
) -> None:
    """Limits, headers and the private cache with the real engine; what was used is remembered."""
    policy = {"requests_per_minute": 2, "private_cache": True, "models": [tiny]}
    key = service.client.create_key("limited", policy)["key"]
    try:
        body = json.dumps(
            {"model": tiny, "messages": [{"role": "user", "content": "x " * 40}], "max_tokens": 2}
        ).encode()
        sent = {"Content_Type": "application/json", "x_api_key": key}
        for left in ("1", "0"):
            status, answer, headers = call(public_url, "/v1/chat/completions", body, **sent)
            assert status == 200
            assert headers["x-ratelimit-remaining-requests"] == left
            assert answer["usage"].get("prompt_tokens_details", {}).get("cached_tokens", 0) == 0
        status, answer, headers = call(public_url, "/v1/chat/completions", body, **sent)
        assert (status, answer["error"]["code"]) == (429, "rate_limit_exceeded")
        assert int(headers["Retry-After"]) >= 1
        _, listed, _ = call(public_url, "/v1/models", x_api_key=key)
        assert {each.get("root", each["id"]) for each in listed["data"]} == {tiny}
        (described,) = [each for each in service.client.list_keys() if each["name"] == "limited"]
        assert described["now"]["tokens_today"] > 80 and described["last_used"]
        changed = service.client.change_key("limited", {"requests_per_minute": None})
        assert changed["policy"]["requests_per_minute"] is None
        assert call(public_url, "/v1/chat/completions", body, **sent)[0] == 200
    finally:
        service.client.revoke_key("limited")


def test_what_a_private_key_sends_is_found_by_nobody(
    service: RunningService, tiny: str, public_url: str
) -> None:
    """With the real engine, which keeps each slot's last prompt whatever the request says."""
    open_key = service.client.create_key("open")["key"]
    private_key = service.client.create_key("private", {"private_cache": True})["key"]

    def cached(key: str, begin: str, **more: Any) -> int:
        words = " ".join(f"{begin}{number}" for number in range(12))
        asked = {"model": tiny, "prompt": words, "max_tokens": 1, **more}
        status, answer, _ = call(
            public_url,
            "/v1/completions",
            json.dumps(asked).encode(),
            Content_Type="application/json",
            x_api_key=key,
        )
        assert status == 200, answer
        details = answer["usage"].get("prompt_tokens_details") or {}
        return int(details.get("cached_tokens") or 0)

    few = 3  # the beginning of every text, and the space before it
    try:
        assert cached(open_key, "a") <= few
        assert cached(open_key, "a") > 10, "the cache works, or this test shows nothing"
        assert cached(private_key, "a") <= few, "it does not find what others sent"
        for begin, more in (("b", {}), ("d", {"n": 2})):
            assert cached(private_key, begin, **more) <= few
            assert cached(private_key, begin, **more) <= few
            # It goes where the engine finds the most of it, whichever slot that is.
            assert cached(open_key, begin) <= few, "nobody finds what it sent"
    finally:
        service.client.revoke_key("open")
        service.client.revoke_key("private")


def test_it_is_encrypted_where_that_is_chosen(service: RunningService, public_url: str) -> None:
    port = urlsplit(public_url).port or 0
    public = service.client.public_on(port=port, tls={"mode": "self"})
    try:
        assert public["url"].startswith("https://")
        context = ssl.create_default_context(cafile=public["tls"]["certificate"])
        reply = urlopen(f"{public['url']}/health", context=context, timeout=20)
        with reply:
            assert json.loads(reply.read()) == {"status": "ok"}
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert b"200 OK" not in line.recv(1000)
        assert urlopen(f"{public['url']}/ready", context=context, timeout=20).status == 200
        with pytest.raises(AppError) as caught:
            service.client.public_on(port=port, tls={"mode": "own", "certificate": "/nowhere"})
        assert caught.value.code is ErrorCode.TLS_UNREADABLE
        told = "".join(path.read_text() for path in service.paths.logs.glob("service*"))
        assert "Traceback" not in told and "SSL" not in told
    finally:
        assert service.client.public_on(port=port)["url"] == public_url


def test_keys_are_shown_once(service: RunningService) -> None:
    state = service.client.state()
    key = service.client.create_key("once")["key"]
    told = service.client.events(state["epoch"], state["seq"])
    assert next(each["data"] for each in told if each["type"] == "keys.changed") == {"name": "once"}
    told.close()  # type: ignore[attr-defined]
    try:
        assert key not in json.dumps(service.client.list_keys())
        with pytest.raises(AppError) as caught:
            service.client.create_key("ONCE")
        assert caught.value.code is ErrorCode.KEY_EXISTS
        for path in service.paths.data.rglob("*"):
            if path.is_file():
                assert key.encode() not in path.read_bytes(), path
    finally:
        service.client.revoke_key("once")


def test_a_port_in_use_names_its_holder(service: RunningService) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AppError) as caught:
            service.client.public_on(port=taken.getsockname()[1])
    assert caught.value.code is ErrorCode.PORT_TAKEN
    assert "python" in caught.value.params["holder"] or "pytest" in caught.value.params["holder"]


def test_the_private_face_wants_its_token(service: RunningService) -> None:
    admin = service.client.endpoint.url
    assert call(admin, "/admin/v1/state")[0] == 401
    assert call(admin, "/v1/models", Authorization="Bearer wrong")[0] == 401
    token = f"Bearer {service.client.endpoint.token}"
    assert call(admin, "/admin/v1/state", Authorization=token)[0] == 200
    assert call(admin, "/admin/v1/state", Authorization=token, Host="evil.example")[0] == 403
    page = "http://localhost:3000"
    assert call(admin, "/admin/v1/state", Authorization=token, Origin=page)[0] == 403
    assert service.paths.endpoint_file.stat().st_mode & 0o777 == 0o600
