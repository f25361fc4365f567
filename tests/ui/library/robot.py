"""Hands on the Library page, and what the service tells it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.tabs.library.columns import Column
from desktop.ui.tabs.library.view import LibraryPage
from desktop.ui.widgets.base import Text
from tests.helpers.entries import entry_json
from tests.helpers.window import RecordingContext

Json = dict[str, Any]
MIB = 1 << 20
WISHES = ("context_tokens", "slots", "kv_type", "gpu_layers", "experts_on_cpu")
PAGES = ("chat", "library", "server", "bench", "machine")
TRUNCATED = AppError(
    ErrorCode.GGUF_TRUNCATED, path="/models/bad.gguf", have_bytes=20, need_bytes=300
)
WONT_FIT = AppError(
    ErrorCode.LOAD_WONT_FIT, model="big:q8_0", need="61.2 GiB", available="14.8 GiB", device="RAM"
)


def entry(name: str, **more: Any) -> Json:
    known: Json = {
        "architecture": "llama",
        "quant_type": "Q8_0",
        "context_tokens": 32768,
        "parameters": 1_000_000,
        "bits_per_weight": 8.5,
        "chat_template": True,
        "license": "mit",
    }
    return entry_json(name, **{**known, **more})


def broken(name: str) -> Json:
    return entry(
        name,
        broken=True,
        error=TRUNCATED.to_dict(),
        parameters=None,
        quant_type=None,
        context_tokens=None,
    )


def loaded(name: str, state: str = "loading", **more: Any) -> Json:
    return {
        "id": name,
        "state": state,
        "stage": "checking memory",
        "progress": None,
        "memory_bytes": None,
        "memory": [],
        "estimate": None,
        "settings": None,
        "slots": 0,
        **more,
    }


READY: Json = {
    "stage": "ready",
    "progress": 1.0,
    "memory_bytes": 45 * MIB,
    "memory": [
        {
            "name": "CPU",
            "weights_bytes": 4 * MIB,
            "kv_bytes": 32 * MIB,
            "compute_bytes": 9 * MIB,
        }
    ],
    "estimate": {
        "devices": [
            {
                "name": "CPU",
                "weights_bytes": 5 * MIB,
                "kv_bytes": 33 * MIB,
                "compute_bytes": 10 * MIB,
                "overhead_bytes": 34 * MIB,
            }
        ]
    },
    "settings": {"context_tokens": 4096, "slots": 2, "kv_type_k": None},
}


class Robot:
    """Hands on the page."""

    def __init__(self, page: LibraryPage, context: RecordingContext, qtbot: QtBot) -> None:
        self.page, self.context = page, context
        self.qtbot: Any = qtbot  # its clicks are not typed
        self.table = page.list.table

    def show(self, *entries: Json) -> None:
        """Have the service tell of these."""
        self.context.client.models = list(entries)
        self.context.link.tell("library.changed", {})  # type: ignore[attr-defined]
        wanted = sorted(entries, key=_by_id)
        self.qtbot.waitUntil(lambda: sorted(self.page.rows.entries(), key=_by_id) == wanted)

    def names(self, all_: bool = False) -> list[str]:
        if all_:
            return sorted(each["id"] for each in self.page.rows.entries())
        model = self.page.list.filter
        return [model.index(row, 0).data() for row in range(model.rowCount())]

    def cell(self, name: str, column: Column) -> QModelIndex:
        return self.page.list.filter.index(self.names().index(name), column)

    def text(self, name: str, column: Column) -> str:
        return str(self.cell(name, column).data())

    def click(self, name: str, column: Column = Column.NAME, twice: bool = False) -> None:
        rect = self.table.visualRect(self.cell(name, column))
        place = QPoint(rect.right() - 20, rect.center().y())
        left = Qt.MouseButton.LeftButton
        self.qtbot.mouseClick(self.table.viewport(), left, pos=place)
        if twice:
            self.qtbot.mouseDClick(self.table.viewport(), left, pos=place)

    def tell(self, kind: str, data: Json) -> None:
        self.context.link.tell(kind, data)  # type: ignore[attr-defined]

    def loads(self) -> list[Any]:
        return [(call.args, call.kwargs) for call in self.context.client.called("load")]


def _by_id(entry: Json) -> str:
    return str(entry["id"])


def job(number: int, kind: str, model: str, state: str = "running", **more: Any) -> Json:
    return {
        "id": number,
        "kind": kind,
        "params": {"model": model},
        "state": state,
        "position": number,
        "progress": None,
        "result": None,
        "error": None,
        "finished": None,
        **more,
    }


def said(widget: QWidget) -> str:
    """All words that are shown on it."""
    texts = [each.text() for each in widget.findChildren(Text) if each.isVisibleTo(widget)]
    return "\n".join(texts).replace("\u200b", "")


def click(robot: Robot, parent: QWidget, name: str) -> None:
    button = parent.findChild(QWidget, name)
    assert button is not None and button.isEnabled(), name
    robot.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def dialog_of(robot: Robot, kind: type[QWidget]) -> Any:
    found: list[QWidget] = []

    def there() -> bool:
        found[:] = [each for each in robot.page.findChildren(kind) if each.isVisible()]
        return bool(found)

    robot.qtbot.waitUntil(there)
    return found[0]


def toasts(robot: Robot) -> list[str]:
    return [text for text, _, _ in robot.context.toasts]


def add_menu(robot: Robot, name: str) -> None:
    """Click Add, then an entry of its menu."""
    robot.qtbot.mouseClick(robot.page.add, Qt.MouseButton.LeftButton)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    action = getattr(robot.page.doing, name)
    robot.qtbot.mouseClick(
        menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center()
    )
