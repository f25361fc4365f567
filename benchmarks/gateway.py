"""What the gateway costs: Paddock against bare llama-server, in interleaved pairs.

Method, printed first by every run. Paddock is the real service with everything it does for a
request (keys, queue, ledger, metrics), in a process of its own; all figures are of pairs that
alternate, and so does which of a pair goes first, so that both see the same machine. A figure is
the median over the pairs with its 95 % bootstrap interval.

engine    One random-weight 0.5 B Q4_K_M model in one llama-server, Paddock's child, asked through
          Paddock and directly. (Two llama-servers with the same arguments differ by more than the
          gateway costs, by where in memory their weights came to lie.) A run is N streamed
          requests at once, of which the engine keeps nothing. Ratio of tok/s over all streams. The
          TTFT of several streams jumps by whole batches here, whichever way they came; so what the
          gateway adds is measured with
ttft      a scripted llama-server that begins its answers at once, at 50 events/s, asked through
          Paddock and directly. N clients ask, each again after it was answered and has paused for
          up to as long, so that requests come while others are answered, 2 a second from each.
burst     The same with N requests in the same moment, which stand in line on one core whatever is
          in front of the engine: what Paddock adds, and what a bare aiohttp pass-through adds.
cpu       The same scripted engine at 50 events/s for each of 40 streams: user + system time of
          Paddock's process per streamed event, over that of a bare aiohttp pass-through
          (passthrough.py) in front of the same engine.
memory    100 such streams at a time (of 2 models), one after another without a break: resident
          memory of Paddock's process, every 10 s. Its slope is fitted over the second half: what is
          kept of the latest requests and events fills in the first.
binding   The server of the Python binding (llama_cpp.server), which llama-cpp-python's own users
          run, with the same model: ratio of tok/s at 8 requests. It answers one at a time.

    .venv/bin/python benchmarks/gateway.py [--only engine,ttft,burst,cpu,memory,binding]
        [--pairs 16]
        [--concurrency 1,8,32] [--tokens 64] [--memory-minutes 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import House, cpu_seconds, engine_url, house, script, started
from benchmarks.models import cache_folder, half_billion, small
from benchmarks.streams import Target, bootstrap, figure, one_run, quantile, visitors
from desktop.core.engine.server import free_port

PARTS = ("engine", "ttft", "burst", "cpu", "memory", "binding")
ANSWER_TOKENS, ANSWER_RATE = 16, 50.0
SLICE_SECONDS = 4.0
# What llama_cpp.server imports beside the binding itself (its extra "server").
BINDING_NEEDS = (
    "fastapi>=0.100",
    "pydantic-settings>=2",
    "sse-starlette>=1.6",
    "starlette-context>=0.3.6,<0.4",
    "uvicorn>=0.22",
    "PyYAML>=5",
)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def in_turn(pair: int, ours: Target, other: Target) -> Sequence[Target]:
    return (ours, other) if pair % 2 == 0 else (other, ours)


async def wait_healthy(url: str, path: str = "/health") -> None:
    deadline = time.monotonic() + 120
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(f"{url}{path}") as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    sys.exit(f"{url} did not get ready")


# --- a real engine --------------------------------------------------------------------------------


async def compare(
    ours: Target, other: Target, streams: int, pairs: int, tokens: int
) -> list[float]:
    """Ratios of tok/s (ours over the other's), pair by pair."""
    ratios = []
    for target in (ours, other):
        await one_run(target, streams, 8)
    for pair in range(pairs):
        runs = {}
        for target in in_turn(pair, ours, other):
            runs[target.name] = await one_run(target, streams, tokens)
        mine, theirs = runs[ours.name], runs[other.name]
        ratios.append(mine.tokens_per_second / theirs.tokens_per_second)
        note(
            f"  pair {pair + 1:2d}  {streams} stream(s): paddock {mine.tokens_per_second:6.1f} "
            f"{other.name} {theirs.tokens_per_second:6.1f} tok/s  ratio {ratios[-1]:.3f}  ttft "
            f"{statistics.median(mine.ttft_seconds) * 1000:.0f} and "
            f"{statistics.median(theirs.ttft_seconds) * 1000:.0f} ms"
        )
    return ratios


async def against_engine(place: House, arguments: argparse.Namespace) -> list[str]:
    place.client.use_engine("environment")
    name = place.add(half_billion())
    results = []
    for streams in arguments.concurrency:
        loaded = place.load(name, slots=streams)
        key = psutil.Process(loaded["pid"]).environ()["LLAMA_API_KEY"]
        bare = Target("bare", engine_url(loaded["pid"]), key, "any")
        ours = place.target(name)
        ratios = await compare(ours, bare, streams, arguments.pairs, arguments.tokens)
        results.append(figure(f"tok/s / bare llama-server at {streams}", bootstrap(ratios), 3))
    place.client.unload(name)
    return results


def binding_folder() -> Path:
    """A folder with what llama_cpp.server imports, got once."""
    folder = cache_folder() / "binding"
    if not (folder / "fastapi").is_dir():
        uv = Path(__file__).resolve().parents[1] / ".uv" / "bin" / "uv"
        note("getting what llama_cpp.server needs (once)")
        more = ["--target", str(folder), "--python", sys.executable, *BINDING_NEEDS]
        program = str(uv) if uv.exists() else "uv"
        subprocess.run([program, "pip", "install", "-q", *more], check=True)
    return folder


async def against_binding(place: House, arguments: argparse.Namespace) -> list[str]:
    folder = binding_folder()
    place.client.use_engine("environment")
    name = place.add(half_billion())
    place.load(name, slots=8)
    port = free_port()
    words = [sys.executable, "-m", "llama_cpp.server", "--model", str(half_billion())]
    words += ["--port", str(port), "--n_ctx", "512", "--interrupt_requests", "false"]
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    quiet = {"stderr": subprocess.DEVNULL, "env": {**os.environ, "PYTHONPATH": path}}
    with started(words, **quiet):
        other = Target("binding", f"http://127.0.0.1:{port}", "none", "any")
        await wait_healthy(other.url, "/v1/models")
        ratios = await compare(
            place.target(name), other, 8, arguments.binding_pairs, arguments.tokens
        )
    place.client.unload(name)
    return [figure("tok/s / llama_cpp.server at 8", bootstrap(ratios))]


# --- a scripted engine ----------------------------------------------------------------------------


def added(name: str, ours: list[list[float]], direct: list[list[float]]) -> list[str]:
    """What one way adds to another, of samples in milliseconds from slices that alternated."""
    places = [float(number) for number in range(len(ours))]

    def between(of: Callable[[Sequence[float]], float]) -> tuple[float, float, float]:
        def difference(drawn: Sequence[float]) -> float:
            pooled = [[each for n in drawn for each in way[int(n)]] for way in (ours, direct)]
            return of(pooled[0]) - of(pooled[1])

        return bootstrap(places, difference, 1000)

    return [
        figure(f"{name}, median, ms", between(statistics.median), sign="+"),
        figure(f"{name}, p99 − p99, ms", between(lambda all_: quantile(all_, 0.99)), sign="+"),
    ]


async def ttft_added(place: House, arguments: argparse.Namespace) -> list[str]:
    place.scripted(ANSWER_TOKENS, ANSWER_RATE)
    results = []
    for streams in arguments.concurrency:
        loaded = place.load(place.bundled, slots=streams)
        ours = place.target(place.bundled)
        direct = Target("direct", engine_url(loaded["pid"]), "none", "any")
        slices: dict[str, list[list[float]]] = {ours.name: [], direct.name: []}
        for turn in range(-1, arguments.pairs):  # the first is a warm-up
            for target in in_turn(turn, ours, direct):
                pause = ANSWER_TOKENS / ANSWER_RATE
                took = await visitors(target, streams, ANSWER_TOKENS, pause, SLICE_SECONDS)
                if turn >= 0:
                    slices[target.name].append([seconds * 1000 for seconds in took])
        results += added(f"TTFT added at {streams}", slices[ours.name], slices[direct.name])
    place.client.unload(place.bundled)
    return results


async def burst_added(place: House, arguments: argparse.Namespace) -> list[str]:
    place.scripted(1, 100_000)
    results = []
    for streams in arguments.concurrency:
        loaded = place.load(place.bundled, slots=streams)
        engine = engine_url(loaded["pid"])
        with started([*script("passthrough.py"), "--upstream", engine]) as bare:
            assert bare.stdout is not None
            url = json.loads(bare.stdout.readline())["url"]
            targets = [
                place.target(place.bundled),
                Target("bare aiohttp", url, "none", "any"),
                Target("direct", engine, "none", "any"),
            ]
            took: dict[str, list[list[float]]] = {target.name: [] for target in targets}
            for turn in range(-5, arguments.burst_rounds):  # the first ones are a warm-up
                for target in targets[turn % 3 :] + targets[: turn % 3]:
                    run = await one_run(target, streams, 1)
                    if turn >= 0:
                        took[target.name].append([each * 1000 for each in run.ttft_seconds])
        for target in targets[:2]:
            name = f"{streams} at once, {target.name} adds"
            results += added(name, took[target.name], took["direct"])
    place.client.unload(place.bundled)
    return results


async def cpu_ratio(place: House, arguments: argparse.Namespace) -> list[str]:
    streams, events = 40, 400
    place.scripted(events, 50.0)
    loaded = place.load(place.bundled, slots=streams)
    ratios, costs = [], []
    with started([*script("passthrough.py"), "--upstream", engine_url(loaded["pid"])]) as bare:
        assert bare.stdout is not None
        url = json.loads(bare.stdout.readline())["url"]
        ours, other = place.target(place.bundled), Target("bare", url, "none", "any")
        pids = {ours.name: place.pid, other.name: bare.pid}
        for pair in range(-1, arguments.cpu_pairs):  # the first is a warm-up
            cost = {}
            for target in in_turn(pair, ours, other):
                before = cpu_seconds(pids[target.name])
                run = await one_run(target, streams, events)
                cost[target.name] = (cpu_seconds(pids[target.name]) - before) / run.events * 1e6
            if pair >= 0:
                ratios.append(cost[ours.name] / cost[other.name])
                costs.append(cost[ours.name])
                note(
                    f"  pair {pair + 1:2d}  paddock {cost[ours.name]:.1f} us/event, "
                    f"bare {cost[other.name]:.1f}, ratio {ratios[-1]:.2f}"
                )
    place.client.unload(place.bundled)
    return [
        figure("CPU per event, us", bootstrap(costs), 1),
        figure("CPU per event / bare aiohttp", bootstrap(ratios)),
    ]


def slope_per_minute(samples: Sequence[tuple[float, float]]) -> float:
    """MiB a minute, by least squares over (seconds, MiB)."""
    mean_x = statistics.fmean(x for x, _ in samples)
    mean_y = statistics.fmean(y for _, y in samples)
    over = sum((x - mean_x) * (y - mean_y) for x, y in samples)
    under = sum((x - mean_x) ** 2 for x, _ in samples)
    return 60 * over / under


async def memory(place: House, arguments: argparse.Namespace) -> list[str]:
    second = place.add(small())
    place.scripted(250, 50.0)
    models = [place.bundled, second]
    for model in models:
        place.load(model, slots=50)
    process, begun = psutil.Process(place.pid), time.monotonic()
    seconds = arguments.memory_minutes * 60
    samples: list[tuple[float, float]] = []
    served = 0

    async def stream(model: str) -> None:
        nonlocal served
        while time.monotonic() - begun < seconds:
            await one_run(place.target(model), 1, 250)
            served += 1

    async def watch() -> None:
        while time.monotonic() - begun < seconds:
            rss = process.memory_info().rss / 2**20
            samples.append((time.monotonic() - begun, rss))
            note(f"  {samples[-1][0]:5.0f} s  {rss:6.1f} MiB, {served} streams served")
            await asyncio.sleep(min(10.0, seconds / 20))

    await asyncio.gather(watch(), *(stream(model) for model in models for _ in range(50)))
    warm = [each for each in samples if each[0] >= min(60.0, seconds / 3)]
    late = [each for each in samples if each[0] >= seconds / 2]
    for model in models:
        place.client.unload(model)
    return [
        f"memory with 100 streams, MiB: {warm[0][1]:.1f} after a minute, {warm[-1][1]:.1f} at the "
        f"end of {arguments.memory_minutes:g} min, most {max(y for _, y in samples):.1f}; "
        f"{slope_per_minute(late):+.3f} a minute in the second half; {served} streams"
    ]


async def measure(arguments: argparse.Namespace) -> None:
    print(__doc__, flush=True)
    parts = {
        "cpu": cpu_ratio,
        "ttft": ttft_added,
        "burst": burst_added,
        "engine": against_engine,
        "binding": against_binding,
        "memory": memory,
    }
    results: list[str] = []
    with house() as place:
        for name, part in parts.items():
            if name in arguments.only:
                note(f"{name} …")
                results += await part(place, arguments)
    print("\n".join(results))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    numbers = {"type": lambda text: [int(n) for n in text.split(",")]}
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--binding-pairs", type=int, default=15)
    parser.add_argument("--cpu-pairs", type=int, default=16)
    parser.add_argument("--burst-rounds", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--memory-minutes", type=float, default=10)
    parser.add_argument("--concurrency", default=[1, 8, 32], **numbers)
    arguments = parser.parse_args()
    unknown = set(arguments.only) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    asyncio.run(measure(arguments))


if __name__ == "__main__":
    main()
