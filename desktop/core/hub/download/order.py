"""What is to be fetched, how fast it may be, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.files import Listing, RepoFile

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class WantedFile:
    """One file of a repository.

    Attributes:
        path: in the repository, with slashes.
        size_bytes: as the hub's listing has it; None where it does not say.
        sha256: of the content; known for large files.
        etag: what the hub calls the content: its sha256, for a small file git's sha1 of it; None
            where the listing does not say, and the hub is asked.
    """

    path: str
    size_bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "etag": self.etag,
        }


@dataclass(frozen=True)
class Order:
    """Files of one state of a repository.

    Attributes:
        revision: the branch or tag that was asked for; it leads to `commit` when all is there.
    """

    repo: str
    revision: str
    commit: str
    files: tuple[WantedFile, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "repo": self.repo,
            "revision": self.revision,
            "commit": self.commit,
            "files": [file.to_dict() for file in self.files],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Order:
        """The inverse of `to_dict`.

        Raises:
            AppError: BAD_REQUEST, when it is none.
        """
        try:
            files = tuple(_wanted(each) for each in data["files"])
            return cls(_text(data["repo"]), _text(data["revision"]), _text(data["commit"]), files)
        except (KeyError, TypeError, ValueError) as error:
            raise AppError(ErrorCode.BAD_REQUEST, reason="That is no download order.") from error


def order_of(listing: Listing, files: Sequence[RepoFile], revision: str = "main") -> Order:
    """The order for files of a listing."""
    wanted = tuple(WantedFile(file.path, file.size_bytes, file.sha256, file.etag) for file in files)
    return Order(listing.repo, revision, listing.commit, wanted)


def no_limit() -> float | None:
    """The speed limit of who has none."""
    return None


@dataclass(frozen=True)
class Limits:
    """How much of the network a download may take.

    Attributes:
        connections: at most so many at once.
        bytes_per_second: over all connections; asked again while it runs; None: no limit.
    """

    connections: int = 8
    bytes_per_second: Callable[[], float | None] = field(default=no_limit)


@dataclass(frozen=True)
class StoredFile:
    """One file as it lies in the cache.

    Attributes:
        path: in the snapshot.
        blob: where its bytes are: the blob, or `path` itself where links cannot be made.
        sha256: None for a small file that was there already.
        repo_file: its path in the repository.
        was_present: nothing of it had to be fetched.
    """

    path: Path
    blob: Path
    etag: str
    sha256: str | None
    size_bytes: int
    repo_file: str
    was_present: bool


@dataclass(frozen=True)
class Fetched:
    """What an order brought; `fetched_bytes` came over the network this time."""

    files: tuple[StoredFile, ...]
    snapshot: Path
    fetched_bytes: int


def _wanted(data: Any) -> WantedFile:
    size, sha256, etag = data["size_bytes"], data["sha256"], data["etag"]
    if size is not None and (type(size) is not int or size < 0):
        raise ValueError("no size")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise ValueError("no sha256")
    return WantedFile(_text(data["path"]), size, sha256, None if etag is None else _text(etag))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no text")
    return value
