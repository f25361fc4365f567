"""The local hub against the official client: it is right only if that client says so."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil  # type: ignore[import-untyped]
import pytest
from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import get_hf_file_metadata, hf_hub_url
from huggingface_hub.hf_api import RepoFile, RepoFolder

from tests.helpers.hub import LocalHub, git_blob_id
from tests.helpers.service import wait_for

BIG = os.urandom(3 << 20)
SMALL = b'{"model_type": "llama"}'
REPO = "maker/Tiny-GGUF"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def filled(hub: LocalHub) -> LocalHub:
    hub.add_repo(
        REPO,
        {"tiny-Q4_K_M.gguf": BIG, "config.json": SMALL, "sub/deeper/mmproj-f16.gguf": b"GGUF"},
        pipeline_tag="text-generation",
        downloads=50,
        likes=7,
        base_model="lab/Tiny",
        gguf={"total": 8_000_000_000, "architecture": "llama", "context_length": 4096},
        tags=["conversational"],
    )
    hub.add_repo("lab/Tiny", {"model.safetensors": b"weights"}, downloads=900, likes=3)
    hub.add_repo("lab/Guarded-GGUF", {"g.gguf": b"secret"}, gated=True, downloads=10, likes=99)
    hub.add_repo("lab/Hidden", {"h.gguf": b"hidden"}, private=True)
    return hub


def api(hub: LocalHub, token: str | bool = False) -> HfApi:
    return HfApi(endpoint=hub.url, token=token)


def fetch(hub: LocalHub, cache: Path, repo: str = REPO, path: str = "tiny-Q4_K_M.gguf") -> Path:
    return Path(hf_hub_download(repo, path, endpoint=hub.url, token=False, cache_dir=cache))


def names(hub: LocalHub, **query: object) -> list[str]:
    return [model.id for model in api(hub).list_models(**query)]  # type: ignore[arg-type]


# Search


def test_search_filters_and_sorts(filled: LocalHub) -> None:
    assert names(filled, sort="downloads") == ["lab/Tiny", REPO, "lab/Guarded-GGUF"]
    assert names(filled, sort="likes") == ["lab/Guarded-GGUF", REPO, "lab/Tiny"]
    assert names(filled, search="tiny gguf") == [REPO]
    assert names(filled, filter="gguf", sort="likes") == ["lab/Guarded-GGUF", REPO]
    assert names(filled, filter=["gguf", "base_model:quantized:lab/Tiny"]) == [REPO]
    assert names(filled, author="lab", sort="last_modified") == ["lab/Guarded-GGUF", "lab/Tiny"]
    assert names(filled, gated=True) == ["lab/Guarded-GGUF"]
    assert names(filled, pipeline_tag="text-generation") == [REPO]
    assert names(filled, num_parameters="min:6B,max:9B") == [REPO]
    assert names(filled, num_parameters="min:9B") == []


def test_a_private_repository_is_found_only_with_its_token(filled: LocalHub) -> None:
    assert "lab/Hidden" not in names(filled)
    found = [model.id for model in api(filled, filled.token).list_models(author="lab")]
    assert "lab/Hidden" in found


def test_a_listing_tells_what_is_asked_for(filled: LocalHub) -> None:
    (brief,) = api(filled).list_models(search="tiny-gguf")
    assert (brief.downloads, brief.likes, brief.siblings) == (50, 7, None)
    assert brief.created_at is not None and brief.created_at.year == 2025
    (full,) = api(filled).list_models(search="tiny-gguf", full=True)
    assert [sibling.rfilename for sibling in full.siblings or []] == [
        "tiny-Q4_K_M.gguf",
        "config.json",
        "sub/deeper/mmproj-f16.gguf",
    ]
    (expanded,) = api(filled).list_models(search="tiny-gguf", expand=["gguf", "gated"])
    assert expanded.gguf == {
        "total": 8_000_000_000,
        "architecture": "llama",
        "context_length": 4096,
    }
    assert expanded.downloads is None
    with pytest.raises(HfHubHTTPError):
        list(api(filled).list_models(expand=["colour"]))  # type: ignore[list-item]


def test_a_long_listing_comes_in_pages(hub: LocalHub) -> None:
    for number in range(7):
        hub.add_repo(f"many/model-{number}", {"a.gguf": b"a"}, likes=number)
    hub.set_page_size(3)
    assert names(hub, sort="likes") == [f"many/model-{number}" for number in range(6, -1, -1)]
    assert len([r for r in hub.requests if r.path == "/api/models"]) == 3
    hub.clear_log()
    assert len(names(hub, sort="likes", limit=2)) == 2
    assert len(hub.requests) == 1


# One repository


def test_model_info_with_its_files(filled: LocalHub) -> None:
    info = api(filled).model_info(REPO, files_metadata=True)
    files = {sibling.rfilename: sibling for sibling in info.siblings or []}
    big, small = files["tiny-Q4_K_M.gguf"], files["config.json"]
    assert big.lfs is not None
    assert (big.size, big.lfs.size, big.lfs.sha256) == (len(BIG), len(BIG), sha256(BIG))
    assert (small.size, small.lfs, small.blob_id) == (len(SMALL), None, git_blob_id(SMALL))
    assert info.tags is not None
    assert {"gguf", "license:apache-2.0", "base_model:lab/Tiny"} <= set(info.tags)
    assert info.card_data is not None and info.card_data.license == "apache-2.0"
    assert (info.author, info.gated, info.pipeline_tag) == ("maker", False, "text-generation")
    assert (api(filled).model_info(REPO).siblings or [])[0].size is None


def test_the_tree_and_single_paths(filled: LocalHub) -> None:
    top = list(api(filled).list_repo_tree(REPO))
    assert [(type(entry), entry.path) for entry in top] == [
        (RepoFile, "tiny-Q4_K_M.gguf"),
        (RepoFile, "config.json"),
        (RepoFolder, "sub"),
    ]
    everything = list(api(filled).list_repo_tree(REPO, recursive=True, expand=True))
    assert [entry.path for entry in everything][2:] == [
        "sub",
        "sub/deeper",
        "sub/deeper/mmproj-f16.gguf",
    ]
    assert everything[0].last_commit is not None
    below = list(api(filled).list_repo_tree(REPO, "sub/deeper"))
    assert [entry.path for entry in below] == ["sub/deeper/mmproj-f16.gguf"]
    with pytest.raises(RemoteEntryNotFoundError):
        list(api(filled).list_repo_tree(REPO, "nowhere"))
    told = api(filled).get_paths_info(REPO, ["tiny-Q4_K_M.gguf", "sub", "missing"])
    assert [entry.path for entry in told] == ["tiny-Q4_K_M.gguf", "sub"]
    assert isinstance(told[0], RepoFile) and told[0].lfs is not None
    assert told[0].lfs.sha256 == sha256(BIG)
    filled.set_page_size(2)
    assert len(list(api(filled).list_repo_tree(REPO, recursive=True))) == 5


def test_a_newer_upload_is_a_newer_commit(hub: LocalHub, tmp_path: Path) -> None:
    first = hub.add_repo(REPO, {"a.gguf": b"one"})
    second = hub.add_repo(REPO, {"a.gguf": b"two", "b.gguf": b"b"})
    branch = hub.add_repo(REPO, {"a.gguf": b"three"}, revision="refs/pr/1")
    assert api(hub).model_info(REPO).sha == second
    assert api(hub).model_info(REPO, revision=first).sha == first
    assert api(hub).model_info(REPO, revision="refs/pr/1").sha == branch
    assert [commit.commit_id for commit in api(hub).list_repo_commits(REPO)] == [second, first]
    assert {ref.name: ref.target_commit for ref in api(hub).list_repo_refs(REPO).branches} == {
        "main": second,
        "refs/pr/1": branch,
    }
    assert api(hub).resolve_revision(REPO, cache_dir=tmp_path).resolved == second
    old = hf_hub_download(
        REPO, "a.gguf", revision=first, endpoint=hub.url, token=False, cache_dir=tmp_path
    )
    assert Path(old).read_bytes() == b"one"
    assert fetch(hub, tmp_path, path="a.gguf").read_bytes() == b"two"


def test_what_is_not_there(filled: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api(filled).model_info("nobody/nothing")
    with pytest.raises(RepositoryNotFoundError):
        api(filled, filled.stranger_token).model_info("lab/Hidden")
    with pytest.raises(RevisionNotFoundError):
        api(filled).model_info(REPO, revision="gone")
    with pytest.raises(RemoteEntryNotFoundError):
        fetch(filled, tmp_path, path="missing.gguf")
    filled.faults.hide_missing = True
    with pytest.raises(HfHubHTTPError) as caught:
        api(filled).model_info("nobody/nothing")
    assert caught.value.response.status_code == 401


def test_a_gated_repository(filled: LocalHub, tmp_path: Path) -> None:
    url = hf_hub_url("lab/Guarded-GGUF", "g.gguf", endpoint=filled.url)
    assert api(filled).model_info("lab/Guarded-GGUF").gated == "manual"
    with pytest.raises(GatedRepoError) as anonymous:
        get_hf_file_metadata(url, token=False)
    assert anonymous.value.response.status_code == 401
    with pytest.raises(GatedRepoError) as stranger:
        get_hf_file_metadata(url, token=filled.stranger_token)
    assert stranger.value.response.status_code == 403
    with pytest.raises(GatedRepoError):
        api(filled, filled.stranger_token).auth_check("lab/Guarded-GGUF")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        api(filled, "hf_wrong").model_info(REPO)
    filled.clear_log()
    got = hf_hub_download(
        "lab/Guarded-GGUF",
        "g.gguf",
        endpoint=filled.url,
        token=filled.token,
        cache_dir=tmp_path,
    )
    assert Path(got).read_bytes() == b"secret"
    assert [(r.host, r.authorized) for r in filled.requests] == [("hub", True), ("cdn", False)]
    assert api(filled, filled.token).whoami()["name"] == "tester"


def test_a_renamed_repository_leads_to_its_new_name(filled: LocalHub, tmp_path: Path) -> None:
    filled.move_repo(REPO, "maker/Renamed-GGUF")
    assert api(filled).model_info(REPO).id == "maker/Renamed-GGUF"
    assert fetch(filled, tmp_path).read_bytes() == BIG
    filled.remove_repo("maker/Renamed-GGUF")
    with pytest.raises(RepositoryNotFoundError):
        api(filled).model_info("maker/Renamed-GGUF")


# Files


def test_a_large_file_comes_by_a_signed_address(filled: LocalHub, tmp_path: Path) -> None:
    data = get_hf_file_metadata(hf_hub_url(REPO, "tiny-Q4_K_M.gguf", endpoint=filled.url))
    assert (data.etag, data.size) == (sha256(BIG), len(BIG))
    assert data.commit_hash == api(filled).model_info(REPO).sha
    assert data.location.startswith(f"{filled.cdn_url}/repos/") and "Signature=" in data.location
    filled.clear_log()
    got = fetch(filled, tmp_path)
    assert got.read_bytes() == BIG
    assert got.resolve().name == sha256(BIG)
    assert filled.sent_bytes == len(BIG)
    assert [(r.method, r.host, r.status, r.sent_bytes) for r in filled.requests] == [
        ("HEAD", "hub", 302, 0),
        ("GET", "cdn", 200, len(BIG)),
    ]
    forged = data.location.replace("Signature=", "Signature=0")
    assert httpx2.get(forged).status_code == 403


@pytest.mark.parametrize("redirected", [False, True])
def test_a_small_file_comes_from_the_hub(
    filled: LocalHub, tmp_path: Path, redirected: bool
) -> None:
    filled.faults.redirect_small = redirected
    got = fetch(filled, tmp_path, path="config.json")
    assert got.read_bytes() == SMALL
    assert got.resolve().name == git_blob_id(SMALL)
    assert {r.host for r in filled.requests} == {"hub"}
    assert any(r.path.startswith("/api/resolve-cache/") for r in filled.requests) == redirected


def test_a_whole_snapshot(filled: LocalHub, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = Path(snapshot_download(REPO, endpoint=filled.url, token=False, cache_dir=cache))
    assert (folder / "sub/deeper/mmproj-f16.gguf").read_bytes() == b"GGUF"
    assert (folder / "tiny-Q4_K_M.gguf").read_bytes() == BIG
    report = scan_cache_dir(cache)
    assert not report.warnings
    assert [repo.repo_id for repo in report.repos] == [REPO]


def signed(hub: LocalHub) -> str:
    reply = httpx2.head(hf_hub_url(REPO, "tiny-Q4_K_M.gguf", endpoint=hub.url))
    return str(reply.headers["Location"])


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        (f"bytes={len(BIG) - 5}-", len(BIG) - 5, len(BIG)),
        (f"bytes=5-{len(BIG) * 2}", 5, len(BIG)),
        ("bytes=-7", len(BIG) - 7, len(BIG)),
    ],
)
def test_ranges(filled: LocalHub, asked: str, start: int, end: int) -> None:
    reply = httpx2.get(signed(filled), headers={"Range": asked})
    assert reply.status_code == 206
    assert reply.content == BIG[start:end]
    assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(BIG)}"
    assert filled.requests[-1].range == asked


def test_ranges_outside_and_of_another_version(filled: LocalHub) -> None:
    url = signed(filled)
    outside = httpx2.get(url, headers={"Range": f"bytes={len(BIG)}-"})
    assert outside.status_code == 416
    assert outside.headers["Content-Range"] == f"bytes */{len(BIG)}"
    etag = httpx2.head(url).headers["ETag"]
    same = httpx2.get(url, headers={"Range": "bytes=1-2", "If-Range": etag})
    assert (same.status_code, same.content) == (206, BIG[1:3])
    other = httpx2.get(url, headers={"Range": "bytes=1-2", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, BIG)


def test_a_mirror_serves_everything_itself(filled: LocalHub, tmp_path: Path) -> None:
    filled.faults.serve_directly = True
    assert fetch(filled, tmp_path).read_bytes() == BIG
    assert {r.host for r in filled.requests} == {"hub"}


def test_a_hub_in_a_process_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "big.gguf"
    source.write_bytes(BIG)
    with LocalHub(tmp_path / "hub", process=True) as hub:
        hub.add_repo(REPO, {"tiny-Q4_K_M.gguf": source, "small.json": SMALL})
        hub.faults.truncate(1, after_bytes=1 << 20)
        assert fetch(hub, tmp_path / "cache").read_bytes() == BIG
        # It forgets what is less than its chunk of 10 MiB.
        cdn = [(r.range, r.fault) for r in hub.requests if r.host == "cdn"]
        assert cdn == [(None, "truncate"), (None, None)]
        assert hub.sent_bytes == len(BIG) + (1 << 20)
        hub.faults.down = True
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(hub.url)
        hub.faults.clear()
        assert httpx2.get(f"{hub.url}/api/models").status_code == 200
        with pytest.raises(KeyError):
            hub.remove_repo("nobody/nothing")


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


_HOLDER = """
import sys
from tests.helpers.hub import LocalHub
with LocalHub(sys.argv[1], process=True) as hub:
    print(hub.pid, hub.url, flush=True)
    sys.stdin.read()
"""


def test_a_hub_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        pid, url = holder.stdout.readline().split()
        assert httpx2.get(f"{url}/api/models").status_code == 200
        holder.kill()
    wait_for(lambda: not runs(int(pid)), "the hub's end")
