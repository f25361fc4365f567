"""The course of one order: look what is there, lock, ask, make room, fetch, check, put in place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Reporter
from desktop.core.gguf.words import clean, shown
from desktop.core.hub.download import place
from desktop.core.hub.download.crew import Crew
from desktop.core.hub.download.hashing import Digests, Hasher
from desktop.core.hub.download.identify import identify
from desktop.core.hub.download.item import Changed, Item
from desktop.core.hub.download.limit import Bucket
from desktop.core.hub.download.lock import FileLock
from desktop.core.hub.download.names import Layout
from desktop.core.hub.download.notes import Notes
from desktop.core.hub.download.order import Fetched, Limits, Order, StoredFile
from desktop.core.hub.download.part import unwritable
from desktop.core.hub.download.partial import Identity, flush_all, remove_partial
from desktop.core.hub.download.place import Present
from desktop.core.hub.download.plan import Plan
from desktop.core.hub.download.progress import REPORT_SECONDS, Meter, progress_of
from desktop.core.hub.download.retry import Health, Patience, keep_trying
from desktop.core.hub.download.source import Source
from desktop.core.hub.download.space import allocated_bytes, check_space
from desktop.core.hub.download.transfer import Transfer
from desktop.core.hub.download.tuner import Tuner
from desktop.core.web import Web, url_of

# Asked about at the same time before anything is fetched.
_ASK_AT_ONCE = 4
# Each takes two handles: its part file and its lock.
_MOST_OPEN = 64
_LOOK_AGAIN_SECONDS = 0.5
_FLUSH_LOOK_SECONDS = 1.0
_LAST_FLUSH_SECONDS = 1.5
# Another content at the same place, or a wrong hash, more often than this ends the download.
_MOST_CHANGES = 3
_MOST_WRONG_HASHES = 1


class Download:
    """Runs once, in an event loop of its own."""

    def __init__(
        self,
        *,
        order: Order,
        layout: Layout,
        web: Web,
        limits: Limits,
        reporter: Reporter,
        cancel: CancelToken,
        patience: Patience,
    ) -> None:
        self._order = order
        self._layout = layout
        self._reporter = reporter
        self._cancel = cancel
        self._patience = patience
        self._notes = Notes(reporter)
        self._meter = Meter()
        self._health = Health(patience, self._notes)
        self._hasher = Hasher()
        self._items = [self._item(web, number) for number in range(len(order.files))]
        self._locks: dict[Item, tuple[str, FileLock]] = {}
        self._asking = asyncio.Semaphore(_ASK_AT_ONCE)
        self._opening = asyncio.Semaphore(_MOST_OPEN)
        bucket = Bucket(limits.bytes_per_second)
        self._plan = Plan(self._items)
        transfer = Transfer(bucket, self._notes, self._arrived, web.settings.idle_seconds)
        self._crew = Crew(
            plan=self._plan,
            transfer=transfer,
            health=self._health,
            tuner=Tuner(limits.connections),
            bucket=bucket,
            came=lambda: self._meter.total,
        )

    def _item(self, web: Web, number: int) -> Item:
        wanted, layout = self._order.files[number], self._layout
        where = (layout.repo, "resolve", layout.commit, wanted.path)
        source = Source(web, url_of(web.settings.endpoint, *where))
        return Item(wanted, layout, source, self._hasher)

    def _arrived(self, count: int) -> None:
        self._meter.add(count)
        self._health.good()

    async def run(self) -> Fetched:
        """Raises:
        AppError: see `fetch`.
        """
        try:
            for item in self._items:
                if present := await asyncio.to_thread(
                    place.find, self._layout, item.wanted, self._cancel
                ):
                    self._settle(item, present)
            missing = [item for item in self._items if item.stored is None]
            if missing:
                await _together(self._fetch(missing))
            self._write_ref(bool(missing))
        finally:
            self._close()
        files = tuple(item.stored for item in self._items if item.stored is not None)
        return Fetched(files, self._layout.snapshot, self._meter.total)

    def _write_ref(self, fetched: bool) -> None:
        try:
            place.write_ref(self._layout)
        except AppError:
            if fetched:  # a cache that is only read needs no newer one
                raise

    def _close(self) -> None:
        try:
            open_now = [item.partial for item in self._items if item.partial is not None]
            flush_all(open_now, _LAST_FLUSH_SECONDS)
            for item in self._items:
                item.close()
        finally:
            for item in list(self._locks):
                self._release(item)
            self._hasher.close()
            self._report()

    async def _fetch(self, missing: list[Item]) -> None:
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._report_on())]
            known = await _each(self._ask(item) for item in missing)
            self._make_room([identity for identity, _ in known])
            beside += [group.create_task(self._crew.run()), group.create_task(self._flush_on())]
            await _each(
                self._bring(item, *found) for item, found in zip(missing, known, strict=True)
            )
            for task in beside:
                task.cancel()

    # One file

    async def _ask(self, item: Item) -> tuple[Identity, bool]:
        async with self._asking:
            return await keep_trying(lambda: identify(item), self._health)

    async def _bring(self, item: Item, identity: Identity, changed: bool) -> None:
        """One file, from its lock to its place."""
        async with self._opening:
            changes = wrong = 0
            while True:
                if changed:
                    changes += 1
                    self._begin_anew(item, changes)
                if await self._is_there_now(item, identity):
                    return
                before = item.open(identity)
                if before:
                    self._notes.add("resumed", path=item.path, bytes=before)
                self._plan.changed()
                try:
                    digests = await item.digests()
                except Changed:
                    changed = True
                else:
                    assert item.identity is not None
                    identity, changed = item.identity, False
                    if self._is_right(item, identity, digests):
                        await self._finish(item, identity, digests)
                        return
                    wrong += 1
                    if wrong > _MOST_WRONG_HASHES:
                        item.throw_away()
                        raise _hash_wrong(item, identity, digests)
                    self._notes.add("hash_wrong", path=item.path)
                item.throw_away()
                item.source.forget()
                item.state = "waiting"
                identity, other = await self._ask(item)
                changed = changed or other

    def _begin_anew(self, item: Item, changes: int) -> None:
        if changes > _MOST_CHANGES:
            raise AppError(
                ErrorCode.REMOTE_CHANGED,
                url=clean(item.path, 200),
                reason="its content was another one each time.",
            )
        self._notes.add("file_changed", path=item.path)
        if item.wanted.etag is not None:
            remove_partial(self._layout, item.wanted.etag)

    async def _is_there_now(self, item: Item, identity: Identity) -> bool:
        """Make the content ours; then whether it is in the cache, by its name of now."""
        waited = await self._own(item, identity.etag)
        is_blob = self._layout.blob(identity.etag).exists()
        if not waited and not is_blob:
            return False
        wanted = replace(
            item.wanted,
            etag=identity.etag,
            sha256=identity.sha256,
            size_bytes=identity.size_bytes,
        )
        present = await asyncio.to_thread(place.find, self._layout, wanted, self._cancel)
        if present is None:
            if is_blob:
                self._notes.add("damaged", path=item.path)
            return False
        self._settle(item, present)
        self._release(item)
        return True

    def _settle(self, item: Item, present: Present) -> None:
        path, blob = place.bring_up(self._layout, item.path, present)
        known = item.wanted.sha256 or (present.etag if len(present.etag) == 64 else None)
        item.stored = StoredFile(
            *(path, blob, present.etag, known, present.size_bytes, item.path), was_present=True
        )
        item.state = "present"
        self._notes.add("present", path=item.path)

    def _is_right(self, item: Item, identity: Identity, digests: Digests) -> bool:
        if identity.sha256 is not None:
            return digests.sha256 == identity.sha256
        if len(identity.etag) == 40:
            return digests.git == identity.etag
        self._notes.add("unverified", path=item.path)
        return True

    async def _finish(self, item: Item, identity: Identity, digests: Digests) -> None:
        assert item.partial is not None and identity.size_bytes is not None
        await item.partial.flush()
        item.close()
        layout = self._layout
        part = layout.part(identity.etag)
        path, blob = await asyncio.to_thread(place.bring_in, layout, item.path, identity.etag, part)
        layout.manifest(identity.etag).unlink(missing_ok=True)
        if path == blob:
            self._notes.add("no_links", path=item.path)
        item.stored = StoredFile(
            *(path, blob, identity.etag, digests.sha256, identity.size_bytes, item.path),
            was_present=False,
        )
        item.state = "done"
        self._release(item)

    # Together with other programs

    def _lock(self, item: Item, etag: str) -> bool:
        held = self._locks.get(item)
        if held is not None and held[0] == etag:
            return True
        self._release(item)
        path = self._layout.lock(etag)
        self._layout.check_inside(path)
        lock = FileLock(path)
        try:
            if not lock.take():
                return False
        except OSError as error:
            raise unwritable(error, path) from error
        self._locks[item] = (etag, lock)
        return True

    def _release(self, item: Item) -> None:
        if (held := self._locks.pop(item, None)) is not None:
            held[1].release()

    def _holds(self, etag: str) -> bool:
        """Another file of this order has the same content, and fetches it."""
        return any(held == etag for held, _ in self._locks.values())

    async def _own(self, item: Item, etag: str) -> bool:
        """Make this content ours, however long another program fetches it; whether it had it.

        Raises:
            AppError: HUB_DOWNLOAD_BUSY, when that one does not get on with it.
        """
        if self._lock(item, etag):
            return False
        if not self._holds(etag):
            self._notes.add("waits_other", path=item.path)
        state, since = self._traces(etag), time.monotonic()
        while not self._lock(item, etag):
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            if (now := self._traces(etag)) != state or self._holds(etag):
                state, since = now, time.monotonic()
            if time.monotonic() - since > self._patience.other_program_seconds:
                raise AppError(ErrorCode.HUB_DOWNLOAD_BUSY, path=shown(self._layout.blobs))
        return True

    def _traces(self, etag: str) -> list[tuple[str, int, float]]:
        """What another program's work on this content looks like from outside."""
        traces = []
        for path in sorted(self._layout.blobs.glob(f"{etag}*")):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            traces.append((path.name, found.st_size, found.st_mtime))
        return traces

    # Beside the files

    def _make_room(self, wanted: Sequence[Identity]) -> None:
        """Raises:
        AppError: DISK_FULL, when all of it together does not fit.
        """
        needed = 0
        for identity in {each.etag: each for each in wanted}.values():
            here = allocated_bytes(self._layout.part(identity.etag))
            needed += max(0, (identity.size_bytes or 0) - here)
        check_space(self._layout.blobs, needed)

    async def _report_on(self) -> None:
        while True:
            self._report()
            await asyncio.sleep(REPORT_SECONDS)

    def _report(self) -> None:
        self._reporter.progress(
            progress_of(*(self._order.repo, self._items, self._meter, self._crew.busy, self._notes))
        )

    async def _flush_on(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_LOOK_SECONDS)
            for item in self._items:
                if item.partial is not None and item.partial.wants_flush:
                    await item.partial.flush()


async def _each(work: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All results, in order; the first failure ends the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
    return [task.result() for task in tasks]


async def _together(work: Coroutine[Any, Any, None]) -> None:
    """Run it; of what failed at the same time in several of its tasks the first is told."""
    try:
        await work
    except BaseExceptionGroup as group:
        raise _first(group) from group


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _hash_wrong(item: Item, identity: Identity, digests: Digests) -> AppError:
    expected = identity.sha256 or identity.etag
    return AppError(
        ErrorCode.HUB_HASH_WRONG,
        path=clean(item.path, 200),
        expected=expected,
        found=digests.sha256 if identity.sha256 else digests.git,
    )
