"""Texts of people and models on a page: Markdown as it grows, code in boxes, nothing fetched."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QDesktopServices,
    QPalette,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QTextBrowser, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.theme.tokens import mixed
from desktop.ui.widgets.base import GAP, TIGHT, Surface, Text, row
from desktop.ui.widgets.column import Column
from desktop.ui.widgets.highlight import runs
from desktop.ui.widgets.markdown import CodePart, Growing, Part, TextPart, is_web_address, sound
from desktop.ui.widgets.parts import CopyButton

# As much is read in one turn of the event loop; the rest in the next ones.
_SLICE_CHARS = 6_000
_SETTLE_MS = 250


class TextView(QTextBrowser):
    """Words as tall as they are, to select and copy. Links open outside, on a click; nothing that
    a text names is loaded."""

    def __init__(
        self, theme: Theme, name: str = "", token: str = "text", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._token = theme, token
        self._html: str | None = None
        self.setAccessibleName(name)
        self.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setOpenLinks(False)
        self.setUndoRedoEnabled(False)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.document().setDocumentMargin(0)
        self.viewport().setAutoFillBackground(False)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.anchorClicked.connect(self._on_anchor_clicked)
        theme.changed.connect(self._on_theme_changed)
        self._style()

    def set_html(self, html: str) -> None:
        """Show HTML that `widgets.markdown` made; of nobody else."""
        if html != self._html:
            self._html = html
            self.setHtml(html)
            self.updateGeometry()

    def set_plain(self, text: str) -> None:
        self._html = None
        self.setPlainText(sound(text))
        self.updateGeometry()

    def loadResource(self, kind: int, name: QUrl | str) -> None:
        return None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        document = self.document()
        if document.textWidth() != width:
            document.setTextWidth(width)
        return math.ceil(document.size().height())

    def sizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(max(self.width(), 40)))

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self.fontMetrics().height())

    def ideal_width(self) -> int:
        """How wide the text would be without wrapping."""
        document = self.document().clone()
        document.setTextWidth(-1)
        width = math.ceil(document.idealWidth()) + 2
        document.deleteLater()
        return width

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the page scrolls

    def _on_anchor_clicked(self, address: QUrl) -> None:
        if is_web_address(address.toString()):
            QDesktopServices.openUrl(address)

    def _on_theme_changed(self) -> None:
        self._style()
        if self._html is not None:
            self.setHtml(self._html)
        self.updateGeometry()

    def _style(self) -> None:
        theme, tokens = self._theme, self._theme.tokens
        self.setFont(theme.font())
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        palette.setColor(QPalette.ColorRole.Text, theme.colour(self._token))
        self.setPalette(palette)
        base = theme.font().pointSizeF()
        code = mixed(tokens.window, tokens.text, 0.08)
        mono = ", ".join(f"'{family}'" for family in theme.mono().families())
        self.document().setDefaultStyleSheet(
            f"p {{ margin-top: 0; margin-bottom: 8px; line-height: 135%; }}"
            f"li {{ margin-bottom: 4px; line-height: 135%; }}"
            f"h1 {{ font-size: {base + 4}pt; margin-top: 12px; margin-bottom: 8px; }}"
            f"h2 {{ font-size: {base + 2}pt; margin-top: 12px; margin-bottom: 8px; }}"
            f"h3, h4 {{ font-size: {base + 1}pt; margin-top: 8px; margin-bottom: 4px; }}"
            f"code {{ font-family: {mono}; background-color: {code}; }}"
            f"pre {{ font-family: {mono}; margin-top: 4px; margin-bottom: 8px; }}"
            f"a {{ color: {tokens.info}; }}"
            f"blockquote {{ color: {tokens.secondary}; margin-left: 16px; margin-right: 0; }}"
            f"table {{ border-color: {tokens.line_strong}; border-style: solid;"
            f" border-collapse: collapse; margin-top: 4px; margin-bottom: 12px; }}"
            f"th {{ background-color: {tokens.tint}; }}"
        )


class CodeView(Translated, Surface):
    """A code block: its language, Copy, and lines that scroll sideways."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, token="surface", padding=0, parent=parent)
        self._part = CodePart("", "")
        self._coloured: CodePart | None = None
        self._language = Text(theme, role="caption")
        self._copy = CopyButton(theme, "")
        self._text = _CodeText(theme)
        header = row(self._language, 1, self._copy)
        header.setContentsMargins(12, TIGHT, TIGHT, 0)
        self.body.setSpacing(0)
        self.body.addLayout(header)
        self.body.addWidget(self._text)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._colour)
        theme.changed.connect(self._on_theme_changed)
        self.retranslate()

    def retranslate(self) -> None:
        self._copy.set_name(self.tr("Copy the code"))
        self._language.setText(self._part.language or self.tr("Text"))
        self._text.setAccessibleName(self.tr("Code"))

    def set_part(self, part: CodePart) -> None:
        if part == self._part:
            return
        before, self._part = self._part, part
        self._copy.set_value(part.code)
        self._language.setText(part.language or self.tr("Text"))
        if before.code and part.code.startswith(before.code):
            self._text.add(part.code[len(before.code) :])
        else:
            self._text.setPlainText(part.code)
        self._text.fit()
        if not self._later.isActive():
            self._colour()

    def _colour(self) -> None:
        """Colour it now, and again later what has come until then: not each time it grows."""
        if self._coloured == self._part:
            return
        begun = time.monotonic()
        self._coloured = self._part
        self._text.colour(self._part)
        self._later.start(max(_SETTLE_MS, round(1000 * (time.monotonic() - begun) * 20)))

    def _on_theme_changed(self) -> None:
        self._coloured = None
        self._colour()


class _CodeText(QPlainTextEdit):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.document().setDocumentMargin(12)
        self.viewport().setAutoFillBackground(False)
        self.horizontalScrollBar().rangeChanged.connect(self.fit)
        theme.changed.connect(self._style)
        self._style()
        self.fit()

    def _style(self) -> None:
        self.setFont(self._theme.mono(-1))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        palette.setColor(QPalette.ColorRole.Text, self._theme.colour("text"))
        self.setPalette(palette)

    def add(self, text: str) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text, QTextCharFormat())

    def fit(self) -> None:
        """As tall as the lines are, and the scroll bar where there is one."""
        bar = self.horizontalScrollBar()
        height = self.blockCount() * self.fontMetrics().lineSpacing() + 26
        if bar.maximum() > 0:
            height += bar.sizeHint().height()
        if height != self.height():
            self.setFixedHeight(height)

    def colour(self, part: CodePart) -> None:
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.setCharFormat(QTextCharFormat())
        # Qt counts UTF-16 units, Python code points.
        wide = [n for n, letter in enumerate(part.code) if ord(letter) > 0xFFFF]
        passed = 0
        for start, length, colour in runs(self._theme, part.language, part.code):
            while passed < len(wide) and wide[passed] < start:
                passed += 1
            inside = sum(1 for n in wide[passed:] if n < start + length) if wide else 0
            cursor.setPosition(start + passed)
            cursor.setPosition(start + passed + length + inside, QTextCursor.MoveMode.KeepAnchor)
            look = QTextCharFormat()
            look.setForeground(colour)
            cursor.setCharFormat(look)
        cursor.endEditBlock()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
        else:
            event.ignore()


class MarkdownView(Column):
    """A text in Markdown that may still grow. Long ones are read in slices, so that the window
    goes on answering; `settled` says that all of it is there."""

    settled = Signal()

    def __init__(self, theme: Theme, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(GAP, parent)
        self._theme = theme
        self.setAccessibleName(name)
        self._growing = Growing()
        self._parts: list[Part] = []
        self._source = ""
        self._waiting = ""
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._read)

    @property
    def source(self) -> str:
        """The whole text as it was written."""
        return self._source

    def set_source(self, text: str) -> None:
        """Show a text; one that begins with what is shown is only added to."""
        if text.startswith(self._source):
            self.append(text[len(self._source) :])
            return
        self._growing, self._parts, self._source, self._waiting = Growing(), [], "", ""
        self._next.stop()
        self.set_count(0, 0)
        self.append(text)

    def append(self, text: str) -> None:
        if text:
            self._source += text
            self._waiting += sound(text)
            if not self._next.isActive():
                self._read()

    def _read(self) -> None:
        if not self._waiting:
            return
        begun = time.monotonic()
        piece, self._waiting = self._waiting[:_SLICE_CHARS], self._waiting[_SLICE_CHARS:]
        first = self._growing.append(piece)
        self._parts = self._growing.parts
        self._show(first)
        if self._waiting:
            self.set_below(_text_height(len(self._waiting), self.width()))
            self._next.start(0)
        else:
            self.set_below(0)
            # What is slow to show is shown less often: it takes an eighth of the time at most.
            self._next.start(round(1000 * (time.monotonic() - begun) * 7))
            self.settled.emit()

    def _show(self, first: int) -> None:
        same = min(self.count, len(self._parts))
        for index in range(first, same):
            part, widget = self._parts[index], self.widget(index)
            if isinstance(widget, TextView) and isinstance(part, TextPart):
                widget.set_html(part.html)
            elif isinstance(widget, CodeView) and isinstance(part, CodePart):
                widget.set_part(part)
            elif widget is not None:
                self.set_count(index, index)
                break
        if self.count != len(self._parts):
            self.set_count(len(self._parts), min(self.count, len(self._parts)))

    def make(self, index: int) -> QWidget:
        part = self._parts[index]
        if isinstance(part, TextPart):
            text = TextView(self._theme, self.accessibleName())
            text.set_html(part.html)
            return text
        code = CodeView(self._theme)
        code.set_part(part)
        return code

    def estimate(self, index: int, width: int) -> int:
        part = self._parts[index]
        if isinstance(part, TextPart):
            return _text_height(len(part.html), width)
        return 56 + 17 * (part.code.count("\n") + 1)


def _text_height(chars: int, width: int) -> int:
    """About how tall so many letters are: 7 pixels wide and 22 tall each."""
    return 22 * (1 + chars * 7 // max(width, 70))
