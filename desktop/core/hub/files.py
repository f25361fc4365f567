"""Which files a repository on the hub has, and which of them are the model that is meant."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.remote import RemoteFile
from desktop.core.gguf.split import PART, part_names
from desktop.core.gguf.words import clean
from desktop.core.hub.names import REPO, HubName, labelled
from desktop.core.library.ids import split_file_name
from desktop.core.web import Web, WebSettings, shown_url, url_of

_MAX_LISTING_BYTES = 32 << 20
# More than any repository of models has; a listing beyond them was made to do harm.
_MAX_FILES = 100_000
_MAX_MODELS = 1000
_MAX_PATH = 1000
_SHOWN = 24
_NO_MODELS = re.compile(r"(?:^|[-_./])(?:mmproj|imatrix|ggml-vocab)", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class RepoFile:
    """One file of a repository.

    Attributes:
        sha256: known for large files only.
        blob: the git blob's SHA-1, which is the ETag of a small file.
    """

    path: str
    size_bytes: int | None
    sha256: str | None
    blob: str | None = None

    @property
    def etag(self) -> str | None:
        """What its ETag will be, and so its blob's name in the cache."""
        return self.sha256 or self.blob


@dataclass(frozen=True)
class Listing:
    """The files of one state of a repository."""

    repo: str
    commit: str
    files: tuple[RepoFile, ...]


@dataclass(frozen=True)
class HubModel:
    """A model on the hub: its files in order, and the projectors that lie with it."""

    repo: str
    label: str
    files: tuple[RemoteFile, ...]
    projectors: tuple[RepoFile, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.repo}:{self.label}"


def find_model(name: HubName, settings: WebSettings, cancel: CancelToken | None = None) -> HubModel:
    """The model of this name. Never a default: one that means several is refused.

    Raises:
        AppError: HUB_NO_GGUF, HUB_QUANT_UNKNOWN, MODEL_AMBIGUOUS, REMOTE_*, CANCELLED.
    """

    async def work(web: Web) -> Listing:
        return await list_files(web, name.repo, name.revision)

    listing = network.run(work, settings, cancel)
    label, chosen = choose(listing, name)
    files = remote_files(listing, chosen, settings)
    return HubModel(listing.repo, label, files, projectors_of(listing))


def projectors_of(listing: Listing) -> tuple[RepoFile, ...]:
    """The files through which the repository's models see or hear."""
    return tuple(
        file
        for file in listing.files
        if _is_gguf(file) and "mmproj" in file.path.rpartition("/")[2].lower()
    )


def remote_files(
    listing: Listing, files: Sequence[RepoFile], settings: WebSettings
) -> tuple[RemoteFile, ...]:
    """Where files of a listing can be read."""
    return tuple(
        RemoteFile(
            url=url_of(settings.endpoint, listing.repo, "resolve", listing.commit, file.path),
            key=f"{settings.endpoint}/{listing.repo}/{file.path}",
            tag=file.sha256,
        )
        for file in files
    )


def models_of(listing: Listing) -> dict[str, tuple[RepoFile, ...]]:
    """The repository's models by what they are called, each with its files in order.

    One of which a part is missing is left out.

    Raises:
        AppError: HUB_NO_GGUF.
    """
    by_path, models = _models(listing)
    found = {}
    for path in models:
        with contextlib.suppress(AppError):  # GGUF_SHARD_MISSING
            found[_label(path, models)] = _parts(listing.repo, path, by_path)
    return found


def _models(listing: Listing) -> tuple[dict[str, RepoFile], list[str]]:
    """All GGUF files by their paths, and those that are a model or begin one.

    Raises:
        AppError: HUB_NO_GGUF; REMOTE_FAILED where there are more than anybody could name.
    """
    by_path = {file.path: file for file in listing.files if _is_gguf(file)}
    models = [path for path in by_path if not _NO_MODELS.search(path) and _is_first(path)]
    if not models:
        raise AppError(ErrorCode.HUB_NO_GGUF, repo=listing.repo, reason=_what_else(listing))
    if len(models) > _MAX_MODELS:
        reason = f"It lists {len(models)} models."
        raise AppError(ErrorCode.REMOTE_FAILED, url=listing.repo, reason=reason)
    return by_path, models


async def list_files(web: Web, repo: str, revision: str | None = None) -> Listing:
    """All files of a repository with their sizes.

    Raises:
        AppError: REMOTE_*, HUB_OFFLINE; REMOTE_FAILED, too, when the answer is no listing.
    """
    return (await read_repository(web, repo, revision))[1]


async def read_repository(
    web: Web, repo: str, revision: str | None = None, *, may_move: bool = True
) -> tuple[dict[str, Any], Listing]:
    """What the hub says of a repository, unchecked, and the files among it.

    Args:
        may_move: it may lead to the name the repository has now.

    Raises:
        AppError: as `list_files`.
    """
    where = ("api", "models", repo, *(("revision", revision) if revision else ()))
    url = url_of(web.settings.endpoint, *where)
    answer = await web.get(f"{url}?blobs=true")
    with contextlib.closing(answer):
        raw = await network.whole_body(answer, _MAX_LISTING_BYTES)
    try:
        data = json.loads(raw)
        if len(data["siblings"]) > _MAX_FILES:
            raise ValueError("too many files")
        files = tuple(_file(each) for each in data["siblings"])
        commit, spelled = str(data["sha"]), str(data.get("id") or repo)
        if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
            raise ValueError("no commit")
        moved = spelled.lower() != repo.lower()
        if moved and not (may_move and REPO.fullmatch(spelled) and spelled in str(answer.url)):
            raise ValueError("another repository")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AppError(
            ErrorCode.REMOTE_FAILED,
            url=shown_url(url),
            reason="Its answer is no listing of a repository.",
        ) from error
    if moved:  # the redirect may have lost what was asked for
        return await read_repository(web, spelled, revision, may_move=False)
    return data, Listing(spelled, commit, tuple(file for file in files if file is not None))


def _file(entry: Any) -> RepoFile | None:
    """A file of the listing; None for a name that would lead out of the repository, or that no
    file should have."""
    path = str(entry["rfilename"])
    if path.startswith("/") or "\\" in path or {"", ".", ".."} & set(path.split("/")):
        return None
    if len(path) > _MAX_PATH or not path.isprintable():
        return None
    lfs = entry.get("lfs")
    sha = lfs.get("sha256") if isinstance(lfs, dict) else None
    return RepoFile(
        path,
        count(entry.get("size")),
        sha if isinstance(sha, str) and _SHA256.fullmatch(sha) else None,
        blob if isinstance(blob := entry.get("blobId"), str) and _SHA1.fullmatch(blob) else None,
    )


def count(value: Any) -> int | None:
    """A whole number from 0 that a database can hold, else None."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < 1 << 63 else None


def choose(listing: Listing, name: HubName) -> tuple[str, tuple[RepoFile, ...]]:
    """What the model is called in its repository, and its files in order.

    Raises:
        AppError: HUB_NO_GGUF, HUB_QUANT_UNKNOWN, MODEL_AMBIGUOUS, REMOTE_NOT_FOUND,
            GGUF_SHARD_MISSING.
    """
    if name.file is not None:
        every = {file.path: file for file in listing.files if _is_gguf(file)}
        if name.file not in every:
            missing = clean(f"{listing.repo}/{name.file}", 300)
            raise AppError(ErrorCode.REMOTE_NOT_FOUND, url=missing, status=404)
        return name.file, _parts(listing.repo, name.file, every)
    by_path, models = _models(listing)
    found = models if name.quant is None else labelled(models, name.quant)
    if not found:
        known = _list([_label(path, models) for path in models])
        quant = clean(name.quant or "", 60)
        raise AppError(ErrorCode.HUB_QUANT_UNKNOWN, repo=listing.repo, quant=quant, known=known)
    if len(found) > 1:
        ids = [_full_name(listing.repo, path, models) for path in found]
        raise AppError(
            ErrorCode.MODEL_AMBIGUOUS, model=_asked(listing, name), matches=_list(ids), ids=ids
        )
    label = (name.quant or "").upper() or _label(found[0], models)
    return label, _parts(listing.repo, found[0], by_path)


def _is_gguf(file: RepoFile) -> bool:
    return file.path.lower().endswith(".gguf")


def _is_first(path: str) -> bool:
    part = PART.match(path)
    return part is None or int(part["number"]) == 1


def _parts(repo: str, path: str, by_path: dict[str, RepoFile]) -> tuple[RepoFile, ...]:
    """The file, or all files of the split model it belongs to."""
    folder, slash, base = path.rpartition("/")
    paths = [f"{folder}{slash}{part}" for part in part_names(base)]
    missing = [part for part in paths if part not in by_path]
    if missing:
        raise AppError(
            ErrorCode.GGUF_SHARD_MISSING,
            path=clean(f"{repo}/{path}", 300),
            count=len(paths),
            missing=_list([clean(part, 200) for part in missing]),
        )
    return tuple(by_path[part] for part in paths)


def _label(path: str, models: Sequence[str]) -> str:
    """The quant label in a file's name, as people would type it; the name where there is none."""
    found = split_file_name(Path(path))[1].upper()
    return found if found and labelled(models, found) == [path] else path


def _full_name(repo: str, path: str, models: Sequence[str]) -> str:
    label = _label(path, models)
    return clean(f"{repo}/{path}" if label == path else f"{repo}:{label}", 300)


def _asked(listing: Listing, name: HubName) -> str:
    return clean(listing.repo if name.quant is None else f"{listing.repo}:{name.quant}", 200)


def _list(names: Sequence[str]) -> str:
    shown = [clean(name, 120) for name in names[:_SHOWN]]
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join(shown + more)


def _what_else(listing: Listing) -> str:
    endings = {file.path.rpartition(".")[2].lower() for file in listing.files}
    if "safetensors" in endings:
        return "It holds a checkpoint in safetensors files."
    return f"None of its {len(listing.files)} files is a model in the GGUF format."
