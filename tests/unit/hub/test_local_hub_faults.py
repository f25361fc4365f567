"""Each fault of the local hub shows as it would of the real one."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import get_hf_file_metadata, hf_hub_url

from tests.helpers.hub import EVIL_NAMES, Known, LocalHub
from tests.helpers.service import wait_for

BIG = os.urandom(3 << 20)
REPO = "maker/Tiny-GGUF"
FILE = "tiny-Q4_K_M.gguf"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        hub.add_repo(REPO, {FILE: BIG, "config.json": b"{}"})
        yield hub


def signed(hub: LocalHub) -> str:
    return str(httpx2.head(hf_hub_url(REPO, FILE, endpoint=hub.url)).headers["Location"])


def get(url: str, start: int | None = None, end: int | None = None) -> httpx2.Response:
    headers = {} if start is None else {"Range": f"bytes={start}-{'' if end is None else end}"}
    return httpx2.get(url, headers=headers, timeout=30)


def received(url: str) -> tuple[int, bytes, Exception | None]:
    """Status, what came of the body, and what ended it early."""
    got = b""
    with httpx2.stream("GET", url, timeout=30) as reply:
        try:
            for chunk in reply.iter_raw():
                got += chunk
        except httpx2.HTTPError as error:
            return reply.status_code, got, error
    return reply.status_code, got, None


def test_range_ignored_and_refused(hub: LocalHub) -> None:
    url = signed(hub)
    hub.faults.ignore_range = True
    assert (get(url, 10, 20).status_code, len(get(url, 10, 20).content)) == (200, len(BIG))
    hub.faults.clear()
    hub.faults.refuse_range = True
    assert get(url, 10, 20).status_code == 416
    assert get(url).content == BIG
    hub.faults.clear()
    assert get(url, 10, 20).content == BIG[10:21]


def test_rate_limit(hub: LocalHub) -> None:
    url = signed(hub)
    hub.faults.rate_limit(2, retry_after=7)
    hub.faults.rate_limit(1, retry_after=None)
    hub.faults.rate_limit(1, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")
    answers = [get(url, 0, 9) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 429, 206]
    assert [answer.headers.get("Retry-After") for answer in answers[:4]] == [
        "7",
        "7",
        None,
        "Wed, 21 Oct 2015 07:28:00 GMT",
    ]
    assert [request.fault for request in hub.requests[-5:]] == ["rate_limit"] * 4 + [None]
    hub.faults.rate_limit(1, retry_after=55, where="api")
    with pytest.raises(HfHubHTTPError, match="Retry after 55 seconds"):
        HfApi(endpoint=hub.url, token=False).model_info(REPO)


def test_server_errors_hit_what_they_are_for(hub: LocalHub) -> None:
    hub.faults.server_error(1, status=502, where="resolve", path="*.gguf")
    hub.faults.server_error(1, status=500, where="api")
    assert httpx2.head(hf_hub_url(REPO, "config.json", endpoint=hub.url)).status_code == 200
    assert httpx2.head(hf_hub_url(REPO, FILE, endpoint=hub.url)).status_code == 502
    assert httpx2.get(f"{hub.url}/api/models/{REPO}").status_code == 500
    assert httpx2.get(f"{hub.url}/api/models/{REPO}").status_code == 200
    url = signed(hub)
    hub.faults.server_error(2, skip=1)
    assert hub.faults.left == 2
    assert [get(url, 0, 0).status_code for _ in range(5)] == [206, 503, 206, 503, 206]
    assert hub.faults.left == 0


def test_a_body_that_ends_early(hub: LocalHub) -> None:
    url = signed(hub)
    hub.faults.truncate(1, after_bytes=1_000_000)
    status, got, error = received(url)
    assert (status, got) == (200, BIG[:1_000_000])
    assert isinstance(error, httpx2.RemoteProtocolError)
    assert hub.sent_bytes == 1_000_000
    # Longer than the range: the last byte is missing all the same.
    hub.faults.truncate(1, after_bytes=1_000_000)
    with pytest.raises(httpx2.RemoteProtocolError):
        get(url, 0, 9)
    hub.faults.truncate(1, after_bytes=30, where="api")
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{hub.url}/api/models/{REPO}")


def test_a_connection_that_is_reset(hub: LocalHub) -> None:
    url = signed(hub)
    hub.faults.reset(1, after_bytes=500_000)
    _, got, error = received(url)
    assert isinstance(error, httpx2.ReadError)
    assert BIG.startswith(got) and len(got) <= 500_000
    hub.faults.reset(1)
    with pytest.raises(httpx2.ReadError):
        get(url)
    assert hub.requests[-1].status is None


def test_a_server_that_falls_silent(hub: LocalHub) -> None:
    url = signed(hub)
    hub.faults.stall(1, after_bytes=1000)
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(url, timeout=0.2)
    assert hub.sent_bytes == 1000
    hub.faults.stall(1)
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(url, timeout=0.2)
    assert get(url).content == BIG


def test_a_stalled_connection_does_not_hold_up_the_end(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def wait(url: str) -> None:
        try:
            httpx2.get(url, timeout=None)
        except httpx2.HTTPError as error:
            errors.append(error)

    with LocalHub(tmp_path / "other") as hub:
        hub.add_repo(REPO, {FILE: BIG})
        url = signed(hub)
        hub.faults.stall(1, after_bytes=10)
        waiting = threading.Thread(target=wait, args=(url,))
        waiting.start()
        wait_for(lambda: hub.sent_bytes == 10, "the beginning of the body")
    waiting.join(10)
    assert not waiting.is_alive() and len(errors) == 1


def test_wrong_bytes(hub: LocalHub) -> None:
    url = signed(hub)
    hub.faults.wrong_bytes = True
    got = get(url).content
    assert len(got) == len(BIG)
    assert [n for n in range(len(BIG)) if got[n] != BIG[n]] == [len(BIG) // 2]
    assert get(url, 0, 99).content == BIG[:100]
    hub.faults.clear()
    hub.faults.corrupt(1)
    wrong = get(url, 0, 99).content
    assert sum(a != b for a, b in zip(wrong, BIG, strict=False)) == 1
    assert get(url, 0, 99).content == BIG[:100]


def test_a_file_that_is_replaced_on_the_way(hub: LocalHub, tmp_path: Path) -> None:
    old, new = signed(hub), os.urandom(1 << 20)
    hub.faults.etag_changed(FILE, new, after=1)
    assert get(old, 0, 9).content == BIG[:10]
    assert get(old, 0, 9).content == BIG[:10]
    assert get(old, 0, 9).status_code == 404
    assert get(signed(hub)).content == new
    data = get_hf_file_metadata(hf_hub_url(REPO, FILE, endpoint=hub.url))
    assert (data.etag, data.size) == (hashlib.sha256(new).hexdigest(), len(new))
    hub.replace_file(REPO, FILE, b"a third")
    got = hf_hub_download(REPO, FILE, endpoint=hub.url, token=False, cache_dir=tmp_path)
    assert Path(got).read_bytes() == b"a third"


def test_signed_addresses_expire(hub: LocalHub) -> None:
    hub.faults.signed_url_seconds = 0
    assert get(signed(hub)).status_code == 403
    hub.faults.signed_url_seconds = None
    url = signed(hub)
    hub.faults.expire(1)
    assert [get(url, 0, 0).status_code for _ in range(2)] == [403, 206]


def test_a_connection_gets_no_more_than_the_limit(hub: LocalHub) -> None:
    hub.faults.bytes_per_second = 10 * len(BIG)
    url = signed(hub)
    begun = time.perf_counter()
    assert get(url).content == BIG
    # The last slice may come early by its own length; nothing may come early by more.
    assert time.perf_counter() - begun >= 0.09


def test_sizes_that_lie(hub: LocalHub) -> None:
    hub.faults.claimed_size(FILE, 1024)
    info = HfApi(endpoint=hub.url, token=False).model_info(REPO, files_metadata=True)
    told = {sibling.rfilename: sibling for sibling in info.siblings or []}[FILE]
    assert told.lfs is not None
    assert (told.size, told.lfs.size) == (1024, 1024)
    assert get_hf_file_metadata(hf_hub_url(REPO, FILE, endpoint=hub.url)).size == 1024
    assert len(get(signed(hub)).content) == len(BIG)
    hub.faults.claimed_size(FILE, 1024, headers=False)
    assert get_hf_file_metadata(hf_hub_url(REPO, FILE, endpoint=hub.url)).size == len(BIG)
    hub.faults.clear()
    info = HfApi(endpoint=hub.url, token=False).model_info(REPO, files_metadata=True)
    assert (info.siblings or [])[0].size == len(BIG)


def test_a_giant_needs_no_disk(hub: LocalHub, tmp_path: Path) -> None:
    giant = tmp_path / "giant.gguf"
    with giant.open("wb") as file:
        file.truncate(70 << 30)
    hub.add_repo("maker/Giant", {"giant.gguf": Known(giant, "a" * 64)})
    data = get_hf_file_metadata(hf_hub_url("maker/Giant", "giant.gguf", endpoint=hub.url))
    assert (data.size, data.etag) == (70 << 30, "a" * 64)
    end = get(data.location, (70 << 30) - 4)
    assert (end.status_code, end.content) == (206, bytes(4))


def test_a_hub_that_is_down_and_comes_back(hub: LocalHub) -> None:
    url = signed(hub)
    hub.faults.down = True
    for address in (hub.url, url):
        with pytest.raises(httpx2.ConnectError):
            get(address)
    hub.faults.down = "closed"
    for address in (hub.url, url):
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            get(address)
    hub.faults.down = False
    assert get(url).content == BIG


def test_going_down_cuts_what_is_being_sent(hub: LocalHub) -> None:
    hub.faults.bytes_per_second = 100_000
    with socket.create_connection(("127.0.0.1", int(hub.cdn_url.rpartition(":")[2]))) as client:
        path = signed(hub).removeprefix(hub.cdn_url)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: cdn\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        hub.faults.down = True
        got = 0
        while data := client.recv(1 << 16):
            got += len(data)
    assert got < len(BIG)


def test_names_that_mean_harm(hub: LocalHub) -> None:
    hub.faults.evil_names = True
    api = HfApi(endpoint=hub.url, token=False)
    told = [sibling.rfilename for sibling in api.model_info(REPO).siblings or []]
    assert told == [FILE, "config.json", *EVIL_NAMES]
    tree = [entry.path for entry in api.list_repo_tree(REPO, recursive=True)]
    assert set(EVIL_NAMES) <= set(tree)
    hub.faults.evil_names = ("../x.gguf",)
    told = [sibling.rfilename for sibling in api.model_info(REPO).siblings or []]
    assert told == [FILE, "config.json", "../x.gguf"]


def test_a_fault_that_there_is_not(hub: LocalHub) -> None:
    with pytest.raises(AttributeError, match="colour"):
        hub.faults.colour = "red"
    with pytest.raises(TypeError, match="speed"):
        hub.faults.truncate(1, speed=3)
