"""Secrets: in the system's keychain, else in a file only the user can read.

They are never in settings, the database, a log or an event.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Protocol

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import write_atomic

log = logging.getLogger(__name__)

_SERVICE = "paddock"
# Names of secrets; keys of remote engines are stored as "remote:<name>".
KNOWN = ("hub_token",)
_PREFIXES = ("remote:",)


class Backend(Protocol):
    """Where secrets lie."""

    name: str

    def get(self, name: str) -> str | None: ...

    def set(self, name: str, value: str) -> None: ...

    def delete(self, name: str) -> None: ...


class FileBackend:
    """A JSON file of mode 0600, for machines without a keychain."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self) -> dict[str, str]:
        try:
            values = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise AppError(
                ErrorCode.PATH_UNREADABLE, path=str(self._path), reason=str(error)
            ) from error
        return {str(k): str(v) for k, v in values.items()} if isinstance(values, dict) else {}

    def get(self, name: str) -> str | None:
        return self._read().get(name)

    def set(self, name: str, value: str) -> None:
        self._write({**self._read(), name: value})

    def delete(self, name: str) -> None:
        values = self._read()
        if values.pop(name, None) is not None:
            self._write(values)

    def _write(self, values: dict[str, str]) -> None:
        write_atomic(self._path, json.dumps(values).encode("utf-8"), mode=0o600)


class KeychainBackend:
    """The system's keychain through `keyring`."""

    name = "keychain"

    def __init__(self) -> None:
        import keyring

        self._keyring = keyring

    def get(self, name: str) -> str | None:
        return self._keyring.get_password(_SERVICE, name)

    def set(self, name: str, value: str) -> None:
        self._keyring.set_password(_SERVICE, name, value)

    def delete(self, name: str) -> None:
        if self.get(name) is not None:
            self._keyring.delete_password(_SERVICE, name)


def choose_backend(secrets_file: Path) -> Backend:
    """The keychain where this system has a working one, else the file."""
    try:
        import keyring
        from keyring.backends import fail, null
        from keyring.errors import KeyringError

        found = keyring.get_keyring()
        usable = not isinstance(found, (fail.Keyring, null.Keyring)) and found.priority > 0
        if usable:
            backend = KeychainBackend()
            backend.get("probe")  # a locked or absent keychain shows only when it is asked
            return backend
    except (ImportError, KeyringError, RuntimeError, OSError) as error:
        log.info("no keychain, secrets go to a file", extra={"reason": str(error)})
    return FileBackend(secrets_file)


class Secrets:
    """Named secrets. Names are checked, so that a typing error is not a new secret.

    Args:
        choose: finds the backend at the first use: asking a keychain takes time and may prompt.
    """

    def __init__(self, choose: Callable[[], Backend]) -> None:
        self._choose = choose

    @cached_property
    def backend(self) -> Backend:
        return self._choose()

    @staticmethod
    def _check(name: str) -> None:
        if name not in KNOWN and not name.startswith(_PREFIXES):
            raise AppError(ErrorCode.SECRET_UNKNOWN, name=name, known=", ".join(KNOWN))

    def get(self, name: str) -> str | None:
        self._check(name)
        return self.backend.get(name)

    def set(self, name: str, value: str) -> None:
        self._check(name)
        self.backend.set(name, value)

    def delete(self, name: str) -> None:
        self._check(name)
        self.backend.delete(name)
