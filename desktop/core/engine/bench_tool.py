"""The engine's own benchmarks: llama-bench for one request, llama-batched-bench for many."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from desktop.core import procs
from desktop.core.engine.explain import explain
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime, start_failure
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter

# What identifies the build and the machine in a row of llama-bench; kept with every figure.
_BUILD_KEYS = ("build_commit", "build_number", "cpu_info", "gpu_info", "backends")
_SETTING_KEYS = (
    *("model_type", "model_size", "model_n_params", "n_batch", "n_ubatch", "n_threads"),
    *("type_k", "type_v", "n_gpu_layers", "n_cpu_moe", "flash_attn", "devices", "split_mode"),
)


@dataclass(frozen=True)
class BenchRow:
    """One measured test: `tokens` of a prompt or generated after `depth` tokens of context.

    `samples` are tokens per second of each repetition; `when` is the time of the test (ISO, UTC).
    """

    test: Literal["prefill", "decode"]
    tokens: int
    depth: int
    tokens_per_second: float
    stddev: float
    samples: tuple[float, ...]
    when: str
    build: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "test": self.test,
            "tokens": self.tokens,
            "depth": self.depth,
            "concurrency": 1,
            "tokens_per_second": self.tokens_per_second,
            "stddev": self.stddev,
            "samples": list(self.samples),
            "when": self.when,
            "build": self.build,
            "settings": self.settings,
        }


@dataclass(frozen=True)
class BatchRow:
    """`concurrency` sequences at once: tokens per second of all of them together."""

    concurrency: int
    prompt_tokens: int
    gen_tokens: int
    prefill_tokens_per_second: float
    decode_tokens_per_second: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "test": "load",
            "tokens": self.gen_tokens,
            "prompt_tokens": self.prompt_tokens,
            "depth": 0,
            "concurrency": self.concurrency,
            "tokens_per_second": self.decode_tokens_per_second,
            "prefill_tokens_per_second": self.prefill_tokens_per_second,
            "seconds": self.seconds,
            "stddev": None,
        }


def _records(output: bytes) -> list[dict[str, Any]]:
    records = []
    for line in output.splitlines():
        if line.startswith(b"{"):
            try:
                record = json.loads(line.decode("utf-8", "replace"))
            except ValueError:
                continue  # a line that was cut when the tool was ended
            records.append(record)
    return records


def parse_bench(output: bytes) -> list[BenchRow]:
    """Rows of `llama-bench -o jsonl`; tests of a prompt and generation together are left out."""
    rows = []
    for record in _records(output):
        prompt, gen = int(record.get("n_prompt", 0)), int(record.get("n_gen", 0))
        if (prompt > 0) == (gen > 0):
            continue
        rows.append(
            BenchRow(
                "prefill" if prompt else "decode",
                prompt or gen,
                int(record.get("n_depth", 0)),
                float(record["avg_ts"]),
                float(record["stddev_ts"]),
                tuple(float(sample) for sample in record.get("samples_ts", ())),
                str(record.get("test_time", "")),
                {key: record[key] for key in _BUILD_KEYS if key in record},
                {key: record[key] for key in _SETTING_KEYS if key in record},
            )
        )
    return rows


def parse_batched(output: bytes) -> list[BatchRow]:
    """Rows of `llama-batched-bench --output-format jsonl`."""
    return [
        BatchRow(
            int(record["pl"]),
            int(record["pp"]),
            int(record["tg"]),
            float(record["speed_pp"]),
            float(record["speed_tg"]),
            float(record["t"]),
        )
        for record in _records(output)
        if "pl" in record
    ]


_STEP = re.compile(
    rb"benchmark (\d+)/(\d+): (?:(starting)|(warmup) \w+ run|(prompt|generation) run (\d+)/(\d+))"
)


def parse_progress(line: bytes, repetitions: int) -> tuple[float, float, str] | None:
    """A line of `llama-bench --progress` as (steps done, steps, what): steps are repetitions and,
    for each test, one warm-up."""
    match = _STEP.search(line)
    if match is None:
        return None
    test, tests = int(match[1]) - 1, int(match[2])
    per_test = repetitions + 1
    done = test * per_test
    if match[5]:
        done += int(match[6])  # a line comes when the run starts: the warm-up is done by then
    what = "warm-up" if match[4] or match[3] else ("decode" if match[5] != b"prompt" else "prefill")
    return float(done), float(tests * per_test), f"{what}, test {test + 1} of {tests}"


def run_llama_bench(
    runtime: Runtime,
    model: Path,
    *,
    prompts: Sequence[int] = (512,),
    gens: Sequence[int] = (128,),
    depths: Sequence[int] = (0,),
    repetitions: int = 3,
    settings: LoadSettings,
    reporter: Reporter,
    cancel: CancelToken,
) -> list[BenchRow]:
    """Measure prefill for each of `prompts` and decode for each of `gens`, at every depth.

    The model's own warm-up runs first for each test. Slots and context of `settings` play no part.

    Raises:
        AppError: CANCELLED, ENGINE_TOOL_FAILED, ENGINE_OUT_OF_MEMORY and what else `explain` says.
    """
    tool = runtime.tool("llama-bench")
    command = [str(tool), "-m", str(model.absolute()), "-o", "jsonl", "--progress"]
    command += ["-r", str(repetitions), "-p", _numbers(prompts), "-n", _numbers(gens)]
    command += ["-d", _numbers(depths), *_settings(settings)]
    if settings.device is not None:
        command += ["-dev", settings.device.replace(",", "/")]
    if settings.gpu_layers is not None:
        command += ["-ngl", str(settings.gpu_layers)]
    rows: list[BenchRow] = []

    def on_stderr(line: bytes) -> None:
        step = parse_progress(line, repetitions)
        if step is not None:
            reporter.progress(Progress(step[2], step[0], step[1], "tests"))

    def on_stdout(line: bytes) -> None:
        for row in parse_bench(line):
            rows.append(row)
            reporter.log(
                f"{row.test} {row.tokens} at {row.depth}: {row.tokens_per_second:.1f} tok/s"
            )

    _run(command, model, settings, cancel, on_stdout=on_stdout, on_stderr=on_stderr)
    total = (len(prompts) + len(gens)) * len(depths) * (repetitions + 1)
    reporter.progress(Progress("done", total, total, "tests"))
    if not rows:
        raise _failed("llama-bench", "It printed no result.")
    return rows


def run_batched_bench(
    runtime: Runtime,
    model: Path,
    *,
    concurrency: Sequence[int] = (1, 4, 8),
    prompt_tokens: int = 512,
    gen_tokens: int = 128,
    settings: LoadSettings,
    reporter: Reporter,
    cancel: CancelToken,
) -> list[BatchRow]:
    """Measure so many sequences at once, each with its own prompt; a first round is thrown away.

    Raises:
        AppError: as `run_llama_bench`.
    """
    tool = runtime.tool("llama-batched-bench")
    most = max(concurrency)
    command = [str(tool), "-m", str(model.absolute()), "--output-format", "jsonl"]
    command += ["-c", str(most * (prompt_tokens + gen_tokens)), "-np", str(most)]
    command += ["-npp", str(prompt_tokens), "-ntg", str(gen_tokens), *_settings(settings)]
    if settings.device is not None:
        command += ["-dev", settings.device]
    if settings.gpu_layers is not None:
        command += ["-ngl", str(settings.gpu_layers)]
    found: dict[int, BatchRow] = {}
    total = len(concurrency)

    def progress() -> None:
        reporter.progress(Progress("load", len(found), total, "tests"))

    progress()
    # WORKAROUND(the tool exits before its log thread has written the last rows, drop when it
    # flushes): what is missing is measured again, with one more round behind it to wait for.
    for tries in range(3):
        missing = [number for number in dict.fromkeys(concurrency) if number not in found]
        if not missing:
            break
        rounds = [missing[0], *missing] + [missing[-1]] * tries
        skip = 1  # the first round warms up

        def on_stdout(line: bytes) -> None:
            nonlocal skip
            for row in parse_batched(line):
                if skip:
                    skip -= 1
                elif row.concurrency not in found:
                    found[row.concurrency] = row
                    progress()

        round_command = [*command, "-npl", _numbers(rounds)]
        _run(round_command, model, settings, cancel, on_stdout=on_stdout)
    if len(found) < len(set(concurrency)):
        raise _failed(tool.name, "It left out some of its results.")
    return [found[number] for number in concurrency]


def _numbers(values: Sequence[int]) -> str:
    return ",".join(str(value) for value in values) if values else "0"


def _settings(settings: LoadSettings) -> list[str]:
    """The flags both tools share."""
    command = ["-b", str(settings.batch), "-ub", str(settings.ubatch)]
    command += ["-ctk", settings.kv_type_k, "-ctv", settings.kv_type_v]
    command += ["-fa", settings.flash_attention]
    if settings.threads is not None:
        command += ["-t", str(settings.threads)]
    if settings.experts_on_cpu:
        layers = 999 if settings.experts_on_cpu is True else int(settings.experts_on_cpu)
        command += ["-ncmoe", str(layers)]
    return command


def _failed(tool: str, reason: str) -> AppError:
    return AppError(ErrorCode.ENGINE_TOOL_FAILED, tool=tool, reason=reason)


def _run(
    command: list[str],
    model: Path,
    settings: LoadSettings,
    cancel: CancelToken,
    *,
    on_stdout: Callable[[bytes], None],
    on_stderr: Callable[[bytes], None] | None = None,
) -> None:
    name = Path(command[0]).name
    try:
        outcome = procs.run(command, cancel=cancel, on_stdout=on_stdout, on_stderr=on_stderr)
    except OSError as error:
        raise _failed(name, start_failure(name, error)) from error
    if outcome.ok:
        return
    lines = outcome.stderr.decode("utf-8", "replace").splitlines()
    lines = [line for line in lines if not line.startswith("llama-bench: benchmark")]
    why = explain(lines[-200:], outcome.returncode, settings, model.stem)
    if why.code is ErrorCode.ENGINE_DIED:
        why = _failed(name, str(why.params["reason"]))
    raise why
