"""What is known of models beside their files: read from the database once a look at the disks.

Everything here stays with a model's content (its fingerprint), its repository, or the place a file
was fetched to. It is applied to what a scan has found, and again when it alone has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop.core.fit.losses import TABLE as LOSSES
from desktop.core.fit.losses import losses_in
from desktop.core.fit.quality import Loss
from desktop.core.library.cards import Card, aliases_of
from desktop.core.library.disk import DiskFile, Inode, freed_bytes, taken_bytes
from desktop.core.library.entry import ModelEntry
from desktop.core.library.variants import Variant

Json = dict[str, Any]
Rows = Callable[[str], Iterable[Any]]

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class DownloadedFile:
    """A file that Paddock fetched, and so may delete.

    Attributes:
        path: where it was put; in a cache of the hub's layout the link in the snapshot.
        commit: the state of the repository it is of.
        repo_file: its path there.
        etag: its blob's name.
        sha256: as the hub says; None where it says none.
        downloaded: when, in seconds since the epoch.
    """

    path: Path
    repo: str
    revision: str
    commit: str
    repo_file: str
    etag: str
    sha256: str | None
    size_bytes: int
    downloaded: float


@dataclass(frozen=True)
class Seen:
    """When a model was first found, and last loaded; seconds since the epoch."""

    first: float
    last_used: float | None = None


@dataclass(frozen=True)
class Upstream:
    """What the hub had of a repository when it was last asked.

    Attributes:
        files: each file's sha256, or git's own hash where it is no large file, by its path.
    """

    checked: float
    commit: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Notes:
    """All of it, as of one moment.

    Attributes:
        aliases: alias → id.
        cards, acceptances, seen: by fingerprint; of a file that cannot be read by `card_key`.
        downloads: by the path of the file.
        upstream: by repository, in small letters.
        speeds: tokens per second of the latest real answer, by fingerprint.
        losses: what files were measured to lose, likewise.
        variants: those that were made out of Modelfiles.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    cards: Mapping[str, Card] = field(default_factory=dict)
    downloads: Mapping[Path, DownloadedFile] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    acceptances: Mapping[str, Json] = field(default_factory=dict)
    upstream: Mapping[str, Upstream] = field(default_factory=dict)
    speeds: Mapping[str, float] = field(default_factory=dict)
    losses: Mapping[str, Loss] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()


def card_key(entry: ModelEntry) -> str:
    """What a model's card is kept by: its content, or its place where that cannot be read."""
    return entry.fingerprint or f"path:{entry.path}"


# --- from the database


def read_notes(rows: Rows) -> Notes:
    """The notes of a database.

    Args:
        rows: the rows of a SELECT.
    """
    tables = {row["name"] for row in rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def of(table: str, sql: str) -> Iterable[Any]:
        # Another process may read what a service of an older version wrote.
        return rows(sql) if table in tables else ()

    downloads = (downloaded_file(row) for row in of("downloaded_files", DOWNLOADED))
    speeds = of(
        "generations",
        "SELECT fingerprint, real, MAX(id) FROM generations WHERE test = 'decode' "
        "GROUP BY fingerprint",  # the row of the highest id: sqlite.org/lang_select.html#bareagg
    )
    return Notes(
        aliases={
            row["alias"]: row["model_id"]
            for row in of("aliases", "SELECT alias, model_id FROM aliases")
        },
        cards={
            row["fingerprint"]: Card.from_document(_object(row["document"]))
            for row in of("model_cards", "SELECT fingerprint, document FROM model_cards")
        },
        downloads={each.path: each for each in downloads},
        seen={
            row["fingerprint"]: Seen(row["first_seen"], row["last_used"])
            for row in of("model_ids", "SELECT fingerprint, first_seen, last_used FROM model_ids")
        },
        acceptances={
            row["fingerprint"]: _object(row["document"])
            for row in of("acceptances", "SELECT fingerprint, document FROM acceptances")
        },
        upstream={
            row["repo"].lower(): _upstream(row["checked"], _object(row["document"]))
            for row in of("upstream", "SELECT repo, checked, document FROM upstream")
        },
        speeds={row["fingerprint"]: row["real"] for row in speeds},
        losses=losses_in(rows) if LOSSES in tables else {},
        variants=tuple(
            Variant.from_document(row["name"], row["content"], _object(row["document"]))
            for row in of("variants", "SELECT name, content, document FROM variants ORDER BY name")
        ),
    )


DOWNLOADED = (
    "SELECT path, repo, revision, repo_commit, repo_file, etag, sha256, size_bytes, downloaded "
    "FROM downloaded_files"
)


def downloaded_file(row: Any) -> DownloadedFile:
    return DownloadedFile(
        path=Path(row["path"]),
        repo=row["repo"],
        revision=row["revision"],
        commit=row["repo_commit"],
        repo_file=row["repo_file"],
        etag=row["etag"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        downloaded=row["downloaded"],
    )


def _object(text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _upstream(checked: float, document: Json) -> Upstream:
    files = document.get("files")
    return Upstream(
        checked=checked,
        commit=str(document.get("commit") or ""),
        files={str(name): str(tag) for name, tag in (files or {}).items() if tag},
    )


# --- onto what was found


def noted(entries: Sequence[ModelEntry], notes: Notes) -> tuple[ModelEntry, ...]:
    """The entries with what the notes say of each."""
    fetched = _fetched(notes.downloads)
    return tuple(_noted(entry, notes, fetched) for entry in entries)


@dataclass(frozen=True)
class _Fetched:
    """The downloads that are there, by what they are on their disk: links lead to the same.

    Attributes:
        names: how many of a content's hard links are blobs of downloads.
    """

    rows: Mapping[Inode, DownloadedFile]
    names: Mapping[Inode, int]

    def all_of(self, place: Iterable[DiskFile]) -> bool:
        return all(file.inode in self.rows for file in place)


def _fetched(downloads: Mapping[Path, DownloadedFile]) -> _Fetched:
    rows: dict[Inode, DownloadedFile] = {}
    blobs: dict[Inode, set[tuple[str, str]]] = {}
    for path, download in downloads.items():
        try:
            status = path.stat()
        except (OSError, ValueError):  # gone, or its disk is unplugged
            continue
        inode = (status.st_dev, status.st_ino)
        rows[inode] = download
        blobs.setdefault(inode, set()).add((download.repo, download.etag))
    return _Fetched(rows, {inode: len(names) for inode, names in blobs.items()})


def _noted(entry: ModelEntry, notes: Notes, fetched: _Fetched) -> ModelEntry:
    key = card_key(entry)
    # A variant has no file of its own.
    places = [] if entry.variant is not None else [entry.files, *entry.copy_files]
    ours = [place for place in places if place and fetched.all_of(place)]
    first = fetched.rows.get(entry.files[0].inode) if entry.files else None
    seen = notes.seen.get(entry.fingerprint)
    return replace(
        entry,
        card=notes.cards.get(key, Card()).over(entry.given.card),
        aliases=aliases_of(entry.id, notes.aliases),
        downloaded=bool(ours) and not entry.bundled,
        disk_bytes=(
            freed_bytes((file for place in ours for file in place), fetched.names)
            if ours
            else taken_bytes(file for place in places for file in place)
        ),
        added=first.downloaded if first else seen.first if seen else None,
        last_used=seen.last_used if seen else None,
        acceptance=notes.acceptances.get(entry.fingerprint),
        upstream=_newer(entry, notes.upstream, fetched),
        tokens_per_second=notes.speeds.get(entry.fingerprint),
        loss=notes.losses.get(entry.content),
    )


def _newer(entry: ModelEntry, upstream: Mapping[str, Upstream], fetched: _Fetched) -> Json | None:
    """Whether the hub has another state of the model's files; None where it was not asked."""
    asked = upstream.get(entry.repo.lower()) if entry.repo else None
    if asked is None or entry.repo_file is None:
        return None
    folder = entry.repo_file.rpartition("/")[0]
    newer = False
    for file in entry.files:
        name = file.path.name
        there = asked.files.get(f"{folder}/{name}" if folder else name)
        download = fetched.rows.get(file.inode)
        here = blob_name(file.path) or (download.etag if download else None)
        newer = newer or (there is not None and here is not None and there != here)
    return {"newer": newer, "checked": asked.checked}


def blob_name(path: Path) -> str | None:
    """The hash a file of a hub cache is kept by: sha256 or, of small files, git's; else None."""
    try:
        name = path.readlink().name
    except (OSError, ValueError):  # no link: a system without them, or no cache
        return None
    return name if _HASH.fullmatch(name) else None
