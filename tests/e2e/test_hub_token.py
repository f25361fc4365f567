"""The hub's token: stored by the service, used by commands in their own process, seen by nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.hub import LocalHub
from tests.helpers.service import RunningService, running_service

REPO = "lab/Hidden-GGUF"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        hub.add_repo(REPO, {"h-Q4_0.gguf": b"GGUF"}, private=True)
        yield hub


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    with running_service(tmp_path / "home") as running:
        yield running


def run(home: Path, hub: LocalHub, *words: str, typed: str = "") -> tuple[int, Any, str]:
    done = subprocess.run(
        [sys.executable, "-m", "desktop.cli", *words, "--json"],
        env={
            **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
            "PADDOCK_HOME": str(home),
            "HF_ENDPOINT": hub.url,
        },
        input=typed,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_stored_token_opens_what_is_private(
    service: RunningService, hub: LocalHub, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    info = ("info", REPO, "--no-fit")
    code, document, _ = run(home, hub, *info)
    assert code == 1 and document["error"]["code"] == "remote_not_found"
    code, document, err = run(home, hub, "hub-token", typed=f"{hub.token}\n")
    assert code == 0 and document == {"stored": True, "backend": "file"}
    assert hub.token not in err
    (kept,) = home.rglob("secrets.json")
    assert hub.token in kept.read_text() and kept.stat().st_mode & 0o777 == 0o600
    code, document, _ = run(home, hub, *info)
    assert code == 0 and document["private"]
    assert [quant["label"] for quant in document["quants"]] == ["Q4_0"]
    code, document, _ = run(home, hub, "hub-token", "--remove")
    assert code == 0 and not document["stored"]
    code, document, _ = run(home, hub, *info)
    assert code == 1
    written = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in written)
    assert all(hub.token.encode() not in path.read_bytes() for path in written)


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind is not there")
def test_what_is_typed_is_not_shown(service: RunningService, hub: LocalHub, tmp_path: Path) -> None:
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "desktop.cli", "hub-token"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PADDOCK_HOME": str(tmp_path / "home")},
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    shown = b""
    while b"unseen" not in shown:  # echoing is off by then
        piece = process.stderr.read(1)
        assert piece, shown
        shown += piece
    os.write(terminal, b"hf_typed_by_hand\n")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    os.set_blocking(terminal, False)
    try:
        shown += os.read(terminal, 1000)
    except BlockingIOError:  # nothing was echoed
        shown += b""
    os.close(end)
    os.close(terminal)
    assert b"stored" in out and b"hf_typed" not in shown + out + err
    assert "hf_typed_by_hand" in (tmp_path / "home" / "data" / "secrets.json").read_text()
