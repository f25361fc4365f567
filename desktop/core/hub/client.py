"""The hub: searching it and looking into its repositories, also while it cannot be asked.

Every answer is kept. Where the hub cannot be asked (HF_HUB_OFFLINE, no network, too many requests,
an answer that makes no sense) the last one is given instead, with its time and the reason beside
it: whoever shows it shows these, too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hub.cache import Entry, HubCache
from desktop.core.hub.facts import FoundRepo, reader_of
from desktop.core.hub.files import Listing, read_repository
from desktop.core.hub.names import parse_name
from desktop.core.hub.query import Kind, Query, Sort
from desktop.core.hub.repository import Repository, Source, repository_of, restored, stored
from desktop.core.web import Web, WebSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

# After these the last answer is better than none; what the hub refuses or does not have is final.
_ASK_THE_CACHE = frozenset(
    {
        ErrorCode.HUB_OFFLINE,
        ErrorCode.REMOTE_UNREACHABLE,
        ErrorCode.REMOTE_BUSY,
        ErrorCode.REMOTE_FAILED,
        ErrorCode.TIMED_OUT,
    }
)
_NEAR, _NEAR_TRIES = 5, 3
_SEARCH, _REPOSITORY = "search", "repository"


@dataclass(frozen=True)
class SearchResult:
    """Attributes:
    models: in the order that was asked for.
    source: "cache" where the hub could not be asked; `problem` says why.
    as_of: when the hub said so, in seconds since 1970; of several answers the oldest.
    more: the hub has, or may have, more than these.
    """

    models: tuple[FoundRepo, ...]
    source: Source
    as_of: float
    more: bool = False
    problem: AppError | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "models": [found.to_dict() for found in self.models],
            "source": self.source,
            "as_of": self.as_of,
            "more": self.more,
        }


class Hub:
    """One hub. For threads without an event loop; safe from several.

    Args:
        settings: from `access.web_settings`, which knows the stored token.
        cache: the cache folder (`paths().cache`).
    """

    def __init__(self, settings: WebSettings, cache: Path) -> None:
        self._settings = settings
        self._cache = HubCache(cache / "hub", settings.endpoint)

    @property
    def endpoint(self) -> str:
        return self._settings.endpoint

    def search(
        self,
        text: str,
        *,
        kind: Kind = "gguf",
        sort: Sort = "trending",
        author: str | None = None,
        license: str | None = None,
        language: str | None = None,
        task: str | None = None,
        smallest: int | None = None,
        largest: int | None = None,
        limit: int = 50,
        cancel: CancelToken | None = None,
    ) -> SearchResult:
        """Repositories of models; the arguments are those of `Query`.

        A repository's whole name or its page's address is searched for by its two halves.

        Raises:
            AppError: BAD_REQUEST, REMOTE_*, HUB_OFFLINE, TIMED_OUT, CANCELLED.
        """
        name = parse_name(text, self.endpoint)
        if name is not None:
            owner, _, text = name.repo.partition("/")
            author = author or owner
        query = Query(text, kind, sort, author, license, language, task, smallest, largest, limit)
        try:
            found, more = self._ask(query, cancel)
        except AppError as error:
            if error.code not in _ASK_THE_CACHE:
                raise
            return self._remembered(query, error)
        body = {"models": [each.to_dict() for each in found], "more": more}
        self._cache.put(_SEARCH, query.key, body)
        return SearchResult(tuple(found), "hub", time.time(), more)

    def repository(
        self, repo: str, revision: str | None = None, *, cancel: CancelToken | None = None
    ) -> Repository:
        """What a repository holds, now or at a revision.

        Raises:
            AppError: BAD_REQUEST, REMOTE_*, HUB_OFFLINE, TIMED_OUT, CANCELLED.
        """
        name = parse_name(repo, self.endpoint)
        if name is None:
            reason = f"“{repo}” is not of the form OWNER/REPO."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        revision = revision or name.revision
        key = f"{name.repo.lower()}@{revision or ''}"

        async def work(web: Web) -> tuple[dict[str, Any], Listing]:
            return await read_repository(web, name.repo, revision)

        try:
            answer, listing = network.run(work, self._settings, cancel)
            found = repository_of(answer, listing, time.time())
            _ = found.quants  # a listing that makes no sense is not kept
        except AppError as error:
            if error.code is ErrorCode.REMOTE_NOT_FOUND:
                self._cache.forget(_REPOSITORY, key)
            if error.code not in _ASK_THE_CACHE:
                raise
            kept = self._cache.get(_REPOSITORY, key)
            known = None if kept is None else _read(kept, _repository)
            if known is None:
                raise
            return replace(known, problem=error)
        self._cache.put(_REPOSITORY, key, stored(found))
        return found

    def kept(self, repo: str) -> Repository | None:
        """What the hub said of a repository when it was last asked; it is not asked now."""
        entry = self._cache.get(_REPOSITORY, f"{repo.lower()}@")
        return None if entry is None else _read(entry, _repository)

    def near(self, repo: str, cancel: CancelToken | None = None) -> tuple[str, ...]:
        """Repositories whose names are like this one, for somebody who mistyped it; none where the
        hub cannot be asked."""
        words = repo.rpartition("/")[2].replace("_", "-").split("-")
        words = [word for word in words if word and word.lower() != "gguf"]
        for _ in range(min(len(words), _NEAR_TRIES)):
            try:
                found = self.search(
                    " ".join(words)[:100], kind="all", sort="downloads", limit=_NEAR, cancel=cancel
                )
            except AppError as error:
                if error.code is ErrorCode.CANCELLED:
                    raise
                log.info("no names to suggest", extra={"reason": str(error)})
                return ()
            if found.models:
                return tuple(each.repo for each in found.models)
            words.pop()
        return ()

    # --- details

    def _ask(self, query: Query, cancel: CancelToken | None) -> tuple[list[FoundRepo], bool]:
        if self._settings.offline:  # the library takes a while to import, for nothing
            raise AppError(ErrorCode.HUB_OFFLINE, url=network.shown_url(self.endpoint))
        from desktop.core.hub import hfapi

        return hfapi.search(query, self._settings, cancel)

    def _remembered(self, query: Query, problem: AppError) -> SearchResult:
        """The answer to the same question, else what of all answers suits it.

        Raises:
            AppError: the problem, where nothing is known.
        """
        same = self._cache.get(_SEARCH, query.key)
        known = None if same is None else _read(same, _models)
        if same is not None and known is not None:
            more = bool(same.body.get("more"))
            return SearchResult(known, "cache", same.as_of, more, problem)
        found: dict[str, tuple[FoundRepo, float]] = {}
        for kind, read in ((_REPOSITORY, _one), (_SEARCH, _models)):
            for entry in self._cache.every(kind):
                for each in _read(entry, read) or ():
                    known_before = found.get(each.repo)
                    if known_before is None or known_before[1] < entry.as_of:
                        found[each.repo] = each, entry.as_of
        suiting = [each for each, _ in found.values() if query.holds(each) and query.suits(each)]
        if not suiting:
            raise problem
        models = tuple(query.sorted(suiting)[: query.limit])
        as_of = min(found[each.repo][1] for each in models)
        return SearchResult(models, "cache", as_of, True, problem)


def _repository(entry: Entry) -> Repository:
    return restored(entry.body, entry.as_of)


def _models(entry: Entry) -> tuple[FoundRepo, ...]:
    reader = reader_of(FoundRepo)
    return tuple(reader.validate_python(each) for each in entry.body["models"])


def _one(entry: Entry) -> tuple[FoundRepo, ...]:
    return (reader_of(FoundRepo).validate_python(entry.body["facts"]),)


def _read(entry: Entry, read: Callable[[Entry], T]) -> T | None:
    """What an entry holds; None where somebody else wrote it."""
    try:
        return read(entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.warning("an answer in the cache cannot be read", extra={"reason": repr(error)})
        return None
