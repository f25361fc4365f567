"""How well speed is predicted: calibrate, then measure models the calibration never saw.

    uv run python -m benchmarks.speed_accuracy [--rounds 5] [--engine FOLDER] [--threads N]
        [--json FILE]

Method. The machine is calibrated as the job `calibrate` does it, in the same time. Ten models with
random weights are written: other widths, depths, vocabularies, types and architectures than those
of the calibration, two of them mixtures of experts. Each is predicted from its header and the
calibration alone, for a prompt and for generated tokens, at several depths and with two types of
cache, and measured with llama-bench. The rounds are interleaved: every model once, then every model
again; the median of a point's rounds is what the prediction is judged by. The rounds of the
calibration lie between those of the measuring: what others do on a shared machine changes what its
memory gives by half within minutes, and both must see the same machine. How far the rounds of a
point lie apart is printed.

Judged: mean error at most 10 % (decode) and 20 % (prefill) over at least 60 points; at least 80 %
of the points inside their band, whose median full width is at most 40 % of the value.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from desktop.core.engine.bench_tool import run_llama_bench
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.events import CancelToken, NullReporter, Progress
from desktop.core.fit.estimate import HOST
from desktop.core.fit.speed import DeviceSpeed, SpeedFigure, Speeds
from desktop.core.fit.speed_calibrate import Measurement, Target
from desktop.core.fit.speed_fit import Measured, errors_of
from desktop.core.fit.speed_plan import plan
from desktop.core.fit.speed_predict import build_of, cpu_device
from desktop.core.fit.speed_work import work_of
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.local import read_header
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import probe_memory
from tests.helpers.model_zoo import Spec, write_random

PROMPT, GEN = 256, 32
CACHES = {"f16": (0, 512, 2048), "q8_0": (1024,)}  # the depths for each type
# Tokens per second by model, test, depth and type of cache: one a round.
Samples = dict[tuple[str, str, int, str], list[float]]

MODELS: dict[str, Spec] = {
    "llama 12 x 1024 Q4_K": Spec(
        "llama", 12, 1024, 16, 4, 64, 2816, vocab=32_000, kind="Q4_K", embedding_kind="Q6_K"
    ),
    "llama 5 x 2560 Q6_K": Spec("llama", 5, 2560, 20, 5, 128, 6912, kind="Q6_K"),
    "llama 20 x 768 F16": Spec("llama", 20, 768, 12, 4, 64, 2048, kind="F16"),
    "llama 6 x 2048 Q3_K": Spec("llama", 6, 2048, 16, 8, 128, 8192, kind="Q3_K"),
    "qwen2 14 x 896 Q8_0": Spec(
        "qwen2", 14, 896, 14, 2, 64, 4864, vocab=48_000, kind="Q8_0", output=False
    ),
    "qwen3 10 x 1280 Q5_K": Spec("qwen3", 10, 1280, 16, 8, 128, 3840, kind="Q5_K"),
    "qwen3 16 x 1536 IQ4_XS": Spec("qwen3", 16, 1536, 12, 4, 128, 4096, kind="IQ4_XS"),
    "gemma3 12 x 1152 Q4_0": Spec(
        "gemma3", 12, 1152, 4, 1, 256, 6912, vocab=32_000, kind="Q4_0", window=512, output=False
    ),
    "qwen3moe 10 x 1024 Q4_K": Spec(
        "qwen3moe", 10, 1024, 16, 4, 64, kind="Q4_K", experts=64, used=8, expert_ff=512
    ),
    "qwen3moe 6 x 2048 Q8_0": Spec(
        "qwen3moe", 6, 2048, 16, 4, 128, kind="Q8_0", experts=16, used=4, expert_ff=768
    ),
}


@dataclass
class Point:
    """One test of one model; speeds in tokens per second."""

    model: str
    test: str
    depth: int
    kv_type: str
    predicted: SpeedFigure
    samples: list[float]

    @property
    def real(self) -> float:
        return statistics.median(self.samples)

    @property
    def error(self) -> float:
        return self.predicted.value / self.real - 1

    @property
    def inside(self) -> bool:
        return self.predicted.low <= self.real <= self.predicted.high

    @property
    def width(self) -> float:
        return (self.predicted.high - self.predicted.low) / self.predicted.value


class Rounds:
    """A calibration's progress on one line of stderr, and something to do before each round but the
    first, for which its clock stands still."""

    def __init__(self, first: str, between: Callable[[], None]) -> None:
        self._first, self._between = first, between
        self._begun, self._away = False, 0.0

    def clock(self) -> float:
        return time.monotonic() - self._away

    def progress(self, progress: Progress) -> None:
        print(f"\r{progress.done:5.1f} s  {progress.what:40s}", end="", file=sys.stderr)
        if progress.what == self._first:
            if self._begun:
                left = time.monotonic()
                self._between()
                self._away += time.monotonic() - left
            self._begun = True

    def log(self, line: str) -> None:
        print(f"\r{line}", file=sys.stderr)


def calibrated(
    runtime: Runtime, folder: Path, threads: int | None, between: Callable[[], None]
) -> tuple[DeviceSpeed, list[Measured]]:
    """This machine's figures and their points; `between` is called after each round but the last,
    outside the calibration's time."""
    cpu, memory = probe_cpu(), probe_memory()
    wanted = plan(
        gpu=False,
        free_bytes=memory.available_bytes,
        largest_cache_bytes=cpu.last_level_cache_bytes or 0,
    )
    target = Target("cpu", cpu_device(cpu), build_of(runtime), threads)
    rounds = Rounds(wanted.points[0].name, between)
    measurement = Measurement(runtime, target, wanted, rounds, CancelToken(), clock=rounds.clock)
    begun = rounds.clock()
    measured = measurement.measure(folder)
    speed = measurement.fitted(measured)
    print(f"\ncalibrated in {rounds.clock() - begun:.0f} s, {len(measured)} points")
    for name, (decode, prefill) in errors_of(speed, measured).items():
        print(f"  {name:36s} predicted / measured time: decode {decode:.2f}  prefill {prefill:.2f}")
    print(f"  band ±{speed.spread_decode:.0%} decode, ±{speed.spread_prefill:.0%} prefill")
    return speed, measured


def predicted(path: Path, speed: DeviceSpeed, name: str, measured: Samples) -> list[Point]:
    shape = ModelShape.of(facts_of(read_header(path)))
    assert shape is not None
    speeds = Speeds({HOST: speed})
    points = []
    for kv_type, depths in CACHES.items():
        work = work_of(shape, kv_type_k=kv_type, kv_type_v=kv_type)
        for depth in depths:
            # llama-bench's decode starts at the depth and adds its tokens to it
            decode = speeds.decode(work, depth + GEN // 2)
            prefill = speeds.prefill(work, PROMPT, depth)
            assert decode is not None and prefill is not None
            for test, figure in (("decode", decode), ("prefill", prefill)):
                samples = measured[name, test, depth, kv_type]
                points.append(Point(name, test, depth, kv_type, figure, samples))
    return points


def measure(runtime: Runtime, name: str, path: Path, samples: Samples, threads: int | None) -> None:
    """One round of one model."""
    for kv_type, depths in CACHES.items():
        rows = run_llama_bench(
            runtime,
            path,
            prompts=(PROMPT,),
            gens=(GEN,),
            depths=depths,
            repetitions=1,
            settings=LoadSettings(
                threads=threads,
                kv_type_k=kv_type,
                kv_type_v=kv_type,
                flash_attention="on" if kv_type != "f16" else "auto",
                device="none",
                gpu_layers=0,
            ),
            reporter=NullReporter(),
            cancel=CancelToken(),
        )
        for row in rows:
            key = (name, row.test, row.depth, kv_type)
            samples.setdefault(key, []).append(row.tokens_per_second)


def report(points: list[Point]) -> bool:
    print(f"\n{'model':26s} {'test':8s} {'depth':>5s} {'kv':5s} {'predicted':>10s} "
          f"{'measured':>8s} {'error':>7s}  band")  # fmt: skip
    for point in points:
        apart = (max(point.samples) - min(point.samples)) / point.real
        print(
            f"{point.model:26s} {point.test:8s} {point.depth:5d} {point.kv_type:5s} "
            f"{point.predicted.value:10.1f} {point.real:8.1f} {point.error:+7.1%}  "
            f"{point.predicted.low:.1f} to {point.predicted.high:.1f} "
            f"{'' if point.inside else 'OUTSIDE '}(rounds {apart:.0%} apart)"
        )
    ok = len(points) >= 60
    print(f"\n{len(points)} points of {len({point.model for point in points})} models")
    for test, limit in (("decode", 0.10), ("prefill", 0.20)):
        errors = [abs(point.error) for point in points if point.test == test]
        mean = statistics.fmean(errors)
        ok &= mean <= limit
        print(f"{test:8s} mean error {mean:.1%} (at most {limit:.0%}), worst {max(errors):.0%}")
    inside = statistics.fmean(point.inside for point in points)
    width = statistics.median(point.width for point in points)
    ok &= inside >= 0.8 and width <= 0.4
    print(
        f"inside the band {inside:.0%} (at least 80 %), "
        f"median full width {width:.0%} (at most 40 %)"
    )
    print("PASSED" if ok else "FAILED")
    return ok


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", type=Path, help="a folder with the engine's tools")
    parser.add_argument("--json", type=Path, help="where to write every sample")
    parser.add_argument("--threads", type=int, help="all physical cores by default")
    asked = parser.parse_args()
    folder = asked.engine or environment_folder()
    if folder is None:
        sys.exit("The engine is not installed: run `make run` once.")
    threads = asked.threads or probe_cpu().usable_physical_cores
    print(f"load average {os.getloadavg()[0]:.2f} before")
    with tempfile.TemporaryDirectory(prefix="paddock-speed-") as place:
        runtime = read_runtime("benchmark", folder, Path(place))
        paths = {
            name: write_random(Path(place) / f"{index}.gguf", spec, seed=index)
            for index, (name, spec) in enumerate(MODELS.items())
        }
        samples: Samples = {}
        rounds = iter(range(asked.rounds))

        def one_round() -> None:
            for turn in itertools.islice(rounds, 1):
                for name, path in paths.items():
                    print(f"\rround {turn + 1}: {name:30s}", end="", file=sys.stderr)
                    measure(runtime, name, path, samples, threads)

        speed, calibration = calibrated(runtime, Path(place), threads, one_round)
        for _ in range(asked.rounds):
            one_round()
        every = [
            point for name, path in paths.items() for point in predicted(path, speed, name, samples)
        ]
        print(
            f"\nload average {os.getloadavg()[0]:.2f} after (this benchmark's own threads included)"
        )
    if asked.json:
        rows = [{**vars(point), "predicted": point.predicted.to_dict()} for point in every]
        points = [{**asdict(each), "portion": None} for each in calibration]
        result = {"speed": speed.to_dict(), "calibration": points, "points": rows}
        asked.json.write_text(json.dumps(result, indent=1))
    return 0 if report(every) else 1


if __name__ == "__main__":
    sys.exit(main())
