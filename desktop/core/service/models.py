"""The service's models: where they lie, what is said of them and saved for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.cards import Card
from desktop.core.library.diskuse import disk_use
from desktop.core.library.entry import ModelEntry
from desktop.core.library.library import Library, LibraryChange
from desktop.core.library.notes import card_key
from desktop.core.library.reading import known_apps
from desktop.core.library.removal import Removal
from desktop.core.paths import Paths, demo_model, model_caches
from desktop.core.service.card_store import CardStore
from desktop.core.service.library_store import LibraryStore
from desktop.core.service.load_guard import check_context
from desktop.core.service.model_settings import ModelSettingsStore
from desktop.core.service.removal import Remover
from desktop.core.service.variant_store import VariantStore
from desktop.core.settings import Settings

if TYPE_CHECKING:
    from desktop.core.hub.client import Hub

# How old a look at the model folders may be before a question for models looks again.
RESCAN_SECONDS = 5.0


@dataclass(frozen=True)
class Doing:
    """What the rest of the service does with models and the hub, asked when it matters.

    Attributes:
        why_in_use: why these files of a model cannot be deleted now; None where nothing uses them.
        hub: the hub as it is to be asked now.
    """

    why_in_use: Callable[[ModelEntry, Iterable[Path]], Awaitable[str | None]]
    hub: Callable[[], Hub]


class Models:
    """The library as the service keeps it.

    Args:
        change_settings: remembers settings by their dotted names.
        publish: tells everyone what changed.

    Attributes:
        remover: deletes what was fetched.
        scanned: set once the folders have been looked through for the first time.
    """

    def __init__(
        self,
        where: Paths,
        database: Database,
        reader: HeaderReader,
        *,
        settings: Callable[[], Settings],
        change_settings: Callable[[dict[str, Any]], Awaitable[Settings]],
        publish: Callable[[str, dict[str, Any]], None],
        doing: Doing,
    ) -> None:
        self._settings = settings
        self._change_settings = change_settings
        self._publish = publish
        self._doing = doing
        self._database = database
        self.store = LibraryStore(database)
        self.saved = ModelSettingsStore(database)
        self.cards = CardStore(database)
        self.variants = VariantStore(database)
        self.library = Library(
            store=self.store,
            reader=reader,
            caches=lambda: model_caches(settings()),
            folders=lambda: [Path(folder) for folder in settings().library.folders],
            bundled=demo_model(),
            hashes=where.cache / "hashes",
            notes=self.store.notes,
            given=known_apps,
        )
        journal = where.data / "removing.json"
        self.remover = Remover(self.library, self.store, self.saved, journal)
        self._removing = asyncio.Lock()
        self.scanned = asyncio.Event()
        self._last_scan = time.monotonic()

    # --- finding ------------------------------------------------------------------------------

    async def find(self, name: str, *, hidden: bool = False) -> ModelEntry:
        """The model called `name`; looked for once more on the disks before it is unknown.

        Args:
            hidden: also one that is hidden.

        Raises:
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_HIDDEN.
        """
        await self.scanned.wait()
        try:
            return self.library.resolve(name, hidden=hidden)
        except AppError as error:
            if error.code is not ErrorCode.MODEL_NOT_FOUND or self._scan_age() < RESCAN_SECONDS:
                raise
        await self.scan()
        return self.library.resolve(name, hidden=hidden)

    async def all_models(self) -> list[ModelEntry]:
        """All that are not hidden."""
        await self.scanned.wait()
        return [entry for entry in self.library.models() if not entry.hidden]

    def _scan_age(self) -> float:
        return time.monotonic() - self._last_scan

    async def scan_first(self) -> None:
        """At the start: make good what a crash left, then look through the folders."""
        await asyncio.to_thread(self.remover.finish)
        await self.scan()

    async def scan_if_old(self) -> None:
        """Another program may have stored a model since the last look."""
        await self.scanned.wait()
        if self._scan_age() > RESCAN_SECONDS:
            await self.scan()

    async def scan(self) -> LibraryChange:
        change = await asyncio.to_thread(self.library.rescan, NullReporter(), CancelToken())
        self._last_scan = time.monotonic()
        self._tell(change)
        return change

    async def note_again(self) -> LibraryChange:
        """Take up what is known of models beside their files anew, and tell what changed."""
        change = await asyncio.to_thread(self.library.note_again)
        self._tell(change)
        return change

    def _tell(self, change: LibraryChange) -> None:
        if change:
            self._publish("library.changed", vars(change))

    async def add_folder(self, path: str) -> LibraryChange:
        """Add a folder or file to the library's places; it is remembered and read in place."""
        found = await asyncio.to_thread(_existing, path)
        folders = list(self._settings().library.folders)
        if str(found) not in folders:
            await self._change_settings({"library.folders": [*folders, str(found)]})
        return await self.scan()

    # --- what is said of them -----------------------------------------------------------------

    async def change_saved(self, entry: ModelEntry, changes: dict[str, Any]) -> dict[str, Any]:
        """Save values for every later load of a model; a loaded one keeps those it has."""
        context = changes.get("context_tokens")
        check_context(entry, context if isinstance(context, int) else None)
        saved = await asyncio.to_thread(self.saved.change, entry.fingerprint, changes)
        self._publish("settings.model_changed", {"id": entry.id, "names": sorted(changes)})
        return saved

    async def change_card(self, entry: ModelEntry, changes: dict[str, Any]) -> ModelEntry:
        """Change fields of a model's card, and its "aliases"; None takes one away.

        Returns: the model as it is afterwards.

        Raises:
            AppError: SETTING_INVALID, ALIAS_INVALID, ALIAS_TAKEN (nothing is changed then).
        """
        await asyncio.to_thread(self._change_card, entry, dict(changes))
        await self.note_again()
        return self.library.resolve(entry.id, hidden=True)

    def _change_card(self, entry: ModelEntry, changes: dict[str, Any]) -> None:
        names_aliases, aliases = "aliases" in changes, changes.pop("aliases", None)
        Card().changed(changes)  # whether it can be, before anything is
        if names_aliases:
            present = [each.id for each in self.library.models()]
            self.store.set_aliases(entry.id, [] if aliases is None else aliases, present)
        if changes:
            self.cards.change(card_key(entry), changes)

    async def hide(self, entry: ModelEntry, hidden: bool = True) -> ModelEntry:
        """Take a model out of the lists, or back into them; its projector with it, where no other
        model that is shown has it."""
        changed = await self.change_card(entry, {"hidden": hidden or None})
        for projector in self.library.models():
            if entry.mmproj in projector.shard_paths and projector.hidden is not hidden:
                users = [each for each in self.library.models() if each.mmproj == entry.mmproj]
                if not hidden or all(each.hidden for each in users):
                    await self.change_card(projector, {"hidden": hidden or None})
        return changed

    # --- removing -----------------------------------------------------------------------------

    async def removal(self, entry: ModelEntry, *, keep_file: bool = False) -> Removal:
        """What removing a model would delete and keep; nothing is done.

        Raises:
            AppError: MODEL_BUNDLED.
        """
        removal = await asyncio.to_thread(self.remover.plan, entry, keep_file=keep_file)
        if entry.variant is not None and self.variants.has(entry.variant):
            return replace(removal, hides=False)  # it is deleted; its file is the other model's
        return removal

    async def remove(self, entry: ModelEntry, *, keep_file: bool = False) -> dict[str, Any]:
        """Delete what Paddock fetched of a model; where it fetched nothing, hide the model.

        Returns: `Removal.to_dict()`, "freed_bytes" being what has really become free.

        Raises:
            AppError: MODEL_BUNDLED, MODEL_IN_USE, REMOVE_FAILED.
        """
        async with self._removing:
            removal = await self.removal(entry, keep_file=keep_file)
            if entry.variant is not None and self.variants.has(entry.variant):
                await self._check_unused(entry, ())
                await asyncio.to_thread(self._forget_variant, entry, entry.variant)
                await self.scan()
                return removal.to_dict()
            if removal.hides:
                await self.hide(entry)
                return removal.to_dict()
            paths = {path for file in removal.gone for path in (file.path, file.blob) if path}
            await self._check_unused(entry, {*paths, *entry.shard_paths})
            try:
                freed = await asyncio.to_thread(self.remover.carry_out, removal)
                if not removal.remains:
                    await asyncio.to_thread(self._gone, entry)
            finally:
                await self.scan()
        return {**removal.to_dict(), "freed_bytes": freed}

    async def _check_unused(self, entry: ModelEntry, paths: Iterable[Path]) -> None:
        reason = await self._doing.why_in_use(entry, paths)
        if reason is not None:
            raise AppError(ErrorCode.MODEL_IN_USE, model=entry.id, reason=reason)

    def _forget_variant(self, entry: ModelEntry, name: str) -> None:
        """A variant that was made here goes, with all that was said of it; no file does."""
        self.variants.remove(name)
        self.store.set_aliases(entry.id, [], ())
        self.cards.forget(card_key(entry))

    def _gone(self, entry: ModelEntry) -> None:
        """A model was deleted: its names are free, and it is shown should it come back."""
        self.store.set_aliases(entry.id, [], ())
        if entry.hidden:
            self.cards.change(card_key(entry), {"hidden": None})

    # --- disk and hub -------------------------------------------------------------------------

    async def disk_use(self) -> dict[str, Any]:
        """What all models take, by the folders they lie in; hidden ones too."""
        await self.scan_if_old()
        models = self.library.models()
        return await asyncio.to_thread(disk_use, models, model_caches(self._settings()))

    async def check_upstream(self, entry: ModelEntry | None) -> list[dict[str, Any]]:
        """Ask the hub whether it has newer files of a model, or of all that came from it.

        Returns: of each repository {"repo", "models", "newer": ids, "error"}.
        """
        from desktop.core.hub.upstream import UpstreamStore, ask

        wanted = [entry] if entry is not None else await self.all_models()
        repos = list(dict.fromkeys(each.repo for each in wanted if each.repo))
        hub, store = self._doing.hub(), UpstreamStore(self._database)

        def work() -> dict[str, AppError | None]:
            asked: dict[str, AppError | None] = {}
            for repo, answer in ask(hub, repos):
                asked[repo] = answer if isinstance(answer, AppError) else None
                if not isinstance(answer, AppError):
                    store.save(repo, answer)
            return asked

        asked = await asyncio.to_thread(work)
        await self.note_again()
        now = self.library.models()
        return [_answer(repo, error, now) for repo, error in asked.items()]


def _answer(repo: str, error: AppError | None, models: Iterable[ModelEntry]) -> dict[str, Any]:
    of_repo = [each for each in models if each.repo == repo]
    newer = [each.id for each in of_repo if each.upstream and each.upstream["newer"]]
    return {
        "repo": repo,
        "models": [each.id for each in of_repo],
        "newer": newer if error is None else [],
        "error": None if error is None else error.to_dict(),
    }


def _existing(path: str) -> Path:
    found = Path(path).expanduser().absolute()
    if not found.exists():
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(found))
    return found
