"""The database: damage, newer schemas, upgrades with a backup, and readers beside the writer."""

import sqlite3
from pathlib import Path

import pytest

from desktop.core.db import MIGRATIONS, Database, read_only
from desktop.core.errors import AppError, ErrorCode


def open_database(folder: Path, **options: object) -> Database:
    return Database(folder / "paddock.db", folder / "backups", **options)  # type: ignore[arg-type]


def test_a_new_database_has_the_latest_schema(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    assert database.query("PRAGMA user_version")[0][0] == max(MIGRATIONS)
    assert database.query("PRAGMA journal_mode")[0][0] == "wal"
    assert (tmp_path / "paddock.db").stat().st_mode & 0o777 == 0o600
    database.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.execute("INSERT INTO aliases VALUES ('a', 'b')")
        raise ZeroDivisionError
    assert database.query("SELECT * FROM aliases") == []
    database.close()


def test_damaged_file_is_kept_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    (tmp_path / "paddock.db").write_bytes(b"not a database at all" * 500)
    database = open_database(tmp_path)
    database.execute("INSERT INTO aliases VALUES ('a', 'b')")
    assert [notice.code for notice in database.notices] == ["database_damaged"]
    assert len(list(tmp_path.glob("paddock.db.damaged-*"))) == 1
    database.close()


def test_a_damaged_page_is_found_on_opening(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    for number in range(2000):
        database.execute("INSERT INTO aliases VALUES (?, 'some model')", (f"alias {number}",))
    database.close()
    path = tmp_path / "paddock.db"
    raw = bytearray(path.read_bytes())
    raw[4096 * 3 : 4096 * 20] = b"\xa5" * (4096 * 17)
    path.write_bytes(raw)
    database = open_database(tmp_path)
    assert [notice.code for notice in database.notices] == ["database_damaged"]
    database.close()


def test_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "paddock.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE future (x)")
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(AppError) as caught:
        open_database(tmp_path)
    assert caught.value.code is ErrorCode.DATABASE_NEWER
    assert path.read_bytes() == before
    with pytest.raises(AppError) as caught, read_only(path):
        pass
    assert caught.value.code is ErrorCode.DATABASE_NEWER


def test_upgrade_is_backed_up_first(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    database.execute("INSERT INTO aliases VALUES ('a', 'b')")
    database.close()
    latest = max(MIGRATIONS)
    upgraded = {**MIGRATIONS, latest + 1: "ALTER TABLE aliases ADD COLUMN note TEXT;"}
    database = open_database(tmp_path, migrations=upgraded)
    assert database.query("SELECT note FROM aliases")[0]["note"] is None
    assert [notice.code for notice in database.notices] == ["database_backed_up"]
    database.close()
    backup = next((tmp_path / "backups").glob("*.db"))
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT alias FROM aliases").fetchall() == [("a",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (latest,)
    connection.close()


def test_a_failing_upgrade_changes_nothing(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    latest = max(MIGRATIONS)
    broken = {**MIGRATIONS, latest + 1: "CREATE TABLE half (x); CREATE TABLE jobs (x);"}
    with pytest.raises(AppError) as caught:
        open_database(tmp_path, migrations=broken)
    assert caught.value.code is ErrorCode.DATABASE_BUSY
    database = open_database(tmp_path)
    assert database.query("SELECT name FROM sqlite_master WHERE name = 'half'") == []
    database.close()


def test_readers_see_what_is_stored_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "paddock.db"
    with pytest.raises(FileNotFoundError), read_only(path):
        pass
    database = open_database(tmp_path)
    database.execute("INSERT INTO aliases VALUES ('a', 'b')")
    with database.transaction() as connection:
        connection.execute("INSERT INTO aliases VALUES ('c', 'd')")
        with read_only(path) as reader:
            assert len(reader.execute("SELECT * FROM aliases").fetchall()) == 1
            with pytest.raises(sqlite3.OperationalError):
                reader.execute("INSERT INTO aliases VALUES ('e', 'f')")
    database.close()
