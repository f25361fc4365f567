"""What takes long to compute and is needed again: the whole model's answers, importance matrices.

One folder for all jobs, bounded in size: what was not used for the longest goes first. A file is
named after all that it depends on and has its hash beside it. Only one job uses the folder at a
time: those that compute need the whole processor and exclude each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.core.events import CancelToken
from quantize.make import UNFINISHED, sha256_of

# As large as the largest answers that are made (`evaluate.BASE_BYTES`) and their matrix: one large
# model's or those of many small ones.
MOST_BYTES = 5 << 30
_FACTS = ".json"


class Kept:
    """Args:
    folder: made when something is put into it.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def place(self, kind: str, depends: Mapping[str, Any], suffix: str) -> Path:
        """Where a file of a kind that depends on these facts lies, or is to be made."""
        text = json.dumps({"kind": kind, **depends}, sort_keys=True)
        return self._folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:32]}{suffix}"

    def find(self, place: Path, cancel: CancelToken) -> dict[str, Any] | None:
        """What was told of a file when it was put there; it counts as used now.

        None where it is not there whole: a damaged one is removed.
        """
        told = self._told(place, cancel)
        if told is None:
            self.remove(place)
        else:
            os.utime(place)
        return told

    def _told(self, place: Path, cancel: CancelToken) -> dict[str, Any] | None:
        try:
            facts = json.loads(_facts_of(place).read_text("utf-8"))
            whole = sha256_of(place, cancel) == facts["sha256"]
            told = facts["told"]
        except (OSError, ValueError, KeyError, TypeError):  # gone, or somebody wrote to it
            return None
        return told if whole and isinstance(told, dict) else None

    def put(self, place: Path, told: Mapping[str, Any], cancel: CancelToken) -> None:
        """Take what lies at its place as whole; others go where it is too much with them."""
        facts = json.dumps({"sha256": sha256_of(place, cancel), "told": dict(told)})
        fresh = place.with_name(place.name + UNFINISHED)
        fresh.write_text(facts + "\n", encoding="utf-8")
        os.replace(fresh, _facts_of(place))
        self.shrink(place)

    def shrink(self, spare: Path, needed_bytes: int = 0) -> None:
        """Remove what was not used for the longest, and what killed jobs left, until the folder is
        as small as it has to be and its disk has room.

        Args:
            spare: stays.
            needed_bytes: so much is about to be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(f"*{UNFINISHED}"):
            left.unlink(missing_ok=True)
        files = [path for path in self._folder.iterdir() if path.suffix != _FACTS]
        sizes = {path: path.stat() for path in files}
        total = sum(status.st_size for status in sizes.values())
        for path in sorted(files, key=lambda each: sizes[each].st_mtime_ns):
            room = shutil.disk_usage(self._folder).free >= needed_bytes
            if room and total + needed_bytes <= self._most_bytes:
                return
            if path != spare:
                self.remove(path)
                total -= sizes[path].st_size

    def remove(self, place: Path) -> None:
        place.unlink(missing_ok=True)
        _facts_of(place).unlink(missing_ok=True)


def _facts_of(place: Path) -> Path:
    return place.with_name(place.name + _FACTS)
