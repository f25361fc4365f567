"""The latest requests as a table, the newest on top; new ones are put in, nothing is read anew."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.ui import units
from desktop.ui.widgets.tables import TOKEN_ROLE

Json = dict[str, Any]
Index = QModelIndex | QPersistentModelIndex

KEPT = 500
TIME, MODEL, ROUTE, STREAM, INPUT, OUTPUT, TTFT, SPEED, TOTAL, STATUS = range(10)
_RIGHT = (INPUT, OUTPUT, TTFT, SPEED, TOTAL)
SPAN_ROLE = Qt.ItemDataRole.UserRole + 7  # (seconds to the first token, seconds in all)


def _moment(request: Json) -> float:
    """When it ended."""
    return float(request["arrived"]) + float(request.get("total_seconds") or 0.0)


class RequestsModel(QAbstractTableModel):
    """Rows are requests as the service records them: figures, never a prompt or an answer."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Json] = []
        self._texts: dict[str, str] = {}
        self._titles = [""] * 10

    def set_texts(self, titles: list[str], texts: dict[str, str]) -> None:
        """Args: texts: "ok", "stream", "whole" and "failed" in the user's language."""
        self._titles, self._texts = titles, texts
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(titles) - 1)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, STATUS))

    def add(self, request: Json) -> None:
        """One more has ended."""
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._rows.insert(0, request)
        self.endInsertRows()
        if len(self._rows) > KEPT:
            self.beginRemoveRows(QModelIndex(), KEPT, len(self._rows) - 1)
            del self._rows[KEPT:]
            self.endRemoveRows()

    def merge(self, requests: list[Json]) -> None:
        """What the service remembers, with what was seen here before or since."""
        known = {(each["arrived"], each["route"]): each for each in [*requests, *self._rows]}
        rows = sorted(known.values(), key=_moment, reverse=True)[:KEPT]
        if rows != self._rows:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()

    def request(self, row: int) -> Json:
        return self._rows[row]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        request, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(request, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(column)
        if role == TOKEN_ROLE:
            return self._token(request, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(request, column)
        if role == SPAN_ROLE and column == TOTAL and request.get("total_seconds"):
            return (request.get("ttft_seconds"), request["total_seconds"])
        return None

    @staticmethod
    def _alignment(column: int) -> int:
        side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
        return int(side | Qt.AlignmentFlag.AlignVCenter)

    @staticmethod
    def failed(request: Json) -> bool:
        return bool(request.get("error")) or int(request["status"]) >= 400

    def _token(self, request: Json, column: int) -> str:
        if column == STATUS:
            return "error" if self.failed(request) else "accent"
        return "text" if column in (MODEL, OUTPUT, SPEED, TOTAL) else "secondary"

    def _text(self, request: Json, column: int) -> str:
        if column == TIME:
            return time.strftime("%H:%M:%S", time.localtime(request["arrived"]))
        if column == MODEL:
            return str(request.get("model") or "–")
        if column == ROUTE:
            return str(request["route"]).removeprefix("/v1")
        if column == STREAM:
            return self._texts.get("stream" if request["stream"] else "whole", "")
        if column == INPUT:
            return units.count(request.get("prompt_tokens"))
        if column == OUTPUT:
            return units.count(request.get("completion_tokens"))
        if column == TTFT:
            return units.seconds(request.get("ttft_seconds"))
        if column == SPEED:
            return units.speed(request.get("tokens_per_second"))
        if column == TOTAL:
            return units.seconds(request.get("total_seconds"))
        if not self.failed(request):
            return f"✓ {self._texts.get('ok', '')}"
        reason = " ".join(str(request.get("error") or self._texts.get("failed", "")).split())
        return f"✕ {request['status']} {reason}"

    def _tip(self, request: Json, column: int) -> str | None:
        if column == STATUS and self.failed(request):
            # The engine's or a client's words: never markup.
            return _plain(str(request.get("error") or self._texts.get("failed", "")))
        return _plain(self._text(request, column)) if column in (MODEL, ROUTE) else None


def _plain(text: str) -> str:
    """A text a tooltip cannot take for markup."""
    return text[:2000].replace("<", "‹").replace(">", "›")
