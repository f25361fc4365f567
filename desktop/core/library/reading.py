"""The library in a process that is not the service: the same models and names, nothing stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from desktop.core.db import read_only
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.library import Library
from desktop.core.paths import Paths, demo_model, hf_cache


class ReadOnlyStore:
    """What the service knows of ids and aliases; it alone gives ids that last.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """

    def __init__(self, database: Path) -> None:
        self._ids: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        try:
            with read_only(database) as connection:
                ids = connection.execute("SELECT fingerprint, id FROM model_ids")
                self._ids = {row["fingerprint"]: row["id"] for row in ids}
                aliases = connection.execute("SELECT alias, model_id FROM aliases")
                self._aliases = {row["alias"]: row["model_id"] for row in aliases}
        except FileNotFoundError:  # no service has run here yet: every id is the natural one
            return

    def load_ids(self) -> Mapping[str, str]:
        return self._ids

    def save_id(self, fingerprint: str, id: str, path: Path) -> None:
        return None

    def aliases(self) -> Mapping[str, str]:
        return self._aliases


def read_library(where: Paths, reader: HeaderReader, folders: Iterable[str]) -> Library:
    """The library as it is now, scanned in this process.

    Args:
        folders: the further folders and files of the settings.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    library = Library(
        store=ReadOnlyStore(where.database),
        reader=reader,
        hf_cache=hf_cache(),
        folders=lambda: [Path(folder) for folder in folders],
        bundled=demo_model(),
        hashes=where.cache / "hashes",
    )
    library.rescan()
    return library
