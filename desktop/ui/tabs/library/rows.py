"""The library as a Qt model: one row per entry, changed only where something changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Set
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from desktop.core.library.given import TITLES
from desktop.ui import units
from desktop.ui.models.standing import stay, stay_tip
from desktop.ui.price.words import binding
from desktop.ui.tabs.library.columns import FIGURES, KEYS, Column, loadable
from desktop.ui.tabs.library.fits import VERDICTS, Fit
from desktop.ui.widgets.badge import badge_word
from desktop.ui.widgets.tables import TOKEN_ROLE

Json = dict[str, Any]
Index = QModelIndex | QPersistentModelIndex

ENTRY_ROLE = TOKEN_ROLE + 1
CHIPS_ROLE = TOKEN_ROLE + 2
ACTION_ROLE = TOKEN_ROLE + 3  # "load", "unload", "cancel" or "": what Enter would do
FILTER_ROLE = TOKEN_ROLE + 4
VERDICT_ROLE = TOKEN_ROLE + 5
KEPT_ROLE = TOKEN_ROLE + 6
MEASURED_STAGES = ("reading file", "placing layers")  # how far, in shares of the tensors
_MANY = 40  # changes from which on the whole table is set anew


class LibraryRows(QAbstractTableModel):
    """Entries (`ModelEntry.to_dict`), the models in the engines, how each fits, what failed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Json] = []
        self._loaded: dict[str, Json] = {}
        self._restarts: frozenset[str] = frozenset()
        self._waiting: frozenset[str] = frozenset()
        self._failed: frozenset[str] = frozenset()
        self._fits: dict[str, Fit] = {}
        self._sorted = (Column.NAME, Qt.SortOrder.AscendingOrder)

    # --- what is shown ------------------------------------------------------------------------

    def entries(self) -> list[Json]:
        return self._entries

    def row_of(self, model: str) -> int:
        """The row of an id, or -1."""
        return next((n for n, entry in enumerate(self._entries) if entry["id"] == model), -1)

    def set_entries(self, entries: list[Json]) -> None:
        """Show these; rows that stay the same are not touched."""
        fresh = {entry["id"]: entry for entry in entries}
        known = {entry["id"]: entry for entry in self._entries}
        gone = [name for name in known if name not in fresh]
        added = [name for name in fresh if name not in known]
        if len(gone) + len(added) > _MANY or not known:
            self.beginResetModel()
            self._entries = sorted(entries, key=self._key(), reverse=self._reverse())
            self.endResetModel()
            return
        for name in gone:
            row = self.row_of(name)
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._entries[row]
            self.endRemoveRows()
        for row, entry in enumerate(self._entries):
            if fresh[entry["id"]] != entry:
                self._entries[row] = fresh[entry["id"]]
                self._tell(row)
        for name in added:
            self._insert(fresh[name])

    def _insert(self, entry: Json) -> None:
        key = self._key()
        keys = [key(each) for each in self._entries]
        if self._reverse():
            row = len(keys) - bisect_left(keys[::-1], key(entry))
        else:
            row = bisect_left(keys, key(entry))
        self.beginInsertRows(QModelIndex(), row, row)
        self._entries.insert(row, entry)
        self.endInsertRows()

    def kinds(self) -> tuple[set[str], set[str]]:
        """The programs and the tags that there are."""
        apps = {entry["app"] for entry in self._entries if entry["app"]}
        return apps, {tag for entry in self._entries for tag in entry["tags"]}

    def set_loaded(self, loaded: Mapping[str, Json], restarts: Set[str] = frozenset()) -> None:
        """Args: loaded: `Loaded.to_dict` by id; restarts: whose engine died and comes again."""
        before, self._loaded = self._loaded, dict(loaded)
        touched = {n for n in before | self._loaded if before.get(n) is not self._loaded.get(n)}
        touched |= self._restarts ^ restarts
        self._restarts = frozenset(restarts)
        self._tell_ids(touched)

    def touch(self, model: str) -> None:
        """What is said of this one may have changed."""
        self._tell_ids({model})

    def set_fits(self, fits: Mapping[str, Fit]) -> None:
        """How some of them lie on this machine; the rest stays as it is."""
        changed = {name for name, fit in fits.items() if self._fits.get(name) != fit}
        self._fits |= fits
        self._tell_ids(changed)

    def _verdict(self, entry: Json) -> str | None:
        fit = self._fits.get(entry["id"])
        return None if fit is None else fit.verdict

    def set_marks(self, waiting: set[str], failed: set[str]) -> None:
        """Which loads wait for their turn, and which failed."""
        touched = (self._waiting ^ waiting) | (self._failed ^ failed)
        self._waiting, self._failed = frozenset(waiting), frozenset(failed)
        self._tell_ids(set(touched))

    def retranslate(self) -> None:
        if self._entries:
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(self._entries) - 1, self.columnCount() - 1)
            )
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)

    def _tell_ids(self, names: set[str]) -> None:
        for row, entry in enumerate(self._entries):
            if entry["id"] in names:
                self._tell(row)

    def _tell(self, row: int) -> None:
        self.dataChanged.emit(self.index(row, 0), self.index(row, self.columnCount() - 1))

    # --- order --------------------------------------------------------------------------------

    def _key(self) -> Callable[[Json], Any]:
        column = self._sorted[0]
        if column is Column.STATE:
            return lambda entry: (self._state_rank(entry), entry["id"].lower())
        if column is Column.FIT:
            return lambda entry: (VERDICTS.index(self._verdict(entry)), entry["id"].lower())
        first = KEYS.get(column, KEYS[Column.NAME])
        return lambda entry: (first(entry), entry["id"].lower())

    def _reverse(self) -> bool:
        return self._sorted[1] is Qt.SortOrder.DescendingOrder

    def _state_rank(self, entry: Json) -> int:
        state = self.state(entry)
        order = ("ready", "loading", "restarting", "stopping", "waiting", "failed", "", "broken")
        return order.index(state)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sorted here, not by the proxy: one list sort instead of a call per comparison."""
        self._sorted = (Column(column), order)
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        names = [self._entries[index.row()]["id"] for index in old]
        self._entries.sort(key=self._key(), reverse=self._reverse())
        rows = {entry["id"]: row for row, entry in enumerate(self._entries)}
        new = [
            self.index(rows[name], index.column()) for name, index in zip(names, old, strict=True)
        ]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    # --- QAbstractTableModel ------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Model"),
                self.tr("Parameters"),
                self.tr("Quant"),
                self.tr("Size"),
                self.tr("Context"),
                self.tr("Fit"),
                self.tr("Where"),
                self.tr("Last used"),
                self.tr("Added"),
                self.tr("State"),
                "",
            )[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry, column = self._entries[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(entry, column)
        if role == TOKEN_ROLE:
            return self._token(entry, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == ENTRY_ROLE:
            return entry
        if role == CHIPS_ROLE:
            return self.chips(entry)
        if role == ACTION_ROLE:
            return self.action(entry)
        if role == KEPT_ROLE:
            return bool(self.kept(entry))
        if role == VERDICT_ROLE:
            return self._verdict(entry) or ""
        if role == FILTER_ROLE:
            words = [entry[key] for key in ("id", "name", "architecture", "repo", "path", "app")]
            words += [*entry["aliases"], *entry["tags"], *entry["names"]]
            return " ".join(str(word or "") for word in words)
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.NAME:
            return entry["path"]
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.STATE:
            loaded = self._loaded.get(entry["id"])
            ready = loaded is not None and loaded["state"] == "ready"
            return f"{stay(loaded)}\n{stay_tip(loaded)}" if ready and loaded else None
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.FIT:
            fit = self._fits.get(entry["id"])
            return binding(fit.price) if fit is not None and fit.price is not None else None
        return None

    # --- words --------------------------------------------------------------------------------

    def _text(self, entry: Json, column: int) -> str:
        if column == Column.NAME:
            return str(entry["id"])
        if column == Column.PARAMETERS:
            return units.parameters(entry["parameters"])
        if column == Column.QUANT:
            return entry["quant_type"] or "–"
        if column == Column.SIZE:
            return units.size(entry["size_bytes"])
        if column == Column.CONTEXT:
            return units.count(entry["context_tokens"] or None)
        if column == Column.FIT:
            verdict = self._verdict(entry)
            return badge_word(verdict) if verdict else "–"
        if column in (Column.LAST_USED, Column.ADDED):
            return units.day(entry["last_used" if column == Column.LAST_USED else "added"])
        if column == Column.WHERE:
            return self.where(entry)
        if column == Column.STATE:
            return self._state_text(entry)
        return self.action_text(entry)

    def where(self, entry: Json) -> str:
        return {
            "hf_cache": self.tr("HF cache"),
            "bundled": self.tr("Paddock"),
            "folder": self.tr("Folder"),
        }.get(entry["source"], str(entry["source"]))

    def chips(self, entry: Json) -> list[tuple[str, str]]:
        """(word, colour) of what sets this entry apart."""
        found = []
        if entry["bundled"]:
            found.append((self.tr("Demo"), "info"))
        if entry["embedding"]:
            found.append((self.tr("Embeddings"), "secondary"))
        kinds = {
            "projector": self.tr("Projector"),
            "adapter": self.tr("Adapter"),
            "vocab": self.tr("Vocabulary"),
            "other": self.tr("Data"),
        }
        if entry["kind"] in kinds:
            found.append((kinds[entry["kind"]], "secondary"))
        if entry["mmproj"]:
            found.append((self.tr("Vision or audio"), "secondary"))
        if entry["hidden"]:
            found.append((self.tr("Hidden"), "secondary"))
        if (entry["upstream"] or {}).get("newer"):
            found.append((self.tr("Newer upload"), "info"))
        if entry["app"]:
            found.append((TITLES[entry["app"]], "secondary"))
        found += [(tag, "secondary") for tag in entry["tags"]]
        return found

    def state(self, entry: Json) -> str:
        """ "ready", "loading", "stopping", "waiting", "restarting", "failed", "broken" or
        ""."""
        loaded = self._loaded.get(entry["id"])
        if loaded is not None:
            return str(loaded["state"])
        if entry["broken"]:
            return "broken"
        if entry["id"] in self._restarts:
            return "restarting"
        if entry["id"] in self._waiting:
            return "waiting"
        return "failed" if entry["id"] in self._failed else ""

    def _state_text(self, entry: Json) -> str:
        state, loaded = self.state(entry), self._loaded.get(entry["id"])
        if state == "loading" and loaded is not None:
            share = loaded["progress"]
            if share and loaded["stage"] in MEASURED_STAGES:
                return self.tr("Loading {share}").format(share=f"{share:.0%}")
        if state == "ready" and loaded is not None and loaded.get("pinned"):
            return self.tr("Kept")
        return self._state_words().get(state, "")

    def _state_words(self) -> dict[str, str]:
        return {
            "ready": self.tr("Loaded"),
            "loading": self.tr("Loading"),
            "stopping": self.tr("Stopping"),
            "restarting": self.tr("Starting again"),
            "waiting": self.tr("Waiting"),
            "failed": self.tr("Failed"),
            "broken": self.tr("Broken"),
        }

    def state_texts(self) -> list[str]:
        """Everything the state column can say, for its width."""
        most = self.tr("Loading {share}").format(share="100%")
        return [*self._state_words().values(), most, self.tr("Kept")]

    def kept(self, entry: Json) -> bool | None:
        """Whether a loaded model is kept whatever comes; None where it is not loaded."""
        loaded = self._loaded.get(entry["id"])
        ready = loaded is not None and loaded["state"] == "ready"
        return bool(loaded.get("pinned")) if ready and loaded is not None else None

    def action(self, entry: Json) -> str:
        state = self.state(entry)
        if state in ("ready", "loading"):
            return "unload" if state == "ready" else "cancel"
        return "load" if state in ("", "failed", "restarting") and loadable(entry) else ""

    def action_text(self, entry: Json) -> str:
        return self._action_words().get(self.action(entry), "")

    def _action_words(self) -> dict[str, str]:
        return {
            "load": self.tr("Load"),
            "unload": self.tr("Unload"),
            "cancel": self.tr("Cancel"),
        }

    def action_texts(self) -> list[str]:
        """Everything the button of a row can say, for its width."""
        return list(self._action_words().values())

    def _token(self, entry: Json, column: int) -> str:
        if column == Column.STATE:
            state = self.state(entry)
            if state in ("broken", "failed"):
                return "error"
            return "accent" if state == "ready" else "text"
        if entry["broken"] or (column == Column.NAME and not loadable(entry)):
            return "secondary"
        return "text" if column in (Column.NAME, Column.SIZE, Column.QUANT) else "secondary"


def _side(column: int) -> int:
    right = column in FIGURES
    return int(Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft)
