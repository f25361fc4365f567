"""Models for names that programs were born with: what a person wrote into `server.model_map`.

A coding tool asks for "claude-…" and another for "gpt-…", whatever they are pointed at. A name that
a model here has is never looked up in the map.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry

Find = Callable[[str], Awaitable[ModelEntry]]
LATEST = ":latest"  # Ollama's word for no tag
_NOT_FOUND = frozenset({ErrorCode.MODEL_NOT_FOUND, ErrorCode.MODEL_HIDDEN})


def mapped(name: str, names: Mapping[str, str]) -> str | None:
    """The model that stands for a name: of the entries that fit, the one that says most of it."""
    wanted = name.lower()
    fitting = [pattern for pattern in names if fnmatchcase(wanted, pattern.lower())]
    best = max(fitting, key=lambda pattern: len(pattern.replace("*", "")), default=None)
    return None if best is None else names[best]


def with_map(find: Find, names: Callable[[], Mapping[str, str]]) -> Find:
    """`find`, which goes by the map where nothing has the name.

    Args:
        names: the map as it is now.
    """

    async def found(name: str) -> ModelEntry:
        failure: AppError | None = None
        for own in dict.fromkeys((name, name.removesuffix(LATEST))):
            try:
                return await find(own)
            except AppError as error:
                if error.code not in _NOT_FOUND:
                    raise
                failure = failure or error
        meant = mapped(name, names())
        if meant is None and failure is not None:
            raise failure
        return await find(meant or name)

    return found
