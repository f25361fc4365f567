"""Getting a checkpoint from the hub: what a converter reads of it, and nothing that could run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hub.download.fetch import fetch
from desktop.core.hub.download.order import Limits, Order, order_of
from desktop.core.hub.files import Listing, RepoFile, list_files
from desktop.core.hub.wanted import MAIN, asked_name
from desktop.core.jobs.kinds import JobContext
from desktop.core.settings import Settings
from desktop.core.web import Web, WebSettings

_MIB = 1 << 20
_TEXTS = re.compile(r"[^/]+\.(?:json|jinja|txt|model)|\d+_\w+/config\.json")
_WEIGHTS = re.compile(r"[^/]+\.safetensors")
_PICKLES = re.compile(r"pytorch_model[^/]*\.bin")


class Host(Protocol):
    """What it needs of the service; a part of what downloads do."""

    def settings(self) -> Settings: ...

    def network(self) -> WebSettings: ...

    def cache(self) -> Path: ...


def find(text: str, host: Host, cancel: CancelToken, *, allow_pickle: bool) -> Order:
    """The files of a checkpoint on the hub, as its repository is now.

    Raises:
        AppError: BAD_REQUEST for a name that is none; CHECKPOINT_INVALID, CHECKPOINT_PICKLED;
            REMOTE_*, HUB_OFFLINE, CANCELLED.
    """
    settings = host.network()
    name = asked_name(text, settings)
    if name.quant or name.file:
        reason = f"“{name.repo}” alone names the checkpoint, without a quant or a file."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)

    async def work(web: Web) -> Listing:
        return await list_files(web, name.repo, name.revision)

    listing = network.run(work, settings, cancel)
    files = files_of(listing, allow_pickle=allow_pickle)
    return order_of(listing, files, name.revision or MAIN)


def files_of(listing: Listing, *, allow_pickle: bool) -> tuple[RepoFile, ...]:
    """What a converter reads of a repository.

    Raises:
        AppError: CHECKPOINT_INVALID, where it holds no checkpoint; CHECKPOINT_PICKLED.
    """

    def matching(pattern: re.Pattern[str]) -> list[RepoFile]:
        return [file for file in listing.files if pattern.fullmatch(file.path)]

    texts, weights, pickles = matching(_TEXTS), matching(_WEIGHTS), matching(_PICKLES)
    # Some lie there twice, once in the form of the maker's own program.
    usual = [file for file in weights if file.path.startswith("model")]
    weights = usual or weights
    if not weights and pickles and not allow_pickle:
        raise AppError(ErrorCode.CHECKPOINT_PICKLED, path=listing.repo, file=pickles[0].path)
    weights = weights or pickles
    if not weights or not any(file.path == "config.json" for file in texts):
        reason = "It holds no checkpoint: config.json and *.safetensors are not there."
        raise AppError(ErrorCode.CHECKPOINT_INVALID, path=listing.repo, reason=reason)
    return (*texts, *weights)


def get(order: Order, host: Host, context: JobContext) -> Path:
    """The checkpoint's folder, in the hub's cache; what is there already is not fetched.

    Raises:
        AppError: as `hub.download.fetch`.
    """
    limits = Limits(host.settings().downloads.connections, _speed(host))
    fetched = fetch(order, host.cache(), host.network(), limits, context.reporter, context.cancel)
    return fetched.snapshot


def _speed(host: Host) -> Callable[[], float | None]:
    def bytes_per_second() -> float | None:
        limit = host.settings().downloads.limit_mib_per_second
        return limit * _MIB if limit else None

    return bytes_per_second
