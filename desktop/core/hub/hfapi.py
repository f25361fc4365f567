"""Searches the hub through huggingface_hub, over our own connection.

The library knows how the hub is asked: names of parameters, filters, fields, pages. Its own session
would follow redirects and the addresses of further pages to any host with the token, wait minutes
between tries where no cancel reaches it, and read answers of any length. So for the time of a
search it is given one whose requests go through `core/web`, and it never learns the token.

Importing this module takes 0.4 s and 17 MB: it is imported by a search, not before.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.hf_api import HfApi, ModelInfo
from huggingface_hub.utils._http import default_client_factory

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hub.facts import FoundRepo, facts_of
from desktop.core.hub.query import Query, Sort
from desktop.core.version import VERSION
from desktop.core.web import Web, WebSettings, shown_url, url_of

log = logging.getLogger(__name__)

# Fields of the hub's answer. `gguf` holds chat templates too: some 15 KB a repository.
_FIELDS = (
    "author",
    "downloads",
    "gated",
    "gguf",
    "lastModified",
    "likes",
    "pipeline_tag",
    "private",
    "safetensors",
    "tags",
    "trendingScore",
)
_SORTS: dict[Sort, Literal["trending_score", "downloads", "likes", "last_modified"]] = {
    "trending": "trending_score",
    "downloads": "downloads",
    "likes": "likes",
    "updated": "last_modified",
}
_MAX_PAGE_BYTES = 16 << 20
_MAX_PAGES = 10
# What is sieved here needs more than is wanted.
_SIEVED = 4
_MAX_ASKED = 1000
_NEXT = re.compile(r"<[^<>?]*\?([!-;=?-~]{1,4000})>\s*;\s*rel=\"?next\"?")

# Left on, each request would tell the hub what else runs here, after fetching a list from it.
constants.HF_HUB_DISABLE_TELEMETRY = True


def search(
    query: Query, settings: WebSettings, cancel: CancelToken | None = None
) -> tuple[list[FoundRepo], bool]:
    """What the hub finds, in its order, and whether it may have more.

    Raises:
        AppError: REMOTE_*, HUB_OFFLINE, TIMED_OUT, CANCELLED.
    """
    with _asking(_Asking(settings, cancel)):
        found, more = _find(query, settings, " ".join(query.words))
        if not found and len(query.words) > 1:
            # A hub may look for the words as they stand, with a space between them.
            longest = max(query.words, key=len)
            found, more = _find(query, settings, longest, by_name=True)
    return found, more


def _find(
    query: Query, settings: WebSettings, text: str, *, by_name: bool = False
) -> tuple[list[FoundRepo], bool]:
    """What suits of the repositories that the hub finds for a text.

    Args:
        by_name: only those whose names have all the words.
    """
    sieved = query.sieves or by_name
    asked = min(query.limit * _SIEVED, _MAX_ASKED) if sieved else query.limit
    api = HfApi(settings.endpoint, token=False, library_name="paddock", library_version=VERSION)
    found: list[FoundRepo] = []
    seen = 0
    models = api.list_models(
        search=text or None,
        filter=query.filters or None,
        author=query.author,
        pipeline_tag=query.task,
        num_parameters=_range(query),
        sort=_SORTS[query.sort],
        limit=asked,
        expand=list(_FIELDS),  # type: ignore[arg-type]
    )
    for info in models:
        seen += 1
        facts = facts_of(_plain(info))
        if facts is None or not query.suits(facts) or (by_name and not query.holds(facts)):
            continue
        found.append(facts)
        if len(found) == query.limit:
            break
    return found, seen == asked or len(found) == query.limit


def _range(query: Query) -> str | None:
    """Bounds as the hub writes them: "min:3B,max:500M"."""
    sides = (("min", query.smallest), ("max", query.largest))
    return ",".join(f"{name}:{_short(size)}" for name, size in sides if size) or None


def _short(size: int) -> str:
    for unit, each in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if size % each == 0:
            return f"{size // each}{unit}"
    return str(size)


def _plain(info: ModelInfo) -> dict[str, Any]:
    """By the names of the hub's API again."""
    updated = info.last_modified
    return {
        "id": info.id,
        "downloads": info.downloads,
        "gated": info.gated,
        "gguf": info.gguf,
        "lastModified": None if updated is None else updated.isoformat(),
        "likes": info.likes,
        "pipeline_tag": info.pipeline_tag,
        "private": info.private,
        "safetensors": info.safetensors,
        "tags": info.tags,
        "trendingScore": info.trending_score,
    }


# --- the session


@dataclass
class _Asking:
    """One search: whom it asks, and how many pages more it may."""

    settings: WebSettings
    cancel: CancelToken | None
    pages_left: int = _MAX_PAGES

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """A page of models. Of the request only its question is taken: where it goes is the hub's
        own address, whatever address the last page gave for the next."""
        self.pages_left -= 1
        where = url_of(self.settings.endpoint, "api", "models")
        url = f"{where}?{request.url.query.decode('ascii')}"

        async def work(web: Web) -> tuple[bytes, str]:
            answer = await web.get(url)
            with contextlib.closing(answer):
                link = answer.header("Link")
                return await network.whole_body(answer, _MAX_PAGE_BYTES), link

        raw, link = network.run(work, self.settings, self.cancel)
        try:
            items = json.loads(raw)
            if not isinstance(items, list):
                raise ValueError("no list")
            content = json.dumps([kept for item in items if (kept := _readable(item))])
        except (ValueError, RecursionError) as error:
            raise AppError(
                ErrorCode.REMOTE_FAILED,
                url=shown_url(where),
                reason="Its answer is no list of models.",
            ) from error
        headers = {"Content-Type": "application/json"}
        following = _NEXT.search(link)
        if following is not None and self.pages_left > 0:
            headers["Link"] = f'<{where}?{following[1]}>; rel="next"'
        return httpx2.Response(200, headers=headers, content=content.encode(), request=request)


def _readable(item: Any) -> dict[str, Any] | None:
    """What was asked for of one model, where the library can read it: it would give up the whole
    page for one that it cannot."""
    try:
        kept = {name: item[name] for name in ("id", *_FIELDS) if name in item}
        ModelInfo(**kept)  # type: ignore[no-untyped-call]
    except Exception as error:  # it checks nothing, so anything can come of it
        log.info("a model of the hub's list was left out", extra={"reason": repr(error)[:200]})
        return None
    return kept


_ASKING: ContextVar[_Asking | None] = ContextVar("asking", default=None)
_LOCK = threading.Lock()
_SEARCHES: set[int] = set()


class _Session(httpx2.BaseTransport):
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asking = _ASKING.get()
        if asking is None:
            raise RuntimeError(f"huggingface_hub wants to ask {request.url.host} by itself")
        return asking.answer(request)


@contextlib.contextmanager
def _asking(asking: _Asking) -> Iterator[None]:
    """The library's requests of this thread go through `asking`.

    WORKAROUND(its session is one for the whole process, drop when HfApi takes a session): ours
    stands there while any thread searches.
    """
    with _LOCK:
        if not _SEARCHES:
            huggingface_hub.set_client_factory(lambda: httpx2.Client(transport=_Session()))
        _SEARCHES.add(id(asking))
    token = _ASKING.set(asking)
    try:
        yield
    finally:
        _ASKING.reset(token)
        with _LOCK:
            _SEARCHES.discard(id(asking))
            if not _SEARCHES:
                huggingface_hub.set_client_factory(default_client_factory)
