"""Cards and aliases in the database: written here alone, read with all other notes of models."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from desktop.core.db import Database
from desktop.core.library.cards import Card


class CardStore:
    """Cards by a model's fingerprint. Fields of another version stay in the document."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, key: str) -> Card:
        """The card kept by `key` (`notes.card_key`); an empty one where there is none."""
        return Card.from_document(self._document(key))

    def _document(self, key: str) -> dict[str, Any]:
        rows = self._database.query(
            "SELECT document FROM model_cards WHERE fingerprint = ?", (key,)
        )
        found = json.loads(rows[0]["document"]) if rows else {}
        return found if isinstance(found, dict) else {}

    def change(self, key: str, changes: Mapping[str, Any]) -> Card:
        """Set fields of a card; None takes one away. Returns the whole card.

        Raises:
            AppError: SETTING_INVALID (nothing is stored then), DISK_FULL.
        """
        with self._database.transaction() as connection:
            before = self._document(key)
            now = Card.from_document(before).changed(changes)
            document = {name: value for name, value in before.items() if name not in _FIELDS}
            document |= now.to_document()
            connection.execute(
                "INSERT OR REPLACE INTO model_cards (fingerprint, document, updated) "
                "VALUES (?, ?, ?)",
                (key, json.dumps(document), time.time()),
            )
        return now

    def forget(self, key: str) -> None:
        self._database.execute("DELETE FROM model_cards WHERE fingerprint = ?", (key,))


_FIELDS = frozenset(Card.__dataclass_fields__)
