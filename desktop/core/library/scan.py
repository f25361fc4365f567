"""Finds the GGUF files there are: in the Hugging Face cache, in folders and files given.

Nothing is opened and nothing is copied: files are found by name, parts of a split model are put
together, and one file that can be reached in several ways is found once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.gguf.local import stat_file
from desktop.core.gguf.split import part_names
from desktop.core.gguf.words import shown
from desktop.core.library.adopt.gpt4all import INCOMPLETE
from desktop.core.library.adopt.ollama import MANIFEST_FOLDERS, read_store
from desktop.core.library.adopt.ollama_listed import listed
from desktop.core.library.disk import DiskFile, Inode, disk_file
from desktop.core.library.given import Given

Source = Literal["bundled", "hf_cache", "folder", "ollama"]

MAX_DEPTH = 16
MAX_ENTRIES = 500_000  # of all folders walked through in one scan
MAX_FILES = 20_000
_SYSTEM_FOLDERS = frozenset({"/proc", "/sys", "/dev", "/run"})


@dataclass(frozen=True)
class Found:
    """One model's file, or all files of a split one, in order.

    Attributes:
        paths: the files that are there.
        sizes: their sizes in bytes.
        files: what those that could be looked at take on their disk.
        error: why it cannot be read as it lies there: unreadable, or a part is missing.
        repo: the hub's name of it; `revision` and `repo_file` say which file of which state.
        root: the folder given, or the snapshot.
        given: what another program says of it.
        variant: its name where it is another model's file with settings of its own.
    """

    paths: tuple[Path, ...]
    sizes: tuple[int, ...]
    files: tuple[DiskFile, ...]
    source: Source
    root: Path
    error: AppError | None = None
    repo: str | None = None
    revision: str | None = None
    repo_file: str | None = None
    given: Given = field(default_factory=Given)
    variant: str | None = None

    @property
    def path(self) -> Path:
        return self.paths[0]


@dataclass(frozen=True)
class _Place:
    """Where files were found together."""

    source: Source
    root: Path
    repo: str | None = None
    revision: str | None = None


class Scanner:
    """One scan; the bounds hold for all of it.

    Args:
        given: what other programs say of a file in a folder of theirs.
    """

    def __init__(
        self, reporter: Reporter, cancel: CancelToken, given: Callable[[Path], Given] | None = None
    ) -> None:
        self._reporter = reporter
        self._cancel = cancel
        self._given = given or (lambda path: Given())
        self._entries_left = MAX_ENTRIES
        self._files_left = MAX_FILES
        # What was found already, and its place in the list: files, or a variant's name.
        self._seen: dict[tuple[Inode, ...] | tuple[Path, ...] | str, int] = {}
        self._found: list[Found] = []
        self._stores: list[Path] = []  # of Ollama's, met on the walk

    def scan(
        self, caches: Iterable[Path], given: Iterable[Path], bundled: Path | None
    ) -> list[Found]:
        """All models, each once: the bundled one first, then the caches', then the given ones.

        Args:
            caches: folders laid out as the Hugging Face cache is; they need not exist.

        Raises:
            AppError: CANCELLED.
        """
        if bundled is not None and bundled.exists():
            self._add([bundled], _Place("bundled", bundled.parent))
        for cache in caches:
            for place in _snapshots(cache):
                self._add(self._walk(place.root), place)
        for one in given:
            path = Path(os.path.expanduser(one)).absolute()  # noqa: PTH111 - never raises
            if path.is_dir():
                self._stores.clear()
                self._add(self._walk(path), _Place("folder", path))
                for store in self._stores:
                    self._add_store(store)
            elif path.exists():
                self._add([path], _Place("folder", path.parent))
            else:
                self._reporter.log(f"{shown(path)} does not exist")
        return self._found

    def _walk(self, root: Path) -> list[Path]:
        """Every file below `root` whose name ends in .gguf; links to folders are followed once."""
        files: list[Path] = []
        visited: set[Inode] = set()
        stack = [(root, 0)]
        while stack:
            folder, depth = stack.pop()
            self._cancel.raise_if_cancelled()
            try:
                status = folder.stat()
                inode = (status.st_dev, status.st_ino)
                if inode in visited or os.fspath(folder) in _SYSTEM_FOLDERS:
                    continue
                visited.add(inode)
                with os.scandir(folder) as entries:
                    below = self._without_store(folder, self._read_folder(entries, files))
            except OSError as error:
                self._reporter.log(f"{shown(folder)} cannot be read: {error.strerror or error}")
                continue
            if depth < MAX_DEPTH:
                stack.extend((path, depth + 1) for path in below)
            elif below:
                self._reporter.log(f"{shown(folder)}: folders deeper than {MAX_DEPTH} are left out")
            self._reporter.progress(Progress("looking for models", len(files), None, "files"))
            if self._entries_left <= 0 or self._files_left <= 0:
                self._reporter.log(f"{shown(root)} holds too much: only a part was looked through")
                break
        return sorted(files)

    def _read_folder(self, entries: Iterator[os.DirEntry[str]], files: list[Path]) -> list[Path]:
        below: list[Path] = []
        for entry in entries:
            self._entries_left -= 1
            if self._entries_left <= 0 or self._files_left <= 0:
                break
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link in a circle: not a folder, then
                is_folder = False
            if is_folder:
                below.append(Path(entry.path))
            elif entry.name.lower().endswith(".gguf") and not entry.name.startswith(INCOMPLETE):
                self._files_left -= 1
                files.append(Path(entry.path))
        return sorted(below)

    def _without_store(self, folder: Path, below: list[Path]) -> list[Path]:
        """What is to be walked through below: not a store's own folders, which is noted."""
        names = {path.name for path in below}
        if "blobs" not in names or names.isdisjoint(MANIFEST_FOLDERS):
            return below
        self._stores.append(folder)
        return [path for path in below if path.name not in ("blobs", *MANIFEST_FOLDERS)]

    # --- from files to models

    def _add(self, files: list[Path], place: _Place) -> None:
        for paths, missing in _grouped(files):
            found, inodes = _look_at(paths, missing, place)
            if place.source == "folder":
                found = replace(found, given=self._given(paths[0]))
            self._keep(found, inodes or paths)

    def _add_store(self, store: Path) -> None:
        """Ollama's models: blobs without an ending, under the names of its manifests."""
        try:
            models = read_store(store, self._cancel)
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            self._reporter.log(str(error))
            return
        for model in models:
            if model.error is not None:
                self._reporter.log(str(model.error))
        for one in listed(models):
            found, inodes = _look_at((one.path,), [], _Place("ollama", store))
            problem = one.error or found.error
            found = replace(found, given=one.given, variant=one.variant, error=problem)
            self._keep(found, one.variant or inodes or found.paths)

    def _keep(self, found: Found, key: tuple[Inode, ...] | tuple[Path, ...] | str) -> None:
        """Keep what is new; of a file in a second place, what is said of it there."""
        place = self._seen.setdefault(key, len(self._found))
        if place == len(self._found):
            self._found.append(found)
        else:
            known = self._found[place]
            self._found[place] = replace(known, given=known.given.joined(found.given))


def _look_at(
    paths: tuple[Path, ...], missing: list[str], place: _Place
) -> tuple[Found, tuple[Inode, ...]]:
    error: AppError | None = None
    sizes: list[int] = []
    files: list[DiskFile] = []
    for path in paths:
        try:
            status = stat_file(path)
        except AppError as reason:
            error = error or reason
            continue
        sizes.append(status.st_size)
        files.append(disk_file(path, status))
    if missing and error is None:
        error = AppError(
            ErrorCode.GGUF_SHARD_MISSING,
            path=shown(paths[0]),
            count=len(paths) + len(missing),
            missing=", ".join(missing[:3]) + (" …" if len(missing) > 3 else ""),
        )
    repo_file = None
    if place.repo is not None:
        repo_file = paths[0].relative_to(place.root).as_posix()
    found = Found(
        paths=paths,
        sizes=tuple(sizes),
        files=tuple(files),
        source=place.source,
        root=place.root,
        error=error,
        repo=place.repo,
        revision=place.revision,
        repo_file=repo_file,
    )
    inodes = tuple(file.inode for file in files)
    return found, inodes if len(inodes) == len(paths) else ()


def _grouped(files: list[Path]) -> Iterator[tuple[tuple[Path, ...], list[str]]]:
    """Single files and split models: the parts that are there, and the names that are missing."""
    done: set[Path] = set()
    for path in files:
        names = part_names(path.name)
        if len(names) == 1:
            yield (path,), []
            continue
        if path in done:
            continue
        there = {name for name in names if os.path.lexists(path.with_name(name))}
        paths = tuple(path.with_name(name) for name in names if name in there)
        done.update(paths)
        if path not in paths:  # its parts are spelled differently: it stands alone
            paths = (path,)
        yield paths, [shown(Path(name)) for name in names if name not in there]


# --- the Hugging Face cache


def _snapshots(cache: Path) -> list[_Place]:
    """The snapshots of every repository, the one `main` points to first, then from new to old."""
    places: list[_Place] = []
    for folder in _subfolders(cache):
        if not folder.name.startswith("models--"):
            continue
        repo = "/".join(folder.name.split("--")[1:])
        main = _main_revision(folder)
        snapshots = sorted(
            _subfolders(folder / "snapshots"),
            key=lambda snapshot: (snapshot.name != main, -_changed(snapshot), snapshot.name),
        )
        places += [_Place("hf_cache", path, repo, path.name) for path in snapshots]
    return places


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:  # not there, or not ours to read: nothing to find
        return []


def _main_revision(folder: Path) -> str | None:
    try:
        with (folder / "refs" / "main").open("rb") as stream:
            return stream.read(128).decode("ascii", "replace").strip()
    except OSError:
        return None


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
