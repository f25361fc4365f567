"""Toasts: something happened; they go by themselves, and may carry one action (Undo)."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtWidgets import QWidget

from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, IconButton, Surface, Text
from desktop.ui.widgets.parts import IconLabel

_SHOWN_MS = 6000
_ERROR_MS = 15000
_BELOW_TITLE = 60


class Toast(Surface):
    """One message. `kind` is "info", "check" or "error"."""

    def __init__(
        self,
        theme: Theme,
        text: str,
        kind: str,
        action: tuple[str, Callable[[], None]] | None,
        close_name: str,
    ) -> None:
        super().__init__(theme, token="raised", line="line_strong", horizontal=True, padding=12)
        token = {"check": "accent"}.get(kind, kind)
        middle = Qt.AlignmentFlag.AlignVCenter
        self.body.addWidget(IconLabel(theme, kind, token), 0, middle)
        words = Text(theme, text, wrap=True)
        self.body.addWidget(words, 1)
        if action is not None:
            button = Button(theme, action[0], "quiet")
            button.clicked.connect(action[1])
            button.clicked.connect(self.go)
            self.body.addWidget(button, 0, middle)
        close = IconButton(theme, "close", close_name)
        close.clicked.connect(self.go)
        self.body.addWidget(close, 0, middle)
        self.setAccessibleName(text)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.go)
        self._timer.start(_ERROR_MS if kind == "error" else _SHOWN_MS)

    def go(self) -> None:
        self.hide()
        self.deleteLater()


class Toasts(QObject):
    """Stacks toasts on the right of a widget, below a page's title: at the bottom they would lie
    over what is typed and sent."""

    def __init__(self, theme: Theme, over: QWidget) -> None:
        super().__init__(over)
        self._theme, self._over = theme, over
        self._shown: list[Toast] = []
        over.installEventFilter(self)

    def show(
        self,
        text: str,
        kind: str = "info",
        action: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        toast = Toast(self._theme, text, kind, action, self.tr("Close"))
        toast.setParent(self._over)
        toast.destroyed.connect(self._on_toast_destroyed)
        self._shown.append(toast)
        toast.show()
        self._place()

    def _on_toast_destroyed(self) -> None:
        self._place()

    def _place(self) -> None:
        alive = []
        for toast in self._shown:
            try:
                if not toast.isHidden():
                    alive.append(toast)
            except RuntimeError:  # deleted on the C++ side
                continue
        self._shown = alive
        top = _BELOW_TITLE
        for toast in alive:
            unit = toast.fontMetrics().averageCharWidth()
            width = min(max(440, 56 * unit), self._over.width() - 48)
            toast.setFixedSize(width, toast.heightForWidth(width))
            toast.move(QPoint(self._over.width() - toast.width() - 24, top))
            toast.raise_()
            top += toast.height() + 8

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
