"""Where benchmark results are kept: written by the service, read by everyone."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from desktop.core.bench.schema import NAME_LIMIT, Document, is_name, validate
from desktop.core.db import Database, read_only
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.paths import Paths

_NOT_MEASURED = ("id", "name")
_IMPORT_LIMIT = 10_000
KEEP_DELETED_SECONDS = 30 * 24 * 3600.0
_COLUMNS = "id, job_id, name, model_id, created, document"

Query = Callable[[str], list[sqlite3.Row]]


class ResultStore:
    """The table `results`; usable from any thread. Documents come out with `id` and `name`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job_id: int, document: Document) -> int:
        """Keep a job's result and return its id. A job has one result: a second call changes
        nothing and returns the first one's id.

        Raises:
            AppError: RESULT_FILE_INVALID.
        """
        validate(document)
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT id FROM results WHERE job_id = ?", (job_id,)
            ).fetchone()
            return int(row["id"]) if row else _insert(connection, document, job_id)

    def get(self, wanted: int | str) -> Document:
        """The result with this id or name.

        Raises:
            AppError: RESULT_NOT_FOUND.
        """
        return pick(_read(self._database.query), wanted)

    def delete(self, wanted: Sequence[int | str]) -> list[Document]:
        """Put results aside, all of them or none; `restore` brings them back for 30 days.

        Returns:
            What they were, each once.

        Raises:
            AppError: RESULT_NOT_FOUND.
        """
        now = time.time()
        with self._database.transaction() as connection:
            stored = _read(_query(connection))
            found = {each["id"]: each for each in (pick(stored, one) for one in wanted)}
            for number in found:
                connection.execute(
                    f"INSERT OR REPLACE INTO deleted_results ({_COLUMNS}, deleted) "
                    f"SELECT {_COLUMNS}, ? FROM results WHERE id = ?",
                    (now, number),
                )
                connection.execute("DELETE FROM results WHERE id = ?", (number,))
            connection.execute(
                "DELETE FROM deleted_results WHERE deleted <= ?", (now - KEEP_DELETED_SECONDS,)
            )
        return list(found.values())

    def restore(self, numbers: Sequence[int]) -> list[Document]:
        """Bring deleted results back, all of them or none; one that is there already stays.

        Its number is the old one; its name, too, where no other has taken it meanwhile.

        Raises:
            AppError: RESULT_NOT_FOUND.
        """
        with self._database.transaction() as connection:
            for number in numbers:
                row = connection.execute(
                    "SELECT name FROM deleted_results WHERE id = ?", (number,)
                ).fetchone()
                if row is None:
                    continue
                name = _free_name(connection, row["name"])
                connection.execute(
                    f"INSERT INTO results ({_COLUMNS}) "
                    f"SELECT {_COLUMNS.replace('name', '?')} FROM deleted_results WHERE id = ?",
                    (name, number),
                )
                connection.execute("DELETE FROM deleted_results WHERE id = ?", (number,))
            stored = _read(_query(connection))
            return [pick(stored, number) for number in dict.fromkeys(numbers)]

    def rename(self, wanted: int | str, name: str) -> Document:
        """Give a result a name of its own.

        Raises:
            AppError: RESULT_NOT_FOUND, SETTING_INVALID.
        """
        document = self.get(wanted)
        new = clean(name, NAME_LIMIT)
        if not is_name(new):
            raise _bad_name(name, "It must have 1 to 200 characters and not be a number alone.")
        with self._database.transaction() as connection:
            if _taken(connection, new, document["id"]):
                raise _bad_name(name, "Another result has this name.")
            connection.execute("UPDATE results SET name = ? WHERE id = ?", (new, document["id"]))
        return {**document, "name": new}

    def add_documents(self, documents: object) -> int:
        """Keep imported documents: all of them, or none where one is not in order.

        Returns:
            How many were added; those that are here already (whatever their name) are not.

        Raises:
            AppError: RESULT_FILE_INVALID.
        """
        if not isinstance(documents, list) or len(documents) > _IMPORT_LIMIT:
            raise AppError(
                ErrorCode.RESULT_FILE_INVALID,
                path="The data",
                reason=f"It must be a list of at most {_IMPORT_LIMIT} results.",
            )
        checked = [
            validate(document, f"Result {number} of {len(documents)}")
            for number, document in enumerate(documents, 1)
        ]
        with self._database.transaction() as connection:
            known = {measured(document) for document in _read(_query(connection))}
            added = 0
            for document in checked:
                content = measured(document)
                if content not in known:
                    known.add(content)
                    _insert(connection, document, None)
                    added += 1
        return added

    def list(self) -> list[Document]:  # last: in the class its name hides the builtin
        """Every result, the newest first."""
        return _read(self._database.query)


def read_results(paths: Paths) -> list[Document]:
    """Every result, the newest first, as programs other than the service read them.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    try:
        with read_only(paths.database) as connection:
            query = _query(connection)
            if not query("SELECT 1 FROM sqlite_master WHERE name = 'results'"):
                return []  # the service is just about to make it
            return _read(query)
    except FileNotFoundError:
        return []


def pick(documents: Iterable[Document], wanted: int | str) -> Document:
    """The document with this id (a number, also as text) or this name.

    Raises:
        AppError: RESULT_NOT_FOUND.
    """
    text = str(wanted).strip()
    for document in documents:
        if text in (str(document.get("id")), document["name"]):
            return document
    raise AppError(ErrorCode.RESULT_NOT_FOUND, result=text)


def measured(document: Document) -> str:
    """What tells two documents apart: all but their id and name."""
    kept = {key: value for key, value in document.items() if key not in _NOT_MEASURED}
    return json.dumps(kept, sort_keys=True)


def _query(connection: sqlite3.Connection) -> Query:
    return lambda sql: connection.execute(sql).fetchall()


def _read(query: Query) -> list[Document]:
    rows = query("SELECT id, name, document FROM results ORDER BY created DESC, id DESC")
    return [{**json.loads(row["document"]), "id": row["id"], "name": row["name"]} for row in rows]


def _insert(connection: sqlite3.Connection, document: Document, job_id: int | None) -> int:
    kept: dict[str, Any] = {key: each for key, each in document.items() if key != "id"}
    name = _free_name(connection, document["name"])
    row = connection.execute(
        "INSERT INTO results (job_id, name, model_id, created, document) VALUES (?, ?, ?, ?, ?)",
        (job_id, name, document["model"]["id"], document["created"], json.dumps(kept)),
    )
    return int(row.lastrowid or 0)


def _free_name(connection: sqlite3.Connection, name: str) -> str:
    free, number = name, 1
    while _taken(connection, free, None):
        number += 1
        free = f"{name[: NAME_LIMIT - 12].rstrip()} ({number})"
    return free


def _taken(connection: sqlite3.Connection, name: str, by_other_than: int | None) -> bool:
    row = connection.execute("SELECT id FROM results WHERE name = ?", (name,)).fetchone()
    return row is not None and row["id"] != by_other_than


def _bad_name(name: str, reason: str) -> AppError:
    return AppError(
        ErrorCode.SETTING_INVALID, name="name", value=repr(name[:NAME_LIMIT]), reason=reason
    )
