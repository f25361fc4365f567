"""The job that makes quantized files, with the real tools."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.jobs.handlers.quantize import QuantizeKind
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths, demo_model
from quantize import imatrix
from tests.helpers.told import Told
from tests.unit.jobs.quantizing import (
    TEXT,
    CancelAt,
    Converts,
    Json,
    asked,
    begin,
    code_of,
    names_in,
)


def test_it_goes_on_from_its_last_whole_step(
    kind: QuantizeKind, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    params = asked(whole, folder, types=["Q8_0", "Q4_0"], evaluate=str(TEXT), chunks=2)
    cancel, done = CancelToken(), {}

    def finished(name: str, value: Any) -> None:
        done[name] = value
        if name == "quantize Q8_0":
            cancel.cancel()

    with pytest.raises(AppError):
        kind.run(begin(kind, params, cancel=cancel, finished=finished))
    first = folder / "guide-Q8_0.gguf"
    before = first.stat().st_ino
    assert not (folder / "guide-Q4_0.gguf").exists()
    again = begin(kind, {**params, "replace": True}, done=done)
    again.params = params
    result = kind.run(again)
    assert first.stat().st_ino == before, "what was finished is not made again"
    assert [each["quant_type"] for each in result["outputs"]] == ["Q8_0", "Q4_0"]


@pytest.mark.parametrize(
    "at",
    [
        ("importance matrix", 8), ("quantizing", 5), ("measuring speed", 1),
        ("trying how fast", 1), ("evaluating the whole", 2), ("evaluating guide", 2),
    ],
)  # fmt: skip
def test_a_cancel_at_any_step_leaves_nothing_half(
    kind: QuantizeKind, whole: Path, tmp_path: Path, plain_home: Paths, at: tuple[str, int]
) -> None:
    folder = tmp_path / "out"
    params = asked(
        whole, folder, imatrix=str(TEXT), evaluate=str(TEXT), chunks=12, budget_seconds=600
    )
    cancel = CancelToken()
    told = CancelAt(cancel, *at)
    context = begin(kind, params, cancel=cancel, told=told)
    assert code_of(lambda: kind.run(context)).code is ErrorCode.CANCELLED
    kind.cancelled(params, context.done)
    assert any(step.what.startswith(at[0]) for step in told.steps)
    finished = ["guide-Q4_K_M.gguf", "guide-Q4_K_M.gguf.made.json"]
    assert names_in(folder) in ([], finished)
    assert all(
        path.suffix in (".logits", ".gguf", ".json") for path in plain_home.cache.rglob("*-*")
    )
    assert not list(plain_home.cache.rglob("*.part*")) and not list(tmp_path.rglob("*.unfinished"))


def test_a_killed_matrix_goes_on_from_its_last_part(
    kind: QuantizeKind, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imatrix, "PART_SECONDS", 0.0)
    params = asked(whole, tmp_path / "out", imatrix=str(TEXT), chunks=40)
    cancel = CancelToken()
    context = begin(kind, params, cancel=cancel, told=CancelAt(cancel, "importance", 16))
    assert code_of(lambda: kind.run(context)).code is ErrorCode.CANCELLED

    told = Told()
    again = begin(kind, params, done=context.done, told=told)
    kind.run(again)
    steps = [step.done for step in told.steps if step.what == "importance matrix"]
    assert steps == [16, 24, 32, 40], "what was computed before is not computed again"
    matrix = Path(again.done["matrix"])
    assert imatrix.chunks_of(matrix) == 40
    at_once = tmp_path / "at-once.gguf"
    monkeypatch.setattr(imatrix, "FIRST_CHUNKS", 1000)
    runner = environment_folder()
    assert runner is not None
    imatrix.compute(
        runner / "bin" / "llama-imatrix", whole, TEXT, at_once, chunks=40, threads=2,
        reporter=Told(), cancel=CancelToken(),
    )  # fmt: skip
    assert _numbers(matrix) == _numbers(at_once), "each chunk counts once, for each tensor"


def _numbers(path: Path) -> bytes:
    """All a matrix counts: what lies behind its header."""
    from desktop.core.gguf.local import read_header

    header = read_header(path)
    assert header.tensors
    return path.read_bytes()[header.data_offset :]


def test_two_jobs_on_one_output(kind: QuantizeKind, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first, second = begin(kind, asked(whole, folder)), begin(kind, asked(whole, folder))
    other = begin(kind, asked(whole, folder, imatrix=str(TEXT), chunks=8))
    kind.run(first)
    target = folder / "guide-Q4_K_M.gguf"
    before = target.stat().st_ino
    assert kind.run(second)["outputs"] == kind.run(first)["outputs"], "the same is taken"
    error = code_of(lambda: kind.run(other))
    assert error.code is ErrorCode.OUTPUT_EXISTS, "another one is not replaced unasked"
    assert target.stat().st_ino == before
    target.write_bytes(target.read_bytes() + b"more")
    third = JobContext(second.job, Told(), CancelToken(), lambda name, value: None)
    assert code_of(lambda: kind.run(third)).code is ErrorCode.OUTPUT_EXISTS


def test_a_source_that_changes_between_steps_is_noticed(
    kind: QuantizeKind, whole: Path, tmp_path: Path
) -> None:
    source, folder = tmp_path / "mine-f16.gguf", tmp_path / "out"
    shutil.copyfile(whole, source)

    def finished(name: str, value: Any) -> None:
        if name == "quantize Q8_0":
            os.utime(source, ns=(1, 1))

    params = asked(source, folder, types=["Q8_0", "Q4_0"])
    error = code_of(lambda: kind.run(begin(kind, params, finished=finished)))
    assert error.code is ErrorCode.SOURCE_CHANGED and str(source) in error.title
    assert names_in(folder) == ["mine-Q8_0.gguf", "mine-Q8_0.gguf.made.json"]


def test_where_things_lie_here_is_told_to_nobody(
    kind: QuantizeKind, whole: Path, tmp_path: Path, plain_home: Paths
) -> None:
    text = tmp_path / "private" / "mine.txt"
    text.parent.mkdir()
    shutil.copyfile(TEXT, text)
    kind.run(begin(kind, asked(whole, tmp_path / "out", imatrix=str(text), chunks=3)))
    made = (tmp_path / "out" / "guide-Q4_K_M.gguf").read_bytes()
    assert b"mine.txt" in made and str(tmp_path).encode() not in made
    assert str(plain_home.cache).encode() not in made


def test_a_checkpoint_is_converted_first(
    kind: QuantizeKind, converts: Converts, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    checkpoint = {"path": str(tmp_path / "guide-1.5"), "type": "f16"}
    params = {"checkpoint": checkpoint, "folder": str(folder), "types": ["Q4_0", "Q8_0"]}
    cancel, done = CancelToken(), {}

    def finished(name: str, value: Any) -> None:
        done[name] = value
        if name == "quantize Q4_0":
            cancel.cancel()

    context = begin(kind, params, cancel=cancel, finished=finished)
    assert context.job.steps == [
        "checkpoint toolkit", "checkpoint hash", "checkpoint convert", "hash", "quantize Q4_0",
        "quantize Q8_0",
    ]  # fmt: skip
    assert kind.needs_after(params, set()) == {"toolkit"}
    assert kind.needs_after(params, {"checkpoint toolkit"}) == {"cpu", "toolkit"}
    assert kind.needs_after(params, {"checkpoint toolkit", "checkpoint convert"}) == {"cpu"}
    with pytest.raises(AppError):
        kind.run(context)
    again = JobContext(context.job, Told(), CancelToken(), lambda name, value: None)
    again.done.update(done)
    result = kind.run(again)
    assert converts.runs == 1 and result["source"] == str(folder / "guide-1.5-F16.gguf")
    assert [Path(each["path"]).name for each in result["outputs"]] == [
        "guide-1.5-Q4_0.gguf", "guide-1.5-Q8_0.gguf",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"types": ["IQ2_XXS"]}, ErrorCode.IMATRIX_NEEDED),
        ({"types": ["NOPE"]}, ErrorCode.SETTING_INVALID),
        ({"types": []}, ErrorCode.SETTING_INVALID),
        ({"types": "Q4_0"}, ErrorCode.BAD_REQUEST),
        ({"path": "/nowhere.gguf"}, ErrorCode.PATH_NOT_FOUND),
        ({"path": str(demo_model())}, ErrorCode.QUANTIZE_AGAIN),
        ({"evaluate": "/nowhere.txt"}, ErrorCode.PATH_NOT_FOUND),
        ({"name": "../x"}, ErrorCode.BAD_REQUEST),
        ({"folder": None}, ErrorCode.BAD_REQUEST),
        ({"types": ["Q4_0"], "recipes": [{"quant_type": "Q4_0"}]}, ErrorCode.BAD_REQUEST),
        ({"recipes": [{"quant_type": "Q4_0", "name": "a/b"}]}, ErrorCode.SETTING_INVALID),
        ({"checkpoint": {"path": "x"}}, ErrorCode.BAD_REQUEST),
        ({"chunks": 0}, ErrorCode.BAD_REQUEST),
        ({"budget_seconds": float("nan")}, ErrorCode.BAD_REQUEST),
        ({"compare": [str(demo_model())]}, ErrorCode.BAD_REQUEST),
        ({"compare": ["/nowhere.gguf"], "evaluate": str(TEXT)}, ErrorCode.PATH_NOT_FOUND),
    ],
)
def test_wrong_requests_are_refused_at_once(
    kind: QuantizeKind, whole: Path, tmp_path: Path, change: Json, code: ErrorCode
) -> None:
    params = {**asked(whole, tmp_path), **change}
    assert code_of(lambda: kind.plan(params)).code is code


@pytest.mark.parametrize("name", ["imatrix", "evaluate"])
def test_a_text_that_is_too_short_is_told_before_anything_is_made(
    kind: QuantizeKind, whole: Path, tmp_path: Path, name: str
) -> None:
    short = tmp_path / "short.txt"
    short.write_text("Too short.", encoding="utf-8")
    params = asked(whole, tmp_path / "out", **{name: str(short)})
    error = code_of(lambda: kind.run(begin(kind, params)))
    assert error.code is ErrorCode.TEXT_TOO_SHORT and "1024 are needed" in error.cause
    assert not (tmp_path / "out").exists()
