"""Requests as a table, the newest on top: pages of the ledger as they are scrolled to, and those
that end meanwhile put on top; nothing is read twice."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from desktop.ui import units
from desktop.ui.widgets.tables import TOKEN_ROLE

Json = dict[str, Any]
Index = QModelIndex | QPersistentModelIndex

_LET_GO = 2000  # rows in a turn of the event loop: a hundred thousand at once take 60 ms
KEPT = 5000  # with more than that the oldest are let go, and read again when they are scrolled to
TIME, MODEL, ROUTE, KEY, INPUT, OUTPUT, TTFT, SPEED, TOTAL, STATUS = range(10)
_RIGHT = (INPUT, OUTPUT, TTFT, SPEED, TOTAL)
SPAN_ROLE = Qt.ItemDataRole.UserRole + 7  # seconds: (to the slot, to the first token, in all)
_LEFT = 499  # the client went before the end: nobody's failure


def _name(request: Json) -> str:
    """By which a request is known: its id, or what tells it apart where it has none."""
    return str(request.get("id") or (request["arrived"], request["route"]))


class RequestsModel(QAbstractTableModel):
    """Rows are requests as the service records them: figures, never a prompt or an answer.

    Signals:
        page_wanted: the next page, after this place of the ledger.
    """

    page_wanted = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Json] = []
        self._known: set[str] = set()
        self._next: str | None = None
        self._asked = False  # for the next page
        self._texts: dict[str, str] = {}
        self._titles = [""] * 10
        self._old: list[Json] = []  # not shown any more
        self._let_go = QTimer(self)
        self._let_go.timeout.connect(self._on_let_go_timeout)

    def set_texts(self, titles: list[str], texts: dict[str, str]) -> None:
        """Args: texts: "ok", "left", "failed" and "repeat" in the user's language."""
        self._titles, self._texts = titles, texts
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(titles) - 1)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, STATUS))

    def add(self, requests: list[Json]) -> None:
        """More have ended; the newest last."""
        fresh = [each for each in reversed(requests) if _name(each) not in self._known]
        if not fresh:
            return
        self.beginInsertRows(QModelIndex(), 0, len(fresh) - 1)
        self._rows[:0] = fresh
        self._known.update(map(_name, fresh))
        self.endInsertRows()

    def show_page(self, requests: list[Json], following: str | None) -> None:
        """The first page, in the place of whatever was shown."""
        self.beginResetModel()
        self._old += self._rows
        self._rows, self._next, self._asked = list(requests), following, False
        self._known = set(map(_name, requests))
        self.endResetModel()
        self._let_go.start(0)

    def _on_let_go_timeout(self) -> None:
        del self._old[-_LET_GO:]
        if not self._old:
            self._let_go.stop()

    def append_page(self, requests: list[Json], following: str | None) -> None:
        """The page that was wanted."""
        self._next, self._asked = following, False
        fresh = [each for each in requests if _name(each) not in self._known]
        if fresh:
            last = len(self._rows)
            self.beginInsertRows(QModelIndex(), last, last + len(fresh) - 1)
            self._rows += fresh
            self._known.update(map(_name, fresh))
            self.endInsertRows()

    def page_failed(self) -> None:
        """The next page did not come; it is asked for again when it is scrolled to."""
        self._asked = False

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._next is not None and not self._asked

    def fetchMore(self, parent: Index) -> None:
        if self._next is not None and not self._asked:
            self._asked = True
            self.page_wanted.emit(self._next)

    @property
    def complete(self) -> bool:
        """Whether there are no more pages."""
        return self._next is None

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
            first = request.get("ttft_seconds")
            return (request.get("wait_seconds"), first, request["total_seconds"])
        return None

    @staticmethod
    def _alignment(column: int) -> int:
        side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
        return int(side | Qt.AlignmentFlag.AlignVCenter)

    @staticmethod
    def failed(request: Json) -> bool:
        return int(request["status"]) >= 400 and request["status"] != _LEFT

    def _token(self, request: Json, column: int) -> str:
        if column == STATUS:
            if request["status"] == _LEFT:
                return "secondary"
            return "error" if self.failed(request) else "accent"
        return "text" if column in (MODEL, OUTPUT, SPEED, TOTAL) else "secondary"

    def _text(self, request: Json, column: int) -> str:
        if column == TIME:
            return moment(request["arrived"])
        if column == MODEL:
            return str(request.get("model") or "–")
        if column == ROUTE:
            return str(request["route"])
        if column == KEY:
            return str(request.get("key") or "–")
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
        return self.outcome(request)

    def outcome(self, request: Json) -> str:
        """How it ended, in a few words."""
        if request["status"] == _LEFT:
            return f"– {self._texts.get('left', '')}"
        if not self.failed(request):
            return f"✓ {self._texts.get('repeat' if request.get('cached_answer') else 'ok', '')}"
        reason = request.get("error") or request.get("error_code") or self._texts.get("failed", "")
        return f"✕ {request['status']} {' '.join(str(reason).split())}"

    def _tip(self, request: Json, column: int) -> str | None:
        if column == STATUS and self.failed(request):
            # The engine's or a client's words: never markup.
            return _plain(str(request.get("error") or self._texts.get("failed", "")))
        return _plain(self._text(request, column)) if column in (MODEL, ROUTE, KEY) else None


def moment(seconds: float) -> str:
    """Of today the time, of other days the day before it."""
    when, now = time.localtime(seconds), time.localtime()
    today = (when.tm_year, when.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M:%S" if today else "%m-%d %H:%M:%S", when)


def _plain(text: str) -> str:
    """A text a tooltip cannot take for markup."""
    return text[:2000].replace("<", "‹").replace(">", "›")
