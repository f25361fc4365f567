"""The database: SQLite in WAL mode, one writer (the service), migrations with a backup before.

A damaged file is kept aside and a new one begun; a file of a newer Paddock is refused, untouched.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Notice
from desktop.core.files import set_aside
from desktop.core.notices import notice

_SCHEMA_1 = """
CREATE TABLE model_ids (
    fingerprint TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    first_seen REAL NOT NULL,
    last_used REAL
);
CREATE TABLE aliases (alias TEXT PRIMARY KEY COLLATE NOCASE, model_id TEXT NOT NULL);
CREATE TABLE api_keys (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created REAL NOT NULL,
    revoked REAL
);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    params TEXT NOT NULL,
    state TEXT NOT NULL,
    steps TEXT NOT NULL DEFAULT '[]',
    done TEXT NOT NULL DEFAULT '{}',
    progress TEXT,
    result TEXT,
    error TEXT,
    created REAL NOT NULL,
    started REAL,
    finished REAL
);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE TABLE results (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER UNIQUE,
    name TEXT NOT NULL,
    model_id TEXT NOT NULL,
    created REAL NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE loads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created REAL NOT NULL,
    runtime TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    architecture TEXT,
    settings TEXT NOT NULL,
    predicted TEXT,
    real TEXT
);
"""

_SCHEMA_2 = """
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL DEFAULT '',
    model_id TEXT,
    system TEXT NOT NULL DEFAULT '',
    sampling TEXT NOT NULL DEFAULT '{}',
    current INTEGER,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    deleted REAL
);
CREATE INDEX conversations_by_updated ON conversations (deleted, updated);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id INTEGER,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    reasoning TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    model_id TEXT,
    figures TEXT,
    error TEXT,
    created REAL NOT NULL
);
CREATE INDEX messages_by_conversation ON messages (conversation_id);
CREATE INDEX messages_unfinished ON messages (state) WHERE state IN ('waiting', 'streaming');
"""

# A deleted result waits here to be restored: who reads the table of results need not know of it.
_SCHEMA_3 = """
CREATE TABLE deleted_results (
    id INTEGER PRIMARY KEY,
    job_id INTEGER,
    name TEXT NOT NULL,
    model_id TEXT NOT NULL,
    created REAL NOT NULL,
    document TEXT NOT NULL,
    deleted REAL NOT NULL
);
"""

_SCHEMA_4 = """
CREATE TABLE calibrations (
    build TEXT NOT NULL,
    backend TEXT NOT NULL,
    device TEXT NOT NULL,
    created REAL NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (build, backend, device)
);
CREATE TABLE generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created REAL NOT NULL,
    build TEXT NOT NULL,
    backend TEXT NOT NULL,
    device TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    architecture TEXT NOT NULL,
    settings TEXT NOT NULL,
    test TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    base REAL,
    predicted REAL,
    low REAL,
    high REAL,
    source TEXT,
    real REAL NOT NULL
);
CREATE INDEX generations_by_model ON generations (fingerprint, settings);
CREATE INDEX generations_by_device ON generations (build, backend, device, architecture);
"""

# What is saved for every load of a model, by its content.
_SCHEMA_5 = """
CREATE TABLE model_settings (
    fingerprint TEXT PRIMARY KEY,
    settings TEXT NOT NULL,
    updated REAL NOT NULL
);
"""

# What Paddock fetched, and so may delete; what people and other programs say of a model, by its
# content; whether it was found to work; what the hub had of its repository when last asked.
_SCHEMA_6 = """
CREATE TABLE downloaded_files (
    path TEXT PRIMARY KEY,
    repo TEXT NOT NULL,
    revision TEXT NOT NULL,
    repo_commit TEXT NOT NULL,
    repo_file TEXT NOT NULL,
    etag TEXT NOT NULL,
    sha256 TEXT,
    size_bytes INTEGER NOT NULL,
    downloaded REAL NOT NULL
);
CREATE INDEX downloaded_by_repo ON downloaded_files (repo);
CREATE TABLE model_cards (
    fingerprint TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    updated REAL NOT NULL
);
CREATE TABLE acceptances (
    fingerprint TEXT PRIMARY KEY,
    created REAL NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE upstream (
    repo TEXT PRIMARY KEY COLLATE NOCASE,
    checked REAL NOT NULL,
    document TEXT NOT NULL
);
ALTER TABLE jobs ADD COLUMN position REAL;
"""

# Models under a second name with settings of their own, made out of Modelfiles.
_SCHEMA_7 = """
CREATE TABLE variants (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    content TEXT NOT NULL,
    document TEXT NOT NULL,
    created REAL NOT NULL
);
"""

# Every request that was answered or refused, figures only; their texts only where the person wants
# them kept. Answers that are given again to the same request.
_SCHEMA_8 = """
CREATE TABLE ledger (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    client_id TEXT,
    created REAL NOT NULL,
    api TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT,
    model TEXT,
    fingerprint TEXT,
    engine TEXT,
    stream INTEGER NOT NULL,
    status INTEGER NOT NULL,
    prompt_tokens INTEGER,
    cached_tokens INTEGER,
    completion_tokens INTEGER,
    wait_seconds REAL,
    ttft_seconds REAL,
    tpot_seconds REAL,
    prefill_seconds REAL,
    decode_seconds REAL,
    total_seconds REAL,
    busy_seconds REAL,
    finish_reason TEXT,
    error_code TEXT,
    error TEXT,
    cached_answer INTEGER NOT NULL,
    currency TEXT,
    electricity_cost REAL,
    hardware_cost REAL,
    hosted_cost REAL,
    cost REAL
);
CREATE INDEX ledger_by_created ON ledger (created);
CREATE INDEX ledger_by_key ON ledger (key, created);
CREATE INDEX ledger_by_model ON ledger (model, created);
CREATE INDEX ledger_failed ON ledger (created) WHERE status >= 400;
CREATE TABLE ledger_texts (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL
);
CREATE INDEX ledger_texts_by_created ON ledger_texts (created);
CREATE TABLE budget_warnings (
    key TEXT NOT NULL,
    period TEXT NOT NULL,
    unit TEXT NOT NULL,
    percent INTEGER NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (key, period, unit, percent)
);
CREATE TABLE exact_cache (
    hash BLOB PRIMARY KEY,
    created REAL NOT NULL,
    used REAL NOT NULL,
    size_bytes INTEGER NOT NULL,
    answer BLOB NOT NULL
);
CREATE INDEX exact_cache_by_used ON exact_cache (used);
"""

# What each key may do, and when it was last used.
_SCHEMA_9 = """
ALTER TABLE api_keys ADD COLUMN policy TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN last_used REAL;
"""

# What files were measured to lose against the whole model, by their content.
_SCHEMA_10 = """
CREATE TABLE measured_losses (
    fingerprint TEXT PRIMARY KEY,
    created REAL NOT NULL,
    chunks INTEGER NOT NULL,
    kld_mean REAL NOT NULL,
    kld_error REAL NOT NULL,
    same_top_rate REAL NOT NULL,
    same_top_error REAL NOT NULL,
    source_sha256 TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    engine TEXT NOT NULL
);
"""

# Recipes for quantized files, under names of the person's own.
_SCHEMA_11 = """
CREATE TABLE quant_recipes (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    recipe TEXT NOT NULL,
    updated REAL NOT NULL
);
"""

# Schema version n is made from n-1 by MIGRATIONS[n]; each runs in a transaction of its own.
MIGRATIONS: dict[int, str] = {
    1: _SCHEMA_1,
    2: _SCHEMA_2,
    3: _SCHEMA_3,
    4: _SCHEMA_4,
    5: _SCHEMA_5,
    6: _SCHEMA_6,
    7: _SCHEMA_7,
    8: _SCHEMA_8,
    9: _SCHEMA_9,
    10: _SCHEMA_10,
    11: _SCHEMA_11,
}


class Database:
    """One connection for writing, used from any thread, one statement group at a time.

    Raises on opening:
        AppError: DATABASE_NEWER, DATABASE_BUSY, DISK_FULL.
    """

    def __init__(
        self, path: Path, backups: Path, migrations: Mapping[int, str] = MIGRATIONS
    ) -> None:
        self._path = path
        self._backups = backups
        self._lock = threading.RLock()
        self.notices: list[Notice] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        with _plain_errors(path):
            try:
                self._connection = self._open(migrations)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) or not path.exists():
                    raise
                self._set_aside(str(error))
                self._connection = self._open(migrations)

    def _open(self, migrations: Mapping[int, str]) -> sqlite3.Connection:
        latest = max(migrations)
        connection = sqlite3.connect(
            self._path, timeout=10, check_same_thread=False, isolation_level=None
        )
        try:
            connection.row_factory = sqlite3.Row
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > latest:
                raise AppError(
                    ErrorCode.DATABASE_NEWER, path=str(self._path), found=found, known=latest
                )
            problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problem != "ok":
                raise sqlite3.DatabaseError(problem)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            if 0 < found < latest:
                self._back_up(connection, found)
            for version in range(found + 1, latest + 1):
                connection.executescript(
                    f"BEGIN;\n{migrations[version]}\nPRAGMA user_version = {version};\nCOMMIT;"
                )
        except BaseException:
            connection.close()
            raise
        if os.name == "posix":
            self._path.chmod(0o600)
        return connection

    def _back_up(self, connection: sqlite3.Connection, version: int) -> None:
        self._backups.mkdir(parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        target = self._backups / f"paddock-schema{version}-{stamp}.db"
        with contextlib.closing(sqlite3.connect(target)) as copy:
            connection.backup(copy)
        self.notices.append(notice("database_backed_up", path=str(target)))

    def _set_aside(self, reason: str) -> None:
        aside = set_aside(self._path, "damaged")
        for suffix in ("-wal", "-shm"):
            side = Path(f"{self._path}{suffix}")
            if side.exists():
                os.replace(side, f"{aside}{suffix}")
        self.notices.append(notice("database_damaged", reason=reason, path=str(aside)))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it is stored, or none."""
        with self._lock, _plain_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """One writing statement; returns the new row's id."""
        with self.transaction() as connection:
            return int(connection.execute(sql, values).lastrowid or 0)

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock, _plain_errors(self._path):
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """The database for reading, as everyone but the service opens it.

    Raises:
        FileNotFoundError: there is none yet.
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    latest = max(MIGRATIONS)
    with _plain_errors(path):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        with contextlib.closing(connection):
            connection.row_factory = sqlite3.Row
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > latest:
                raise AppError(ErrorCode.DATABASE_NEWER, path=str(path), found=found, known=latest)
            yield connection


@contextlib.contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """SQLite's operational errors as ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        code = ErrorCode.DISK_FULL if "full" in text else ErrorCode.DATABASE_BUSY
        raise AppError(code, path=str(path), reason=f"{text[:1].upper()}{text[1:]}.") from error
