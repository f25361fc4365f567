"""One repository on the hub: what is said of it, and its models with their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.facts import FoundRepo, facts_of, reader_of
from desktop.core.hub.files import Listing, RepoFile, models_of, projectors_of

Source = Literal["hub", "cache"]


@dataclass(frozen=True)
class Quant:
    """A model of a repository: one file, or the parts of a split one in order.

    Attributes:
        label: what is typed behind the colon; the file's path where its name holds none.
    """

    label: str
    files: tuple[RepoFile, ...]

    @property
    def size_bytes(self) -> int | None:
        """None where the hub does not tell it of each part."""
        return total_bytes(self.files)

    def to_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "size_bytes": self.size_bytes,
            "files": [_file_dict(file) for file in self.files],
        }


@dataclass(frozen=True)
class Repository:
    """A repository as it is at one commit.

    Attributes:
        source: "cache" where the hub could not be asked; `problem` says why.
        as_of: when the hub said so, in seconds since 1970.
    """

    facts: FoundRepo
    listing: Listing
    as_of: float
    source: Source = "hub"
    problem: AppError | None = None

    @property
    def repo(self) -> str:
        return self.listing.repo

    @property
    def commit(self) -> str:
        return self.listing.commit

    @cached_property
    def quants(self) -> tuple[Quant, ...]:
        """Its models whose parts are all there, the smallest first and those of a size that is not
        told last; none in a repository without.

        Raises:
            AppError: REMOTE_FAILED for a listing that makes no sense.
        """
        try:
            models = models_of(self.listing)
        except AppError as error:
            if error.code is not ErrorCode.HUB_NO_GGUF:
                raise
            return ()
        found = [Quant(label, files) for label, files in models.items()]
        return tuple(sorted(found, key=_place))

    @property
    def projectors(self) -> tuple[RepoFile, ...]:
        """The files through which its models see or hear."""
        return projectors_of(self.listing)

    @property
    def checkpoint(self) -> tuple[RepoFile, ...]:
        """The files of an original checkpoint, where it has one."""
        return tuple(f for f in self.listing.files if f.path.lower().endswith(".safetensors"))

    def to_dict(self) -> dict[str, Any]:
        """As JSON, its models by their files."""
        return {
            **self.facts.to_dict(),
            "commit": self.commit,
            "quants": [quant.to_dict() for quant in self.quants],
            "projectors": [_file_dict(file) for file in self.projectors],
            "checkpoint_files": len(self.checkpoint),
            "checkpoint_bytes": total_bytes(self.checkpoint) if self.checkpoint else None,
            "source": self.source,
            "as_of": self.as_of,
        }


def repository_of(answer: Mapping[str, Any], listing: Listing, as_of: float) -> Repository:
    """From the hub's answer and the files that were found in it."""
    facts = facts_of({**answer, "id": listing.repo}) or FoundRepo(listing.repo)
    return Repository(facts, listing, as_of)


def _place(quant: Quant) -> tuple[bool, int, str]:
    size = quant.size_bytes
    return size is None, size or 0, quant.label


def total_bytes(files: Sequence[RepoFile]) -> int | None:
    """Of all of them; None where one's size is not known."""
    sizes = [file.size_bytes for file in files]
    return sum(size for size in sizes if size is not None) if None not in sizes else None


# --- in the cache


def stored(repository: Repository) -> dict[str, Any]:
    """A repository as the cache holds it: with every file."""
    return {
        "facts": repository.facts.to_dict(),
        "commit": repository.commit,
        "files": [asdict(file) for file in repository.listing.files],
    }


def restored(data: Mapping[str, Any], as_of: float) -> Repository:
    """The inverse of `stored`.

    Raises:
        KeyError, ValueError: it is none.
    """
    facts = reader_of(FoundRepo).validate_python(data["facts"])
    files = tuple(reader_of(RepoFile).validate_python(each) for each in data["files"])
    return Repository(facts, Listing(facts.repo, str(data["commit"]), files), as_of, "cache")


def _file_dict(file: RepoFile) -> dict[str, Any]:
    return {"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256}
