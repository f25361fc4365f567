"""What the gateway costs: Paddock against bare llama-server, in interleaved pairs.

Method, printed first by every run: one random-weight 0.5 B Q4_K_M model; Paddock's service with its
llama-server child, and a second llama-server started with the same arguments, both loaded and warm;
runs alternate between the two, and so does which of a pair goes first (it matters: take an even
number of pairs), so that both see the same machine; a run is N streamed requests at once. Figures
are medians over the pairs, ratios with a 95 % bootstrap interval. With a real engine the TTFT of
several streams jumps by whole batches (tens to hundreds of milliseconds), whichever way they came;
what the gateway itself adds is therefore measured on a scripted upstream as well (passthrough.py:
it answers at once), against the same upstream asked directly. The CPU figure comes from that
upstream too: user + system time of the gateway's process per streamed event, over that of a bare
aiohttp pass-through, alternating.

    uv run python benchmarks/gateway.py [--pairs 16] [--concurrency 1,8] [--tokens 64]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import half_billion
from desktop.core.client.connect import connect_or_start
from desktop.core.engine.server import free_port
from desktop.core.paths import paths

PROMPT = "Tell me."


@dataclass
class Target:
    """A server that takes chat completions."""

    name: str
    url: str
    key: str
    model: str


@dataclass
class Run:
    """What one run measured: tokens per second over all its streams, TTFT of each in seconds."""

    tokens_per_second: float
    ttft_seconds: list[float]


async def one_stream(
    session: aiohttp.ClientSession, target: Target, tokens: int
) -> tuple[float, float, int]:
    """TTFT, time of the last event, and number of content events of one request."""
    body = {
        "model": target.model,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": tokens,
        "ignore_eos": True,
        "cache_prompt": False,
        "temperature": 0,
        "stream": True,
    }
    begun = time.perf_counter()
    first = last = 0.0
    events = 0
    async with session.post(
        f"{target.url}/v1/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {target.key}"},
    ) as reply:
        reply.raise_for_status()
        async for line in reply.content:
            if line.startswith(b"data: {") and b'"delta":{' in line:
                last = time.perf_counter()
                first = first or last
                events += 1
    return first - begun, last, events


async def one_run(target: Target, streams: int, tokens: int) -> Run:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        begun = time.perf_counter()
        done = await asyncio.gather(*(one_stream(session, target, tokens) for _ in range(streams)))
    wall = max(last for _, last, _ in done) - begun
    return Run(streams * tokens / wall, [ttft for ttft, _, _ in done])


def bootstrap(values: Sequence[float], rounds: int = 5000) -> tuple[float, float, float]:
    """Median and its 95 % percentile bootstrap interval (Efron & Tibshirani 1993, ch. 13)."""
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(rounds))
    low, high = medians[int(0.025 * rounds)], medians[int(0.975 * rounds)]
    return statistics.median(values), low, high


async def compare(
    ours: Target, bare: Target, streams: int, pairs: int, tokens: int
) -> tuple[list[float], list[float]]:
    """Ratios of tok/s (ours over bare) and differences of TTFT in milliseconds, pair by pair."""
    ratios, added_ms = [], []
    for target in (ours, bare):
        await one_run(target, streams, 8)
    for pair in range(pairs):
        order = (ours, bare) if pair % 2 == 0 else (bare, ours)
        runs = {target.name: await one_run(target, streams, tokens) for target in order}
        mine, theirs = runs[ours.name], runs[bare.name]
        ratios.append(mine.tokens_per_second / theirs.tokens_per_second)
        mine_ttft = statistics.median(mine.ttft_seconds)
        added_ms.append((mine_ttft - statistics.median(theirs.ttft_seconds)) * 1000)
        print(
            f"  pair {pair + 1:2d}  {streams} stream(s): paddock {mine.tokens_per_second:6.1f} "
            f"bare {theirs.tokens_per_second:6.1f} tok/s  ratio {ratios[-1]:.3f}  "
            f"ttft {mine_ttft * 1000:6.1f} ms ({added_ms[-1]:+.1f})",
            file=sys.stderr,
        )
    return ratios, added_ms


def start_bare(pid: int) -> tuple[subprocess.Popen[bytes], Target]:
    """A llama-server of our own with the arguments of Paddock's child, on another port."""
    arguments = psutil.Process(pid).cmdline()
    port = free_port()
    arguments[arguments.index("--port") + 1] = str(port)
    key = "bench"
    process = subprocess.Popen(
        arguments,
        env={**os.environ, "LLAMA_API_KEY": key},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return process, Target("bare", f"http://127.0.0.1:{port}", key, "any")


async def wait_healthy(url: str) -> None:
    deadline = time.monotonic() + 120
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(f"{url}/health") as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.05)
    sys.exit("llama-server did not get ready")


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def start(role: str, *more: str) -> tuple[subprocess.Popen[bytes], str]:
    """A process of passthrough.py, and its address."""
    script = str(Path(__file__).with_name("passthrough.py"))
    process = subprocess.Popen(
        [sys.executable, script, role, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


async def ttft_added(streams: int, rounds: int = 100) -> list[float]:
    """Milliseconds the gateway adds to the first event of a scripted upstream, round by round."""
    upstream, url = start("upstream", "--events", "1", "--rate", "100000")
    gateway, gateway_url = start("gateway", "--upstream", url)
    targets = [Target("direct", url, "x", "m"), Target("gateway", gateway_url, "x", "m")]
    added = []
    try:
        for turn in range(-5, rounds):  # the first ones are a warm-up
            took = {}
            for target in targets if turn % 2 else targets[::-1]:
                run = await one_run(target, streams, 1)
                took[target.name] = statistics.median(run.ttft_seconds) * 1000
            if turn >= 0:
                added.append(took["gateway"] - took["direct"])
    finally:
        for process in (gateway, upstream):
            process.kill()
            process.wait()
    return added


async def cpu_ratios(pairs: int, streams: int, events: int, rate: float) -> list[float]:
    """CPU per event of the gateway over that of a bare pass-through, pair by pair."""
    upstream, url = start("upstream", "--events", str(events), "--rate", str(rate))
    bare, bare_url = start("bare", "--upstream", url)
    gateway, gateway_url = start("gateway", "--upstream", url)
    targets = {
        "gateway": (gateway.pid, Target("gateway", gateway_url, "x", "m")),
        "bare": (bare.pid, Target("bare", bare_url, "x", "m")),
    }
    ratios = []
    try:
        for pair in range(-1, pairs):  # the first is a warm-up
            cost = {}
            for name in ("gateway", "bare") if pair % 2 else ("bare", "gateway"):
                pid, target = targets[name]
                before = cpu_seconds(pid)
                await one_run(target, streams, events)
                cost[name] = (cpu_seconds(pid) - before) / (streams * events) * 1e6
            if pair >= 0:
                ratios.append(cost["gateway"] / cost["bare"])
                print(
                    f"  pair {pair + 1:2d}  gateway {cost['gateway']:.1f} us/event, "
                    f"bare {cost['bare']:.1f}, ratio {ratios[-1]:.2f}",
                    file=sys.stderr,
                )
    finally:
        for process in (gateway, bare, upstream):
            process.kill()
            process.wait()
    return ratios


async def measure(arguments: argparse.Namespace) -> None:
    print(__doc__)
    results: list[str] = []
    cpu = await cpu_ratios(arguments.cpu_pairs, 40, 400, 50.0)
    median, low, high = bootstrap(cpu)
    results.append(f"CPU per event / bare aiohttp   {median:.2f}  [{low:.2f}, {high:.2f}]")
    for streams in arguments.concurrency:
        median, low, high = bootstrap(await ttft_added(streams))
        results.append(
            f"TTFT added at {streams}, scripted, ms  {median:+.2f}  [{low:+.2f}, {high:+.2f}]"
        )
    if arguments.pairs:
        await against_engine(arguments, results)
    print("\n".join(results))


async def against_engine(arguments: argparse.Namespace, results: list[str]) -> None:
    model = half_billion()
    with tempfile.TemporaryDirectory() as home:
        os.environ["PADDOCK_HOME"] = home
        client = connect_or_start(paths())
        process = None
        try:
            client.add_models(str(model))
            entry = next(e for e in client.models() if e["path"] == str(model))
            loaded = client.load(entry["id"], context_tokens=512, slots=8)
            public = client.public_on(port=free_port())
            ours = Target("paddock", public["url"], "none", entry["id"])
            process, bare = start_bare(loaded["pid"])
            await wait_healthy(bare.url)
            for streams in arguments.concurrency:
                ratios, added_ms = await compare(
                    ours, bare, streams, arguments.pairs, arguments.tokens
                )
                median, low, high = bootstrap(ratios)
                results.append(
                    f"tok/s / bare llama-server at {streams}  {median:.3f}  [{low:.3f}, {high:.3f}]"
                )
                median, low, high = bootstrap(added_ms)
                results.append(
                    f"TTFT added at {streams}, ms  {median:+.2f}  [{low:+.2f}, {high:+.2f}]"
                )
        finally:
            if process is not None:
                process.kill()
                process.wait()
            client.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--cpu-pairs", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument(
        "--concurrency", type=lambda text: [int(n) for n in text.split(",")], default=[1, 8]
    )
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
