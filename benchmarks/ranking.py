"""How long it takes to rank 500 models for a machine.

    uv run python -m benchmarks.ranking

The catalogue's rows are copied until there are 500, each copy with another vocabulary, layer width
and size, so that no two share what is computed of a shape. Preparing them is the program's start;
ranking is what happens when somebody moves a slider. The last line is the judged figure: the
slowest of the medians, over machines and over contexts not asked for before. The CPU's time
stands beside it: where that is much less, other programs had the processor.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from desktop.core.fit.candidates import catalog_candidates, prepare
from desktop.core.fit.catalog import Catalog, CatalogModel, load_catalog
from desktop.core.fit.recommend import Wish, recommend
from desktop.core.fit.simulate import parse_machine, seeded_speeds

ROWS = 500
REPEATS = 7
LIMIT_SECONDS = 0.100
MACHINES = (
    "ram=16",
    "ram=32,gpu=RTX_4060",
    "ram=32,gpu=RTX_4090",
    "ram=64,gpu=Apple_M4_Max",
    "ram=128,gpu=RTX_5090",
)
CONTEXTS = (2048, 3072, 6144, 12_288, 16_384)


def perturbed(model: CatalogModel, copy: int) -> CatalogModel:
    """A model like this one that shares nothing with it."""
    factor = 1 + 0.02 * copy
    return replace(
        model,
        id=f"{model.id}-{copy}",
        vocab_size=None if model.vocab_size is None else model.vocab_size + 256 * copy,
        feed_forward=None if model.feed_forward is None else model.feed_forward + 256 * copy,
        parameters=round(model.parameters * factor),
        file_parameters=None
        if model.file_parameters is None
        else round(model.file_parameters * factor),
        sizes={quant: round(size * factor) for quant, size in model.sizes.items()},
    )


def rows() -> Iterator[CatalogModel]:
    """500 rows that can be judged, all for chat, so that each is ranked."""
    judged = {candidate.id for candidate in catalog_candidates(load_catalog())[0]}
    usable = [m for m in load_catalog().models if m.id in judged and "chat" in m.capabilities]
    for number in range(ROWS):
        copy, index = divmod(number, len(usable))
        yield usable[index] if copy == 0 else perturbed(usable[index], copy)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this process on a CPU."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def median(samples: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(a for a, _ in samples), statistics.median(b for _, b in samples)


def main() -> int:
    shipped = load_catalog()
    catalog = Catalog(shipped.collected, shipped.sizes_collected, tuple(rows()))
    start = time.perf_counter()
    candidates, left_out = catalog_candidates(catalog)
    prepare(candidates)
    prepared = time.perf_counter() - start
    print(f"the start: {len(candidates)} candidates prepared in {prepared:.2f} s")

    def sample(text: str, wish: Wish) -> tuple[float, float]:
        """Of a machine not asked for before: its speeds are new."""
        machine = parse_machine(text)
        speeds = seeded_speeds(machine)
        return timed(
            lambda: recommend(
                candidates, machine, speeds, wish, today=catalog.collected, left_out=left_out
            )
        )

    times = []
    for text, context in zip(MACHINES, CONTEXTS, strict=True):
        times.append(median([sample(text, Wish()) for _ in range(REPEATS)]))
        wishes = [Wish(context_tokens=context + 256 * number) for number in range(REPEATS)]
        times.append(median([sample(text, wish) for wish in wishes]))
        print(
            f"{text}: {1000 * times[-2][0]:.1f} ms, {1000 * times[-1][0]:.1f} ms for contexts not "
            f"asked for before (medians of {REPEATS})"
        )
    worst, cpu = max(times)
    verdict = "within" if worst < LIMIT_SECONDS else "OVER"
    print(
        f"{len(candidates)} rows ranked in {1000 * worst:.1f} ms at worst ({1000 * cpu:.1f} ms of "
        f"CPU), {verdict} {1000 * LIMIT_SECONDS:.0f} ms"
    )
    return 0 if worst < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
