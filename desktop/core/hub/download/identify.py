"""What the hub has at a file's place now, held against what was ordered."""

from __future__ import annotations

import re

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.hub.download.item import Item
from desktop.core.hub.download.names import check_etag
from desktop.core.hub.download.partial import Identity
from desktop.core.hub.download.source import drain

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT = re.compile(r"[0-9a-f]{40}")


async def identify(item: Item) -> tuple[Identity, bool]:
    """Ask for one byte; returns the content's identity and whether it is another than ordered.

    Raises:
        Stale; AppError: REMOTE_*, HUB_SIZE_WRONG.
    """
    wanted = item.wanted
    reply = await item.source.ask(0, 1)
    await drain(reply)
    tag, total = reply.tag, reply.total
    ordered = wanted.etag or wanted.sha256
    changed = tag is not None and ordered is not None and tag != ordered and _alike(tag, ordered)
    if changed or ordered is None:
        if tag is None or not check_etag(tag):
            raise AppError(
                ErrorCode.REMOTE_FAILED,
                url=clean(item.path, 200),
                reason="The server does not name the content in a way that can be used (ETag).",
                status=200,
            )
        etag, sha256 = tag, tag if _SHA256.fullmatch(tag) else None
    else:
        etag, sha256 = ordered, wanted.sha256
    size = total
    if not changed:
        if wanted.size_bytes is not None and total not in (None, wanted.size_bytes):
            if tag is None:  # a hub names its contents
                item.source.forget()
                raise AppError(
                    ErrorCode.REMOTE_FAILED,
                    url=clean(item.path, 200),
                    reason="Something on the way answers instead of the hub.",
                )
            raise AppError(
                ErrorCode.HUB_SIZE_WRONG,
                path=clean(item.path, 200),
                claimed_bytes=wanted.size_bytes,
                sent_bytes=total,
            )
        size = wanted.size_bytes if total is None else total
    return Identity(etag, tag, size, sha256), changed


def _alike(one: str, other: str) -> bool:
    """Whether both are names of the same kind, so that another name means another content."""
    return any(kind.fullmatch(one) and kind.fullmatch(other) for kind in (_SHA256, _GIT))
