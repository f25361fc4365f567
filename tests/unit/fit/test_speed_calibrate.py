"""Measuring: rounds, budget, what is left out, cancelling; and once with the real engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.bench_tool import BenchRow
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.fit.speed_calibrate import Measurement, Target, settings_of
from desktop.core.fit.speed_models import TYPES, write_model
from desktop.core.fit.speed_plan import CalibrationPlan, Point, plan
from desktop.core.gguf.local import read_header
from desktop.core.gguf.synthetic import SyntheticModel
from desktop.core.gguf.write import tensor_bytes
from tests.unit.bench import fakes

K = SyntheticModel("Q4_K", 2, 256, 512, 4, 2)
PLAN = CalibrationPlan(
    (
        Point("narrow layers", "layers", replace(K, layers=6)),
        Point("narrow", "layers", replace(K, layers=3, hidden=512, heads=8)),
        Point("type Q4_K", "type", replace(K, layers=3, feed_forward=1024)),
        Point("depth f16", "depth", replace(K, layers=3, hidden=512, heads=8), 256),
        Point("type IQ2_XS", "type", replace(K, type_name="IQ2_XS"), rare=True),
    ),
    64,
    8,
)
TARGET = Target("cpu", "A CPU × 2", "1 abc", 2)


class Recorder:
    def __init__(self) -> None:
        self.told: list[Progress] = []
        self.lines: list[str] = []

    def progress(self, progress: Progress) -> None:
        self.told.append(progress)

    def log(self, line: str) -> None:
        self.lines.append(line)


class Bench:
    """llama-bench as a clock: every call takes `seconds`, and says which model it was asked for."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.asked: list[tuple[int, int, str]] = []
        self.prompts: list[int] = []  # tokens of each call's prompt
        self.during: Callable[[], None] = lambda: None

    def clock(self) -> float:
        return self.now

    def __call__(self, runtime: Runtime, model: Path, **options: Any) -> list[BenchRow]:
        self.now += self.seconds
        layers = read_header(model).values["llama.block_count"]
        settings = options["settings"]
        self.asked.append((layers, options["depths"][-1], settings.kv_type_k))
        self.during()
        options["cancel"].raise_if_cancelled()
        tokens, gens = sum(options["prompts"]), options["gens"][0]
        self.prompts.append(tokens)
        # one repetition of three is disturbed, and so is every third call
        slow = 0.5 if len(self.asked) % 3 == 0 else 1.0
        rows = []
        for depth in options["depths"]:
            prefill, decode = (speed / layers / (2 if depth else 1) for speed in (1000.0, 100.0))
            rates = (decode * slow, decode, 1.0)
            rows.append(BenchRow("decode", gens, depth, 90.0, 1.0, rates, "now"))
            if tokens:
                rates = (prefill, prefill, 1.0)
                rows.append(BenchRow("prefill", tokens, depth, 900.0, 1.0, rates, "now"))
        return rows


def measurement(
    bench: Bench, recorder: Recorder, cancel: CancelToken | None = None, budget: float = 100.0
) -> Measurement:
    return Measurement(
        fakes.runtime(),
        TARGET,
        PLAN,
        recorder,
        cancel or CancelToken(),
        budget_seconds=budget,
        bench=bench,
        clock=bench.clock,
    )


def test_rounds_are_interleaved_and_the_median_counts(tmp_path: Path) -> None:
    bench, recorder = Bench(), Recorder()
    found = measurement(bench, recorder).measure(tmp_path)
    # Nine rounds of five points, every second one of generated tokens alone; a rare type's prompt
    # is measured in the first.
    assert bench.prompts == [64] * 5 + ([0] * 5 + [64] * 4) * 4
    assert bench.asked[:5] == bench.asked[5:10]
    by_name = {each.point.name: each for each in found}
    assert by_name["narrow layers"].decode_seconds == pytest.approx(6 / 100)
    assert by_name["narrow layers"].prefill_seconds == pytest.approx(6 / 1000)
    assert by_name["narrow layers"].flat_decode_seconds is None
    deep = by_name["depth f16"]
    assert deep.prefill_seconds == pytest.approx(6 / 1000)
    assert deep.flat_prefill_seconds == pytest.approx(3 / 1000)
    assert deep.flat_decode_seconds == pytest.approx(3 / 100)
    assert list(tmp_path.iterdir()) == []  # the models are gone


def test_it_ends_within_its_budget(tmp_path: Path) -> None:
    bench, recorder = Bench(seconds=3.0), Recorder()
    measurement(bench, recorder, budget=40.0).measure(tmp_path)
    assert len(bench.asked) == 13  # two rounds of five, and the three most important ones again
    assert bench.asked[10:] == bench.asked[:3]
    assert bench.now <= 40
    assert all(told.total == 40.0 and told.done <= 40.0 for told in recorder.told)
    assert recorder.told[-1].done == 40.0


def test_a_slow_machine_leaves_out_what_comes_last(tmp_path: Path) -> None:
    bench = Bench(seconds=12.0)
    found = measurement(bench, Recorder(), budget=40.0).measure(tmp_path)
    assert [each.point.name for each in found] == [point.name for point in PLAN.points[:4]]


def test_a_type_the_engine_refuses_is_left_out(tmp_path: Path) -> None:
    bench, recorder = Bench(), Recorder()

    def refuse() -> None:
        if bench.asked[-1][0] == 2:
            raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason="no kernel")

    bench.during = refuse
    found = measurement(bench, recorder).measure(tmp_path)
    assert "type IQ2_XS" not in {each.point.name for each in found}
    assert recorder.lines == ["type IQ2_XS: left out. llama-bench failed. no kernel"]
    assert sum(asked[0] == 2 for asked in bench.asked) == 1  # it is not asked again


def test_where_nothing_runs_the_engines_reason_is_told(tmp_path: Path) -> None:
    bench = Bench()

    def refuse() -> None:
        raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason="bad engine")

    bench.during = refuse
    with pytest.raises(AppError, match="bad engine"):
        measurement(bench, Recorder()).measure(tmp_path)


def test_it_can_be_stopped_and_leaves_nothing(tmp_path: Path) -> None:
    bench, cancel = Bench(), CancelToken()
    bench.during = lambda: cancel.cancel() if len(bench.asked) == 3 else None
    with pytest.raises(AppError) as caught:
        measurement(bench, Recorder(), cancel).measure(tmp_path)
    assert caught.value.code is ErrorCode.CANCELLED
    assert len(bench.asked) == 3
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_stopped_while_it_writes(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        measurement(Bench(), Recorder(), cancel).measure(tmp_path)
    assert caught.value.code is ErrorCode.CANCELLED
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1 << 20))
    bench = Bench()
    with pytest.raises(AppError) as caught:
        measurement(bench, Recorder()).measure(tmp_path)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert bench.asked == []


def test_a_gpu_is_measured_alone_with_all_layers() -> None:
    gpu = settings_of(replace(TARGET, backend="cuda", engine_device="CUDA0"), PLAN.points[0])
    assert (gpu.device, gpu.gpu_layers) == ("CUDA0", 999)
    cpu = settings_of(TARGET, PLAN.points[0])
    assert (cpu.device, cpu.gpu_layers, cpu.threads) == ("none", 0, 2)


def test_every_type_can_be_written_and_is_as_large_as_its_header_says(tmp_path: Path) -> None:
    for kind in TYPES:
        model = SyntheticModel(kind, 1, 256, 256, 4, 2)
        path = tmp_path / f"{kind}.gguf"
        write_model(path, list(model.tensors()), model.values())
        header = read_header(path)
        assert {tensor.type.name for tensor in header.tensors} == {kind, "F32"}
        ends = [tensor.offset + tensor.size_bytes for tensor in header.tensors]
        assert path.stat().st_size == header.data_offset + -(-max(ends) // 32) * 32


def test_weights_are_random_unless_zeros_are_asked_for(tmp_path: Path) -> None:
    tensors = [("blk.0.attn_k.weight", (256, 64), "Q4_K")]
    write_model(tmp_path / "a", tensors, {"general.architecture": "llama"})
    write_model(tmp_path / "b", tensors, {"general.architecture": "llama"}, zeros=True)
    size = tensor_bytes((256, 64), "Q4_K")
    assert len(set((tmp_path / "a").read_bytes()[-size:])) > 200
    assert set((tmp_path / "b").read_bytes()[-size:]) == {0}


def test_the_plan_fits_on_a_small_disk_and_names_each_point_once() -> None:
    for gpu in (False, True):
        made = plan(gpu=gpu, free_bytes=16 << 30, largest_cache_bytes=32 << 20)
        names = [point.name for point in made.points]
        assert len(names) == len(set(names))
        assert made.disk_bytes < 5e9


@pytest.fixture(scope="module")
def real_runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


def test_the_real_engine_measures_every_kind_of_point(
    real_runtime: Runtime, tmp_path: Path
) -> None:
    moe = replace(K, experts=4, experts_used=2)
    points = (
        *PLAN.points,
        Point("depth q8_0", "depth", PLAN.points[1].model, 256, "q8_0"),
        Point("few experts", "experts", moe),
        Point("many experts", "experts", replace(moe, experts=8, experts_used=4)),
        Point("check Q5_K", "check", replace(K, type_name="Q5_K")),
        Point("memory", "memory", replace(K, type_name="Q8_0", layers=4)),
        *(Point(f"type {kind}", "type", replace(K, type_name=kind)) for kind in TYPES[1:]),
    )
    recorder = Recorder()
    asked = Measurement(
        real_runtime,
        TARGET,
        CalibrationPlan(points, 32, 4, repetitions=1),
        recorder,
        CancelToken(),
        budget_seconds=600.0,
        most_rounds=1,
    )
    found = asked.calibrate(tmp_path)
    assert recorder.lines == []
    assert found.device == TARGET.device
    assert set(found.decode) >= {"Q4_K", "Q8_0", "F16", "IQ2_XS", "MXFP4"}
    assert all(0 <= cost < 1e-3 for cost in found.decode.values())
    assert len(found.memory) == 2
    assert all(0 < cost < 1e-3 for _, cost in found.memory)
    assert set(found.attention_byte) == {"f16", "q8_0"}
    assert set(found.attention) == {"f16@64", "q8_0@64"}


def test_a_point_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    bench, waited = Bench(), []

    def hang(runtime: Runtime, model: Path, **options: Any) -> list[BenchRow]:
        if len(bench.asked) == 4:
            ended = threading.Event()
            options["cancel"].on_cancel(ended.set)
            bench.now += 200.0
            waited.append(ended.wait(30))
        return bench(runtime, model, **options)

    asked = replace(
        measurement(bench, Recorder()), bench=hang, budget_seconds=4.5, grace_seconds=0.0
    )
    found = asked.measure(tmp_path)
    assert waited == [True]
    assert len(found) == 4
