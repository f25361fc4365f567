"""`paddock merge`, `split` and `join`: what they ask the service for, and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import FakeFace
from tests.unit.cli.test_cli_jobs import accept, job

Json = dict[str, Any]
MADE: Json = {"path": "/out/x.gguf", "size_bytes": 9 << 20, "seconds": 11.2}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def submitted(face: FakeFace) -> tuple[str, Json]:
    (asked,) = face.called("/jobs")
    return asked["kind"], asked["params"]


def test_merge(face: FakeFace, paddock: Paddock, here: Path) -> None:
    accept(face, job("done", kind="merge", result=MADE))
    ran = paddock(
        "merge", "m.gguf", "--lora", "a.gguf:0.5", "--lora", "c:b.gguf", "-o", "out/x.gguf"
    )
    assert ran.code == 0 and ran.out == "/out/x.gguf: 9.0 MiB, in 11 s\n"
    assert submitted(face) == ("merge", {
        "path": str(here / "m.gguf"), "output": str(here / "out" / "x.gguf"), "replace": False,
        "adapters": [
            {"path": str(here / "a.gguf"), "scale": 0.5},
            {"path": str(here / "c:b.gguf"), "scale": 1.0},
        ],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["--max-size", "2G"], {"max_bytes": 2_000_000_000}),
        (["--max-size", "1.5g"], {"max_bytes": 1_500_000_000}),
        (["--max-size", "500MB"], {"max_bytes": 500_000_000}),
        (["--max-tensors", "40"], {"max_tensors": 40}),
    ],
)
def test_split(face: FakeFace, paddock: Paddock, here: Path, words: list[str], asked: Json) -> None:
    parts = [f"/out/m-0000{number}-of-00002.gguf" for number in (1, 2)]
    accept(face, job("done", kind="split", result={**MADE, "path": parts[0], "paths": parts}))
    ran = paddock("split", "in/m.gguf", *words)
    assert ran.code == 0 and ran.out.splitlines() == parts and "2 parts" in ran.err
    source = here / "in" / "m.gguf"
    whole = {"path": str(source), "folder": str(source.parent), "replace": False}
    assert submitted(face) == ("split", {**whole, **asked})


def test_join(face: FakeFace, paddock: Paddock, here: Path) -> None:
    accept(face, job("done", kind="join", result=MADE))
    part = "m-00001-of-00002.gguf"
    assert paddock("join", part, "-o", "x.gguf", "--replace").code == 0
    assert submitted(face) == ("join", {
        "path": str(here / part), "output": str(here / "x.gguf"), "replace": True,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("base", "asked"),
    [("./model", {"base": "model"}), ("maker/model", {"base_repo": "maker/model"})],
)
def test_an_adapters_base(
    face: FakeFace, paddock: Paddock, here: Path, base: str, asked: Json
) -> None:
    accept(face, job("done", result={**MADE, "own_code": False}))
    assert paddock("convert", "./lora", "-o", "x.gguf", "--base", base).code == 0
    params = submitted(face)[1]
    wanted = {name: str(here / each) if name == "base" else each for name, each in asked.items()}
    assert {name: params[name] for name in params if name.startswith("base")} == wanted


@pytest.mark.parametrize(
    "words",
    [
        ["merge", "m.gguf", "-o", "x.gguf"],
        ["merge", "m.gguf", "--lora", "a.gguf"],
        ["split", "m.gguf"],
        ["split", "m.gguf", "--max-size", "2G", "--max-tensors", "4"],
        ["split", "m.gguf", "--max-size", "2"],
        ["split", "m.gguf", "--max-size", "0G"],
        ["join", "m.gguf"],
        ["convert", "--install-only", "--base", "x"],
    ],
)
def test_words_that_make_no_sense(paddock: Paddock, words: list[str]) -> None:
    assert paddock(*words).code == 2
