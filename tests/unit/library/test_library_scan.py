"""Finding models where they lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress
from desktop.core.library import scan
from desktop.core.library.scan import Found, Scanner
from tests.helpers.gguf_files import write_hf_file, write_split_llama

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


class Log(NullReporter):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.seen: list[Progress] = []

    def log(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)


def find(
    *given: Path, cache: Path | None = None, bundled: Path | None = None, log: Log | None = None
) -> list[Found]:
    return Scanner(log or Log(), CancelToken()).scan([cache] if cache else [], given, bundled)


def put(path: Path, content: bytes = b"GGUF") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_folders_are_walked_and_files_taken_as_given(tmp_path: Path) -> None:
    a, b = put(tmp_path / "m" / "a.gguf"), put(tmp_path / "m" / "deep" / "er" / "B.GGUF")
    put(tmp_path / "m" / "c.gguf.part")
    put(tmp_path / "m" / "readme.md")
    single = put(tmp_path / "elsewhere" / "blob-without-ending")
    found = find(tmp_path / "m", single)
    assert [model.path for model in found] == [a, b, single]
    assert {model.source for model in found} == {"folder"}


def test_the_hub_cache_tells_repository_and_revision(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    link = write_hf_file(cache, "org/Some-Model-GGUF", "q/model-Q4_K_M.gguf", b"one")
    write_hf_file(cache, "gpt2", "gpt2.gguf", b"two", revision="b" * 40)
    put(cache / "datasets--org--data" / "snapshots" / "c" / "x.gguf")
    first, second = find(cache=cache)
    assert (second.repo, second.revision) == ("org/Some-Model-GGUF", "a" * 40)
    assert (second.repo_file, second.path) == ("q/model-Q4_K_M.gguf", link)
    assert first.repo == "gpt2"
    assert first.sizes == (3,)


def test_the_snapshot_of_main_is_preferred(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    for letter in "abc":
        ref = "main" if letter == "b" else None
        write_hf_file(cache, "org/m", "same.gguf", b"same", revision=letter * 40, ref=ref)
    write_hf_file(cache, "org/m", "old.gguf", b"old", revision="a" * 40, ref=None)
    found = find(cache=cache)
    assert [(model.path.name, model.revision) for model in found] == [
        ("same.gguf", "b" * 40),
        ("old.gguf", "a" * 40),
    ]


@posix
def test_one_file_is_found_once(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    link = write_hf_file(cache, "org/m", "m.gguf", b"content")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "again.gguf").symlink_to(link)
    os.link(link.resolve(), folder / "hard.gguf")
    (folder / "circle").symlink_to(folder)
    (folder / "loop.gguf").symlink_to(folder / "loop.gguf")
    (folder / "up").symlink_to(tmp_path)
    found = find(folder, folder, cache, cache=cache)
    assert [model.path.name for model in found] == ["m.gguf", "loop.gguf"]
    assert found[1].error is not None


def test_parts_make_one_model(tmp_path: Path) -> None:
    paths = write_split_llama(tmp_path, "tiny-Q4", parts=3)
    (found,) = find(tmp_path)
    assert found.paths == tuple(paths) and found.error is None
    (alone,) = find(paths[1])
    assert alone.paths == tuple(paths)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    paths = write_split_llama(tmp_path, "tiny", parts=3)
    paths[1].unlink()
    (found,) = find(tmp_path)
    assert found.error is not None and found.error.code is ErrorCode.GGUF_SHARD_MISSING
    assert found.error.params["count"] == 3
    assert found.error.params["missing"] == "tiny-00002-of-00003.gguf"
    assert found.paths == (paths[0], paths[2])


def test_absurd_part_numbers_are_just_names(tmp_path: Path) -> None:
    for name in ("m-00001-of-99999.gguf", "m-00005-of-00003.gguf", "m-00000-of-00002.gguf"):
        put(tmp_path / name)
    found = find(tmp_path)
    assert len(found) == 3
    assert all(model.error is None for model in found)


def test_parts_of_an_old_snapshot_stay_together(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    for revision, ref, first in (("a" * 40, None, b"old"), ("b" * 40, "main", b"new")):
        for number, content in ((1, first), (2, b"same in both")):
            name = f"m-{number:05}-of-00002.gguf"
            write_hf_file(cache, "org/m", name, content, revision=revision, ref=ref)
    found = find(cache=cache)
    assert [(model.revision, len(model.paths), model.error) for model in found] == [
        ("b" * 40, 2, None),
        ("a" * 40, 2, None),
    ]


@posix
def test_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    (tmp_path / "gone.gguf").symlink_to(tmp_path / "nowhere")
    gone, pipe = find(tmp_path)
    assert gone.error is not None and gone.error.code is ErrorCode.PATH_NOT_FOUND
    assert pipe.error is not None and pipe.error.code is ErrorCode.PATH_UNREADABLE


def test_places_that_are_not_there_are_only_mentioned(tmp_path: Path) -> None:
    log = Log()
    assert find(tmp_path / "none", Path("~nobody-here/x"), cache=tmp_path / "no", log=log) == []
    assert len(log.lines) == 2


def test_the_walk_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_FILES", 5)
    for number in range(20):
        put(tmp_path / f"{number:02}.gguf", b"%d" % number)
    log = Log()
    assert len(find(tmp_path, log=log)) == 5
    assert "too much" in log.lines[-1]
    monkeypatch.setattr(scan, "MAX_DEPTH", 2)
    put(tmp_path / "deep" / "1" / "2" / "3" / "4.gguf")
    assert len(find(tmp_path / "deep", log=log)) == 0
    assert "deeper" in log.lines[-1]


def test_it_can_be_stopped(tmp_path: Path) -> None:
    put(tmp_path / "a.gguf")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        Scanner(Log(), cancel).scan([], [tmp_path], None)
    assert caught.value.code is ErrorCode.CANCELLED
