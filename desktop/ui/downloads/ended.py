"""One download in the panel that has ended: to be used now, or with why it failed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.downloads import words
from desktop.ui.downloads.question import CancelQuestion
from desktop.ui.i18n import Translated
from desktop.ui.models.downloads import Download
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Text
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import IconLabel

_PADDING = 12


class EndedRow(Translated, QWidget):
    """Shows a download that is done or failed.

    Signals:
        chat_asked, library_asked: the library's id of what was fetched.
        again_asked: id of one that failed: it is to be tried again.
        page_asked: its model, whose page at the hub is to be opened; token_asked: a token is to
            be entered.
        remove_asked: id of one that failed: what was fetched of it is to be deleted.
        forget_asked: id of one that is done: it is to be shown no more.
    """

    chat_asked = Signal(str)
    library_asked = Signal(str)
    again_asked = Signal(int)
    page_asked = Signal(str)
    token_asked = Signal()
    remove_asked = Signal(int)
    forget_asked = Signal(int)

    def __init__(self, theme: Theme, download: Download) -> None:
        super().__init__()
        self._download = download
        failed = download.state == "failed"
        self._mark = IconLabel(
            theme, "error" if failed else "check", "error" if failed else "accent"
        )
        self._name = Text(theme, role="strong", wrap=True)
        self._what = Text(theme, role="caption", wrap=True)
        self._why = Text(theme, token="secondary", wrap=True)
        self.close_ = IconButton(theme, "close", "")
        self.chat = Button(theme, icon_name="chat")
        self.library = Button(theme, kind="quiet", icon_name="library")
        self.again = Button(theme, icon_name="refresh")
        self.page = Button(theme, kind="quiet")
        self.token = Button(theme, kind="quiet")
        self.question = CancelQuestion(theme)
        self._build()
        self._connect()
        self.retranslate()

    def _build(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(_PADDING, _PADDING, _PADDING, _PADDING)
        layout.setSpacing(GAP)
        self._buttons = QWidget()
        flow = FlowLayout(self._buttons, TIGHT)
        for button in (self.chat, self.library, self.again, self.page, self.token):
            flow.addWidget(button)
        texts = QVBoxLayout()
        texts.setSpacing(TIGHT)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._name)
        names.addWidget(self._what)
        texts.addLayout(names)
        for widget in (self._why, self._buttons, self.question):
            texts.addWidget(widget)
        top = Qt.AlignmentFlag.AlignTop
        layout.addWidget(self._mark, 0, top)
        layout.addLayout(texts, 1)
        layout.addWidget(self.close_, 0, top)

    def _connect(self) -> None:
        self.close_.clicked.connect(self._on_close_clicked)
        self.chat.clicked.connect(self._on_chat_clicked)
        self.library.clicked.connect(self._on_library_clicked)
        self.again.clicked.connect(self._on_again_clicked)
        self.page.clicked.connect(self._on_page_clicked)
        self.token.clicked.connect(self.token_asked)
        self.question.confirmed.connect(self.remove_asked)
        self.question.kept.connect(self._on_question_kept)

    def retranslate(self) -> None:
        download = self._download
        failed, local = download.state == "failed", download.local_model
        name, quant = words.title(download.model)
        self._name.setText(words.breakable(name))
        error = download.error
        told = None if error is None else words.failure(error)
        what = words.ended(download) if told is None else told.title
        self._what.setText(words.breakable(words.joined([quant, what])))
        # What to do about a refusal is said by the buttons.
        consent = words.wants_consent(error)
        self._why.setText("" if told is None else told.cause if consent else told.text)
        self._why.setVisible(bool(self._why.text()))
        self.chat.setText(self.tr("Chat now"))
        self.library.setText(self.tr("Show in Library"))
        self.again.setText(self.tr("Try again"))
        self.page.setText(self.tr("Open its page"))
        self.token.setText(self.tr("Enter a token…"))
        for button in (self.chat, self.library, self.again, self.page, self.token):
            button.updateGeometry()
        self.chat.setVisible(local is not None and not (download.result or {}).get("embedding"))
        self.library.setVisible(local is not None)
        self.again.setVisible(failed)
        self.page.setVisible(consent)
        self.token.setVisible(consent)
        self._buttons.setVisible(failed or local is not None)
        text = self.tr("Remove {name} from this list")
        self.close_.set_name(text.format(name=words.one_line(download.model)))
        said = [words.one_line(download.model), what, self._why.text()]
        self.setAccessibleName(words.joined(said))

    @property
    def download(self) -> Download:
        return self._download

    # --- what is done ---------------------------------------------------------------------------

    def _on_close_clicked(self) -> None:
        """What was fetched of one that failed goes with it: much of it not without a question."""
        if self._download.state == "failed":
            self.question.cancel(self._download)
        else:
            self.forget_asked.emit(self._download.id)

    def _on_question_kept(self) -> None:
        self.close_.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_chat_clicked(self) -> None:
        self.chat_asked.emit(self._download.local_model)

    def _on_library_clicked(self) -> None:
        self.library_asked.emit(self._download.local_model)

    def _on_again_clicked(self) -> None:
        self.again.setEnabled(False)
        self.again_asked.emit(self._download.id)

    def _on_page_clicked(self) -> None:
        self.page_asked.emit(self._download.model)
