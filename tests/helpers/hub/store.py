"""What the local hub holds: repositories, their commits and the files in them."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# Kept with git itself on the real hub up to about 10 MB; what is larger, or named like weights, is
# an LFS file: known by its sha256 and fetched from another host.
LFS_FROM_BYTES = 1 << 20
LFS_ENDINGS = (".gguf", ".safetensors", ".bin", ".onnx", ".pt", ".pth", ".zip")
_BEGINNING = datetime(2025, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """A file on disk whose sha256 the caller knows, so that it need not be read (sparse giants)."""

    path: Path
    sha256: str


Content = bytes | str | Path | Known


@dataclass(frozen=True)
class StoredFile:
    """One file of one commit.

    Attributes:
        source: where its bytes lie.
        blob_id: git's name of it: the sha1 of the content, for an LFS file of its pointer.
        pointer_size: bytes of the LFS pointer; None for a file kept in git.
        claimed_size: what a listing that lies says.
        headers_lie: whether X-Linked-Size and Content-Length of HEAD lie as well.
    """

    path: str
    source: Path
    size: int
    sha256: str
    blob_id: str
    pointer_size: int | None
    claimed_size: int | None = None
    headers_lie: bool = False

    @property
    def lfs(self) -> bool:
        return self.pointer_size is not None

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob_id

    @property
    def listed_size(self) -> int:
        return self.size if self.claimed_size is None else self.claimed_size

    @property
    def header_size(self) -> int:
        return self.listed_size if self.headers_lie else self.size


@dataclass
class Commit:
    sha: str
    date: datetime
    title: str
    files: dict[str, StoredFile]


@dataclass
class Repo:
    """A repository; `fields` are what the API tells of it beside its files."""

    name: str
    fields: dict[str, Any]
    gated: bool | str = False
    private: bool = False
    commits: list[Commit] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, revision: str) -> Commit | None:
        sha = self.branches.get(revision, revision)
        return next((commit for commit in self.commits if commit.sha == sha), None)


class Store:
    """All repositories. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._repos: dict[str, Repo] = {}
        self._moved: dict[str, str] = {}
        self._hashes: dict[tuple[str, int, int], str] = {}
        self._by_sha256: dict[str, StoredFile] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(
        self,
        name: str,
        files: Mapping[str, Content],
        *,
        gated: bool | str,
        private: bool,
        revision: str,
        fields: Mapping[str, Any],
    ) -> str:
        """One more commit with exactly these files; returns its sha."""
        stored = {path: self._file(path, content) for path, content in files.items()}
        with self._lock:
            repo = self._repos.setdefault(name, Repo(name, {}))
            repo.gated = gated
            repo.private = private
            repo.fields = dict(fields)
            date = _BEGINNING + timedelta(days=len(self._repos), hours=len(repo.commits))
            digest = hashlib.sha1(f"{name} {revision} {len(repo.commits)}".encode())
            for path, file in sorted(stored.items()):
                digest.update(f"\0{path}\0{file.sha256}".encode())
            sha = digest.hexdigest()
            title = "Upload files" if repo.commits else "initial commit"
            repo.commits.append(Commit(sha, date, title, stored))
            repo.branches[revision] = sha
            return sha

    def replace(self, name: str, path: str, content: Content) -> None:
        """Other bytes at the same place of the newest commit: what a hub should never do."""
        file = self._file(path, content)
        with self._lock:
            self._repos[name].commits[-1].files[path] = file

    def replace_everywhere(self, path: str, content: Content) -> None:
        """Other bytes for every file of this name, in every commit of every repository.

        The old ones are gone from the CDN, unless a file of another name has the same.
        """
        file = self._file(path, content)
        with self._lock:
            old = set()
            for commit in self._commits():
                if path in commit.files:
                    old.add(commit.files[path].sha256)
                    commit.files[path] = file
            kept = {each.sha256 for commit in self._commits() for each in commit.files.values()}
            for sha256 in old - kept:
                self._by_sha256.pop(sha256, None)

    def claim(self, path: str, size: int, headers: bool) -> None:
        """Let listings (and headers) tell another size of every file of this name."""
        with self._lock:
            for commit in self._commits():
                if path in commit.files:
                    commit.files[path] = replace(
                        commit.files[path], claimed_size=size, headers_lie=headers
                    )

    def unclaim(self) -> None:
        with self._lock:
            for commit in self._commits():
                for path, file in commit.files.items():
                    commit.files[path] = replace(file, claimed_size=None, headers_lie=False)

    def move(self, old: str, new: str) -> None:
        """Rename a repository; the old name leads to the new one."""
        with self._lock:
            repo = self._repos.pop(old)
            repo.name = new
            self._repos[new] = repo
            self._moved[old] = new

    def remove(self, name: str) -> None:
        with self._lock:
            del self._repos[name]

    def moved(self, name: str) -> str | None:
        return self._moved.get(name)

    def repo(self, name: str) -> Repo | None:
        with self._lock:
            return self._repos.get(name)

    def repos(self) -> list[Repo]:
        with self._lock:
            return list(self._repos.values())

    def by_sha256(self, sha256: str) -> StoredFile | None:
        with self._lock:
            return self._by_sha256.get(sha256)

    def extra_file(self, path: str, content: bytes) -> StoredFile:
        """A file that belongs to no commit, such as one with an evil name."""
        return self._file(path, content)

    def _commits(self) -> Iterable[Commit]:
        return (commit for repo in self._repos.values() for commit in repo.commits)

    def _file(self, path: str, content: Content) -> StoredFile:
        source, sha256 = self._keep(content)
        size = source.stat().st_size
        if size >= LFS_FROM_BYTES or path.endswith(LFS_ENDINGS):
            pointer = (
                f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
            ).encode()
            file = StoredFile(path, source, size, sha256, git_blob_id(pointer), len(pointer))
        else:
            blob_id = git_blob_id(source.read_bytes())
            file = StoredFile(path, source, size, sha256, blob_id, None)
        with self._lock:
            self._by_sha256[sha256] = file
        return file

    def _keep(self, content: Content) -> tuple[Path, str]:
        """Where the bytes lie, and their sha256. A path is served from its own place."""
        if isinstance(content, Known):
            return content.path, content.sha256
        if isinstance(content, Path):
            state = content.stat()
            key = (str(content), state.st_size, state.st_mtime_ns)
            with self._lock:
                known = self._hashes.get(key)
            if known is None:
                with content.open("rb") as file:
                    known = hashlib.file_digest(file, "sha256").hexdigest()
                with self._lock:
                    self._hashes[key] = known
            return content, known
        data = content.encode() if isinstance(content, str) else content
        sha256 = hashlib.sha256(data).hexdigest()
        place = self._folder / sha256
        if not place.exists():
            temporary = place.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            temporary.write_bytes(data)
            temporary.replace(place)
        return place, sha256


def git_blob_id(data: bytes) -> str:
    """The sha1 that git knows a file by."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
