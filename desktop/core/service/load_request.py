"""What one load was asked to be, and what is saved for every load of a model: the same values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from desktop.core.engine.flags import NGRAM_TOKENS, SPLIT_MODES, Adapter
from desktop.core.errors import AppError, ErrorCode

KV_TYPES = ("f16", "q8_0", "q4_0")
AUTOMATIC = "auto"  # as a value: whatever is saved for the model, Paddock decides
NONE = "none"  # no draft model, no n-grams, no projector
_MOST_ADAPTERS = 32
_MOST_DEVICES = 16  # of llama.cpp
_MOST_SCALE = 100.0


@dataclass(frozen=True)
class LoadRequest:
    """What a load was asked to be; None means what is saved for the model, else Paddock decides.

    Attributes:
        split_mode, tensor_split: as in `LoadSettings`.
        adapters: files or ids of LoRA adapters with their scales; empty: none.
        draft: file or id of the draft model, or "none".
        ngram: one of `NGRAM_TOKENS`, or "none".
        mmproj: the projector's file or id, or "none".
        keep_minutes: how long it stays after its last use; negative: for ever.
        pinned: it never makes room for another model.
        automatic: names of values for which what is saved does not count.
    """

    context_tokens: int | None = None
    slots: int | None = None
    kv_type: str | None = None
    device: str | None = None
    gpu_layers: int | None = None
    experts_on_cpu: bool | int | None = None
    ubatch: int | None = None
    split_mode: str | None = None
    tensor_split: tuple[float, ...] | None = None
    adapters: tuple[Adapter, ...] | None = None
    draft: str | None = None
    draft_gpu_layers: int | None = None
    ngram: str | None = None
    mmproj: str | None = None
    keep_minutes: float | None = None
    pinned: bool | None = None
    automatic: frozenset[str] = frozenset()
    force: bool = False

    @property
    def specific(self) -> bool:
        """Whether it asks for anything that a model which is loaded already may not have."""
        return not self.same_load(LoadRequest())

    def same_load(self, other: LoadRequest) -> bool:
        """Whether the engine would be started alike for both."""
        return self._of_the_engine() == other._of_the_engine()

    def _of_the_engine(self) -> LoadRequest:
        left = self.automatic - _NOT_THE_ENGINES
        return replace(self, force=False, keep_minutes=None, pinned=None, automatic=left)

    def over(self, saved: LoadRequest) -> LoadRequest:
        """This request, with what is saved for the model where it says nothing."""
        filled = {
            name: getattr(saved, name)
            for name in CHECKS
            if getattr(self, name) is None and name not in self.automatic
        }
        return replace(self, **filled)


def load_request(body: Mapping[str, Any]) -> LoadRequest:
    """A request from JSON; keys it does not know are left out.

    Raises:
        AppError: SETTING_INVALID.
    """
    given = {name: body[name] for name in CHECKS if body.get(name) is not None}
    values = {name: check(name, value) for name, value in given.items() if value != AUTOMATIC}
    automatic = frozenset(name for name, value in given.items() if value == AUTOMATIC)
    return LoadRequest(**values, automatic=automatic, force=bool(body.get("force")))


def check(name: str, value: Any) -> Any:
    """A value as a `LoadRequest` holds it.

    Raises:
        AppError: SETTING_INVALID, also where there is no such setting.
    """
    checker = CHECKS.get(name)
    if checker is None:
        raise _invalid(name, value, "There is no such setting of a load.")
    return checker(name, value)


def _invalid(name: str, value: Any, reason: str) -> AppError:
    return AppError(ErrorCode.SETTING_INVALID, name=name, value=repr(value)[:200], reason=reason)


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def checked(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _invalid(name, value, f"It must be a whole number from {low} to {high}.")
        return value

    return checked


def _one_of(*words: str) -> Callable[[str, Any], str]:
    def checked(name: str, value: Any) -> str:
        if value not in words or not isinstance(value, str):
            raise _invalid(name, value, f"Known are {', '.join(words)}.")
        return value

    return checked


def _minutes(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value < 1e7:
        raise _invalid(name, value, "It must be a number of minutes; -1 means for ever.")
    return float(value)


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _invalid(name, value, "It must be true or false.")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise _invalid(name, value, "It must be a text.")
    return value


def _experts(name: str, value: Any) -> bool | int:
    return value if isinstance(value, bool) else _whole(0, 1024)(name, value)


def _shares(name: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_DEVICES:
        raise _invalid(name, value, "It must be a list of each device's share.")
    numbers = [share for share in value if isinstance(share, int | float) and 0 <= share < 1e6]
    if len(numbers) < len(value) or sum(numbers) <= 0:
        raise _invalid(name, value, "The shares must be numbers, and not all 0.")
    return tuple(float(share) for share in numbers)


def _adapters(name: str, value: Any) -> tuple[Adapter, ...]:
    if not isinstance(value, list) or len(value) > _MOST_ADAPTERS:
        raise _invalid(name, value, f"It must be a list of at most {_MOST_ADAPTERS} adapters.")
    return tuple(_adapter(name, each) for each in value)


def _adapter(name: str, value: Any) -> Adapter:
    if not isinstance(value, dict):
        raise _invalid(name, value, 'An adapter is {"path": …, "scale": …}.')
    scale = value.get("scale", 1.0)
    is_number = isinstance(scale, int | float) and not isinstance(scale, bool)
    if not is_number or not math.isfinite(scale) or abs(scale) > _MOST_SCALE:
        raise _invalid(f"{name}.scale", scale, f"It must be a number up to ±{_MOST_SCALE:g}.")
    return Adapter(_text(f"{name}.path", value.get("path")), float(scale))


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "context_tokens": _whole(64, 16_777_216),
    "slots": _whole(1, 64),
    "kv_type": _one_of(*KV_TYPES),
    "device": _text,
    "gpu_layers": _whole(0, 1024),
    "experts_on_cpu": _experts,
    "ubatch": _whole(1, 65_536),
    "split_mode": _one_of(*SPLIT_MODES),
    "tensor_split": _shares,
    "adapters": _adapters,
    "draft": _text,
    "draft_gpu_layers": _whole(0, 1024),
    "ngram": _one_of(NONE, *NGRAM_TOKENS),
    "mmproj": _text,
    "keep_minutes": _minutes,
    "pinned": _yes_or_no,
}
_NOT_THE_ENGINES = frozenset({"keep_minutes", "pinned"})
