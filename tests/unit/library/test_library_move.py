"""Moving the models folder: on one disk and to another, broken off anywhere, and never through a
link."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.library import copying, move
from desktop.core.library.move import STAGING, Pieces, find_pieces
from desktop.core.library.notes import DownloadedFile
from tests.helpers.disk import small_disk
from tests.helpers.gguf_files import write_hf_file
from tests.helpers.hub_cache import COMMIT, contents, downloaded, problems

MIB = 1 << 20


class Setup:
    def __init__(self, root: Path, target: Path) -> None:
        self.source, self.target = root / "hub", target
        self.rows: list[DownloadedFile] = []

    def fetched(self, name: str, content: bytes, repo: str = "owner/Tiny-GGUF") -> DownloadedFile:
        self.rows.append(downloaded(self.source, repo, name, content))
        return self.rows[-1]

    def pieces(self) -> Pieces:
        return Pieces.from_dict(find_pieces(self.source, self.rows).to_dict())

    def check(self) -> Pieces:
        pieces = self.pieces()
        move.check_target(self.source, self.target, pieces)
        return pieces

    def stage(self, pieces: Pieces, cancel: CancelToken | None = None) -> list[str]:
        return copying.stage(
            self.source, self.target, pieces, cancel or CancelToken(), lambda done: None
        )

    def compare(self, pieces: Pieces, copied: list[str]) -> None:
        copying.compare(
            self.source,
            self.target,
            pieces,
            copied=copied,
            cancel=CancelToken(),
            on_bytes=lambda done: None,
        )

    def all(self) -> Pieces:
        pieces = self.check()
        self.compare(pieces, self.stage(pieces))
        move.settle(self.target, pieces)
        move.drop_staging(self.target)
        return pieces


@pytest.fixture(params=["the same disk", "another disk"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setup]:
    if request.param == "the same disk":
        yield Setup(tmp_path, tmp_path / "new" / "models")
        return
    with small_disk(tmp_path, megabytes=128) as disk:
        yield Setup(tmp_path, disk / "new" / "models")


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Setup]:
    """The target is on a disk of its own."""
    with small_disk(tmp_path, megabytes=128) as disk:
        yield Setup(tmp_path, disk / "models")


def code_of(caught: pytest.ExceptionInfo[AppError]) -> ErrorCode:
    return caught.value.code


def test_everything_that_was_fetched_moves_and_nothing_else(setup: Setup) -> None:
    row = setup.fetched("sub/tiny.gguf", os.urandom(9 * MIB + 17))
    hers = write_hf_file(setup.source, "somebody/Else", "model.gguf", b"hers")
    part = row.path.parents[3] / "blobs" / f"{'e' * 64}.paddock-part"
    part.write_bytes(bytes(5 * MIB) + b"end")
    before = contents(setup.source / "models--owner--Tiny-GGUF")
    pieces = setup.all()
    assert contents(setup.target / "models--owner--Tiny-GGUF") == before
    assert (setup.target / row.path.relative_to(setup.source)).read_bytes() == row.path.read_bytes()
    assert problems(setup.target) == []
    cleaned = move.clean(setup.source, pieces)
    assert cleaned.left == () and [each.name for each in setup.source.iterdir()] == [
        "models--somebody--Else"
    ]
    assert hers.read_bytes() == b"hers" and problems(setup.source) == []
    assert not (setup.target / STAGING).exists()
    assert part.name in {path.name for path in setup.target.rglob("*")}


def test_on_one_disk_nothing_is_copied(tmp_path: Path) -> None:
    setup = Setup(tmp_path, tmp_path / "new")
    row = setup.fetched("tiny.gguf", os.urandom(MIB))
    inode = row.path.stat().st_ino
    pieces = setup.check()
    assert setup.stage(pieces) == []
    move.settle(setup.target, pieces)
    assert (setup.target / row.path.relative_to(setup.source)).stat().st_ino == inode
    assert move.clean(setup.source, pieces).freed_bytes == 0


def test_a_repository_with_nothing_but_a_paused_download_moves_too(setup: Setup) -> None:
    blobs = setup.source / "models--owner--New" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{'e' * 64}.paddock-part").write_bytes(b"half")
    assert setup.pieces().folders == ("models--owner--New",)


def test_holes_stay_holes(apart: Setup) -> None:
    row = apart.fetched("tiny.gguf", b"x")
    part = row.path.parents[2] / "blobs" / f"{'e' * 64}.paddock-part"
    with part.open("wb") as stream:
        stream.truncate(100 * MIB)
        stream.seek(50 * MIB)
        stream.write(b"middle")
    pieces = apart.all()
    moved = apart.target / part.relative_to(apart.source)
    assert moved.stat().st_size == 100 * MIB and moved.stat().st_blocks * 512 < 10 * MIB
    assert moved.read_bytes() == part.read_bytes()
    assert move.clean(apart.source, pieces).freed_bytes > 0


@pytest.mark.parametrize("staged", [0, 3 * MIB, 9 * MIB, 20 * MIB])
def test_a_copy_that_was_broken_off_is_gone_on_with(apart: Setup, staged: int) -> None:
    content = os.urandom(9 * MIB + 5)
    row = apart.fetched("tiny.gguf", content)
    pieces = apart.check()
    blob = row.path.resolve().relative_to(apart.source)
    half = apart.target / STAGING / blob
    half.parent.mkdir(parents=True)
    half.write_bytes((content + os.urandom(20 * MIB))[:staged])
    copied = apart.stage(pieces)
    apart.compare(pieces, copied)
    assert half.read_bytes() == content


def test_a_copy_that_went_wrong_is_made_again(apart: Setup) -> None:
    content = os.urandom(5 * MIB)
    row = apart.fetched("tiny.gguf", content)
    pieces = apart.check()
    copied = apart.stage(pieces)
    half = apart.target / STAGING / row.path.resolve().relative_to(apart.source)
    half.write_bytes(b"?" + content[1:])
    apart.compare(pieces, copied)
    assert half.read_bytes() == content


def test_a_disk_that_changes_what_it_is_given_is_told(
    apart: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = apart.fetched("tiny.gguf", os.urandom(MIB))
    pieces = apart.check()
    copied = apart.stage(pieces)
    half = apart.target / STAGING / row.path.resolve().relative_to(apart.source)
    real = copying._copy

    def spoiled(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        half.write_bytes(b"?" + half.read_bytes()[1:])

    half.write_bytes(b"?" + half.read_bytes()[1:])
    monkeypatch.setattr(copying, "_copy", spoiled)
    with pytest.raises(AppError) as caught:
        apart.compare(pieces, copied)
    assert code_of(caught) is ErrorCode.MODELS_FOLDER_COPY
    assert row.path.exists()


def test_a_damaged_file_is_moved_as_it_is(apart: Setup) -> None:
    row = apart.fetched("tiny.gguf", os.urandom(MIB))
    blob = row.path.resolve()
    blob.write_bytes(b"?" + blob.read_bytes()[1:])
    apart.all()
    assert (apart.target / blob.relative_to(apart.source)).read_bytes() == blob.read_bytes()


def test_a_cancelled_move_leaves_nothing_behind(setup: Setup) -> None:
    setup.fetched("a.gguf", os.urandom(MIB), repo="owner/A")
    setup.fetched("b.gguf", os.urandom(MIB), repo="owner/B")
    before = contents(setup.source)
    pieces = setup.check()
    setup.stage(pieces)
    # Broken off while the folders got their names: one has its name, the other has not.
    (setup.target / STAGING / "models--owner--A").rename(setup.target / "models--owner--A")
    (setup.target / "mine.txt").write_text("mine")
    move.undo(setup.target, pieces)
    assert [path.name for path in setup.target.iterdir()] == ["mine.txt"]
    assert contents(setup.source) == before


def test_cancelling_stops_in_the_middle_of_a_file(apart: Setup) -> None:
    apart.fetched("tiny.gguf", os.urandom(20 * MIB))
    pieces, cancel, seen = apart.check(), CancelToken(), []

    def on_bytes(done: int) -> None:
        seen.append(done)
        if done >= 8 * MIB:
            cancel.cancel()

    with pytest.raises(AppError) as caught:
        copying.stage(apart.source, apart.target, pieces, cancel, on_bytes)
    assert code_of(caught) is ErrorCode.CANCELLED and max(seen) < 20 * MIB


def test_what_changed_since_is_neither_moved_nor_deleted(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", os.urandom(MIB))
    pieces = setup.check()
    ref = row.path.parents[2] / "refs" / "main"
    ref.write_text("b" * 40)
    os.utime(ref, ns=(1, 1))
    with pytest.raises(AppError) as caught:
        setup.stage(pieces)
    assert code_of(caught) is ErrorCode.MODELS_FOLDER_COPY
    pieces = setup.pieces()
    setup.stage(pieces)
    ref.write_text("c" * 40)
    later = write_hf_file(setup.source, "owner/Tiny-GGUF", "new.json", b"{}", ref=None)
    move.settle(setup.target, pieces)
    cleaned = move.clean(setup.source, pieces)
    assert ref.read_text() == "c" * 40 and later.read_bytes() == b"{}"
    assert cleaned.left == (str(ref),) and not row.path.exists()


# --- links


def test_links_of_a_repository_lead_to_its_own_files_at_the_new_place(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", b"content")
    blob = row.path.resolve()
    row.path.unlink()
    row.path.symlink_to(blob)  # an absolute one
    outside = setup.source / "blobs" / "shared"
    outside.parent.mkdir()
    outside.write_bytes(b"shared")
    far = row.path.with_name("far.gguf")
    far.symlink_to(os.path.relpath(outside, far.parent))
    pieces = setup.all()
    move.clean(setup.source, pieces)
    moved = setup.target / row.path.relative_to(setup.source)
    assert moved.read_bytes() == b"content" and moved.resolve().is_relative_to(setup.target)
    assert moved.with_name("far.gguf").read_bytes() == b"shared" == outside.read_bytes()


@pytest.mark.parametrize("level", ["snapshots", COMMIT, "blobs", "refs"])
def test_a_folder_that_is_a_link_is_moved_as_a_link(
    setup: Setup, level: str, tmp_path: Path
) -> None:
    row = setup.fetched("tiny.gguf", b"content")
    folder = next(path for path in row.path.parents[2].rglob("*") if path.name == level)
    outside = tmp_path / "outside"
    shutil.move(folder, outside)
    folder.symlink_to(outside)
    before = contents(outside)
    pieces = setup.all()
    move.clean(setup.source, pieces)
    assert contents(outside) == before
    assert not (setup.source / "models--owner--Tiny-GGUF").exists()


def test_a_folder_that_became_a_link_is_not_cleaned_through(setup: Setup, tmp_path: Path) -> None:
    row = setup.fetched("tiny.gguf", b"content")
    pieces = setup.all()
    outside = tmp_path / "outside"
    for name in ("blobs", "refs", "snapshots"):
        folder = row.path.parents[2] / name
        shutil.move(folder, outside / name)
        folder.symlink_to(outside / name)
    before = contents(outside)
    cleaned = move.clean(setup.source, pieces)
    assert contents(outside) == before and len(cleaned.left) == 3


def test_a_repository_that_is_a_link_stays_where_it_is(setup: Setup, tmp_path: Path) -> None:
    row = setup.fetched("tiny.gguf", b"content")
    folder = row.path.parents[2]
    shutil.move(folder, tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    pieces = setup.pieces()
    assert pieces.folders == ()
    assert move.other_repositories(setup.source, pieces) == [folder.name]


# --- targets that will not do


def test_targets_that_are_refused_leave_nothing_behind(tmp_path: Path) -> None:
    setup = Setup(tmp_path, tmp_path)
    setup.fetched("tiny.gguf", b"content")
    other = tmp_path / "other"
    (other / "models--owner--Tiny-GGUF").mkdir(parents=True)
    plain = tmp_path / "file"
    plain.write_text("a file")
    link = tmp_path / "link"
    link.symlink_to(setup.source)
    for target, reason in (
        (setup.source, "already"),
        (link, "already"),
        (setup.source / "deep" / "inside", "inside"),
        (other, "holds models--owner--Tiny-GGUF already"),
        (plain, ""),
        (plain / "below", ""),
    ):
        setup.target = target
        before = contents(tmp_path)
        with pytest.raises(AppError) as caught:
            setup.check()
        assert code_of(caught) is ErrorCode.MODELS_FOLDER_UNUSABLE, target
        assert reason in caught.value.params["reason"]
        assert contents(tmp_path) == before


def test_a_disk_without_room_is_told_with_both_figures(tmp_path: Path) -> None:
    with small_disk(tmp_path, megabytes=80) as disk:
        setup = Setup(tmp_path, disk / "models")
        setup.fetched("tiny.gguf", os.urandom(40 * MIB))
        with pytest.raises(AppError) as caught:
            setup.check()
        assert code_of(caught) is ErrorCode.MODELS_FOLDER_FULL
        assert "104.0 MiB" in str(caught.value) and "80.0 MiB" in str(caught.value)
        assert list(disk.iterdir()) == []


def test_a_disk_that_fills_up_on_the_way_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path, megabytes=128) as disk:
        setup = Setup(tmp_path, disk / "models")
        setup.fetched("tiny.gguf", os.urandom(40 * MIB))
        pieces = setup.check()
        (disk / "filler").write_bytes(bytes(100 * MIB))
        with pytest.raises(AppError) as caught:
            setup.stage(pieces)
        assert code_of(caught) is ErrorCode.DISK_FULL
        (disk / "filler").unlink()
        setup.compare(pieces, setup.stage(pieces))


def test_a_disk_that_is_read_only_is_refused(tmp_path: Path) -> None:
    import subprocess

    with small_disk(tmp_path) as disk:
        setup = Setup(tmp_path, disk / "models")
        setup.fetched("tiny.gguf", b"content")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(AppError) as caught:
            setup.check()
        assert code_of(caught) is ErrorCode.MODELS_FOLDER_UNUSABLE
        assert "Read-only" in caught.value.params["reason"]


def test_where_hard_links_cannot_be_made_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = Setup(tmp_path, tmp_path / "new")
    row = setup.fetched("tiny.gguf", os.urandom(MIB))

    def refused(*names: object, **more: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    pieces = setup.check()
    copied = setup.stage(pieces)
    setup.compare(pieces, copied)
    assert row.path.resolve().relative_to(setup.source).as_posix() in copied


def test_a_name_that_was_taken_meanwhile_is_left_alone(setup: Setup) -> None:
    setup.fetched("tiny.gguf", b"content")
    pieces = setup.check()
    setup.stage(pieces)
    hers = write_hf_file(setup.target, "owner/Tiny-GGUF", "hers.json", b"{}")
    with pytest.raises(AppError) as caught:
        move.settle(setup.target, pieces)
    assert code_of(caught) is ErrorCode.MODELS_FOLDER_UNUSABLE
    move.undo(setup.target, pieces)
    assert hers.read_bytes() == b"{}"
