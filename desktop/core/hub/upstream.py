"""What the hub has now of repositories that models here came from, asked when a person wants it.

Stored is what the hub said, not a verdict: whether a model is behind it is seen against the files
that are here (`library/notes.py`), so that a model which is fetched anew is up to date at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.hub.client import Hub
from desktop.core.hub.repository import Repository


def ask(
    hub: Hub,
    repos: Iterable[str],
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[tuple[str, Repository | AppError]]:
    """Each repository as it is on the hub now, or why that cannot be told. What the cache holds is
    no answer here.

    Raises:
        AppError: CANCELLED.
    """
    reporter = reporter or NullReporter()
    wanted = list(dict.fromkeys(repos))
    for number, repo in enumerate(wanted):
        reporter.progress(Progress(f"asking for {repo}", number, len(wanted), "repositories"))
        answer: Repository | AppError
        try:
            answer = hub.repository(repo, cancel=cancel)
            if answer.problem is not None:
                answer = answer.problem
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            answer = error
        yield repo, answer
    reporter.progress(Progress("asking", len(wanted), len(wanted), "repositories"))


def document(found: Repository) -> dict[str, Any]:
    """What is stored of a repository: its commit, and each GGUF file's hash by its path."""
    return {
        "commit": found.commit,
        "updated": found.facts.updated,
        "files": {
            file.path: file.etag
            for file in found.listing.files
            if file.etag is not None and file.path.lower().endswith(".gguf")
        },
    }


class UpstreamStore:
    """The last answer about each repository, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, repo: str, found: Repository) -> None:
        """Args:
        repo: as the models here call it; the hub may have renamed it.
        """
        self._database.execute(
            "INSERT OR REPLACE INTO upstream (repo, checked, document) VALUES (?, ?, ?)",
            (repo, found.as_of, json.dumps(document(found))),
        )
