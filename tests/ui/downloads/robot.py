"""Hands on the panel of downloads in the window."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.ui.downloads.panel import DownloadsPanel
from desktop.ui.downloads.row import DownloadRow
from desktop.ui.shell.window import MainWindow
from desktop.ui.widgets.base import Button
from tests.helpers.window import RecordingContext

Json = dict[str, Any]
LEFT = Qt.MouseButton.LeftButton


class Robot:
    """Opens the panel from the status bar; presses what is in it."""

    def __init__(self, window: MainWindow, context: RecordingContext, qtbot: Any) -> None:
        self.window, self.context, self.qtbot = window, context, qtbot
        self.client = context.client
        for name in ("pause_job", "resume_job", "cancel_job", "move_job", "pull"):
            setattr(self.client, name, {})

    @property
    def panel(self) -> DownloadsPanel:
        return self.window.downloads

    @property
    def status(self) -> Button:
        found = self.window.findChild(Button, "status-downloads")
        assert isinstance(found, Button)
        return found

    def tell(self, job: Json, **more: Any) -> None:
        self.context.link.tell("job.changed", {**job, **more})  # type: ignore[attr-defined]

    def open(self, *jobs: Json) -> DownloadsPanel:
        self.context.link.tell_state(jobs=list(jobs))  # type: ignore[attr-defined]
        self.press(self.status)
        assert self.panel.isVisible()
        return self.panel

    def press(self, button: QWidget) -> None:
        assert button.isVisible() and button.isEnabled()
        self.qtbot.mouseClick(button, LEFT)

    def row(self, number: int = 0) -> DownloadRow:
        return self.panel.list.rows[number]

    def keys(self, widget: QWidget, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        self.qtbot.keyClick(widget, key, *modifiers)

    def asked(self, name: str) -> tuple[Any, ...]:
        """The arguments of the last use of a method of the client, once there is one."""
        self.qtbot.waitUntil(lambda: bool(self.client.called(name)))
        return self.client.called(name)[-1].args
