"""What people say of a model beside its file: its card, and the further names it answers to.

A card stays with the model's content, like its id, wherever the file lies. What stands in it counts
where a request says nothing: a system prompt, messages to begin with, sampling, a template.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from desktop.core.errors import AppError, ErrorCode

_MOST_TAGS = 50
_TAG_CHARS = 40
_TEXT_BYTES = 128 << 10  # every list of models carries it
_MOST_MESSAGES = 100
_MOST_ADAPTERS = 32
_MOST_STOPS = 16
_STOP_CHARS = 200
_MOST_SCALE = 100.0
_ROLES = ("system", "user", "assistant")
# A dot in front of a name, and "if" in double braces, are Go's templates' and no Jinja.
_GO = re.compile(r"\{\{-?\s*(?:\.[A-Za-z]|\$|if\b|range\b|end\b|else\b)")
# What an API client can put into "model"; a slash, so that names of other services can be taken.
_ALIAS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/@+-]{0,126}[A-Za-z0-9])?")

# Lowest, highest, whole numbers only. The names are the engine's, in a request.
SAMPLING: dict[str, tuple[float, float, bool]] = {
    "temperature": (0, 5, False),
    "top_k": (0, 100_000, True),
    "top_p": (0, 1, False),
    "min_p": (0, 1, False),
    "typical_p": (0, 1, False),
    "repeat_penalty": (0, 5, False),
    "repeat_last_n": (-1, 1_000_000, True),
    "presence_penalty": (-2, 2, False),
    "frequency_penalty": (-2, 2, False),
    "mirostat": (0, 2, True),
    "mirostat_tau": (0, 100, False),
    "mirostat_eta": (0, 1, False),
    "seed": (-1, 2**32 - 1, True),
    "max_tokens": (-1, 1_000_000, True),
}
STOP = "stop"


@dataclass(frozen=True)
class Card:
    """Everything a card can say; what is empty is not said.

    Attributes:
        system: the system prompt of requests that have none.
        sampling: by the names of `SAMPLING`, and "stop": a list of texts.
        template: a chat template (Jinja) used in place of the file's own from the next load on.
        messages: {"role", "content"}, put before a conversation's own.
        adapters: {"path", "scale"} of LoRA adapters, loaded with the model.
        hidden: left out of lists; the file is untouched.
    """

    system: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict, hash=False)
    template: str = ""
    license: str = ""
    messages: tuple[Mapping[str, str], ...] = field(default=(), hash=False)
    adapters: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    notes: str = ""
    tags: tuple[str, ...] = ()
    hidden: bool = False

    def to_dict(self) -> dict[str, Any]:
        """What it says of how the model is used, as JSON: only what is set, no tags, no hiding."""
        said = {
            "system": self.system,
            "sampling": dict(self.sampling),
            "template": self.template,
            "license": self.license,
            "messages": [dict(each) for each in self.messages],
            "adapters": [dict(each) for each in self.adapters],
            "notes": self.notes,
        }
        return {name: value for name, value in said.items() if value}

    def to_document(self) -> dict[str, Any]:
        """All of it, as it is stored."""
        kept: dict[str, Any] = {"tags": list(self.tags), "hidden": self.hidden}
        return {**self.to_dict(), **{name: value for name, value in kept.items() if value}}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Card:
        """The card of a stored document; what cannot be used (another version's) is left out."""
        usable = {}
        for name, value in document.items():
            try:
                usable[name] = CHECKS[name](name, value)
            except (KeyError, AppError):
                continue
        return cls(**usable)

    def over(self, other: Card) -> Card:
        """This card, with the other's word where it says nothing; of sampling value by value."""
        said = {name: getattr(self, name) for name in CHECKS if getattr(self, name)}
        return replace(other, **{**said, "sampling": {**other.sampling, **self.sampling}})

    def changed(self, changes: Mapping[str, Any]) -> Card:
        """The card with new values by name; None takes one away.

        Raises:
            AppError: SETTING_INVALID, also where a card has no such field.
        """
        values = {}
        for name, value in changes.items():
            check = CHECKS.get(name)
            if check is None:
                known = ", ".join(CHECKS)
                raise _invalid(name, value, f"A card has no such field; it has {known}.")
            values[name] = getattr(Card(), name) if value is None else check(name, value)
        return replace(self, **values)


def _invalid(name: str, value: Any, reason: str) -> AppError:
    return AppError(ErrorCode.SETTING_INVALID, name=name, value=repr(value)[:200], reason=reason)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _invalid(name, value, "It must be a text.")
    try:
        size_bytes = len(value.encode())
    except UnicodeEncodeError as error:
        raise _invalid(name, value, "It holds half of a character.") from error
    if size_bytes > _TEXT_BYTES or "\0" in value:
        raise _invalid(name, value, f"It may have {_TEXT_BYTES:,} bytes, and none of them 0.")
    return value


def _template(name: str, value: Any) -> str:
    text = _text(name, value)
    if _GO.search(text):
        raise _invalid(name, value, "It is in Ollama's language (Go); the engine takes Jinja.")
    return text


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _invalid(name, value, "It must be true or false.")
    return value


def _list(name: str, value: Any, most: int) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise _invalid(name, value, f"It must be a list of at most {most}.")
    return list(value)


def _tags(name: str, value: Any) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for tag in _list(name, value, _MOST_TAGS):
        words = " ".join(tag.split()) if isinstance(tag, str) else ""
        if not words or len(words) > _TAG_CHARS or not words.isprintable() or "," in words:
            reason = f"A tag has 1 to {_TAG_CHARS} printable characters and no comma."
            raise _invalid(name, tag, reason)
        kept.setdefault(words.casefold(), words)
    return tuple(kept.values())


def _sampling(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _invalid(name, value, "It must be an object.")
    return {key: _sample(key, one) for key, one in value.items() if one is not None}


def _sample(name: str, value: Any) -> Any:
    if name == STOP:
        stops = _list(name, value, _MOST_STOPS)
        if not all(isinstance(text, str) and 0 < len(text) <= _STOP_CHARS for text in stops):
            raise _invalid(name, value, f"They must be texts of up to {_STOP_CHARS} characters.")
        return stops
    if name not in SAMPLING:
        raise _invalid(name, value, f"Known names are {', '.join(SAMPLING)} and {STOP}.")
    low, high, whole = SAMPLING[name]
    right = isinstance(value, int) or (isinstance(value, float) and not whole)
    if isinstance(value, bool) or not right or not low <= value <= high:
        kind = "whole number" if whole else "number"
        raise _invalid(name, value, f"It must be a {kind} from {low} to {high}.")
    return value


def _messages(name: str, value: Any) -> tuple[dict[str, str], ...]:
    kept = []
    for message in _list(name, value, _MOST_MESSAGES):
        if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
            raise _invalid(name, message, f"A message has a role ({', '.join(_ROLES)}).")
        kept.append({"role": message["role"], "content": _text(name, message.get("content"))})
    return tuple(kept)


def _adapters(name: str, value: Any) -> tuple[dict[str, Any], ...]:
    kept = []
    for adapter in _list(name, value, _MOST_ADAPTERS):
        given = adapter if isinstance(adapter, Mapping) else {}
        path, scale = given.get("path"), given.get("scale", 1.0)
        is_number = isinstance(scale, int | float) and not isinstance(scale, bool)
        if not isinstance(path, str) or not path or not is_number or not _usable_scale(scale):
            raise _invalid(name, adapter, 'An adapter is {"path": …, "scale": …}.')
        kept.append({"path": _text(name, path), "scale": float(scale)})
    return tuple(kept)


def _usable_scale(scale: float) -> bool:
    return math.isfinite(scale) and abs(scale) <= _MOST_SCALE


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "system": _text,
    "sampling": _sampling,
    "template": _template,
    "license": _text,
    "messages": _messages,
    "adapters": _adapters,
    "notes": _text,
    "tags": _tags,
    "hidden": _flag,
}


# --- aliases


def checked_aliases(wanted: Any, model_id: str, taken: Mapping[str, str]) -> tuple[str, ...]:
    """The aliases a model is to have, each spelled as asked for, none twice.

    Args:
        taken: id or alias, in small letters → the id of the model it belongs to; also of models
            that are not there now (a disk that is unplugged).

    Raises:
        AppError: ALIAS_INVALID, ALIAS_TAKEN.
    """
    if not isinstance(wanted, list | tuple):
        raise AppError(
            ErrorCode.ALIAS_INVALID, alias=repr(wanted)[:100], reason="It must be a list of texts."
        )
    kept: dict[str, str] = {}
    for alias in wanted:
        if not isinstance(alias, str) or not _ALIAS.fullmatch(alias) or "//" in alias:
            shown = alias if isinstance(alias, str) else repr(alias)
            raise AppError(
                ErrorCode.ALIAS_INVALID,
                alias=shown[:100],
                reason="An alias has 1 to 128 of the characters a to z, 0 to 9 and . _ - : / @ +, "
                "and begins and ends with a letter or a digit.",
            )
        owner = taken.get(alias.lower())
        if alias.lower() == model_id.lower():
            raise AppError(
                ErrorCode.ALIAS_INVALID, alias=alias, reason="It is the model's id already."
            )
        if owner is not None and owner != model_id:
            raise AppError(ErrorCode.ALIAS_TAKEN, alias=alias, owner=owner)
        kept.setdefault(alias.lower(), alias)
    return tuple(kept.values())


def aliases_of(model_id: str, aliases: Mapping[str, str]) -> tuple[str, ...]:
    """The aliases of a model, out of alias → id of all."""
    return tuple(sorted(alias for alias, owner in aliases.items() if owner == model_id))


def taken_names(ids: Iterable[str], aliases: Mapping[str, str]) -> dict[str, str]:
    """Every name that is somebody's, in small letters → whose."""
    names = {alias.lower(): owner for alias, owner in aliases.items()}
    return {**names, **{model_id.lower(): model_id for model_id in ids}}
