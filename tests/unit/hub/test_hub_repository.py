"""What a repository on the hub holds, also while the hub cannot be asked."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub import upstream
from desktop.core.hub.client import Hub
from desktop.core.hub.files import models_of
from desktop.core.hub.repository import Repository
from desktop.core.library.notes import read_notes
from desktop.core.web import WebSettings
from tests.helpers.file_server import FileServer
from tests.helpers.hub import EVIL_NAMES, LocalHub, git_blob_id

REPO = "maker/Tiny-GGUF"
COMMIT = "c" * 40
FILES: dict[str, bytes] = {
    "README.md": b"# Tiny",
    "tiny-Q8_0.gguf": b"GGUF" + b"8" * 80,
    "tiny-Q4_K_M.gguf": b"GGUF" + b"4" * 40,
    "BF16/tiny-BF16-00001-of-00002.gguf": b"GGUF" + b"1" * 90,
    "BF16/tiny-BF16-00002-of-00002.gguf": b"GGUF" + b"2" * 70,
    "tiny-F16-00001-of-00003.gguf": b"GGUF",  # its other parts were never uploaded
    "mmproj-tiny-f16.gguf": b"GGUF" + b"m" * 10,
}


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        hub.add_repo(
            REPO,
            FILES,
            downloads=12,
            license="other",
            gated="manual",
            base_model="lab/Tiny",
            fields={
                "cardData": {
                    "license": "other",
                    "license_name": "tiny-community",
                    "base_model": ["lab/Tiny", "lab/Tiny-Base"],
                    "language": ["en", "ja", "zh-Hant"],
                }
            },
        )
        yield hub


def hub_of(url: str, cache: Path, **options: Any) -> Hub:
    return Hub(WebSettings(endpoint=url, **options), cache)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def labels(found: Repository) -> list[str]:
    return [quant.label for quant in found.quants]


def test_quants_are_grouped_with_their_parts(local: LocalHub, tmp_path: Path) -> None:
    found = hub_of(local.url, tmp_path).repository(REPO)
    assert labels(found) == ["Q4_K_M", "Q8_0", "BF16"]  # the smallest first
    parts = found.quants[2]
    assert [file.path[-10:] for file in parts.files] == ["00002.gguf", "00002.gguf"]
    assert parts.size_bytes == 94 + 74
    assert parts.files[0].sha256 == sha256(FILES["BF16/tiny-BF16-00001-of-00002.gguf"])
    assert [file.path for file in found.projectors] == ["mmproj-tiny-f16.gguf"]
    by_path = {file.path: file for file in found.listing.files}
    assert by_path["README.md"].sha256 is None
    assert by_path["README.md"].etag == git_blob_id(FILES["README.md"])
    assert by_path["tiny-Q8_0.gguf"].etag == sha256(FILES["tiny-Q8_0.gguf"])


def test_facts_of_the_card(local: LocalHub, tmp_path: Path) -> None:
    facts = hub_of(local.url, tmp_path).repository(REPO).facts
    assert facts.license == "tiny-community"
    assert facts.base_models == ("lab/Tiny", "lab/Tiny-Base")
    assert facts.languages == ("en", "ja")
    assert (facts.gated, facts.downloads, facts.is_gguf) == ("manual", 12, True)


def test_its_json_has_what_is_promised(local: LocalHub, tmp_path: Path) -> None:
    found = hub_of(local.url, tmp_path).repository(REPO)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["repo"] == REPO and document["commit"] == found.commit
    assert document["quants"][0] == {
        "label": "Q4_K_M",
        "size_bytes": 44,
        "files": [
            {
                "path": "tiny-Q4_K_M.gguf",
                "size_bytes": 44,
                "sha256": sha256(FILES["tiny-Q4_K_M.gguf"]),
            }
        ],
    }
    assert document["source"] == "hub" and document["checkpoint_files"] == 0


def test_a_checkpoint_has_no_quants(local: LocalHub, tmp_path: Path) -> None:
    local.add_repo("lab/Tiny", {"model.safetensors": b"12345", "config.json": b"{}"})
    found = hub_of(local.url, tmp_path).repository("lab/Tiny")
    assert found.quants == () and found.to_dict()["checkpoint_bytes"] == 5
    assert not found.facts.is_gguf


def test_a_revision_is_another_state(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    old = hub.repository(REPO)
    new = local.add_repo(REPO, {"tiny-Q4_0.gguf": b"GGUF"})
    assert labels(hub.repository(REPO)) == ["Q4_0"]
    assert labels(hub.repository(REPO, old.commit)) == labels(old)
    assert hub.repository(REPO).commit == new
    local.faults.down = "closed"
    assert labels(hub.repository(REPO, old.commit)) == labels(old)
    assert labels(hub.repository(REPO)) == ["Q4_0"]


def test_a_repository_that_was_renamed(local: LocalHub, tmp_path: Path) -> None:
    local.move_repo(REPO, "maker/Renamed-GGUF")
    found = hub_of(local.url, tmp_path).repository(REPO)
    assert found.repo == "maker/Renamed-GGUF" == found.facts.repo
    assert found.quants[0].size_bytes == 44


def test_two_hubs_that_rename_in_a_circle(tmp_path: Path) -> None:
    with FileServer() as server:
        for here, there in (("a/one", "a/two"), ("a/two", "a/one")):
            body = {"id": there, "sha": COMMIT, "siblings": []}
            server.add(f"/api/models/{here}-x", json.dumps({**body, "id": f"{there}-x"}).encode())
            where = {"Location": f"{server.url}/api/models/{there}-x"}
            server.add(f"/api/models/{here}", status=307, headers=where)
        with pytest.raises(AppError) as caught:
            hub_of(server.url, tmp_path).repository("a/one")
    assert caught.value.code is ErrorCode.REMOTE_FAILED


# --- what the hub refuses


def test_a_repository_that_is_not_there(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    for name in ("maker/Nothing", "nobody/x"):
        with pytest.raises(AppError) as caught:
            hub.repository(name)
        assert caught.value.code is ErrorCode.REMOTE_NOT_FOUND
    with pytest.raises(AppError) as caught:
        hub.repository("no-owner")
    assert caught.value.code is ErrorCode.BAD_REQUEST


def test_one_that_is_gone_is_forgotten(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    hub.repository(REPO)
    local.remove_repo(REPO)
    with pytest.raises(AppError):
        hub.repository(REPO)
    local.faults.down = "closed"
    with pytest.raises(AppError) as caught:
        hub.repository(REPO)
    assert caught.value.code is ErrorCode.REMOTE_UNREACHABLE


def test_a_private_one_needs_its_token(local: LocalHub, tmp_path: Path) -> None:
    local.add_repo("lab/Hidden", {"h-Q4_0.gguf": b"GGUF"}, private=True)
    assert labels(hub_of(local.url, tmp_path, token=local.token).repository("lab/Hidden"))
    for token in (None, local.stranger_token):
        with pytest.raises(AppError) as caught:
            hub_of(local.url, tmp_path, token=token).repository("lab/Hidden")
        assert caught.value.code is ErrorCode.REMOTE_NOT_FOUND
    with pytest.raises(AppError) as caught:
        hub_of(local.url, tmp_path, token="hf_invented").repository("lab/Hidden")
    assert caught.value.code is ErrorCode.REMOTE_DENIED
    assert "hub-token" in caught.value.remedy


@pytest.mark.parametrize("blow", ["rate_limit", "server_error"])
def test_a_hub_in_trouble_is_helped_by_the_cache(
    local: LocalHub, tmp_path: Path, blow: str
) -> None:
    hub = hub_of(local.url, tmp_path)
    online = hub.repository(REPO)
    getattr(local.faults, blow)(1, where="api")
    helped = hub.repository(REPO)
    assert helped.source == "cache" and helped.listing == online.listing
    assert helped.facts == online.facts
    assert helped.problem is not None and helped.problem.code in (
        ErrorCode.REMOTE_BUSY,
        ErrorCode.REMOTE_FAILED,
    )
    assert hub.repository(REPO).source == "hub"


def test_offline_the_hub_is_not_asked(local: LocalHub, tmp_path: Path) -> None:
    hub_of(local.url, tmp_path).repository(REPO)
    local.clear_log()
    offline = hub_of(local.url, tmp_path, offline=True)
    assert labels(offline.repository(REPO.upper())) == ["Q4_K_M", "Q8_0", "BF16"]
    with pytest.raises(AppError) as caught:
        offline.repository("maker/Never-Seen")
    assert caught.value.code is ErrorCode.HUB_OFFLINE
    assert local.requests == []


# --- what strangers upload


def test_names_that_no_file_should_have_are_left_out(local: LocalHub, tmp_path: Path) -> None:
    local.faults.evil_names = True
    found = hub_of(local.url, tmp_path).repository(REPO)
    assert set(labels(found)) >= {"Q4_K_M", "Q8_0", "BF16"}
    paths = {file.path for file in found.listing.files}
    outside = [name for name in EVIL_NAMES if ".." in name.split("/") or "\\" in name]
    assert len(outside) > 2 and paths.isdisjoint(outside)
    assert all(path.isprintable() and not path.startswith("/") for path in paths)
    assert all(len(path) <= 1000 for path in paths)


def answer(siblings: list[Any], **fields: Any) -> bytes:
    return json.dumps({"id": "a/b", "sha": COMMIT, "siblings": siblings, **fields}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"cardData": 5, "tags": {"a": 1}, "gguf": [], "safetensors": "x"},
        {"cardData": {"license": [[[]]], "base_model": {"a": 1}, "language": 7}},
        {"tags": ["base_model:../../x", "base_model:quantized:a", "license:"] * 5000},
        {"lastModified": "9999-99-99", "gated": [], "private": None, "downloads": 1.5},
        {"cardData": {"language": ["en" * 500, "\u202e", ""], "license_name": "\x1b[2J" * 99}},
    ],
)
def test_hostile_facts_are_left_out(tmp_path: Path, fields: dict[str, Any]) -> None:
    with FileServer() as server:
        server.add("/api/models/a/b", answer([{"rfilename": "m-Q4_0.gguf", "size": 9}], **fields))
        found = hub_of(server.url, tmp_path).repository("a/b")
        document = found.to_dict()
    assert labels(found) == ["Q4_0"]
    assert document["base_models"] == [] and document["languages"] == []
    assert document["updated"] is None and not document["gated"]
    assert len(json.dumps(document)) < 5000
    assert (found.facts.license or "").isprintable()


def test_sizes_that_cannot_be(tmp_path: Path) -> None:
    sizes: list[Any] = [-1, 1 << 70, "5", True, None, 1.5]
    siblings = [{"rfilename": f"m{n}-Q4_0.gguf", "size": s} for n, s in enumerate(sizes)]
    with FileServer() as server:
        server.add("/api/models/a/b", answer(siblings))
        found = hub_of(server.url, tmp_path).repository("a/b")
    assert [file.size_bytes for file in found.listing.files] == [None] * len(sizes)
    assert all(quant.size_bytes is None for quant in found.quants)


def test_a_listing_of_too_many_models_is_refused(tmp_path: Path) -> None:
    many = [{"rfilename": f"m-{n}.gguf", "size": 1} for n in range(1001)]
    with FileServer() as server:
        server.add("/api/models/a/b", answer(many))
        with pytest.raises(AppError) as caught:
            hub_of(server.url, tmp_path).repository("a/b")
        server.add("/api/models/a/b", answer(many[:1000]))
        assert len(models_of(hub_of(server.url, tmp_path).repository("a/b").listing)) == 1000
    assert caught.value.code is ErrorCode.REMOTE_FAILED


# --- what it costs


def test_a_repository_is_read_without_the_library(local: LocalHub, tmp_path: Path) -> None:
    """The service does this, and must not grow by what only searches need."""
    code = f"""
import sys
from pathlib import Path
import desktop.core.service.service
from desktop.core.hub.client import Hub
from desktop.core.web import WebSettings
hub = Hub(WebSettings(endpoint={local.url!r}), Path({str(tmp_path / "cache")!r}))
assert hub.repository({REPO!r}).quants
before = "huggingface_hub" in sys.modules
assert hub.search("tiny").models
sys.exit(f"{{before}} {{'huggingface_hub' in sys.modules}}")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "False True\n"


# --- a newer upload


def test_what_the_hub_has_is_stored_for_the_library(local: LocalHub, tmp_path: Path) -> None:
    database = Database(tmp_path / "paddock.db", tmp_path / "backups")
    hub, store = hub_of(local.url, tmp_path), upstream.UpstreamStore(database)

    def known() -> dict[str, str]:
        for repo, found in upstream.ask(hub, [REPO, REPO]):
            assert isinstance(found, Repository)
            store.save(repo, found)
        (said,) = read_notes(database.query).upstream.values()
        return dict(said.files)

    before = known()
    assert before["tiny-Q4_K_M.gguf"] == sha256(FILES["tiny-Q4_K_M.gguf"])
    assert "README.md" not in before
    local.add_repo(REPO, {**FILES, "tiny-Q4_K_M.gguf": b"GGUF anew"})
    after = known()
    assert {path for path in after if after[path] != before[path]} == {"tiny-Q4_K_M.gguf"}
    database.close()


def test_an_old_answer_is_no_answer_to_what_is_newer(local: LocalHub, tmp_path: Path) -> None:
    hub = hub_of(local.url, tmp_path)
    hub.repository(REPO)
    local.faults.down = "closed"
    ((repo, found),) = upstream.ask(hub, [REPO])
    assert repo == REPO and isinstance(found, AppError)
    assert found.code is ErrorCode.REMOTE_UNREACHABLE
    local.faults.clear()
    answers = dict(upstream.ask(hub, [REPO, "maker/Nothing"]))
    assert isinstance(answers[REPO], Repository)
    assert isinstance(answers["maker/Nothing"], AppError)
