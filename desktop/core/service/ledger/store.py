"""The ledger in the database, by connections of its own.

Reading never waits for a writer (WAL), and the writer waits for the disk itself: what it said is
stored outlives a power cut, not only the end of the process. It writes twice a second at most, so
that costs little; all other tables are written without that wait.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.service.ledger.rows import COLUMNS, answer_text, record_of, row_of, storable
from desktop.core.service.requests import RequestRecord

_MARKS = ", ".join("?" * len(COLUMNS))
_INSERT = f"INSERT OR IGNORE INTO ledger ({', '.join(COLUMNS)}) VALUES ({_MARKS})"
_PIECE = 500  # rows that are deleted at once: others may write in between
_CLIENT_LEFT = 499


@dataclass(frozen=True)
class Entry:
    """A request to be stored, and the currency of its costs."""

    record: RequestRecord
    currency: str


@dataclass(frozen=True)
class Warned:
    """A warning of a budget that was given and is not to be repeated."""

    key: str
    period: str
    unit: str
    percent: int
    created: float


Item = Entry | Warned


@dataclass(frozen=True)
class Filter:
    """Which rows; None: whichever.

    Attributes:
        key: its name; "" for requests without a key.
        status: "ok", "error" (whatever did not end well) or a number.
        since, until: seconds since 1970, the second not included.
    """

    key: str | None = None
    model: str | None = None
    api: str | None = None
    status: str | None = None
    since: float | None = None
    until: float | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Conditions with their values; "1" where there are none."""
        parts: list[str] = []
        values: list[Any] = []
        if self.key is not None:
            parts.append("key = ?" if self.key else "key IS NULL")
            values += [self.key] if self.key else []
        for column, value in (("model", self.model), ("api", self.api)):
            if value is not None:
                parts.append(f"{column} = ?")
                values.append(value)
        if self.status in ("ok", "error"):
            parts.append("status >= 400" if self.status == "error" else "status < 400")
        elif self.status is not None:
            parts.append("status = ?")
            values.append(int(self.status))
            if int(self.status) >= 400:
                parts.append("status >= 400")  # for the index of those
        if self.since is not None:
            parts.append("created >= ?")
            values.append(self.since)
        if self.until is not None:
            parts.append("created < ?")
            values.append(self.until)
        return " AND ".join(parts) or "1", values


class LedgerStore:
    """Writes from one thread at a time, reads from any.

    All methods raise sqlite3.Error: what to do about it is the caller's affair.
    """

    def __init__(self, path: Path, wait_seconds: float = 2.0) -> None:
        self._path = path
        self._wait_seconds = wait_seconds
        self._writing = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    # --- writing ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    self._path,
                    timeout=self._wait_seconds,
                    check_same_thread=False,
                    isolation_level=None,
                )
                self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    def write(self, items: Sequence[Item]) -> None:
        """Store all of them or none; what is there already is left as it is."""
        entries = [each for each in items if isinstance(each, Entry)]
        warned = [each for each in items if isinstance(each, Warned)]
        rows = [row_of(each.record, each.currency) for each in entries]
        texts = [
            (each.record.id, each.record.arrived, storable(kept.request), answer_text(kept))
            for each in entries
            if (kept := each.record.texts) is not None
        ]
        with self._transaction() as connection:
            connection.executemany(_INSERT, rows)
            if texts:
                connection.executemany(
                    "INSERT OR IGNORE INTO ledger_texts (id, created, request, answer) "
                    "VALUES (?, ?, ?, ?)",
                    texts,
                )
            if warned:
                connection.executemany(
                    "INSERT OR IGNORE INTO budget_warnings (key, period, unit, percent, created) "
                    "VALUES (?, ?, ?, ?, ?)",
                    [(w.key, w.period, w.unit, w.percent, w.created) for w in warned],
                )

    def prune(self, table: str, before: float) -> bool:
        """Delete a few rows that are older; returns whether there may be more.

        Args:
            table: "ledger", "ledger_texts", "budget_warnings" or "exact_cache".
        """
        with self._transaction() as connection:
            gone = connection.execute(
                f"DELETE FROM {table} WHERE rowid IN "
                f"(SELECT rowid FROM {table} WHERE created < ? LIMIT {_PIECE})",
                (before,),
            ).rowcount
        return gone == _PIECE

    def forget_texts(self) -> None:
        """Delete all kept prompts and answers."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM ledger_texts")

    def close(self) -> None:
        with self._writing:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # --- reading ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(
            f"{self._path.resolve().as_uri()}?mode=ro",
            uri=True,
            timeout=self._wait_seconds,
            check_same_thread=False,  # a long file is read by one thread after another
        )
        with contextlib.closing(connection):
            connection.row_factory = sqlite3.Row
            yield connection

    def _query(self, sql: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        with self._reading() as connection:
            return connection.execute(sql, values).fetchall()

    def page(
        self, wanted: Filter, after: str | None = None, limit: int = 100
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The newest requests, and what to give as `after` for the next page; None at the end.

        Raises:
            ValueError: `after` is none of ours.
        """
        where, values = wanted.where()
        if after is not None:
            moment, _, number = after.partition("_")
            where += " AND created <= ? AND (created < ? OR number < ?)"
            values += [float(moment), float(moment), int(number)]
        rows = self._query(
            f"SELECT * FROM ledger WHERE {where} ORDER BY created DESC, number DESC LIMIT ?",
            [*values, limit + 1],
        )
        last = rows[limit - 1] if len(rows) > limit else None
        following = None if last is None else f"{last['created']!r}_{last['number']}"
        return [record_of(row) for row in rows[:limit]], following

    def each(self, wanted: Filter) -> Iterator[dict[str, Any]]:
        """All requests, the oldest first, a few at a time."""
        where, values = wanted.where()
        with self._reading() as connection:
            for row in connection.execute(
                f"SELECT * FROM ledger WHERE {where} ORDER BY created, number", values
            ):
                yield record_of(row)

    def one(self, request_id: str) -> dict[str, Any] | None:
        """A request with its texts (None where they were not kept); None where there is none."""
        found = self._query(
            "SELECT ledger.*, ledger_texts.request, ledger_texts.answer FROM ledger "
            "LEFT JOIN ledger_texts ON ledger_texts.id = ledger.id WHERE ledger.id = ?",
            (request_id,),
        )
        return record_of(found[0]) if found else None

    def sums(self, by: str, wanted: Filter, currency: str) -> list[dict[str, Any]]:
        """What was used, by "key", "model" or (local) "day".

        Costs are those in `currency`; `unpriced` counts requests without any in it.
        """
        group = {
            "key": "key",
            "model": "model",
            "day": "date(created, 'unixepoch', 'localtime')",
        }[by]
        where, values = wanted.where()
        costs = ", ".join(
            f"TOTAL(CASE WHEN currency = :c THEN {name} END) AS {name}"
            for name in ("electricity_cost", "hardware_cost", "hosted_cost", "cost")
        )
        sql = (
            f"SELECT {group} AS name, COUNT(*) AS requests, "
            f"TOTAL(status >= 400 AND status != {_CLIENT_LEFT}) AS errors, "
            f"TOTAL(status = {_CLIENT_LEFT}) AS aborted, TOTAL(cached_answer) AS cached_answers, "
            "TOTAL(prompt_tokens) AS prompt_tokens, TOTAL(cached_tokens) AS cached_tokens, "
            "TOTAL(completion_tokens) AS completion_tokens, TOTAL(busy_seconds) AS busy_seconds, "
            f"{costs}, COUNT(*) - COUNT(CASE WHEN currency = :c THEN 1 END) AS unpriced, "
            "MIN(created) AS first, MAX(created) AS last "
            f"FROM ledger WHERE {where} GROUP BY 1"
        )
        sql = sql.replace(":c", "?")
        return [dict(row) for row in self._query(sql, [currency] * 5 + values)]

    def last_number(self) -> int:
        """The number of the newest row; 0 where there is none."""
        return int(self._query("SELECT COALESCE(MAX(number), 0) FROM ledger", ())[0][0])

    def spent(self, up_to: int, currency: str) -> list[tuple[str, str, int, float]]:
        """Of each key on each local day: (key, "2026-11-27", tokens, cost).

        Args:
            up_to: the number of the last row that counts.
        """
        rows = self._query(
            "SELECT key, date(created, 'unixepoch', 'localtime') AS day, "
            "TOTAL(prompt_tokens) + TOTAL(completion_tokens) AS tokens, "
            "TOTAL(CASE WHEN currency = ? THEN cost END) AS cost "
            "FROM ledger WHERE number <= ? AND key IS NOT NULL GROUP BY 1, 2",
            (currency, up_to),
        )
        return [(row["key"], row["day"], int(row["tokens"]), row["cost"]) for row in rows]

    def warned(self) -> list[Warned]:
        """The warnings that were given."""
        rows = self._query("SELECT key, period, unit, percent, created FROM budget_warnings", ())
        return [Warned(*row) for row in rows]
