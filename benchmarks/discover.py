"""What Discover costs: opening, hundreds of cards, and a price that follows a slider.

Method, printed first by every run: the page in a window of 1280 x 860 without a screen, with this
machine's probe, the real engine and the catalogue repeated to about 500 models. A timer of 10 ms
tells how long the event loop was away: what is over the 10 ms is the turn (or turns) a key press
would have waited for. Opening is from asking for the page to the end of its first paint; cards are
there when the first ranking is painted. Scrolling pages down through all cards, one paint each.
A price is timed from the slider's change to the end of the paint that shows it.

    uv run python benchmarks/discover.py [--copies 6] [--changes 40]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

BEAT_MS = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--copies", type=int, default=6, help="how often the catalogue is repeated")
    parser.add_argument("--changes", type=int, default=40, help="of the slider")
    options = parser.parse_args()
    print((__doc__ or "").split("\n\n")[1])
    with tempfile.TemporaryDirectory(prefix="paddock-discover-") as home:
        os.environ["PADDOCK_HOME"] = home
        measure(options.copies, options.changes)
    return 0


def measure(copies: int, changes: int) -> None:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from desktop.core.paths import paths
    from desktop.ui.app import App, read_pages
    from desktop.ui.tabs.discover import world
    from desktop.ui.tabs.discover.world import Shelf, read_shelf

    application = QApplication([])
    app = App(application, paths().ensure())
    app.window.resize(1280, 860)
    app.window.show()
    real = read_shelf

    def repeated() -> Shelf:
        known = real()
        many = tuple(
            replace(each, id=f"{each.id}-{n}", name=f"{each.name} {n}")
            for n in range(copies)
            for each in known.candidates
        )
        return Shelf(known.catalog, many, many, known.left_out)

    world.read_shelf = repeated
    beat = QTimer()
    beat.setInterval(BEAT_MS)
    read_pages()  # as the window does once it is shown
    wait(lambda: False, 0.5)
    turns = Turns()
    beat.timeout.connect(turns.beat)
    beat.start()
    begun = time.perf_counter()
    app.window.go_to("discover")
    app.window.repaint()
    opened = time.perf_counter() - begun
    page: Any = app.window.page_of("discover")
    wait(lambda: page.presenter.ranked, 60)
    page.grid.viewport().repaint()
    ranked = time.perf_counter() - begun
    print(
        f"opened in {opened * 1000:.0f} ms, {len(page.presenter.cards)} cards after {ranked:.2f} s"
    )
    turns.report("opening and ranking")
    page.filters.fits_chosen.emit("all")
    paints = scroll(page)
    wait(lambda: False, 0.2)
    print(
        f"scrolling {len(page.presenter.shown)} cards: {len(paints)} paints, "
        f"median {statistics.median(paints) * 1000:.1f} ms, worst {max(paints) * 1000:.1f} ms"
    )
    turns.report("scrolling")
    page._open(0)
    prices = page.presenter.prices
    wait(lambda: prices.trial is not None and not prices._asking, 30)
    wait(lambda: False, 0.6)
    turns.report("opening the panel")
    delays = reprice(page, changes)
    print(
        f"a price follows the slider: median {statistics.median(delays) * 1000:.0f} ms, "
        f"95 % within {sorted(delays)[int(len(delays) * 0.95)] * 1000:.0f} ms"
    )
    turns.report("pricing")
    beat.stop()
    app.quit()


class Turns:
    """How long the event loop was away, in seconds, since the last report."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._found: list[float] = []

    def beat(self) -> None:
        now = time.perf_counter()
        self._found.append(max(0.0, now - self._last - BEAT_MS / 1000))
        self._last = now

    def report(self, what: str) -> None:
        found, self._found = sorted(self._found), []
        slow = sum(each > 0.05 for each in found)
        worst = found[-1] * 1000 if found else 0.0
        print(f"  {what}: longest turn {worst:.0f} ms, {slow} of {len(found)} over 50 ms")
        self._last = time.perf_counter()


def scroll(page: Any) -> list[float]:
    bar, view = page.grid.verticalScrollBar(), page.grid.viewport()
    paints = []
    for value in range(0, bar.maximum(), max(1, view.height() // 2)):
        begun = time.perf_counter()
        bar.setValue(value)
        view.repaint()
        paints.append(time.perf_counter() - begun)
        wait(lambda: False, 0.002)
    return paints


def reprice(page: Any, changes: int) -> list[float]:
    slider, delays = page.panel.controls.slider, []
    shown: list[object] = []
    page.presenter.prices.priced.connect(shown.append)
    for number in range(changes):
        shown.clear()
        begun = time.perf_counter()
        slider.setValue(1 + number % slider.maximum())
        wait(lambda: bool(shown), 10)
        page.panel.repaint()
        delays.append(time.perf_counter() - begun)
        wait(lambda: False, 0.03)
    return delays


def wait(until: Callable[[], bool], seconds: float) -> None:
    """Let the window work until something holds, or for a while."""
    from PySide6.QtCore import QCoreApplication, QEventLoop

    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline and not until():
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        time.sleep(0.0005)


if __name__ == "__main__":
    sys.exit(main())
