"""Downloads without faults: what arrives, where it lies, and that nothing is fetched twice."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.download.fetch import discard, fetch, partial_bytes
from desktop.core.hub.download.order import Limits, Order, WantedFile
from desktop.core.web import WebSettings
from tests.helpers.hub import git_blob_id
from tests.unit.hub.download.desk import FILE, MIB, REPO, SMALL, Desk

HOLD = Limits(bytes_per_second=lambda: 12.0 * MIB)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def official(desk: Desk, path: str = FILE, repo: str = REPO) -> Path:
    found = hf_hub_download(repo, path, endpoint=desk.hub.url, token=False, cache_dir=desk.cache)
    return Path(found)


def test_files_arrive_whole_in_the_librarys_layout(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    fetched = stocked.get(order)
    large, small = sorted(fetched.files, key=lambda file: -file.size_bytes)
    root = stocked.cache / "models--maker--Tiny-GGUF"
    assert fetched.snapshot == root / "snapshots" / order.commit
    assert large.path == fetched.snapshot / FILE
    assert large.blob == root / "blobs" / sha256(big)
    assert large.path.read_bytes() == big
    assert (large.sha256, large.etag, large.size_bytes) == (sha256(big), sha256(big), len(big))
    assert small.path.read_bytes() == b'{"model_type": "llama"}'
    assert small.etag == git_blob_id(small.path.read_bytes())
    assert small.sha256 == sha256(small.path.read_bytes())
    assert not large.was_present and not small.was_present
    assert fetched.fetched_bytes == len(big) + small.size_bytes
    assert (root / "refs" / "main").read_text() == order.commit
    assert sorted(path.name for path in (root / "blobs").iterdir()) == sorted(
        [large.etag, small.etag]
    )
    if os.name == "posix":
        assert large.path.readlink() == Path("../../blobs") / large.etag
        assert large.blob.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_librarys_scan_accepts_it(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    stocked.interrupted_at(4 * MIB, order, limits=HOLD)
    assert not scan_cache_dir(stocked.cache).warnings  # half-way, too
    stocked.get(order)
    scan = scan_cache_dir(stocked.cache)
    assert not scan.warnings
    assert not scan.incomplete_files
    (repo,) = scan.repos
    assert (repo.repo_id, repo.repo_type, repo.nb_files) == (REPO, "model", 2)
    (revision,) = repo.revisions
    assert revision.commit_hash == order.commit
    assert revision.refs == {"main"}
    assert {file.file_name for file in revision.files} == {FILE, SMALL}
    assert repo.size_on_disk == len(big) + 23


def test_the_library_finds_what_was_fetched(stocked: Desk, big: bytes) -> None:
    fetched = stocked.get()
    stocked.hub.clear_log()
    assert official(stocked).read_bytes() == big
    folder = snapshot_download(REPO, endpoint=stocked.hub.url, token=False, cache_dir=stocked.cache)
    assert Path(folder) == fetched.snapshot
    assert stocked.hub.sent_bytes == 0


def test_what_the_library_fetched_is_not_fetched_again(stocked: Desk, big: bytes) -> None:
    there = official(stocked)
    stocked.hub.clear_log()
    fetched = stocked.get(stocked.order(REPO, FILE))
    assert stocked.hub.sent_bytes == 0
    assert fetched.fetched_bytes == 0
    (file,) = fetched.files
    assert file.was_present
    assert file.path == there
    assert (file.sha256, file.size_bytes) == (sha256(big), len(big))
    assert stocked.heard.detail["files"][0]["state"] == "present"
    assert stocked.heard.detail["verified_bytes"] == len(big)


def test_the_same_content_in_a_newer_commit_is_only_linked(stocked: Desk, big: bytes) -> None:
    stocked.get()
    commit = stocked.hub.add_repo(REPO, {FILE: big, SMALL: b'{"model_type": "qwen3"}'})
    stocked.hub.clear_log()
    fetched = stocked.get()
    large, small = sorted(fetched.files, key=lambda file: -file.size_bytes)
    assert large.was_present and not small.was_present
    assert stocked.hub.sent_bytes < 100
    assert large.path.read_bytes() == big
    assert large.path.parent.name == commit
    scan = scan_cache_dir(stocked.cache)
    assert not scan.warnings
    (repo,) = scan.repos
    assert len(repo.revisions) == 2
    assert repo.size_on_disk == len(big) + 2 * 23


def test_the_same_content_at_two_paths_is_fetched_once(desk: Desk) -> None:
    data = os.urandom(9 * MIB)
    desk.hub.add_repo(REPO, {"a.gguf": data, "sub/b.gguf": data})
    fetched = desk.get()
    assert [file.path.read_bytes() for file in fetched.files] == [data, data]
    assert desk.hub.sent_bytes < len(data) + 10
    assert "waits_other" not in desk.heard.notes
    assert not scan_cache_dir(desk.cache).warnings


def test_nothing_is_asked_when_all_is_there(stocked: Desk) -> None:
    order = stocked.order()
    stocked.get(order)
    stocked.hub.close()
    fetched = stocked.get(order)
    assert all(file.was_present for file in fetched.files)


def test_a_read_only_cache_with_all_in_it_is_enough(stocked: Desk) -> None:
    order = stocked.order()
    stocked.get(order)
    (stocked.cache / "models--maker--Tiny-GGUF" / "refs" / "main").write_text("0" * 40)
    folders = [path for path in [stocked.cache, *stocked.cache.rglob("*")] if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert all(file.was_present for file in stocked.get(order).files)
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_several_connections_share_a_large_file(desk: Desk) -> None:
    data = os.urandom(96 * MIB)
    desk.hub.add_repo(REPO, {FILE: data})
    desk.hub.faults.bytes_per_second = 8.0 * MIB
    fetched = desk.get()
    assert fetched.files[0].path.read_bytes() == data
    assert desk.heard.most_connections >= 4
    assert desk.hub.sent_bytes < len(data) * 1.02


def test_a_small_file_is_asked_for_in_one_piece(desk: Desk) -> None:
    desk.hub.add_repo(REPO, {FILE: os.urandom(3 * MIB)})
    desk.get()
    content = [request for request in desk.hub.requests if request.host == "cdn"]
    assert [request.range for request in content] == ["bytes=0-0", f"bytes=0-{3 * MIB - 1}"]
    resolved = [request for request in desk.hub.requests if "/resolve/" in request.path]
    assert len(resolved) == 1  # the address is used again


def test_empty_and_nested_files(desk: Desk) -> None:
    files = {"empty.txt": b"", "a/b/c/deep.gguf": b"GGUF", "empty.gguf": b""}
    desk.hub.add_repo(REPO, dict(files))
    fetched = desk.get()
    assert {file.repo_file: file.path.read_bytes() for file in fetched.files} == files
    assert not scan_cache_dir(desk.cache).warnings
    for path, data in files.items():
        assert official(desk, path).read_bytes() == data


def test_more_files_than_are_open_at_once(desk: Desk) -> None:
    files = {f"part-{number:03}.gguf": os.urandom(100 + number) for number in range(90)}
    desk.hub.add_repo(REPO, dict(files))
    fetched = desk.get()
    assert {file.repo_file: file.path.read_bytes() for file in fetched.files} == files
    assert not list(fetched.snapshot.parents[1].joinpath("blobs").glob("*paddock*"))


def test_an_order_without_names_and_sizes_of_contents(stocked: Desk, big: bytes) -> None:
    commit = stocked.order().commit
    order = Order(REPO, "main", commit, (WantedFile(FILE), WantedFile(SMALL)))
    fetched = stocked.get(order)
    assert fetched.files[0].path.read_bytes() == big
    assert fetched.files[0].sha256 == sha256(big)
    stocked.hub.clear_log()
    again = stocked.get(order)
    assert all(file.was_present for file in again.files)
    assert again.files[0].etag == sha256(big)
    assert not stocked.hub.requests


def test_a_mirror_without_cdn_and_files_behind_another_redirect(stocked: Desk, big: bytes) -> None:
    stocked.hub.faults.serve_directly = True
    stocked.hub.faults.redirect_small = True
    fetched = stocked.get()
    assert fetched.files[-1].path.read_bytes() in (big, b'{"model_type": "llama"}')
    assert {file.size_bytes for file in fetched.files} == {len(big), 23}


def test_a_repository_that_moved(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    stocked.hub.move_repo(REPO, "maker/Renamed")
    fetched = stocked.get(order)
    assert big in [file.path.read_bytes() for file in fetched.files]


def test_the_token_goes_to_the_hub_alone(stocked: Desk) -> None:
    stocked.hub.add_repo("maker/Guarded", {"g.gguf": os.urandom(9 * MIB)}, gated=True)
    fetched = stocked.get(stocked.order("maker/Guarded"), token=stocked.hub.token)
    assert fetched.files[0].size_bytes == 9 * MIB
    asked = stocked.hub.requests
    assert any(request.authorized for request in asked if request.host == "hub")
    assert not any(request.authorized for request in asked if request.host == "cdn")


def test_a_gated_repository_is_told_at_once(stocked: Desk) -> None:
    stocked.hub.add_repo("maker/Guarded", {"g.gguf": b"GGUF"}, gated=True)
    order = stocked.order("maker/Guarded")
    error = stocked.failure(order)
    assert error.code is ErrorCode.REMOTE_DENIED
    gone = Order(
        order.repo, "main", order.commit, (WantedFile("none.gguf", 5, "a" * 64, "a" * 64),)
    )
    error = stocked.failure(gone, token=stocked.hub.token)
    assert error.code is ErrorCode.REMOTE_NOT_FOUND


# Cancel, go on, discard


def test_a_cancelled_download_goes_on_where_it_was(stocked: Desk, big: bytes) -> None:
    order = stocked.order(REPO, FILE)
    stocked.interrupted_at(6 * MIB, order, limits=HOLD)
    kept = partial_bytes(order, stocked.cache)
    assert kept >= 6 * MIB
    assert stocked.heard.last is not None and stocked.heard.last.done == kept
    stocked.hub.clear_log()
    fetched = stocked.get(order)
    assert fetched.files[0].path.read_bytes() == big
    assert stocked.hub.sent_bytes <= len(big) - kept + 1
    assert "resumed" in stocked.heard.notes
    assert partial_bytes(order, stocked.cache) == 0


def test_a_download_that_only_lacked_its_check(stocked: Desk, big: bytes) -> None:
    order = stocked.order(REPO, FILE)
    stocked.interrupted_at(6 * MIB, order, limits=HOLD)
    place = stocked.cache / "models--maker--Tiny-GGUF" / "blobs" / f"{sha256(big)}.paddock-part"
    place.write_bytes(big)
    manifest = place.with_name(f"{place.name}.json")
    text = manifest.read_text("utf-8")
    start, end = text.index('"ranges": '), text.index('"durable"')
    manifest.write_text(f'{text[:start]}"ranges": [[0, {len(big)}]], {text[end:]}', "utf-8")
    stocked.hub.clear_log()
    assert stocked.get(order).files[0].path.read_bytes() == big
    assert stocked.hub.sent_bytes <= 1


def test_cancelling_before_the_start(stocked: Desk) -> None:
    order = stocked.order()
    stocked.cancel.cancel()
    assert stocked.failure(order).code is ErrorCode.CANCELLED
    assert not stocked.cache.exists()


def test_discarding_leaves_what_is_finished(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    small = stocked.get(stocked.order(REPO, SMALL)).files[0]
    stocked.interrupted_at(6 * MIB, order, limits=HOLD)
    assert partial_bytes(order, stocked.cache) >= 6 * MIB
    freed = discard(order, stocked.cache)
    assert freed >= 6 * MIB
    assert partial_bytes(order, stocked.cache) == 0
    assert [path.name for path in small.blob.parent.iterdir()] == [small.etag]
    assert small.path.read_bytes()
    assert discard(order, stocked.cache) == 0
    assert stocked.get(order).files[0].size_bytes in (len(big), 23)


def test_discarding_the_only_download_leaves_nothing(stocked: Desk) -> None:
    order = stocked.order(REPO, FILE)
    stocked.interrupted_at(6 * MIB, order, limits=HOLD)
    discard(order, stocked.cache)
    assert [path.name for path in stocked.cache.iterdir()] == [".locks"]
    assert not scan_cache_dir(stocked.cache).warnings


def test_discarding_nothing(tmp_path: Path, stocked: Desk) -> None:
    order = stocked.order()
    assert discard(order, tmp_path / "nowhere") == 0
    assert partial_bytes(order, tmp_path / "nowhere") == 0
    assert not (tmp_path / "nowhere").exists()


# What is told


def test_progress_tells_of_each_file(stocked: Desk, big: bytes) -> None:
    states: set[str] = set()

    def look(progress: object) -> None:
        assert stocked.heard.last is not None
        detail = stocked.heard.detail
        states.update(file["state"] for file in detail["files"])
        done = sum(file["done_bytes"] for file in detail["files"])
        assert stocked.heard.last.done == done
        assert detail["verified_bytes"] <= done <= len(big) + 23
        for file in detail["files"]:
            assert file["verified_bytes"] <= file["done_bytes"] <= file["size_bytes"]

    stocked.heard.on_progress = look
    stocked.get(limits=Limits(bytes_per_second=lambda: 16.0 * MIB))
    last = stocked.heard.last
    assert last is not None
    assert last.what == f"downloading {REPO}"
    assert (last.unit, last.done, last.total) == ("bytes", len(big) + 23, len(big) + 23)
    assert {file["state"] for file in stocked.heard.detail["files"]} == {"done"}
    assert {"downloading", "done"} <= states
    rate = stocked.heard.detail["bytes_per_second"]
    assert rate == pytest.approx(16 * MIB, rel=0.35)


def test_the_limit_may_change_while_it_runs(stocked: Desk) -> None:
    asked = []

    def limit() -> float | None:
        asked.append(1)
        return 2.0 * MIB if len(asked) < 3 else None

    stocked.get(limits=Limits(bytes_per_second=limit))
    assert len(asked) >= 3


# Where links cannot be made


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)


def test_without_links_the_file_lies_in_the_snapshot(
    stocked: Desk, big: bytes, no_links: None
) -> None:
    order = stocked.order()
    fetched = stocked.get(order)
    large = max(fetched.files, key=lambda file: file.size_bytes)
    assert large.path == large.blob
    assert large.path.read_bytes() == big
    assert not large.path.is_symlink()
    assert not list(fetched.snapshot.parent.parent.joinpath("blobs").iterdir())
    assert "no_links" in stocked.heard.notes
    scan = scan_cache_dir(stocked.cache)
    assert not scan.warnings
    assert official(stocked) == large.path
    stocked.hub.clear_log()
    assert all(file.was_present for file in stocked.get(order).files)
    # a newer commit with the same large file
    stocked.hub.add_repo(REPO, {FILE: big, SMALL: b"other"})
    stocked.hub.clear_log()
    newer = max(stocked.get().files, key=lambda file: file.size_bytes)
    assert newer.was_present and newer.path != large.path
    assert newer.path.read_bytes() == big
    assert stocked.hub.sent_bytes < 100
    if os.name == "posix":
        assert newer.path.stat().st_ino == large.path.stat().st_ino  # no second copy
    assert not scan_cache_dir(stocked.cache).warnings


def test_the_librarys_switch_against_links_is_honoured(
    stocked: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    fetched = stocked.get()
    assert not any(file.path.is_symlink() for file in fetched.files)


@pytest.mark.parametrize(
    "wanted", [WantedFile("../../x"), WantedFile("x.gguf", 5, "a" * 64, "../../../x123")]
)
def test_an_unsafe_order_is_refused_before_anything_is_made(
    tmp_path: Path, wanted: WantedFile
) -> None:
    order = Order(REPO, "main", "c" * 40, (wanted,))
    for call in (
        lambda: fetch(order, tmp_path / "cache", WebSettings(endpoint="http://127.0.0.1:9")),
        lambda: discard(order, tmp_path / "cache"),
        lambda: partial_bytes(order, tmp_path / "cache"),
    ):
        with pytest.raises(AppError) as caught:
            call()
        assert caught.value.code is ErrorCode.HUB_NAME_UNSAFE
    assert not (tmp_path / "cache").exists()
