"""The engine's benchmarks: recorded output, and a real short run."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.engine.bench_tool import (
    parse_batched,
    parse_bench,
    parse_progress,
    run_batched_bench,
    run_llama_bench,
)
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress

DATA = Path(__file__).parents[2] / "data" / "engine"
SETTINGS = LoadSettings(threads=1)


class Heard(NullReporter):
    def __init__(self, cancel: CancelToken | None = None) -> None:
        self.steps: list[Progress] = []
        self._cancel = cancel

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)
        if self._cancel is not None:
            self._cancel.cancel()


def test_recorded_rows() -> None:
    rows = parse_bench((DATA / "bench_cpu.jsonl").read_bytes())
    assert [(r.test, r.tokens, r.depth) for r in rows] == [
        ("prefill", 64, 0),
        ("prefill", 128, 0),
        ("decode", 16, 0),
        ("prefill", 64, 32),
        ("prefill", 128, 32),
        ("decode", 16, 32),
    ]
    first = rows[0]
    assert first.tokens_per_second == pytest.approx(43900.563127)
    assert first.stddev == pytest.approx(24515.815189)
    assert len(first.samples) == 3
    assert first.build["build_commit"] == "0c1e570" and first.build["backends"] == "CPU"
    assert first.settings["n_threads"] == 2
    assert first.to_dict()["concurrency"] == 1


def test_a_cut_line_and_other_output_are_left_out() -> None:
    raw = (DATA / "bench_cpu.jsonl").read_bytes()
    assert len(parse_bench(b"| a table |\n" + raw[:-40])) == 5


def test_recorded_rows_of_many_sequences() -> None:
    rows = parse_batched((DATA / "batched_bench_cpu.jsonl").read_bytes())
    assert [r.concurrency for r in rows] == [1, 2, 4]
    assert rows[0].decode_tokens_per_second == pytest.approx(1356.62207)
    assert rows[0].prefill_tokens_per_second == pytest.approx(37647.058594)


def test_recorded_progress_only_goes_forward() -> None:
    lines = (DATA / "bench_cpu.progress").read_bytes().splitlines()
    steps = [step for line in lines if (step := parse_progress(line, 3)) is not None]
    done = [step[0] for step in steps]
    assert done == sorted(done)
    assert done[0] == 0 and done[-1] == 23
    assert {step[1] for step in steps} == {24}
    assert steps[-1][2] == "decode, test 6 of 6"


def test_a_real_run(runtime: Runtime, tiny: Path) -> None:
    heard = Heard()
    rows = run_llama_bench(
        runtime,
        tiny,
        prompts=(8,),
        gens=(4,),
        depths=(0, 16),
        repetitions=2,
        settings=SETTINGS,
        reporter=heard,
        cancel=CancelToken(),
    )
    assert [(r.test, r.tokens, r.depth) for r in rows] == [
        ("prefill", 8, 0),
        ("decode", 4, 0),
        ("prefill", 8, 16),
        ("decode", 4, 16),
    ]
    assert all(r.tokens_per_second > 0 and len(r.samples) == 2 for r in rows)
    done = [s.done for s in heard.steps]
    assert done == sorted(done) and done[-1] == heard.steps[-1].total == 12


def test_a_real_run_of_many_sequences(runtime: Runtime, tiny: Path) -> None:
    heard = Heard()
    rows = run_batched_bench(
        runtime,
        tiny,
        concurrency=(1, 3),
        prompt_tokens=64,
        gen_tokens=32,
        settings=SETTINGS,
        reporter=heard,
        cancel=CancelToken(),
    )
    assert [r.concurrency for r in rows] == [1, 3]
    assert all(r.decode_tokens_per_second > 0 for r in rows)
    assert heard.steps[-1].done == heard.steps[-1].total == 2


def test_a_broken_model_and_a_stopped_run(runtime: Runtime, tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny.read_bytes()[:-100_000])

    def run(model: Path, cancel: CancelToken, repetitions: int = 1) -> None:
        run_llama_bench(
            runtime,
            model,
            prompts=(512,),
            gens=(128,),
            repetitions=repetitions,
            settings=SETTINGS,
            reporter=Heard(cancel),
            cancel=CancelToken() if model == broken else cancel,
        )

    with pytest.raises(AppError) as caught:
        run(broken, CancelToken())
    assert caught.value.code in (ErrorCode.ENGINE_TOOL_FAILED, ErrorCode.ENGINE_CORRUPT_MODEL)
    with pytest.raises(AppError) as caught:
        run(tiny, CancelToken(), repetitions=10_000)
    assert caught.value.code is ErrorCode.CANCELLED
