"""How quick the Server page's list of requests is with a ledger of 100,000 rows.

    python benchmarks/server_requests.py [--rows 100000]

Fills a ledger, opens the list as the window does (its real model, table and presenter; the ledger's
own queries in worker threads) and prints the time to the first page, to one more page, to a search
through all rows, the longest turn of the event loop while all pages are scrolled through, and the
time of one repaint while scrolling.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QApplication

from desktop.core.db import Database
from desktop.core.paths import paths
from desktop.core.service.ledger.store import Entry, Filter, LedgerStore
from desktop.core.service.requests import RequestRecord
from desktop.ui.bridge import Bridge
from desktop.ui.context import Context
from desktop.ui.i18n import Language
from desktop.ui.models.state import ServiceState
from desktop.ui.tabs.server.requests_pane import RequestsPane
from desktop.ui.tasks import Tasks
from desktop.ui.theme.theme import Theme

_PIECE = 5000
_PATIENCE_SECONDS = 120.0


def fill(store: LedgerStore, rows: int) -> None:
    begin = time.time() - rows
    for first in range(0, rows, _PIECE):
        entries = []
        for number in range(first, min(rows, first + _PIECE)):
            record = RequestRecord(
                "/v1/chat/completions",
                model=f"model-{number % 7}:q4_k_m",
                key=f"key-{number % 11}" if number % 3 else None,
                stream=True,
                arrived=begin + number,
            )
            record.wait_seconds, record.ttft_seconds, record.total_seconds = 0.01, 0.2, 1.9
            record.prompt_tokens, record.completion_tokens = 800, 60
            record.status = 500 if number % 1000 == 0 else 200
            record.error_code = "engine_died" if number % 1000 == 0 else None
            entries.append(Entry(record, "USD"))
        store.write(entries)


class Client:
    """The ledger's answers, as the service's route makes them."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def ledger(self, after: str | None = None, limit: int = 100, **wanted: Any) -> dict[str, Any]:
        rows, following = self._store.page(Filter(**wanted), after, limit)
        return {"requests": rows, "next": following}


class Link(QObject):
    connected = Signal(dict)

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client


class Turns:
    """Runs the event loop and keeps its longest turn."""

    def __init__(self) -> None:
        self.longest = 0.0

    def until(self, condition: Callable[[], bool]) -> float:
        """Seconds until it holds."""
        begin = time.perf_counter()
        while not condition():
            turn = time.perf_counter()
            QCoreApplication.processEvents()
            self.longest = max(self.longest, time.perf_counter() - turn)
            if turn - begin > _PATIENCE_SECONDS:
                raise SystemExit("the list did not come to rest")
            time.sleep(0.0005)
        return time.perf_counter() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    application = QApplication([])
    with tempfile.TemporaryDirectory(prefix="paddock-requests-") as home:
        os.environ["PADDOCK_HOME"] = home
        where = paths().ensure()
        Database(where.database, where.backups).close()
        store = LedgerStore(Path(where.database))
        begin = time.perf_counter()
        fill(store, options.rows)
        print(f"{options.rows:,} rows written in {time.perf_counter() - begin:.1f} s")
        measure(application, store, options.rows)
        store.close()
    return 0


def measure(application: QApplication, store: LedgerStore, rows: int) -> None:
    theme, state, bridge = Theme(application, "light"), ServiceState(), Bridge(application)
    tasks = Tasks(bridge, application)
    state.online = True
    context = Context(
        paths=paths(),
        theme=theme,
        language=Language(application, "en"),
        tasks=tasks,
        link=Link(Client(store)),  # type: ignore[arg-type]
        state=state,
        toast=lambda *what: None,
        show_error=print,
        go_to=lambda *where: None,
    )
    pane, turns = RequestsPane(context), Turns()
    pane.retranslate()
    pane.resize(1200, 800)
    pane.show()
    turns.until(lambda: True)
    gc.freeze()  # as the window does once its pages are read
    model = pane.presenter.model
    pane.shown()
    first = turns.until(lambda: model.rowCount() > 0 and not pane.presenter.reading)
    print(f"first page ({model.rowCount()} rows): {first * 1000:.0f} ms")
    turns.until(lambda: len(pane.chart.plots) == 2)
    known = model.rowCount()
    pane.table.scrollToBottom()
    print(f"one more page: {turns.until(lambda: model.rowCount() > known) * 1000:.0f} ms")
    turns.longest = 0.0
    begin = time.perf_counter()
    while not model.complete:
        known = model.rowCount()
        pane.table.scrollToBottom()
        turns.until(lambda known=known: model.rowCount() > known or model.complete)
    took = time.perf_counter() - begin
    print(
        f"scrolled through all {model.rowCount():,} rows in {took:.1f} s, "
        f"longest turn of the event loop {turns.longest * 1000:.0f} ms"
    )
    bar, paints = pane.table.verticalScrollBar(), []
    for step in range(200):
        bar.setValue(bar.maximum() * step // 200)
        turn = time.perf_counter()
        QCoreApplication.processEvents()
        paints.append(time.perf_counter() - turn)
    print(
        f"a repaint while scrolling: median {statistics.median(paints) * 1000:.1f} ms, "
        f"longest {max(paints) * 1000:.1f} ms"
    )
    pane.words.setText("no-such-word")
    pane.words.returnPressed.emit()
    turns.longest = 0.0
    searched = turns.until(lambda: model.rowCount() == 0 and not pane.presenter.reading)
    print(
        f"search without a hit through {rows:,} rows: {searched:.1f} s, "
        f"longest turn of the event loop {turns.longest * 1000:.0f} ms"
    )
    pane.hidden()
    tasks.close()


if __name__ == "__main__":
    raise SystemExit(main())
