"""The window's composition root."""

from __future__ import annotations

import gc

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from desktop.ui import app as app_module
from desktop.ui.app import App


def test_what_the_window_is_made_of_is_not_searched_for_garbage(
    monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    """It would be looked through at each full collection, in one turn of the event loop."""
    read: list[str] = []
    monkeypatch.setattr(app_module, "read_pages", read.extend)
    app = App.__new__(App)
    app._unread, app._next_page = ["library", "server"], QTimer()
    stays = [object()]
    app._on_next_page()
    assert any(each is stays for each in gc.get_objects())
    app._on_next_page()
    assert read == ["library", "server"]
    assert not any(each is stays for each in gc.get_objects())
