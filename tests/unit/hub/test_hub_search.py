"""Searching the hub through huggingface_hub over our own connection."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hub.client import Hub, SearchResult
from desktop.core.hub.facts import FoundRepo, reader_of
from desktop.core.web import WebSettings
from tests.helpers.file_server import FileServer, Served
from tests.helpers.hub import LocalHub

MODELS = "/api/models"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        hub.add_repo(
            "maker/Tiny-8B-GGUF",
            {"tiny-8b-Q4_K_M.gguf": b"GGUF"},
            pipeline_tag="text-generation",
            downloads=50,
            likes=7,
            trending=3,
            base_model="lab/Tiny-8B",
            tags=["en", "ja"],
            gguf={"total": 8_000_000_000, "architecture": "llama", "context_length": 4096},
        )
        hub.add_repo(
            "maker/Small-1B-GGUF",
            {"small-1b-Q8_0.gguf": b"GGUF"},
            pipeline_tag="image-text-to-text",
            license="mit",
            downloads=900,
            likes=3,
            trending=9,
            gguf={"total": 1_000_000_000, "architecture": "gemma3"},
        )
        hub.add_repo(
            "lab/Tiny-8B",
            {"model.safetensors": b"weights"},
            downloads=700,
            likes=70,
            trending=5,
            safetensors={"parameters": {"BF16": 8_000_000_000}, "total": 8_000_000_000},
        )
        hub.add_repo("lab/Tiny-8B-AWQ", {"model.safetensors": b"w"}, tags=["awq"], downloads=800)
        hub.add_repo("lab/Guarded-GGUF", {"g-Q4_0.gguf": b"GGUF"}, gated="auto", downloads=1)
        hub.add_repo("lab/Hidden-GGUF", {"h-Q4_0.gguf": b"GGUF"}, private=True)
        yield hub


def hub_of(url: str, cache: Path, **options: Any) -> Hub:
    return Hub(WebSettings(endpoint=url, **options), cache)


def names(found: SearchResult) -> list[str]:
    return [each.repo for each in found.models]


# --- what is found


def test_ggufs_are_found_with_what_the_hub_tells_of_them(local: LocalHub, tmp_path: Path) -> None:
    found = hub_of(local.url, tmp_path).search("tiny")
    assert names(found) == ["maker/Tiny-8B-GGUF"]
    assert (found.source, found.problem) == ("hub", None)
    (one,) = found.models
    assert (one.author, one.downloads, one.likes, one.trending) == ("maker", 50, 7, 3)
    assert (one.parameters, one.architecture, one.context_tokens) == (8 * 10**9, "llama", 4096)
    assert (one.license, one.task, one.base_models) == (
        "apache-2.0",
        "text-generation",
        ("lab/Tiny-8B",),
    )
    assert one.is_gguf and not one.private and one.gated is None
    assert set(one.languages) == {"en", "ja"}
    assert one.updated is not None and one.updated > 1_600_000_000


def test_orders_and_filters_are_asked_of_the_hub(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    small, tiny, guarded = "maker/Small-1B-GGUF", "maker/Tiny-8B-GGUF", "lab/Guarded-GGUF"
    assert names(hub.search("", sort="trending")) == [small, tiny, guarded]
    assert names(hub.search("", sort="likes")) == [tiny, small, guarded]
    assert names(hub.search("", sort="downloads", limit=2)) == [small, tiny]
    assert names(hub.search("", sort="updated"))[0] == guarded
    assert names(hub.search("", author="lab")) == [guarded]
    assert names(hub.search("", license="MIT")) == [small]
    assert names(hub.search("", language="ja")) == [tiny]
    assert names(hub.search("", task="image-text-to-text")) == [small]
    assert names(hub.search("", smallest=2 * 10**9)) == [tiny]
    assert names(hub.search("", smallest=5 * 10**8, largest=1_500_000_000)) == [small]
    asked = [request.query for request in local.requests]
    assert "num_parameters=min:500M,max:1500M" in asked[-1]
    assert all("filter=gguf" in query for query in asked)


def test_original_checkpoints(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    found = hub.search("tiny", kind="checkpoint")
    assert names(found) == ["lab/Tiny-8B"]  # what was made smaller already is none
    assert found.models[0].parameters == 8 * 10**9
    assert set(names(hub.search("tiny", kind="all"))) == {
        *("lab/Tiny-8B", "lab/Tiny-8B-AWQ", "maker/Tiny-8B-GGUF")
    }


def test_a_whole_name_or_a_pages_address_is_searched_for(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    for text in ("maker/Tiny-8B-GGUF", f"{local.url}/maker/Tiny-8B-GGUF", "hf:maker/tiny-8b-gguf"):
        assert names(hub.search(text)) == ["maker/Tiny-8B-GGUF"]


def test_pages_are_followed_up_to_the_limit(local: LocalHub, tmp_path: Path) -> None:
    for number in range(7):
        local.add_repo(f"many/Model-{number}-GGUF", {"m-Q4_0.gguf": b"GGUF"}, downloads=number)
    local.set_page_size(3)
    local.clear_log()
    hub = hub_of(local.url, tmp_path)
    found = hub.search("model", sort="downloads", limit=5)
    assert names(found) == [f"many/Model-{number}-GGUF" for number in (6, 5, 4, 3, 2)]
    assert found.more
    assert len(local.requests) == 2  # no page more than was needed
    assert len(hub.search("model", limit=7).models) == 7
    rest = hub.search("model", limit=50)
    assert len(rest.models) == 7 and not rest.more


def test_gated_and_private_ones_are_marked(local: LocalHub, tmp_path: Path) -> None:
    found = hub_of(local.url, tmp_path, token=local.token).search("", author="lab")
    marks = {each.repo: (each.gated, each.private) for each in found.models}
    assert marks == {"lab/Guarded-GGUF": ("auto", False), "lab/Hidden-GGUF": (None, True)}
    assert all(request.authorized for request in local.requests)
    without = hub_of(local.url, tmp_path).search("", author="lab")
    assert names(without) == ["lab/Guarded-GGUF"]


@pytest.mark.parametrize(
    "options", [{"limit": 0}, {"limit": 501}, {"kind": "onnx"}, {"sort": "random"}]
)
def test_questions_that_make_no_sense(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(AppError) as caught:
        hub_of("http://127.0.0.1:9", tmp_path).search("x", **options)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    with pytest.raises(AppError):
        hub_of("http://127.0.0.1:9", tmp_path).search("x" * 201)


def test_words_that_a_hub_takes_as_they_stand(tmp_path: Path) -> None:
    """Asked for "qwen3 8b" it finds nothing: then for one word, and the rest is seen here."""
    repos = ("a/qwen3-8b-gguf", "a/qwen3-14b-gguf", "a/8b-qwen3-gguf")
    items = [{"id": repo, "tags": ["gguf"]} for repo in repos]

    def answer(file: Served, number: int) -> None:
        file.head = b"[]" if number == 1 else json.dumps(items).encode()

    with FileServer() as server:
        server.add(MODELS, on_request=answer)
        found = hub_of(server.url, tmp_path).search("qwen3 8b")
        assert names(found) == [repos[0], repos[2]] and len(server.asked) == 2
        server.add(MODELS, b"[]")
        server.asked.clear()
        assert names(hub_of(server.url, tmp_path).search("word")) == []
        assert len(server.asked) == 1


def test_names_like_one_that_is_not_there(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    assert hub.near("maker/Tiny-8B-Instrukt-GGUF")[0] == "lab/Tiny-8B-AWQ"
    assert hub.near("small") == ("maker/Small-1B-GGUF",)
    assert hub.near("nothing/Like-It") == ()
    local.faults.down = "closed"
    assert hub.near("other/words") == ()


# --- whom it asks


def test_the_library_asks_nobody_but_the_hub(tmp_path: Path) -> None:
    """Neither the address of the next page nor what the library does by itself gets the token."""
    page = [{"id": f"a/m-{n}", "tags": ["gguf"]} for n in range(3)]
    with FileServer() as elsewhere, FileServer() as server:
        trap = elsewhere.add(MODELS, json.dumps(page).encode())
        link = f'<{elsewhere.url}{MODELS}?cursor=two&limit=50>; rel="next"'
        server.add(MODELS, json.dumps(page).encode(), headers={"Link": link})
        found = hub_of(server.url, tmp_path, token="hf_mine").search("m", limit=50)
        assert trap.asked == 0
        asked = server.asked
    assert len(found.models) > 3
    assert {each.path for each in asked} == {MODELS}
    assert {each.headers.get("Authorization") for each in asked} == {"Bearer hf_mine"}
    assert len(asked) == 10  # a hub whose pages never end is left at some point
    agents = {each.headers["User-Agent"] for each in asked}
    assert all(agent.startswith("paddock/") and "hf_hub" not in agent for agent in agents)


def test_an_endpoint_with_a_path(tmp_path: Path) -> None:
    with FileServer() as server:
        page = [{"id": "a/m-gguf", "tags": ["gguf"]}]
        server.add(f"/mirror/hf{MODELS}", json.dumps(page).encode())
        found = hub_of(f"{server.url}/mirror/hf", tmp_path, token="hf_mine").search("m")
        assert names(found) == ["a/m-gguf"]
        assert [each.path for each in server.asked] == [f"/mirror/hf{MODELS}"]


def test_a_redirect_to_another_host_loses_the_token(tmp_path: Path) -> None:
    with FileServer() as elsewhere, FileServer() as server:
        elsewhere.add(MODELS, b"[]")
        where = {"Location": f"{elsewhere.url}{MODELS}"}
        server.add(MODELS, status=307, headers=where)
        hub_of(server.url, tmp_path, token="hf_mine").search("m")
        assert "Authorization" not in elsewhere.asked[0].headers


def test_the_library_is_as_before_after_a_search(local: LocalHub, tmp_path: Path) -> None:
    hub_of(local.url, tmp_path).search("tiny")
    by_itself = HfApi(endpoint=local.url, token=False).model_info("lab/Tiny-8B")
    assert by_itself.id == "lab/Tiny-8B"


def test_two_searches_at_once(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    local.faults.extra_latency_seconds = 0.1
    found: dict[str, list[str]] = {}

    def search(text: str) -> None:
        found[text] = names(hub.search(text))

    threads = [threading.Thread(target=search, args=(text,)) for text in ("tiny", "small")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"tiny": ["maker/Tiny-8B-GGUF"], "small": ["maker/Small-1B-GGUF"]}


def test_a_search_can_be_cancelled(tmp_path: Path) -> None:
    cancel = CancelToken()
    with FileServer() as server:
        server.add(MODELS, stall=True, on_request=lambda file, number: cancel.cancel())
        with pytest.raises(AppError) as caught:
            hub_of(server.url, tmp_path).search("m", cancel=cancel)
    assert caught.value.code is ErrorCode.CANCELLED


# --- what strangers answer


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b"5", b"[" * 200_000, b'[{"id": ' + b"[" * 5000 + b"]" * 5000 + b"}]"],
)
def test_answers_that_are_no_list(tmp_path: Path, body: bytes) -> None:
    with FileServer() as server:
        server.add(MODELS, body)
        with pytest.raises(AppError) as caught:
            hub_of(server.url, tmp_path).search("m")
    assert caught.value.code is ErrorCode.REMOTE_FAILED
    assert "list of models" in caught.value.cause


def test_an_answer_without_end(tmp_path: Path) -> None:
    with FileServer() as server:
        server.add(MODELS, b"[", size=17 << 20)
        with pytest.raises(AppError) as caught:
            hub_of(server.url, tmp_path).search("m")
    assert caught.value.code is ErrorCode.REMOTE_FAILED


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"status": 401}, ErrorCode.REMOTE_DENIED),
        ({"status": 429, "headers": {"Retry-After": "999999"}}, ErrorCode.REMOTE_BUSY),
        ({"status": 503}, ErrorCode.REMOTE_FAILED),
    ],
)
def test_what_the_hub_refuses_is_told_at_once(
    tmp_path: Path, options: dict[str, Any], code: ErrorCode
) -> None:
    """The library would ask again and again, and sleep as long as it is told."""
    with FileServer() as server:
        server.add(MODELS, **options)
        with pytest.raises(AppError) as caught:
            hub_of(server.url, tmp_path).search("m")
        assert len(server.asked) == 1
    assert caught.value.code is code


HOSTILE: dict[str, Any] = {
    "id": "a/hostile-gguf",
    "downloads": "many",
    "likes": -5,
    "trendingScore": 1 << 80,
    "lastModified": "2026-11-20T01:02:03.000Z",
    "tags": ["gguf", "x" * 100_000, 5, None, ["list"], "two\nlines\x1b[31m", "license:odd\u202e"],
    "gated": {"not": "known"},
    "private": "yes",
    "pipeline_tag": ["a"],
    "gguf": {"total": True, "architecture": "a" * 5000, "context_length": 1.5},
}


def test_hostile_fields_become_plain_ones(tmp_path: Path) -> None:
    with FileServer() as server:
        server.add(MODELS, json.dumps([HOSTILE]).encode())
        (found,) = hub_of(server.url, tmp_path).search("m").models
    assert (found.downloads, found.likes, found.trending, found.parameters) == (None,) * 4
    assert (found.gated, found.private, found.task, found.context_tokens) == (
        "manual",
        False,
        None,
        None,
    )
    texts = [*found.tags, found.license or "", found.architecture or ""]
    assert all(text.isprintable() and len(text) <= 100 for text in texts)
    assert "two lines [31m" in found.tags and found.license == "odd"


@pytest.mark.parametrize(
    "item",
    [
        *(5, None, "text", [], {}, {"id": None}, {"id": "no-owner"}, {"id": "a/../b"}),
        {"id": "a/b", "lastModified": "yesterday"},
        {"id": "a/b", "safetensors": [1]},
        {"id": "a/b\u202e", "tags": ["gguf"]},
        {"self": 1},
    ],
)
def test_one_that_makes_no_sense_does_not_hide_the_others(tmp_path: Path, item: Any) -> None:
    good = {"id": "a/good-gguf", "tags": ["gguf"]}
    with FileServer() as server:
        server.add(MODELS, json.dumps([item, good]).encode())
        assert names(hub_of(server.url, tmp_path).search("m")) == ["a/good-gguf"]


# --- offline


def test_the_last_answer_is_given_while_the_hub_is_away(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    online = hub.search("tiny", sort="likes")
    local.faults.down = "closed"
    offline = hub.search("TINY  ", sort="likes")
    assert offline.models == online.models
    assert offline.source == "cache" and abs(offline.as_of - online.as_of) < 5
    assert offline.problem is not None
    assert offline.problem.code is ErrorCode.REMOTE_UNREACHABLE


def test_offline_everything_that_is_known_is_searched(local: LocalHub, tmp_path: Path) -> None:
    online = hub_of(local.url, tmp_path)
    online.search("", sort="downloads")
    online.search("tiny", kind="checkpoint")
    online.repository("lab/Tiny-8B-AWQ")
    local.clear_log()
    hub = hub_of(local.url, tmp_path, offline=True)
    found = hub.search("8b", kind="all", sort="downloads")
    assert names(found) == ["lab/Tiny-8B-AWQ", "lab/Tiny-8B", "maker/Tiny-8B-GGUF"]
    assert found.problem is not None and found.problem.code is ErrorCode.HUB_OFFLINE
    assert names(hub.search("8b", language="ja")) == ["maker/Tiny-8B-GGUF"]
    assert names(hub.search("", largest=2 * 10**9)) == ["maker/Small-1B-GGUF"]
    assert names(hub.search("tiny", kind="checkpoint", license="apache-2.0")) == ["lab/Tiny-8B"]
    with pytest.raises(AppError) as caught:
        hub.search("unheard")
    assert caught.value.code is ErrorCode.HUB_OFFLINE
    assert local.requests == []


def test_another_hubs_answers_are_not_mixed_in(local: LocalHub, tmp_path: Path) -> None:
    hub_of(local.url, tmp_path).search("tiny")
    with pytest.raises(AppError):
        hub_of("https://other.example", tmp_path, offline=True).search("tiny")


def test_what_is_kept_ages_and_is_bounded(
    local: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.core.hub.cache.MAX_ENTRIES", 3)
    hub = hub_of(local.url, tmp_path)
    folder = tmp_path / "hub"
    for number in range(5):
        hub.search("tiny", limit=number + 1)
        for path in folder.glob("search-*.json"):  # the disk's clock may be coarser than we are
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
    kept = list(folder.glob("*.json"))
    assert len(kept) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
    local.faults.down = "closed"
    assert hub.search("tiny", limit=5).models
    for path in kept:
        document = json.loads(path.read_text())
        document["as_of"] -= 91 * 86_400
        path.write_text(json.dumps(document))
    with pytest.raises(AppError):
        hub.search("tiny", limit=5)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b"[" * 100_000])
def test_a_damaged_cache_is_no_answer(local: LocalHub, tmp_path: Path, content: bytes) -> None:
    hub = hub_of(local.url, tmp_path)
    hub.search("tiny")
    (path,) = (tmp_path / "hub").glob("search-*.json")
    body = json.loads(path.read_text())
    path.write_bytes(content)
    local.faults.down = "closed"
    with pytest.raises(AppError):
        hub.search("tiny")
    body["body"]["models"][0]["downloads"] = "many"
    path.write_text(json.dumps(body))
    with pytest.raises(AppError):
        hub.search("tiny")


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(
    local: LocalHub, tmp_path: Path
) -> None:
    (tmp_path / "blocked").write_bytes(b"a file where the folder should be")
    hub = hub_of(local.url, tmp_path / "blocked")
    assert names(hub.search("tiny")) == ["maker/Tiny-8B-GGUF"]


def test_facts_survive_the_way_through_json() -> None:
    found = FoundRepo("a/b", tags=("x",), gated="auto", base_models=("c/d",), updated=5.5)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["author"] == "a" and plain["tags"] == ["x"]
    assert reader_of(FoundRepo).validate_python(plain) == found
