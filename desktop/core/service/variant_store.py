"""The variants that were made out of Modelfiles, in the database."""

from __future__ import annotations

import json
import time

from desktop.core.db import Database
from desktop.core.library.variants import Variant


class VariantStore:
    """Variants by their name; case does not matter. They are read with the library's notes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has(self, name: str) -> bool:
        return bool(self._database.query("SELECT 1 FROM variants WHERE name = ?", (name,)))

    def put(self, variant: Variant) -> None:
        """Store a variant; one of the same name is replaced."""
        self._database.execute(
            "INSERT OR REPLACE INTO variants (name, content, document, created) "
            "VALUES (?, ?, ?, ?)",
            (variant.name, variant.content, json.dumps(variant.to_document()), time.time()),
        )

    def remove(self, name: str) -> None:
        self._database.execute("DELETE FROM variants WHERE name = ?", (name,))
