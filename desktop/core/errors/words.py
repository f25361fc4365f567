"""What the words of an error consist of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What a person reads: what happened, why, and what to do. `{fields}` come from the error."""

    title: str
    cause: str
    remedy: str
