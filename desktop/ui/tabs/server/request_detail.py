"""One request: its time as a bar, its figures, what went wrong, and the same again with curl."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.server.snippets import curl_of
from desktop.ui.tabs.server.timeline import Timeline
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Text, row
from desktop.ui.widgets.parts import Banner, CodeBox

Json = dict[str, Any]
_TEXT_SHOWN = 20_000


class RequestDetail(Translated, QWidget):
    """Signals:
    close_asked: the panel is to go.
    copied: the curl line was copied.
    """

    close_asked = Signal()
    copied = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._request: Json | None = None
        self._url = ""
        self._title = Text(theme, role="strong", wrap=True)
        self._when = Text(theme, role="caption", wrap=True)
        self._close = IconButton(theme, "close", "")
        self._close.clicked.connect(self.close_asked)
        self.banner = Banner(theme, "error")
        self.timeline = Timeline(theme)
        self._labels: list[Text] = []
        self._values: list[Text] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(TIGHT)
        self._grid.setColumnStretch(1, 1)
        self.curl = Button(theme, icon_name="copy")
        self.curl.clicked.connect(self._on_curl_clicked)
        self._asked_title, self.asked = Text(theme, role="strong"), CodeBox(theme)
        self._answered_title, self.answered = Text(theme, role="strong"), CodeBox(theme)
        head = QHBoxLayout()
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self._title)
        texts.addWidget(self._when)
        head.addLayout(texts, 1)
        head.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(2 * GAP)
        layout.addLayout(head)
        layout.addWidget(self.banner)
        layout.addWidget(self.timeline)
        layout.addLayout(self._grid)
        layout.addLayout(row(self.curl, 1))
        for title, box in (
            (self._asked_title, self.asked),
            (self._answered_title, self.answered),
        ):
            layout.addWidget(title)
            layout.addWidget(box)
        layout.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self._close.set_name(self.tr("Close details"))
        self.curl.setText(self.tr("Copy as curl"))
        self.curl.setToolTip(
            self.tr("Address, route and model, with the key from $PADDOCK_API_KEY")
        )
        self.curl.updateGeometry()
        self._asked_title.setText(self.tr("Asked"))
        self._answered_title.setText(self.tr("Answered"))
        self._show()

    @property
    def request(self) -> Json | None:
        return self._request

    def show_request(self, request: Json, url: str) -> None:
        """Args: url: of the server, without "/v1"."""
        self._request, self._url = request, url
        self._show()

    def _show(self) -> None:
        request = self._request
        if request is None:
            return
        self._title.setText(str(request.get("model") or request["route"]))
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(request["arrived"]))
        self._when.setText(when)
        self._show_trouble(request)
        self.timeline.show_request(request)
        lines = [(label, value) for label, value in self._figures(request) if value]
        while len(self._labels) < len(lines):
            number = len(self._labels)
            label = Text(self._theme, token="secondary")
            value = Text(self._theme, wrap=True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._labels.append(label)
            self._values.append(value)
            self._grid.addWidget(label, number, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, number, 1)
        for number, (label, value) in enumerate(zip(self._labels, self._values, strict=True)):
            there = number < len(lines)
            label.setVisible(there)
            value.setVisible(there)
            if there:
                label.setText(lines[number][0])
                value.setText(lines[number][1])
        for title, box, text in (
            (self._asked_title, self.asked, request.get("request")),
            (self._answered_title, self.answered, request.get("answer")),
        ):
            title.setVisible(bool(text))
            box.setVisible(bool(text))
            box.set_text(str(text or "")[:_TEXT_SHOWN])

    def _show_trouble(self, request: Json) -> None:
        status = int(request["status"])
        self.banner.setVisible(status >= 400)
        if status == 499:
            self.banner.tell(
                self.tr("The client left before the end"),
                self.tr("It closed the connection; what it had received until then counts."),
                kind="info",
            )
        elif status >= 400:
            words: dict[Any, str] = {
                "not_found": self.tr("There is no such route"),
                "host_not_allowed": self.tr("It was called by a name that is not allowed"),
                "origin_not_allowed": self.tr("This web page may not call the server"),
                401: self.tr("The key was missing or not valid"),
                403: self.tr("The key may not do this"),
                404: self.tr("There is no such model"),
                413: self.tr("The request was too large"),
                429: self.tr("A limit was reached, or too many were waiting"),
                503: self.tr("The model could not be loaded"),
            }
            code = request.get("error_code")
            title = (
                words.get(code)
                or words.get(status)
                or (
                    self.tr("The request was not valid")
                    if status < 500
                    else self.tr("The answer failed")
                )
            )
            told = " · ".join(str(each) for each in (status, code, request.get("error")) if each)
            self.banner.tell(title, told[:1000], kind="error")

    def _figures(self, request: Json) -> list[tuple[str, str]]:
        get = request.get
        cached, cost = get("cached_tokens"), get("cost")
        tokens = units.count(get("prompt_tokens")) if get("prompt_tokens") is not None else ""
        if tokens and cached:
            tokens += " " + self.tr("({count} from the cache)").format(count=units.count(cached))
        tpot = get("tpot_seconds")
        price = f"{cost:.6f}".rstrip("0").rstrip(".") if cost is not None else ""
        yes = self.tr("yes")
        return [
            (self.tr("Route"), str(request["route"])),
            (self.tr("Key"), str(get("key") or "")),
            (self.tr("Tokens in"), tokens),
            (self.tr("Tokens out"), _count(get("completion_tokens"))),
            (self.tr("First token"), _seconds(get("ttft_seconds"))),
            (self.tr("Between tokens"), f"{tpot * 1000:.1f} ms" if tpot else ""),
            (self.tr("Speed"), _speed(get("tokens_per_second"))),
            (self.tr("In all"), _seconds(get("total_seconds"))),
            (self.tr("Ended by"), str(get("finish_reason") or "")),
            (self.tr("Streamed"), yes if get("stream") else ""),
            (self.tr("Repeated answer"), yes if get("cached_answer") else ""),
            (self.tr("Cost"), f"{price} {get('currency') or ''}".strip()),
            (self.tr("Engine"), str(get("engine") or "")),
            (self.tr("Id"), str(get("id") or "")),
            (self.tr("Client's id"), str(get("client_id") or "")),
        ]

    def _on_curl_clicked(self) -> None:
        if self._request is not None:
            QGuiApplication.clipboard().setText(curl_of(self._request, self._url))
            self.copied.emit()


def _count(value: float | None) -> str:
    return "" if value is None else units.count(value)


def _seconds(value: float | None) -> str:
    return "" if value is None else units.seconds(value)


def _speed(value: float | None) -> str:
    return "" if value is None else f"{units.speed(value)} tok/s"
