"""The document of a benchmark result: its shape, its version, and the check of foreign ones.

A document is plain JSON::

    {"schema": 1, "id": 7, "name": "qwen3-8b:q4_k_m, 2026-11-21 11:26", "created": 1795260405.1,
     "model": {"id", "file", "fingerprint", "sha256", "size_bytes", "architecture", "quant_type",
               "parameters"},
     "results": [{"test": "prefill|decode|load", "tokens", "depth", "concurrency",
                  "tokens_per_second", "median_tokens_per_second", "stddev", "samples": [], …}],
     "fingerprint": {"machine": {…}, "runtime": {…}, "settings": {…}},
     "disturbed": {"requests": 2} or null, "warnings": []}

`id` is this database's own and not part of what is measured. More keys may stand beside these: a
newer Paddock's documents of the same schema are read and kept whole.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean

SCHEMA = 1
TESTS = ("prefill", "decode", "load")

Document = dict[str, Any]

NAME_LIMIT = 200
_LABEL_LIMIT = 500
_TEXT_LIMIT = 2_000
_VALUES_LIMIT = 100_000
_DEPTH_LIMIT = 12
_RESULTS_LIMIT = 1_000
_SAMPLES_LIMIT = 1_000
_WHOLE_LIMIT = 1 << 53  # what JSON carries exactly everywhere
# Never shown as they are: a terminal obeys the first, and the others can turn a text around.
_UNSHOWN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))

Check = Callable[[Any, str], None]


class _Invalid(Exception):
    """Why a document is none, in words."""


def validate(document: object, path: str = "The data") -> Document:
    """The document, once all of it is known to be in order.

    Args:
        document: anything `json.loads` can return.
        path: where it comes from, for the error.

    Raises:
        AppError: RESULT_FILE_INVALID with the exact place and reason.
    """
    try:
        _check_bounds(document)
        if not isinstance(document, dict):
            raise _Invalid(f"A result must be an object, not {_kind(document)}.")
        _check_version(document.get("schema"))
        for key, (needed, check) in _DOCUMENT.items():
            _member(document, key, needed, check, "")
    except _Invalid as error:
        raise AppError(ErrorCode.RESULT_FILE_INVALID, path=path, reason=str(error)) from error
    return document


def tidy(value: Any) -> Any:
    """A value made fit for a document: no number that JSON lacks, no text that cannot be shown."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Mapping):
        return {clean(str(key), NAME_LIMIT): tidy(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [tidy(each) for each in value]
    return clean(str(value), _TEXT_LIMIT)


def is_name(name: object) -> bool:
    """Whether a result may be called so. A number alone would be taken for an id."""
    try:
        _name(name, "name")
    except _Invalid:
        return False
    return True


# --- bounds that hold for every value, also those we do not know


def _check_bounds(document: object) -> None:
    left: list[tuple[Any, str, int]] = [(document, "", 0)]
    seen = 0
    while left:
        value, place, depth = left.pop()
        seen += 1
        if seen > _VALUES_LIMIT:
            raise _Invalid(f"It holds more than {_VALUES_LIMIT} values.")
        if isinstance(value, (dict, list)):
            if depth == _DEPTH_LIMIT:
                raise _Invalid(f"It is nested deeper than {_DEPTH_LIMIT} levels.")
            if len(value) > _VALUES_LIMIT:
                raise _Invalid(f"It holds more than {_VALUES_LIMIT} values.")
            if isinstance(value, dict):
                for key, each in value.items():
                    if not isinstance(key, str):
                        raise _Invalid("Keys must be texts.")
                    _text(key, "A key", NAME_LIMIT)
                    left.append((each, f"{place}.{key}" if place else key, depth + 1))
            else:
                left.extend((each, f"{place}[{n}]", depth + 1) for n, each in enumerate(value))
        else:
            _check_scalar(value, place or "It")


def _check_scalar(value: object, place: str) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _text(value, place)
    elif isinstance(value, int):
        if abs(value) > _WHOLE_LIMIT:
            raise _Invalid(f"{_shown(place)} is a number too large.")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _Invalid(f"{_shown(place)} is not a finite number.")
    else:
        raise _Invalid(f"{_shown(place)} is {_kind(value)}, which JSON does not have.")


def _check_version(version: object) -> None:
    if isinstance(version, bool) or not isinstance(version, int):
        raise _Invalid("It has no schema version, a whole number called “schema”.")
    if version != SCHEMA:
        raise _Invalid(f"It is of schema {version}; this version knows {SCHEMA}.")


def _kind(value: object) -> str:
    for types, word in (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        (dict, "an object"),
        (list, "a list"),
    ):
        if isinstance(value, types):
            return word
    return "nothing" if value is None else type(value).__name__


def _shown(place: str) -> str:
    return clean(place, 120)


# --- checks of single values


def _text(value: Any, place: str, limit: int = _TEXT_LIMIT) -> None:
    if not isinstance(value, str):
        raise _Invalid(f"{_shown(place)} must be a text, not {_kind(value)}.")
    if len(value) > limit:
        raise _Invalid(f"{_shown(place)} is longer than {limit} characters.")
    if not value.isprintable() and any(unicodedata.category(c) in _UNSHOWN for c in value):
        raise _Invalid(f"{_shown(place)} holds characters that cannot be shown.")


def _name(value: Any, place: str) -> None:
    _text(value, place, NAME_LIMIT)
    if not value.strip() or value != value.strip():
        raise _Invalid(f"{place} must not be empty, nor begin or end with a space.")
    if value.isdigit():
        raise _Invalid(f"{place} must not be a number alone.")


def _label(value: Any, place: str) -> None:
    _text(value, place, _LABEL_LIMIT)
    if not value:
        raise _Invalid(f"{place} must not be empty.")


def _file(value: Any, place: str) -> None:
    _label(value, place)
    if "/" in value or "\\" in value:
        raise _Invalid(f"{place} must be a file's name without its folder.")


def _sha256(value: Any, place: str) -> None:
    _text(value, place)
    if len(value) != 64 or any(c not in "0123456789abcdef" for c in value):
        raise _Invalid(f"{place} must be 64 hex digits.")


def _whole(low: int, high: int = _WHOLE_LIMIT) -> Check:
    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _Invalid(f"{place} must be a whole number, not {_kind(value)}.")
        if not low <= value <= high:
            raise _Invalid(f"{place} must be from {low} to {high}.")

    return check


def _number(value: Any, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Invalid(f"{place} must be a number, not {_kind(value)}.")
    if value < 0:
        raise _Invalid(f"{place} must not be negative.")


def _created(value: Any, place: str) -> None:
    _number(value, place)
    if value > 253_402_300_799:  # the end of the year 9999, where calendars of programs end
        raise _Invalid(f"{place} must be in seconds since 1970.")


def _one_of(words: tuple[str, ...]) -> Check:
    def check(value: Any, place: str) -> None:
        if value not in words:
            raise _Invalid(f"{place} must be one of {', '.join(words)}.")

    return check


def _optional(check: Check) -> Check:
    def maybe(value: Any, place: str) -> None:
        if value is not None:
            check(value, place)

    return maybe


def _list(check: Check, low: int, high: int) -> Check:
    def check_all(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise _Invalid(f"{place} must be a list, not {_kind(value)}.")
        if not low <= len(value) <= high:
            raise _Invalid(f"{place} must have {low} to {high} entries, not {len(value)}.")
        for number, each in enumerate(value):
            check(each, f"{place}[{number}]")

    return check_all


def _object(members: Mapping[str, tuple[bool, Check]]) -> Check:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise _Invalid(f"{place} must be an object, not {_kind(value)}.")
        for key, (needed, check_member) in members.items():
            _member(value, key, needed, check_member, f"{place}.")

    return check


def _member(value: dict[str, Any], key: str, needed: bool, check: Check, prefix: str) -> None:
    if key in value:
        check(value[key], f"{prefix}{key}")
    elif needed:
        raise _Invalid(f"{prefix}{key} is missing.")


_RESULT: dict[str, tuple[bool, Check]] = {
    "test": (True, _one_of(TESTS)),
    "tokens": (True, _whole(1)),
    "depth": (True, _whole(0)),
    "concurrency": (True, _whole(1)),
    "tokens_per_second": (True, _number),
    "median_tokens_per_second": (False, _number),
    "stddev": (True, _optional(_number)),
    "samples": (True, _list(_number, 0, _SAMPLES_LIMIT)),
    "prompt_tokens": (False, _optional(_whole(0))),
    "disturbed_requests": (False, _whole(0)),
}
_MODEL: dict[str, tuple[bool, Check]] = {
    "id": (True, _label),
    "file": (True, _file),
    "fingerprint": (True, _text),
    "sha256": (True, _optional(_sha256)),
    "size_bytes": (True, _whole(0)),
    "architecture": (True, _optional(_text)),
    "quant_type": (True, _optional(_text)),
    "parameters": (True, _optional(_whole(0))),
}
_FINGERPRINT = {part: (True, _object({})) for part in ("machine", "runtime", "settings")}
_DOCUMENT: dict[str, tuple[bool, Check]] = {
    "id": (False, _optional(_whole(1))),
    "name": (True, _name),
    "created": (True, _created),
    "model": (True, _object(_MODEL)),
    "results": (True, _list(_object(_RESULT), 1, _RESULTS_LIMIT)),
    "fingerprint": (True, _object(_FINGERPRINT)),
    "disturbed": (True, _optional(_object({"requests": (True, _whole(1))}))),
    "warnings": (True, _list(_text, 0, _RESULTS_LIMIT)),
}
