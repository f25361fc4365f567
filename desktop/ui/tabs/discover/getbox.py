"""The chosen file's way here: get it, see it come, use it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.errors import ErrorCode
from desktop.ui import units
from desktop.ui.downloads import words as download_words
from desktop.ui.downloads.question import CancelQuestion
from desktop.ui.i18n import Translated
from desktop.ui.models.downloads import Download
from desktop.ui.tabs.discover.extras import Extras
from desktop.ui.tabs.discover.getting import Way
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Text, row
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.progressrow import Bar
from desktop.ui.widgets.tick import Tick


class GetBox(Translated, QWidget):
    """Shows a `Way`.

    Signals:
        get_asked: whether its projector and its draft are to come, too.
        pause_asked, resume_asked, cancel_asked: the download's id.
        list_asked: all downloads are to be shown; files_asked: what its repository really has.
        page_asked: its page at the hub is to be opened; token_asked: a token to be entered.
        load_asked, anyway_asked, chat_asked: use it; library_asked: show it there.
    """

    get_asked = Signal(bool, bool)
    pause_asked = Signal(int)
    resume_asked = Signal(int)
    cancel_asked = Signal(int)
    list_asked = Signal()
    files_asked = Signal()
    page_asked = Signal()
    token_asked = Signal()
    load_asked = Signal()
    anyway_asked = Signal()
    chat_asked = Signal()
    library_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._way = Way("elsewhere")
        self._size = ""
        self._extras = Extras()
        self._gated = ""  # "auto", "manual"
        self._too_large = False
        self.get = Button(theme, kind="primary", icon_name="download")
        self.get_plain = Button(theme, icon_name="download")  # of what would not fit
        self.projector, self.draft = Tick(theme), Tick(theme)
        self.projector.setChecked(True)
        self._warning = Text(theme, token="warning", wrap=True)
        self._consent_title = Text(theme, role="strong", wrap=True)
        self._consent = Text(theme, token="secondary", wrap=True)
        self.page, self.token = Button(theme), Button(theme)
        self._stage = Text(theme, wrap=True)
        self._bar = Bar(theme)
        self._figures = Text(theme, role="caption", wrap=True)
        self._notes = Text(theme, role="caption", token="warning", wrap=True)
        self.hold, self.cancel = IconButton(theme, "pause", ""), IconButton(theme, "close", "")
        self.list = Button(theme, kind="quiet", flush=True)
        self.question = CancelQuestion(theme)
        self._error_title = Text(theme, role="strong", token="error", wrap=True)
        self._error = Text(theme, token="secondary", wrap=True)
        self.again = Button(theme, kind="primary", icon_name="refresh")
        self.files = Button(theme, icon_name="search")
        self.load = Button(theme, kind="primary", icon_name="play")
        self.anyway = Button(theme)
        self.library = Button(theme, icon_name="library")
        self._names()
        self._build()
        self._connect()
        self.retranslate()

    def _names(self) -> None:
        for name in ("get", "projector", "draft", "load", "anyway", "library", "again"):
            getattr(self, name).setObjectName(f"discover-{name}")
        self.anyway.setObjectName("discover-load-anyway")
        self.get_plain.setObjectName("discover-get-anyway")

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        self._buttons = QWidget()
        flow = FlowLayout(self._buttons, GAP)
        for button in (self.load, self.anyway, self.get, self.get_plain, self.again, self.files):
            flow.addWidget(button)
        flow.addWidget(self.library)
        self._coming = QWidget()
        coming = QVBoxLayout(self._coming)
        coming.setContentsMargins(0, 0, 0, 0)
        coming.setSpacing(TIGHT)
        head = row(self._stage, self.hold, self.cancel, spacing=0)
        head.setStretch(0, 1)
        coming.addLayout(head)
        for widget in (self._bar, self._figures, self._notes):
            coming.addWidget(widget)
        coming.addLayout(row(self.list, 1))
        coming.addWidget(self.question)
        self._terms = QWidget()
        terms = QVBoxLayout(self._terms)
        terms.setContentsMargins(0, GAP, 0, 0)
        terms.setSpacing(TIGHT)
        terms.addWidget(self._consent_title)
        terms.addWidget(self._consent)
        places = QWidget()
        places_flow = FlowLayout(places, GAP)
        places_flow.addWidget(self.page)
        places_flow.addWidget(self.token)
        terms.addWidget(places)
        for part in (self._error_title, self._error, self._buttons, self._coming):
            layout.addWidget(part)
        for part in (self._warning, self.projector, self.draft, self._terms):
            layout.addWidget(part)

    def _connect(self) -> None:
        for button in (self.get, self.get_plain, self.again):
            button.clicked.connect(self._on_get_clicked)
        self.hold.clicked.connect(self._on_hold_clicked)
        self.cancel.clicked.connect(self._on_cancel_clicked)
        self.question.confirmed.connect(self.cancel_asked)
        self.question.kept.connect(self._on_question_kept)
        self.list.clicked.connect(self.list_asked)
        self.files.clicked.connect(self.files_asked)
        self.page.clicked.connect(self.page_asked)
        self.token.clicked.connect(self.token_asked)
        self.load.clicked.connect(self._on_load_clicked)
        self.anyway.clicked.connect(self.anyway_asked)
        self.library.clicked.connect(self.library_asked)

    def retranslate(self) -> None:
        self.cancel.set_name(self.tr("Cancel this download"))
        self.list.setText(self.tr("All downloads"))
        self.again.setText(self.tr("Try again"))
        self.files.setText(self.tr("Show what it has"))
        self.page.setText(self.tr("Open its page"))
        self.token.setText(self.tr("Enter a token…"))
        self.anyway.setText(self.tr("Load anyway"))
        self.library.setText(self.tr("Show in Library"))
        buttons = (self.list, self.again, self.files, self.page, self.token, self.anyway)
        for button in (*buttons, self.library):
            button.updateGeometry()
        self._show()

    # --- what is shown --------------------------------------------------------------------------

    @property
    def way(self) -> Way:
        return self._way

    def show_file(self, size: str, extras: Extras, gated: str | None) -> None:
        """Another file, with what would come along.

        Args:
            size: "~4.7 GiB"; gated: how its repository asks for consent, if it does.
        """
        if extras != self._extras:
            self.projector.setChecked(True)
            self.draft.setChecked(False)
        self._size, self._extras, self._gated = size, extras, gated or ""
        self._too_large = False
        self._show()

    def show_fit(self, verdict: str | None) -> None:
        """Whether it would fit is known now."""
        self._too_large = verdict == "wont_fit"
        self._show()

    def show_way(self, way: Way) -> None:
        self._way = way
        self._show()

    def _show(self) -> None:
        way, kind = self._way, self._way.kind
        self._show_get()
        self._coming.setVisible(way.is_coming)
        if way.is_coming:
            self._show_coming(way.download)
        failed = kind == "failed"
        self._error_title.setVisible(failed)
        self._error.setVisible(failed)
        self.again.setVisible(failed)
        unknown = way.error is not None and way.error.code is ErrorCode.HUB_QUANT_UNKNOWN
        self.files.setVisible(failed and unknown)
        if failed and way.error is not None:
            told = download_words.failure(way.error)
            self._error_title.setText(told.title)
            # What to do about a refusal is said below, with buttons to do it.
            consent = download_words.wants_consent(way.error)
            self._error.setText(told.cause if consent else told.text)
        self._show_here()
        self._show_terms()
        self._buttons.setVisible(not way.is_coming and kind != "elsewhere")

    def _show_get(self) -> None:
        kind = self._way.kind
        remote = kind == "remote"
        self.get.setVisible(remote and not self._too_large)
        self.get_plain.setVisible(remote and self._too_large)
        text = self.tr("Get · {size}").format(size=self._size) if self._size else self.tr("Get")
        for button in (self.get, self.get_plain):
            button.setText(text)
            button.updateGeometry()
        self._warning.setVisible(kind == "elsewhere" or (remote and self._too_large))
        if kind == "elsewhere":
            self._warning.setText(
                self.tr("It lies at no hub: only what is at Hugging Face is downloaded from here.")
            )
        else:
            self._warning.setText(
                self.tr("It would not fit into this machine's memory. You can get it all the same.")
            )
        extras, choice = self._extras, kind in ("remote", "failed")
        self.projector.setVisible(choice and extras.projector_bytes is not None)
        text = self.tr("With its image reader, +{size}")
        self.projector.setText(text.format(size=units.size(extras.projector_bytes)))
        self.projector.updateGeometry()
        self.projector.setToolTip(
            self.tr("The projector: the file through which the model sees or hears.")
        )
        self.draft.setVisible(choice and bool(extras.draft))
        text = self.tr("With {model} as its draft, about +{size}")
        self.draft.setText(text.format(model=extras.draft, size=units.size(extras.draft_bytes)))
        self.draft.updateGeometry()
        self.draft.setToolTip(
            self.tr("A small model that proposes tokens, which can make answers faster.")
        )

    def _show_coming(self, download: Download | None) -> None:
        there = download is not None
        self.hold.setVisible(there)
        self.cancel.setVisible(there)
        if download is None:
            self._stage.setText(self.tr("Asking for it…"))
            self._bar.set_share(0.0)
            self._figures.setText("")
            self._notes.hide()
            return
        self._stage.setText(download_words.stage(download))
        self._bar.set_share(download.share or 0.0)
        self._figures.setText(download_words.figures(download))
        notes = "\n".join(download_words.notes(download))
        self._notes.setText(notes)
        self._notes.setVisible(bool(notes))
        paused = download.state == "paused"
        self.hold.set_icon("play" if paused else "pause")
        self.hold.set_name(
            self.tr("Resume this download") if paused else self.tr("Pause this download")
        )
        self.question.follow(download)
        said = download_words.joined([self._stage.text(), self._figures.text()])
        self._coming.setAccessibleName(said)

    def _show_here(self) -> None:
        kind, here = self._way.kind, self._way.is_here
        self.load.setVisible(here)
        self.load.setEnabled(kind != "loading")
        words = {"ready": self.tr("Chat"), "loading": self.tr("Loading…")}
        self.load.setText(words.get(kind, self.tr("Load")))
        self.load.set_icon("chat" if kind == "ready" else "play")
        self.load.updateGeometry()
        self.anyway.setVisible(kind == "here" and self._too_large)
        self.library.setVisible(here)

    def _show_terms(self) -> None:
        """What to do about a repository that asks for consent; where it said so, or refused."""
        way = self._way
        refused = way.kind == "failed" and download_words.wants_consent(way.error)
        self._terms.setVisible(refused or (bool(self._gated) and way.kind == "remote"))
        self._consent_title.setVisible(not refused)
        self._consent_title.setText(self.tr("This repository asks for your consent"))
        if refused:
            self._consent.setText(
                self.tr(
                    "If it has terms, agree to them on its page, signed in at Hugging Face; then "
                    "enter a token of that account, and try again."
                )
            )
        elif self._gated == "auto":
            self._consent.setText(
                self.tr(
                    "Agree to its terms on its page, signed in at Hugging Face, and enter a token "
                    "of that account. Access is granted at once."
                )
            )
        else:
            self._consent.setText(
                self.tr(
                    "Ask for access on its page, signed in at Hugging Face, and enter a token of "
                    "that account. Its owner decides who may have it."
                )
            )

    # --- what is done ---------------------------------------------------------------------------

    def wanted_extras(self) -> tuple[bool, bool]:
        """Whether the projector and the draft are to come, too."""
        extras = self._extras
        projector = extras.projector_bytes is None or self.projector.isChecked()
        return projector, bool(extras.draft) and self.draft.isChecked()

    def _on_get_clicked(self) -> None:
        self.get_asked.emit(*self.wanted_extras())

    def _on_hold_clicked(self) -> None:
        download = self._way.download
        if download is not None:
            asked = self.resume_asked if download.state == "paused" else self.pause_asked
            asked.emit(download.id)

    def _on_cancel_clicked(self) -> None:
        if self._way.download is not None:
            self.question.cancel(self._way.download)

    def _on_question_kept(self) -> None:
        self.cancel.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_load_clicked(self) -> None:
        (self.chat_asked if self._way.kind == "ready" else self.load_asked).emit()
