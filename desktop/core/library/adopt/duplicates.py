"""Files with the same content: by size, then by samples, then by their sha256.

What is trusted: where a file's name is the hash of its content (a blob of Ollama's or of the hub's
cache) and another one's name or an earlier reading says the same, they are listed as the same
without being read; the samples agree as well. Nothing is ever replaced on that word alone:
`linking` reads both files whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from desktop.core.errors import AppError
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.local import stat_file
from desktop.core.gguf.words import shown
from desktop.core.library.disk import DiskFile, disk_file, freed_bytes
from desktop.core.library.identity import quick_fingerprint
from desktop.core.library.verify import KnownHash, hash_file, known_hash

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class KnownFile:
    """A file of the library: whose it is, by id and by program."""

    path: Path
    model: str = ""
    app: str | None = None


@dataclass(frozen=True)
class Place:
    """One file on a disk, under all the names it was given with.

    Attributes:
        path: the file itself, links resolved.
        names: the files that lead to it, hard links among them.
        disk: its inode and what it takes.
    """

    path: Path
    names: tuple[KnownFile, ...]
    disk: DiskFile
    size_bytes: int

    @property
    def device(self) -> int:
        return self.disk.inode[0]

    @property
    def hard_links(self) -> int:
        """How many of its names are the file itself, not links to one."""
        return len({os.path.realpath(name.path) for name in self.names})

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "names": [str(name.path) for name in self.names],
            "models": sorted({name.model for name in self.names if name.model}),
            "app": next((name.app for name in self.names if name.app), None),
            "disk_bytes": self.disk.disk_bytes,
        }


@dataclass(frozen=True)
class DuplicateGroup:
    """Files with one content, two or more.

    Attributes:
        sha256: of each of them.
        read: whether every one was read whole at some time; else names are believed.
        saved_bytes: what would be free were they one file wherever they share a disk.
    """

    sha256: str
    size_bytes: int
    places: tuple[Place, ...]
    read: bool

    @property
    def saved_bytes(self) -> int:
        saved = 0
        for same_disk in _grouped(self.places, lambda place: place.device):
            freed = [
                freed_bytes([place.disk], {place.disk.inode: place.hard_links})
                for place in same_disk
            ]
            saved += sum(freed) - max(freed)
        return saved

    def to_dict(self) -> dict[str, Any]:
        return {
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "saved_bytes": self.saved_bytes,
            "read": self.read,
            "files": [place.to_dict() for place in self.places],
        }


def find_duplicates(
    files: Iterable[KnownFile],
    cache: FileCache | None = None,
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> list[DuplicateGroup]:
    """Groups of files with the same content, those that would save most first.

    Only files whose size and samples agree are read whole, and none twice: what was read is kept in
    `cache` until the file changes.

    Raises:
        AppError: CANCELLED. A file that cannot be read is left out, and logged.
    """
    reporter, cancel = reporter or NullReporter(), cancel or CancelToken()
    hasher = _Hasher(cache, reporter, cancel)
    alike: list[list[Place]] = []
    for same_size in _grouped(_places(files, reporter), lambda place: place.size_bytes):
        if len(same_size) > 1:
            sampled = hasher.each(same_size, hasher.sample)
            alike += [group for group in _by_value(sampled) if len(group) > 1]
    hasher.expect(alike)
    found = []
    for group in alike:
        for same in _by_value(hasher.each(group, hasher.sha256)):
            if len(same) > 1:
                digest = hasher.digests[same[0].path]
                read = all(place.path in hasher.read for place in same)
                found.append(DuplicateGroup(digest, same[0].size_bytes, tuple(same), read))
    return sorted(found, key=lambda group: (-group.saved_bytes, group.sha256))


def _places(files: Iterable[KnownFile], reporter: Reporter) -> list[Place]:
    """Each file once, however many names and links lead to it."""
    found: dict[tuple[int, int], Place] = {}
    for file in files:
        try:
            status = stat_file(file.path)
        except AppError as error:
            reporter.log(str(error))
            continue
        if status.st_size == 0:
            continue
        real = Path(os.path.realpath(file.path))
        disk = disk_file(real, status)
        place = found.get(disk.inode)
        if place is None:
            found[disk.inode] = Place(real, (file,), disk, status.st_size)
        elif file.path not in {name.path for name in place.names}:
            found[disk.inode] = replace(place, names=(*place.names, file))
    return list(found.values())


class _Hasher:
    """Reads what must be read, and says how far it is."""

    def __init__(self, cache: FileCache | None, reporter: Reporter, cancel: CancelToken) -> None:
        self._cache = cache
        self._reporter = reporter
        self._cancel = cancel
        self._done = self._total = 0
        self.digests: dict[Path, str] = {}
        self.read: set[Path] = set()

    def each(
        self, places: Sequence[Place], value: Callable[[Place], str]
    ) -> list[tuple[str, Place]]:
        """The value of each; those that cannot be read are left out."""
        found = []
        for place in places:
            self._cancel.raise_if_cancelled()
            try:
                found.append((value(place), place))
            except AppError as error:
                self._cancel.raise_if_cancelled()
                self._reporter.log(str(error))
        return found

    def sample(self, place: Place) -> str:
        return quick_fingerprint(place.path, self._cache)

    def expect(self, groups: Iterable[Sequence[Place]]) -> None:
        """Sum up what is to be read."""
        self._total = sum(
            place.size_bytes for group in groups for place in group if self._told(place) is None
        )

    def _told(self, place: Place) -> KnownHash | None:
        told = known_hash(place.path, cache=self._cache) or _of_names(place, self._cache)
        return told if told is not None and len(told.value) == 64 else None

    def sha256(self, place: Place) -> str:
        told = self._told(place)
        if told is not None:
            self.digests[place.path] = told.value
            if told.source == "earlier":
                self.read.add(place.path)
            return told.value
        what = f"comparing {shown(Path(place.path.name))}"
        before = self._done

        def on_bytes(count: int) -> None:
            self._reporter.progress(Progress(what, before + count, self._total, "bytes"))

        digest, status = hash_file(place.path, None, self._cancel, on_bytes)
        self._done = before + place.size_bytes
        if self._cache is not None:
            kept = self._cache.get(place.path, status) or {}
            self._cache.put(place.path, status, {**kept, "sha256": digest})
        self.digests[place.path] = digest
        self.read.add(place.path)
        return digest


def _of_names(place: Place, cache: FileCache | None) -> KnownHash | None:
    """A link's own name may say what the file's does not."""
    for name in place.names:
        told = known_hash(name.path, cache=cache)
        if told is not None:
            return told
    return None


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> list[list[T]]:
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _by_value(pairs: Iterable[tuple[str, Place]]) -> list[list[Place]]:
    return [[place for _, place in group] for group in _grouped(pairs, lambda pair: pair[0])]
