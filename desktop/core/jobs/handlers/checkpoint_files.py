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
from quantize import adapter
from quantize.checkpoint import CONFIG, adapter_in

_MIB = 1 << 20
_TEXTS = re.compile(r"[^/]+\.(?:json|jinja|txt|model)|\d+_\w+/config\.json")
_WEIGHTS = re.compile(r"[^/]+\.safetensors")
_PICKLES = re.compile(r"pytorch_model[^/]*\.bin")
_ADAPTER_PICKLE = re.compile(re.escape(adapter.PICKLE))
_INDEX = ".index.json"


class Host(Protocol):
    """What it needs of the service; a part of what downloads do."""

    def settings(self) -> Settings: ...

    def network(self) -> WebSettings: ...

    def cache(self) -> Path: ...


Pick = Callable[[Listing], tuple[RepoFile, ...]]


def find(text: str, host: Host, cancel: CancelToken, pick: Pick) -> Order:
    """Files of a checkpoint on the hub, as its repository is now.

    Args:
        pick: which of its files; raises where what is wanted is not there.

    Raises:
        AppError: BAD_REQUEST for a name that is none; what `pick` raises; REMOTE_*, HUB_OFFLINE,
            CANCELLED.
    """
    settings = host.network()
    name = asked_name(text, settings)
    if name.quant or name.file:
        reason = f"“{name.repo}” alone names the checkpoint, without a quant or a file."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)

    async def work(web: Web) -> Listing:
        return await list_files(web, name.repo, name.revision)

    listing = network.run(work, settings, cancel)
    return order_of(listing, pick(listing), name.revision or MAIN)


def files_of(listing: Listing, *, allow_pickle: bool) -> tuple[RepoFile, ...]:
    """What a converter reads of a repository: of a model, or of a LoRA adapter.

    Raises:
        AppError: CHECKPOINT_INVALID, where it holds no checkpoint; CHECKPOINT_PICKLED.
    """
    texts, weights = _matching(listing, _TEXTS), _matching(listing, _WEIGHTS)
    if adapter_in(file.path for file in listing.files):
        described, usual, pickled = adapter.CONFIG, re.compile("adapter_model"), _ADAPTER_PICKLE
    else:
        described, usual, pickled = CONFIG, re.compile("model"), _PICKLES
    # Some lie there twice, once in the form of the maker's own program.
    weights = [file for file in weights if usual.match(file.path)] or weights
    pickles = _matching(listing, pickled)
    if not weights and pickles and not allow_pickle:
        raise AppError(ErrorCode.CHECKPOINT_PICKLED, path=listing.repo, file=pickles[0].path)
    weights = weights or pickles
    if not weights or not any(file.path == described for file in texts):
        reason = f"It holds no checkpoint: {described} and *.safetensors are not there."
        raise AppError(ErrorCode.CHECKPOINT_INVALID, path=listing.repo, reason=reason)
    return (*texts, *weights)


def texts_of(listing: Listing) -> tuple[RepoFile, ...]:
    """What describes a repository's model, without its weights.

    Raises:
        AppError: CHECKPOINT_INVALID, where nothing does.
    """
    texts = [file for file in _matching(listing, _TEXTS) if not file.path.endswith(_INDEX)]
    if not any(file.path == CONFIG for file in texts):
        reason = f"There is no {CONFIG} in it."
        raise AppError(ErrorCode.CHECKPOINT_INVALID, path=listing.repo, reason=reason)
    return tuple(texts)


def _matching(listing: Listing, pattern: re.Pattern[str]) -> list[RepoFile]:
    return [file for file in listing.files if pattern.fullmatch(file.path)]


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
