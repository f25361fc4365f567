"""Settings of a program, gathered one by one: each is taken over, or said to be left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.library.adopt.parameters import left_out
from desktop.core.library.cards import Card
from desktop.core.library.given import App, Given, LeftOut

UNKNOWN = "Paddock decides this itself, or has no such setting."
OWN_TEMPLATE = "The template in the model's own file is used."
KV_TYPES = ("f16", "q8_0", "q4_0")
# By the names of `LoadRequest`; what is out of range would be refused at every load.
_RANGES = {
    "context_tokens": (64, 16_777_216),
    "slots": (1, 64),
    "gpu_layers": (0, 1024),
    "ubatch": (1, 65_536),
    "experts_on_cpu": (0, 1024),
}


class Collected:
    """What becomes a `Given`."""

    def __init__(self) -> None:
        self._defaults: dict[str, Any] = {}
        self._card = Card()
        self._left: list[LeftOut] = []

    def load(self, theirs: str, ours: str, value: Any) -> None:
        """A whole number that a load takes."""
        low, high = _RANGES[ours]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.left(theirs, value, f"It must be a whole number from {low} to {high}.")
        else:
            self._defaults[ours] = value

    def set(self, ours: str, value: Any) -> None:
        """A load's value that was checked."""
        self._defaults[ours] = value

    def kv_type(self, theirs: str, keys: Any, values: Any) -> None:
        """The type of the KV cache, which is one for keys and values here."""
        if keys == values and keys in KV_TYPES:
            self._defaults["kv_type"] = keys
        elif keys or values:
            reason = f"Keys and values must be of one type, of {', '.join(KV_TYPES)}."
            self.left(theirs, f"{keys}, {values}", reason)

    def sample(self, theirs: str, ours: str, value: Any) -> None:
        if ours == "top_k" and isinstance(value, float) and value.is_integer():
            value = int(value)
        self._say(theirs, {"sampling": {**self._card.sampling, ours: value}}, value)

    def system(self, theirs: str, value: Any) -> None:
        if value:
            self._say(theirs, {"system": value}, value)

    def _say(self, theirs: str, changes: Mapping[str, Any], value: Any) -> None:
        try:
            self._card = self._card.changed(changes)
        except AppError as error:
            self.left(theirs, value, error.cause)

    def left(self, theirs: str, value: Any, reason: str = UNKNOWN) -> None:
        self._left.append(left_out(theirs, value, reason))

    def given(self, app: App, names: tuple[str, ...] = (), mmproj: Path | None = None) -> Given:
        return Given(
            app=app,
            names=names,
            card=self._card,
            defaults=self._defaults,
            left_out=tuple(self._left),
            mmproj=mmproj,
        )
