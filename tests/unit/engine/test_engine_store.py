"""Runtimes: listed, linked, forgotten; never another one in silence."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from desktop.core.engine.runtime import ENVIRONMENT_ID, Runtime
from desktop.core.engine.store import MARK, RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import Paths, paths

posix = pytest.mark.skipif(sys.platform == "win32", reason="makes links")


@pytest.fixture
def home(tmp_path: Path) -> Paths:
    return paths({"PADDOCK_HOME": str(tmp_path)}).ensure()


@pytest.fixture
def elsewhere(runtime: Runtime, tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "bin").symlink_to(runtime.bin_dir)
    (folder / "lib").symlink_to(runtime.bin_dir.parent / "lib")
    return folder


def fails(code: ErrorCode, function: object, *arguments: object) -> AppError:
    with pytest.raises(AppError) as caught:
        function(*arguments)  # type: ignore[operator]
    assert caught.value.code is code
    return caught.value


def test_the_environments_engine_is_there_from_the_start(home: Paths) -> None:
    store = RuntimeStore(home)
    assert [entry.id for entry in store.entries()] == [ENVIRONMENT_ID]
    assert store.current().id == ENVIRONMENT_ID


@posix
def test_a_linked_folder_is_used_and_forgotten_but_not_deleted(
    home: Paths, elsewhere: Path
) -> None:
    store = RuntimeStore(home)
    assert store.add("mine", elsewhere).id == "mine"
    assert [(e.id, e.kind) for e in store.entries()] == [
        (ENVIRONMENT_ID, "environment"),
        ("mine", "linked"),
    ]
    assert RuntimeStore(home, "mine").current().folder == elsewhere
    fails(ErrorCode.ENGINE_RUNTIME_EXISTS, store.add, "Mine", elsewhere)
    fails(ErrorCode.ENGINE_RUNTIME_EXISTS, store.add, ENVIRONMENT_ID, elsewhere)
    fails(ErrorCode.BAD_REQUEST, store.add, "../x", elsewhere)
    fails(ErrorCode.ENGINE_IN_USE, RuntimeStore(home, "mine").remove, "mine")
    store.remove("mine")
    assert (elsewhere / "bin").exists()
    assert not (home.runtimes / "mine").exists()
    fails(ErrorCode.ENGINE_NOT_FOUND, store.get, "mine")


@posix
def test_a_built_runtime_is_deleted_and_a_found_one_is_not(home: Paths, elsewhere: Path) -> None:
    store = RuntimeStore(home)
    built, found = home.runtimes / "built", home.runtimes / "found"
    for folder in (built, found):
        folder.mkdir(parents=True)
        (folder / "bin").symlink_to(elsewhere / "bin")
        (folder / "lib").symlink_to(elsewhere / "lib")
    (built / MARK).write_text(json.dumps({"built": True}))
    kinds = {entry.id: entry.kind for entry in store.entries() if entry.runtime is not None}
    assert kinds == {ENVIRONMENT_ID: "environment", "built": "built", "found": "found"}
    store.remove("built")
    assert not built.exists() and (elsewhere / "bin" / "llama-server").exists()
    fails(ErrorCode.ENGINE_IN_USE, store.remove, "found")
    fails(ErrorCode.ENGINE_IN_USE, store.remove, ENVIRONMENT_ID)
    fails(ErrorCode.ENGINE_NOT_FOUND, store.remove, "nothing")


def test_broken_entries_are_listed_with_the_reason(home: Paths, tmp_path: Path) -> None:
    for name, text in {
        "gone": json.dumps({"folder": str(tmp_path / "gone")}),
        "garbled": "{",
        "list": "[]",
    }.items():
        (home.runtimes / name).mkdir(parents=True)
        (home.runtimes / name / MARK).write_text(text)
    (home.runtimes / "empty").mkdir()
    (home.runtimes / ".building-x").mkdir()
    store = RuntimeStore(home)
    errors = {e.id: e.error for e in store.entries() if e.error is not None}
    assert set(errors) == {"gone", "garbled", "list", "empty"}
    assert all(e.code is ErrorCode.ENGINE_BAD_RUNTIME for e in errors.values())
    assert "is gone" in errors["gone"].cause
    fails(ErrorCode.ENGINE_BAD_RUNTIME, store.get, "gone")
    store.remove("gone")
    fails(ErrorCode.ENGINE_BAD_RUNTIME, RuntimeStore(home, "garbled").current)


def test_a_chosen_engine_that_is_gone_is_not_replaced(home: Paths) -> None:
    error = fails(ErrorCode.ENGINE_NOT_FOUND, RuntimeStore(home, "cuda").current)
    assert ENVIRONMENT_ID in error.cause


def test_what_cannot_be_added(home: Paths, tmp_path: Path) -> None:
    store = RuntimeStore(home)
    fails(ErrorCode.PATH_NOT_FOUND, store.add, "x", tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    fails(ErrorCode.ENGINE_BAD_RUNTIME, store.add, "x", tmp_path / "empty")
    assert not (home.runtimes / "x").exists()
