"""The memory plan: against what the engine then really takes, and judged."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from desktop.core.engine.flags import LoadSettings, default_settings
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.engine.server import EngineServer
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.estimate import (
    GIB,
    HOST,
    Available,
    DeviceNeed,
    Estimate,
    Figure,
    check_fits,
    verdict,
)
from desktop.core.fit.extras import split_extra
from desktop.core.fit.memory import dry_run, needs_from_rows
from desktop.core.fit.overhead import overhead
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.local import read_header
from desktop.core.gguf.shape import ModelShape
from tests.helpers.canary import storing_flags
from tests.helpers.gguf_files import (
    spm_vocab,
    write_adapter,
    write_projector,
    write_tiny_llama,
)

MIB = 1 << 20
VOCAB = spm_vocab([f"▁word{number}" for number in range(8000)])
SETTINGS = LoadSettings(context_tokens=512, slots=1, threads=1)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def storing(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return storing_flags(runtime, tmp_path_factory.mktemp("canary"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("models")

    def model(type_name: str) -> Path:
        path = folder / f"{type_name}.gguf"
        if not path.exists():
            write_tiny_llama(path, type_name=type_name, vocab=VOCAB, hidden=256, n_layers=4)
        return path

    return model


@pytest.mark.parametrize("type_name", ["F16", "Q8_0", "Q4_0"])
@pytest.mark.parametrize(
    "settings",
    [
        LoadSettings(context_tokens=2048, slots=4, threads=1),
        LoadSettings(context_tokens=2048, slots=1, threads=1, kv_type_k="q8_0", kv_type_v="q8_0"),
        LoadSettings(context_tokens=1024, slots=2, threads=1, ubatch=1024),
    ],
    ids=["four slots", "q8_0 cache", "large micro-batch"],
)
def test_the_plan_is_what_the_server_takes(
    runtime: Runtime,
    models: Callable[[str], Path],
    storing: tuple[str, ...],
    type_name: str,
    settings: LoadSettings,
) -> None:
    model, settings = models(type_name), replace(settings, extra=storing)
    estimate = dry_run(runtime, model, settings, vocab_size=len(VOCAB))
    server = EngineServer(runtime, model, "tiny", settings)
    server.start()
    try:
        server.wait_ready(30)
        (real,) = server.memory
    finally:
        server.stop(5)
    (plan,) = estimate.devices
    assert plan.name == real.name == HOST
    for part in ("weights_bytes", "kv_bytes", "compute_bytes"):
        figure, true = getattr(plan, part), getattr(real, part)
        error = (figure.value - true) / MIB
        print(f"{type_name} {part}: {true / MIB:.2f} MiB, planned {error:+.2f}")
        assert abs(error) <= 1.05
        assert figure.low - 0.02 * MIB <= true <= figure.high + 1.02 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory as Linux counts it")
def test_the_process_itself(runtime: Runtime, models: Callable[[str], Path]) -> None:
    """What the process holds beyond the plan lies in the band of the overhead."""
    server = EngineServer(runtime, models("F16"), "tiny", SETTINGS)
    server.start()
    try:
        server.wait_ready(30)
        resident = psutil.Process(server.pid).memory_info().rss
        (real,) = server.memory
    finally:
        server.stop(5)
    beyond = resident - real.total_bytes
    figure = overhead(HOST, len(VOCAB))
    print(f"beyond the plan: {beyond / MIB:.1f} MiB, counted {figure.value / MIB:.1f}")
    assert figure.low * 0.8 <= beyond <= figure.high


def test_the_plan_needs_no_tensor_data(runtime: Runtime, tmp_path: Path) -> None:
    whole = write_tiny_llama(tmp_path / "whole.gguf", vocab=VOCAB)
    header = whole.read_bytes()[:400_000]
    stub = tmp_path / "stub.gguf"
    stub.write_bytes(header)
    os.truncate(stub, whole.stat().st_size)
    a = dry_run(runtime, whole, SETTINGS)
    b = dry_run(runtime, stub, SETTINGS)
    assert a.devices == b.devices


def test_more_context_and_slots_take_more(runtime: Runtime, models: Callable[[str], Path]) -> None:
    small = dry_run(runtime, models("Q8_0"), SETTINGS).part("kv_bytes").value
    large = dry_run(runtime, models("Q8_0"), replace(SETTINGS, slots=16)).part("kv_bytes").value
    assert 10 * small < large < 20 * small


def test_the_prompt_cache_is_told_apart(runtime: Runtime, models: Callable[[str], Path]) -> None:
    plain = dry_run(runtime, models("Q8_0"), SETTINGS)
    cached = dry_run(runtime, models("Q8_0"), replace(SETTINGS, cache_ram_bytes=2 * GIB))
    assert cached.prompt_cache_bytes == 2 * GIB
    assert cached.total_bytes == plain.total_bytes


def test_the_other_tool_where_the_server_prints_no_plan(
    runtime: Runtime, models: Callable[[str], Path]
) -> None:
    older = replace(runtime, capabilities=runtime.capabilities - {"-fit"})
    estimate = dry_run(older, models("F16"), SETTINGS, vocab_size=len(VOCAB))
    assert estimate.tool == "llama-fit-params" and estimate.notes
    best = dry_run(runtime, models("F16"), SETTINGS, vocab_size=len(VOCAB))
    assert estimate.part("weights_bytes") == best.part("weights_bytes")
    # 512 rows of logits instead of one: the trap of ENGINE.md
    assert estimate.part("compute_bytes").value > best.part("compute_bytes").value + 10 * MIB


def test_why_there_is_no_plan(
    runtime: Runtime, models: Callable[[str], Path], tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(models("Q8_0").read_bytes()[:-100_000])
    for path, code in {cut: ErrorCode.ENGINE_CORRUPT_MODEL, tmp_path: None}.items():
        with pytest.raises(AppError) as caught:
            dry_run(runtime, path, SETTINGS)
        assert code is None or caught.value.code is code
    token = CancelToken()
    token.cancel()
    with pytest.raises(AppError) as caught:
        dry_run(runtime, models("Q8_0"), SETTINGS, cancel=token)
    assert caught.value.code is ErrorCode.CANCELLED


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a file that never gives anything")
def test_a_plan_that_never_comes(runtime: Runtime, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never.gguf")
    with pytest.raises(AppError) as caught:
        dry_run(runtime, tmp_path / "never.gguf", SETTINGS, timeout_seconds=1)
    assert caught.value.code is ErrorCode.TIMED_OUT


def test_a_projector_is_added(
    runtime: Runtime, models: Callable[[str], Path], tmp_path: Path
) -> None:
    projector = write_projector(tmp_path / "mmproj.gguf")
    older = replace(runtime, capabilities=runtime.capabilities - {"-fit"})
    plain = dry_run(older, models("Q8_0"), SETTINGS)
    seen = dry_run(older, models("Q8_0"), replace(SETTINGS, mmproj=str(projector)))
    added = seen.part("weights_bytes").low - plain.part("weights_bytes").low
    assert added == projector.stat().st_size


def shape_of(path: Path) -> ModelShape:
    found = ModelShape.of(facts_of(read_header(path)))
    assert found is not None
    return found


@pytest.mark.parametrize("type_name", ["F16", "Q8_0"])
def test_with_the_shape_the_plan_is_exact(
    runtime: Runtime, models: Callable[[str], Path], storing: tuple[str, ...], type_name: str
) -> None:
    """The engine plans in whole MiB; its report of the load has two decimals."""
    model = models(type_name)
    settings = LoadSettings(
        context_tokens=1024, slots=2, threads=1, extra=(*storing, "--load-mode", "none")
    )
    (plan,) = dry_run(runtime, model, settings, shape=shape_of(model)).devices
    server = EngineServer(runtime, model, "tiny", settings)
    server.start()
    try:
        server.wait_ready(30)
        (real,) = server.memory
    finally:
        server.stop(5)
    for part in ("weights_bytes", "kv_bytes", "compute_bytes"):
        assert abs(getattr(plan, part).value - getattr(real, part)) <= 0.02 * MIB, part


def test_what_stands_outside_the_plans_cell_is_not_believed(
    runtime: Runtime, models: Callable[[str], Path]
) -> None:
    model = models("F16")
    shape = shape_of(model)
    wrong = replace(shape, layers=shape.layers[:1])
    (plan,) = dry_run(runtime, model, SETTINGS, shape=wrong).devices
    (plain,) = dry_run(runtime, model, SETTINGS).devices
    assert plan.weights_bytes == plain.weights_bytes


def test_adapters_and_a_draft_model_are_added(
    runtime: Runtime, models: Callable[[str], Path], tmp_path: Path
) -> None:
    adapter = write_adapter(tmp_path / "adapter.gguf")
    size = adapter.stat().st_size
    plain = dry_run(runtime, models("F16"), SETTINGS)
    flags = ("--lora", f"{adapter},{adapter}")
    adapted = dry_run(runtime, models("F16"), replace(SETTINGS, extra=flags))
    weights = [each.part("weights_bytes").value for each in (plain, adapted)]
    assert weights[1] - weights[0] == 2 * size
    drafted = dry_run(runtime, models("F16"), replace(SETTINGS, extra=("-md", str(models("Q8_0")))))
    draft = dry_run(runtime, models("Q8_0"), SETTINGS)
    for part in ("weights_bytes", "kv_bytes", "compute_bytes"):
        both = plain.part(part).value + draft.part(part).value
        assert drafted.part(part).value == pytest.approx(both, abs=0.2 * MIB)
    assert drafted.part("overhead_bytes") == plain.part("overhead_bytes")
    with pytest.raises(AppError) as caught:
        dry_run(runtime, models("F16"), replace(SETTINGS, extra=("--lora", "/no/such/file")))
    assert caught.value.code is ErrorCode.PATH_UNREADABLE


def test_arguments_that_name_models() -> None:
    found = split_extra(
        ["--lora", "a.gguf,b.gguf", "--no-repack", "--lora-scaled=c.gguf:0.5", "-md", "d.gguf"]
    )
    assert [path.name for path in found.adapters] == ["a.gguf", "b.gguf", "c.gguf"]
    assert found.draft == Path("d.gguf") and found.rest == ("--no-repack",)
    assert split_extra(["-md"]).draft is None


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for llama-server")
def test_the_servers_own_figure_for_a_projector_is_taken(runtime: Runtime, tmp_path: Path) -> None:
    said = "srv load_model: [mtmd] estimated worst-case memory usage of mmproj is 640.00 MiB (took"
    rows = [{"kind": "host", "name": "Host", "model": 100, "context": 10, "compute": 5}]
    lines = [
        json.dumps({"type": "log", "level": "info", "msg": said}),
        json.dumps({"type": "fit_memory_breakdown", "data": {"unit": "MiB", "rows": rows}}),
    ]
    script = tmp_path / "llama-server"
    script.write_text("#!/bin/sh\ncat <<'E'\n" + "\n".join(lines) + "\nE\nexec sleep 600\n")
    script.chmod(0o755)
    fake = replace(runtime, tools={**runtime.tools, "llama-server": script})
    estimate = dry_run(fake, tmp_path / "m.gguf", replace(SETTINGS, mmproj="p.gguf"))
    (need,) = estimate.devices
    assert need.weights_bytes == Figure(740 * MIB + MIB // 2, 420 * MIB, 741 * MIB)


ROWS = [
    {"kind": "device", "name": "CUDA0", "self": 9, "model": 5000, "context": 1000, "compute": 300},
    {"kind": "host", "name": "Host", "self": 0, "model": 400, "context": 0, "compute": 20},
    {"kind": "buffer_type", "name": "CPU_REPACK", "self": 70, "model": 70},
]


def test_rows_of_a_gpu() -> None:
    needs = {need.name: need for need in needs_from_rows(ROWS)}
    assert set(needs) == {"CUDA0", HOST}
    assert needs["CUDA0"].kv_bytes == Figure(1000 * MIB + MIB // 2, 1000 * MIB, 1001 * MIB)
    assert needs[HOST].weights_bytes.low == 470 * MIB  # repacked weights are weights too


def estimate(gpu_gib: float = 0, host_gib: float = 1, **settings: object) -> Estimate:
    def need(name: str, gib: float) -> DeviceNeed:
        return DeviceNeed(name, weights_bytes=Figure(round(gib * GIB), 0, 0))

    devices = [need(HOST, host_gib)] + ([need("CUDA0", gpu_gib)] if gpu_gib else [])
    return Estimate("m", LoadSettings(**settings), tuple(devices))  # type: ignore[arg-type]


def room(host_gib: float, gpu_gib: float | None = None) -> list[Available]:
    places = [Available(HOST, round(host_gib * GIB), "RAM")]
    if gpu_gib is not None:
        places.append(Available("CUDA0", round(gpu_gib * GIB), "RTX 4090"))
    return places


def test_what_fits_and_what_does_not() -> None:
    assert check_fits(estimate(host_gib=4), room(8)) is None
    error = check_fits(estimate(host_gib=7.5), room(8))  # a GiB is left to the system
    assert error is not None and error.code is ErrorCode.LOAD_WONT_FIT
    assert error.params == {
        "model": "m",
        "need": "7.5 GiB",
        "available": "7.0 GiB",
        "device": "RAM",
    }
    error = check_fits(estimate(gpu_gib=30, gpu_layers=99), room(64, 24))
    assert error is not None and error.params["device"] == "RTX 4090"
    assert check_fits(estimate(gpu_gib=30), room(64, 24)) is None  # the engine spills the rest
    assert check_fits(estimate(gpu_gib=30), room(4, 24)) is not None
    assert check_fits(estimate(gpu_gib=1, gpu_layers=99), room(64)) is not None


def test_verdicts() -> None:
    assert verdict(estimate(), room(8)) == "cpu"
    assert verdict(estimate(host_gib=9), room(8)) == "wont_fit"
    assert verdict(estimate(gpu_gib=20), room(64, 24)) == "gpu"
    assert verdict(estimate(gpu_gib=30), room(64, 24)) == "partial"
    assert verdict(estimate(gpu_gib=20, experts_on_cpu=True), room(64, 24)) == "experts_on_cpu"


def test_as_json(runtime: Runtime, models: Callable[[str], Path]) -> None:
    data = dry_run(runtime, models("Q8_0"), SETTINGS, model="tiny:q8_0").to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["model"] == "tiny:q8_0" and data["context_tokens"] == 512
    parts = {"weights_bytes", "kv_bytes", "compute_bytes", "overhead_bytes"}
    assert set(data["parts"]) == parts
    assert set(data["total_bytes"]) == {"value", "low", "high", "source"}
    assert data["total_bytes"]["value"] == sum(data["parts"].values())
    assert data["total_bytes"]["low"] < data["total_bytes"]["value"] < data["total_bytes"]["high"]


def test_default_settings_with_the_real_plan(
    runtime: Runtime, models: Callable[[str], Path]
) -> None:
    def fits_in(size: int) -> Callable[[LoadSettings], bool]:
        def fits(settings: LoadSettings) -> bool:
            return dry_run(runtime, models("Q8_0"), settings).total_bytes.value <= size

        return fits

    options = {"trained_context": 2048, "ram_bytes": 8 * GIB, "physical_cores": 1}
    roomy = default_settings(**options, fits=fits_in(GIB))  # type: ignore[arg-type]
    assert (roomy.context_tokens, roomy.slots) == (2048, 4)
    four = dry_run(runtime, models("Q8_0"), roomy).total_bytes.value
    tight = default_settings(**options, fits=fits_in(four - 1))  # type: ignore[arg-type]
    assert tight.slots == 1
