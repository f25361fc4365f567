"""What is loaded beside a model: LoRA adapters and a draft model, which no plan contains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.estimate import DeviceNeed, Figure

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


def with_draft(
    needs: tuple[DeviceNeed, ...], drafts: tuple[DeviceNeed, ...]
) -> tuple[DeviceNeed, ...]:
    """A draft model's weights, cache and work on the devices it goes to; one process for both."""
    by_name = {need.name: need for need in needs}
    for draft in drafts:
        old = by_name.get(draft.name, DeviceNeed(draft.name))
        by_name[draft.name] = DeviceNeed(
            draft.name,
            old.weights_bytes + draft.weights_bytes,
            old.kv_bytes + draft.kv_bytes,
            old.compute_bytes + draft.compute_bytes,
            old.overhead_bytes or draft.overhead_bytes,
        )
    return tuple(by_name.values())
