"""Who may call: hosts, origins, keys; and what is told to whom."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from desktop.core.db import Database
from desktop.core.service.access import TRIES, FailedTries
from desktop.core.service.calls import caller_of
from desktop.core.service.faces import PublicPolicy, is_loopback, split_host
from desktop.core.service.key_gate import KeyGate
from desktop.core.service.key_policy import KeyPolicy
from desktop.core.service.keys import KeyStore
from desktop.core.service.public import PublicServer
from desktop.core.service.requests import RequestLog
from desktop.core.settings import ServerSettings

LOCAL = PublicPolicy("127.0.0.1", False, ["paddock.example"], ["https://app.example"])
LAN = PublicPolicy("0.0.0.0", False, [], [])
PAGE = "https://app.example"


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8484", True),
        ("localhost:8484", True),
        ("LOCALHOST", True),
        ("[::1]:8484", True),
        ("paddock.example", True),
        ("evil.example", False),
        ("evil.example:8484", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[", False),
        ("192.168.1.7:8484", False),
    ],
)
def test_hosts_on_loopback(host: str, allowed: bool) -> None:
    assert LOCAL.host_allowed(host) is allowed


def test_hosts_on_the_lan_are_addresses_not_names() -> None:
    assert LAN.host_allowed("192.168.1.7:8484")
    assert not LAN.host_allowed("evil.example:8484")
    assert LAN.key_needed and not LOCAL.key_needed


def test_origins() -> None:
    assert LOCAL.origin_allowed("https://app.example", "127.0.0.1:8484")
    assert LOCAL.origin_allowed("https://APP.example", "127.0.0.1:8484")
    assert LOCAL.origin_allowed("http://127.0.0.1:8484", "127.0.0.1:8484")
    assert not LOCAL.origin_allowed("http://127.0.0.1:3000", "127.0.0.1:8484")
    assert not LOCAL.origin_allowed("null", "127.0.0.1:8484")
    assert not LOCAL.origin_allowed("https://evil.example", "127.0.0.1:8484")
    listed = PublicPolicy("127.0.0.1", False, [], ["https://app.example/", "null"])
    assert listed.origin_allowed("https://app.example", "x")
    assert not listed.origin_allowed("null", "x"), "every sandboxed page is “null”"
    assert not listed.origin_allowed("https://app.example.evil.example", "x")


def test_loopback() -> None:
    assert is_loopback("127.9.9.9") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("10.0.0.1") and not is_loopback("a.b")
    assert split_host("[::1]:80") == "::1"


# --- tries


def test_an_address_that_tries_keys_is_told_to_wait() -> None:
    now = 100.0
    tries = FailedTries(lambda: now)
    assert [tries.add("10.0.0.1") for _ in range(TRIES)] == [0.0] * TRIES
    now += 20
    assert tries.add("10.0.0.1") == 40
    assert tries.add("10.0.0.2") == 0, "nobody else waits"
    now += 41
    assert tries.add("10.0.0.1") == 0


def test_a_network_of_ipv6_is_one_address() -> None:
    tries = FailedTries(lambda: 0.0)
    for number in range(TRIES):
        assert tries.add(f"2001:db8::{number:x}") == 0
    assert tries.add("2001:db8::ffff:1") > 0
    assert tries.add("2001:db8:0:1::1") == 0
    assert tries.add(None) == 0


def test_what_is_remembered_of_tries_is_bounded() -> None:
    tries = FailedTries(lambda: 0.0)
    for number in range(5000):
        tries.add(f"10.0.{number >> 8}.{number & 255}")
    assert len(tries._tries) == 1000


# --- the face as a whole


class Face:
    """The public face with a few routes that say who called."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.keys = KeyStore(database)
        self.requests = RequestLog(lambda kind, data: None)
        settings = ServerSettings(require_key=True, allowed_origins=[PAGE])
        self.public = PublicServer(
            self._routes,
            self.keys,
            KeyGate(self.keys, database),
            lambda: settings,
            lambda kind, data: None,
            requests=self.requests,
            folder=folder,
        )

    def _routes(self) -> list[web.RouteDef]:
        paths = ("/health", "/", "/metrics", "/v1/models", "/unlisted")
        return [
            *(web.get(path, self._tell) for path in paths),
            web.post("/v1/chat/completions", self._tell),
            web.post("/v1/embeddings", self._tell),
            web.post("/v1/messages", self._tell),
            web.post("/v1/audio/transcriptions", self._tell),
            web.post("/v1/fails", self._fail),
            web.delete("/api/delete", self._tell),
            web.get("/stream", self._stream),
        ]

    async def _tell(self, request: web.Request) -> web.Response:
        return web.json_response({"key": caller_of(request).key})

    async def _fail(self, request: web.Request) -> web.Response:
        raise RuntimeError("of a handler, which writes down its own")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Note": "1"})
        await response.prepare(request)
        await response.write(b"x")
        return response

    async def ask(
        self, path: str = "/v1/models", method: str = "GET", **headers: str
    ) -> tuple[int, Any, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body: Any = {} if method == "POST" else None
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.public.url}{path}", headers=sent, json=body) as reply,
        ):
            is_json = reply.content_type == "application/json" and method != "HEAD"
            return reply.status, await reply.json() if is_json else None, reply.headers


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(tmp_path / "paddock.db", tmp_path / "backups")) as database:
        yield database


@pytest.fixture
async def face(database: Database, tmp_path: Path) -> AsyncIterator[Face]:
    face = Face(database, tmp_path / "tls")
    await face.public.on("127.0.0.1", 0)
    yield face
    await face.public.off()


async def test_keys_of_openais_and_of_anthropics_clients(face: Face) -> None:
    key = face.keys.create("app")
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key}"},
        {"x_api_key": key},
        {"x_api_key": key, "Authorization": "Bearer something-else"},
    ):
        status, answer, _ = await face.ask(**headers)
        assert (status, answer) == (200, {"key": "app"}), headers
    assert face.keys.list()[0].last_used == pytest.approx(time.time(), abs=30)
    for headers in (
        {"Authorization": f"Basic {key}"},
        {"Authorization": key},
        {"x_api_key": key + "x"},
        {"x_api_key": ""},
        {"Cookie": f"key={key}"},
    ):
        assert (await face.ask(**headers))[0] == 401, headers
    assert (await face.ask(f"/v1/models?key={key}&api_key={key}"))[0] == 401


async def test_a_refusal_never_says_whether_a_key_is_there(face: Face) -> None:
    revoked = face.keys.create("gone")
    face.keys.revoke("gone")
    near = face.keys.create("app")[:-1]
    answers = []
    for key in (revoked, near, "pk-nothing", "\xff" * 40):
        status, answer, headers = await face.ask(x_api_key=key)
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer"
        answers.append(answer)
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["error"]["code"] == "invalid_api_key"


async def test_tries_are_slowed_and_nobody_is_locked_out(face: Face) -> None:
    key = face.keys.create("app")
    statuses = [(await face.ask(x_api_key=f"pk-{number}"))[0] for number in range(TRIES + 2)]
    assert statuses == [*[401] * TRIES, 429, 429]
    _, answer, headers = await face.ask(x_api_key="pk-x")
    assert answer["error"]["code"] == "too_many_invalid_keys"
    assert int(headers["Retry-After"]) in range(1, 62)
    assert (await face.ask(x_api_key=key))[0] == 200, "the same address, with a valid key"
    assert (await face.ask())[0] == 401, "no key at all is no try"


async def test_a_key_that_has_ended(face: Face) -> None:
    now = time.time()
    old = face.keys.create("old", KeyPolicy(expires=now - 60))
    status, answer, _ = await face.ask(x_api_key=old)
    assert status == 401 and "“old” ended on" in answer["error"]["message"]
    for name, days, warned in (("soon", 1, True), ("late", 30, False)):
        key = face.keys.create(name)
        face.keys._database.execute("UPDATE api_keys SET created = ?", (now - 10 * 86400,))
        face.keys.change(name, {"expires": now + days * 86400})
        status, _, headers = await face.ask(x_api_key=key)
        assert status == 200 and ("x-paddock-key-expires" in headers) is warned


async def test_routes_of_a_key(face: Face) -> None:
    key = face.keys.create("app", KeyPolicy(routes=("chat", "models")))
    allowed = {"x_api_key": key}
    assert (await face.ask("/v1/chat/completions", "POST", **allowed))[0] == 200
    assert (await face.ask("/v1/models", **allowed))[0] == 200
    for path, method in (
        ("/v1/embeddings", "POST"),
        ("/metrics", "GET"),
        ("/unlisted", "GET"),
        ("/api/delete", "DELETE"),
        ("/v1/chat/completions/../../embeddings", "POST"),
    ):
        status, answer, _ = await face.ask(path, method, **allowed)
        assert status == 403, path
        text = answer["error"] if isinstance(answer["error"], str) else answer["error"]["code"]
        assert text == "route_not_allowed" or "is not for /api/delete" in text
    everything = face.keys.create("all")
    assert (await face.ask("/unlisted", x_api_key=everything))[0] == 200
    assert (await face.ask("/api/delete", "DELETE", x_api_key=everything))[0] == 403


async def test_what_is_open_and_what_is_not(face: Face) -> None:
    assert (await face.ask("/health"))[0] == (await face.ask("/"))[0] == 200
    for path in ("/metrics", "/v1/models", "/unlisted", "/stream", "/nothing"):
        assert (await face.ask(path))[0] == 401, path
    for path in ("/", "/health", "/metrics"):
        assert (await face.ask(path, Host="evil.example"))[0] == 403
        assert (await face.ask(path, Origin="https://evil.example"))[0] == 403


async def test_openais_routes_are_there_without_their_version(face: Face) -> None:
    key = {"x_api_key": face.keys.create("app", KeyPolicy(routes=("chat", "models")))}
    for path, method in (("/models", "GET"), ("/chat/completions", "POST")):
        assert (await face.ask(path, method))[0] == 401
        assert (await face.ask(path, method, **key))[:2] == (200, {"key": "app"})
    assert (await face.ask("/embeddings", "POST", **key))[0] == 403
    assert (await face.ask("/embeddings", "GET", x_api_key=face.keys.create("all")))[0] == 405


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/audio/transcriptions", 200), ("/audio/transcriptions", 200), ("/embeddings", 415)],
)
async def test_where_forms_are_taken(face: Face, path: str, status: int) -> None:
    form = aiohttp.FormData({"model": "m"}, default_to_multipart=True)
    headers = {"x-api-key": face.keys.create("app")}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{face.public.url}{path}", data=form, headers=headers) as reply,
    ):
        assert reply.status == status


# --- what is refused at the door is written down


async def test_each_refusal_at_the_door_is_a_row(face: Face) -> None:
    key = face.keys.create("app", KeyPolicy(routes=("chat",)))
    mine, page = {"x_api_key": key}, "https://evil.example"
    for path, method, headers, told in (
        ("/v1/models", "GET", {}, ("GET /v1/models", None, 401, "invalid_api_key")),
        ("/v1/embeddings", "POST", mine, ("/v1/embeddings", "app", 403, "route_not_allowed")),
        ("/embeddings", "POST", mine, ("/embeddings", "app", 403, "route_not_allowed")),
        ("/v1/chat", "POST", {"Origin": page}, ("/v1/chat", None, 403, "origin_not_allowed")),
        ("/v1/models", "GET", {"Host": "e.vil"}, ("GET /v1/models", None, 403, "host_not_allowed")),
        ("/api/delete", "POST", {}, ("/api/delete", None, 401, "invalid_api_key")),
    ):
        _, _, answered = await face.ask(path, method, **headers)
        row = face.requests.latest(1)[0]
        assert (row["route"], row["key"], row["status"]) == told[:3], path
        assert row["error_code"] == told[3] and row["error"]
        assert row["id"] == answered["x-request-id"] and row["model"] is None
        assert row["api"] == ("ollama" if path.startswith("/api/") else "openai")
    assert len(face.requests.latest()) == 6


async def test_routes_that_are_none_and_methods_that_are_not_taken(face: Face) -> None:
    key = {"x_api_key": face.keys.create("app")}
    assert (await face.ask("/v1/nothing", **key))[0] == 404
    assert (await face.ask("/v1/chat/completions", **key))[0] == 405
    plain = await face.ask("/v1/chat/completions", "POST", Content_Type="text/plain", **key)
    assert plain[0] == 415
    found = [(row["route"], row["status"], row["key"]) for row in face.requests.latest()]
    assert found == [
        ("/v1/chat/completions", 415, "app"),
        ("GET /v1/chat/completions", 405, "app"),
        ("GET /v1/nothing", 404, "app"),
    ]


async def test_what_is_let_in_or_is_no_clients_is_not_written_down(face: Face) -> None:
    key = {"x_api_key": face.keys.create("app")}
    assert (await face.ask(**key))[0] == 200
    assert (await face.ask("/favicon.ico", **key))[0] == 404
    assert (await face.ask("/v1/fails", "POST", **key))[0] == 500
    assert face.requests.latest() == []


async def test_nobody_fills_the_ledger_by_knocking(face: Face) -> None:
    for _ in range(TRIES + 5):
        assert (await face.ask())[0] == 401
    assert len(face.requests.latest()) == TRIES


@pytest.mark.parametrize(
    ("path", "method", "there", "change"),
    [
        ("/messages", "POST", "/v1/messages", "has to end in /v1"),
        ("/v1/v1/models", "GET", "/v1/models", "must not end in /v1"),
        ("/v1/api/delete", "DELETE", "/api/delete", "must not end in /v1"),
        ("/v1/nothing", "GET", "", ""),
        ("/v1", "GET", "", ""),
    ],
)
async def test_a_wrong_base_url_is_said(
    face: Face, path: str, method: str, there: str, change: str
) -> None:
    key = face.keys.create("app", KeyPolicy(routes=("all", "manage")))
    status, answer, _ = await face.ask(path, method, x_api_key=key)
    told = answer["error"]["message"]
    assert status == 404 and f"There is no route {method} {path}." in told
    assert (f"There is {there}: " in told and change in told) if there else "base URL" not in told


# --- pages


async def test_a_browser_that_asks_first(face: Face) -> None:
    status, _, headers = await face.ask(
        "/v1/chat/completions",
        "OPTIONS",
        Origin=PAGE,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization, X-Stainless-Os, x-stainless-evil, "
        "anthropic-beta, x-other, openai-organization",
        Access_Control_Request_Private_Network="true",
    )
    assert status == 204, "without a key: browsers send none with this question"
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert {"GET", "POST", "DELETE"} <= set(headers["Access-Control-Allow-Methods"].split(", "))
    names = headers["Access-Control-Allow-Headers"].split(", ")
    assert {"authorization", "content-type", "x-api-key", "anthropic-version"} <= set(names)
    assert {"x-stainless-os", "openai-organization", "anthropic-beta"} <= set(names)
    assert "x-other" not in names
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert headers["Access-Control-Allow-Private-Network"] == "true"
    assert headers["Vary"] == "Origin, Access-Control-Request-Headers"
    assert "Access-Control-Allow-Credentials" not in headers


async def test_a_foreign_page_is_told_nothing(face: Face) -> None:
    for method in ("OPTIONS", "GET"):
        status, _, headers = await face.ask("/health", method, Origin="https://evil.example")
        assert status == 403
        assert not [name for name in headers if name.startswith("Access-Control")]


async def test_what_a_page_may_read(face: Face) -> None:
    key = face.keys.create("app", KeyPolicy(requests_per_minute=5))
    for path, expected in (("/v1/models", 200), ("/stream", 200), ("/nothing", 404)):
        status, _, headers = await face.ask(path, x_api_key=key, Origin=PAGE)
        assert status == expected
        assert headers["Access-Control-Allow-Origin"] == PAGE
        shown = set(headers["Access-Control-Expose-Headers"].split(", "))
        assert {"retry-after", "x-request-id", "x-ratelimit-remaining-requests"} <= shown
        assert "Access-Control-Allow-Methods" not in headers
    assert (await face.ask("/v1/models", x_api_key=key))[2]["Vary"] == "Origin"
    status, _, headers = await face.ask("/v1/models", Origin=PAGE)
    assert status == 401 and headers["Access-Control-Allow-Origin"] == PAGE
