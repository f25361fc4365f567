"""The same file twice: found by content, made one by hard links, and never at a risk."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.library.adopt import linking
from desktop.core.library.adopt.duplicates import DuplicateGroup, KnownFile, find_duplicates
from desktop.core.library.adopt.linking import Linked, link_files
from desktop.core.library.identity import hash_cache
from tests.helpers.app_folders import OllamaStore
from tests.helpers.gguf_files import write_hf_file

LONG_AGO = time.time() - 10_000


def made(path: Path, content: bytes, *, mode: int = 0o644, when: float = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, (when, when))
    return path


def content(seed: int, size: int = 300_000) -> bytes:
    return hashlib.shake_128(str(seed).encode()).digest(size)


def find(*paths: Path, **more: object) -> list[DuplicateGroup]:
    return find_duplicates([KnownFile(path) for path in paths], **more)  # type: ignore[arg-type]


def reason(linked: Linked) -> str:
    ((_, error),) = linked.refused
    assert error.code is ErrorCode.LINK_REFUSED
    return str(error.params["reason"])


class Listener:
    def __init__(self) -> None:
        self.seen: list[Progress] = []
        self.lines: list[str] = []

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)

    def log(self, line: str) -> None:
        self.lines.append(line)


# --- finding


def test_the_same_content_is_found_wherever_it_lies(tmp_path: Path) -> None:
    same = [made(tmp_path / name, content(1)) for name in ("a.gguf", "x/b.gguf", "y/c.gguf")]
    other = made(tmp_path / "d.gguf", content(2))
    alone = made(tmp_path / "e.gguf", content(3, 1000))
    (group,) = find(*same, other, alone)
    assert [place.path for place in group.places] == same
    assert group.sha256 == hashlib.sha256(content(1)).hexdigest() and group.read
    assert group.size_bytes == 300_000
    assert group.saved_bytes == 2 * (same[0].stat().st_blocks * 512)


def test_files_that_differ_in_one_byte_nobody_samples_are_no_duplicates(tmp_path: Path) -> None:
    first = bytearray(content(1, 2_000_000))
    second = bytearray(first)
    second[1_000_000] ^= 1
    one = made(tmp_path / "a.gguf", bytes(first))
    two = made(tmp_path / "b.gguf", bytes(second))
    listener = Listener()
    assert find(one, two, reporter=listener) == []
    assert listener.seen[-1].done == listener.seen[-1].total == 4_000_000


def test_what_is_one_file_already_is_no_duplicate(tmp_path: Path) -> None:
    one = made(tmp_path / "a.gguf", content(1))
    os.link(one, tmp_path / "b.gguf")
    (tmp_path / "c.gguf").symlink_to(one)
    assert find(one, tmp_path / "b.gguf", tmp_path / "c.gguf", one) == []


def test_a_file_with_a_further_name_elsewhere_would_free_nothing(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a.gguf", content(1)), made(tmp_path / "b.gguf", content(1))
    os.link(two, tmp_path / "elsewhere")
    (group,) = find(one, two)
    assert group.saved_bytes == 0
    (group,) = find(one, two, tmp_path / "elsewhere")
    assert group.saved_bytes == one.stat().st_blocks * 512


def test_names_that_are_hashes_are_believed_for_the_list_only(tmp_path: Path) -> None:
    data = content(1)
    link = write_hf_file(tmp_path / "hub", "me/Tiny", "tiny.gguf", data)
    blob = OllamaStore(tmp_path / "o").blob(data)["digest"].replace(":", "-")
    listener = Listener()
    (group,) = find(link, tmp_path / "o" / "blobs" / blob, reporter=listener)
    assert listener.seen == [] and not group.read
    plain = made(tmp_path / "plain.gguf", data)
    (group,) = find(link, plain, reporter=listener)
    assert listener.seen[-1].done == len(data) and not group.read
    (group,) = find(plain, made(tmp_path / "plain2.gguf", data))
    assert group.read


def test_what_was_read_once_is_not_read_again(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a.gguf", content(1)), made(tmp_path / "b.gguf", content(1))
    cache = hash_cache(tmp_path / "hashes")
    listener = Listener()
    find(one, two, cache=cache, reporter=listener)
    assert listener.seen
    listener.seen.clear()
    (group,) = find(one, two, cache=cache, reporter=listener)
    assert listener.seen == [] and group.read
    made(two, content(1), when=LONG_AGO + 5)
    find(one, two, cache=cache, reporter=listener)
    assert listener.seen[-1].total == 300_000


def test_a_file_that_cannot_be_read_is_told_and_left_out(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a.gguf", content(1)), made(tmp_path / "b.gguf", content(1))
    listener = Listener()
    (group,) = find(one, tmp_path / "gone.gguf", two, tmp_path, reporter=listener)
    assert len(group.places) == 2 and len(listener.lines) == 2


def test_finding_can_be_stopped(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a.gguf", content(1)), made(tmp_path / "b.gguf", content(1))
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        find(one, two, cancel=cancel)
    assert caught.value.code is ErrorCode.CANCELLED


# --- linking


def test_duplicates_become_one_file(tmp_path: Path) -> None:
    oldest = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    others = [made(tmp_path / name, content(1)) for name in ("x/b.gguf", "y/c.gguf")]
    took = others[0].stat().st_blocks * 512
    (linked,) = link_files([*others, oldest])
    assert linked.kept == oldest and linked.linked == others and linked.refused == []
    assert linked.freed_bytes == 2 * took
    assert oldest.stat().st_nlink == 3 and oldest.stat().st_mtime == LONG_AGO - 100
    for path in others:
        assert path.samefile(oldest) and path.read_bytes() == content(1)
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["a.gguf", "b.gguf", "c.gguf"]
    assert find(oldest, *others) == [] and link_files([*others, oldest]) == []


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    link = write_hf_file(tmp_path / "hub", "me/Tiny", "tiny.gguf", content(1))
    blob = link.resolve()
    os.utime(blob, (LONG_AGO, LONG_AGO))
    other = made(tmp_path / "b.gguf", content(1), when=LONG_AGO - 100)
    (linked,) = link_files([link, other])
    assert linked.linked == [blob] and link.is_symlink() and link.samefile(other)


def test_what_is_no_longer_the_same_stays(tmp_path: Path) -> None:
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(2))
    (linked,) = link_files([one, two])
    assert "not the same" in reason(linked) and linked.linked == [] and linked.freed_bytes == 0
    assert two.read_bytes() == content(2) and not two.samefile(one)


def test_names_that_are_hashes_are_not_believed_here(tmp_path: Path) -> None:
    link = write_hf_file(tmp_path / "hub", "me/Tiny", "tiny.gguf", content(1, 600_000))
    blob = link.resolve()
    spoiled = bytearray(content(1, 600_000))
    spoiled[100_000] ^= 1
    made(blob, bytes(spoiled))
    good = made(tmp_path / "good.gguf", content(1, 600_000), when=LONG_AGO - 100)
    (group,) = find(link, good)
    assert len(group.places) == 2  # the name says so, and the samples agree
    (linked,) = link_files([place.path for place in group.places])
    assert "not the same" in reason(linked) and blob.read_bytes() == bytes(spoiled)


def test_the_widest_permissions_are_kept(tmp_path: Path) -> None:
    private = made(tmp_path / "a.gguf", content(1), mode=0o600, when=LONG_AGO - 100)
    shared = made(tmp_path / "b.gguf", content(1), mode=0o644)
    (linked,) = link_files([private, shared])
    assert linked.kept == shared and stat.S_IMODE(private.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("mode_a", "mode_b", "said"),
    [(0o640, 0o604, "permissions"), (0o644, 0o444, "protected"), (0o444, 0o444, "protected")],
)
def test_permissions_that_would_be_lost_are_a_reason(
    tmp_path: Path, mode_a: int, mode_b: int, said: str
) -> None:
    one = made(tmp_path / "a.gguf", content(1), mode=mode_a, when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1), mode=mode_b)
    (linked,) = link_files([one, two])
    assert said in reason(linked) and not one.samefile(two)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who writes")
def test_a_file_that_is_being_written_stays(tmp_path: Path) -> None:
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1))
    for writer in (one, two):
        with writer.open("ab"):
            (linked,) = link_files([one, two])
            assert "writing" in reason(linked) and not one.samefile(two)
    (linked,) = link_files([one, two])
    assert linked.linked == [two]


def test_where_nobody_can_say_who_writes_a_late_change_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "_has_writer", lambda path: None)
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO)
    two = made(tmp_path / "b.gguf", content(1), when=time.time())
    (linked,) = link_files([one, two])
    assert "writing" in reason(linked)
    os.utime(two, (LONG_AGO, LONG_AGO + 1))
    (linked,) = link_files([one, two])
    assert linked.linked == [two]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give away files")
def test_another_users_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1))
    os.chown(two, 12345, 12345)
    (linked,) = link_files([one, two])
    assert "owner" in reason(linked)
    monkeypatch.setattr(os, "geteuid", lambda: 777)
    (linked,) = link_files([one, two])
    assert "another user" in reason(linked) and not one.samefile(two)


def test_a_change_in_the_last_moment_brings_the_file_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1))
    replace = os.replace

    def late(source: Path, target: Path) -> None:
        if str(source).endswith("-new"):
            with two.open("ab") as stream:  # somebody adds to it after it was compared
                stream.write(b"more")
        replace(source, target)

    monkeypatch.setattr(os, "replace", late)
    (linked,) = link_files([one, two])
    assert "meantime" in reason(linked)
    assert two.read_bytes() == content(1) + b"more" and one.read_bytes() == content(1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gguf", "b.gguf"]


def test_what_the_system_refuses_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1))

    def no_links(source: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    (linked,) = link_files([one, two])
    assert "Operation not supported" in reason(linked) and two.read_bytes() == content(1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gguf", "b.gguf"]


def test_a_killed_run_is_cleared_up_unless_it_holds_something_else(tmp_path: Path) -> None:
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1))
    mark = hashlib.sha256(os.fsencode(two)).hexdigest()[:16]
    old = made(tmp_path / f".paddock-{mark}-old", content(9))
    (linked,) = link_files([one, two])
    assert "earlier try" in reason(linked) and old.read_bytes() == content(9)
    old.write_bytes(content(1))
    made(tmp_path / f".paddock-{mark}-new", b"half")
    (linked,) = link_files([one, two])
    assert linked.linked == [two]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gguf", "b.gguf"]


def test_linking_can_be_stopped_and_what_is_done_stays(tmp_path: Path) -> None:
    size = 5 << 20  # read in two pieces: the stop is seen between them
    one = made(tmp_path / "a.gguf", content(1, size), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1, size))
    three = made(tmp_path / "c.gguf", content(1, size))
    cancel = CancelToken()

    class Stopper(Listener):
        def progress(self, progress: Progress) -> None:
            if progress.done > 2 * size:
                cancel.cancel()

    with pytest.raises(AppError) as caught:
        link_files([one, two, three], reporter=Stopper(), cancel=cancel)
    assert caught.value.code is ErrorCode.CANCELLED
    assert two.samefile(one) and not three.samefile(one)
    assert three.read_bytes() == content(1, size)


def test_the_hash_is_remembered_for_the_new_file(tmp_path: Path) -> None:
    one = made(tmp_path / "a.gguf", content(1), when=LONG_AGO - 100)
    two = made(tmp_path / "b.gguf", content(1))
    cache = hash_cache(tmp_path / "hashes")
    link_files([one, two], cache)
    kept = cache.get(two, two.stat())
    assert kept is not None and kept["sha256"] == hashlib.sha256(content(1)).hexdigest()
