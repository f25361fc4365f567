"""The panel of published speeds: which of them stand beside the chosen runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.core.bench.published import same_model
from desktop.core.hardware.known import KnownSpeed
from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.bench.published import LIMIT, device, letter, model, status
from desktop.ui.tabs.bench.words import translated
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Text, row

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_SPEED = Qt.ItemDataRole.UserRole + 1
_LETTER = Qt.ItemDataRole.UserRole + 2
_SAME = Qt.ItemDataRole.UserRole + 3
_PADDING = 8
_BOX = 22


class _Model(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._all: list[KnownSpeed] = []
        self._words = ""
        self.speeds: list[KnownSpeed] = []
        self.chosen: tuple[KnownSpeed, ...] = ()
        self.run: dict[str, Any] | None = None

    def show_speeds(
        self,
        speeds: Sequence[KnownSpeed],
        chosen: tuple[KnownSpeed, ...],
        run: dict[str, Any] | None,
    ) -> None:
        self.chosen, self.run = chosen, run
        if list(speeds) == self._all:
            if self.speeds:
                self.dataChanged.emit(self.index(0), self.index(len(self.speeds) - 1))
            return
        self._all = list(speeds)
        self.search(self._words)

    def search(self, words: str) -> None:
        """Show what holds each of the words, in the device or in the model."""
        self._words = words
        wanted = words.casefold().split()
        self.beginResetModel()
        self.speeds = [
            each
            for each in self._all
            if all(word in f"{device(each)} {model(each)}".casefold() for word in wanted)
        ]
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.speeds)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        speed = self.speeds[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{device(speed)}: {model(speed)}, {_figures(speed)}"
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if speed in self.chosen else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.ToolTipRole:
            source = translated("Source: {source}").format(source=speed.source)
            return "\n".join(
                text for text in (source, status(speed), speed.build, speed.notes) if text
            )
        if role == _SPEED:
            return speed
        if role == _LETTER:
            return letter(self.chosen.index(speed)) if speed in self.chosen else ""
        if role == _SAME:
            return self.run is not None and same_model(speed, self.run)
        return None


def _figures(speed: KnownSpeed) -> str:
    """The figures in one line: "prefill 11,993, decode 186 tok/s"."""
    parts = [
        text.format(speed=units.speed(figure))
        for text, figure in (
            (translated("prefill {speed}"), speed.prefill_tokens_per_second),
            (translated("decode {speed}"), speed.decode_tokens_per_second),
        )
        if figure is not None
    ]
    return f"{', '.join(parts)} tok/s"


class _Delegate(QStyledItemDelegate):
    """A box with the letter of a chosen one; the device, and below it model and figures."""

    def __init__(self, theme: Theme, parent: QListView) -> None:
        super().__init__(parent)
        self._theme, self._list = theme, parent

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, 3 * self._line_height() + 2 * _PADDING)

    def _line_height(self) -> int:
        """With room for another script's font, which may be higher than the list's own."""
        return self._list.fontMetrics().height() + 2

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, speed = self._theme, index.data(_SPEED)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.colour("hover"))
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if state & QStyle.StateFlag.State_Selected and self._list.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -2), 5, 5)
        inner = rect.adjusted(_PADDING, _PADDING, -_PADDING, -_PADDING)
        self._paint_box(painter, QRect(inner.left(), inner.top(), _BOX, _BOX), index.data(_LETTER))
        inner.setLeft(inner.left() + _BOX + _PADDING)
        kin = translated("another model")
        if index.data(_SAME):
            kin = translated("same model and quant type")
        for text, token, font in (
            (device(speed), "text", theme.font(semibold=True)),
            (f"{model(speed)} · {kin}", "text", theme.font(-1)),
            (_figures(speed), "secondary", theme.font(-1, tabular=True)),
        ):
            painter.setFont(font)
            painter.setPen(theme.colour(token))
            metrics = painter.fontMetrics()
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, inner.width())
            line = QRect(inner.left(), inner.top(), inner.width(), self._line_height())
            whole = int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextDontClip)
            painter.drawText(line, whole, shown)
            inner.setTop(line.bottom() + 1)
        painter.restore()

    def _paint_box(self, painter: QPainter, box: QRect, chosen: str) -> None:
        theme = self._theme
        painter.setPen(QPen(theme.colour("accent" if chosen else "line_strong"), 1))
        painter.setBrush(theme.colour("accent" if chosen else "surface"))
        painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if chosen:
            painter.setPen(theme.colour("on_accent"))
            painter.setFont(theme.font(-1, semibold=True))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), chosen)


class _List(QListView):
    """Space, Enter or a click: into the chart, or out of it."""

    toggled = Signal(object)  # KnownSpeed

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_Delegate(theme, self))
        self.clicked.connect(self._on_clicked)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.toggled.emit(index.data(_SPEED))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() in keys and self.currentIndex().isValid():
            self.toggled.emit(self.currentIndex().data(_SPEED))
        else:
            super().keyPressEvent(event)


class Chooser(Translated, QWidget):
    """Signals:
    toggled: a speed that is to be shown, or no longer.
    cleared: none of them any more.
    close_asked: the panel has done its work.
    """

    toggled = Signal(object)  # KnownSpeed
    cleared = Signal()
    close_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = Text(theme, role="strong", wrap=True)
        self._about = Text(theme, role="caption", wrap=True)
        self._close = IconButton(theme, "close", "")
        self._close.clicked.connect(self.close_asked)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon(theme, "search"), QLineEdit.ActionPosition.LeadingPosition)
        self._model = _Model(self)
        self.search.textChanged.connect(self._model.search)
        self.list = _List(theme)
        self.list.setObjectName("bench-published")
        self.list.setModel(self._model)
        self.list.toggled.connect(self.toggled)
        self._count = Text(theme, role="caption", wrap=True)
        self._clear = Button(theme, kind="quiet")
        self._clear.clicked.connect(self.cleared)
        self._collected = ""
        heading = row(self._title, 1, self._close)
        heading.setStretchFactor(self._title, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(GAP)
        layout.addLayout(heading)
        layout.addWidget(self._about)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        foot = row(self._count, self._clear, spacing=TIGHT)
        foot.setStretchFactor(self._count, 1)
        layout.addLayout(foot)
        self.list.setMinimumHeight(4 * self.list.sizeHintForRow(0) if self._model.speeds else 240)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Published devices"))
        self._close.set_name(self.tr("Close"))
        self.search.setPlaceholderText(self.tr("Device or model"))
        self.search.setAccessibleName(self.tr("Search published devices"))
        self.list.setAccessibleName(self.tr("Published devices"))
        self._clear.setText(self.tr("Remove all"))
        self._tell()

    def show_speeds(
        self,
        speeds: Sequence[KnownSpeed],
        chosen: tuple[KnownSpeed, ...],
        run: dict[str, Any] | None,
        collected: str,
    ) -> None:
        """Args:
        speeds: all, in the order they are offered; chosen: those in the chart.
        run: what they are set against.
        collected: the day the figures were collected.
        """
        self._collected = collected
        self._model.show_speeds(speeds, chosen, run)
        self._tell()

    def _tell(self) -> None:
        about = self.tr(
            "Measured by others and collected on {date}. A figure is comparable where model, quant "
            "type and test are the same; any other is shown under its own model's name."
        )
        self._about.setText(about.format(date=self._collected) if self._collected else "")
        number = len(self._model.chosen)
        count = self.tr("{number} of at most {limit} are in the chart.")
        self._count.setText(count.format(number=number, limit=LIMIT))
        self._clear.setEnabled(number > 0)
