"""The library's memory in the database: ids, aliases, and which files Paddock fetched."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from desktop.core.db import Database
from desktop.core.library.cards import checked_aliases, taken_names
from desktop.core.library.ids import BUNDLED_ID
from desktop.core.library.notes import (
    DOWNLOADED,
    DownloadedFile,
    Notes,
    downloaded_file,
    read_notes,
)


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

    def set_aliases(self, model_id: str, wanted: Any, present: Iterable[str]) -> tuple[str, ...]:
        """Give a model exactly these aliases; returns them.

        Args:
            present: the ids of all models that are there now.

        Raises:
            AppError: ALIAS_INVALID, ALIAS_TAKEN (nothing is stored then), DISK_FULL.
        """
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT id FROM model_ids").fetchall()
            ids = [BUNDLED_ID, *present, *(row["id"] for row in rows)]
            kept = checked_aliases(wanted, model_id, taken_names(ids, self._aliases))
            connection.execute("DELETE FROM aliases WHERE model_id = ?", (model_id,))
            connection.executemany(
                "INSERT INTO aliases (alias, model_id) VALUES (?, ?)",
                [(alias, model_id) for alias in kept],
            )
        others = {alias: owner for alias, owner in self._aliases.items() if owner != model_id}
        self._aliases = {**others, **dict.fromkeys(kept, model_id)}
        return kept

    def notes(self) -> Notes:
        return read_notes(self._database.query)

    # --- what Paddock fetched -----------------------------------------------------------------

    def downloads(self) -> list[DownloadedFile]:
        return [downloaded_file(row) for row in self._database.query(DOWNLOADED)]

    def forget_downloads(self, paths: Sequence[Path]) -> None:
        """Files that are gone: they are nobody's to delete any more."""
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM downloaded_files WHERE path = ?", [(str(path),) for path in paths]
            )

    def used(self, fingerprint: str) -> None:
        self._database.execute(
            "UPDATE model_ids SET last_used = ? WHERE fingerprint = ?", (time.time(), fingerprint)
        )
