"""Keys: made here, shown once, changed and revoked in place."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.server import key_words
from desktop.ui.tabs.server.keyform import KeyForm
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, clear, column, row
from desktop.ui.widgets.keyfield import KeyField
from desktop.ui.widgets.parts import Line

Json = dict[str, Any]


class KeyRow(Translated, QWidget):
    """One key: its name, its end, what it may do and has used; changing and revoking happen here.

    Signals:
        revoke_asked: the key's name, after the second press.
        change_asked: its name, and what it is to be allowed from now on.
    """

    revoke_asked = Signal(str)
    change_asked = Signal(str, dict)

    def __init__(self, theme: Theme, key: Json) -> None:
        super().__init__()
        self._theme, self._key = theme, key
        self._name = Text(theme, str(key["name"]), role="strong", wrap=True)
        self._hint = Text(theme, f"…{key['hint']}", role="mono", token="secondary")
        self._limits = Text(theme, wrap=True)
        self._used = Text(theme, role="caption", wrap=True)
        self.change = Button(theme, kind="quiet")
        self.change.clicked.connect(self._on_change_clicked)
        self.revoke = Button(theme, kind="quiet")
        self.revoke.clicked.connect(self._on_revoke_clicked)
        self._question = Text(theme, wrap=True)
        self.confirm = Button(theme)
        self.confirm.clicked.connect(self._on_confirm_clicked)
        self.keep = Button(theme, kind="quiet")
        self.keep.clicked.connect(self._on_keep_clicked)
        self.form: KeyForm | None = None
        self.save, self.cancel = Button(theme), Button(theme, kind="quiet")
        self.save.clicked.connect(self._on_save_clicked)
        self.cancel.clicked.connect(self._on_cancel_clicked)
        self._facts = QWidget()
        self._facts.setLayout(column(self._limits, self._used, spacing=2))
        head = row(self._name, self._hint, self.change, self.revoke, spacing=16)
        head.setStretch(0, 1)
        asking = row(self._question, self.confirm, self.keep)
        asking.setStretch(0, 1)
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        layout.addLayout(head)
        layout.addLayout(asking)
        layout.addWidget(self._facts)
        layout.addLayout(row(self.save, self.cancel, 1))
        self.retranslate()
        self._show("")

    def retranslate(self) -> None:
        name = str(self._key["name"])
        self._tell()
        self.change.setText(self.tr("Change"))
        self.change.setAccessibleName(self.tr("Change {name}").format(name=name))
        self.revoke.setText(self.tr("Revoke"))
        self.revoke.setAccessibleName(self.tr("Revoke {name}").format(name=name))
        self._question.setText(
            self.tr("Revoke “{name}”? Programs that use it are refused from now on.").format(
                name=name
            )
        )
        self.confirm.setText(self.tr("Revoke"))
        self.keep.setText(self.tr("Keep"))
        self.save.setText(self.tr("Save"))
        self.cancel.setText(self.tr("Cancel"))

    def _tell(self) -> None:
        key = self._key
        policy = key.get("policy") or {}
        end = key_words.ends(policy)
        said = [*key_words.limits(policy), *([end] if end else [])]
        self._limits.setText(" · ".join(said) or self.tr("no limits"))
        gone = bool(key.get("expired"))
        self._limits.set_token("error" if gone else "text" if said else "secondary")
        made = self.tr("made {day}").format(day=units.day(key.get("created")))
        self._used.setText(f"{made} · {key_words.used(key)}")

    def show_key(self, key: Json) -> None:
        """The same key with what is known now."""
        self._key = key
        self._tell()

    def _show(self, mode: str) -> None:
        """Args: mode: "", "revoke" or "change"."""
        self._mode = mode
        for widget in (self._name, self._hint, self.change, self.revoke):
            widget.setVisible(mode != "revoke")
        self.change.setEnabled(mode == "")
        self.revoke.setEnabled(mode == "")
        for other in (self._question, self.confirm, self.keep):
            other.setVisible(mode == "revoke")
        self._facts.setVisible(mode != "change")
        for each in (self.save, self.cancel):
            each.setVisible(mode == "change")
        if mode == "change":
            form = self.form = KeyForm(self._theme)
            form.show_policy(self._key.get("policy") or {})
            self._layout.insertWidget(3, form)
        elif self.form is not None:
            self.form.hide()
            self.form.deleteLater()
            self.form = None

    def _on_revoke_clicked(self) -> None:
        self._show("revoke")
        self.keep.setFocus()

    def _on_keep_clicked(self) -> None:
        self._show("")
        self.revoke.setFocus()

    def _on_confirm_clicked(self) -> None:
        self.confirm.setEnabled(False)
        self.revoke_asked.emit(str(self._key["name"]))

    def _on_change_clicked(self) -> None:
        self._show("change")
        if self.form is not None:
            self.form.models.setFocus()

    def _on_cancel_clicked(self) -> None:
        self._show("")
        self.change.setFocus()

    def _on_save_clicked(self) -> None:
        policy = self.form.policy() if self.form is not None else None
        if policy is not None:
            self.save.setEnabled(False)
            self.change_asked.emit(str(self._key["name"]), policy)

    def changed(self, key: Json) -> None:
        """It was changed."""
        self.save.setEnabled(True)
        self._key = key
        self._show("")
        self._tell()

    @property
    def name(self) -> str:
        return str(self._key["name"])

    def refuse(self) -> None:
        """It could not be changed or revoked: as before, with what was typed."""
        self.confirm.setEnabled(True)
        self.save.setEnabled(True)
        if self._mode == "revoke":
            self._show("")


class KeysCard(Translated, Surface):
    """Signals:
    make_asked: name of a key that is wanted, and what it may do.
    revoke_asked: name of the key that is to go.
    change_asked: name of a key, and what it may do from now on.
    """

    make_asked = Signal(str, dict)
    revoke_asked = Signal(str)
    change_asked = Signal(str, dict)

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
        self.limits = Button(theme, kind="quiet", icon_name="chevron-down")
        self.limits.clicked.connect(self._on_limits_clicked)
        self.form = KeyForm(theme)
        self.form.hide()
        maker = row(self.name, self.limits, self.make)
        maker.setStretch(0, 1)
        self.body.addLayout(column(self._title, self._text, spacing=TIGHT))
        self.body.addWidget(self._fresh_box)
        self.body.addLayout(self._rows)
        self.body.addWidget(Line(theme))
        self.body.addLayout(maker)
        self.body.addWidget(self.form)
        self.body.addWidget(self.error)
        self.body.addStretch(1)
        self.body.setSpacing(GAP)
        self.retranslate()
        self._on_name_changed()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Keys"))
        self.name.setPlaceholderText(self.tr("What is it for? “editor”"))
        self.name.setAccessibleName(self.tr("Name of the new key"))
        self.make.setText(self.tr("Create key"))
        self.make.updateGeometry()
        self.limits.setText(self.tr("Limits"))
        self.limits.set_icon("chevron-up" if not self.form.isHidden() else "chevron-down")
        self.limits.updateGeometry()
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
        before = [line.name for line in self._lines]
        self._keys = keys
        if keys and before == [str(key["name"]) for key in keys]:
            for line, key in zip(self._lines, keys, strict=True):
                line.show_key(key)
            return
        self._lines = []
        clear(self._rows)
        for number, key in enumerate(keys or ()):
            if number:
                self._rows.addWidget(Line(self._theme))
            line = KeyRow(self._theme, key)
            line.revoke_asked.connect(self.revoke_asked)
            line.change_asked.connect(self.change_asked)
            self._rows.addWidget(line)
            self._lines.append(line)
        self.retranslate()

    def rows(self) -> list[KeyRow]:
        return list(self._lines)

    def show_made(self, name: str, key: str) -> None:
        self._fresh_name = name
        self.fresh.set_key(key)
        self.name.clear()
        self.form.show_policy({})
        self.form.hide()
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
        policy = {} if self.form.isHidden() else self.form.policy()
        if name and self.make.isEnabled() and policy is not None:
            self.make.setEnabled(False)
            self.error.hide()
            self.make_asked.emit(name, policy)

    def _on_limits_clicked(self) -> None:
        self.form.setVisible(self.form.isHidden())
        self.retranslate()

    def show_changed(self, key: Json) -> None:
        """A key was changed."""
        for line in self._lines:
            if line.name == key["name"]:
                line.changed(key)

    def _on_done_clicked(self) -> None:
        self.fresh.clear()
        self._fresh_box.hide()
        self.name.setFocus()
