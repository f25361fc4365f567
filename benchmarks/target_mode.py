"""Whether target mode beats the plain types.

    uv run python -m benchmarks.target_mode [--budget SECONDS] [--seeds N] [--sizes NAMES] [MODEL]

MODEL is a GGUF file of 16 bits; without one it is the bundled model, whose Q8_0 file is written as
F16 (so its Q8_0 loses next to nothing; types below lose what they always do). For each of some
plain types the job "target" is asked for the best recipe whose file is smaller than that type's,
within the budget, as the service would run it: recipes are tried on the text for importance
matrices, what was found and the plain types are judged on the text for evaluation, which the search
never sees. All files are made with the same importance matrix.

Shown are mean KL divergences against the 16-bit model with their 95 % intervals. The last line is
the judged figure: a recipe must surely lose less (by more than 1.96 standard errors of the
difference) than the best plain type within the limit, and less than the type it was to be smaller
than.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import environment_folder, read_runtime
from desktop.core.events import CancelToken, NullReporter
from desktop.core.gguf.reader import HeaderReader
from desktop.core.jobs.handlers.target import TargetKind
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job, JobState
from desktop.core.paths import demo_model, paths
from quantize import tool
from quantize.recipe import Recipe, plan
from quantize.target import better

BUDGET_SECONDS = 180.0
SIZES = "Q3_K_M,Q4_K_M,Q5_K_M"


class Bench:
    """Args:
    model: of 16 bits.
    """

    def __init__(self, model: Path, folder: Path) -> None:
        engine = environment_folder()
        if engine is None:
            sys.exit("The engine is not installed: run `make run` once.")
        self.model = model
        self.folder = folder
        self.where = paths().ensure()
        self.runtime = read_runtime("environment", engine, folder / "cache")
        self.reader = HeaderReader(None, work_root=self.where.work)

    def bytes_of(self, name: str) -> int:
        """What a plain type's file takes, but for what is written into it of where it is from."""
        planned = plan(self.runtime.tool("llama-quantize"), self.model, Recipe(name), CancelToken())
        header = self.model.stat().st_size - planned.source_bytes
        return planned.size_bytes + header

    def run(self, most_bytes: int, budget_seconds: float, seed: int) -> dict[str, Any]:
        kind = TargetKind(
            self.where,
            read=self.reader.read,
            current_runtime=lambda: self.runtime,
            wait_idle=lambda cancel: None,
            seed=seed,
        )
        params = {
            "path": str(self.model),
            "folder": str(self.folder / "out"),
            "most_bytes": most_bytes,
            "budget_seconds": budget_seconds,
            "replace": True,
        }
        job = Job(
            id=1, kind="target", params=params, state=JobState.RUNNING, steps=kind.plan(params),
            done={}, progress=None, result=None, error=None, created=time.time(), started=None,
            finished=None, position=1.0,
        )  # fmt: skip
        return kind.run(JobContext(job, NullReporter(), CancelToken(), lambda name, value: None))


def words(row: dict[str, Any]) -> str:
    low, high = row["kld_low"], row["kld_high"]
    return f"{row['size_bytes']:>12,} B   KLD {row['kld_mean']:.6f} ({low:.6f} to {high:.6f})"


def show(name: str, seed: int, result: dict[str, Any], seconds: float) -> bool:
    """Whether the recipe beats the plain types."""
    target, outputs = result["target"], result["outputs"]
    plain = target["plain"]
    recipe = next((each for each in outputs if each["recipe"]["tensor_types"]), None)
    print(f"\nsmaller than {name}, seed {seed}: {target['tried']} recipes in {seconds:.0f} s, "
          f"judged on {result['base']['chunks']} chunks")  # fmt: skip
    for each in outputs:
        role = "found" if each is recipe else "plain"
        print(f"  {role} {each['label']:<14}{words(each)}")
    if recipe is None:
        print("  no recipe was found")
        return False
    less = 1 - recipe["kld_mean"] / plain["kld_mean"]
    print(f"  {100 * less:.1f} % less than {plain['label']}")
    same = [each for each in outputs if each["label"] == name]
    return bool(target["better"]) and all(better(recipe, each) for each in same)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--budget", type=float, default=BUDGET_SECONDS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sizes", default=SIZES)
    asked = parser.parse_args()
    assert __doc__ is not None
    print(__doc__.split("\n\n", 2)[2])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PADDOCK_HOME"] = folder
        model = asked.model
        bench = Bench(model or Path(folder) / "guide-f16.gguf", Path(folder))
        if model is None:
            quantizer = bench.runtime.tool("llama-quantize")
            command: list[str | Path] = [quantizer, "--allow-requantize", demo_model()]
            tool.run([*command, bench.model, "F16"], CancelToken())
        verdicts = []
        try:
            for name in asked.sizes.split(","):
                for seed in range(asked.seeds):
                    started = time.monotonic()
                    result = bench.run(bench.bytes_of(name), asked.budget, seed)
                    verdicts.append(show(name, seed, result, time.monotonic() - started))
        finally:
            bench.reader.close()
    print(f"\n{sum(verdicts)} of {len(verdicts)} recipes beat the plain types")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
