"""Downloads: Paddock's against the official client's, from the same hub on loopback.

Method. The hub is tests/helpers/hub in a process of its own: it sends by sendfile from the page
cache, in plain HTTP (it does not speak Xet, so the official client runs with HF_HUB_DISABLE_XET=1).
Each download is a process of its own into an empty cache on the same disk; what was written before
is on the disk or deleted when it starts. It times the one call, without imports: `fetch`, which
checks the sha256, and `hf download`, which does not. Peak memory is the process's own high-water
mark. Runs alternate in pairs, and so does which of a pair goes first; a figure is the
median of the pairs' ratios (official seconds over ours: above 1 we are faster).

speed   as fast as the hub sends.
limit   the hub gives each connection 50 MB/s.
faults  each connection gets 25 MB/s, so that a kill does not cost a full buffer of the system;
        30 blows (429, 5xx, resets, truncated bodies, expired addresses, silence) fall on the
        requests, and the process is killed (SIGKILL) 10 times on the way. Judged: bytes that the
        hub sent over the file's size, and the sha256.
memory  a file of 70 GiB that is all hole, with a part file that lacks its last GiB: everything but
        the waiting is as in the whole download, and so is the hash over all of it. It needs 70 GiB
        free, which it reserves as any download does.

    python -m benchmarks.download [--size-mib 2048] [--pairs 5] [--only speed,limit,faults,memory]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.hub import Known, LocalHub

REPO, NAME = "bench/Model-GGUF", "model-Q8_0.gguf"
ROOT = Path(__file__).resolve().parents[1]
LIMITED_BYTES_PER_SECOND = 50e6
FAULTY_BYTES_PER_SECOND = 25e6
KILLS = 10
MOST_OVERHEAD = 1.1
MOST_MEMORY_MIB = 150
GIB, MIB = 1 << 30, 1 << 20


@dataclass(frozen=True)
class Run:
    """One download: seconds of the call, peak memory of the process, what was fetched."""

    seconds: float
    peak_mib: float
    sha256: str | None = None
    fetched_bytes: int | None = None


# The processes that download


def peak_mib() -> float:
    """The high-water mark of this process's resident memory."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    # Inherited from the process that started this one, so never too small.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / MIB if sys.platform == "darwin" else most / 1024


def ours(task: dict[str, Any]) -> dict[str, Any]:
    from desktop.core.hub.download.fetch import fetch
    from desktop.core.hub.download.order import Order
    from desktop.core.web import WebSettings

    order = Order.from_dict(task["order"])
    settings = WebSettings(endpoint=task["url"], idle_seconds=task["idle_seconds"])
    begun = time.perf_counter()
    fetched = fetch(order, Path(task["cache"]), settings)
    seconds = time.perf_counter() - begun
    (file,) = fetched.files
    return {"seconds": seconds, "blob": str(file.blob), "fetched_bytes": fetched.fetched_bytes}


def official(task: dict[str, Any]) -> dict[str, Any]:
    """`hf download`, as it is typed, but for its imports."""
    from huggingface_hub.cli.hf import main as hf

    sys.argv = ["hf", "download", REPO, NAME, "--cache-dir", task["cache"], "--quiet"]
    begun = time.perf_counter()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):
        hf()  # type: ignore[no-untyped-call]
    seconds = time.perf_counter() - begun
    (blob,) = Path(task["cache"]).glob("models--*/blobs/*")
    return {"seconds": seconds, "blob": str(blob)}


def child(kind: str, task: dict[str, Any]) -> None:
    done = ours(task) if kind == "ours" else official(task)
    print(json.dumps({**done, "peak_mib": peak_mib()}), flush=True)


def start(kind: str, task: dict[str, Any]) -> subprocess.Popen[bytes]:
    home = str(Path(task["cache"]).parent)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        "PADDOCK_HOME": home,
        "HF_HOME": home,
        "HF_ENDPOINT": task["url"],
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.download", "--child", kind, json.dumps(task)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if kind == "official" else None,
    )


def ended(process: subprocess.Popen[bytes], check_hash: bool = False) -> Run:
    """What a process says at its end; the program ends when it failed."""
    out, _ = process.communicate()
    if process.returncode != 0:
        sys.exit(f"a download ended with {process.returncode}")
    told = json.loads(out.splitlines()[-1])
    sha256 = None
    if check_hash:
        with Path(told["blob"]).open("rb") as blob:
            sha256 = hashlib.file_digest(blob, "sha256").hexdigest()
    return Run(told["seconds"], told["peak_mib"], sha256, told.get("fetched_bytes"))


# The hub and its file


@dataclass(frozen=True)
class Bench:
    """The hub with one file in it, and a folder for caches on the same disk."""

    hub: LocalHub
    folder: Path
    size_bytes: int
    sha256: str
    commit: str

    def task(self, cache: Path, idle_seconds: float = 30.0) -> dict[str, Any]:
        file = {
            "path": NAME,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "etag": self.sha256,
        }
        order = {"repo": REPO, "revision": "main", "commit": self.commit, "files": [file]}
        return {
            "url": self.hub.url,
            "cache": str(cache),
            "order": order,
            "idle_seconds": idle_seconds,
        }

    @contextlib.contextmanager
    def cache(self) -> Iterator[Path]:
        """An empty cache, on a disk that has nothing left to write."""
        os.sync()
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            yield Path(home) / "cache"

    def run(self, kind: str) -> Run:
        with self.cache() as cache:
            return ended(start(kind, self.task(cache)))


def random_file(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        for place in range(0, size_bytes, 16 * MIB):
            file.write(os.urandom(min(16 * MIB, size_bytes - place)))


@contextlib.contextmanager
def bench(size_bytes: int) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="paddock-download-") as name:
        folder = Path(name)
        with LocalHub(folder / "hub", process=True) as hub:
            source = folder / NAME
            random_file(source, size_bytes)
            with source.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            commit = hub.add_repo(REPO, {NAME: Known(source, sha256)})
            yield Bench(hub, folder, size_bytes, sha256, commit)


# What is measured


def pairs(bench: Bench, count: int, name: str) -> tuple[float, list[str]]:
    """The median ratio, and the lines that tell of it."""
    ratios: list[float] = []
    runs: dict[str, list[Run]] = {"ours": [], "official": []}
    for number in range(count):
        order = ("ours", "official") if number % 2 == 0 else ("official", "ours")
        for kind in order:
            runs[kind].append(bench.run(kind))
        mine, theirs = runs["ours"][-1], runs["official"][-1]
        ratios.append(theirs.seconds / mine.seconds)
        print(
            f"  {name} pair {number + 1}: ours {mine.seconds:.2f} s, {mine.peak_mib:.0f} MiB; "
            f"official {theirs.seconds:.2f} s, {theirs.peak_mib:.0f} MiB; ratio {ratios[-1]:.2f}; "
            f"load {os.getloadavg()[0]:.2f}",
            file=sys.stderr,
        )
    lines = []
    for kind, done in runs.items():
        speed = bench.size_bytes / statistics.median(run.seconds for run in done) / 1e6
        peak = max(run.peak_mib for run in done)
        lines.append(f"{name}: {kind} {speed:,.0f} MB/s, peak memory {peak:.0f} MiB")
    ratio = statistics.median(ratios)
    lines.append(
        f"{name}: official seconds / ours  {ratio:.2f}  "
        f"[{min(ratios):.2f}, {max(ratios):.2f}], {bench.size_bytes / MIB:,.0f} MiB, {count} pairs"
    )
    return ratio, lines


def blows(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """30 faults; the silent ones at the end, where nobody is killed before he notices."""
    early: list[tuple[str, dict[str, Any]]] = []
    early += [("rate_limit", {"retry_after": 1})] * 5
    early += [("server_error", {"status": status}) for status in (500, 502, 503, 504, 503, 500)]
    early += [("reset", {"after_bytes": rng.randrange(16 * MIB)}) for _ in range(5)]
    early += [("reset", {"after_bytes": None})]
    early += [("truncate", {"after_bytes": rng.randrange(16 * MIB)}) for _ in range(5)]
    early += [("expire", {})] * 5
    rng.shuffle(early)
    return early + [("stall", {"after_bytes": rng.randrange(4 * MIB)}) for _ in range(3)]


def with_faults(bench: Bench) -> tuple[bool, list[str]]:
    """One download with 30 blows and 10 kills; whether it held, and the lines that tell of it."""
    hub, rng = bench.hub, random.Random(11)
    planned = blows(rng)
    each = (len(planned) - 3) // KILLS + 1
    hub.faults.clear()
    hub.clear_log()
    hub.faults.bytes_per_second = FAULTY_BYTES_PER_SECOND
    begun, kills, fell = time.perf_counter(), 0, len(planned)
    with bench.cache() as cache:
        task = bench.task(cache, idle_seconds=2.0)
        for kill in range(1, KILLS + 1):
            count = min(each, len(planned) - 3)
            for kind, detail in planned[:count]:
                getattr(hub.faults, kind)(1, skip=rng.randrange(2), **detail)
            del planned[:count]
            process = start("ours", task)
            while hub.sent_bytes < bench.size_bytes * kill / (KILLS + 1):
                if process.poll() is not None:
                    sys.exit(f"a download ended with {process.returncode} before it was killed")
                time.sleep(0.005)
            process.kill()
            process.communicate()
            kills += 1
        for kind, detail in planned:
            getattr(hub.faults, kind)(1, **detail)
        run = ended(start("ours", task), check_hash=True)
    fell -= hub.faults.left
    sent = hub.sent_bytes
    hub.faults.clear()
    overhead = sent / bench.size_bytes
    right = run.sha256 == bench.sha256
    held = right and overhead < MOST_OVERHEAD and fell == 30 and kills == KILLS
    return held, [
        f"faults: {fell} blows and {kills} kills in {time.perf_counter() - begun:.0f} s: "
        f"{sent / MIB:,.0f} MiB sent for {bench.size_bytes / MIB:,.0f} MiB  {overhead:.3f}, "
        f"sha256 {'right' if right else 'WRONG'}, peak memory {run.peak_mib:.0f} MiB"
    ]


def zeros_sha256(size_bytes: int) -> str:
    digest, block = hashlib.sha256(), bytes(MIB)
    for _ in range(size_bytes // MIB):
        digest.update(block)
    return digest.hexdigest()


def giant(size_bytes: int) -> tuple[bool, list[str]]:
    """The end of a download of a huge file: memory must not grow with its size."""
    from desktop.core.hub.download.manifest import Manifest
    from desktop.core.hub.download.names import layout
    from desktop.core.hub.download.ranges import Ranges

    with tempfile.TemporaryDirectory(prefix="paddock-download-") as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if free < size_bytes + 2 * GIB:
            return False, [f"memory: not measured, {free / GIB:.0f} GiB free"]
        source = folder / NAME
        with source.open("wb") as file:
            file.truncate(size_bytes)
        sha256 = zeros_sha256(size_bytes)
        with LocalHub(folder / "hub", process=True) as hub:
            commit = hub.add_repo(REPO, {NAME: Known(source, sha256)})
            bench = Bench(hub, folder, size_bytes, sha256, commit)
            with bench.cache() as cache:
                place = layout(cache, REPO, commit, "main")
                place.blobs.mkdir(parents=True)
                with place.part(sha256).open("wb") as part:
                    part.truncate(size_bytes)
                have = Ranges([(0, size_bytes - GIB)])
                manifest = Manifest(REPO, commit, NAME, sha256, size_bytes, sha256, have)
                manifest.save(place.manifest(sha256))
                run = ended(start("ours", bench.task(cache)))
                sent = hub.sent_bytes
    held = run.peak_mib < MOST_MEMORY_MIB and sent <= GIB * MOST_OVERHEAD
    return held, [
        f"memory: {size_bytes / GIB:.0f} GiB, of which {sent / GIB:.2f} GiB fetched and all "
        f"hashed in {run.seconds:.0f} s: peak memory {run.peak_mib:.0f} MiB"
    ]


def measure(arguments: argparse.Namespace) -> bool:
    print(__doc__)
    print(f"load average at the start: {os.getloadavg()[0]:.2f}", file=sys.stderr)
    only: Sequence[str] = arguments.only
    lines: list[str] = []
    held = True
    if {"speed", "faults"} & set(only):
        with bench(arguments.size_mib * MIB) as big:
            if "speed" in only:
                ratio, told = pairs(big, arguments.pairs, "speed")
                held, lines = held and ratio >= 1.0, lines + told
            if "faults" in only:
                good, told = with_faults(big)
                held, lines = held and good, lines + told
    if "limit" in only:
        with bench(arguments.limited_mib * MIB) as limited:
            limited.hub.faults.bytes_per_second = LIMITED_BYTES_PER_SECOND
            ratio, told = pairs(limited, arguments.limited_pairs, "limit")
            held, lines = held and ratio >= 2.0, lines + told
    if "memory" in only:
        good, told = giant(arguments.giant_gib * GIB)
        held, lines = held and good, lines + told
    print("\n".join(lines))
    print(f"{'held' if held else 'NOT HELD'}; load average {os.getloadavg()[0]:.2f}")
    return held


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], json.loads(sys.argv[3]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size-mib", type=int, default=2048)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--limited-mib", type=int, default=1024)
    parser.add_argument("--limited-pairs", type=int, default=3)
    parser.add_argument("--giant-gib", type=int, default=70)
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=["speed", "limit", "faults", "memory"],
    )
    return 0 if measure(parser.parse_args()) else 1


if __name__ == "__main__":
    sys.exit(main())
