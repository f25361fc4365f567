"""`paddock convert`: what it asks the service for, and what it says of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import FakeFace
from tests.unit.cli.test_cli_jobs import accept, job

RESULT = {
    "path": "/out/x.gguf", "type": "f16", "size_bytes": 9 << 20, "seconds": 11.2,
    "projector": False, "own_code": True, "made_from": {},
}  # fmt: skip
STATE: dict[str, Any] = {
    "installed": True, "engine": "0.3.36", "folder": "/data/toolkit", "size_bytes": 946_000_000,
    "freed_bytes": 0,
}  # fmt: skip


def test_a_conversion_is_a_job_that_is_followed(
    face: FakeFace, paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    accept(face, job("done", result=RESULT))
    ran = paddock("convert", "model", "-o", "x.gguf", "--type", "f16")
    assert ran.code == 0 and ran.out == "/out/x.gguf: 9.0 MiB, in 11 s\n"
    assert "which was not run" in ran.err
    (submitted,) = face.called("/jobs")
    assert submitted["kind"] == "convert"
    assert submitted["params"] == {
        "path": str(tmp_path / "model"), "output": str(tmp_path / "x.gguf"), "type": "f16",
        "projector": False, "allow_pickle": False, "replace": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("option", "asked", "words"),
    [
        ("--install-only", ({}, STATE), "/data/toolkit: for engine 0.3.36, 902 MiB"),
        (
            "--remove-toolkit",
            ({"remove": True}, {**STATE, "installed": False, "freed_bytes": 1 << 30}),
            "Removed: 1.0 GiB",
        ),
    ],
)
def test_the_toolkit_by_itself(
    face: FakeFace, paddock: Paddock, option: str, asked: tuple[object, object], words: str
) -> None:
    params, state = asked
    accept(face, job("done", kind="toolkit", result=state))
    ran = paddock("convert", option)
    assert ran.code == 0 and ran.out.startswith(words), ran.out
    (submitted,) = face.called("/jobs")
    assert (submitted["kind"], submitted["params"]) == ("toolkit", params)


@pytest.mark.parametrize(
    "words",
    [["DIR"], ["-o", "x.gguf"], ["DIR", "--install-only"], ["--install-only", "--remove-toolkit"]],
)
def test_words_that_make_no_sense(paddock: Paddock, words: list[str]) -> None:
    assert paddock("convert", *words).code == 2


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one is in; there is `here/name` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here" / "name").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "expected"),
    [("maker/name", "repo"), ("here/name", "path"), ("./maker/name", "path"), ("name", "path")],
)
def test_a_folder_that_is_there_comes_before_a_repository(
    face: FakeFace, paddock: Paddock, here: Path, source: str, expected: str
) -> None:
    accept(face, job("done", result=RESULT))
    assert paddock("convert", source, "-o", "x.gguf").code == 0
    (submitted,) = face.called("/jobs")
    given = submitted["params"]
    value = {"repo": source, "path": str(here / source)}[expected]
    assert given[expected] == value and len({"repo", "path"} & set(given)) == 1
