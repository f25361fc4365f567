"""The library: every local model, kept up to date by `rescan`, found by `resolve`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.split import parts_error
from desktop.core.gguf.summary import ModelSummary, merge
from desktop.core.gguf.words import shown
from desktop.core.library import ids
from desktop.core.library.entry import Kind, ModelEntry
from desktop.core.library.given import Given
from desktop.core.library.identity import fingerprint_of, hash_cache
from desktop.core.library.notes import Notes, noted
from desktop.core.library.projectors import attach_projectors
from desktop.core.library.resolve import resolve
from desktop.core.library.scan import Found, Scanner
from desktop.core.library.variants import fingerprint_of_variant, linked, with_variants
from desktop.core.library.verify import last_check


class LibraryStore(Protocol):
    """Where names are kept. Called from the thread that calls the library."""

    def load_ids(self) -> Mapping[str, str]:
        """Fingerprint → id, of every model that was ever there."""
        ...

    def save_id(self, fingerprint: str, id: str, path: Path) -> None: ...

    def aliases(self) -> Mapping[str, str]:
        """Alias → id, as people chose them."""
        ...


@dataclass(frozen=True)
class LibraryChange:
    """What a rescan found different: ids."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class Library:
    """The local models. `models` and `resolve` are cheap and may be called from any thread;
    `rescan` reads files and belongs in a worker thread.

    Args:
        caches: gives the folders in the hub's layout, the one for downloads first; like `folders`
            asked anew at each rescan.
        folders: gives the folders and files the user added.
        bundled: the model that comes with Paddock; it need not exist.
        hashes: folder of the cache of fingerprints (`cache/hashes`); None keeps none.
        notes: what is known of models beside their files.
        given: makes, for one look at the disks, what says what other programs know of a file.
    """

    def __init__(
        self,
        store: LibraryStore,
        reader: HeaderReader,
        caches: Callable[[], Sequence[Path]],
        folders: Callable[[], Iterable[Path]],
        bundled: Path | None,
        *,
        hashes: Path | None = None,
        notes: Callable[[], Notes] = Notes,
        given: Callable[[], Callable[[Path], Given]] | None = None,
    ) -> None:
        self._store = store
        self._reader = reader
        self._caches = caches
        self._folders = folders
        self._bundled = bundled
        self._hashes = hash_cache(hashes)
        self._notes = notes
        self._given = given
        self._scanning = threading.Lock()
        self._entries: tuple[ModelEntry, ...] = ()

    def models(self) -> list[ModelEntry]:
        """Every entry as the last rescan found it, also broken ones, hidden ones and other kinds
        than models."""
        return list(self._entries)

    def resolve(self, name: str, *, hidden: bool = False) -> ModelEntry:
        """The entry called so; see `resolve.resolve`. What is hidden stands in nobody's way.

        Args:
            hidden: give a hidden one, too, where no other is meant.

        Raises:
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_HIDDEN.
        """
        entries, aliases = self._entries, self._store.aliases()
        shown = [entry for entry in entries if not entry.hidden]
        try:
            return resolve(name, shown, aliases)
        except AppError as error:
            if error.code is not ErrorCode.MODEL_NOT_FOUND or len(shown) == len(entries):
                raise
        found = resolve(name, [entry for entry in entries if entry.hidden], aliases)
        if not hidden:
            raise AppError(ErrorCode.MODEL_HIDDEN, model=found.id)
        return found

    def rescan(
        self, reporter: Reporter | None = None, cancel: CancelToken | None = None
    ) -> LibraryChange:
        """Look at all places again. What was known stays as it is when this fails.

        Raises:
            AppError: CANCELLED.
        """
        reporter, cancel = reporter or NullReporter(), cancel or CancelToken()
        with self._scanning:
            scanner = Scanner(reporter, cancel, self._given() if self._given else None)
            found = scanner.scan(self._caches(), self._folders(), self._bundled)
            read: list[ModelEntry] = []
            for done, model in enumerate(found):
                cancel.raise_if_cancelled()
                reporter.progress(Progress("reading models", done, len(found), "files"))
                read.append(self._read(model))
            cancel.raise_if_cancelled()
            reporter.progress(Progress("reading models", len(found), len(found), "files"))
            notes = self._notes()
            named = self._named(with_variants(_once(read), notes.variants))
            if any(entry.fingerprint not in notes.seen for entry in named):
                notes = self._notes()  # with what was stored of the new ones just now
            fresh = noted(attach_projectors(linked(named)), notes)
            before, self._entries = self._entries, fresh
        return _difference(before, fresh)

    def note_again(self) -> LibraryChange:
        """Take up what is known of the models anew, without a look at the disks."""
        with self._scanning:
            before = self._entries
            self._entries = noted(before, self._notes())
            return _difference(before, self._entries)

    # --- one model

    def _read(self, found: Found) -> ModelEntry:
        summary, error = self._summary(found)
        try:
            fingerprint = fingerprint_of(found.paths, self._hashes)
        except AppError as reason:
            fingerprint, error = "", error or reason
        if found.variant is not None:
            fingerprint = fingerprint_of_variant(fingerprint, found.variant)
        checked = last_check(found.paths, self._hashes)
        if checked is not None and checked["state"] == "damaged":
            error = error or AppError(ErrorCode.MODEL_DAMAGED, path=shown(found.path))
        return ModelEntry(
            id="",
            path=found.path,
            shard_paths=found.paths,
            size_bytes=sum(found.sizes),
            fingerprint=fingerprint,
            summary=summary,
            error=error,
            kind=_kind(summary, found.path),
            source=found.source,
            root=found.root,
            repo=found.repo,
            revision=found.revision,
            repo_file=found.repo_file,
            mmproj=found.given.mmproj,
            given=_fitted(found.given, summary),
            variant=found.variant,
            files=found.files,
            checked=checked,
        )

    def _summary(self, found: Found) -> tuple[ModelSummary | None, AppError | None]:
        """What the headers say, as far as they can be read, and what is wrong."""
        parts: list[ModelSummary] = []
        try:
            for path in found.paths:
                parts.append(self._reader.read(path))
        except AppError as error:
            return (merge(parts) if parts else None), found.error or error
        names = [shown(path) for path in found.paths]
        return merge(parts), found.error or parts_error(names, parts)

    # --- all of them

    def _named(self, entries: list[ModelEntry]) -> list[ModelEntry]:
        stored = self._store.load_ids()
        before = {ids.place_of(entry): entry for entry in self._entries}
        given = ids.assign(entries, stored, before, self._store.aliases())
        named = [replace(entry, id=given[place]) for place, entry in enumerate(entries)]
        for entry in named:
            if not entry.broken and stored.get(entry.fingerprint) != entry.id:
                self._store.save_id(entry.fingerprint, entry.id, entry.path)
        return named


def _fitted(given: Given, summary: ModelSummary | None) -> Given:
    if summary is None or not given.defaults:
        return given
    return given.fitted(summary.context_tokens, summary.n_layers)


def _kind(summary: ModelSummary | None, path: Path) -> Kind:
    if summary is None:
        return "projector" if path.name.lower().startswith("mmproj") else "model"
    if summary.is_projector:
        return "projector"
    if summary.is_adapter:
        return "adapter"
    if summary.is_vocab_only:
        return "vocab"
    if summary.general_type == "imatrix":
        return "other"
    return "model" if summary.architecture or not summary.parameters else "other"


def _once(entries: list[ModelEntry]) -> list[ModelEntry]:
    """Each content once, the first place preferred; the others are its copies."""
    first: dict[str, int] = {}
    kept: list[ModelEntry] = []
    for entry in entries:
        place = first.get(entry.fingerprint) if entry.fingerprint else None
        if place is None:
            first[entry.fingerprint] = len(kept)
            kept.append(entry)
        elif entry.broken == kept[place].broken:
            first_one = kept[place]
            kept[place] = replace(
                first_one,
                given=first_one.given.joined(entry.given),
                copies=(*first_one.copies, entry.path),
                copy_files=(*first_one.copy_files, entry.files),
            )
        else:  # the same samples, but one of them cannot be read: both are shown
            kept.append(entry)
    return kept


def _difference(before: Iterable[ModelEntry], after: Iterable[ModelEntry]) -> LibraryChange:
    old = {entry.id: entry.to_dict() for entry in before}
    new = {entry.id: entry.to_dict() for entry in after}
    return LibraryChange(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
    )
