"""Keys: made here, shown once, revoked in place."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, column, row
from desktop.ui.widgets.keyfield import KeyField
from desktop.ui.widgets.parts import Line

Json = dict[str, Any]


class KeyRow(Translated, QWidget):
    """One key: its name, its end, its age; revoking asks once more, here.

    Signals:
        revoke_asked: the key's name, after the second press.
    """

    revoke_asked = Signal(str)

    def __init__(self, theme: Theme, key: Json) -> None:
        super().__init__()
        self._key = key
        self._name = Text(theme, str(key["name"]), wrap=True)
        self._hint = Text(theme, f"…{key['hint']}", role="mono", token="secondary")
        self._made = Text(theme, role="caption")
        self.revoke = Button(theme, kind="quiet")
        self.revoke.clicked.connect(self._on_revoke_clicked)
        self._question = Text(theme, wrap=True)
        self.confirm = Button(theme)
        self.confirm.clicked.connect(self._on_confirm_clicked)
        self.keep = Button(theme, kind="quiet")
        self.keep.clicked.connect(self._on_keep_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self._name, 1)
        layout.addWidget(self._hint)
        layout.addWidget(self._made)
        layout.addWidget(self.revoke)
        layout.addWidget(self._question, 1)
        layout.addWidget(self.confirm)
        layout.addWidget(self.keep)
        self.retranslate()
        self._ask(False)

    def retranslate(self) -> None:
        name = str(self._key["name"])
        made = self._key.get("created")
        when = time.strftime("%Y-%m-%d", time.localtime(made)) if made else ""
        self._made.setText(when)
        self.revoke.setText(self.tr("Revoke"))
        self.revoke.setAccessibleName(self.tr("Revoke {name}").format(name=name))
        self._question.setText(
            self.tr("Revoke “{name}”? Programs that use it are refused from now on.").format(
                name=name
            )
        )
        self.confirm.setText(self.tr("Revoke"))
        self.keep.setText(self.tr("Keep"))

    def _ask(self, asking: bool) -> None:
        for widget in (self._name, self._hint, self._made, self.revoke):
            widget.setVisible(not asking)
        for other in (self._question, self.confirm, self.keep):
            other.setVisible(asking)

    def _on_revoke_clicked(self) -> None:
        self._ask(True)
        self.keep.setFocus()

    def _on_keep_clicked(self) -> None:
        self._ask(False)
        self.revoke.setFocus()

    def _on_confirm_clicked(self) -> None:
        self.confirm.setEnabled(False)
        self.revoke_asked.emit(str(self._key["name"]))

    def refuse(self) -> None:
        """It could not be revoked: as before."""
        self.confirm.setEnabled(True)
        self._ask(False)


class KeysCard(Translated, Surface):
    """Signals:
    make_asked: name of a key that is wanted.
    revoke_asked: name of the key that is to go.
    """

    make_asked = Signal(str)
    revoke_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._title = Text(theme, role="strong")
        self._text = Text(theme, token="secondary", wrap=True)
        self.name = QLineEdit()
        self.name.setMaxLength(100)
        self.name.returnPressed.connect(self._on_make_clicked)
        self.name.textChanged.connect(self._on_name_changed)
        self.make = Button(theme, icon_name="add")
        self.make.clicked.connect(self._on_make_clicked)
        self.error = Text(theme, token="error", wrap=True)
        self.error.hide()
        self._fresh_title = Text(theme, role="strong", wrap=True)
        self.fresh = KeyField(theme)
        self.done = Button(theme, kind="quiet")
        self.done.clicked.connect(self._on_done_clicked)
        self._fresh_box = QWidget()
        head = row(self._fresh_title, self.done)
        head.setStretch(0, 1)
        inner = QVBoxLayout(self._fresh_box)
        inner.setContentsMargins(0, TIGHT, 0, TIGHT)
        inner.setSpacing(TIGHT)
        inner.addLayout(head)
        inner.addWidget(self.fresh)
        self._fresh_box.hide()
        self._fresh_name = ""
        self._rows = QVBoxLayout()
        self._lines: list[KeyRow] = []
        self._rows.setSpacing(GAP)
        self._keys: list[Json] | None = None
        maker = row(self.name, self.make)
        maker.setStretch(0, 1)
        self.body.addLayout(column(self._title, self._text, spacing=TIGHT))
        self.body.addWidget(self._fresh_box)
        self.body.addLayout(self._rows)
        self.body.addLayout(maker)
        self.body.addWidget(self.error)
        self.body.addStretch(1)
        self.body.setSpacing(GAP)
        self.retranslate()
        self._on_name_changed()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Keys"))
        self.name.setPlaceholderText(self.tr("What is it for? For example “editor”"))
        self.name.setAccessibleName(self.tr("Name of the new key"))
        self.make.setText(self.tr("Create key"))
        self.make.updateGeometry()
        self.done.setText(self.tr("I have it"))
        self._fresh_title.setText(
            self.tr("The key “{name}”. Copy it now: it is not shown again.").format(
                name=self._fresh_name
            )
        )
        if self._keys is None:
            self._text.setText(self.tr("Reading the keys …"))
        elif not self._keys:
            self._text.setText(
                self.tr("None yet. Other machines need one; on this machine it works without.")
            )
        else:
            self._text.setText(self.tr("One for each program, so that each can be revoked alone."))

    def show_keys(self, keys: list[Json] | None) -> None:
        if keys == self._keys and keys is not None:
            return
        self._keys = keys
        self._lines = []
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for number, key in enumerate(keys or ()):
            if number:
                self._rows.addWidget(Line(self._theme))
            line = KeyRow(self._theme, key)
            line.revoke_asked.connect(self.revoke_asked)
            self._rows.addWidget(line)
            self._lines.append(line)
        self.retranslate()

    def rows(self) -> list[KeyRow]:
        return list(self._lines)

    def show_made(self, name: str, key: str) -> None:
        self._fresh_name = name
        self.fresh.set_key(key)
        self.name.clear()
        self.error.hide()
        self._fresh_box.show()
        self.retranslate()

    def show_refused(self, text: str) -> None:
        self.error.setText(text)
        self.error.show()
        for line in self.rows():
            line.refuse()
        self._on_name_changed()

    def _on_name_changed(self) -> None:
        self.make.setEnabled(bool(self.name.text().strip()))

    def _on_make_clicked(self) -> None:
        name = self.name.text().strip()
        if name and self.make.isEnabled():
            self.make.setEnabled(False)
            self.error.hide()
            self.make_asked.emit(name)

    def _on_done_clicked(self) -> None:
        self.fresh.clear()
        self._fresh_box.hide()
        self.name.setFocus()
