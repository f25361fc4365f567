"""A person at the Quantize page, and what the service tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication

from desktop.ui.tabs.quantize.view import QuantizePage
from desktop.ui.widgets.base import Text
from tests.helpers.entries import entry_json
from tests.helpers.window import RecordingContext

Json = dict[str, Any]
FOLDER = "/home/ann/models"
SHAPE = {"architecture": "llama", "parameters": 8_000_000_000}
MODELS = [
    entry_json("guide:q4_k_m", quant_type="Q4_K_M", bits_per_weight=4.9, **SHAPE),
    entry_json(
        "guide:f16",
        path=f"{FOLDER}/guide-F16.gguf",
        quant_type="F16",
        bits_per_weight=16.0,
        **SHAPE,
    ),
    entry_json("other:q8_0", quant_type="Q8_0", bits_per_weight=8.5, source="hf_cache"),
    entry_json("mmproj", kind="projector"),
    entry_json("broken", broken=True),
]
BITS = {"Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.7, "Q4_K_M": 4.9, "Q3_K_M": 4.0, "Q2_K": 3.2}
BITS |= {"IQ2_XS": 2.3, "F16": 16.0}
TYPES = [
    {"name": name, "bits_per_weight": bits, "needs_imatrix": name == "IQ2_XS", "text": ""}
    for name, bits in BITS.items()
]
RECIPE = {
    "quant_type": "Q4_K_M",
    "output_type": "Q8_0",
    "embedding_type": None,
    "tensor_types": [["attn_v", "Q6_K"]],
    "pure": False,
}


def plan_of(params: Json, **more: Any) -> Json:
    """What the service plans: a file for each type and recipe; a bit is a GiB."""
    names = [*params.get("types", ()), *(r["quant_type"] for r in params.get("recipes", ()))]
    outputs = [
        {
            "label": name,
            "quant_type": name,
            "size_bytes": round(BITS[name] * (1 << 30)),
            "bits_per_weight": BITS[name],
            "fallbacks": [],
            "path": f"{params['folder']}/guide-{name}.gguf",
            "exists": False,
        }
        for name in names
    ]
    source = {"size_bytes": 16 << 30, "bits_per_weight": 16.0, "quantized": False, **SHAPE}
    return {
        "outputs": outputs,
        "disk_bytes": sum(each["size_bytes"] for each in outputs),
        "disk_free_bytes": 1 << 40,
        "memory_bytes": 1 << 30,
        "memory_available_bytes": 1 << 34,
        "seconds": {"value": 720.0, "low": 540.0, "high": 960.0, "source": "calibrated"},
        "chunks": 64,
        "warnings": [],
        "source": source,
        **more,
    }


def job(state: str = "running", number: int = 7, **more: Any) -> Json:
    return {
        "id": number,
        "kind": "quantize",
        "params": {"path": f"{FOLDER}/guide-F16.gguf", "folder": FOLDER, "types": ["Q4_K_M"]},
        "state": state,
        "position": number,
        "steps": ["hash", "quantize Q4_K_M", "base", "evaluate Q4_K_M"],
        "steps_done": ["hash"],
        "result": None,
        "error": None,
        "progress": None,
        "finished": None,
        **more,
    }


class Robot:
    """A person at the page."""

    def __init__(self, page: QuantizePage, context: RecordingContext, qtbot: Any) -> None:
        self.page, self.context, self.qtbot = page, context, qtbot
        self.parts = page.parts

    def wait(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=5000)

    def settled(self) -> None:
        """What is wanted now has been planned."""
        self.wait(lambda: not self.page.presenter.planning)

    def find(self, kind: type, name: str) -> Any:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found

    def click(self, widget: Any) -> None:
        assert widget.isVisible() and widget.isEnabled(), widget.objectName()
        self.page.area.ensureWidgetVisible(widget)
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def toggle(self, name: str) -> None:
        """Click the chip of a type in the third card."""
        self.click(self.parts.types.chips.chip(name))

    def texts(self) -> str:
        """All that can be read on the page."""
        shown = [each.text() for each in self.page.findChildren(Text) if each.isVisible()]
        shown += [b.text() for b in self.page.findChildren(QAbstractButton) if b.isVisible()]
        return "\n".join(shown).replace("\u200b", "")

    @property
    def reason(self) -> str:
        return self.page.start.accessibleDescription()

    def planned(self) -> Json:
        """The parameters of the latest plan."""
        found: Json = self.context.client.called("quant_plan")[-1].args[0]
        return found

    def submitted(self) -> tuple[str, Json]:
        """The job that was asked for."""
        self.wait(lambda: self.context.client.called("submit"))
        kind, params = self.context.client.called("submit")[-1].args
        return kind, params

    def drop(self, path: str) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(path)])
        copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(self.page, QDragEnterEvent(QPoint(50, 50), copy, data, left, none))
        QApplication.sendEvent(self.page, QDropEvent(QPointF(50, 50), copy, data, left, none))
