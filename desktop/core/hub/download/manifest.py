"""What is known of a half-fetched file: a small JSON document beside it.

A range is written down only after its bytes were handed to the system, so that a killed process
loses what it had not written down yet, and nothing that is written down is missing. The system
writes to the disk when it likes: after a power loss (another boot than the manifest's) only ranges
count that were flushed to the disk before (`durable`); what was damaged all the same, the hash
finds at the end, and only that file starts anew. The document is replaced in one step, without a
flush except when `durable` grows; one that cannot be read means that the file starts anew.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from desktop.core.files import write_atomic
from desktop.core.hub.download.ranges import Ranges

_VERSION = 1
_MAX_BYTES = 1 << 20
_CLOCK_SECONDS = 60
_TRIES = 20
_TRY_AGAIN_SECONDS = 0.02


@dataclass
class Manifest:
    """One half-fetched file.

    Attributes:
        have: what was written to the part file.
        durable: what of it was on the disk at the last flush.
    """

    repo: str
    commit: str
    path: str
    etag: str
    size_bytes: int
    sha256: str | None
    have: Ranges = field(default_factory=Ranges)
    durable: Ranges = field(default_factory=Ranges)

    def save(self, place: Path, *, flushed: bool = False) -> None:
        """Replace the document.

        Args:
            flushed: `durable` has grown: the document itself must survive a power loss, too.

        Raises:
            OSError, AppError: DISK_FULL.
        """
        content = json.dumps(
            {
                "version": _VERSION,
                "repo": self.repo,
                "commit": self.commit,
                "path": self.path,
                "etag": self.etag,
                "size_bytes": self.size_bytes,
                "sha256": self.sha256,
                "boot": boot(),
                "ranges": self.have.pairs(),
                "durable": self.durable.pairs(),
            }
        ).encode()
        if flushed:
            write_atomic(place, content)
        else:
            _replace(place, content)


def load(place: Path, boot_now: str | None = None) -> Manifest | None:
    """The manifest there, with the ranges that can be trusted; None where there is none.

    What can be trusted is all of it after anything but a restart of the machine.
    """
    try:
        with place.open("rb") as stream:
            data = json.loads(stream.read(_MAX_BYTES + 1))
        if data["version"] != _VERSION:
            return None
        texts = (data["repo"], data["commit"], data["path"], data["etag"])
        size, sha256 = data["size_bytes"], data["sha256"]
        if not (
            all(isinstance(text, str) for text in texts)
            and type(size) is int
            and size >= 0
            and (sha256 is None or isinstance(sha256, str))
        ):
            return None
        durable = Ranges.parse(data["durable"], size)
        have = Ranges.parse(data["ranges"], size)
        if not _same_boot(data["boot"], boot_now or boot()):
            have = durable.copy()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Manifest(*texts, size, sha256, have, durable)


@functools.cache
def boot() -> str:
    """What is another one after the machine was restarted."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    import psutil  # type: ignore[import-untyped]

    return f"{psutil.boot_time():.0f}"


def _same_boot(one: str, other: str) -> bool:
    if one.isdecimal() and other.isdecimal():  # seconds, computed from a clock that is corrected
        return abs(int(one) - int(other)) < _CLOCK_SECONDS
    return one == other


def _replace(place: Path, content: bytes) -> None:
    fresh = place.with_name(f"{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        fresh.write_bytes(content)
        for left in range(_TRIES, -1, -1):
            try:
                os.replace(fresh, place)
                return
            except PermissionError:
                # Windows: somebody reads the old one just now
                if os.name != "nt" or left == 0:
                    raise
                time.sleep(_TRY_AGAIN_SECONDS)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
