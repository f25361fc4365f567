"""The settings of downloads: limit, connections, folder, the hub's token, trying new models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QScrollArea
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import hf_cache
from desktop.core.secrets import FileBackend
from desktop.core.settings import Settings
from desktop.ui.dialogs import token as token_module
from desktop.ui.dialogs.settings import SettingsDialog
from desktop.ui.dialogs.token import token_source
from desktop.ui.shell.window import MainWindow
from tests.helpers.window import RecordingContext
from tests.visual.data import GIB

LEFT = Qt.MouseButton.LeftButton
SECRET = "hf_aVerySecretToken1234"


@pytest.fixture(autouse=True)
def no_token_of_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_TOKEN", "HF_HOME", "HF_HUB_CACHE", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def dialog(qtbot: QtBot, window: MainWindow, context: RecordingContext) -> Iterator[SettingsDialog]:
    settings = Settings().model_dump(mode="json")
    settings["downloads"] |= {"limit_mib_per_second": 3.0, "connections": 5}
    context.client.settings = settings
    dialog = SettingsDialog(context, window)
    dialog.open()
    qtbot.waitUntil(dialog.limit.isEnabled)
    qtbot.waitUntil(lambda: dialog.token._source is not None)
    yield dialog
    dialog.close()


def _stored(qtbot: QtBot, context: RecordingContext) -> dict[str, Any]:
    qtbot.waitUntil(lambda: bool(context.client.called("change_settings")))
    changes: dict[str, Any] = context.client.called("change_settings")[-1].args[0]
    return changes


def test_limit_connections_and_test_are_read_and_stored(
    qtbot: QtBot, dialog: SettingsDialog, context: RecordingContext
) -> None:
    assert (dialog.limit.value(), dialog.connections.value(), dialog.test.on) == (3.0, 5, True)
    assert not context.client.called("change_settings")
    dialog.connections.setValue(12)
    assert _stored(qtbot, context) == {"downloads.connections": 12}
    dialog.limit.setValue(0)
    qtbot.waitUntil(lambda: len(context.client.called("change_settings")) == 2)
    assert _stored(qtbot, context) == {"downloads.limit_mib_per_second": None}
    dialog.test.setFocus()
    qtbot.keyClick(dialog.test, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(context.client.called("change_settings")) == 3)
    assert _stored(qtbot, context) == {"library.test_new_models": False}
    assert not dialog.test.on and dialog.test.text() == "Off"


def test_it_stays_inside_a_small_window_and_scrolls(
    qtbot: QtBot, window: MainWindow, context: RecordingContext
) -> None:
    window.resize(960, 600)
    dialog = SettingsDialog(context, window)
    dialog.open()
    assert dialog.height() <= window.height() and dialog.width() <= window.width()
    area = dialog.findChild(QScrollArea)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    dialog.show_token()
    field = dialog.token.field
    qtbot.waitUntil(lambda: field.visibleRegion().boundingRect().height() == field.height())
    dialog.close()


# --- the token ------------------------------------------------------------------------------------


def test_a_token_is_handed_over_and_never_shown(
    qtbot: QtBot, dialog: SettingsDialog, context: RecordingContext
) -> None:
    field = dialog.token.field
    assert "No token is set" in dialog.token._state.text()
    assert not dialog.token.save.isEnabled() and not dialog.token.remove.isVisible()

    def keep(name: str, value: str | None) -> dict[str, str]:
        store = FileBackend(context.paths.secrets_file)
        if value is None:
            store.delete(name)
        else:
            store.set(name, value)
        return {"name": name}

    context.client.set_secret = keep
    qtbot.keyClicks(field, SECRET)
    assert field.echoMode() is QLineEdit.EchoMode.Password
    qtbot.mouseClick(dialog.token.save, LEFT)
    qtbot.waitUntil(lambda: dialog.token._source == "own")
    assert context.client.called("set_secret")[0].args == ("hub_token", SECRET)
    assert field.text() == "" and SECRET not in dialog.token._state.text()
    qtbot.mouseClick(dialog.token.remove, LEFT)
    qtbot.waitUntil(lambda: dialog.token._source == "none")
    assert context.client.called("set_secret")[1].args == ("hub_token", None)


def test_a_token_that_cannot_be_stored_is_told_there(
    qtbot: QtBot, dialog: SettingsDialog, context: RecordingContext
) -> None:
    context.client.set_secret = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It is gone.")
    qtbot.keyClicks(dialog.token.field, SECRET)
    qtbot.keyClick(dialog.token.field, Qt.Key.Key_Return)
    qtbot.waitUntil(dialog.token._error.isVisible)
    assert "It is gone" in dialog.token._error.text()
    assert dialog.token.field.text() == SECRET, "it need not be typed again"
    assert dialog.token.save.isEnabled()


def test_whose_token_is_used(context: RecordingContext, tmp_path: Path) -> None:
    where = context.paths
    tools = tmp_path / "token"
    tools.write_text("hf_ofTheTools")
    environ = {"HF_TOKEN_PATH": str(tools)}
    assert token_source(where, {"HF_TOKEN_PATH": str(tmp_path / "none")}) == "none"
    assert token_source(where, environ) == "tools"
    FileBackend(where.secrets_file).set(token_module.SECRET, SECRET)
    assert token_source(where, environ) == "own"
    assert token_source(where, {**environ, "HF_TOKEN": "hf_first"}) == "environment"


# --- the folder -----------------------------------------------------------------------------------


def test_the_models_folder_is_moved_after_a_question(
    qtbot: QtBot, dialog: SettingsDialog, context: RecordingContext, tmp_path: Path
) -> None:
    folder = dialog.folder
    assert folder._path.text().replace("\u200b", "") == str(hf_cache().absolute())
    assert not folder.usual.isVisible() and not folder.move_there.isVisible()
    folder.ask(str(tmp_path / "models"))
    assert str(tmp_path / "models") in folder._question.text().replace("\u200b", "")
    qtbot.mouseClick(folder.keep, LEFT)
    assert folder.change.isVisible() and not context.client.called("move_models")
    folder.ask(str(tmp_path / "models"))
    context.client.move_models = {}
    qtbot.mouseClick(folder.move_there, LEFT)
    qtbot.waitUntil(lambda: bool(context.client.called("move_models")))
    assert context.client.called("move_models")[0].args == (str(tmp_path / "models"),)
    job = {
        "id": 5,
        "kind": "move_models",
        "params": {"folder": str(tmp_path / "models")},
        "state": "running",
        "finished": None,
        "progress": {"what": "copying", "done": GIB, "total": 4 * GIB, "unit": "bytes"},
    }
    context.link.tell("job.changed", job)  # type: ignore[attr-defined]
    assert folder.progress.isVisible() and not folder.change.isVisible()
    assert "1.0 GiB / 4.0 GiB" in folder.progress.accessibleName()
    done = {**job, "state": "done", "finished": 1.0}
    context.link.tell("job.changed", done)  # type: ignore[attr-defined]
    assert not folder.progress.isVisible() and folder.usual.isVisible()
    assert folder._path.text().replace("\u200b", "") == str(tmp_path / "models")


def test_a_move_that_failed_says_why(
    qtbot: QtBot, dialog: SettingsDialog, context: RecordingContext
) -> None:
    error = AppError(ErrorCode.DISK_FULL, path="/mnt", reason="No space left on device")
    job = {"id": 5, "kind": "move_models", "params": {"folder": "/mnt"}, "finished": None}
    context.link.tell("job.changed", job)  # type: ignore[attr-defined]
    ended = {**job, "state": "failed", "finished": 1.0, "error": error.to_dict()}
    context.link.tell("job.changed", ended)  # type: ignore[attr-defined]
    assert dialog.folder._error.isVisible()
    assert "No space left on device" in dialog.folder._error.text()
    assert dialog.folder.change.isVisible()


def test_where_the_environment_decides_it_is_only_shown(
    window: MainWindow, context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", "/srv/models")
    dialog = SettingsDialog(context, window)
    dialog.open()
    assert dialog.folder._path.text().replace("\u200b", "") == "/srv/models"
    assert "HF_HUB_CACHE in the environment" in dialog.folder._why.text()
    assert not dialog.folder.change.isVisible()
    dialog.close()
