"""Names from a stranger: safe ones pass as they are, others are refused, none is repaired."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.download.names import check_etag, check_name, check_names, layout
from tests.helpers.hub import EVIL_NAMES

COMMIT = "c" * 40


@pytest.mark.parametrize(
    "name",
    [
        "model-Q4_K_M.gguf",
        "sub/deeper/model.gguf",
        "a file with spaces.gguf",
        "模型-日本語 ガ.gguf",
        ".git/config",
        "console.gguf",
        "auxiliary/nulls.gguf",
        "com10.gguf",
        "x" * 255,
        "..gguf/...x",
    ],
)
def test_names_that_every_system_takes(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in EVIL_NAMES if name != ".git/config"),
        "//server/share",
        "a//b",
        "a/",
        "C:",
        "c:x.gguf",
        "COM1",
        "lpt9.tar.gz",
        "com¹.gguf",
        "nul .gguf",
        "sub/CON/x.gguf",
        "CONIN$",
        "half \ud800 of a pair",
        "two\u2028lines",
        "a/" * 600 + "x",
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    for windows in (False, True):
        with pytest.raises(AppError) as caught:
            check_name(name, windows=windows)
        assert caught.value.code is ErrorCode.HUB_NAME_UNSAFE
        said = str(caught.value)
        assert said.isprintable()
        said.encode()


@pytest.mark.parametrize("character", '<>"|?*')
def test_what_only_windows_refuses(character: str) -> None:
    name = f"a{character}b.gguf"
    assert check_name(name, windows=False) == name
    with pytest.raises(AppError):
        check_name(name, windows=True)


@given(st.text(st.characters(codec=None), max_size=40) | st.text("./\\ :aCONux~", max_size=12))
def test_a_name_that_passes_stays_below_its_folder(name: str) -> None:
    try:
        check_name(name, windows=True)
    except AppError:
        return
    for kind, root in ((PurePosixPath, "/cache/snap"), (PureWindowsPath, "C:\\cache\\snap")):
        folder = kind(root)
        joined = folder.joinpath(*name.split("/"))
        assert joined.is_relative_to(folder)
        assert joined != folder
        assert ".." not in joined.parts
        assert joined.drive == folder.drive
    assert not PureWindowsPath(name).is_reserved()


def test_two_names_for_one_place_are_refused() -> None:
    check_names(["a/b.gguf", "a/c.gguf", "a.gguf"])
    for names in (["a.gguf", "A.GGUF"], ["a", "a/b.gguf"], ["A", "x", "a/b/c"], ["a", "a"]):
        with pytest.raises(AppError) as caught:
            check_names(names)
        assert caught.value.code is ErrorCode.HUB_NAME_UNSAFE


@pytest.mark.parametrize("etag", ["0" * 40, "f" * 64, "d41d8cd98f00b204-12", "abcDEF_1.2=+"])
def test_etags_that_can_be_the_name_of_a_blob(etag: str) -> None:
    assert check_etag(etag)


@pytest.mark.parametrize(
    "etag",
    [
        "",
        "short",
        "../../../x12345",
        "a/b45678901",
        "a" * 129,
        ".hidden1234",
        "12345678.paddock-part",
        "12345678.json",
        "12345678.incomplete",
        "12345678.lock",
        "12345678.",
        "nul.12345678",
        "white space",
        "line\nbreak1",
    ],
)
def test_etags_that_cannot(etag: str) -> None:
    assert not check_etag(etag)


def test_the_layout_is_the_librarys(tmp_path: Path) -> None:
    place = layout(tmp_path, "maker/Tiny-GGUF", COMMIT, "refs/pr/1")
    root = tmp_path / "models--maker--Tiny-GGUF"
    assert place.blob("e" * 64) == root / "blobs" / ("e" * 64)
    assert place.pointer("sub/x.gguf") == root / "snapshots" / COMMIT / "sub" / "x.gguf"
    assert place.ref == root / "refs" / "refs" / "pr" / "1"
    assert place.lock("e" * 64) == tmp_path / ".locks" / root.name / f"{'e' * 64}.lock"


@pytest.mark.parametrize(
    ("repo", "commit", "revision"),
    [
        ("../evil", COMMIT, "main"),
        ("a/b/c", COMMIT, "main"),
        ("a--b/c", COMMIT, "main"),
        ("a/..", COMMIT, "main"),
        ("con/x", COMMIT, "main"),
        ("/a", COMMIT, "main"),
        ("a/b", "main", "main"),
        ("a/b", "../x", "main"),
        ("a/b", COMMIT, "../../x"),
        ("a/b", COMMIT, "/x"),
        ("a/b", COMMIT, ""),
    ],
)
def test_a_layout_of_unsafe_names_is_refused(
    tmp_path: Path, repo: str, commit: str, revision: str
) -> None:
    with pytest.raises(AppError) as caught:
        layout(tmp_path, repo, commit, revision)
    assert caught.value.code is ErrorCode.HUB_NAME_UNSAFE


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    cache, outside = tmp_path / "cache", tmp_path / "outside"
    outside.mkdir()
    place = layout(cache, "a/b", COMMIT, "main")
    place.check_inside(place.pointer("sub/x.gguf"))  # nothing is there yet
    place.snapshots.mkdir(parents=True)
    place.snapshot.symlink_to(outside)
    for target in ("x.gguf", "sub/x.gguf"):
        with pytest.raises(AppError) as caught:
            place.check_inside(place.pointer(target))
        assert caught.value.code is ErrorCode.HUB_FOLDER_UNSAFE
        assert str(outside) in str(caught.value)
    place.snapshot.unlink()
    place.snapshot.symlink_to(cache / "models--a--b")  # it stays inside
    place.check_inside(place.pointer("x.gguf"))
    place.snapshot.unlink()
    place.snapshot.symlink_to(tmp_path / "nowhere" / "yet")
    with pytest.raises(AppError):
        place.check_inside(place.pointer("x.gguf"))


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_the_cache_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "big-disk")
    place = layout(tmp_path / "cache", "a/b", COMMIT, "main")
    place.blobs.mkdir(parents=True)
    place.check_inside(place.blob("e" * 64))
