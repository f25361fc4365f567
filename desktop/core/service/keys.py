"""Keys of the public face: shown once, stored as a hash, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode

_PREFIX = "pk-"


def _hash(key: str) -> str:
    # A key holds 256 random bits: a plain hash cannot be searched, a slow one would only cost time.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class ApiKey:
    """A key as it is listed; `hint` is its last four characters."""

    name: str
    hint: str
    created: float

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "hint": self.hint, "created": self.created}


class KeyStore:
    """Creates, lists, revokes and checks keys. The check touches memory only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hashes: dict[str, str] = {}
        self._reload()

    def _reload(self) -> None:
        rows = self._database.query("SELECT name, hash FROM api_keys WHERE revoked IS NULL")
        self._hashes = {row["hash"]: row["name"] for row in rows}

    @property
    def any(self) -> bool:
        return bool(self._hashes)

    def create(self, name: str) -> str:
        """A new key; this is the only time it is seen."""
        name = name.strip()
        if not name or len(name) > 100:
            raise AppError(
                ErrorCode.SETTING_INVALID,
                name="name",
                value=repr(name),
                reason="A key needs a name of 1 to 100 characters.",
            )
        key = _PREFIX + secrets.token_urlsafe(32)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "DELETE FROM api_keys WHERE name = ? AND revoked IS NOT NULL", (name,)
                )
                connection.execute(
                    "INSERT INTO api_keys (name, hash, hint, created) VALUES (?, ?, ?, ?)",
                    (name, _hash(key), key[-4:], time.time()),
                )
        except sqlite3.IntegrityError:
            raise AppError(ErrorCode.KEY_EXISTS, name=name) from None
        self._reload()
        return key

    def list(self) -> list[ApiKey]:
        rows = self._database.query(
            "SELECT name, hint, created FROM api_keys WHERE revoked IS NULL ORDER BY created"
        )
        return [ApiKey(row["name"], row["hint"], row["created"]) for row in rows]

    def revoke(self, name: str) -> None:
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE api_keys SET revoked = ? WHERE name = ? AND revoked IS NULL",
                (time.time(), name),
            ).rowcount
        if not changed:
            raise AppError(ErrorCode.KEY_NOT_FOUND, name=name)
        self._reload()

    def check(self, key: str) -> str | None:
        """The name of a valid key, else None."""
        wanted = _hash(key)
        found = None
        for known, name in self._hashes.items():
            if hmac.compare_digest(known, wanted):
                found = name
        return found
