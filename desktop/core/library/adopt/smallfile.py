"""Small files of other programs: read whole, but never more than a bound, and only plain files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.local import open_file, path_error
from desktop.core.gguf.words import shown

SETTINGS_BYTES = 1 << 20
_YAML_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_YAML_MARKS = tuple("[]{}|>&*!#%@`")  # what begins a value that is no plain one
_YAML_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None}


def read_small(path: Path, most_bytes: int = SETTINGS_BYTES) -> bytes:
    """The file's content.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE (also where it is larger than `most_bytes`).
    """
    handle = open_file(path)
    try:
        with os.fdopen(handle, "rb") as stream:
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise path_error(error, path) from error
    if len(content) > most_bytes:
        raise _unusable(path, f"It is larger than {most_bytes:,} bytes.")
    return content


def read_text(path: Path, most_bytes: int = SETTINGS_BYTES) -> str:
    """The file's text; a mark of the byte order in front is left out.

    Raises:
        AppError: as `read_small`, and PATH_UNREADABLE where it is no text in UTF-8.
    """
    try:
        return read_small(path, most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unusable(path, "It is no text in UTF-8.") from error


def read_json(path: Path, most_bytes: int = SETTINGS_BYTES) -> Any:
    """Raises:
    AppError: as `read_small`, and PATH_UNREADABLE where it is no JSON.
    """
    try:
        return json.loads(read_small(path, most_bytes))
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"It is no JSON: {error}.") from error


def read_flat_yaml(path: Path, most_bytes: int = SETTINGS_BYTES) -> dict[str, Any]:
    """The plain values at the top of a YAML file: numbers, true and false, texts on one line.

    What is nested or goes over several lines is left out. A whole reader of YAML needs minutes for
    a hostile file of some kilobytes (deep nesting, aliases), and nothing more is asked for here.

    Raises:
        AppError: as `read_text`.
    """
    found: dict[str, Any] = {}
    for line in read_text(path, most_bytes).split("\n"):
        key, colon, rest = line.partition(": ")
        value = rest.strip()
        if colon and value and _YAML_KEY.fullmatch(key) and not value.startswith(_YAML_MARKS):
            found[key] = _yaml_value(value)
    return found


def _yaml_value(text: str) -> Any:
    if text.startswith("'"):
        return text[1:].removesuffix("'").replace("''", "'")
    if text.startswith('"'):
        try:
            return json.loads(text)
        except ValueError:
            return text.strip('"')
    text = text.partition(" #")[0].rstrip()
    if text in _YAML_WORDS:
        return _YAML_WORDS[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _unusable(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.PATH_UNREADABLE, path=shown(path), reason=reason)
