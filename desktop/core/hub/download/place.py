"""Files in the Hugging Face cache: what is there already, and how a finished one gets in.

As huggingface_hub does it: the bytes lie in `blobs` under the content's name, and a snapshot holds
a relative link to them. Where links cannot be made (Windows without the right to, some disks) the
file itself lies in the snapshot. Everything appears in one step, under its final name; what is
prepared lies in the repository's folder, where the library's scan does not look.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from desktop.core.events import CancelToken
from desktop.core.hub.download.hashing import sha256_of
from desktop.core.hub.download.names import Layout, check_etag, is_inside
from desktop.core.hub.download.order import WantedFile
from desktop.core.hub.download.part import unwritable

_YES = frozenset({"1", "on", "yes", "true"})


@dataclass(frozen=True)
class Present:
    """A file that is in the cache already; `path` is where its bytes can be read."""

    path: Path
    etag: str
    size_bytes: int


def find(layout: Layout, wanted: WantedFile, cancel: CancelToken) -> Present | None:
    """This content, whoever put it into the cache; None where it is not there.

    A content is known by its name. Files that lie in snapshots without a blob have none: one of the
    same commit is taken as the library takes it, others are hashed, when their size is right.

    Raises:
        AppError: CANCELLED; HUB_FOLDER_UNWRITABLE, when it cannot be looked at.
    """
    try:
        if wanted.etag is not None and (found := _blob(layout, wanted, wanted.etag, cancel)):
            return found
        if (found := _in_snapshot(layout, wanted)) is not None:
            return found
        return _in_other_snapshots(layout, wanted, cancel)
    except OSError as error:
        raise unwritable(error, layout.folder) from error


def _blob(layout: Layout, wanted: WantedFile, etag: str, cancel: CancelToken) -> Present | None:
    path = layout.blob(etag)
    size = _size_inside(layout, path)
    if size is None:
        return None
    if wanted.size_bytes in (None, size):
        return Present(path, etag, size)
    # Either the listing lies or the blob is damaged; only the hash tells.
    if wanted.sha256 is not None and sha256_of(path, cancel) == wanted.sha256:
        return Present(path, etag, size)
    return None


def _in_snapshot(layout: Layout, wanted: WantedFile) -> Present | None:
    """What the commit's own snapshot has at this place."""
    pointer = layout.pointer(wanted.path)
    size = _size_inside(layout, pointer)
    if size is None or wanted.size_bytes not in (None, size):
        return None
    if pointer.is_symlink():
        target = pointer.readlink().name
        # With a known name the blob was looked for; this one is of another content.
        return Present(pointer, target, size) if wanted.etag is None else None
    return Present(pointer, wanted.etag or "", size)


def _in_other_snapshots(layout: Layout, wanted: WantedFile, cancel: CancelToken) -> Present | None:
    if wanted.sha256 is None or wanted.etag is None or not layout.snapshots.is_dir():
        return None
    for snapshot in sorted(layout.snapshots.iterdir()):
        path = snapshot.joinpath(*wanted.path.split("/"))
        size = None if path.is_symlink() else _size_inside(layout, path)
        if size is None or wanted.size_bytes not in (None, size):
            continue
        if sha256_of(path, cancel) == wanted.sha256:
            return Present(path, wanted.etag, size)
    return None


def _size_inside(layout: Layout, path: Path) -> int | None:
    """The size of a file there, links followed; None where none is, or it lies outside."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if path.is_file() and is_inside(path, layout.cache.resolve()):
            return path.stat().st_size
    return None


def bring_in(
    layout: Layout, path: str, etag: str, part: Path, environ: Mapping[str, str] = os.environ
) -> tuple[Path, Path]:
    """Move a finished part file to its place; returns the snapshot's file and where its bytes are.

    Raises:
        AppError: HUB_FOLDER_UNWRITABLE, HUB_FOLDER_UNSAFE, DISK_FULL.
    """
    blob, pointer = layout.blob(etag), layout.pointer(path)
    layout.check_inside(blob)
    try:
        link = _new_link(layout, pointer, blob, environ)
        if link is None:
            _move(layout, part, pointer)
            return pointer, pointer
        try:
            os.replace(part, blob)
            os.replace(link, pointer)
        finally:
            link.unlink(missing_ok=True)
        return pointer, blob
    except OSError as error:
        raise unwritable(error, pointer) from error


def bring_up(
    layout: Layout, path: str, present: Present, environ: Mapping[str, str] = os.environ
) -> tuple[Path, Path]:
    """Let the snapshot have a file that is in the cache; returns its path there and its bytes'.

    Raises:
        AppError: HUB_FOLDER_UNWRITABLE, HUB_FOLDER_UNSAFE, DISK_FULL.
    """
    pointer = layout.pointer(path)
    if present.path == pointer:
        blob = layout.blob(present.etag) if check_etag(present.etag) else pointer
        return pointer, blob if pointer.is_symlink() and blob.exists() else pointer
    try:
        if pointer.is_symlink() and os.path.realpath(pointer) == os.path.realpath(present.path):
            return pointer, present.path
        link = None
        if present.path.parent == layout.blobs:
            link = _new_link(layout, pointer, present.path, environ)
        if link is None:
            _second_name(layout, present.path, pointer)
            return pointer, pointer
        try:
            os.replace(link, pointer)
        finally:
            link.unlink(missing_ok=True)
        return pointer, present.path
    except OSError as error:
        raise unwritable(error, pointer) from error


def write_ref(layout: Layout) -> None:
    """Let the branch or tag lead to the commit, as far as it does not.

    Raises:
        AppError: HUB_FOLDER_UNWRITABLE, HUB_FOLDER_UNSAFE, DISK_FULL.
    """
    if layout.revision == layout.commit:
        return
    ref = layout.ref
    layout.check_inside(ref)
    fresh = _fresh(layout)
    try:
        if ref.is_file() and ref.read_text("utf-8", "replace") == layout.commit:
            return
        ref.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(layout.commit, "utf-8")
        os.replace(fresh, ref)
    except OSError as error:
        raise unwritable(error, ref) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


# --- details


def _fresh(layout: Layout) -> Path:
    return layout.folder / f".paddock-{secrets.token_hex(6)}"


def _new_link(layout: Layout, pointer: Path, blob: Path, environ: Mapping[str, str]) -> Path | None:
    """A link to the blob, ready to be moved to its place; None where links cannot be made."""
    layout.check_inside(pointer)
    pointer.parent.mkdir(parents=True, exist_ok=True)
    if environ.get("HF_HUB_DISABLE_SYMLINKS", "").strip().lower() in _YES:
        return None
    target = os.path.relpath(blob.parent.resolve() / blob.name, pointer.parent.resolve())
    link = _fresh(layout)
    try:
        link.symlink_to(target)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        return None
    return link


def _move(layout: Layout, source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(layout, source, target)
        source.unlink()


def _second_name(layout: Layout, source: Path, target: Path) -> None:
    """The same bytes under a second name, or a copy of them where that cannot be."""
    layout.check_inside(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = _fresh(layout)
    try:
        try:
            os.link(os.path.realpath(source), fresh)
        except OSError:
            _copy(layout, source, target)
            return
        _move(layout, fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def _copy(layout: Layout, source: Path, target: Path) -> None:
    """A copy that appears whole or not at all. The folder for what is prepared may be on another
    disk than the target, so it is prepared beside it."""
    fresh = target.with_name(f".paddock-{secrets.token_hex(6)}")
    try:
        shutil.copyfile(source, fresh)
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
