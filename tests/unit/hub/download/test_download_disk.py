"""Disks that are full, read-only or elsewhere, and links that lead out of the cache."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir

from desktop.core.errors import ErrorCode
from desktop.core.events import Progress
from desktop.core.hub.download import partial
from desktop.core.hub.download.fetch import partial_bytes
from desktop.core.hub.download.order import Limits
from tests.helpers.disk import fill, small_disk
from tests.unit.hub.download.desk import FILE, MIB, REPO, Desk

FOLDER = "models--maker--Tiny-GGUF"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, megabytes=32) as place:
        yield place


def test_an_order_that_does_not_fit_is_refused_before_it_begins(
    desk: Desk, small: Path, big: bytes
) -> None:
    desk.hub.add_repo(REPO, {FILE: big, "second.gguf": os.urandom(20 * MIB)})
    desk.cache = small / "cache"
    error = desk.failure()
    assert error.code is ErrorCode.DISK_FULL
    assert error.params["needed_bytes"] == len(big) + 20 * MIB
    assert 20 * MIB < error.params["free_bytes"] <= 32 * MIB
    assert "MiB" in str(error)
    assert desk.hub.sent_bytes < 100
    assert not list(desk.cache.rglob("*.paddock-part"))


def test_space_is_ours_before_the_bytes_come(desk: Desk, small: Path, big: bytes) -> None:
    desk.hub.add_repo(REPO, {FILE: big})
    desk.cache = small / "cache"
    order = desk.order()
    filled: list[Path] = []

    def look(progress: Progress) -> None:
        if progress.done > 2 * MIB and not filled:
            filled.append(fill(small))

    desk.heard.on_progress = look
    # The manifest is the only thing that needs more: leave it a page.
    fetched = desk.get(order, limits=Limits(bytes_per_second=lambda: 16.0 * MIB))
    assert filled
    assert fetched.files[0].path.read_bytes() == big


def test_a_disk_that_fills_up_meanwhile_keeps_what_came(
    desk: Desk, small: Path, big: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial, "reserve", lambda handle, size: False)
    desk.hub.add_repo(REPO, {FILE: big})
    desk.cache = small / "cache"
    order = desk.order()
    filled: list[Path] = []

    def look(progress: Progress) -> None:
        if progress.done > 4 * MIB and not filled:
            filled.append(fill(small))

    desk.heard.on_progress = look
    error = desk.failure(order, limits=Limits(bytes_per_second=lambda: 12.0 * MIB))
    assert error.code is ErrorCode.DISK_FULL
    assert error.params["free_bytes"] < MIB < error.params["needed_bytes"] < len(big)
    filled[0].unlink()
    kept = partial_bytes(order, desk.cache)
    assert kept >= 4 * MIB
    desk.heard.on_progress = None
    desk.hub.clear_log()
    assert desk.get(order).files[0].path.read_bytes() == big
    assert desk.hub.sent_bytes <= len(big) - kept + 1


def test_a_read_only_folder(desk: Desk, small: Path, big: bytes) -> None:
    desk.hub.add_repo(REPO, {FILE: big})
    desk.cache = small / "cache"
    desk.cache.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    error = desk.failure()
    assert error.code is ErrorCode.HUB_FOLDER_UNWRITABLE
    assert "ead-only" in str(error)
    assert desk.hub.sent_bytes < 100


def test_a_folder_without_the_right_to_write(stocked: Desk) -> None:
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    stocked.cache.mkdir()
    stocked.cache.chmod(0o555)
    error = stocked.failure()
    stocked.cache.chmod(0o755)
    assert error.code is ErrorCode.HUB_FOLDER_UNWRITABLE


@pytest.mark.parametrize("where", ["", FOLDER, f"{FOLDER}/blobs", f"{FOLDER}/snapshots", ".locks"])
def test_a_file_where_a_folder_should_be(stocked: Desk, where: str) -> None:
    place = stocked.cache / where
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"not a folder")
    error = stocked.failure()
    assert error.code is ErrorCode.HUB_FOLDER_UNWRITABLE
    assert place.read_bytes() == b"not a folder"


def test_snapshots_on_another_disk(
    stocked: Desk, small: Path, big: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    snapshots = stocked.cache / FOLDER / "snapshots"
    snapshots.mkdir(parents=True)
    subprocess.run(["mount", "--bind", str(small), str(snapshots)], check=True)
    try:
        fetched = stocked.get(stocked.order(REPO, FILE))
        (file,) = fetched.files
        assert file.path.read_bytes() == big
        assert file.path.stat().st_dev != file.path.parents[2].stat().st_dev
        assert not list((stocked.cache / FOLDER / "blobs").iterdir())
    finally:
        subprocess.run(["umount", str(snapshots)], check=True)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize(
    "where",
    [
        FOLDER,
        f"{FOLDER}/blobs",
        f"{FOLDER}/snapshots",
        f"{FOLDER}/snapshots/COMMIT",
        f"{FOLDER}/snapshots/COMMIT/sub",
        f"{FOLDER}/refs",
        ".locks",
        f".locks/{FOLDER}",
    ],
)
def test_no_folder_that_is_a_link_leads_out(desk: Desk, tmp_path: Path, where: str) -> None:
    commit = desk.hub.add_repo(REPO, {"sub/x.gguf": os.urandom(MIB)})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"precious")
    link = desk.cache / where.replace("COMMIT", commit)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    error = desk.failure()
    assert error.code is ErrorCode.HUB_FOLDER_UNSAFE
    assert str(outside) in str(error)
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_bytes() == b"precious"


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_where_files_belong_are_replaced(stocked: Desk, tmp_path: Path, big: bytes) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    order = stocked.order(REPO, FILE)
    root, etag = stocked.cache / FOLDER, str(order.files[0].etag)
    for place in (
        root / "blobs" / etag,
        root / "blobs" / f"{etag}.paddock-part",
        root / "blobs" / f"{etag}.paddock-part.json",
        root / "snapshots" / order.commit / FILE,
        root / "refs" / "main",
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(outside)
    fetched = stocked.get(order)
    assert outside.read_bytes() == b"precious"
    assert fetched.files[0].path.read_bytes() == big
    assert not fetched.files[0].blob.is_symlink()
    assert (root / "refs" / "main").read_text() == order.commit
    assert not scan_cache_dir(stocked.cache).warnings


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_blob_that_the_library_shares_between_repositories(stocked: Desk, big: bytes) -> None:
    """huggingface_hub 2.4 keeps some contents in `blobs` of the cache and links to them."""
    order = stocked.order(REPO, FILE)
    shared = stocked.cache / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    shared.write_bytes(big)
    blob = stocked.cache / FOLDER / "blobs" / str(order.files[0].etag)
    blob.parent.mkdir(parents=True)
    blob.symlink_to(os.path.relpath(shared, blob.parent))
    stocked.hub.clear_log()
    (file,) = stocked.get(order).files
    assert file.was_present
    assert file.path.read_bytes() == big
    assert not stocked.hub.sent_bytes


def test_a_blob_of_another_size_is_fetched_anew(stocked: Desk, big: bytes) -> None:
    order = stocked.order(REPO, FILE)
    (file,) = stocked.get(order).files
    os.truncate(file.blob, 1000)
    (again,) = stocked.get(order).files
    assert not again.was_present
    assert again.path.read_bytes() == big
    assert "damaged" in stocked.heard.notes
