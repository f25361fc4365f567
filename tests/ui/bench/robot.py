"""A person at the benchmark page, and what the service and the database tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton

from desktop.ui.tabs.bench.view import BenchPage
from desktop.ui.widgets.base import Text
from tests.helpers.window import RecordingContext

MODEL = "qwen3-8b:q4_k_m"
MODELS = [
    {
        "id": name,
        "context_tokens": context,
        "embedding": False,
        "bundled": name == "paddock-guide:q8_0",
        "kind": kind,
        "broken": broken,
    }
    for name, context, kind, broken in (
        (MODEL, 32768, "model", False),
        ("paddock-guide:q8_0", 1024, "model", False),
        ("mmproj-x", None, "projector", False),
        ("broken:q4", None, "model", True),
    )
]


def result(test: str, *samples: float, **more: Any) -> dict[str, Any]:
    mean = sum(samples) / len(samples)
    return {
        "test": test,
        "tokens": 512 if test == "prefill" else 128,
        "depth": 0,
        "concurrency": 1,
        "tokens_per_second": mean,
        "median_tokens_per_second": sorted(samples)[len(samples) // 2],
        "stddev": (sum((s - mean) ** 2 for s in samples) / (len(samples) - 1)) ** 0.5,
        "samples": list(samples),
        "disturbed_requests": 0,
        **more,
    }


def document(created: float, prefill: float, decode: float, **more: Any) -> dict[str, Any]:
    """A result; `threads` and `build` are its conditions."""
    threads, build = more.pop("threads", 2), more.pop("build", "0.5.0 (0c1e570)")
    results = [
        result("prefill", prefill, prefill * 1.01, prefill * 0.99),
        result("decode", decode, decode * 1.01, decode * 0.99),
    ]
    return {
        "schema": 1,
        "name": f"run of {created:.0f}",
        "created": created,
        "model": {
            "id": MODEL,
            "file": "Qwen3-8B-Q4_K_M.gguf",
            "fingerprint": "quick-00",
            "sha256": None,
            "size_bytes": 5_000_000_000,
            "architecture": "qwen3",
            "quant_type": "Q4_K_M",
            "parameters": 8_000_000_000,
        },
        "results": results,
        "fingerprint": {
            "machine": {"cpu": "AMD EPYC", "gpus": []},
            "runtime": {"id": "environment", "version": build, "commit": "0c1e570"},
            "settings": {"threads": threads},
        },
        "disturbed": None,
        "warnings": [],
        **more,
    }


class Robot:
    """A person at the page."""

    def __init__(self, page: BenchPage, context: RecordingContext, qtbot: Any) -> None:
        self.page, self.context, self.qtbot = page, context, qtbot

    def wait(self, condition: Callable[[], object], timeout: int = 5000) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)

    def find(self, kind: type, name: str) -> Any:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found

    @property
    def run_button(self) -> QPushButton:
        return self.find(QPushButton, "bench-run")

    def click(self, widget: Any) -> None:
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type(self, field: str, text: str) -> None:
        line = self.find(QLineEdit, f"bench-{field}")
        line.selectAll()
        self.qtbot.keyClicks(line, text)

    def texts(self) -> str:
        """All that can be read on the page."""
        return "\n".join(t.text() for t in self.page.findChildren(Text) if t.isVisible())

    def click_row(self, row: int, keys: Qt.KeyboardModifier) -> None:
        table = self.page._parts.history.table
        place = table.visualRect(table.history.index(row, 2)).center()
        self.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, keys, place)

    def shown(self) -> Any:
        return self.page._presenter.shown


def job(state: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "kind": "bench",
        "params": {"model": MODEL},
        "state": state,
        "steps": ["prefill 512 @ 0", "decode 128 @ 0"],
        "steps_done": [],
        "result": None,
        "error": None,
        "progress": None,
        "finished": None,
        **more,
    }
