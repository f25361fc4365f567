"""Where results are kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.bench import results
from desktop.core.bench.results import ResultStore, pick, read_results
from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import Paths, paths
from tests.unit.bench.documents import document, result


@pytest.fixture
def places(tmp_path: Path) -> Paths:
    return paths({"PADDOCK_HOME": str(tmp_path)})


@pytest.fixture
def store(places: Paths) -> Iterator[ResultStore]:
    database = Database(places.database, places.backups)
    yield ResultStore(database)
    database.close()


def test_a_jobs_result_is_kept_once(store: ResultStore) -> None:
    first = store.add(7, document("first"))
    again = store.add(7, document("something else"))
    other = store.add(8, document("other"))
    assert first == again != other
    assert [doc["name"] for doc in store.list()] == ["other", "first"]
    assert store.get(first) == {**document("first"), "id": first}


def test_an_invalid_document_is_not_kept(store: ResultStore) -> None:
    with pytest.raises(AppError):
        store.add(1, document(results=[]))
    assert store.list() == []


def test_results_are_found_by_id_and_by_name(store: ResultStore) -> None:
    first = store.add(1, document("with 2 threads"))
    assert store.get("with 2 threads") == store.get(first) == store.get(str(first))
    for unknown in (99, "99", "nothing", "", 10**30):
        with pytest.raises(AppError) as caught:
            store.get(unknown)
        assert caught.value.code is ErrorCode.RESULT_NOT_FOUND


def test_names_stay_unique(store: ResultStore) -> None:
    ids = [store.add(job, document("same")) for job in (1, 2, 3)]
    assert [store.get(n)["name"] for n in ids] == ["same", "same (2)", "same (3)"]
    renamed = store.rename("same (2)", "  with\tflash attention ")
    assert renamed["name"] == store.get(ids[1])["name"] == "with flash attention"
    assert store.rename(ids[1], "with flash attention")["name"] == "with flash attention"
    for bad in ("same", "12", "", "\n"):
        with pytest.raises(AppError) as caught:
            store.rename(ids[1], bad)
        assert caught.value.code is ErrorCode.SETTING_INVALID
    long = "x" * 200
    assert {store.get(store.add(n, document(long)))["name"] for n in (10, 11)} == {
        long,
        "x" * 188 + " (2)",
    }


def test_deleted_results_are_gone_and_come_back_as_they_were(store: ResultStore) -> None:
    first, second, third = (store.add(n, document(name)) for n, name in enumerate("abc", 1))
    before = store.list()
    assert [each["id"] for each in store.delete(["a", third, "a"])] == [first, third]
    assert [each["id"] for each in store.list()] == [second]
    with pytest.raises(AppError) as caught:
        store.get(first)
    assert caught.value.code is ErrorCode.RESULT_NOT_FOUND
    restored = store.restore([third, first])
    assert [each["id"] for each in restored] == [third, first]
    assert store.list() == before
    assert store.add(3, document("again")) == third  # its job still knows it


def test_a_name_taken_meanwhile_is_not_taken_back(store: ResultStore) -> None:
    number = store.add(1, document("mine"))
    store.delete([number])
    store.add(2, document("mine"))
    assert store.restore([number])[0]["name"] == "mine (2)"
    assert store.restore([number])[0]["name"] == "mine (2)"  # a second time changes nothing


def test_deleting_and_restoring_are_whole_or_not_at_all(store: ResultStore) -> None:
    first, second = store.add(1, document("a")), store.add(2, document("b"))
    with pytest.raises(AppError):
        store.delete([first, 99])
    assert len(store.list()) == 2
    store.delete([first, second])
    with pytest.raises(AppError):
        store.restore([first, 99])
    assert store.list() == []


def test_what_was_deleted_long_ago_is_forgotten(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = store.add(1, document("old")), store.add(2, document("new"))
    with monkeypatch.context() as past:
        past.setattr(results.time, "time", lambda: 1_000_000.0)
        store.delete([old])
        past.setattr(results.time, "time", lambda: 1_000_001.0 + results.KEEP_DELETED_SECONDS)
        store.delete([new])
    with pytest.raises(AppError):
        store.restore([old])
    assert [each["id"] for each in store.restore([new])] == [new]


def test_imported_results_are_added_once(store: ResultStore) -> None:
    store.add(1, document("mine"))
    mine = json.loads(json.dumps(store.get("mine")))
    theirs = document("theirs", created=5.0)
    assert store.add_documents([mine, theirs, {**theirs, "name": "again", "id": 900}]) == 1
    assert store.add_documents([theirs]) == 0
    assert store.add_documents([document("theirs", created=6.0)]) == 1
    assert [doc["name"] for doc in store.list()] == ["mine", "theirs (2)", "theirs"]
    assert store.add_documents([]) == 0


def test_an_import_is_whole_or_not_at_all(store: ResultStore) -> None:
    bad = document(results=[result(tokens=-1)])
    with pytest.raises(AppError) as caught:
        store.add_documents([document(), bad])
    assert caught.value.params["path"] == "Result 2 of 2"
    for other in (None, {}, "x", [None]):
        with pytest.raises(AppError) as caught:
            store.add_documents(other)
        assert caught.value.code is ErrorCode.RESULT_FILE_INVALID
    assert store.list() == []


def test_other_programs_read_them_while_the_service_writes(
    store: ResultStore, places: Paths
) -> None:
    store.add(1, document("first", created=1.0))
    store.add(2, document("second", created=2.0))
    seen: list[object] = []
    reader = threading.Thread(target=lambda: seen.extend(read_results(places)))
    reader.start()
    reader.join()
    assert seen == store.list()
    assert pick(read_results(places), "first")["created"] == 1.0


def test_without_a_database_there_are_none(places: Paths) -> None:
    assert read_results(places) == []
    places.database.parent.mkdir(parents=True)
    places.database.touch()
    assert read_results(places) == []
