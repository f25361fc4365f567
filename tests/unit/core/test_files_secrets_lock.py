"""Atomic files, secrets in a private file, and the lock of the service."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import set_aside, write_atomic
from desktop.core.secrets import FileBackend, Secrets
from desktop.core.service.lock import STALE_SECONDS, ServiceLock


def test_write_replaces_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "file"
    write_atomic(path, b"old", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AppError) as caught:
        write_atomic(path, b"new")
    assert caught.value.code is ErrorCode.DISK_FULL
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_set_aside_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "file"
    names = set()
    for content in (b"1", b"2", b"3"):
        path.write_bytes(content)
        names.add(set_aside(path, "damaged"))
    assert sorted(p.read_bytes() for p in names) == [b"1", b"2", b"3"]


def test_secrets_lie_in_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    secrets = Secrets(lambda: FileBackend(path))
    assert secrets.get("hub_token") is None
    secrets.set("hub_token", "s3cret")
    secrets.set("remote:lab", "other")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Secrets(lambda: FileBackend(path)).get("hub_token") == "s3cret"
    secrets.delete("hub_token")
    assert secrets.get("hub_token") is None and secrets.get("remote:lab") == "other"
    with pytest.raises(AppError) as caught:
        secrets.set("hub_tokn", "x")
    assert caught.value.code is ErrorCode.SECRET_UNKNOWN


def test_second_service_is_refused_with_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "service.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from desktop.core.service.lock import *;"
            "lock = ServiceLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True);"
            "sys.stdin.read()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None and holder.stdin is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AppError) as caught:
        ServiceLock(path).acquire()
    assert caught.value.code is ErrorCode.SERVICE_LOCKED
    assert caught.value.params["pid"] == holder.pid
    holder.kill()  # a lock dies with its process, however it dies
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    lock = ServiceLock(path)
    lock.acquire()
    lock.release()


def test_another_machine_is_refused_while_its_heartbeat_is_fresh(tmp_path: Path) -> None:
    path = tmp_path / "service.lock"
    there = ServiceLock(path, host="elsewhere")
    there.acquire()
    # What a second machine sees of a shared home whose locks do not reach it: the file alone.
    shared = tmp_path / "shared.lock"
    shared.write_bytes(path.read_bytes())
    with pytest.raises(AppError) as caught:
        ServiceLock(shared, host="here").acquire()
    assert caught.value.code is ErrorCode.SERVICE_OTHER_HOST
    assert caught.value.params["host"] == "elsewhere"
    old = time.time() - STALE_SECONDS - 1
    os.utime(shared, (old, old))
    here = ServiceLock(shared, host="here")
    here.acquire()
    here.release()
    there.release()
