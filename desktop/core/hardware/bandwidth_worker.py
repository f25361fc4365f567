"""The measuring half of `bandwidth`: a child process of its own, for numpy is large and a crash
must harm nobody. Prints one JSON line on stdout.

Two loops over one buffer much larger than the caches, every thread on its own part of it:
- copy: the buffer's halves of each part; counted are the bytes read plus the bytes written (the
  lines a plain store also reads are not counted).
- read: a dot product of each part with itself; counted are the bytes read.
Both run without the interpreter's lock. Of each kind and thread count the best of several short
windows counts: other programs can only make it slower.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

_CHUNK_BYTES = 16 << 20  # long enough that the interpreter's share does not show
_WINDOWS = 3


def main(arguments: Sequence[str]) -> int:
    """`--buffer-bytes N --threads 1,2,4 --budget-seconds S`; 0 when a figure was printed."""
    parser = argparse.ArgumentParser(prog="paddock _bandwidth_worker")
    parser.add_argument("--buffer-bytes", type=int, required=True)
    parser.add_argument("--threads", type=_counts, required=True)
    parser.add_argument("--budget-seconds", type=float, default=1.7)
    options = parser.parse_args(list(arguments))
    started = time.perf_counter()
    result = measure(options.buffer_bytes, options.threads, options.budget_seconds)
    result["seconds"] = round(time.perf_counter() - started, 3)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",")]
    if not counts or min(counts) < 1:
        raise argparse.ArgumentTypeError("thread counts are 1 or more")
    return counts


def measure(buffer_bytes: int, threads: Sequence[int], budget_seconds: float) -> dict[str, Any]:
    """Best rates per kind and thread count, within the budget (import and first touch included).

    Returns:
        {"copy": [{"threads", "gb_per_second"}], "read": the same, "buffer_bytes"}; GB = 10^9 bytes.
    """
    deadline = time.perf_counter() + budget_seconds
    import numpy

    length = max(4096, buffer_bytes // 4)
    buffer = numpy.empty(length, dtype=numpy.float32)

    def touch(part: Any) -> int:
        part.fill(1.0)  # the first write is what makes the system hand out the memory
        return int(part.nbytes)

    def read(part: Any) -> int:
        numpy.dot(part, part)
        return int(part.nbytes)

    def copy(part: Any) -> int:
        half = int(part.size) // 2
        numpy.copyto(part[half : 2 * half], part[:half])
        return 2 * half * 4

    _run(touch, buffer, max(threads), None)
    kinds: dict[str, Callable[[Any], int]] = {"copy": copy, "read": read}
    tests = [(kind, count) for kind in kinds for count in threads]
    best = dict.fromkeys(tests, 0.0)
    left = deadline - time.perf_counter()
    window = max(0.005, left / (len(tests) * _WINDOWS))
    for turn in range(_WINDOWS):
        for kind, count in tests:
            if turn == 0 or time.perf_counter() + window <= deadline + window / 2:
                rate = _run(kinds[kind], buffer, count, window) / 1e9
                best[kind, count] = max(best[kind, count], rate)
    figures: dict[str, Any] = {
        kind: [
            {"threads": count, "gb_per_second": round(best[kind, count], 2)} for count in threads
        ]
        for kind in kinds
    }
    return {**figures, "buffer_bytes": int(buffer.nbytes)}


def _run(work: Callable[[Any], int], buffer: Any, threads: int, seconds: float | None) -> float:
    """Bytes per second of `threads` threads, from the first start to the last end.

    With `seconds` None every part is worked through once.
    """
    size = buffer.size // threads
    chunk = min(size, _CHUNK_BYTES // 4)
    spans: list[tuple[float, float, int]] = []
    ready = threading.Barrier(threads)

    def loop(part: Any) -> None:
        ready.wait()
        start = now = time.perf_counter()
        done = position = 0
        while now - start < seconds if seconds is not None else position < size:
            if position >= size:
                position = 0
            done += work(part[position : min(position + chunk, size)])
            position += chunk
            now = time.perf_counter()
        spans.append((start, now, done))

    workers = [
        threading.Thread(target=loop, args=(buffer[index * size : (index + 1) * size],))
        for index in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if len(spans) != threads:
        raise RuntimeError("a measuring thread failed")
    elapsed = max(end for _, end, _ in spans) - min(start for start, _, _ in spans)
    return sum(done for _, _, done in spans) / max(elapsed, 1e-9)
