"""The engine's tools, for who has no service that knows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import EXE, SERVER, engine_bin, engine_folder


@dataclass(frozen=True)
class Engine:
    """Attributes:
    tools: the folder they are in.
    """

    tools: Path

    @classmethod
    def find(cls, folder: Path | None) -> Engine:
        """The engine in a folder; this environment's own where none is given.

        Raises:
            AppError: ENGINE_BAD_RUNTIME.
        """
        place = engine_folder() if folder is None else folder
        found = engine_bin(place) if place is not None else None
        if found is None:
            where = str(place or "llama_cpp")
            reason = f"There is no {SERVER} in it; --engine names the folder of a llama.cpp build."
            raise AppError(ErrorCode.ENGINE_BAD_RUNTIME, path=where, reason=reason)
        return cls(found)

    def tool(self, name: str) -> Path:
        """Raises:
        AppError: ENGINE_TOOL_MISSING.
        """
        path = self.tools / f"{name}{EXE}"
        if not path.is_file():
            raise AppError(ErrorCode.ENGINE_TOOL_MISSING, tool=name, path=str(self.tools))
        return path
