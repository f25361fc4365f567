"""Files as people name them in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.core.client.client import Client


def model_file(name: str, client: Client) -> Path:
    """A file, or the file of a model in the library.

    Raises:
        AppError: MODEL_NOT_FOUND for a name that is neither.
    """
    from desktop.core.errors import AppError, ErrorCode

    path = Path(name).expanduser()
    if path.exists() or path.suffix == ".gguf":
        return path.absolute()
    for model in client.models():
        if name in (model["id"], *model.get("aliases", ())):
            return Path(model["path"])
    raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)


def with_scale(text: str) -> tuple[str, float]:
    """FILE or FILE:SCALE; an id or a Windows path has a colon too."""
    path, colon, last = text.rpartition(":")
    try:
        return (path, float(last)) if colon else (text, 1.0)
    except ValueError:
        return text, 1.0
