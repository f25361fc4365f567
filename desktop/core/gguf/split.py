"""Models split into files: `name-00002-of-00003.gguf`, as llama-gguf-split makes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.summary import ModelSummary

MAX_PARTS = 1000
PART = re.compile(
    r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<ending>\.gguf)$", re.IGNORECASE
)


def part_names(name: str) -> tuple[str, ...]:
    """The names of all files of the model that the file of this name belongs to, in order."""
    part = PART.match(name)
    if part is None or not 1 <= int(part["number"]) <= int(part["count"]) <= MAX_PARTS:
        return (name,)
    return tuple(
        f"{part['stem']}-{number:05}-of-{part['count']}{part['ending']}"
        for number in range(1, int(part["count"]) + 1)
    )


def parts_error(names: Sequence[str], parts: Sequence[ModelSummary]) -> AppError | None:
    """Whether the files that belong together by name do so by their headers too."""
    claimed = parts[0].split_count or 1
    if len(parts) == 1:
        if claimed <= 1:
            return None
        return AppError(
            ErrorCode.GGUF_SHARD_MISSING,
            path=names[0],
            count=claimed,
            missing=f"a file whose name ends in -00002-of-{claimed:05}.gguf",
        )
    for number, part in enumerate(parts):
        if part.split_count != len(parts) or part.split_no != number:
            return AppError(
                ErrorCode.GGUF_HOSTILE,
                path=names[number],
                reason=f"its name says part {number + 1} of {len(parts)}, its header does not",
            )
    return None
