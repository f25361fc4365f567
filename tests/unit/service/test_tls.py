"""The certificate of the public face: the person's own, one made here, and a face that uses it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import socket
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.key_gate import KeyGate
from desktop.core.service.keys import KeyStore
from desktop.core.service.public import PublicServer
from desktop.core.service.requests import RequestLog
from desktop.core.service.tls import (
    LOOK_SECONDS,
    RENEW_DAYS,
    VALID_DAYS,
    Certificate,
    TlsChoice,
    TlsContext,
    read_certificate,
    self_made,
    server_names,
    tls_choice,
    tls_context,
)
from desktop.core.settings import ServerSettings

DAY = 86400.0
NAMES = ["localhost", "127.0.0.1"]


def own(
    folder: Path,
    name: str = "own",
    *,
    days: tuple[int, int] = (-1, 90),
    key: Any = None,
    password: bytes | None = None,
) -> tuple[Path, Path]:
    """A certificate as a person has one, and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    locked: Any = serialization.BestAvailableEncryption(password) if password else None
    certificate, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(pem))
    key_path.write_bytes(
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, locked or serialization.NoEncryption()
        )
    )
    return certificate, key_path


def refused(path: Path, key_path: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        read_certificate(path, key_path)
    assert caught.value.title and caught.value.cause and caught.value.remedy
    return caught.value


# --- the person's own


def test_a_good_pair(tmp_path: Path) -> None:
    path, key_path = own(tmp_path)
    found = read_certificate(path, key_path)
    assert found.names == ("localhost",)
    der = ssl.PEM_cert_to_DER_cert(path.read_text())
    assert found.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert found.expires == pytest.approx(time.time() + 90 * DAY, abs=60)
    both = tmp_path / "both.pem"
    both.write_bytes(path.read_bytes() + key_path.read_bytes())
    assert read_certificate(both, both).fingerprint == found.fingerprint


def test_what_is_wrong_has_a_word_of_its_own(tmp_path: Path) -> None:
    path, key_path = own(tmp_path)
    missing, text = tmp_path / "missing", tmp_path / "text"
    text.write_text("no PEM at all")
    der = tmp_path / "der"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(path.read_text()))
    locked = own(tmp_path, "locked", password=b"secret")
    old = own(tmp_path, "old", days=(-90, -1))
    early = own(tmp_path, "early", days=(2, 90))
    code = ErrorCode
    assert refused(missing, key_path).code is code.TLS_UNREADABLE
    assert refused(path, missing).params["path"] == str(missing)
    assert refused(tmp_path, key_path).code is code.TLS_UNREADABLE
    assert refused(text, key_path).code is code.TLS_CERTIFICATE_INVALID
    assert refused(der, key_path).code is code.TLS_CERTIFICATE_INVALID
    assert refused(key_path, key_path).code is code.TLS_CERTIFICATE_INVALID
    assert refused(path, text).code is code.TLS_KEY_INVALID
    assert refused(path, path).code is code.TLS_KEY_INVALID
    assert refused(*locked).code is code.TLS_KEY_LOCKED
    assert refused(path, own(tmp_path, "other")[1]).code is code.TLS_KEY_MISMATCH
    assert refused(*old).code is code.TLS_EXPIRED
    assert refused(*early).code is code.TLS_NOT_YET_VALID


def test_a_key_of_yesterdays_strength_is_refused(tmp_path: Path) -> None:
    pair = own(tmp_path, key=rsa.generate_private_key(65537, 1024))
    with pytest.raises(AppError) as caught:
        tls_context(TlsChoice("own", *map(str, pair)), tmp_path / "tls", lambda: NAMES)
    assert caught.value.code is ErrorCode.TLS_CERTIFICATE_INVALID


def test_own_needs_its_files_named(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        tls_context(TlsChoice("own"), tmp_path, lambda: NAMES)
    assert caught.value.code is ErrorCode.TLS_NOT_SET
    assert tls_context(TlsChoice(), tmp_path, lambda: NAMES) is None


def test_a_choice_out_of_json() -> None:
    assert tls_choice({}) is tls_choice({"tls": None}) is None
    assert tls_choice({"tls": {"mode": "own", "certificate": "a"}}) == TlsChoice("own", "a")
    given: tuple[Any, ...] = ("self", {"mode": "on"}, {"mode": 1}, [])
    for wrong in given:
        with pytest.raises(AppError) as caught:
            tls_choice({"tls": wrong})
        assert caught.value.code is ErrorCode.BAD_REQUEST


# --- made here


def test_one_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "tls"
    made = self_made(folder, NAMES)
    assert set(made.names) == set(NAMES)
    assert made.expires - made.begins < 825 * DAY, "Apple's systems trust none for longer"
    assert self_made(folder, NAMES) == made
    assert self_made(folder, NAMES[:1]) == made, "a name less is no reason"
    if os.name == "posix":
        assert made.key_path.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700


def test_it_is_made_anew_before_its_end_and_for_new_names(tmp_path: Path) -> None:
    first = self_made(tmp_path, NAMES)
    more = self_made(tmp_path, [*NAMES, "192.168.1.5"])
    assert more.fingerprint != first.fingerprint and "192.168.1.5" in more.names
    elsewhere = self_made(tmp_path, [*NAMES, "10.0.0.5"])
    assert {"192.168.1.5", "10.0.0.5"} <= set(elsewhere.names)
    more = self_made(tmp_path, [*NAMES, "192.168.1.5"])
    assert more == elsewhere, "it knows where it was"
    almost = time.time() + (VALID_DAYS - RENEW_DAYS - 1) * DAY
    assert self_made(tmp_path, NAMES, almost) == more
    later = self_made(tmp_path, NAMES, almost + 2 * DAY)
    assert later.fingerprint != more.fingerprint
    assert later.expires == pytest.approx(almost + (2 + VALID_DAYS) * DAY, abs=60)


def test_one_that_was_damaged_is_made_anew(tmp_path: Path, caplog: Any) -> None:
    first = self_made(tmp_path, NAMES)
    first.key_path.write_text("half of a")
    assert self_made(tmp_path, NAMES).fingerprint != first.fingerprint
    assert "made anew" in caplog.text
    caplog.clear()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AppError) as caught:
        self_made(tmp_path / "file" / "tls", NAMES)
    assert caught.value.code is ErrorCode.TLS_UNREADABLE


def test_the_names_of_a_machine() -> None:
    assert server_names("Desk", ["192.168.1.5", "fe80::1%eth0"], ["my.example", "no name", ""]) == [
        "localhost",
        "desk",
        "desk.local",
        "my.example",
        "127.0.0.1",
        "::1",
        "192.168.1.5",
        "fe80::1",
    ]
    assert "desk.lan.local" not in server_names("desk.lan", [])


# --- a face that uses it


class World:
    """A public face, and the certificate's clocks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(folder / "paddock.db", folder / "backups")
        self.events: list[str] = []
        keys = KeyStore(self.database)
        self.public = PublicServer(
            lambda: [web.get("/health", self._health)],
            keys,
            KeyGate(keys, self.database),
            ServerSettings,
            lambda kind, data: self.events.append(kind),
            requests=RequestLog(lambda kind, data: None),
            folder=folder / "tls",
        )

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"secure": request.secure})

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.public.describe()["tls"]
        return found

    async def get(self, trusted: str | Path | None, name: str = "localhost") -> str:
        """The fingerprint a client that trusts this certificate meets."""
        context = ssl.create_default_context(cafile=trusted)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return await asyncio.to_thread(self._get, context, name)

    def _get(self, context: ssl.SSLContext, name: str) -> str:
        port = urlsplit(self.public.url or "").port or 0
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as line,
            context.wrap_socket(line, server_hostname=name) as secure,
        ):
            secure.sendall(f"GET /health HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode())
            assert b'"secure": true' in secure.recv(4000)
            der = secure.getpeercert(binary_form=True) or b""
            return hashlib.sha256(der).digest().hex(":").upper()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.public.off()
    world.database.close()


@pytest.fixture
def fast_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files are looked at with every connection."""
    monkeypatch.setattr("desktop.core.service.tls.LOOK_SECONDS", 0.0)
    yield


async def test_a_face_with_a_certificate_made_here(world: World) -> None:
    await world.public.on("127.0.0.1", 0, TlsChoice("self"))
    shown = world.shown()
    assert (world.public.url or "").startswith("https://127.0.0.1:")
    assert shown["mode"] == "self" and "localhost" in shown["names"]
    assert Path(shown["certificate"]).parent == world.folder / "tls"
    for name in ("localhost", "127.0.0.1"):
        assert await world.get(shown["certificate"], name) == shown["fingerprint"]
    with pytest.raises(ssl.SSLCertVerificationError):
        await world.get(None)
    with pytest.raises(ssl.SSLCertVerificationError):
        await world.get(shown["certificate"], "other.example")


async def test_tls_is_switched_on_and_off_at_one_address(world: World) -> None:
    await world.public.on("127.0.0.1", 0)
    plain = world.public.url or ""
    port = urlsplit(plain).port
    assert plain.startswith("http://") and world.public.describe()["tls"] is None
    await world.public.on("127.0.0.1", port, TlsChoice("self"))
    assert world.public.url == plain.replace("http:", "https:")
    fingerprint = world.shown()["fingerprint"]
    await world.public.on("127.0.0.1", port, TlsChoice("self"))
    assert world.events == ["public.changed"] * 2, "nothing changed: nothing is done"
    missing = TlsChoice("own", str(world.folder / "missing.pem"))
    with pytest.raises(AppError) as caught:
        await world.public.on("127.0.0.1", port, missing)
    assert caught.value.code is ErrorCode.TLS_UNREADABLE
    assert world.shown()["fingerprint"] == fingerprint, "what was on stays on"
    assert await world.get(world.shown()["certificate"]) == fingerprint
    await world.public.on("127.0.0.1", port)
    assert world.public.url == plain


async def test_a_renewed_certificate_is_used_at_once(
    world: World, fast_looks: None, caplog: pytest.LogCaptureFixture
) -> None:
    path, key_path = own(world.folder)
    await world.public.on("127.0.0.1", 0, TlsChoice("own", str(path), str(key_path)))
    first = world.shown()["fingerprint"]
    assert await world.get(path) == first

    fresh = own(world.folder, "fresh")
    shutil.copy(path, world.folder / "first.pem")
    os.replace(fresh[0], path)  # half of a renewal: they do not belong together
    assert await world.get(world.folder / "first.pem") == first
    assert caplog.text.count("cannot be used") == 1
    assert await world.get(world.folder / "first.pem") == first
    assert caplog.text.count("cannot be used") == 1, "it is told once"
    caplog.clear()

    os.replace(fresh[1], key_path)
    second = await world.get(path)
    assert second != first and world.shown()["fingerprint"] == second
    assert world.events[-1] == "public.changed"


def test_one_made_here_is_renewed_while_it_is_used(tmp_path: Path) -> None:
    wall, clock, changed = time.time(), 0.0, []

    def renew() -> Certificate:
        return self_made(tmp_path, NAMES, wall)

    context = TlsContext(renew, lambda: changed.append(1), clock=lambda: clock, wall=lambda: wall)
    first, connection = context.certificate, _Connection()
    hello: Any = context.context.sni_callback
    wall += (VALID_DAYS - RENEW_DAYS + 1) * DAY
    hello(connection, None, context.context)
    assert not changed, "it looked a moment ago"
    clock += LOOK_SECONDS
    hello(connection, None, context.context)
    assert changed == [1] and context.certificate.fingerprint != first.fingerprint
    assert connection.context is not None


class _Connection:
    context: Any = None


async def test_plain_http_is_closed_and_nothing_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    await world.public.on("127.0.0.1", 0, TlsChoice("self"))
    port = urlsplit(world.public.url or "").port or 0

    def plain() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while block := line.recv(1000):
                    received += block
            return received

    answer = await asyncio.to_thread(plain)
    assert not answer.startswith(b"HTTP/1.1 200")
    assert await world.get(world.shown()["certificate"]) == world.shown()["fingerprint"]
    assert not problems
    assert "Traceback" not in caplog.text and "error" not in caplog.text.lower()


async def test_old_versions_of_tls_are_refused(world: World) -> None:
    await world.public.on("127.0.0.1", 0, TlsChoice("self"))
    port = urlsplit(world.public.url or "").port or 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    def handshake() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            context.wrap_socket(line)

    with pytest.raises((ssl.SSLError, ConnectionError)) as caught:
        await asyncio.to_thread(handshake)
    assert "no protocols available" not in str(caught.value).lower(), "the client never asked"
