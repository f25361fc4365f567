"""How long it takes to rank 500 models for a machine.

    uv run python -m benchmarks.ranking

The catalogue's rows are copied until there are 500, each copy with another vocabulary, layer width
and size, so that no two share what is computed of a shape. Preparing them is the program's start;
ranking is what happens when somebody moves a slider. The last line is the judged figure: the
slowest over machines and over contexts not asked for before, each the best of seven: other programs
can only make it slower. Medians and the CPU's time stand beside it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Timing:
    """Seconds of several rankings: the best and the median by the clock, the median of the CPU."""

    best: float
    median: float
    cpu: float


def timed(work: Callable[[], object]) -> tuple[float, float]:
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def timing(samples: list[tuple[float, float]]) -> Timing:
    clock, cpu = zip(*samples, strict=True)
    return Timing(min(clock), statistics.median(clock), statistics.median(cpu))


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
        plain = timing([sample(text, Wish()) for _ in range(REPEATS)])
        wishes = [Wish(context_tokens=context + 256 * number) for number in range(REPEATS)]
        other = timing([sample(text, wish) for wish in wishes])
        times += [plain, other]
        print(
            f"{text}: {1000 * plain.best:.1f} ms (median {1000 * plain.median:.1f}), contexts not "
            f"asked for before {1000 * other.best:.1f} ms (median {1000 * other.median:.1f})"
        )
    worst = max(times, key=lambda each: each.best)
    verdict = "within" if worst.best < LIMIT_SECONDS else "OVER"
    print(
        f"{len(candidates)} rows ranked in {1000 * worst.best:.1f} ms at worst (median "
        f"{1000 * worst.median:.1f} ms, CPU {1000 * worst.cpu:.1f} ms), {verdict} "
        f"{1000 * LIMIT_SECONDS:.0f} ms"
    )
    return 0 if worst.best < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
