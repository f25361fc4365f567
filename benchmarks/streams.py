"""Streamed requests as a client sends them, and what is made of their figures."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

PROMPT = "Tell me."


@dataclass(frozen=True)
class Target:
    """A server that takes chat completions."""

    name: str
    url: str
    key: str
    model: str


@dataclass
class Run:
    """What one run measured.

    Attributes:
        tokens_per_second: over all its streams, from the first request to the last event.
        ttft_seconds: of each stream.
        events: with content, of all.
    """

    tokens_per_second: float
    ttft_seconds: list[float]
    events: int


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
            if line.startswith(b"data: {") and b'"delta":' in line and b'"role"' not in line:
                last = time.perf_counter()
                first = first or last
                events += 1
    return first - begun, last, events


async def one_run(target: Target, streams: int, tokens: int) -> Run:
    """So many streams at once, over a connection each."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        begun = time.perf_counter()
        done = await asyncio.gather(*(one_stream(session, target, tokens) for _ in range(streams)))
    wall = max(last for _, last, _ in done) - begun
    events = sum(count for _, _, count in done)
    return Run(streams * tokens / wall, [ttft for ttft, _, _ in done], events)


async def visitors(
    target: Target, count: int, tokens: int, pause_seconds: float, seconds: float
) -> list[float]:
    """TTFT of requests of so many clients, each of which pauses before each of its requests.

    Args:
        pause_seconds: the longest pause; they are evenly distributed.
        seconds: after so long nobody asks again.
    """
    rng = random.Random(count)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        end = time.perf_counter() + seconds
        found: list[float] = []

        async def visitor() -> None:
            while True:
                await asyncio.sleep(rng.uniform(0, pause_seconds))
                if time.perf_counter() >= end:
                    return
                ttft, _, _ = await one_stream(session, target, tokens)
                found.append(ttft)

        await asyncio.gather(*(visitor() for _ in range(count)))
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of all lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def bootstrap(
    values: Sequence[float],
    of: Callable[[Sequence[float]], float] = statistics.median,
    rounds: int = 5000,
) -> tuple[float, float, float]:
    """A statistic and its 95 % percentile bootstrap interval (Efron & Tibshirani 1993, ch. 13)."""
    rng = random.Random(1)
    drawn = sorted(of(rng.choices(values, k=len(values))) for _ in range(rounds))
    return of(values), drawn[int(0.025 * rounds)], drawn[int(0.975 * rounds)]


def figure(name: str, found: tuple[float, float, float], places: int = 2, sign: str = "") -> str:
    """A line of results."""
    value, low, high = (f"{each:{sign}.{places}f}" for each in found)
    return f"{name:<46} {value}  [{low}, {high}]"
