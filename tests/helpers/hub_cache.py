"""A cache in the hub's layout with files in it, some of them Paddock's, and what its own library
finds amiss there."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from desktop.core.db import Database
from desktop.core.library.notes import DownloadedFile
from tests.helpers.gguf_files import write_hf_file

COMMIT = "a" * 40


def downloaded(
    cache: Path, repo: str, filename: str, content: bytes, *, commit: str = COMMIT
) -> DownloadedFile:
    """Put a file into the cache as a download leaves it; returns what is remembered of it."""
    path = write_hf_file(cache, repo, filename, content, revision=commit)
    digest = hashlib.sha256(content).hexdigest()
    return DownloadedFile(
        path=path,
        repo=repo,
        revision="main",
        commit=commit,
        repo_file=filename,
        etag=digest,
        sha256=digest,
        size_bytes=len(content),
        downloaded=time.time(),
    )


def remember(database: Database, *rows: DownloadedFile) -> None:
    """What the last step of a download stores."""
    for row in rows:
        database.execute(
            "INSERT INTO downloaded_files (path, repo, revision, repo_commit, repo_file, etag, "
            "sha256, size_bytes, downloaded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(str(row.path), row.repo, row.revision, row.commit, row.repo_file, row.etag),
                *(row.sha256, row.size_bytes, row.downloaded),
            ),
        )


def problems(cache: Path) -> list[str]:
    """What `hf cache scan` warns of."""
    from huggingface_hub import scan_cache_dir

    return [str(warning) for warning in scan_cache_dir(cache).warnings]


def contents(folder: Path) -> set[str]:
    """Everything below a folder, with the targets of links and the sizes of files."""
    found = set()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            name += f" -> {path.readlink()}"
        elif path.is_file():
            name += f" {path.stat().st_size}"
        found.add(name)
    return found
