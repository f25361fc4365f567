"""Files made by the real tools: whole or not there, and marked with where they come from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.gguf.reader import HeaderReader
from quantize import make
from quantize.recipe import Recipe, plan
from tests.helpers.told import Told

Tools = Callable[[str], Path]


@pytest.fixture
def source(whole: Path) -> make.Source:
    digest = make.sha256_of(whole, CancelToken())
    return make.Source(whole, digest, quantized=False, size_bytes=whole.stat().st_size)


def test_a_file_is_made_as_planned(
    tools: Tools, source: make.Source, tmp_path: Path, told: Told
) -> None:
    target = tmp_path / "out" / "guide-Q4_K_M.gguf"
    recipe = Recipe("Q4_K_M")
    planned = plan(tools("llama-quantize"), source.path, recipe, CancelToken())
    made = make.make(
        tools("llama-quantize"), source, target, recipe, provenance={"engine": "x"},
        reporter=told, cancel=CancelToken(),
    )  # fmt: skip
    assert made.size_bytes == target.stat().st_size
    assert 0 < made.size_bytes - planned.size_bytes < 1 << 20, "the header is what is more"
    assert [step.done for step in told.steps] == sorted(step.done for step in told.steps)
    assert told.steps[-1].done == told.steps[-1].total == planned.tensors
    with HeaderReader(tmp_path / "headers", work_root=tmp_path) as reader:
        assert reader.read(target).quant_type == "Q4_K_M"
        kept = reader.read_values(target)
    facts = json.loads(make.sidecar_of(target).read_text("utf-8"))
    assert facts["made_from"] == {"source_sha256": source.sha256, "engine": "x"}
    assert source.sha256.encode() in target.read_bytes()[:200_000], kept.keys()
    left = [path.name for path in target.parent.iterdir()]
    assert sorted(left) == [target.name, make.sidecar_of(target).name]


class _CancelAt(NamedTuple):
    """Cancels at the first progress, in the middle of the work."""

    cancel: CancelToken

    def progress(self, progress: Progress) -> None:
        self.cancel.cancel()

    def log(self, line: str) -> None:
        return None


def test_a_cancel_in_the_middle_leaves_nothing(
    tools: Tools, source: make.Source, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "guide.gguf"
    cancel = CancelToken()
    with pytest.raises(AppError) as caught:
        make.make(
            tools("llama-quantize"), source, target, Recipe("IQ4_XS"),
            reporter=_CancelAt(cancel), cancel=cancel,
        )  # fmt: skip
    assert caught.value.code is ErrorCode.CANCELLED
    assert list(target.parent.iterdir()) == []


def test_a_file_that_was_there_stays_when_another_one_fails(
    tools: Tools, source: make.Source, tmp_path: Path, told: Told
) -> None:
    target = tmp_path / "guide.gguf"
    target.write_bytes(b"precious")
    with pytest.raises(AppError) as caught:
        make.make(
            tools("llama-quantize"), source, target, Recipe("Q4_K_M"),
            imatrix=tmp_path / "none.gguf", reporter=told, cancel=CancelToken(),
        )  # fmt: skip
    assert caught.value.code is ErrorCode.ENGINE_TOOL_FAILED
    assert target.read_bytes() == b"precious" and list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_told_with_the_need(
    tools: Tools,
    source: make.Source,
    tmp_path: Path,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=5 << 20)
    monkeypatch.setattr(make.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(AppError) as caught:
        make.make(
            tools("llama-quantize"), source, tmp_path / "x.gguf", Recipe("Q8_0"),
            reporter=told, cancel=CancelToken(),
        )  # fmt: skip
    assert caught.value.code is ErrorCode.DISK_FULL
    assert "GiB are needed" in str(caught.value.params["reason"])
    assert list(tmp_path.iterdir()) == []


def test_a_quantized_source_needs_leave(source: make.Source) -> None:
    again = make.Source(source.path, source.sha256, quantized=True, size_bytes=1)
    with pytest.raises(AppError) as caught:
        make.check_source(again, requantize=False)
    assert caught.value.code is ErrorCode.QUANTIZE_AGAIN
    make.check_source(again, requantize=True)
    make.check_source(source, requantize=False)
