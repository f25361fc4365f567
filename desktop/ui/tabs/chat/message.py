"""One message: a person's in a quiet box, a model's as text with its figures below."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFocusEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.messages import Message
from desktop.ui.tabs.chat.actions import Actions
from desktop.ui.tabs.chat.branches import Shown
from desktop.ui.tabs.chat.editing import Editor
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, row
from desktop.ui.widgets.column import Anchor, Nested
from desktop.ui.widgets.parts import Banner
from desktop.ui.widgets.richtext import MarkdownView, TextView
from desktop.ui.widgets.stages import Stages

Json = dict[str, Any]
# A longer message is shown in parts.
FIRST_CHARS = 4_000
MORE_CHARS = 8_000
# An answer that takes several turns of the event loop to read.
LONG_CHARS = 12_000


class MessageView(Translated, QWidget):
    """What both kinds have in common: the place in its branch, and what can be done with it."""

    branch_asked = Signal(int)
    regenerate_asked = Signal(int)
    resend_asked = Signal(int, str)
    cancel_load_asked = Signal()

    def __init__(self, theme: Theme, shown: Shown, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme, self.shown = theme, shown
        self.is_last = False
        self.footer = Actions(theme)
        self.footer.branch_asked.connect(self.branch_asked)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    @property
    def message(self) -> Json:
        return self.shown.message

    @property
    def opened(self) -> int:
        """How far a person has opened it up; what `open_up` makes of a new view of the message."""
        return 0

    def open_up(self, opened: int) -> None:
        """Show as much of it as another view of it did."""

    @property
    def in_hand(self) -> bool:
        """Whether it must stay as it is, seen or not."""
        return False

    def show_actions(self) -> None:
        """Under the pointer, with the focus in it, or as the last of all."""
        wanted = self.is_last or self.underMouse() or self.has_focus_in_it()
        self.footer.show_for(self.shown, wanted and not self.is_growing())

    def has_focus_in_it(self) -> bool:
        focus = self.window().focusWidget()
        return focus is not None and (focus is self or self.isAncestorOf(focus))

    def is_growing(self) -> bool:
        return False

    def set_last(self, last: bool) -> None:
        self.is_last = last
        self.show_actions()

    def enterEvent(self, event: QEnterEvent) -> None:
        self.show_actions()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.show_actions()
        super().leaveEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.show_actions()
        super().focusInEvent(event)


class UserMessage(MessageView):
    """What a person wrote; it can be changed and sent again."""

    def __init__(self, theme: Theme, shown: Shown, parent: QWidget | None = None) -> None:
        super().__init__(theme, shown, parent)
        self._editor: Editor | None = None
        self._shown_chars = 0
        self._text = TextView(theme)
        self._more = Button(theme, kind="quiet")
        self._more.clicked.connect(self._show_more)
        self._box = Surface(theme, token="tint", outlined=False, padding=12)
        self._box.body.setSpacing(TIGHT)
        self._box.body.addWidget(self._text)
        self._box.body.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(GAP)
        line.addStretch(1)
        line.addWidget(self.footer, 0, Qt.AlignmentFlag.AlignBottom)
        line.addWidget(self._box, 1000)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(TIGHT)
        self._layout.addLayout(line)
        self.footer.edit_asked.connect(self.edit)
        self._show_more()
        self.show_actions()
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Your message"))
        self._text.setAccessibleName(self.tr("Your message"))
        total = len(self.message["content"])
        self._more.setText(
            self.tr("Show more ({shown} of {total} characters)").format(
                shown=units.count(self._shown_chars), total=units.count(total)
            )
        )
        self._more.updateGeometry()

    def _show_more(self) -> None:
        """Show the next part in a view of its own: what is there is not laid out again."""
        content, first = self.message["content"], self._shown_chars
        self._shown_chars = min(len(content), first + (MORE_CHARS if first else FIRST_CHARS))
        view = self._text
        if first:
            view = TextView(self.theme, self._text.accessibleName())
            self._box.body.insertWidget(self._box.body.count() - 1, view)
        view.set_plain(content[first : self._shown_chars])
        self._more.setVisible(self._shown_chars < len(content))
        self._fit()
        self.retranslate()

    @property
    def opened(self) -> int:
        return self._shown_chars

    def open_up(self, opened: int) -> None:
        while self._shown_chars < min(opened, len(self.message["content"])):
            self._show_more()

    @property
    def in_hand(self) -> bool:
        return self._editor is not None and not self._editor.isHidden()

    def _fit(self) -> None:
        wide = self._shown_chars > 400
        self._box.setMaximumWidth(16_000 if wide else self._text.ideal_width() + 26)

    def edit(self) -> None:
        """Write it anew in its place."""
        if self._editor is None:
            self._editor = Editor(self.theme)
            self._editor.accepted.connect(self._on_editor_accepted)
            self._editor.cancelled.connect(self._on_editor_cancelled)
            self._layout.insertWidget(1, self._editor)
        self._editor.begin(self.message["content"])
        self._box.hide()
        self.footer.hide()

    def _on_editor_accepted(self, text: str) -> None:
        self._on_editor_cancelled()
        self.resend_asked.emit(self.message["id"], text)

    def _on_editor_cancelled(self) -> None:
        if self._editor is not None:
            self._editor.hide()
        self._box.show()
        self.footer.show()
        self.setFocus()


class AnswerMessage(Nested, MessageView):
    """What a model wrote, in each of its states."""

    def __init__(self, theme: Theme, shown: Shown, parent: QWidget | None = None) -> None:
        super().__init__(theme, shown, parent)
        self._words: Message | None = None
        self._fold = Button(theme, kind="quiet", icon_name="chevron-right", flush=True)
        self._fold.setCheckable(True)
        self._fold.clicked.connect(self._on_fold_clicked)
        self._reasoning = TextView(theme, token="secondary")
        self._reasoning_text = ""
        self._text = MarkdownView(theme)
        self._waiting = Text(theme, token="secondary")
        self._stages = Stages(theme)
        self._cancel = Button(theme, kind="quiet")
        self._cancel.clicked.connect(self.cancel_load_asked)
        self._load = QWidget()
        self._load.setLayout(row(self._stages, self._cancel, spacing=16))
        self._note = Text(theme, role="caption")
        self._banner: Banner | None = None
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignLeft)
        for each in (self._reasoning, self._text, self._waiting, self._load, self._note):
            layout.addWidget(each)
            each.hide()
        layout.addWidget(self.footer)
        self.footer.regenerate_asked.connect(self._on_regenerate_asked)
        self._fold.hide()
        self.retranslate()
        self.set_message(shown)

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Answer"))
        self._text.setAccessibleName(self.tr("Answer"))
        self._cancel.setText(self.tr("Cancel"))
        self._cancel.updateGeometry()
        self._waiting.setText(self.tr("Waiting for its turn…"))
        self._set_fold_text()
        self._set_note()

    def is_growing(self) -> bool:
        return self.message["state"] in ("waiting", "streaming")

    @property
    def opened(self) -> int:
        return int(self._fold.isChecked())

    def open_up(self, opened: int) -> None:
        if bool(opened) != self._fold.isChecked():
            self._fold.click()

    @property
    def in_hand(self) -> bool:
        # A long one would be read again from its beginning; its own parts out of sight are gone.
        return self.is_growing() or len(self.message["content"]) > LONG_CHARS

    def look(self, top: int, bottom: int, until: float | None = None) -> None:
        y = self._text.y()
        self._text.look(top - y, bottom - y, until)

    def anchor(self, y: int) -> Anchor | int:
        inside = y - self._text.y()
        if self._text.isHidden() or not 0 <= inside < self._text.height():
            return y
        return self._text.anchor(inside)

    def place(self, anchor: Anchor | int) -> int:
        return anchor if isinstance(anchor, int) else self._text.y() + self._text.place(anchor)

    def set_message(self, shown: Shown, words: Message | None = None) -> None:
        """Show the message as it is now.

        Args:
            words: what to tell of its error.
        """
        self.shown, self._words = shown, words or self._words
        message = self.message
        self._text.set_source(message["content"])
        self._reasoning_text = message["reasoning"]
        self._show_reasoning()
        self._text.setVisible(bool(message["content"]))
        state = message["state"]
        self.footer.setVisible(bool(message["content"]) or len(shown.siblings) > 1)
        if state != "waiting":
            self._load.hide()
        self._waiting.setVisible(state == "waiting" and self._load.isHidden())
        self._set_fold_text()
        self._set_note()
        self.show_actions()

    def grow(self, text: str, reasoning: str) -> None:
        if text:
            self._text.append(text)
            self._text.show()
        if reasoning:
            self._reasoning_text += reasoning
            self._show_reasoning()

    def show_load(self, stage: str | None, progress: float | None) -> None:
        """Show how far the model's load is while the answer waits for it; None: no load goes on."""
        waiting = self.message["state"] == "waiting"
        self._load.setVisible(waiting and stage is not None)
        self._waiting.setVisible(waiting and stage is None)
        if stage is not None:
            self._stages.show_stage(stage, progress)

    def _show_reasoning(self) -> None:
        there = bool(self._reasoning_text.strip())
        self._fold.setVisible(there)
        opened = there and self._fold.isChecked()
        self._reasoning.setVisible(opened)
        if opened:
            self._reasoning.set_plain(self._reasoning_text.strip()[-MORE_CHARS:])

    def _on_fold_clicked(self) -> None:
        self._fold.set_icon("chevron-down" if self._fold.isChecked() else "chevron-right")
        self._show_reasoning()

    def _set_fold_text(self) -> None:
        thinks = self.is_growing() and not self.message["content"]
        self._fold.setText(self.tr("Thinking…") if thinks else self.tr("Thought for a moment"))
        self._reasoning.setAccessibleName(self.tr("Reasoning"))
        self._fold.updateGeometry()

    def _set_note(self) -> None:
        state = self.message["state"]
        note = ""
        if state == "stopped":
            note = self.tr("■ Stopped")
        elif state == "interrupted":
            note = self.tr("■ Interrupted: the service ended while it was writing.")
        elif (self.message.get("figures") or {}).get("finish_reason") == "length":
            note = self.tr("■ Ended at the limit of tokens")
        self._note.setText(note)
        self._note.setVisible(bool(note))
        if state == "failed":
            self._show_error()
        elif self._banner is not None:
            self._banner.hide()

    def _show_error(self) -> None:
        if self._banner is None:
            self._banner = Banner(self.theme, "error")
            self._banner.pressed.connect(self._on_regenerate_asked)
            self._layout.insertWidget(self._layout.count() - 1, self._banner)
        words = self._words
        title = words.title if words else self.tr("The answer failed")
        self._banner.tell(title, words.text if words else "", self.tr("Retry"))
        self._banner.show()

    def _on_regenerate_asked(self) -> None:
        self.regenerate_asked.emit(self.message["id"])
