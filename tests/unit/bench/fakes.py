"""Models, engines and tools for tests of the benchmark job that need no engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.core.engine.bench_tool import BatchRow, BenchRow
from desktop.core.engine.runtime import EngineDevice, Runtime, Version
from desktop.core.events import CancelToken, Progress
from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.entry import ModelEntry

MACHINE: dict[str, Any] = {
    "cpu": {"name": "AMD EPYC", "architecture": "x86_64", "physical_cores": 2, "logical_cores": 4,
            "usable_cpus": 4, "usable_physical_cores": 2},
    "ram": {"total_bytes": 25_000_000_000, "available_bytes": 20_000_000_000},
    "gpus": [],
    "host": {"system": "Linux", "release": "6.18", "container": None, "power_saver": None},
    "bandwidth_gb_per_second": 20.5,
}  # fmt: skip


def entry(path: Path = Path("/models/Tiny-F16.gguf"), **summary: Any) -> ModelEntry:
    facts = {"architecture": "llama", "quant_type": "F16", "context_tokens": 2048, **summary}
    return ModelEntry(
        id="tiny:f16",
        path=path,
        shard_paths=(path,),
        size_bytes=2_671_616,
        fingerprint="quick-1",
        summary=ModelSummary(parameters=1_334_528, **facts),
        error=None,
        kind="model",
        source="folder",
        root=path.parent,
    )


def runtime(commit: str = "0c1e570", devices: tuple[EngineDevice, ...] = ()) -> Runtime:
    return Runtime(
        id="environment",
        folder=Path("/engine"),
        bin_dir=Path("/engine/bin"),
        tools={},
        version=Version("0.5.0", commit, f"0.5.0 (build 1, commit {commit})"),
        devices=devices,
        capabilities=frozenset({"backend:cpu"}),
    )


class FakeTools:
    """Both tools: figures that tell what was asked, and a record of the questions."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.turn = 0
        self.during: Callable[[dict[str, Any]], None] = lambda question: None

    def llama_bench(self, runtime: Runtime, model: Path, **asked: Any) -> list[BenchRow]:
        self._ask(runtime, model, asked)
        prompts, gens = asked["prompts"], asked["gens"]
        tests = [("prefill", n) for n in prompts] + [("decode", n) for n in gens]
        samples = tuple(100.0 + n for n in range(asked["repetitions"]))
        return [
            BenchRow(
                test,  # type: ignore[arg-type]
                tokens,
                depth,
                sum(samples) / len(samples),
                1.0,
                samples,
                "2026-11-21T11:26:45Z",
                {"build_commit": "0c1e570", "backends": "CPU"},
                {"n_threads": asked["settings"].threads, "flash_attn": -1, "type_k": "f16"},
            )
            for depth in asked["depths"]
            for test, tokens in tests
        ]

    def batched_bench(self, runtime: Runtime, model: Path, **asked: Any) -> list[BatchRow]:
        self._ask(runtime, model, asked)
        self.turn += 1  # as the real one: one measurement a call and number, however often asked
        speeds = {n: 40.0 * n + self.turn for n in asked["concurrency"]}
        return [
            BatchRow(n, asked["prompt_tokens"], asked["gen_tokens"], 900.0, speeds[n], 2.0)
            for n in asked["concurrency"]
        ]

    def _ask(self, runtime: Runtime, model: Path, asked: dict[str, Any]) -> None:
        cancel: CancelToken = asked["cancel"]
        cancel.raise_if_cancelled()
        asked["reporter"].progress(Progress("test 1 of 1", 1, 4, "tests"))
        question = {**asked, "runtime": runtime, "model": model}
        self.asked.append(question)
        self.during(question)


def embedding_entry() -> ModelEntry:
    made = entry(architecture="bert", is_embedding=True)
    return replace(made, id="embed:f16")
