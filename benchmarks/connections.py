"""Many connections that do nothing, and many requests that wait: memory, latency, the bound.

Method, printed first by every run. The real service with a scripted engine. First the latency of
`/v1/models` and the TTFT of a stream with nobody else there. Then so many idle connections are
opened (half of them have sent half a request, half are kept alive after a whole one), and the same
is measured again, with the service's memory. Then a model with one slot gets so many requests at
once: how long the last waits, and what a request to another model costs meanwhile. At last the line
is filled to its bound, and it is measured how soon each further request is refused with 429.

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


async def enough_wait(place: House, asked: list[asyncio.Task[int]], share: float = 0.9) -> None:
    """Return when this share of them waits, or all have been answered; one has the slot."""
    while not all(task.done() for task in asked):
        if place.client.state()["waiting"] >= (len(asked) - 1) * share:
            return
        await asyncio.sleep(0.005)


async def queued(place: House, other: str, count: int) -> str:
    """So many at once for one slot."""
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
    return (
        f"{count} requests at once for one slot: {dict(found)}, the last after "
        f"{max(waits):.2f} s; TTFT of another model meanwhile "
        f"{statistics.median(meanwhile):.1f} ms (p99 {quantile(meanwhile, 0.99):.1f}); "
        f"memory {before:.1f} → {there:.1f} MiB"
    )


async def past_the_bound(place: House, count: int) -> str:
    """With so many in the line that no more may come: how soon each further one is told."""
    place.scripted(500, 50.0)  # ten seconds each: the line stays full meanwhile
    place.load(place.bundled, slots=1)
    place.client.change_settings({"server.queue_limit": count})
    body = {"model": place.bundled, "messages": [{"role": "user", "content": PROMPT}]}
    url = f"{place.url}/v1/chat/completions"
    refused: list[float] = []
    found: Counter[int] = Counter()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def wait_in_line() -> int:
            async with session.post(url, json=body) as reply:
                await reply.read()
                return reply.status

        waiting = [asyncio.create_task(wait_in_line()) for _ in range(count + 1)]
        await enough_wait(place, waiting, share=1.0)
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            async with session.post(url, json=body) as reply:
                await reply.read()
            refused.append((time.perf_counter() - begun) * 1000)
            found[reply.status] += 1
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return (
        f"{ROUNDS} more while {count} wait, which is the bound: {dict(found)}, known after "
        f"{statistics.median(refused):.2f} ms (p99 {quantile(refused, 0.99):.2f})"
    )


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
        results.append(await queued(place, other, arguments.queued))
        results.append(await past_the_bound(place, arguments.queued))
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
