"""What somebody searches the hub for; the same question can be put to what was kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.hub.facts import FoundRepo

Kind = Literal["gguf", "checkpoint", "all"]
Sort = Literal["trending", "downloads", "likes", "updated"]
KINDS: tuple[Kind, ...] = ("gguf", "checkpoint", "all")
SORTS: tuple[Sort, ...] = ("trending", "downloads", "likes", "updated")
MAX_LIMIT = 500
_MAX_TEXT = 200
# A checkpoint with one of these tags was made smaller already: it is no original.
_MADE_SMALLER = frozenset({"gptq", "awq", "exl2", "exl3", "bitsandbytes", "mlx"})
_MADE_OF = ("base_model:quantized:", "base_model:adapter:")
_FIGURES: dict[Sort, Callable[[FoundRepo], float | None]] = {
    "trending": lambda found: found.trending,
    "downloads": lambda found: found.downloads,
    "likes": lambda found: found.likes,
    "updated": lambda found: found.updated,
}


@dataclass(frozen=True)
class Query:
    """A search.

    Attributes:
        text: words that the repository's name holds; empty: all of them.
        kind: repositories with GGUF files, or with the original checkpoint.
        author: who uploaded it.
        license, language, task: as the hub calls them, such as "apache-2.0", "ja",
            "image-text-to-text".
        smallest, largest: parameters; of a repository whose number is not told nobody knows
            whether it suits, so it is left out then.
    """

    text: str = ""
    kind: Kind = "gguf"
    sort: Sort = "trending"
    author: str | None = None
    license: str | None = None
    language: str | None = None
    task: str | None = None
    smallest: int | None = None
    largest: int | None = None
    limit: int = 50

    def __post_init__(self) -> None:
        """Raises:
        AppError: BAD_REQUEST.
        """
        problem = None
        if self.kind not in KINDS or self.sort not in SORTS:
            problem = f"Kinds are {', '.join(KINDS)}, orders are {', '.join(SORTS)}."
        elif not 1 <= self.limit <= MAX_LIMIT:
            problem = f"A search finds 1 to {MAX_LIMIT} repositories."
        elif len(self.text) > _MAX_TEXT:
            problem = f"A search has at most {_MAX_TEXT} characters."
        if problem is not None:
            raise AppError(ErrorCode.BAD_REQUEST, reason=problem)

    @property
    def words(self) -> list[str]:
        return clean(self.text, _MAX_TEXT).casefold().split()

    @property
    def filters(self) -> tuple[str, ...]:
        """Tags that a repository must have."""
        marks = {"gguf": "gguf", "checkpoint": "safetensors", "all": None}
        license = f"license:{self.license.lower()}" if self.license else None
        wanted = (marks[self.kind], license, self.language and self.language.lower())
        return tuple(each for each in wanted if each)

    @property
    def sieves(self) -> bool:
        """Whether what the hub finds has to be sieved here."""
        return self.kind != "gguf"

    @property
    def key(self) -> str:
        """Equal for the same question."""
        plain = {**asdict(self), "text": " ".join(self.words)}
        return json.dumps({name: value for name, value in plain.items() if value is not None})

    def suits(self, found: FoundRepo) -> bool:
        """Whether a repository is of the kind and passes the filters, whatever its name."""
        tags = {tag.lower() for tag in found.tags}
        if self.kind == "all":
            if not found.is_gguf and "safetensors" not in tags:
                return False
        elif not _is_of(self.kind, found, tags):
            return False
        if self.license and (found.license or "").lower() != self.license.lower():
            return False
        if self.language and self.language.lower() not in {*tags, *found.languages}:
            return False
        if self.author and found.author.lower() != self.author.lower():
            return False
        if self.task and found.task != self.task:
            return False
        if self.smallest is None and self.largest is None:
            return True
        size = found.parameters
        return size is not None and (self.smallest or 0) <= size <= (self.largest or size)

    def holds(self, found: FoundRepo) -> bool:
        """Whether its name has all the words."""
        name = found.repo.casefold()
        return all(word in name for word in self.words)

    def sorted(self, repos: Iterable[FoundRepo]) -> list[FoundRepo]:
        """In the wished order; those whose figure nobody tells come last."""
        figure = _FIGURES[self.sort]

        def place(found: FoundRepo) -> tuple[Any, ...]:
            value = figure(found)
            return (value is None, -(value or 0), -(found.downloads or 0), found.repo)

        return sorted(repos, key=place)


def _is_of(kind: Kind, found: FoundRepo, tags: set[str]) -> bool:
    if kind == "gguf":
        return found.is_gguf
    derived = any(tag.startswith(_MADE_OF) for tag in tags)
    return "safetensors" in tags and not derived and _MADE_SMALLER.isdisjoint(tags)
