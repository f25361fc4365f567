"""The chat page: conversations on the left, messages in a column, the place to write below."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.ui.context import Context
from desktop.ui.shell.page import Page
from desktop.ui.tabs.chat.composer import Composer
from desktop.ui.tabs.chat.options import Options
from desktop.ui.tabs.chat.presenter import ChatPresenter
from desktop.ui.tabs.chat.sidebar import Sidebar
from desktop.ui.tabs.chat.thread import COLUMN_WIDTH, Thread
from desktop.ui.tabs.chat.welcome import Welcome
from desktop.ui.widgets.base import GAP, Button, IconButton

# An answer in one of these states says itself why it does not go on.
_TELLING = ("waiting", "streaming", "failed")
NARROW_BELOW = 1100
_SIDEBAR_WIDTH = 264


class ChatPage(Page):
    """Shows what the presenter holds; emits nothing, asks the presenter."""

    name = "chat"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.presenter = presenter = ChatPresenter(context, self)
        self._narrow: bool | None = None
        self.toggle = IconButton(theme, "sidebar", "")
        self.toggle.clicked.connect(self._on_toggle_clicked)
        self.export = IconButton(theme, "export", "")
        self.export.clicked.connect(self._on_export_clicked)
        self.new_button = Button(theme, kind="primary", icon_name="add")
        self.new_button.clicked.connect(self._on_new_clicked)
        for tool in (self.toggle, self.export, self.new_button):
            self.tools.addWidget(tool)
        self.sidebar = Sidebar(theme)
        self.sidebar.setFixedWidth(_SIDEBAR_WIDTH)
        self.thread_view = Thread(theme, presenter.words)
        self.welcome = Welcome(theme)
        self.stack = QStackedWidget()
        self._welcome_area = quiet_scroll(self.welcome)
        self.stack.addWidget(self._welcome_area)
        self.stack.addWidget(self.thread_view)
        self.stack.setMinimumHeight(80)
        self.options = Options(theme)
        self.options.hide()
        self.composer = Composer(theme)
        right = QVBoxLayout()
        right.setSpacing(GAP)
        right.addWidget(self.stack, 1)
        for widget in (self.options, self.composer):
            widget.setMaximumWidth(COLUMN_WIDTH + 24)
            line = QHBoxLayout()
            line.addStretch(1)
            line.addWidget(widget, 1000)
            line.addStretch(1)
            right.addLayout(line)
        whole = QHBoxLayout()
        whole.setSpacing(24)
        whole.addWidget(self.sidebar)
        whole.addLayout(right, 1)
        self.content.addLayout(whole, 1)
        # Not the button's own: setting its text takes that away.
        new = QShortcut(QKeySequence("Ctrl+N"), self)
        new.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        new.activated.connect(self._on_new_clicked)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._on_find_activated)
        stop = QShortcut(QKeySequence("Esc"), self)
        stop.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        stop.activated.connect(self._on_escape_activated)
        self._connect(context)
        self.setTabOrder(self.sidebar, self.composer)

    def _connect(self, context: Context) -> None:
        presenter = self.presenter
        presenter.listing.changed.connect(self._on_list_changed)
        presenter.opened.connect(self._on_opened)
        presenter.branch_changed.connect(self._on_branch_changed)
        presenter.message_changed.connect(self._on_message_changed)
        presenter.message_grown.connect(self.thread_view.grow)
        presenter.choice.changed.connect(self._show_models)
        presenter.busy_changed.connect(self._show_busy)
        presenter.sent.connect(self._on_sent)
        presenter.listing.deleted.connect(self._on_deleted)
        context.state.loaded_changed.connect(self._show_load)
        sidebar, thread, composer = self.sidebar, self.thread_view, self.composer
        sidebar.searched.connect(presenter.listing.search)
        sidebar.chosen.connect(self._on_chosen)
        sidebar.renamed.connect(presenter.listing.rename)
        sidebar.delete_asked.connect(presenter.listing.delete)
        thread.branch_asked.connect(presenter.show_branch)
        thread.regenerate_asked.connect(presenter.regenerate)
        thread.resend_asked.connect(presenter.resend)
        thread.cancel_load_asked.connect(presenter.cancel_load)
        composer.sent.connect(self._on_composer_sent)
        composer.stopped.connect(presenter.stop)
        composer.model_chosen.connect(presenter.choice.choose)
        composer.options_asked.connect(self._on_options_asked)
        composer.edit_last_asked.connect(thread.edit_last)
        self.welcome.asked.connect(self._on_welcome_asked)
        self.options.changed.connect(presenter.set_options)
        self.options.closed.connect(self._on_options_asked)

    def title(self) -> str:
        return self.tr("Chat")

    def retranslate(self) -> None:
        self._set_sidebar(not self.sidebar.isHidden())
        self.export.set_name(self.tr("Save this conversation as a file"))
        self.new_button.setText(self.tr("New chat"))
        self.new_button.setToolTip(self.tr("Begin a conversation (Ctrl+N)"))
        self.new_button.updateGeometry()
        self._show_title()

    def panes(self) -> list[QWidget]:
        return [self.sidebar, self.stack, self.composer]

    def open(self, conversation_id: int) -> None:
        """Show a conversation; 0: begin one."""
        if conversation_id:
            self._on_chosen(conversation_id)
        else:
            self._on_new_clicked()

    def tells_failure_of(self, model: str) -> bool:
        last = self.presenter.last
        return last is not None and last["model_id"] == model and last["state"] in _TELLING

    def shown(self) -> None:
        self.presenter.show()
        self.composer.field.setFocus()
        self._show_models()

    def show_model(self, model: str) -> None:
        """Begin a conversation with it; it is loaded when the first message is sent."""
        self._on_new_clicked()
        self.presenter.choice.choose(model)

    def hidden(self) -> None:
        self.options.flush()
        self.presenter.hide()

    # --- what changed -------------------------------------------------------------------------

    def _show_title(self) -> None:
        current = self.presenter.current
        metrics = self.heading.fontMetrics()
        title = (current or {}).get("title") or self.title()
        room = max(200, self.width() - 420)
        self.heading.setText(metrics.elidedText(title, Qt.TextElideMode.ElideRight, room))
        self.heading.setToolTip("")
        self.export.setVisible(current is not None)

    def _on_list_changed(self) -> None:
        self.sidebar.set_rows(self.presenter.listing.conversations)
        self._show_title()

    def _on_opened(self) -> None:
        presenter = self.presenter
        current = presenter.current
        self.sidebar.set_current(current["id"] if current else None)
        self.thread_view.show_branch(presenter.branch, fresh=True)
        self._show_stack()
        self._show_title()
        self._show_options()
        self._show_load()
        self._show_context()
        self._show_busy()

    def _show_stack(self) -> None:
        begun = bool(self.presenter.branch)
        self.stack.setCurrentWidget(self.thread_view if begun else self._welcome_area)

    def _on_branch_changed(self) -> None:
        self.thread_view.show_branch(self.presenter.branch, fresh=False)
        self._show_stack()
        self._show_load()
        self._show_context()

    def _on_message_changed(self, message: dict[str, Any]) -> None:
        self.thread_view.update_message(self.presenter.branch, message)
        self._show_context()

    def _show_models(self) -> None:
        choice = self.presenter.choice
        self.composer.show_models(choice.models, choice.model_id, choice.loaded_ids)
        self.welcome.show_model(choice.model or (None if choice.read else _DEMO))
        self._show_options()
        self._show_context()

    def _show_options(self) -> None:
        presenter = self.presenter
        model = presenter.choice.model
        pinned = model is not None and model["bundled"]
        self.options.show_options(presenter.system, presenter.sampling, pinned=pinned)

    def _show_context(self) -> None:
        self.composer.show_context(*self.presenter.context_meter())

    def _show_busy(self) -> None:
        presenter = self.presenter
        self.composer.show_busy(answering=presenter.answering, sending=presenter.sending)

    def _show_load(self) -> None:
        loading = self.context.state.loading
        load = None
        if loading is not None:
            load = (loading["id"], loading["stage"], loading["progress"])
        self.thread_view.show_load(load)
        self._show_context()

    def _on_sent(self) -> None:
        self.composer.clear()
        # Send, when it was clicked, is switched off now: the keyboard must not go astray.
        self.composer.field.setFocus()
        self.thread_view.to_bottom()

    def _on_deleted(self, conversation_id: int, title: str) -> None:
        words = self.tr("“{title}” was deleted.").format(title=title[:60])

        def undo() -> None:
            self.presenter.listing.restore(conversation_id)

        self.context.toast(words, "info", (self.tr("Undo"), undo))

    # --- what is done -------------------------------------------------------------------------

    def _on_composer_sent(self, text: str) -> None:
        self.options.flush()
        self.presenter.send(text)

    def _on_welcome_asked(self, question: str) -> None:
        self.presenter.send(question)

    def _on_new_clicked(self) -> None:
        self.options.flush()
        self.presenter.new()
        self.composer.field.setFocus()

    def _on_chosen(self, conversation_id: int) -> None:
        self.options.flush()
        self.presenter.open(conversation_id)
        if self._narrow:
            self._set_sidebar(False)

    def _on_options_asked(self) -> None:
        self.options.setVisible(self.options.isHidden())
        if self.options.isVisible():
            self.options.system.setFocus()
        else:
            self.options.flush()
            self.composer.field.setFocus()

    def _on_find_activated(self) -> None:
        self._set_sidebar(True)
        self.sidebar.search.setFocus()
        self.sidebar.search.selectAll()

    def _on_escape_activated(self) -> None:
        if self.options.isVisible():
            self._on_options_asked()
        else:
            self.presenter.stop()

    def _on_export_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the conversation"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Markdown (*.md)", "JSON (*.json)"])
        dialog.setDefaultSuffix("md")
        title = (self.presenter.current or {}).get("title", "")
        dialog.selectFile("".join(c if c.isalnum() else "-" for c in title)[:60] + ".md")
        dialog.fileSelected.connect(self.presenter.export)
        dialog.open()

    def _on_toggle_clicked(self) -> None:
        self._set_sidebar(self.sidebar.isHidden())

    def _set_sidebar(self, visible: bool) -> None:
        self.sidebar.setVisible(visible)
        self.toggle.set_name(
            self.tr("Hide the conversations") if visible else self.tr("Show the conversations")
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        window: QWidget = self.window()
        narrow = window.width() < NARROW_BELOW
        if narrow != self._narrow:
            self._narrow = narrow
            self._set_sidebar(not narrow)
        self._show_title()


def quiet_scroll(inner: QWidget) -> QScrollArea:
    """A scroll area that shows nothing of itself: for a window that is very low."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(inner)
    area.viewport().setAutoFillBackground(False)
    inner.setAutoFillBackground(False)
    return area


# Whom one asks until the models are known.
_DEMO: dict[str, object] = {"id": "", "bundled": True}
