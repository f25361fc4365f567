"""The library's memory in the database: which file has which id, and its aliases."""

from __future__ import annotations

import time
from pathlib import Path

from desktop.core.db import Database


class LibraryStore:
    """Ids stay with a file's content, wherever it moves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        rows = database.query("SELECT alias, model_id FROM aliases")
        self._aliases = {row["alias"]: row["model_id"] for row in rows}

    def load_ids(self) -> dict[str, str]:
        rows = self._database.query("SELECT fingerprint, id FROM model_ids")
        return {row["fingerprint"]: row["id"] for row in rows}

    def save_id(self, fingerprint: str, model_id: str, path: Path) -> None:
        with self._database.transaction() as connection:
            # A file whose content was replaced (a new bundled model) keeps its id: the old
            # content gives it up.
            connection.execute(
                "DELETE FROM model_ids WHERE id = ? AND fingerprint <> ?", (model_id, fingerprint)
            )
            connection.execute(
                "INSERT INTO model_ids (fingerprint, id, path, first_seen) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (fingerprint) DO UPDATE SET id = excluded.id, path = excluded.path",
                (fingerprint, model_id, str(path), time.time()),
            )

    def aliases(self) -> dict[str, str]:
        """From memory: every request asks for it."""
        return self._aliases

    def used(self, fingerprint: str) -> None:
        self._database.execute(
            "UPDATE model_ids SET last_used = ? WHERE fingerprint = ?", (time.time(), fingerprint)
        )
