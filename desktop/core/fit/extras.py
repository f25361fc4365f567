"""What is loaded beside a model: LoRA adapters and a draft model, which no plan contains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.estimate import Figure

_DRAFT = ("-md", "--model-draft", "--spec-draft-model")


@dataclass(frozen=True)
class Extras:
    """The models named by a load's further arguments, and the arguments without them."""

    adapters: tuple[Path, ...] = ()
    draft: Path | None = None
    rest: tuple[str, ...] = ()


def split_extra(extra: Sequence[str]) -> Extras:
    """Take the adapters and the draft model out of llama-server's arguments."""
    adapters: list[Path] = []
    draft: Path | None = None
    rest: list[str] = []
    words = iter(extra)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag not in ("--lora", "--lora-scaled", *_DRAFT):
            rest.append(word)
            continue
        value = value if equals else next(words, "")
        if flag in _DRAFT:
            draft = Path(value) if value else None
            continue
        for part in value.split(","):
            name = part.rpartition(":")[0] if flag == "--lora-scaled" else part
            if name:
                adapters.append(Path(name))
    return Extras(tuple(adapters), draft, tuple(rest))


def adapters_figure(adapters: Sequence[Path]) -> Figure:
    """Bytes of all adapters' tensors: their files, which hold little else.

    Raises:
        AppError: PATH_UNREADABLE.
    """
    total = 0
    for path in adapters:
        try:
            total += path.stat().st_size
        except OSError as error:
            raise AppError(
                ErrorCode.PATH_UNREADABLE, path=str(path), reason=error.strerror or str(error)
            ) from error
    return Figure(total, total * 9 // 10, total)
