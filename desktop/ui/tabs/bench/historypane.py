"""All runs under their heading: the table, what can be done with its rows, and how."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.tabs.bench.history import HistoryTable
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Surface, Text, row


class HistoryPane(Translated, QWidget):
    """Signals:
    export_asked: the menu's word for writing the chosen runs to a file, with where to open.
    """

    export_asked = Signal(QPoint)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = Text(theme, role="strong")
        self._hint = Text(theme, role="caption", wrap=True)
        self.table = HistoryTable(theme)
        self.table.setObjectName("bench-history")
        self.table.menu_asked.connect(self._on_menu_asked)
        box = Surface(theme, padding=8)
        box.body.addWidget(self.table)
        heading = row(self._title)
        heading.addWidget(self._hint, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addLayout(heading)
        layout.addWidget(box, 1)
        self.menu = QMenu(self)
        self._rename, self._export, self._delete = (QAction(self) for _ in range(3))
        for action, keys, slot in (
            (self._rename, "F2", self._on_rename_triggered),
            (self._export, "", self._on_export_triggered),
            (self._delete, "Del", self._on_delete_triggered),
        ):
            # The table itself obeys the keys; the menu only says them.
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(slot)
            self.menu.addAction(action)
        self.menu.insertSeparator(self._delete)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("All runs"))
        self._hint.setText(
            self.tr(
                "Choose several with Ctrl or Shift to compare them. F2 renames, Delete removes."
            )
        )
        self.table.setAccessibleName(self.tr("All runs"))
        self.table.setAccessibleDescription(self._hint.text())
        self._rename.setText(self.tr("Rename"))
        self._export.setText(self.tr("Export…"))

    def _on_menu_asked(self, index: QModelIndex, place: QPoint) -> None:
        number = len(self.table.selected_numbers())
        many = self.tr("Delete {number} runs").format(number=number)
        self._delete.setText(self.tr("Delete") if number == 1 else many)
        self._rename.setEnabled(number == 1)
        self._place = place
        self.menu.popup(place)

    def _on_rename_triggered(self) -> None:
        self.table.rename(self.table.currentIndex().row())

    def _on_export_triggered(self) -> None:
        self.export_asked.emit(self._place)

    def _on_delete_triggered(self) -> None:
        self.table.delete_asked.emit(self.table.selected_numbers())
