"""What people saved for every load of a model: in the database, by the model's content."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from desktop.core.db import Database, read_only
from desktop.core.errors import AppError
from desktop.core.service.load_request import AUTOMATIC, LoadRequest, check, load_request

log = logging.getLogger(__name__)

NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


class ModelSettingsStore:
    """Saved values by a model's fingerprint; values of another version are kept as they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, fingerprint: str) -> dict[str, Any]:
        """The saved values by the names of `LoadRequest`, as JSON."""
        rows = self._database.query(
            "SELECT settings FROM model_settings WHERE fingerprint = ?", (fingerprint,)
        )
        found = json.loads(rows[0]["settings"]) if rows else {}
        return found if isinstance(found, dict) else {}

    def all(self) -> dict[str, dict[str, Any]]:
        """The saved values of every model, by fingerprint."""
        rows = self._database.query("SELECT fingerprint, settings FROM model_settings")
        found = {row["fingerprint"]: json.loads(row["settings"]) for row in rows}
        return {name: values for name, values in found.items() if isinstance(values, dict)}

    def change(self, fingerprint: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Save values; None (or "auto") removes one. Returns all of them.

        Raises:
            AppError: SETTING_INVALID (nothing is saved then), DISK_FULL.
        """
        removed = {name for name, value in changes.items() if value in (None, AUTOMATIC)}
        for name, value in changes.items():
            if name not in removed:
                check(name, value)
        with self._database.transaction() as connection:
            values = {**self.read(fingerprint), **changes}
            kept = {name: value for name, value in values.items() if name not in removed}
            connection.execute(
                "INSERT OR REPLACE INTO model_settings (fingerprint, settings, updated) "
                "VALUES (?, ?, ?)",
                (fingerprint, json.dumps(kept), time.time()),
            )
        return kept

    def request(self, fingerprint: str, defaults: Mapping[str, Any] = NO_DEFAULTS) -> LoadRequest:
        """The saved values as a load takes them; what cannot be used is left out, and logged.

        Args:
            defaults: `ModelEntry.load_defaults`, for what is not saved.
        """
        return _usable(self.read(fingerprint)).over(_usable(defaults))


def read_saved(
    database: Path, fingerprint: str | None, defaults: Mapping[str, Any] = NO_DEFAULTS
) -> LoadRequest:
    """The same, read by another process than the service.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    sql = "SELECT settings FROM model_settings WHERE fingerprint = ?"
    try:
        with read_only(database) as connection:
            tables = "SELECT name FROM sqlite_master WHERE name = 'model_settings'"
            # Without the table no service of this version has run yet.
            known = bool(connection.execute(tables).fetchone())
            row = connection.execute(sql, (fingerprint or "",)).fetchone() if known else None
    except FileNotFoundError:
        row = None
    saved = _usable(json.loads(row["settings"]) if row else {})
    return saved.over(_usable(defaults))


def _usable(saved: Mapping[str, Any]) -> LoadRequest:
    usable = {}
    for name, value in saved.items():
        try:
            check(name, value)
            usable[name] = value
        except AppError as error:
            log.warning("a saved setting is not used", extra={"why": str(error)})
    return load_request(usable)
