"""What stands beside the page's title: filtering, looking again, adding."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QWidget

from desktop.core.library.given import TITLES, App
from desktop.ui.i18n import Translated
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, IconButton

EVERYTHING = ("", "")


class _Choice(Button):
    """What is chosen; where there is little room its icon alone."""

    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        return QSize(min(36, hint.width()), hint.height())

    def _shown_text(self) -> str:
        whole = self.width() >= super().minimumSizeHint().width()
        return super()._shown_text() if whole else ""


class LibraryTools(Translated, QWidget):
    """The tools of the Library page.

    Signals:
        kept_chosen: ("tag" | "app", which one): only those are to be shown; ("", "") for all.
    """

    kept_chosen = Signal(str, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._kept = EVERYTHING
        self._apps: list[App] = []
        self._tags: list[str] = []
        self.filter = QLineEdit()
        self.filter.setObjectName("library-filter")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAcceptDrops(False)
        self.filter.setMinimumWidth(self.filter.fontMetrics().averageCharWidth() * 10)
        self.filter.addAction(icon(theme, "search"), QLineEdit.ActionPosition.LeadingPosition)
        self.kept = _Choice(theme, kind="quiet", icon_name="sliders", shrinks=True)
        self.kept.setObjectName("library-kept")
        self.kept.clicked.connect(self._on_kept_clicked)
        self.rescan = IconButton(theme, "refresh", "", "F5")
        self.rescan.setObjectName("library-rescan")
        self.add = Button(theme, kind="primary", icon_name="add")
        self.add.setObjectName("library-add")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        for widget in (self.kept, self.filter, self.rescan, self.add):
            layout.addWidget(widget)
        self.retranslate()
        self.kept.hide()

    def retranslate(self) -> None:
        self.filter.setPlaceholderText(self.tr("Filter"))
        self.filter.setAccessibleName(self.tr("Filter the models"))
        self.rescan.set_name(self.tr("Look for models again"))
        self.add.setText(self.tr("Add…"))
        self.add.updateGeometry()
        self._name_kept()

    def offer(self, apps: Iterable[str], tags: Iterable[str]) -> None:
        """What models can be told apart by; the choice falls back to all when it is gone."""
        self._apps = [app for app in TITLES if app in set(apps)]
        self._tags = sorted(set(tags), key=str.lower)
        kind, value = self._kept
        if kind and value not in (self._tags if kind == "tag" else self._apps):
            self.choose(*EVERYTHING)
        self.kept.setVisible(bool(self._apps or self._tags))

    def choose(self, kind: str, value: str) -> None:
        """Keep only these; tells it."""
        self._kept = (kind, value)
        self._name_kept()
        self.kept_chosen.emit(kind, value)

    def menu(self) -> QMenu:
        """All, each program, each tag; one of them is chosen."""
        menu = QMenu(self)
        group = QActionGroup(menu)
        self._add(menu, group, self.tr("All models"), EVERYTHING)
        if self._apps:
            menu.addSeparator()
        for app in self._apps:
            self._add(menu, group, TITLES[app], ("app", app))
        if self._tags:
            menu.addSeparator()
        for tag in self._tags:
            self._add(menu, group, tag, ("tag", tag))
        group.triggered.connect(self._on_triggered)
        return menu

    def _add(self, menu: QMenu, group: QActionGroup, text: str, what: tuple[str, str]) -> None:
        action = QAction(text.replace("&", "&&"), menu)
        action.setCheckable(True)
        action.setChecked(what == self._kept)
        action.setData(what)
        group.addAction(action)
        menu.addAction(action)

    def _name_kept(self) -> None:
        kind, value = self._kept
        every = self.tr("All models")
        text = every if not kind else value if kind == "tag" else TITLES.get(value, value)  # type: ignore[call-overload]
        self.kept.setText(text)
        name = self.tr("Which models are shown: {which}").format(which=text)
        self.kept.setAccessibleName(name)
        self.kept.setToolTip(name)
        self.kept.updateGeometry()

    def _on_kept_clicked(self) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.kept.mapToGlobal(self.kept.rect().bottomLeft()))

    def _on_triggered(self, action: QAction) -> None:
        kind, value = action.data()
        self.choose(kind, value)
