"""What the window costs: event-loop turns, CPU and memory under a fast stream, and cold starts.

Method, printed first by every run: a real service in a home of its own, whose engine is scripted
(scripted_engine.py): one answer in Markdown with lists, code, tables and Japanese, at a steady
rate. The real window runs in a process of its own on Xvfb (1280 x 860), asks one question and
follows the answer to its end, with the view kept at the end as a reader would have it. A timer of
10 ms in that process tells how long the event loop was away: what is over the 10 ms is the turn (or
turns) a key press would have waited for. CPU is user + system time of all its threads over wall
time while the answer streams; memory is its resident size at every 2,000 tokens, and what it
gained from the tenth part of the answer to its end. A cold start is a new process until the first
paint of its window, and until a message could be sent (the service runs; the disk's caches are
warm); medians.

    uv run python benchmarks/window.py [--tokens 100000] [--rate 500] [--starts 7]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import scripted_engine
from desktop.core.client.client import Client
from desktop.core.client.connect import connect_or_start
from desktop.core.paths import paths

SLOW_TURN_SECONDS = 0.05
BEAT_MS = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=500.0, help="tokens per second")
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--child", choices=("stream", "start"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child == "stream":
        return follow_stream(options.tokens)
    if options.child == "start":
        return start_once()
    print((__doc__ or "").split("\n\n")[1])
    from tests.helpers.screen import screen

    with tempfile.TemporaryDirectory(prefix="paddock-window-") as home, screen() as on:
        os.environ["PADDOCK_HOME"] = home
        client = prepare(Path(home), options.tokens, options.rate)
        try:
            environ = {**on.environ, "PADDOCK_HOME": home}
            starts = [child("start", environ) for _ in range(options.starts)]
            stream = child("stream", environ, "--tokens", str(options.tokens))
        finally:
            client.stop()
    report(starts, stream, options)
    return 0


def prepare(home: Path, tokens: int, rate: float) -> Client:
    """A service whose engine is scripted, with a model loaded."""
    from desktop.core.engine.runtime import environment_folder, find_bin
    from desktop.ui.shell.firstrun import mark_seen

    real = environment_folder()
    if real is None:
        raise SystemExit("the environment has no engine: make setup")
    folder = home / "scripted"
    scripted_engine.install(folder, find_bin(real), tokens=tokens, rate=rate)
    mark_seen(paths().ensure())
    client = connect_or_start(paths())
    client.add_engine("scripted", str(folder))
    client.use_engine("scripted")
    client.load(next(each["id"] for each in client.models() if each["bundled"]))
    return client


def child(what: str, environ: dict[str, str], *more: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, __file__, "--child", what, *more],
        env={**environ, "PADDOCK_STARTED": repr(time.time())},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def report(starts: list[dict[str, Any]], stream: dict[str, Any], options: Any) -> None:
    turns = sorted(stream["turns"])
    slow = sum(1 for turn in turns if turn > SLOW_TURN_SECONDS)
    good = 100 * (1 - slow / len(turns))
    memory = stream["memory"]
    for tokens, size in memory[:: max(1, len(memory) // 10)]:
        print(f"  {tokens:7,d} tokens  {size / 2**20:6.1f} MiB resident")
    early = next(size for tokens, size in memory if tokens >= options.tokens / 10)
    print(f"load average: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"answer: {stream['tokens']:,d} tokens in {stream['seconds']:.1f} s")
    print(
        f"cold start to first paint: {_median(starts, 'paint'):.2f} s; "
        f"to a message that could be sent: {_median(starts, 'usable'):.2f} s"
    )
    print(
        f"memory gained from {options.tokens // 10:,d} tokens on: "
        f"{(memory[-1][1] - early) / 2**20:+.1f} MiB"
    )
    print(f"window CPU while it streams: {100 * stream['cpu']:.1f} % of a core")
    print(
        f"event loop back within 50 ms: {good:.3f} % of {len(turns):,d} beats "
        f"(99.9 %: {1000 * turns[int(0.999 * len(turns))]:.1f} ms, "
        f"longest {1000 * turns[-1]:.1f} ms)"
    )


def _median(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


# --- in the window's process ------------------------------------------------------------------


class Turns:
    """How long the event loop was away between two beats of a timer, in seconds."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.seconds: list[float] = []
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timeout)
        self._timer.start(BEAT_MS)

    def _on_timeout(self) -> None:
        now = time.perf_counter()
        if self._last:
            self.seconds.append(max(0.0, now - self._last - BEAT_MS / 1000))
        self._last = now


def _open() -> tuple[Any, Any]:
    from PySide6.QtWidgets import QApplication

    from desktop.ui.app import App

    application = QApplication([])
    application.setQuitOnLastWindowClosed(False)
    app = App(application, paths())
    app.start()
    return application, app


def start_once() -> int:
    """Print the seconds from the start of the process to the first paint, and to usable."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    begun = float(os.environ["PADDOCK_STARTED"])
    found: dict[str, float] = {}
    application, app = _open()

    class Paints(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                found.setdefault("paint", time.time() - begun)
            return False

    paints = Paints()
    app.window.ground.installEventFilter(paints)

    def look() -> None:
        chat = app.window.page_of("chat")
        if app.state.online and chat.presenter.choice.read and chat.presenter.choice.model_id:
            found.setdefault("usable", time.time() - begun)
            if "paint" in found:
                app.quit()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(5)
    application.exec()
    print(json.dumps(found))
    return 0


def follow_stream(tokens: int) -> int:
    """Ask, follow the answer to its end, print what it took."""
    import psutil
    from PySide6.QtCore import QTimer

    application, app = _open()
    chat = app.window.page_of("chat")
    process = psutil.Process()
    turns = Turns()
    found: dict[str, Any] = {"memory": []}
    begun = {"wall": 0.0, "cpu": 0.0, "turn": 0}

    def cpu() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    def ask() -> None:
        if not (app.state.online and chat.presenter.choice.read):
            return
        asking.stop()
        chat.composer.set_text("Tell me everything.")
        chat.composer.button.click()
        looking.start(100)

    def look() -> None:
        last = chat.presenter.last
        if last is None or last["role"] != "assistant":
            return
        count = len(last["content"]) // scripted_engine.TOKEN_CHARS
        if count and not begun["wall"]:
            begun.update(wall=time.perf_counter(), cpu=cpu(), turn=len(turns.seconds))
        memory = found["memory"]
        if count and (not memory or count - memory[-1][0] >= 2_000):
            memory.append((count, process.memory_info().rss))
        if last["state"] in ("done", "failed", "interrupted"):
            looking.stop()
            seconds = time.perf_counter() - begun["wall"]
            memory.append((count, process.memory_info().rss))
            found.update(
                tokens=count,
                seconds=seconds,
                cpu=(cpu() - begun["cpu"]) / seconds,
                turns=turns.seconds[int(begun["turn"]) :],
            )
            if count < tokens * 0.99:
                raise SystemExit(f"the answer ended after {count} tokens: {last['error']}")
            app.quit()

    asking, looking = QTimer(), QTimer()
    asking.timeout.connect(ask)
    looking.timeout.connect(look)
    asking.start(20)
    application.exec()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
