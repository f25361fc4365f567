"""The certificate of the public face: the person's own, or one that is made here.

Its files are looked at again when somebody connects: a certificate that was renewed is used from
the next connection on, and one made here is made anew before it ends.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import write_atomic

log = logging.getLogger(__name__)

Mode = Literal["off", "own", "self"]

# Apple's systems trust no certificate of a server for longer than 825 days (support.apple.com/
# HT210176).
VALID_DAYS = 820
RENEW_DAYS = 30
MOST_NAMES = 60
# Clocks differ a little between machines.
EARLIER_DAYS = 1
LOOK_SECONDS = 1.0
_DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class TlsChoice:
    """What is encrypted with; `certificate` and `key` are files, of "own" only."""

    mode: Mode = "off"
    certificate: str | None = None
    key: str | None = None


_CHOICE: TypeAdapter[TlsChoice] = TypeAdapter(TlsChoice)


def tls_choice(body: Mapping[str, Any]) -> TlsChoice | None:
    """The "tls" of a request, {"mode", "certificate", "key"}; None where it says nothing.

    Raises:
        AppError: BAD_REQUEST.
    """
    given = body.get("tls")
    if given is None:
        return None
    try:
        return _CHOICE.validate_python(given)
    except ValidationError as error:
        raise AppError(
            ErrorCode.BAD_REQUEST, reason=f"“tls” cannot be {str(given)[:200]}."
        ) from error


@dataclass(frozen=True)
class Certificate:
    """A certificate that can be used; times are seconds since 1970."""

    path: Path
    key_path: Path
    fingerprint: str
    names: tuple[str, ...]
    begins: float
    expires: float


def read_certificate(path: Path, key_path: Path, now: float | None = None) -> Certificate:
    """Look at a certificate and its key, both PEM.

    Raises:
        AppError: TLS_UNREADABLE, TLS_CERTIFICATE_INVALID, TLS_KEY_INVALID, TLS_KEY_LOCKED,
            TLS_KEY_MISMATCH, TLS_EXPIRED, TLS_NOT_YET_VALID.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization

    now = time.time() if now is None else now
    try:
        found = x509.load_pem_x509_certificates(_bytes(path))[0]
        public = found.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AppError(ErrorCode.TLS_CERTIFICATE_INVALID, path=str(path)) from error
    try:
        key = serialization.load_pem_private_key(_bytes(key_path), None)
    except TypeError as error:
        raise AppError(ErrorCode.TLS_KEY_LOCKED, path=str(key_path)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AppError(ErrorCode.TLS_KEY_INVALID, path=str(key_path)) from error
    as_bytes: Any = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*as_bytes) != public.public_bytes(*as_bytes):
        raise AppError(ErrorCode.TLS_KEY_MISMATCH, certificate=str(path), key=str(key_path))
    begins = found.not_valid_before_utc.timestamp()
    expires = found.not_valid_after_utc.timestamp()
    if expires <= now:
        raise AppError(ErrorCode.TLS_EXPIRED, path=str(path), when=_day(expires))
    if begins > now:
        raise AppError(ErrorCode.TLS_NOT_YET_VALID, path=str(path), when=_day(begins))
    print_ = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(path, key_path, print_, _names_in(found), begins, expires)


def self_made(folder: Path, names: Sequence[str], now: float | None = None) -> Certificate:
    """The certificate of this machine, made or renewed where that is needed.

    It is kept in `folder` and used until it is about to end or lacks one of the names.

    Raises:
        AppError: DISK_FULL, TLS_UNREADABLE (its folder cannot be written to).
    """
    now = time.time() if now is None else now
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    before: tuple[str, ...] = ()
    try:
        found = read_certificate(path, key_path, now)
        before = found.names
        if found.expires - now > RENEW_DAYS * _DAY_SECONDS and set(names) <= set(found.names):
            return found
    except AppError as error:
        if path.exists():
            log.warning("the server's certificate is made anew", extra={"why": str(error)})
    # A machine that moves between networks comes back: with each of them it would be another one.
    certificate, key = _make(list(dict.fromkeys((*names, *before)))[:MOST_NAMES], now)
    try:
        write_atomic(key_path, key, mode=0o600)
        write_atomic(path, certificate, mode=0o600)
        if os.name == "posix":
            folder.chmod(0o700)
    except OSError as error:
        reason = f"{error.strerror or error}."
        raise AppError(ErrorCode.TLS_UNREADABLE, path=str(folder), reason=reason) from error
    return read_certificate(path, key_path, now)


def _make(names: Sequence[str], now: float) -> tuple[bytes, bytes]:
    """A certificate that vouches for nothing but this server, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Paddock")])
    begin = datetime.fromtimestamp(now, UTC)
    own_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    purposes = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - timedelta(days=EARLIER_DAYS))
        .not_valid_after(begin + timedelta(days=VALID_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(purposes, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own_id, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def server_names(host_name: str, addresses: Sequence[str], more: Sequence[str] = ()) -> list[str]:
    """The names a certificate of this machine is for, each that can stand in one.

    Args:
        addresses: of its network cards.
        more: further names it answers to.
    """
    own = host_name.strip().lower()
    wanted = ["localhost", own, f"{own}.local" if "." not in own else own, *more]
    wanted += ["127.0.0.1", "::1", *addresses]
    found: dict[str, None] = {}
    for name in wanted:
        try:
            found[str(ipaddress.ip_address(name.partition("%")[0]))] = None
        except ValueError:
            if re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", name.lower()):
                found[name.lower()] = None
    return list(found)


class TlsContext:
    """What a face encrypts with; `context` is for the listener.

    Args:
        renew: gives the certificate as it is to be now; may make it.
        changed: told when another certificate is in use.

    Raises:
        AppError: as `read_certificate`.
    """

    def __init__(
        self,
        renew: Callable[[], Certificate],
        changed: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._renew = renew
        self._changed = changed
        self._clock = clock
        self._wall = wall
        self._looked = clock()
        self.certificate = renew()
        self._current = _context(self.certificate)
        self._seen = _state(self.certificate)
        self._refusal_told = False
        self.context = self._current
        self.context.sni_callback = self._on_hello

    def _on_hello(self, connection: ssl.SSLObject, name: str | None, context: Any) -> None:
        """Called as each connection begins, whether it names a host or not."""
        now = self._clock()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look()
        if self._current is not context:
            connection.context = self._current

    def _look(self) -> None:
        seen = _state(self.certificate)
        left = self.certificate.expires - self._wall()
        if seen == self._seen and left > RENEW_DAYS * _DAY_SECONDS:
            return
        changed, self._seen = seen != self._seen, seen
        try:
            found = self._renew()
            if found.fingerprint == self.certificate.fingerprint:
                return
            current = _context(found)
        except AppError as error:
            # In the middle of a renewal the files do not fit together; the old pair serves on.
            if changed or not self._refusal_told:
                self._refusal_told = True
                log.warning(
                    "the server's new certificate cannot be used", extra={"why": str(error)}
                )
            return
        self.certificate, self._current, self._seen = found, current, _state(found)
        self._refusal_told = False
        log.info("the server has a new certificate", extra={"fingerprint": found.fingerprint})
        self._changed()


def tls_context(
    choice: TlsChoice,
    folder: Path,
    names: Callable[[], Sequence[str]],
    changed: Callable[[], None] = lambda: None,
) -> TlsContext | None:
    """What a face encrypts with as the person chose; None: nothing.

    Args:
        folder: where a certificate made here is kept.
        names: the machine's names and addresses now.

    Raises:
        AppError: TLS_NOT_SET, and as `read_certificate`.
    """
    if choice.mode == "off":
        return None
    if choice.mode == "self":
        return TlsContext(lambda: self_made(folder, names()), changed)
    if not choice.certificate:
        raise AppError(ErrorCode.TLS_NOT_SET)
    path = Path(choice.certificate).expanduser().absolute()
    key_path = Path(choice.key).expanduser().absolute() if choice.key else path
    return TlsContext(lambda: read_certificate(path, key_path), changed)


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate.path, certificate.key_path, password=lambda: "")
    except (ssl.SSLError, OSError) as error:  # a key that is too short for today, for one
        raise AppError(ErrorCode.TLS_CERTIFICATE_INVALID, path=str(certificate.path)) from error
    return context


def _state(certificate: Certificate) -> tuple[tuple[int, int, int] | None, ...]:
    found: list[tuple[int, int, int] | None] = []
    for path in (certificate.path, certificate.key_path):
        try:
            state = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((state.st_mtime_ns, state.st_size, state.st_ino))
    return tuple(found)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = f"{error.strerror or error}."
        raise AppError(ErrorCode.TLS_UNREADABLE, path=str(path), reason=reason) from error


def _names_in(certificate: Any) -> tuple[str, ...]:
    from cryptography import x509

    try:
        kinds = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = kinds.get_values_for_type(x509.DNSName)
    return (*names, *(str(each) for each in kinds.get_values_for_type(x509.IPAddress)))


def _general_name(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
