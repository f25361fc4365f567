"""LoRA adapters, chosen per request among those that are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from desktop.core.engine.flags import Adapter
from desktop.core.service.asking.values import Body, mapping, number, refused

_MOST_SCALE = 100.0
_MOST = 32


def check(body: Body) -> None:
    """Raises ApiError: 400 for what is no list of adapters."""
    _wanted(body.get("lora"))


def names_of(adapters: Sequence[Adapter]) -> list[str]:
    """What the loaded adapters are called in requests, in the order of their ids."""
    return [PurePath(adapter.path).stem for adapter in adapters]


def with_scales(body: Body, adapters: Sequence[Adapter]) -> Body:
    """The request with the scale of every adapter that is loaded.

    The engine takes what it computed before with other scales for its own where a request says
    nothing of adapters (`launch_slot_with_task` of llama.cpp 0c1e570); so every request does.

    Raises:
        ApiError: 400 where it names an adapter that is not loaded.
    """
    if "lora" in body:
        return {**body, "lora": chosen(body["lora"], adapters)}
    if not adapters:
        return body
    return {**body, "lora": [{"id": at, "scale": a.scale} for at, a in enumerate(adapters)]}


def chosen(value: Any, adapters: Sequence[Adapter]) -> list[Body]:
    """The engine's list of a request's `lora`; an adapter that is not named has no effect.

    Raises:
        ApiError: 400 where no such adapter is loaded.
    """
    wanted = _wanted(value)
    if wanted and not adapters:
        raise refused("lora", "This model is loaded without LoRA adapters.", "unsupported")
    names = [name.lower() for name in names_of(adapters)]
    scales = dict.fromkeys(range(len(adapters)), 0.0)
    for which, scale in wanted:
        if isinstance(which, str):
            found = [at for at, name in enumerate(names) if which.lower() in (name, f"{name}.gguf")]
        else:
            found = [which] if 0 <= which < len(adapters) else []
        if len(found) != 1:
            listed = ", ".join(f"{at} ({name})" for at, name in enumerate(names_of(adapters)))
            raise refused("lora", f"No adapter {which!r} is loaded; there are {listed}.")
        scales[found[0]] = scale
    return [{"id": at, "scale": scale} for at, scale in scales.items()]


def _wanted(value: Any) -> list[tuple[int | str, float]]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST:
        raise refused("lora", f"“lora” must be a list of at most {_MOST} adapters.")
    found: list[tuple[int | str, float]] = []
    for each in value:
        entry = mapping(each, "lora")
        which = entry.get("name", entry.get("id"))
        if isinstance(which, bool) or not isinstance(which, int | str):
            raise refused("lora", "An adapter is named by its “id” or its “name”.")
        scale = number(entry.get("scale", 1.0), "lora.scale", -_MOST_SCALE, _MOST_SCALE)
        found.append((which, scale))
    return found
