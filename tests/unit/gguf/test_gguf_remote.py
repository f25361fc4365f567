"""Headers read over the network: little is read, nothing is believed, every fault has its words."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core import web
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.remote import RemoteFile, RemoteModel, RemoteReader, files_of_url
from desktop.core.gguf.remote_cache import HeaderCache
from desktop.core.web import WebSettings
from tests.helpers.file_server import FileServer, Served
from tests.helpers.gguf_files import ARR, STR, Gguf, TensorSpec, tiny_llama, write_split_llama

MB = 1_000_000


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as made:
        yield made


@pytest.fixture
def header_reader() -> Iterator[HeaderReader]:
    with HeaderReader(None) as made:
        yield made


Read = Callable[..., RemoteModel]


@pytest.fixture
def read(header_reader: HeaderReader, tmp_path: Path) -> Read:
    """Read what an address leads to, through a cache of the test's own."""

    def call(url: str | tuple[RemoteFile, ...], **options: Any) -> RemoteModel:
        settings = WebSettings(**options)
        files = files_of_url(url) if isinstance(url, str) else url
        return RemoteReader(header_reader, tmp_path / "heads", settings).read(files)

    return call


def failure(read: Read, url: str, **options: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        read(url, **options)
    str(caught.value)
    return caught.value


def big_model(vocab: int = 2000, **options: Any) -> tuple[bytes, int]:
    """A header with a vocabulary, and the size of a file of 5 GB that it would begin."""
    made = tiny_llama(**options)
    words = [f"token{number:06}" for number in range(vocab)]
    made.set("tokenizer.ggml.tokens", ARR, (STR, words))
    made.tensors.append(TensorSpec("blk.0.huge.weight", (1 << 20, 2500), "F16", b""))
    head = made.header()
    end = len(head) + sum(-(-tensor.size // 32) * 32 for tensor in made.tensors)
    return head, end


def test_a_header_is_read_without_its_file(read: Read, server: FileServer) -> None:
    head, size = big_model()
    server.add("/model.gguf", head, size=size)
    model = read(f"{server.url}/model.gguf?download=true")
    assert model.summary.architecture == "llama"
    assert model.summary.vocab_size == 2000
    assert model.size_bytes == model.summary.size_bytes == size > 5000 * MB
    assert model.headers[0].head.read_bytes() == head
    assert model.fetched_bytes < 4 << 20  # no more than it takes to see where the header ends
    (asked,) = server.asked
    assert asked.headers["Range"] == f"bytes=0-{(8 << 20) - 1}"
    assert asked.headers["Accept-Encoding"] == "identity"


def test_more_is_asked_for_until_the_header_ends(read: Read, server: FileServer) -> None:
    head, size = big_model(vocab=900_000)
    assert 16 * MB < len(head) < 32 << 20
    server.add("/model.gguf", head, size=size, etag=None, modified="Mon, 01 Jan 2024 00:00:00 GMT")
    model = read(f"{server.url}/model.gguf")
    assert model.summary.vocab_size == 900_000
    assert model.headers[0].head.stat().st_size == len(head)
    ranges = [asked.headers["Range"] for asked in server.asked]
    ends = [0, 8 << 20, 16 << 20, 32 << 20]
    assert ranges == [f"bytes={a}-{b - 1}" for a, b in itertools.pairwise(ends)]
    assert len(head) < model.fetched_bytes < len(head) + (5 << 20)


def test_a_server_that_ignores_range_is_cut_off(read: Read, server: FileServer) -> None:
    head, size = big_model(vocab=600_000)
    assert len(head) > 8 << 20
    server.add("/model.gguf", head, size=size, ignore_range=True)
    model = read(f"{server.url}/model.gguf")
    assert model.summary.vocab_size == 600_000
    assert len(server.asked) == 1  # it read on in the one answer
    assert model.fetched_bytes < 17 << 20
    assert server.bytes_sent < 24 << 20  # what lay in buffers when the connection was closed


def test_a_server_that_gives_less_than_asked(read: Read, server: FileServer) -> None:
    head, size = big_model(vocab=50_000)
    server.add("/model.gguf", head, size=size, most=1 << 19)
    assert read(f"{server.url}/model.gguf").summary.vocab_size == 50_000
    ranges = [asked.headers["Range"] for asked in server.asked]
    assert ranges == [f"bytes={start << 19}-{(8 << 20) - 1}" for start in range(len(ranges))]
    assert len(ranges) > 2


def test_a_range_that_is_honoured_only_once(read: Read, server: FileServer) -> None:
    """The second answer is the whole file: what is at hand of it is skipped."""
    head, size = big_model(vocab=600_000)

    def then_whole(file: Served, number: int) -> None:
        file.ignore_range = number > 1

    server.add("/model.gguf", head, size=size, on_request=then_whole)
    assert read(f"{server.url}/model.gguf").headers[0].head.read_bytes() == head


def test_a_small_file_is_read_whole(read: Read, server: FileServer) -> None:
    raw = tiny_llama(hidden=64, feed_forward=64).to_bytes()
    server.add("/tiny.gguf", raw)
    model = read(f"{server.url}/tiny.gguf")
    assert (model.size_bytes, model.fetched_bytes) == (len(raw), len(raw))


def test_what_is_no_gguf_is_seen_at_once(read: Read, server: FileServer) -> None:
    server.add("/page.gguf", b"<html>", size=5000 * MB)
    error = failure(read, f"{server.url}/page.gguf")
    assert error.code is ErrorCode.GGUF_NOT_GGUF
    assert f"{server.url}/page.gguf" in error.cause
    assert server.bytes_sent < 8 * MB
    server.add("/none.gguf", b"")
    assert failure(read, f"{server.url}/none.gguf").code is ErrorCode.GGUF_EMPTY
    server.add("/whole.gguf", b"", ignore_range=True)
    assert failure(read, f"{server.url}/whole.gguf").code is ErrorCode.GGUF_EMPTY


def test_a_header_longer_than_any_is_refused(read: Read, server: FileServer) -> None:
    head = Gguf(n_pairs=100).set("k", STR, "x" * (60 << 20)).header()
    server.add("/long.gguf", head, size=9000 * MB)
    endless = head + (b"\x09" + bytes(7) + b"long" + b"12345" + b"\x08\0\0\0" + b"\xff\xff\xff\3")
    server.add("/endless.gguf", endless + bytes(12), size=9000 * MB)
    for path in ("/long.gguf", "/endless.gguf"):
        error = failure(read, f"{server.url}{path}")
        assert error.code is ErrorCode.GGUF_HOSTILE
    assert server.bytes_sent < 2 * (64 << 20) + 4 * MB


def test_a_file_cut_short_on_the_server(read: Read, server: FileServer) -> None:
    head, size = big_model()
    server.add("/model.gguf", head, size=size - MB)
    error = failure(read, f"{server.url}/model.gguf")
    assert (error.code, error.params["need_bytes"]) == (ErrorCode.GGUF_TRUNCATED, size)


# --- the cache


def test_what_is_at_hand_is_asked_for_and_not_read(read: Read, server: FileServer) -> None:
    head, size = big_model()
    server.add("/model.gguf", head, size=size)
    first = read(f"{server.url}/model.gguf")
    again = read(f"{server.url}/model.gguf")
    assert again.summary == first.summary and again.facts == first.facts
    assert again.headers[0].head == first.headers[0].head
    assert again.fetched_bytes == 0 < first.fetched_bytes
    assert server.asked[1].headers["If-None-Match"] == '"one"'


def test_a_server_without_conditions_is_left_at_its_headers(read: Read, server: FileServer) -> None:
    head, size = big_model()
    stamp = "Mon, 01 Jan 2024 00:00:00 GMT"
    server.add("/model.gguf", head, size=size, etag=None, modified=stamp)
    read(f"{server.url}/model.gguf")
    assert read(f"{server.url}/model.gguf").fetched_bytes == 0


def test_a_new_state_is_read_anew(read: Read, server: FileServer) -> None:
    head, size = big_model(name="Old")
    file = server.add("/model.gguf", head, size=size)
    assert read(f"{server.url}/model.gguf").summary.name == "Old"
    file.head, file.size = big_model(name="Brand New")
    file.etag = '"two"'
    assert read(f"{server.url}/model.gguf").summary.name == "Brand New"


def test_without_a_tag_nothing_is_believed(read: Read, server: FileServer) -> None:
    head, size = big_model(name="Old")
    file = server.add("/model.gguf", head, size=size, etag=None)
    read(f"{server.url}/model.gguf")
    file.head, file.size = big_model(name="New")
    assert read(f"{server.url}/model.gguf").summary.name == "New"


def test_a_listing_that_knows_the_content_saves_the_request(read: Read, server: FileServer) -> None:
    head, size = big_model()
    server.add("/a/model.gguf", head, size=size, etag='"' + "ab" * 32 + '"')
    known = RemoteFile(f"{server.url}/a/model.gguf", "owner/repo/model.gguf", "ab" * 32)
    first = read((known,))
    elsewhere = RemoteFile("http://127.0.0.1:9/gone", known.key, known.tag)
    assert read((elsewhere,)).summary == first.summary
    with pytest.raises(AppError):
        read((RemoteFile("http://127.0.0.1:9/gone", known.key, "cd" * 32),))


def test_spoiled_entries_are_read_anew(read: Read, server: FileServer, tmp_path: Path) -> None:
    head, size = big_model()
    server.add("/model.gguf", head, size=size)
    assert read(f"{server.url}/model.gguf").fetched_bytes > len(head)
    (entry,), (kept,) = (list((tmp_path / "heads").glob(f"*.{end}")) for end in ("json", "head"))
    for path, content in ((entry, b"{"), (entry, b"[]"), (kept, head[:-1])):
        path.write_bytes(content)
        assert read(f"{server.url}/model.gguf").fetched_bytes > len(head)
        assert kept.read_bytes() == head


def test_the_oldest_headers_go(header_reader: HeaderReader, tmp_path: Path) -> None:
    raw = tiny_llama().to_bytes()
    cache = HeaderCache(tmp_path / "heads", limit_bytes=3 * len(tiny_llama().header()))
    for number in range(8):
        part = cache.new_file()
        part.write_bytes(raw)
        start = header_reader.read_start(part, len(raw), "x")
        part.write_bytes(raw[: start.header_bytes])
        head = cache.put(f"key{number}", "tag", len(raw), start, part)
        os.utime(head, (number, number))
    kept = [number for number in range(8) if cache.get(f"key{number}") is not None]
    assert kept == [4, 5, 6, 7]
    stored = sum(path.stat().st_size for path in (tmp_path / "heads").glob("*.head"))
    assert stored == 4 * len(tiny_llama().header())  # the newest is not counted


def test_a_cache_that_cannot_be_written_says_so(
    header_reader: HeaderReader, server: FileServer, tmp_path: Path
) -> None:
    server.add("/tiny.gguf", tiny_llama().to_bytes())
    (tmp_path / "blocked").write_text("a file where the folder should be")
    reader = RemoteReader(header_reader, tmp_path / "blocked" / "heads", WebSettings())
    with pytest.raises(AppError) as caught:
        reader.read(files_of_url(f"{server.url}/tiny.gguf"))
    assert caught.value.code is ErrorCode.PATH_UNREADABLE


def test_nothing_half_done_is_left(read: Read, server: FileServer, tmp_path: Path) -> None:
    head, size = big_model()
    server.add("/model.gguf", head, size=size, break_after=MB)
    assert failure(read, f"{server.url}/model.gguf").code is ErrorCode.REMOTE_UNREACHABLE
    assert list((tmp_path / "heads").iterdir()) == []


# --- a file that changes meanwhile


@pytest.mark.parametrize("what", ["etag", "size"])
def test_a_change_between_two_ranges_begins_anew_once(
    read: Read, server: FileServer, what: str
) -> None:
    vocab = 600_000 if what == "etag" else 600_100
    old, new = big_model(vocab=600_000, name="Old"), big_model(vocab=vocab, name="New")
    assert (old[1] == new[1]) is (what == "etag")

    def change(file: Served, number: int) -> None:
        if number == 2:
            file.head, file.size = new
            if what == "etag":
                file.etag = '"two"'

    server.add("/model.gguf", old[0], size=old[1], on_request=change)
    model = read(f"{server.url}/model.gguf")
    assert (model.summary.name, model.summary.vocab_size) == ("New", vocab)
    assert model.headers[0].head.read_bytes() == new[0]


def test_a_file_that_keeps_changing_is_given_up(read: Read, server: FileServer) -> None:
    head, size = big_model(vocab=600_000)

    def change(file: Served, number: int) -> None:
        file.etag = f'"{number}"'

    server.add("/model.gguf", head, size=size, on_request=change)
    error = failure(read, f"{server.url}/model.gguf")
    assert error.code is ErrorCode.REMOTE_CHANGED
    assert len(server.asked) == 4


# --- split models


def test_a_split_model_is_read_from_each_of_its_files(
    read: Read, server: FileServer, tmp_path: Path
) -> None:
    paths = write_split_llama(tmp_path, "tiny", parts=3)
    for path in paths:
        server.add(f"/m/{path.name}", path.read_bytes(), size=path.stat().st_size + 40 * MB)
    model = read(f"{server.url}/m/{paths[1].name}")  # any of them names the model
    assert model.summary.split_count == 3
    assert model.summary.parameters == sum(h.start.summary.parameters for h in model.headers)
    assert [header.size_bytes for header in model.headers] == [
        path.stat().st_size + 40 * MB for path in paths
    ]
    ranges = [asked.headers["Range"] for asked in server.asked]
    assert ranges == ["bytes=0-8388607", "bytes=0-262143", "bytes=0-262143"]


def test_parts_that_do_not_belong_together(read: Read, server: FileServer, tmp_path: Path) -> None:
    paths = write_split_llama(tmp_path, "tiny", parts=2)
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        server.add(f"/{path.name}", content)
    assert failure(read, f"{server.url}/{paths[0].name}").code is ErrorCode.GGUF_HOSTILE
    server.add(f"/{paths[0].name}", contents[0], etag='"new"')
    del server.files[f"/{paths[1].name}"]
    assert failure(read, f"{server.url}/{paths[0].name}").code is ErrorCode.REMOTE_NOT_FOUND
    server.add("/alone.gguf", contents[0])
    assert failure(read, f"{server.url}/alone.gguf").code is ErrorCode.GGUF_SHARD_MISSING


# --- what servers answer


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, ErrorCode.REMOTE_DENIED),
        (403, ErrorCode.REMOTE_DENIED),
        (404, ErrorCode.REMOTE_NOT_FOUND),
        (410, ErrorCode.REMOTE_NOT_FOUND),
        (416, ErrorCode.REMOTE_FAILED),
        (429, ErrorCode.REMOTE_BUSY),
        (500, ErrorCode.REMOTE_FAILED),
        (503, ErrorCode.REMOTE_FAILED),
        (204, ErrorCode.REMOTE_FAILED),
        (304, ErrorCode.REMOTE_FAILED),
        (301, ErrorCode.REMOTE_FAILED),
    ],
)
def test_every_status_has_its_words(
    read: Read, server: FileServer, status: int, code: ErrorCode
) -> None:
    server.add("/model.gguf", status=status)
    error = failure(read, f"{server.url}/model.gguf?signature=secret")
    assert error.code is code
    assert "127.0.0.1" in error.title + error.cause
    assert "secret" not in str(error.to_dict())
    assert error.remedy


def test_the_hubs_own_words_are_told(read: Read, server: FileServer) -> None:
    said = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this model is restricted."}
    server.add("/model.gguf", status=403, headers=said)
    error = failure(read, f"{server.url}/model.gguf")
    assert "Access to this model is restricted." in error.cause
    assert "HF_TOKEN" in error.remedy
    server.add("/model.gguf", status=401, headers={"X-Error-Code": "RepoNotFound"})
    assert failure(read, f"{server.url}/model.gguf").code is ErrorCode.REMOTE_NOT_FOUND


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"RateLimit": '"api";r=0;t=55'}, 55),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"}, 1),
        ({"Retry-After": "soon"}, 60),
        ({}, 60),
    ],
)
def test_how_long_a_busy_server_wants_to_rest(
    read: Read, server: FileServer, headers: dict[str, str], seconds: int
) -> None:
    server.add("/model.gguf", status=429, headers=headers)
    assert failure(read, f"{server.url}/model.gguf").params["seconds"] == seconds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"headers": {"Content-Encoding": "gzip"}}, "gzip"),
        ({"ignore_range": True, "hide_length": True}, "how large"),
        ({"headers": {"Content-Range": "bytes 5-9/10"}, "status": 206}, "other bytes"),
        ({"headers": {"Content-Range": "nonsense"}, "status": 206}, "which part"),
        ({"headers": {"Content-Range": "bytes 9-5/10"}, "status": 206}, "cannot be"),
        ({"headers": {"Content-Range": "bytes 0-99/10"}, "status": 206}, "cannot be"),
        ({"headers": {"Content-Range": "bytes 0-5/*"}, "status": 206}, "which part"),
    ],
)
def test_answers_that_cannot_be_used(
    read: Read, server: FileServer, options: dict[str, Any], words: str
) -> None:
    server.add("/model.gguf", tiny_llama().to_bytes(), **options)
    error = failure(read, f"{server.url}/model.gguf")
    assert error.code is ErrorCode.REMOTE_FAILED
    assert words in error.cause


def test_no_answer_is_an_error(read: Read, server: FileServer) -> None:
    server.add("/slow.gguf", stall=True)
    error = failure(read, f"{server.url}/slow.gguf", idle_seconds=0.2)
    assert error.code is ErrorCode.REMOTE_UNREACHABLE and "0.2 seconds" in error.cause
    assert failure(read, f"{server.url}/slow.gguf", total_seconds=0.2).code is ErrorCode.TIMED_OUT
    assert failure(read, "http://127.0.0.1:9/x.gguf").code is ErrorCode.REMOTE_UNREACHABLE
    error = failure(read, "http://nowhere.invalid/x.gguf")
    assert error.code is ErrorCode.REMOTE_UNREACHABLE


@pytest.mark.parametrize("url", ["ftp://host/x.gguf", "file:///etc/passwd", "http://", "http://[/"])
def test_other_addresses_are_refused(read: Read, url: str) -> None:
    assert failure(read, url).code is ErrorCode.BAD_REQUEST


def test_it_can_be_stopped(header_reader: HeaderReader, server: FileServer, tmp_path: Path) -> None:
    cancel = CancelToken()
    # The server answers nothing, and stops the reader when it was asked.
    file = server.add("/slow.gguf", stall=True)
    file.on_request = lambda file, number: cancel.cancel()
    reader = RemoteReader(header_reader, tmp_path / "heads", WebSettings())
    with pytest.raises(AppError) as caught:
        reader.read(files_of_url(f"{server.url}/slow.gguf"), cancel=cancel)
    assert caught.value.code is ErrorCode.CANCELLED


# --- tokens, redirects, proxies, certificates


def test_a_token_goes_to_the_hub_and_to_nobody_else(read: Read, server: FileServer) -> None:
    with FileServer() as other:
        other.add("/blob", tiny_llama().to_bytes())
        server.add("/private.gguf", tiny_llama().to_bytes(), token="hf_secret")
        location = {"Location": f"{other.url}/blob?signature=a%2Bb"}
        server.add("/moved.gguf", status=302, headers=location)
        hub = {"endpoint": server.url, "token": "hf_secret"}
        read(f"{server.url}/private.gguf", **hub)
        read(f"{server.url}/moved.gguf", **hub)
        assert server.asked[-1].headers["Authorization"] == "Bearer hf_secret"
        assert "Authorization" not in other.asked[0].headers
        read(f"{other.url}/blob?again", **hub)
        assert "Authorization" not in other.asked[1].headers
        # The same host by another name is another host.
        elsewhere = server.url.replace("127.0.0.1", "localhost")
        error = failure(read, f"{elsewhere}/private.gguf", **hub)
        assert error.code is ErrorCode.REMOTE_DENIED


def test_the_hubs_redirect_names_the_content(read: Read, server: FileServer) -> None:
    """Storage behind the hub has tags of its own; the hub's is the sha256 of the file."""
    raw = tiny_llama().to_bytes()
    with FileServer() as storage:
        blob = storage.add("/blob", raw, etag='"storage-1"')
        linked = {
            "Location": f"{storage.url}/blob",
            "X-Linked-ETag": '"' + "ab" * 32 + '"',
            "X-Linked-Size": str(len(raw)),
        }
        server.add("/o/r/resolve/main/m.gguf", status=302, etag=None, headers=linked)
        url = f"{server.url}/o/r/resolve/main/m.gguf"
        read(url, endpoint=server.url)
        blob.etag = '"storage-2"'
        assert read(url, endpoint=server.url).fetched_bytes == 0
        assert len(storage.asked) == 1  # the hub's word was enough


def test_redirects_end(read: Read, server: FileServer) -> None:
    server.add("/circle.gguf", status=302, headers={"Location": "/circle.gguf"})
    assert "redirects" in failure(read, f"{server.url}/circle.gguf").cause
    assert len(server.asked) == web.MAX_REDIRECTS + 1
    for target in ("file:///etc/passwd", "ftp://host/x", "", "http://["):
        server.add("/away.gguf", status=302, headers={"Location": target})
        assert failure(read, f"{server.url}/away.gguf").code is ErrorCode.REMOTE_FAILED


def test_settings_come_from_the_environment() -> None:
    environ = {"HF_ENDPOINT": "https://mirror.example/", "HF_TOKEN": " hf_x\n"}
    settings = WebSettings.from_environment({**environ, "SSL_CERT_FILE": "/ca.pem"})
    assert settings.endpoint == "https://mirror.example"
    assert (settings.token, settings.certificates) == ("hf_x", "/ca.pem")
    bare = WebSettings.from_environment({"HF_ENDPOINT": "", "HF_TOKEN": ""})
    assert (bare.endpoint, bare.token, bare.certificates) == (web.HUB, None, None)


def test_proxies_are_used_unless_told_otherwise(
    read: Read, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add("/model.gguf", tiny_llama().to_bytes(), etag=None)
    with FileServer() as proxy:
        proxy.add("/model.gguf", tiny_llama().to_bytes(), etag=None)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        read(f"{server.url}/model.gguf")
        assert [asked.proxied for asked in proxy.asked] == [True] and not server.asked
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        read(f"{server.url}/model.gguf")
        assert len(proxy.asked) == 1 and len(server.asked) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that nobody trusts, and its key: two files."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = (tmp_path / "cert.pem", tmp_path / "key.pem")
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])


def test_certificates_are_checked(
    read: Read, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileServer(certificate) as server, FileServer() as proxy:
        server.add("/model.gguf", tiny_llama().to_bytes(), etag=None)
        error = failure(read, f"{server.url}/model.gguf")
        assert error.code is ErrorCode.REMOTE_UNREACHABLE
        assert "certificate" in error.cause and "SSL_CERT_FILE" in error.remedy
        trusting = {"certificates": certificate[0]}
        assert read(f"{server.url}/model.gguf", **trusting).summary.architecture == "llama"
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        assert read(f"{server.url}/model.gguf", **trusting).summary.architecture == "llama"
        assert proxy.asked[-1].path == server.url.removeprefix("https://")
        monkeypatch.delenv("HTTPS_PROXY", raising=False)
        monkeypatch.delenv("https_proxy", raising=False)
        server.add("/down.gguf", status=302, headers={"Location": "http://127.0.0.1:9/x"})
        assert "https to http" in failure(read, f"{server.url}/down.gguf", **trusting).cause
    error = failure(read, "https://127.0.0.1:9/x.gguf", certificates="/no/such/file.pem")
    assert error.code is ErrorCode.PATH_UNREADABLE


def test_many_threads_may_read(read: Read, server: FileServer) -> None:
    for number in range(4):
        server.add(f"/{number}.gguf", tiny_llama(n_layers=number + 1).to_bytes())
    found: dict[int, int | None] = {}

    def one(number: int) -> None:
        found[number] = read(f"{server.url}/{number}.gguf").summary.n_layers

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: 1, 1: 2, 2: 3, 3: 4}
