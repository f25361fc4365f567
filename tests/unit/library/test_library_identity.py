"""What a file is, by its content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress
from desktop.core.library.identity import (
    combined_fingerprint,
    hash_cache,
    quick_fingerprint,
    sha256_file,
)

SIZE = 9 << 20


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.gguf"
    path.write_bytes(bytes(SIZE))
    return path


def test_fingerprints_follow_the_content_not_the_place(big: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(big.read_bytes())
    first = quick_fingerprint(big)
    assert first == quick_fingerprint(copy) and first.startswith("quick-")
    for place in (0, 65_000, SIZE // 3, 2 * SIZE // 3, SIZE - 1):
        content = bytearray(SIZE)
        content[place] = 1
        copy.write_bytes(content)
        assert quick_fingerprint(copy) != first, place
    copy.write_bytes(bytes(SIZE + 1))
    assert quick_fingerprint(copy) != first


def test_small_and_empty_files_have_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    prints = set()
    for content in (b"", b"a", b"b"):
        path.write_bytes(content)
        prints.add(quick_fingerprint(path))
    assert len(prints) == 3


def test_parts_count_in_order() -> None:
    assert combined_fingerprint(["a"]) == "a"
    assert combined_fingerprint(["a", "b"]) != combined_fingerprint(["b", "a"])


def test_hashes_are_remembered_until_the_file_changes(big: Path, tmp_path: Path) -> None:
    cache = hash_cache(tmp_path / "hashes")
    steps: list[Progress] = []

    class Steps(NullReporter):
        def progress(self, progress: Progress) -> None:
            steps.append(progress)

    wanted = hashlib.sha256(bytes(SIZE)).hexdigest()
    quick = quick_fingerprint(big, cache)
    assert sha256_file(big, Steps(), cache=cache) == wanted
    assert steps[-1].done == steps[-1].total == SIZE
    done = len(steps)
    assert sha256_file(big, Steps(), cache=hash_cache(tmp_path / "hashes")) == wanted
    assert len(steps) == done  # not read again
    assert quick_fingerprint(big, cache) == quick  # one entry holds both
    big.write_bytes(b"x" * SIZE)
    os.utime(big, ns=(1, 1))
    assert sha256_file(big, cache=cache) == hashlib.sha256(b"x" * SIZE).hexdigest()
    assert quick_fingerprint(big, cache) != quick


def test_hashing_can_be_stopped(big: Path, tmp_path: Path) -> None:
    cancel = CancelToken()

    class Stopper(NullReporter):
        def progress(self, progress: Progress) -> None:
            cancel.cancel()

    cache = hash_cache(tmp_path / "hashes")
    with pytest.raises(AppError) as caught:
        sha256_file(big, Stopper(), cancel, cache)
    assert caught.value.code is ErrorCode.CANCELLED
    assert not (tmp_path / "hashes").exists()


def test_a_file_that_changes_meanwhile_has_no_hash(big: Path) -> None:
    class Meddler(NullReporter):
        def progress(self, progress: Progress) -> None:
            os.truncate(big, SIZE // 2)

    with pytest.raises(AppError) as caught:
        sha256_file(big, Meddler())
    assert caught.value.code is ErrorCode.PATH_UNREADABLE


def test_what_is_no_file_has_none(tmp_path: Path) -> None:
    for path, code in (
        (tmp_path, ErrorCode.PATH_UNREADABLE),
        (tmp_path / "none", ErrorCode.PATH_NOT_FOUND),
    ):
        for function in (quick_fingerprint, sha256_file):
            with pytest.raises(AppError) as caught:
                function(path)
            assert caught.value.code is code
