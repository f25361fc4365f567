"""Headers read in a child that may die, and remembered."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.reader import HeaderReader
from tests.helpers.gguf_files import tiny_llama, write_tiny_llama

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "headers"


@pytest.fixture
def reader(cache: Path) -> Iterator[HeaderReader]:
    with HeaderReader(cache) as made:
        yield made


def failure(reader: HeaderReader, path: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        reader.read(path)
    return caught.value


def test_a_file_is_read_in_a_child(reader: HeaderReader, tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf")
    assert reader.read(path).architecture == "llama"
    assert reader.worker_pid not in (None, os.getpid())


def test_what_cannot_be_read_says_why(reader: HeaderReader, tmp_path: Path) -> None:
    good = tiny_llama().to_bytes()
    cases = {
        "empty.gguf": (b"", ErrorCode.GGUF_EMPTY),
        "zip.gguf": (b"PK\x03\x04" + bytes(999), ErrorCode.GGUF_NOT_GGUF),
        "cut.gguf": (good[: len(good) // 2], ErrorCode.GGUF_TRUNCATED),
        "old.gguf": (b"GGUF\x01" + bytes(99), ErrorCode.GGUF_VERSION),
        "random.gguf": (b"GGUF\x03\0\0\0" + b"\xa5" * 999, ErrorCode.GGUF_HOSTILE),
    }
    for name, (content, code) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        error = failure(reader, path)
        assert error.code is code
        assert str(path) in error.cause
    assert failure(reader, tmp_path / "none.gguf").code is ErrorCode.PATH_NOT_FOUND
    assert failure(reader, tmp_path / "a\0b.gguf").code is ErrorCode.PATH_NOT_FOUND
    folder = failure(reader, tmp_path)
    assert (folder.code, folder.params["reason"]) == (ErrorCode.PATH_UNREADABLE, "It is a folder.")


@posix
def test_pipes_and_devices_are_not_opened(reader: HeaderReader, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.gguf"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), Path("/dev/null")):
        assert failure(reader, path).code is ErrorCode.PATH_UNREADABLE
    assert reader.worker_pid is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_someone_else(reader: HeaderReader, tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf")
    path.chmod(0)
    assert failure(reader, path).code is ErrorCode.PATH_UNREADABLE


@posix
def test_names_of_any_bytes(reader: HeaderReader, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe odd\nname.gguf")
    write_tiny_llama(path)
    assert reader.read(path).architecture == "llama"
    path.write_bytes(b"oops")
    str(failure(reader, path)).encode("utf-8")  # can be printed


# The real worker, which is killed by the system in the middle of a file called "deadly".
_MORTAL = """
import os, signal, sys
from desktop.core.gguf import worker
real = worker.read_header
def read_header(path, *more):
    header = real(path, *more)
    if path.name == "deadly.gguf":
        os.kill(os.getpid(), signal.SIGKILL)
    return header
worker.read_header = read_header
sys.exit(worker.main([]))
"""


@posix
def test_a_child_killed_in_its_work_costs_one_file(cache: Path, tmp_path: Path) -> None:
    good = [write_tiny_llama(tmp_path / f"{n}.gguf") for n in range(2)]
    deadly = write_tiny_llama(tmp_path / "deadly.gguf")
    with HeaderReader(cache, command=[sys.executable, "-c", _MORTAL]) as reader:
        assert reader.read(good[0]).architecture == "llama"
        pid = reader.worker_pid
        error = failure(reader, deadly)
        assert error.code is ErrorCode.GGUF_READER_DIED
        assert "SIGKILL" in error.cause
        assert reader.read(good[1]).architecture == "llama"
        assert reader.worker_pid != pid
    with HeaderReader(cache) as reader:
        assert reader.read(deadly).architecture == "llama"  # the failure was not remembered


@posix
def test_a_child_that_ended_between_files_costs_none(reader: HeaderReader, tmp_path: Path) -> None:
    reader.read(write_tiny_llama(tmp_path / "first.gguf"))
    pid = reader.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert reader.read(write_tiny_llama(tmp_path / "second.gguf")).architecture == "llama"


def fake(tmp_path: Path, body: str, timeout_seconds: float) -> HeaderReader:
    command = [sys.executable, "-c", f"import sys, threading\nfor line in sys.stdin:\n    {body}"]
    return HeaderReader(tmp_path / "fake-cache", command=command, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("print('nonsense', flush=True)", "no sense"),
        ("print('[1]', flush=True)", "no sense"),
        ("print('{}', flush=True)", "no sense"),
        ("threading.Event().wait()", "no answer within"),
    ],
)
def test_a_child_that_fails(tmp_path: Path, body: str, words: str) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf")
    with fake(tmp_path, body, 0.5 if "wait" in body else 20) as reader:
        for _ in range(2):
            error = failure(reader, path)
            assert error.code is ErrorCode.GGUF_READER_DIED
            assert words in error.cause
    assert not (tmp_path / "fake-cache").exists()


def test_a_child_that_cannot_start(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf")
    with HeaderReader(None, command=[str(tmp_path / "nothing")]) as reader:
        assert failure(reader, path).code is ErrorCode.GGUF_READER_DIED


def test_many_threads_share_one_child(reader: HeaderReader, tmp_path: Path) -> None:
    paths = [write_tiny_llama(tmp_path / f"{n}.gguf", n_layers=n) for n in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        layers = [summary.n_layers for summary in pool.map(reader.read, paths)]
    assert layers == list(range(1, 9))


# --- the cache


def test_what_is_known_needs_no_child(cache: Path, tmp_path: Path) -> None:
    good = write_tiny_llama(tmp_path / "tiny.gguf")
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"oops")
    with HeaderReader(cache) as reader:
        summary = reader.read(good)
        error = failure(reader, bad)
    with HeaderReader(cache, command=["/nothing"]) as reader:
        assert reader.read(good) == summary
        assert failure(reader, bad).to_dict() == error.to_dict()


def test_a_changed_file_is_read_again(reader: HeaderReader, tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", name="Before")
    assert reader.read(path).name == "Before"
    write_tiny_llama(path, name="After!")
    os.utime(path, ns=(1, 1))
    assert reader.read(path).name == "After!"


@pytest.mark.parametrize(
    "spoiled", [b"", b"{", b"[]", b"null", b'{"key": 1}', b"\xff" * 99, b"[" * 100_000]
)
def test_a_spoiled_entry_is_written_anew(cache: Path, tmp_path: Path, spoiled: bytes) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf")
    with HeaderReader(cache) as reader:
        summary = reader.read(path)
        (entry,) = cache.iterdir()
        whole = entry.read_bytes()
        entry.write_bytes(spoiled)
        assert reader.read(path) == summary
        assert entry.read_bytes() == whole


def test_an_entry_with_a_spoiled_value_is_written_anew(cache: Path, tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf")
    with HeaderReader(cache) as reader:
        summary = reader.read(path)
        (entry,) = cache.iterdir()
        spoiled: list[object] = [
            {},
            {"summary": []},
            {"summary": {"parameters": "x"}},
            {"error": 5},
        ]
        for value in spoiled:
            data = json.loads(entry.read_bytes())
            entry.write_text(json.dumps({**data, "value": value}))
            assert reader.read(path) == summary


def test_a_cache_that_cannot_be_written_breaks_nothing(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf")
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with HeaderReader(blocked / "headers") as reader:
        assert reader.read(path) == reader.read(path)


def test_the_childs_modules_stay_few() -> None:
    code = (
        "import sys, desktop.core.gguf.worker; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('asyncio', 'pydantic', 'numpy', 'subprocess', 'platformdirs', 'aiohttp', 'gguf')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_entries_are_private_to_no_one_and_whole(cache: Path, tmp_path: Path) -> None:
    with HeaderReader(cache) as reader:
        reader.read(write_tiny_llama(tmp_path / "tiny.gguf"))
    (entry,) = cache.iterdir()
    assert stat.S_ISREG(entry.stat().st_mode)
    assert json.loads(entry.read_bytes())["value"]["summary"]["architecture"] == "llama"
