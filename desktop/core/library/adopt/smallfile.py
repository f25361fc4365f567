"""Small files of other programs: read whole, but never more than a bound, and only plain files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.local import open_file, path_error
from desktop.core.gguf.words import shown

SETTINGS_BYTES = 1 << 20
YAML_BYTES = 64 << 10


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


def read_yaml(path: Path, most_bytes: int = YAML_BYTES) -> Any:
    """Raises:
    AppError: as `read_small`, and PATH_UNREADABLE where it is no plain YAML.
    """
    import yaml  # type: ignore[import-untyped]

    text = read_text(path, most_bytes)
    try:
        # A few hundred bytes of aliases can stand for gigabytes.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise _unusable(path, "It is YAML with aliases, which are not read.")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unusable(path, f"It is no YAML: {error}.") from error


def _unusable(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.PATH_UNREADABLE, path=shown(path), reason=reason)
