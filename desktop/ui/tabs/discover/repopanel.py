"""The panel beside what the hub found: a repository and its files, before they are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.ui import units
from desktop.ui.downloads import words as download_words
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.tabs.discover import hubwords
from desktop.ui.tabs.discover.getting import Getting, Way
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Text, row
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import Banner, Chip, CopyButton, Line
from desktop.ui.widgets.progressrow import ProgressRow

if TYPE_CHECKING:
    from desktop.core.hub.facts import FoundRepo
    from desktop.core.hub.repository import Quant, Repository


class QuantRow(Translated, QWidget):
    """One model of the repository: what it is called, its size, getting it.

    Signals:
        get_asked: its way.
    """

    get_asked = Signal(object)

    def __init__(self, theme: Theme, quant: Quant) -> None:
        super().__init__()
        self._quant, self._way = quant, Way("elsewhere")
        self._label = Text(theme, download_words.breakable(quant.label), wrap=True)
        self._size = Text(theme, units.size(quant.size_bytes), role="caption")
        self._state = Text(theme, role="caption", token="accent")
        self.get = Button(theme, icon_name="download")
        self.get.clicked.connect(self._on_get_clicked)
        layout = row(self._label, self._size, self._state, self.get)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.retranslate()

    def retranslate(self) -> None:
        self.get.setText(self.tr("Get"))
        self.get.setAccessibleName(self.tr("Get {name}").format(name=self._quant.label))
        self.get.updateGeometry()
        self.show_way(self._way)

    @property
    def label(self) -> str:
        return self._quant.label

    def show_way(self, way: Way) -> None:
        self._way = way
        self.get.setVisible(way.kind in ("remote", "failed"))
        text = ""
        if way.is_here:
            text = self.tr("In your library")
        elif way.kind == "asked":
            text = self.tr("Asking for it…")
        elif way.download is not None and way.is_coming:
            share = way.download.share
            text = download_words.stage(way.download)
            if share is not None:
                text = download_words.percent(share)
        self._state.setText(text)
        self._state.setVisible(bool(text))

    def _on_get_clicked(self) -> None:
        self.get_asked.emit(self._way)


class RepoPanel(Translated, QWidget):
    """Shows a repository as the hub tells of it; when a header was read, the model's own panel
    takes its place.

    Signals:
        close_asked, cancel_asked, again_asked: what its buttons say.
        page_asked: the repository's page is to be opened; token_asked: a token to be entered.
        get_asked: the way of a file that is to be downloaded.
    """

    close_asked = Signal()
    cancel_asked = Signal()
    again_asked = Signal()
    page_asked = Signal(str)
    token_asked = Signal()
    get_asked = Signal(object)

    def __init__(self, theme: Theme, getting: Getting) -> None:
        super().__init__()
        self._theme, self._getting = theme, getting
        self._facts: FoundRepo | None = None
        self._repository: Repository | None = None
        self._error: AppError | None = None
        self._rows: list[QuantRow] = []
        self._title = Text(theme, role="strong", wrap=True)
        self._close = IconButton(theme, "close", "")
        self._about = Text(theme, role="caption", wrap=True)
        self._name = Text(theme, role="mono", token="secondary", wrap=True)
        self._copy = CopyButton(theme, "")
        self._chips = QWidget()
        self._flow = FlowLayout(self._chips, TIGHT)
        self._old = Banner(theme, "warning")
        self.progress = ProgressRow(theme)
        self._terms = QWidget()
        self._terms_title = Text(theme, role="strong", wrap=True)
        self._terms_text = Text(theme, token="secondary", wrap=True)
        self.page, self.token = Button(theme), Button(theme)
        self._problem = Banner(theme, "error")
        self._files_title = Text(theme, role="strong")
        self._files = QVBoxLayout()
        self._none = Text(theme, token="secondary", wrap=True)
        self._build()
        self._connect()
        self.retranslate()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(GAP)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        layout.addWidget(self._about)
        name = row(self._name, self._copy, spacing=0)
        name.setStretch(0, 1)
        layout.addLayout(name)
        layout.addWidget(self._chips)
        layout.addWidget(self._old)
        terms = QVBoxLayout(self._terms)
        terms.setContentsMargins(0, GAP, 0, 0)
        terms.setSpacing(TIGHT)
        places = QWidget()
        flow = FlowLayout(places, GAP)
        flow.addWidget(self.page)
        flow.addWidget(self.token)
        for widget in (self._terms_title, self._terms_text, places):
            terms.addWidget(widget)
        for widget in (self._terms, self.progress, self._problem):
            layout.addWidget(widget)
        layout.addSpacing(GAP)
        layout.addWidget(self._files_title)
        self._files.setSpacing(GAP)
        layout.addLayout(self._files)
        layout.addWidget(self._none)
        layout.addStretch(1)

    def _connect(self) -> None:
        self._close.clicked.connect(self.close_asked)
        self.progress.cancel_asked.connect(self.cancel_asked)
        self._problem.pressed.connect(self.again_asked)
        self.page.clicked.connect(self._on_page_clicked)
        self.token.clicked.connect(self.token_asked)
        self._getting.changed.connect(self._show_ways)
        self._getting.progressed.connect(self._show_ways)

    def retranslate(self) -> None:
        self._close.set_name(self.tr("Close details"))
        self._copy.set_name(self.tr("Copy the repository's name"))
        self._files_title.setText(self.tr("Files"))
        self.page.setText(self.tr("Open its page"))
        self.token.setText(self.tr("Enter a token…"))
        for button in (self.page, self.token):
            button.updateGeometry()
        self._show()

    # --- what is shown --------------------------------------------------------------------------

    @property
    def repo(self) -> str:
        return "" if self._facts is None else self._facts.repo

    def rows(self) -> list[QuantRow]:
        return list(self._rows)

    def show_facts(self, facts: FoundRepo) -> None:
        """What the search told of it; its files are asked for now."""
        self._facts, self._repository, self._error = facts, None, None
        self._show_files()
        self._show()

    def show_repository(self, repository: Repository) -> None:
        self._facts, self._repository = repository.facts, repository
        self._show_files()
        self._show()

    def show_progress(self, what: str, share: float | None, figures: str) -> None:
        self.progress.show_progress(what, share, figures)
        self.progress.show()

    def end(self, error: AppError | None) -> None:
        """Nothing more is asked; why it could not be judged, where it could not."""
        self._error = error
        self.progress.hide()
        self._show()

    def _show(self) -> None:
        facts, found = self._facts, self._repository
        if facts is None:
            return
        self._title.setText(download_words.breakable(hubwords.name(facts)))
        told = [*hubwords.about(facts), *hubwords.figures(facts), *hubwords.history(facts)]
        self._about.setText(" · ".join(told))
        self._name.setText(download_words.breakable(facts.repo))
        self._copy.set_value(facts.repo)
        while (item := self._flow.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for chip in hubwords.chips(facts):
            self._flow.addWidget(Chip(self._theme, chip))
        old_news = found is not None and found.source == "cache"
        self._old.setVisible(old_news)
        if found is not None and old_news:
            title = self.tr("As of {date}: Hugging Face cannot be asked now")
            why = "" if found.problem is None else message(found.problem).cause
            self._old.tell(title.format(date=hubwords.moment(found.as_of)), why)
        self._show_terms(facts)
        self._show_problem(found)
        self._files_title.setVisible(found is not None)
        self._none.setVisible(found is not None and not self._rows)
        if found is not None and found.checkpoint:
            self._none.setText(
                self.tr(
                    "It holds the original weights in safetensors files, which the engine does "
                    "not load. Look for a GGUF repository that was made of it."
                )
            )
        else:
            self._none.setText(self.tr("It holds no GGUF model."))

    def _show_terms(self, facts: FoundRepo) -> None:
        refused = download_words.wants_consent(self._error)
        self._terms.setVisible(bool(facts.gated) or refused)
        self._terms_title.setText(self.tr("This repository asks for your consent"))
        if facts.gated == "auto":
            self._terms_text.setText(
                self.tr(
                    "Agree to its terms on its page, signed in at Hugging Face, and enter a token "
                    "of that account. Access is granted at once."
                )
            )
        else:
            self._terms_text.setText(
                self.tr(
                    "Ask for access on its page, signed in at Hugging Face, and enter a token of "
                    "that account. Its owner decides who may have it."
                )
            )

    def _show_problem(self, found: Repository | None) -> None:
        """Why it is not judged, or not listed at all."""
        error = self._error
        told = error is not None and not (found is not None and not self._rows)
        self._problem.setVisible(told)
        if error is None or not told:
            return
        words = message(error)
        if found is None:
            self._problem.tell(words.title, words.text, self.tr("Try again"), kind="error")
        else:
            title = self.tr("What fits here cannot be told before a header is read")
            why = words.cause if download_words.wants_consent(error) else words.line
            self._problem.tell(title, why, self.tr("Try again"), kind="info")

    def _show_files(self) -> None:
        while (item := self._files.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._rows = []
        quants = () if self._repository is None else self._repository.quants
        for number, quant in enumerate(quants):
            if number:
                self._files.addWidget(Line(self._theme))
            made = QuantRow(self._theme, quant)
            made.get_asked.connect(self.get_asked)
            self._files.addWidget(made)
            self._rows.append(made)
        self._show_ways()

    def _show_ways(self) -> None:
        if self._facts is not None and not self.isHidden():
            for each in self._rows:
                each.show_way(self._getting.way(self._facts.repo, each.label))

    def _on_page_clicked(self) -> None:
        self.page_asked.emit(self.repo)
