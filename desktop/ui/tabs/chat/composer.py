"""Where one writes: a field that grows, the model, how full the context is, Send or Stop."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.chat.editing import GrowingEdit
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, Button, IconButton, Surface, Text, row

Json = dict[str, Any]


class ContextMeter(QWidget):
    """How much of the context is used: a bar, and the figures beside it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.share = 0.0
        self.setFixedSize(56, 6)
        theme.changed.connect(self.update)

    def set_share(self, share: float) -> None:
        self.share = min(1.0, max(0.0, share))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("line"))
        painter.drawRoundedRect(self.rect(), 3, 3)
        full = self.share > 0.9
        painter.setBrush(self._theme.colour("warning" if full else "accent"))
        if self.share > 0:
            width = max(6.0, self.width() * self.share)
            painter.drawRoundedRect(QRectF(0, 0, width, self.height()), 3, 3)


class _Field(GrowingEdit):
    up_pressed = Signal()
    focus_changed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Up and self.document().isEmpty():
            self.up_pressed.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focus_changed.emit()


class Composer(Translated, Surface):
    """Emits `sent` with the words; they stay until `clear` says that they have arrived."""

    sent = Signal(str)
    stopped = Signal()
    model_chosen = Signal(str)
    options_asked = Signal()
    edit_last_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, token="surface", padding=12, parent=parent)
        self._theme = theme
        self._models: list[Json] = []
        self._model_id: str | None = None
        self._loaded_ids: set[str] = set()
        self._answering = self._sending = False
        self._pasted = ""
        self._figures: tuple[int | None, int | None] = (None, None)
        self.field = _Field(theme)
        self.field.sent.connect(self._on_field_sent)
        self.field.escaped.connect(self._on_escaped)
        self.field.textChanged.connect(self._set_button)
        self.field.long_text_pasted.connect(self._on_long_text_pasted)
        self.field.up_pressed.connect(self.edit_last_asked)
        self.field.focus_changed.connect(self.update)
        self._paste = Button(theme, kind="plain", icon_name="close")
        self._paste.clicked.connect(self._on_paste_clicked)
        self._paste.hide()
        self.model_button = Button(
            theme, kind="quiet", icon_name="chevron-down", shrinks=True, flush=True
        )
        self.model_button.clicked.connect(self._on_model_clicked)
        self.options_button = IconButton(theme, "settings", "")
        self.options_button.clicked.connect(self.options_asked)
        self._meter = ContextMeter(theme)
        self._meter_text = Text(theme, role="caption")
        self.button = Button(theme, icon_name="send")
        self.button.clicked.connect(self._on_button_clicked)
        self.body.addWidget(self._paste, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.field)
        tools = row(
            self.model_button,
            self.options_button,
            1,
            self._meter,
            self._meter_text,
            self.button,
            spacing=8,
        )
        self.body.addLayout(tools)
        self.body.setSpacing(TIGHT)
        self.retranslate()

    def retranslate(self) -> None:
        self.field.setPlaceholderText(self.tr("Ask something"))
        self.field.setAccessibleName(self.tr("Your message"))
        self.options_button.set_name(self.tr("System prompt and sampling"))
        self._paste.setToolTip(self.tr("Remove the pasted text"))
        self._set_button()
        self._set_model_text()
        self._set_meter_text()
        self._set_paste_text()

    # --- what is shown ------------------------------------------------------------------------

    def show_models(self, models: list[Json], chosen: str | None, loaded: set[str]) -> None:
        """Args: loaded: ids of those that answer at once, or are on their way."""
        self._models, self._model_id, self._loaded_ids = models, chosen, loaded
        self._set_model_text()
        self._set_button()

    def show_busy(self, *, answering: bool, sending: bool) -> None:
        self._answering, self._sending = answering, sending
        self._set_button()

    def show_context(self, used: int | None, total: int | None) -> None:
        self._figures = (used, total)
        self._set_meter_text()

    def clear(self) -> None:
        self.field.clear()
        self._pasted = ""
        self._set_paste_text()

    def set_text(self, text: str) -> None:
        self.field.setPlainText(text)
        self.field.moveCursor(self.field.textCursor().MoveOperation.End)
        self.field.setFocus()

    def text(self) -> str:
        typed = self.field.toPlainText()
        return f"{typed}\n\n{self._pasted}".strip("\n") if self._pasted else typed

    def _set_model_text(self) -> None:
        known = next((m for m in self._models if m["id"] == self._model_id), None)
        text = self._label(known) if known else self._model_id or self.tr("No model")
        self.model_button.setText(text)
        self.model_button.setAccessibleName(self.tr("Model: {model}").format(model=text))
        hint = self.tr("It is loaded when you send.")
        there = self._model_id in self._loaded_ids
        self.model_button.setToolTip(text if there else f"{text}\n{hint}" if known else hint)
        self.model_button.updateGeometry()

    def _label(self, model: Json) -> str:
        return f"{model['id']} · {self.tr('demo')}" if model["bundled"] else str(model["id"])

    def _set_button(self) -> None:
        if self._answering:
            self.button.setText(self.tr("Stop"))
            self.button.set_icon("stop")
            self.button.setToolTip(self.tr("Stop the answer (Esc)"))
            self.button.setEnabled(True)
        else:
            self.button.setText(self.tr("Send"))
            self.button.set_icon("send")
            self.button.setToolTip(self.tr("Enter sends, Shift+Enter begins a new line"))
            self.button.setEnabled(self._can_send())
        self.button.updateGeometry()

    def _can_send(self) -> bool:
        there = bool(self._pasted) or not self.field.document().isEmpty()
        return there and not self._sending and not self._answering and self._model_id is not None

    def _set_meter_text(self) -> None:
        used, total = self._figures
        self._meter.setVisible(bool(used and total))
        self._meter_text.setVisible(bool(used and total))
        if used and total:
            self._meter.set_share(used / total)
            text = f"{units.count(used)} / {units.count(total)}"
            self._meter_text.setText(text)
            words = self.tr("Context: {used} of {total} tokens used").format(
                used=units.count(used), total=units.count(total)
            )
            for widget in (self._meter, self._meter_text):
                widget.setToolTip(words)
                widget.setAccessibleName(words)

    def _set_paste_text(self) -> None:
        size = units.size(len(self._pasted.encode("utf-8", "replace")))
        self._paste.setText(self.tr("Pasted text, {size}").format(size=size))
        self._paste.setVisible(bool(self._pasted))
        self._paste.updateGeometry()

    # --- what is done -------------------------------------------------------------------------

    def _on_field_sent(self) -> None:
        if self._can_send() and self.text().strip():
            self.sent.emit(self.text())

    def _on_button_clicked(self) -> None:
        if self._answering:
            self.stopped.emit()
        else:
            self._on_field_sent()

    def _on_escaped(self) -> None:
        if self._answering:
            self.stopped.emit()

    def _on_long_text_pasted(self, text: str) -> None:
        self._pasted += ("\n\n" if self._pasted else "") + text
        self._set_paste_text()
        self._set_button()

    def _on_paste_clicked(self) -> None:
        self._pasted = ""
        self._set_paste_text()
        self._set_button()

    def _on_model_clicked(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for model in self._models:
            text = self._label(model).replace("&", "&&")
            if model["id"] in self._loaded_ids:
                text += f" · {self.tr('loaded')}"
            action = menu.addAction(text)
            action.setData(model["id"])
            action.setCheckable(True)
            action.setChecked(model["id"] == self._model_id)
        if not self._models:
            menu.addAction(self.tr("No model can chat. Add one in the Library.")).setEnabled(False)
        menu.triggered.connect(self._on_model_triggered)
        at = self.model_button.mapToGlobal(self.model_button.rect().topLeft())
        at.setY(at.y() - menu.sizeHint().height())
        menu.popup(at)

    def _on_model_triggered(self, action: QAction) -> None:
        self.model_chosen.emit(action.data())
