"""Remembers which files Paddock fetched: those it may delete (`LibraryStore.forget_downloads`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from desktop.core.db import Database
from desktop.core.library.notes import DOWNLOADED, DownloadedFile, downloaded_file


class DownloadStore:
    """One row for each file, by its path; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, files: Iterable[DownloadedFile]) -> None:
        rows = [
            (
                str(file.path),
                file.repo,
                file.revision,
                file.commit,
                file.repo_file,
                file.etag,
                file.sha256,
                file.size_bytes,
                file.downloaded,
            )
            for file in files
        ]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO downloaded_files (path, repo, revision, repo_commit, "
                "repo_file, etag, sha256, size_bytes, downloaded) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def read(self, path: Path) -> DownloadedFile | None:
        rows = self._database.query(f"{DOWNLOADED} WHERE path = ?", (str(path),))
        return downloaded_file(rows[0]) if rows else None
