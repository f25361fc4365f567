"""Many connections that do nothing, and many requests that wait: memory, latency, the bound.

Method, printed first by every run. The real service with a scripted engine. First the latency of
`/v1/models` and the TTFT of a stream with nobody else there. Then so many idle connections are
opened (half of them have sent half a request, half are kept alive after a whole one), and the same
is measured again, with the service's memory. Then a model with one slot gets so many requests at
once: how long the last waits, what a request to another model costs meanwhile, and how soon those
past the queue's bound are refused with 429.

    .venv/bin/python benchmarks/connections.py [--idle 5000] [--queued 300]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

import aiohttp
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import House, house
from benchmarks.models import small
from benchmarks.streams import PROMPT, one_run, quantile

ROUNDS = 100


def rss_mib(place: House) -> float:
    return float(psutil.Process(place.pid).memory_info().rss / 2**20)


async def latencies(place: House) -> str:
    """Of a list of models, and of the first event of a stream."""
    listed, first = [], []
    async with aiohttp.ClientSession() as session:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            async with session.get(f"{place.url}/v1/models") as reply:
                await reply.read()
            listed.append((time.perf_counter() - begun) * 1000)
            run = await one_run(place.target(place.bundled), 1, 1)
            first.append(run.ttft_seconds[0] * 1000)
    return (
        f"/v1/models {statistics.median(listed):.2f} ms (p99 {quantile(listed, 0.99):.2f}), "
        f"TTFT {statistics.median(first):.2f} ms (p99 {quantile(first, 0.99):.2f}), "
        f"memory {rss_mib(place):.1f} MiB"
    )


async def open_idle(place: House, count: int) -> list[asyncio.StreamWriter]:
    """Connections that are open and say nothing more."""
    host, port = place.url.removeprefix("http://").split(":")
    half = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 99\r\n"
    whole = f"GET /health HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    writers = []
    for number in range(count):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write((half if number % 2 else whole).encode())
        if not number % 2:
            await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
    return writers


async def enough_wait(place: House, asked: list[asyncio.Task[int]]) -> None:
    """Return when nearly all of them wait, or all have been answered."""
    while not all(task.done() for task in asked):
        if place.client.state()["waiting"] >= len(asked) * 0.9:
            return
        await asyncio.sleep(0.005)


async def queued(place: House, other: str, count: int) -> list[str]:
    """So many at once for one slot; the bound is half of them in a second go."""
    place.scripted(20, 2000.0)
    place.load(place.bundled, slots=1)
    place.client.load(other, slots=2, context_tokens=512, force=True)
    waits: list[float] = []
    before = rss_mib(place)

    async def ask(session: aiohttp.ClientSession, begun: float) -> int:
        body = {"model": place.bundled, "messages": [{"role": "user", "content": PROMPT}]}
        async with session.post(f"{place.url}/v1/chat/completions", json=body) as reply:
            await reply.read()
            waits.append(time.perf_counter() - begun)
            return reply.status

    lines = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        begun = time.perf_counter()
        asked = [asyncio.create_task(ask(session, begun)) for _ in range(count)]
        await enough_wait(place, asked)
        meanwhile = [
            (await one_run(place.target(other), 1, 20)).ttft_seconds[0] * 1000 for _ in range(20)
        ]
        there = rss_mib(place)
        found = Counter(await asyncio.gather(*asked))
        lines.append(
            f"{count} requests at once for one slot: {dict(found)}, the last after "
            f"{max(waits):.2f} s; TTFT of another model meanwhile "
            f"{statistics.median(meanwhile):.1f} ms (p99 "
            f"{quantile(meanwhile, 0.99):.1f}); memory {before:.1f} → {there:.1f} MiB"
        )
        place.client.change_settings({"server.queue_limit": count // 2})
        refused: list[float] = []

        async def ask_past_the_bound() -> int:
            begun = time.perf_counter()
            status = await ask(session, begun)
            if status == 429:
                refused.append((time.perf_counter() - begun) * 1000)
            return status

        found = Counter(await asyncio.gather(*(ask_past_the_bound() for _ in range(count * 2))))
        lines.append(
            f"{count * 2} at once with room for {count // 2} to wait: {dict(found)}; those refused "
            f"knew it after {statistics.median(refused or [0]):.1f} ms at the median, "
            f"{max(refused or [0]):.1f} at most"
        )
    return lines


async def measure(arguments: argparse.Namespace) -> None:
    print(__doc__, flush=True)
    results = []
    with house() as place:
        other = place.add(small())
        place.scripted(1, 100_000)
        place.load(place.bundled, slots=8)
        await latencies(place)  # a warm-up
        results.append(f"nobody else: {await latencies(place)}")
        begun = time.perf_counter()
        writers = await open_idle(place, arguments.idle)
        took = time.perf_counter() - begun
        results.append(
            f"{arguments.idle} idle connections (opened in {took:.1f} s): {await latencies(place)}"
        )
        for writer in writers:
            writer.close()
        for writer in writers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        results += await queued(place, other, arguments.queued)
    print("\n".join(results))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--queued", type=int, default=300)
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = arguments.idle + 1000
    if soft < needed:  # the service inherits it
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))
    asyncio.run(measure(arguments))


if __name__ == "__main__":
    main()
