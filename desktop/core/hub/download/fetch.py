"""Get the files of an order into the Hugging Face cache, and throw away what came of one.

A byte that came is not fetched again: not after a cancel, a lost network or a killed process (what
a kill costs is what came in the last moments, see `manifest.py`), and not when it is in the cache
already, whoever put it there. After a power loss what had been flushed to the disk counts; if more
was damaged, the hash finds it, and that one file starts anew. Files appear in the cache only when
their hash is right.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Reporter
from desktop.core.gguf.words import clean
from desktop.core.hub.download import manifest as manifests
from desktop.core.hub.download.download import Download
from desktop.core.hub.download.lock import FileLock
from desktop.core.hub.download.names import MANIFEST, Layout, check_etag, check_names, layout
from desktop.core.hub.download.order import Fetched, Limits, Order
from desktop.core.hub.download.part import unwritable
from desktop.core.hub.download.partial import remove_partial
from desktop.core.hub.download.retry import Patience
from desktop.core.hub.download.space import allocated_bytes
from desktop.core.web import Web, WebSettings

# What a connection may hold unread, and lose when it is cut off.
_BUFFER_BYTES = 256 << 10


def fetch(  # noqa: PLR0917  (what every piece of work in the core takes)
    order: Order,
    cache: Path,
    settings: WebSettings,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
    *,
    patience: Patience | None = None,
) -> Fetched:
    """Fetch what is missing of an order. For threads that have no event loop.

    Args:
        cache: the folder that holds `models--…` folders.
        cancel: stops at once; everything that came is kept, and a later call goes on from there.

    Raises:
        AppError: CANCELLED; HUB_NAME_UNSAFE, HUB_FOLDER_UNSAFE, HUB_FOLDER_UNWRITABLE, DISK_FULL;
            REMOTE_DENIED, REMOTE_NOT_FOUND, REMOTE_CHANGED, HUB_OFFLINE; REMOTE_UNREACHABLE,
            REMOTE_BUSY, REMOTE_FAILED when patience has ended; HUB_SIZE_WRONG, HUB_HASH_WRONG;
            HUB_DOWNLOAD_BUSY when another program has the file and does not get on with it.
    """
    place = _place(order, cache)
    reporter, cancel = reporter or NullReporter(), cancel or CancelToken()
    limits, patience = limits or Limits(), patience or Patience()
    settings = replace(settings, total_seconds=None, keep_alive=True, buffer_bytes=_BUFFER_BYTES)

    async def work(web: Web) -> Fetched:
        download = Download(
            order=order,
            layout=place,
            web=web,
            limits=limits,
            reporter=reporter,
            cancel=cancel,
            patience=patience,
        )
        return await download.run()

    return network.run(work, settings, cancel)


def partial_bytes(order: Order, cache: Path) -> int:
    """How much of an order's unfinished files is there.

    Raises:
        AppError: HUB_NAME_UNSAFE.
    """
    place = _place(order, cache)
    found = (manifests.load(place.manifest(etag)) for etag in _unfinished(order, place))
    return sum(manifest.have.total for manifest in found if manifest is not None)


def discard(order: Order, cache: Path) -> int:
    """Delete what came of an order's unfinished files; returns the bytes that frees on the disk.

    What another program is fetching just now stays. Finished files stay.

    Raises:
        AppError: HUB_NAME_UNSAFE, HUB_FOLDER_UNSAFE, HUB_FOLDER_UNWRITABLE.
    """
    place = _place(order, cache)
    freed = 0
    for etag in list(_unfinished(order, place)):
        path = place.lock(etag)
        place.check_inside(path)
        place.check_inside(place.part(etag))
        lock = FileLock(path)
        try:
            if not lock.take():
                continue
        except OSError as error:
            raise unwritable(error, path) from error
        try:
            freed += allocated_bytes(place.part(etag))
            remove_partial(place, etag)
        finally:
            lock.release()
    for folder in (place.blobs, place.snapshots, place.folder):
        with contextlib.suppress(OSError):  # it is not empty, or not there
            folder.rmdir()
    return freed


def _place(order: Order, cache: Path) -> Layout:
    check_names(file.path for file in order.files)
    for file in order.files:
        if file.etag is not None and not check_etag(file.etag):
            raise AppError(
                ErrorCode.HUB_NAME_UNSAFE,
                name=clean(file.path, 200),
                reason="The hub calls its content by a name that no file can have.",
            )
    return layout(cache, order.repo, order.commit, order.revision)


def _unfinished(order: Order, place: Layout) -> Iterator[str]:
    """The names of contents that were begun for this order, under whatever name."""
    etags = {file.etag for file in order.files}
    paths = {file.path for file in order.files}
    for path in sorted(place.blobs.glob(f"*{MANIFEST}")):
        etag = path.name.removesuffix(MANIFEST)
        manifest = manifests.load(path)
        ours = manifest is not None and manifest.commit == order.commit and manifest.path in paths
        if etag in etags or ours:
            yield etag
    for found in etags:
        if found is not None and not place.manifest(found).exists() and place.part(found).exists():
            yield found
