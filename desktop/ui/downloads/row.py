"""One download in the panel: what it is, how far, what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.downloads import words
from desktop.ui.downloads.question import CancelQuestion
from desktop.ui.i18n import Translated
from desktop.ui.models.downloads import Download, FileProgress
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, KeyboardFocus, Text, row
from desktop.ui.widgets.progressrow import Bar

_PADDING = 12


class FileLines(QWidget):
    """The files of a download below one another: name, how far, state."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GAP)
        self._grid.setVerticalSpacing(TIGHT)
        self._grid.setColumnStretch(0, 1)
        self._lines: list[tuple[Text, Text]] = []

    def show_files(self, files: tuple[FileProgress, ...]) -> None:
        while len(self._lines) < len(files):
            name = Text(self._theme, role="caption", wrap=True)
            state = Text(self._theme, role="caption")
            state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            place = len(self._lines)
            self._grid.addWidget(name, place, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(state, place, 1, Qt.AlignmentFlag.AlignTop)
            self._lines.append((name, state))
        for number, (name, state) in enumerate(self._lines):
            there = number < len(files)
            name.setVisible(there)
            state.setVisible(there)
            if there:
                file = files[number]
                name.setText(words.breakable(file.path))
                state.setText(_how_far(file))

    def texts(self) -> list[tuple[str, str]]:
        """Name and state of each line that is shown."""
        return [
            (name.text().replace("\u200b", ""), state.text())
            for name, state in self._lines
            if not name.isHidden()
        ]


def _how_far(file: FileProgress) -> str:
    size = words.amount(file.done_bytes, file.size_bytes)
    if file.state in ("done", "present", "waiting"):
        size = units.size(file.size_bytes)
    return words.joined([size, words.file_state(file)])


class DownloadRow(KeyboardFocus, Translated, QWidget):
    """Shows a download that has not ended.

    With the keyboard on it: Space pauses and resumes, Alt with an arrow moves it, Delete cancels,
    Right and Left show and hide its files, Up and Down lead to its neighbours.

    Signals:
        pause_asked, resume_asked, cancel_asked: its id.
        move_asked: its id and one place up (-1) or down (1).
        left: the keyboard is to go to the row above (-1) or below (1).
        dragged: its id and where the mouse is, while it is held; dropped: its id.
    """

    pause_asked = Signal(int)
    resume_asked = Signal(int)
    cancel_asked = Signal(int)
    move_asked = Signal(int, int)
    left = Signal(int)
    dragged = Signal(int, QPoint)
    dropped = Signal(int)

    def __init__(self, theme: Theme, download: Download) -> None:
        super().__init__()
        self._theme = theme
        self._download = download
        self._place, self._count = 1, 1
        self._pressed: QPoint | None = None
        self._dragging = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._name = Text(theme, role="strong", wrap=True)
        self._quant = Text(theme, role="caption", wrap=True)
        self.up = IconButton(theme, "chevron-up", "")
        self.down = IconButton(theme, "chevron-down", "")
        self.hold = IconButton(theme, "pause", "")  # or lets it go on
        self.cancel = IconButton(theme, "close", "")
        self._bar = Bar(theme)
        self._state = Text(theme, role="caption", wrap=True)
        self._more = Text(theme, role="caption", wrap=True)
        self._notes = Text(theme, role="caption", token="warning", wrap=True)
        self.toggle = Button(theme, kind="quiet", icon_name="chevron-right", flush=True)
        self.files = FileLines(theme)
        self.files.hide()
        self.question = CancelQuestion(theme)
        self._build()
        self._connect()
        theme.changed.connect(self.update)
        self.retranslate()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_PADDING, _PADDING, _PADDING, _PADDING)
        layout.setSpacing(TIGHT)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._name)
        names.addWidget(self._quant)
        head = row(spacing=0)
        head.addLayout(names, 1)
        for button in (self.up, self.down, self.hold, self.cancel):
            head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        layout.addWidget(self._bar)
        for text in (self._state, self._more, self._notes):
            layout.addWidget(text)
        layout.addLayout(row(self.toggle, 1))
        layout.addWidget(self.files)
        layout.addWidget(self.question)

    def _connect(self) -> None:
        self.up.clicked.connect(self._on_up_clicked)
        self.down.clicked.connect(self._on_down_clicked)
        self.hold.clicked.connect(self._on_hold_clicked)
        self.cancel.clicked.connect(self.ask_cancel)
        self.question.confirmed.connect(self.cancel_asked)
        self.question.kept.connect(self._on_question_kept)
        self.toggle.clicked.connect(self._on_toggle_clicked)

    def retranslate(self) -> None:
        name = words.one_line(self._download.model)
        self.up.set_name(self.tr("Move {name} up").format(name=name))
        self.down.set_name(self.tr("Move {name} down").format(name=name))
        self.cancel.set_name(self.tr("Cancel {name}").format(name=name))
        self.show_download(self._download, self._place, self._count)

    # --- what is shown --------------------------------------------------------------------------

    @property
    def download(self) -> Download:
        return self._download

    def show_download(self, download: Download, place: int, count: int) -> None:
        """Args: place: among those under way, from 1; count: how many these are."""
        self._download, self._place, self._count = download, place, count
        name, quant = words.title(download.model)
        self._name.setText(words.breakable(name))
        owner = words.owner(download.model)
        self._quant.setText(words.breakable(words.joined([quant, owner])))
        paused = download.state == "paused"
        self.hold.set_icon("play" if paused else "pause")
        words_ = self.tr("Resume {name}") if paused else self.tr("Pause {name}")
        self.hold.set_name(words_.format(name=words.one_line(download.model)))
        for button in (self.up, self.down):
            button.setVisible(count > 1)
        self.up.setEnabled(place > 1)
        self.down.setEnabled(place < count)
        self.show_figures(download)

    def show_figures(self, download: Download) -> None:
        self._download = download
        self._bar.set_share(download.share or 0.0)
        state = words.joined([words.stage(download, self._place), words.figures(download)])
        self._state.setText(state)
        more = words.detail(download)
        self._more.setText(more)
        self._more.setVisible(bool(more))
        notes = "\n".join(words.notes(download))
        self._notes.setText(notes)
        self._notes.setVisible(bool(notes))
        self._show_files()
        self.question.follow(download)
        self.setAccessibleName(words.one_line(download.model))
        self.setAccessibleDescription(words.joined([state, more, notes]))

    def _show_files(self) -> None:
        files = self._download.files
        self.toggle.setVisible(bool(files))
        one = self.tr("1 file")
        many = self.tr("{count} files").format(count=units.count(len(files)))
        text = one if len(files) == 1 else many
        if text != self.toggle.text():
            self.toggle.setText(text)
            self.toggle.updateGeometry()
        if not self.files.isHidden():
            self.files.show_files(files)

    # --- what is done ---------------------------------------------------------------------------

    def _on_up_clicked(self) -> None:
        self.move_asked.emit(self._download.id, -1)

    def _on_down_clicked(self) -> None:
        self.move_asked.emit(self._download.id, 1)

    def _on_hold_clicked(self) -> None:
        if self._download.state == "paused":
            self.resume_asked.emit(self._download.id)
        else:
            self.pause_asked.emit(self._download.id)

    def ask_cancel(self) -> None:
        """Much that was fetched is not thrown away without a question, which is asked here."""
        self.question.cancel(self._download)

    def _on_question_kept(self) -> None:
        self.cancel.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_toggle_clicked(self) -> None:
        self.open_files(self.files.isHidden())

    def open_files(self, shown: bool) -> None:
        self.files.setVisible(shown)
        self.toggle.set_icon("chevron-down" if shown else "chevron-right")
        self._show_files()

    # --- hands ----------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, alt = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if key == Qt.Key.Key_Space:
            self._on_hold_clicked()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.ask_cancel()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = -1 if key == Qt.Key.Key_Up else 1
            if alt:
                self.move_asked.emit(self._download.id, step)
            else:
                self.left.emit(step)
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Left) and self._download.files:
            self.open_files(key == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._count > 1:
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        way = (event.position().toPoint() - self._pressed).manhattanLength()
        if not self._dragging and way >= QApplication.startDragDistance():
            self._dragging = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update()
        if self._dragging:
            self.dragged.emit(self._download.id, event.globalPosition().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None
        if self._dragging:
            self._dragging = False
            self.unsetCursor()
            self.update()
            self.dropped.emit(self._download.id)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._dragging:
            painter.setBrush(self._theme.colour("tint"))
            painter.drawRoundedRect(box, 6, 6)
        if self.hasFocus() and self._by_keyboard:
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 6, 6)
