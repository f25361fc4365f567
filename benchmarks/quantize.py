"""Whether quantizing here is as fast as llama-quantize called by hand.

    .venv/bin/python -m benchmarks.quantize [--pairs 7] [--type Q4_K_M]

Method, printed first. A random-weight model of 0.5 B parameters in F16 (1.1 GB) is quantized by
`quantize.make`, as the job does it: the size asked for before, room checked, provenance written,
the file flushed to the disk and moved to its name. By hand is llama-quantize with the same
arguments and a flush of its file, so that both leave what a power cut cannot take. Pairs alternate
in who goes first; the figure is the median ratio of wall time with its 95 % bootstrap interval (at
most 1.03), and the largest resident memory of our own process besides the tool's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import engine_bin, half_billion
from benchmarks.streams import bootstrap, figure
from desktop.core.events import CancelToken, NullReporter
from quantize.make import Source, make
from quantize.recipe import Recipe


def ours(source: Path, target: Path, quant_type: str) -> float:
    begun = time.perf_counter()
    make(
        engine_bin() / "llama-quantize",
        Source(source, "0" * 64, False, source.stat().st_size),
        target,
        Recipe(quant_type),
        reporter=NullReporter(),
        cancel=CancelToken(),
    )
    return time.perf_counter() - begun


def by_hand(source: Path, target: Path, quant_type: str) -> float:
    begun = time.perf_counter()
    command = [str(engine_bin() / "llama-quantize"), str(source), str(target), quant_type]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--type", default="Q4_K_M")
    asked = parser.parse_args()
    print(__doc__, flush=True)
    source = half_billion("F16")
    ratios = []
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        for pair in range(-1, asked.pairs):  # the first brings the source into memory
            took = {}
            for way in (ours, by_hand) if pair % 2 else (by_hand, ours):
                target = Path(folder) / f"{way.__name__}.gguf"
                took[way] = way(source, target, asked.type)
                target.unlink()
            if pair >= 0:
                ratios.append(took[ours] / took[by_hand])
                print(f"  pair {pair + 1}: {took[ours]:.2f} s, by hand {took[by_hand]:.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"resident memory of our own process, at most: {peak / 1024:.0f} MiB")
    print(figure("seconds / llama-quantize by hand (at most 1.03)", bootstrap(ratios), 3))


if __name__ == "__main__":
    main()
