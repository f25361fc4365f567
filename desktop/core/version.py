"""The version, and the number of the private face's language."""

from __future__ import annotations

import re

VERSION = "0.1.0"

# Raised when an older window or command could misread the private face. `hello` and `stop` stay as
# they are in every version: they are how one version replaces another.
ADMIN_API = 1


def is_older(version: str, than: str = VERSION) -> bool:
    """Whether a version, such as "0.9.1", came before another; what follows the numbers is no
    matter."""

    def numbers(text: str) -> list[int]:
        return [int(part) for part in re.split(r"[^0-9]+", text) if part]

    return numbers(version) < numbers(than)
