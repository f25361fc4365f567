"""The library in a process that is not the service: the same models and names, nothing stored."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from desktop.core.db import read_only
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.adopt.known import KnownApps
from desktop.core.library.adopt.places import Machine
from desktop.core.library.given import Given
from desktop.core.library.library import Library
from desktop.core.library.notes import Notes, read_notes
from desktop.core.paths import Paths, demo_model, model_caches
from desktop.core.settings import Settings


class ReadOnlyStore:
    """What the service knows of ids, aliases and cards; it alone gives ids that last.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """

    def __init__(self, database: Path) -> None:
        self._ids: dict[str, str] = {}
        self.notes = Notes()
        try:
            with read_only(database) as connection:
                ids = connection.execute("SELECT fingerprint, id FROM model_ids")
                self._ids = {row["fingerprint"]: row["id"] for row in ids}
                self.notes = read_notes(lambda sql: connection.execute(sql).fetchall())
        except FileNotFoundError:  # no service has run here yet: every id is the natural one
            return

    def load_ids(self) -> Mapping[str, str]:
        return self._ids

    def save_id(self, fingerprint: str, id: str, path: Path) -> None:
        return None

    def aliases(self) -> Mapping[str, str]:
        return self.notes.aliases


def read_library(where: Paths, reader: HeaderReader, settings: Settings) -> Library:
    """The library as it is now, scanned in this process.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    store = ReadOnlyStore(where.database)
    library = Library(
        store=store,
        reader=reader,
        caches=lambda: model_caches(settings),
        folders=lambda: [Path(folder) for folder in settings.library.folders],
        bundled=demo_model(),
        hashes=where.cache / "hashes",
        notes=lambda: store.notes,
        given=known_apps,
    )
    library.rescan()
    return library


def known_apps() -> Callable[[Path], Given]:
    """What the other programs of this machine say of a file; made anew for each look."""
    return KnownApps(Machine(os.environ, sys.platform).places()).given
