"""Reading files whole: against the hub's hash, a blob's name, or what was read before."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.identity import hash_cache, quick_fingerprint, sha256_file
from desktop.core.library.library import Library
from desktop.core.library.verify import (
    Checked,
    KnownHash,
    check_file,
    hash_file,
    known_hash,
    last_check,
)
from tests.helpers.gguf_files import tiny_llama, write_hf_file, write_split_llama, write_tiny_llama

Check = Callable[..., Checked]


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return hash_cache(tmp_path / "hashes")


@pytest.fixture
def check(cache: FileCache) -> Check:
    def checked(path: Path, recorded: str | None = None) -> Checked:
        with HeaderReader(None) as reader:
            return check_file(
                path,
                known_hash(path, recorded, cache),
                cancel=CancelToken(),
                on_bytes=lambda done: None,
                header=reader.read,
                cache=cache,
            )

    return checked


def flip(path: Path, place: int = -1) -> None:
    """Change one byte as a bad disk does: nothing else about the file says so."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    with path.open("r+b") as stream:
        stream.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_who_knows_a_hash(tmp_path: Path, cache: FileCache) -> None:
    plain = write_tiny_llama(tmp_path / "tiny.gguf")
    assert known_hash(plain, None, cache) is None
    digest = sha256_file(plain, cache=cache)
    assert known_hash(plain, None, cache) == KnownHash(digest, "earlier")
    assert known_hash(plain, "A" * 64, cache) == KnownHash("a" * 64, "hub")
    assert known_hash(plain, "no hash", cache) == KnownHash(digest, "earlier")
    link = write_hf_file(tmp_path / "hub", "o/r", "tiny.gguf", plain.read_bytes())
    assert known_hash(link) == KnownHash(digest, "cache")
    blob = tmp_path / f"sha256-{digest}"
    plain.rename(blob)
    assert known_hash(blob) == KnownHash(digest, "ollama")
    named = tmp_path / ("c" * 64)
    named.write_bytes(b"any file may be called so")
    assert known_hash(named) is None


def test_a_file_of_the_hub_is_right_until_a_byte_is_wrong(
    tmp_path: Path, cache: FileCache, check: Check
) -> None:
    link = write_hf_file(tmp_path / "hub", "o/r", "tiny.gguf", tiny_llama().to_bytes())
    first = check(link)
    assert (first.state, first.expected and first.expected.source) == ("ok", "cache")
    assert last_check([link], cache) == {
        "state": "ok",
        "checked": pytest.approx(os.stat_result(link.stat()).st_mtime, abs=60),
    }
    flip(link.resolve())
    assert quick_fingerprint(link, cache), "its fingerprint is remembered: nothing seems to differ"
    second = check(link)
    assert second.state == "damaged" and second.found != first.found
    assert (last_check([link], cache) or {})["state"] == "damaged"
    assert check(link).state == "damaged"
    flip(link.resolve())
    assert check(link).state == "ok"
    assert (last_check([link], cache) or {})["state"] == "ok"


def test_the_hub_s_word_counts_more_than_the_name(tmp_path: Path, check: Check) -> None:
    link = write_hf_file(tmp_path / "hub", "o/r", "tiny.gguf", tiny_llama().to_bytes())
    recorded = link.readlink().name

    assert check(link, recorded).state == "ok"
    assert check(link, "f" * 64).state == "damaged"


def test_a_small_file_is_named_by_gits_hash(tmp_path: Path, check: Check) -> None:
    content = tiny_llama().to_bytes()
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / digest).write_bytes(content)
    link = tmp_path / "tiny.gguf"
    link.symlink_to(tmp_path / "blobs" / digest)
    git = subprocess.run(
        ["git", "hash-object", str(tmp_path / "blobs" / digest)], capture_output=True, check=True
    )
    assert git.stdout.strip().decode() == digest
    assert check(link).state == "ok"
    flip(link.resolve())
    assert check(link).state == "damaged"


def test_a_file_nobody_knows_is_compared_with_itself_the_next_time(
    tmp_path: Path, cache: FileCache, check: Check
) -> None:
    path = write_tiny_llama(tmp_path / "mine.gguf")
    assert check(path).state == "no_hash"
    assert (last_check([path], cache) or {})["state"] == "no_hash"
    again = check(path)
    assert again.state == "ok" and again.expected and again.expected.source == "earlier"
    flip(path)
    assert check(path).state == "damaged"
    assert check(path).state == "damaged", "the wrong bytes are not what it is compared with"
    path.write_bytes(tiny_llama(n_layers=3).to_bytes())
    assert last_check([path], cache) is None, "it is another file"
    assert check(path).state == "no_hash"


def test_a_header_that_makes_no_sense_is_damage_where_nobody_published_it(
    tmp_path: Path, check: Check
) -> None:
    path = write_tiny_llama(tmp_path / "mine.gguf")
    path.write_bytes(path.read_bytes()[:-1000])
    found = check(path)
    assert found.state == "damaged" and found.error and found.error.code is ErrorCode.GGUF_TRUNCATED
    published = write_hf_file(tmp_path / "hub", "o/r", "bad.gguf", b"GGUF but no more")
    found = check(published)
    assert found.state == "ok" and found.error is not None


def test_a_file_that_changes_meanwhile_is_no_verdict(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "mine.gguf")

    def grow(done: int) -> None:
        with path.open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(AppError) as caught:
        hash_file(path, None, CancelToken(), grow)
    assert caught.value.code is ErrorCode.PATH_UNREADABLE


def test_cancelling_stops_it(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "mine.gguf")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        hash_file(path, None, cancel, lambda done: None)
    assert caught.value.code is ErrorCode.CANCELLED


def test_a_damaged_part_makes_the_model_broken_until_it_is_right_again(
    tmp_path: Path, cache: FileCache, check: Check
) -> None:
    class Store:
        def __init__(self) -> None:
            self.ids: dict[str, str] = {}

        def load_ids(self) -> dict[str, str]:
            return dict(self.ids)

        def save_id(self, fingerprint: str, id: str, path: Path) -> None:
            self.ids[fingerprint] = id

        def aliases(self) -> dict[str, str]:
            return {}

    parts = write_split_llama(tmp_path / "models", "tiny-f16", parts=2)
    with HeaderReader(None) as reader:
        library = Library(
            Store(),
            reader,
            lambda: [],
            lambda: [tmp_path / "models"],
            None,
            hashes=tmp_path / "hashes",
        )
        library.rescan()
        (entry,) = library.models()
        assert entry.checked is None
        for part in parts:
            check(part)
        flip(parts[1])
        check(parts[1])
        assert library.rescan().changed == (entry.id,)
        (marked,) = library.models()
        assert marked.error and marked.error.code is ErrorCode.MODEL_DAMAGED
        assert (marked.id, marked.to_dict()["checked"]["state"]) == (entry.id, "damaged")
        flip(parts[1])
        check(parts[1])
        library.rescan()
        (right,) = library.models()
        assert right.error is None and (right.checked or {})["state"] == "no_hash"
