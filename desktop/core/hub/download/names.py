"""Names from a stranger, and where in the Hugging Face cache what they name may lie.

A name is refused when any system would read it as something else than a file below the snapshot:
the cache may be on a disk that another system sees tomorrow. Nothing is cleaned up or renamed:
other programs look for the name the hub gives.

The layout is huggingface_hub's (its guide "Understand caching"):
`models--owner--name/{blobs/<etag>, snapshots/<commit>/<path>, refs/<revision>}`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean, shown

# What a file's name may take, in bytes: ext4, APFS and NTFS all have 255.
_MAX_NAME_BYTES = 255
_MAX_PATH_BYTES = 1024
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³"}
)
# Control and formatting characters, halves of surrogates, separators of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_NOT_ON_WINDOWS = frozenset('<>"|?*')
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_REPO = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_ETAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=-]{7,127}", re.ASCII)
PART = ".paddock-part"
MANIFEST = ".paddock-part.json"


def check_name(path: str, *, windows: bool = os.name == "nt") -> str:
    """`path` itself, when it is safe as a path below a folder.

    Raises:
        AppError: HUB_NAME_UNSAFE, with the reason.
    """
    reason = _what_is_wrong(path, windows)
    if reason is not None:
        # repr: a control character must be seen, not obeyed
        raise AppError(ErrorCode.HUB_NAME_UNSAFE, name=clean(ascii(path)[1:-1], 200), reason=reason)
    return path


def check_names(paths: Iterable[str]) -> None:
    """Each as `check_name` does, and that no two of them need the same place.

    Raises:
        AppError: HUB_NAME_UNSAFE.
    """
    seen: dict[str, str] = {}
    for path in paths:
        key = check_name(path).casefold()
        if key in seen:
            raise _unsafe(path, f"It cannot lie beside “{clean(seen[key], 120)}”.")
        seen[key] = path
    for key, path in seen.items():
        pieces = key.split("/")
        for count in range(1, len(pieces)):
            if "/".join(pieces[:count]) in seen:
                raise _unsafe(path, "It lies in a folder that is itself one of the files.")


def check_etag(etag: str) -> bool:
    """Whether it can be the name of a blob, and of nothing else."""
    lower = etag.lower()
    return (
        _ETAG.fullmatch(etag) is not None
        and not lower.endswith((".", PART, ".json", ".incomplete", ".lock", ".tmp"))
        and lower.partition(".")[0] not in _DEVICES
    )


def _unsafe(path: str, reason: str) -> AppError:
    return AppError(ErrorCode.HUB_NAME_UNSAFE, name=clean(path, 200), reason=reason)


def _what_is_wrong(path: str, windows: bool) -> str | None:
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "It is not valid Unicode."
    if not path:
        return "It is empty."
    if any(unicodedata.category(character) in _UNSEEN for character in path):
        return "It has control or formatting characters."
    if path.startswith("/"):
        return "It is an absolute path."
    if "\\" in path:
        return "It has a backslash, which Windows reads as a folder's end."
    if ":" in path:
        return "It has a colon, which Windows reads as a drive or a hidden stream."
    if windows and (odd := sorted(_NOT_ON_WINDOWS & set(path))):
        return f"Windows allows no {' '.join(odd)} in a name."
    if length > _MAX_PATH_BYTES:
        return f"It is longer than {_MAX_PATH_BYTES} bytes."
    for piece in path.split("/"):
        if piece in ("", ".", ".."):
            return "It leads somewhere else."
        if len(piece.encode()) > _MAX_NAME_BYTES:
            return f"A part of it is longer than {_MAX_NAME_BYTES} bytes."
        if piece.endswith((".", " ")):
            return "A part of it ends with a dot or a space, which Windows drops."
        if piece.partition(".")[0].rstrip().lower() in _DEVICES:
            return f"Windows reads “{piece}” as a device."
    return None


@dataclass(frozen=True)
class Layout:
    """Where one state of a repository lies below the cache. Made by `layout`."""

    cache: Path
    repo: str
    commit: str
    revision: str

    @property
    def folder(self) -> Path:
        return self.cache / "--".join(["models", *self.repo.split("/")])

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    @property
    def snapshot(self) -> Path:
        return self.snapshots / self.commit

    @property
    def ref(self) -> Path:
        return self.folder.joinpath("refs", *self.revision.split("/"))

    def pointer(self, path: str) -> Path:
        return self.snapshot.joinpath(*path.split("/"))

    def blob(self, etag: str) -> Path:
        return self.blobs / etag

    def part(self, etag: str) -> Path:
        return self.blobs / f"{etag}{PART}"

    def manifest(self, etag: str) -> Path:
        return self.blobs / f"{etag}{MANIFEST}"

    def lock(self, etag: str) -> Path:
        """The lock file that huggingface_hub takes, too, before it fetches this content."""
        return self.cache / ".locks" / self.folder.name / f"{etag}.lock"

    def check_inside(self, path: Path) -> None:
        """That writing to `path` writes below the cache: no folder on the way leads out of it.

        The cache itself may be a link: its place is the person's choice.

        Raises:
            AppError: HUB_FOLDER_UNSAFE.
        """
        root = self.cache.resolve()
        folder = path.parent
        while folder != self.cache and not folder.exists() and not folder.is_symlink():
            folder = folder.parent
        if folder != self.cache and not is_inside(folder, root):
            target = os.path.realpath(folder)
            raise AppError(
                ErrorCode.HUB_FOLDER_UNSAFE, path=shown(folder), target=shown(Path(target))
            )


def is_inside(path: Path, root: Path) -> bool:
    """Whether `path`, all links followed, is `root` or below it; `root` is resolved already."""
    return Path(os.path.realpath(path)).is_relative_to(root)


def layout(cache: Path, repo: str, commit: str, revision: str) -> Layout:
    """Where this state of a repository lies.

    Raises:
        AppError: HUB_NAME_UNSAFE, when one of the names could lead elsewhere.
    """
    if not _REPO.fullmatch(repo) or "--" in repo or ".." in repo:
        raise _unsafe(repo, "It is no name of a repository.")
    if not _COMMIT.fullmatch(commit):
        raise _unsafe(commit, "It is no commit.")
    for piece in repo.split("/"):
        check_name(piece)
    check_name(revision)
    return Layout(cache.expanduser().absolute(), repo, commit, revision)
