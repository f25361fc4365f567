"""What the hub says of a repository, made safe: short plain texts, numbers in their bounds.

Everything comes from strangers: who uploads a model writes its tags and its card. Nothing here
fails on what is wrong or missing; it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from desktop.core.gguf.words import clean
from desktop.core.hub.files import count
from desktop.core.hub.names import REPO

T = TypeVar("T")

_MAX_TAGS = 200
_MAX_TAG = 100
_MAX_BASES = 8
_MAX_WORD = 60
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True)
class FoundRepo:
    """One repository as it is listed; None is what nobody says.

    Attributes:
        updated: seconds since 1970.
        gated: who may read it asks for it: "auto" when that is granted at once, else "manual".
        parameters: of the model, from its GGUF file's header or its safetensors.
        task: the hub's pipeline tag, such as "text-generation".
        base_models: what it was made of.
        trending: the hub's own score.
    """

    repo: str
    downloads: int | None = None
    likes: int | None = None
    trending: int | None = None
    updated: float | None = None
    tags: tuple[str, ...] = ()
    license: str | None = None
    gated: str | None = None
    private: bool = False
    is_gguf: bool = False
    parameters: int | None = None
    architecture: str | None = None
    context_tokens: int | None = None
    task: str | None = None
    base_models: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @property
    def author(self) -> str:
        return self.repo.partition("/")[0]

    def to_dict(self) -> dict[str, Any]:
        """As JSON; also what the cache holds."""
        plain = {"repo": self.repo, "author": self.author, **asdict(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}


@cache
def reader_of(kind: type[T]) -> TypeAdapter[T]:
    """Reads plain data of the cache back; what does not fit is a ValueError."""
    return TypeAdapter(kind)


def facts_of(answer: Mapping[str, Any]) -> FoundRepo | None:
    """The facts in an answer of the hub's API, by the API's names; None where it names no
    repository."""
    repo = answer.get("id")
    if not isinstance(repo, str) or not REPO.fullmatch(repo) or ".." in repo:
        return None
    tags = _texts(answer.get("tags"), _MAX_TAGS)
    card = _mapping(answer.get("cardData"))
    gguf = _mapping(answer.get("gguf"))
    safetensors = _mapping(answer.get("safetensors"))
    gated = answer.get("gated")
    return FoundRepo(
        repo=repo,
        downloads=count(answer.get("downloads")),
        likes=count(answer.get("likes")),
        trending=count(answer.get("trendingScore")),
        updated=_moment(answer.get("lastModified")),
        tags=tags,
        license=_license(card, tags),
        gated=None if not gated else "auto" if gated == "auto" else "manual",
        private=answer.get("private") is True,
        is_gguf=bool(gguf) or "gguf" in tags,
        parameters=count(gguf.get("total")) or count(safetensors.get("total")) or None,
        architecture=_text(gguf.get("architecture")),
        context_tokens=count(gguf.get("context_length")) or None,
        task=_text(answer.get("pipeline_tag")),
        base_models=_base_models(card, tags),
        languages=_languages(card, tags),
    )


# --- details


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, limit: int = _MAX_WORD) -> str | None:
    return clean(value, limit) or None if isinstance(value, str) else None


def _texts(value: Any, most: int) -> tuple[str, ...]:
    """The texts of a list, or the one text; each once."""
    listed = value[: 4 * most] if isinstance(value, list) else [value]
    found = (_text(each, _MAX_TAG) for each in listed)
    return tuple(dict.fromkeys(each for each in found if each))[:most]


def _moment(value: Any) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value[:40])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _after(tags: Iterable[str], prefix: str) -> list[str]:
    return [tag[len(prefix) :] for tag in tags if tag.startswith(prefix)]


def _license(card: Mapping[str, Any], tags: tuple[str, ...]) -> str | None:
    """Its short name; the publisher's own name for one that is in no list."""
    names = _texts(card.get("license"), 1) or tuple(_after(tags, "license:"))
    own = _text(card.get("license_name"))
    if own is not None and (not names or names[0] == "other"):
        return own
    return clean(names[0], _MAX_WORD) if names else None


def _base_models(card: Mapping[str, Any], tags: tuple[str, ...]) -> tuple[str, ...]:
    """From the card, else from tags such as `base_model:quantized:owner/name`."""
    named = _texts(card.get("base_model"), _MAX_BASES) or _after(tags, "base_model:")
    repos = (each.rpartition(":")[2] for each in named)
    return tuple(dict.fromkeys(repo for repo in repos if REPO.fullmatch(repo)))[:_MAX_BASES]


def _languages(card: Mapping[str, Any], tags: tuple[str, ...]) -> tuple[str, ...]:
    """Codes of its languages. Tags have no mark for them: of those, what has two letters and is not
    TensorFlow's."""
    named = _texts(card.get("language"), _MAX_TAGS)
    if not named:
        named = tuple(tag for tag in tags if len(tag) == 2 and tag != "tf")
    return tuple(each for each in (n.lower() for n in named) if _LANGUAGE.fullmatch(each))
