"""Keys of the public face: shown once, stored as a hash, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Notice
from desktop.core.notices import notice
from desktop.core.service.key_policy import EVERYTHING, KeyPolicy, policy_of

log = logging.getLogger(__name__)

__all__ = ["ApiKey", "KeyPolicy", "KeyStore"]

_PREFIX = "pk-"
# A key's end is told of from this long before it, or from the last quarter of its time on; what
# has ended is told of for as long.
WARN_SECONDS = 7 * 86400.0


def _hash(key: str) -> str:
    # A key holds 256 random bits: a plain hash cannot be searched, a slow one would only cost time.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class ApiKey:
    """A key as it is listed; `hint` is its last four characters, times are seconds since 1970."""

    name: str
    hint: str
    created: float
    policy: KeyPolicy = EVERYTHING
    last_used: float | None = None

    def ends_soon(self, now: float) -> bool:
        """Whether its end is near, or past."""
        expires = self.policy.expires
        if expires is None:
            return False
        return expires - now <= min(WARN_SECONDS, (expires - self.created) / 4)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "hint": self.hint,
            "created": self.created,
            "last_used": self.last_used,
            "expired": self.policy.expired(),
            "policy": self.policy.to_dict(),
        }


class KeyStore:
    """Creates, lists, changes, revokes and checks keys. The check touches memory only.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._by_hash: dict[str, ApiKey] = {}
        self._by_name: dict[str, ApiKey] = {}
        self._used: dict[str, float] = {}
        self._reload()

    def _reload(self) -> None:
        rows = self._database.query("SELECT * FROM api_keys WHERE revoked IS NULL ORDER BY created")
        found = {row["hash"]: _key_of(row) for row in rows}
        self._by_hash, self._by_name = found, {key.name: key for key in found.values()}

    @property
    def any(self) -> bool:
        """Whether there is a key that opens something."""
        now = self._clock()
        return any(not key.policy.expired(now) for key in self._by_name.values())

    def create(self, name: str, policy: KeyPolicy = EVERYTHING) -> str:
        """A new key; this is the only time it is seen.

        Raises:
            AppError: SETTING_INVALID (of the name), KEY_EXISTS.
        """
        name = name.strip()
        if not name or len(name) > 100 or not name.isprintable():
            raise AppError(
                ErrorCode.SETTING_INVALID,
                name="name",
                value=repr(name)[:200],
                reason="A key needs a name of 1 to 100 characters.",
            )
        key = _PREFIX + secrets.token_urlsafe(32)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "DELETE FROM api_keys WHERE name = ? AND revoked IS NOT NULL", (name,)
                )
                connection.execute(
                    "INSERT INTO api_keys (name, hash, hint, created, policy)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (name, _hash(key), key[-4:], self._clock(), _stored(policy)),
                )
        except sqlite3.IntegrityError:
            raise AppError(ErrorCode.KEY_EXISTS, name=name) from None
        with self._lock:
            self._used.pop(name, None)
        self._reload()
        return key

    def list(self) -> list[ApiKey]:
        """The oldest first."""
        with self._lock:
            used = dict(self._used)
        return [
            replace(key, last_used=used.get(key.name, key.last_used))
            for key in self._by_name.values()
        ]

    def get(self, name: str) -> ApiKey:
        """The key of a name, whatever its case.

        Raises:
            AppError: KEY_NOT_FOUND.
        """
        for key in self.list():
            if key.name.lower() == name.strip().lower():
                return key
        raise AppError(ErrorCode.KEY_NOT_FOUND, name=name)

    def policy(self, name: str | None) -> KeyPolicy:
        """What may be done with a key; without one, everything."""
        key = self._by_name.get(name) if name is not None else None
        return key.policy if key is not None else EVERYTHING

    def change(self, name: str, changes: Mapping[str, Any]) -> ApiKey:
        """Change fields of a key's policy; None takes a limit away.

        Raises:
            AppError: KEY_NOT_FOUND, SETTING_INVALID (nothing is changed then).
        """
        key = self.get(name)
        policy = key.policy.changed(changes)
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE api_keys SET policy = ? WHERE name = ? AND revoked IS NULL",
                (_stored(policy), key.name),
            ).rowcount
        if not changed:
            raise AppError(ErrorCode.KEY_NOT_FOUND, name=name)
        self._reload()
        return self.get(name)

    def revoke(self, name: str) -> None:
        """Make a key worthless.

        Raises:
            AppError: KEY_NOT_FOUND.
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE api_keys SET revoked = ? WHERE name = ? AND revoked IS NULL",
                (self._clock(), name.strip()),
            ).rowcount
        if not changed:
            raise AppError(ErrorCode.KEY_NOT_FOUND, name=name)
        self._reload()

    # --- in use -------------------------------------------------------------------------------

    def check(self, key: str) -> ApiKey | None:
        """The key a client sent, its end not looked at; None where it is none of ours."""
        wanted = _hash(key)
        found = None
        for known, each in self._by_hash.items():
            if hmac.compare_digest(known, wanted):
                found = each
        return found

    def note_use(self, key: ApiKey) -> None:
        """Remember that it was used now; stored with the next `flush`."""
        with self._lock:
            self._used[key.name] = self._clock()

    def flush(self) -> None:
        """Store when keys were last used.

        Raises:
            AppError: DISK_FULL, DATABASE_BUSY; it is tried again with the next flush.
        """
        with self._lock:
            used = dict(self._used)
        stored = {name: key.last_used for name, key in self._by_name.items()}
        fresh = [(when, name) for name, when in used.items() if stored.get(name, when) != when]
        if not fresh:
            return
        with self._database.transaction() as connection:
            connection.executemany("UPDATE api_keys SET last_used = ? WHERE name = ?", fresh)
        self._reload()

    def notices(self) -> tuple[Notice, ...]:
        """Keys that end soon, or have ended lately."""
        now = self._clock()
        told: list[Notice] = []
        for key in self._by_name.values():
            expires = key.policy.expires
            if expires is None or not key.ends_soon(now) or expires < now - WARN_SECONDS:
                continue
            code = "key_expired" if expires <= now else "key_expires"
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(expires))
            told.append(notice(code, name=key.name, when=day))
        return tuple(told)


def _stored(policy: KeyPolicy) -> str:
    given = policy.to_dict()
    usual = EVERYTHING.to_dict()
    return json.dumps({name: value for name, value in given.items() if value != usual[name]})


def _key_of(row: sqlite3.Row) -> ApiKey:
    try:
        policy = policy_of(json.loads(row["policy"]))
    except (AppError, ValueError, AttributeError) as error:
        # A limit that cannot be read is no reason to do without it.
        log.error(
            "a key's limits cannot be read: it opens nothing",
            extra={"key": row["name"]},
            exc_info=error,
        )
        policy = KeyPolicy(expires=0.0)
    return ApiKey(row["name"], row["hint"], row["created"], policy, row["last_used"])
