"""The job that makes quantized files and measures what they lost, with the real tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers.quantize import QuantizeKind
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job, JobState
from desktop.core.paths import Paths, demo_model, paths
from quantize import evaluate, tool

ROOT = Path(__file__).resolve().parents[3]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def whole(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "guide-f16.gguf"
    command = [runtime.tool("llama-quantize"), "--allow-requantize", demo_model(), path, "F16"]
    tool.run(command, CancelToken())
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text((ROOT / "ARCHITECTURE.md").read_text("utf-8")[:12_000], encoding="utf-8")
    return path


@pytest.fixture
def kind(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QuantizeKind:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "home"))
    where: Paths = paths().ensure()

    def read(path: Path) -> ModelSummary:
        with HeaderReader(where.cache / "headers", work_root=where.work) as reader:
            return reader.read(path)

    return QuantizeKind(
        where, read=read, current_runtime=lambda: runtime, wait_idle=lambda cancel: None
    )


def begin(
    kind: QuantizeKind,
    params: Json,
    done: Json | None = None,
    cancel: CancelToken | None = None,
    finished: Callable[[str, Any], None] = lambda name, value: None,
) -> JobContext:
    job = Job(
        id=7, kind="quantize", params=params, state=JobState.RUNNING, steps=kind.plan(params),
        done=done or {}, progress=None, result=None, error=None, created=0.0, started=None,
        finished=None, position=7.0,
    )  # fmt: skip
    return JobContext(job, NullReporter(), cancel or CancelToken(), finished)


def test_loss_rises_as_bits_fall(kind: QuantizeKind, whole: Path, text: Path) -> None:
    folder = text.parent / "out"
    params = {
        "path": str(whole), "folder": str(folder), "types": ["Q8_0", "Q4_K_M", "Q2_K"],
        "imatrix": str(text), "evaluate": str(text), "chunks": 3,
    }  # fmt: skip
    context = begin(kind, params)
    assert context.job.steps == [
        "hash", "imatrix", "quantize Q8_0", "quantize Q4_K_M", "quantize Q2_K", "base",
        "evaluate Q8_0", "evaluate Q4_K_M", "evaluate Q2_K",
    ]  # fmt: skip
    result = kind.run(context)
    outputs = result["outputs"]
    losses = [each["kld_mean"] for each in outputs]
    assert 0 <= losses[0] < losses[1] < losses[2]
    sizes = [each["size_bytes"] for each in outputs]
    assert sizes == sorted(sizes, reverse=True)
    assert outputs[0]["same_top_rate"] > outputs[2]["same_top_rate"] > 0.3
    assert all(each["decode_tokens_per_second"] > 0 for each in outputs)
    names = ["guide-Q2_K.gguf", "guide-Q4_K_M.gguf", "guide-Q8_0.gguf"]
    assert sorted(path.name for path in folder.glob("*.gguf")) == names
    with pytest.raises(AppError) as caught:
        kind.plan(params)
    assert caught.value.code is ErrorCode.OUTPUT_EXISTS


def test_it_goes_on_from_its_last_whole_step(
    kind: QuantizeKind, whole: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = text.parent / "out"
    params = {"path": str(whole), "folder": str(folder), "types": ["Q8_0", "Q4_0"]}
    params |= {"evaluate": str(text), "chunks": 2}
    cancel, done = CancelToken(), {}

    def finished(name: str, value: Any) -> None:
        done[name] = value
        if name == "quantize Q8_0":
            cancel.cancel()

    with pytest.raises(AppError):
        kind.run(begin(kind, params, cancel=cancel, finished=finished))
    first = folder / "guide-Q8_0.gguf"
    before = first.stat().st_mtime_ns
    assert not (folder / "guide-Q4_0.gguf").exists()
    monkeypatch.setattr(evaluate, "TRIES", 1)
    again = begin(kind, {**params, "replace": True}, done=done)
    result = kind.run(again)
    assert first.stat().st_mtime_ns == before, "what was finished is not made again"
    assert [each["quant_type"] for each in result["outputs"]] == ["Q8_0", "Q4_0"]
    assert not Path(done["work"]).exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"types": ["IQ2_XXS"]}, ErrorCode.IMATRIX_NEEDED),
        ({"types": ["NOPE"]}, ErrorCode.SETTING_INVALID),
        ({"types": []}, ErrorCode.SETTING_INVALID),
        ({"path": "/nowhere.gguf"}, ErrorCode.PATH_NOT_FOUND),
        ({"path": str(demo_model())}, ErrorCode.QUANTIZE_AGAIN),
        ({"evaluate": "/nowhere.txt"}, ErrorCode.PATH_NOT_FOUND),
        ({"name": "../x"}, ErrorCode.BAD_REQUEST),
        ({"folder": None}, ErrorCode.BAD_REQUEST),
        ({"recipes": [{"quant_type": "Q4_0"}]}, ErrorCode.BAD_REQUEST),
    ],
)
def test_wrong_requests_are_refused_at_once(
    kind: QuantizeKind, whole: Path, tmp_path: Path, change: Json, code: ErrorCode
) -> None:
    params = {"path": str(whole), "folder": str(tmp_path), "types": ["Q4_0"], **change}
    with pytest.raises(AppError) as caught:
        kind.plan(params)
    assert caught.value.code is code


def test_a_text_that_is_too_short_is_told_and_leaves_nothing(
    kind: QuantizeKind, whole: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.txt"
    short.write_text("Too short.", encoding="utf-8")
    params = {"path": str(whole), "folder": str(tmp_path / "out"), "types": ["Q4_0"]}
    with pytest.raises(AppError) as caught:
        kind.run(begin(kind, {**params, "imatrix": str(short)}))
    assert caught.value.code is ErrorCode.TEXT_TOO_SHORT
    assert not (tmp_path / "out").exists()
