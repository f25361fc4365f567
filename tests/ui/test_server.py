"""The Server page: the switch, the addresses, keys, snippets and what was asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.tabs.server import requests_model as columns
from desktop.ui.tabs.server import snippets
from desktop.ui.tabs.server.requests_model import KEPT, RequestsModel
from desktop.ui.tabs.server.view import ServerPage
from tests.helpers.window import Call, RecordingContext

LEFT = Qt.MouseButton.LeftButton
ON = {
    "on": True,
    "url": "http://127.0.0.1:8484",
    "host": "127.0.0.1",
    "port": 8484,
    "lan_urls": [],
    "key_required": False,
}
OFF = {"on": False, "url": None, "host": "127.0.0.1", "port": 8484}
OPEN = {**ON, "host": "0.0.0.0", "lan_urls": ["http://192.168.1.7:8484"], "key_required": True}


def request(number: int, **more: Any) -> dict[str, Any]:
    return {
        "route": "/v1/chat/completions",
        "model": "qwen3-8b:q4_k_m",
        "stream": True,
        "arrived": 1_700_000_000.0 + number,
        "ttft_seconds": 0.25,
        "total_seconds": 2.0,
        "prompt_tokens": 1234,
        "completion_tokens": 56,
        "tokens_per_second": 41.2,
        "status": 200,
        "error": None,
        **more,
    }


@pytest.fixture
def page(context: RecordingContext, qtbot: QtBot) -> Iterator[ServerPage]:
    context.client.models = [{"id": "m:q8_0", "broken": False, "kind": "model"}]
    page = ServerPage(context)
    qtbot.addWidget(page)
    page.retranslate()
    page.resize(1000, 700)
    page.show()
    page.shown()
    qtbot.waitUntil(lambda: page.presenter.keys is not None and bool(page.presenter.models))
    yield page


def test_the_switch_turns_the_server_on_and_off(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.public_on = ON
    context.client.public_off = OFF
    assert page.switch.text() == "Off"
    qtbot.mouseClick(page.switch, LEFT)
    assert page.presenter.phase == "starting"
    assert page.switch.busy
    qtbot.mouseClick(page.switch, LEFT)  # asks for nothing, and the keyboard stays with it
    assert page.switch.isEnabled() and page.presenter.phase == "starting"
    qtbot.waitUntil(lambda: page.presenter.phase == "on")
    assert page.switch.on and page.switch.text() == "On"
    assert page.status.address.text() == "http://127.0.0.1:8484"
    page.switch.setFocus()
    qtbot.keyClick(page.switch, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: page.presenter.phase == "off")
    assert not page.switch.on
    assert context.client.called("public_on") == [
        Call("public_on", (), {"host": "127.0.0.1", "port": 8484})
    ]


def test_without_a_service_the_switch_waits(page: ServerPage, context: RecordingContext) -> None:
    context.link.lose()
    assert page.presenter.phase == "away"
    assert not page.switch.isEnabled()
    assert "service" in page.status.sentence.text()


def test_a_taken_port_names_its_holder_and_another_one_is_chosen_in_place(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.public_on = AppError(
        ErrorCode.PORT_TAKEN, host="127.0.0.1", port=8484, holder="nginx (process 7) is using it."
    )
    qtbot.mouseClick(page.switch, LEFT)
    qtbot.waitUntil(lambda: page.presenter.phase == "failed")
    assert page.banner.isVisible() and "nginx" in page.banner.accessibleName()
    assert page.port_row.isVisible() and page.port_row.port.value() == 8485
    assert not page.switch.on
    context.client.public_on = {**ON, "port": 9000, "url": "http://127.0.0.1:9000"}
    page.port_row.port.setValue(9000)
    qtbot.mouseClick(page.port_row.use, LEFT)
    qtbot.waitUntil(lambda: page.presenter.phase == "on")
    assert context.client.called("public_on")[-1].kwargs["port"] == 9000
    assert context.client.called("change_settings") == [
        Call("change_settings", ({"server.port": 9000},), {})
    ]
    assert not page.banner.isVisible() and not page.port_row.isVisible()
    assert page.connect_card.url.text() == "http://127.0.0.1:9000/v1"


def test_the_network_needs_a_key_which_is_made_on_the_way(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.link.tell("public.changed", ON)
    context.client.public_on = AppError(ErrorCode.KEY_REQUIRED, host="0.0.0.0")
    qtbot.mouseClick(page.reach.choice.button("network"), LEFT)
    qtbot.waitUntil(lambda: page.presenter.trouble_kind == "key")
    assert page.reach.choice.current == "machine"  # nothing was opened
    assert page.presenter.phase == "on"
    context.client.create_key = {"name": "network", "key": "pk-secret-1234"}
    context.client.list_keys = [{"name": "network", "hint": "1234", "created": time.time()}]
    context.client.public_on = OPEN
    page.banner.pressed.emit()
    qtbot.waitUntil(lambda: page.presenter.on_network and page.presenter.phase == "on")
    assert page.reach.choice.current == "network"
    assert page.presenter.lan_urls == ["http://192.168.1.7:8484"]
    assert "secret" not in page.keys.fresh.text()
    assert "PADDOCK_KEY" in page.snippets.code.text()
    assert context.client.called("change_settings")[-1].args == ({"server.host": "0.0.0.0"},)


def test_choosing_the_network_while_off_opens_nothing(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.list_keys = [{"name": "a", "hint": "1234", "created": 1.0}]
    page.presenter._read_keys()
    qtbot.waitUntil(lambda: bool(page.presenter.keys))
    qtbot.mouseClick(page.reach.choice.button("network"), LEFT)
    qtbot.waitUntil(lambda: bool(context.client.called("change_settings")))
    assert page.presenter.on_network and not context.client.called("public_on")
    context.client.public_on = OPEN
    qtbot.mouseClick(page.switch, LEFT)
    qtbot.waitUntil(lambda: page.presenter.phase == "on")
    assert context.client.called("public_on")[0].kwargs["host"] == "0.0.0.0"


def test_a_key_is_shown_once(page: ServerPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.create_key = {"name": "editor", "key": "pk-abcdefghijklmnop"}
    context.client.list_keys = [{"name": "editor", "hint": "mnop", "created": time.time()}]
    qtbot.keyClicks(page.keys.name, "editor")
    qtbot.keyClick(page.keys.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(page.keys.rows()) == 1)
    field = page.keys.fresh
    assert field.isVisible() and field.text() == "pk-••••••••••••mnop"
    qtbot.mouseClick(field.copy_button, LEFT)
    assert QGuiApplication.clipboard().text() == "pk-abcdefghijklmnop"
    qtbot.mouseClick(field.show_button, LEFT)
    assert field.text() == "pk-abcdefghijklmnop"
    qtbot.mouseClick(page.keys.done, LEFT)
    assert not field.isVisible() and field.text() == ""
    field.copy_button._back.stop()


def test_revoking_asks_in_place(page: ServerPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.list_keys = [{"name": "<b>x</b>", "hint": "mnop", "created": 1.0}]
    context.client.revoke_key = {"name": "<b>x</b>"}
    page.presenter._read_keys()
    qtbot.waitUntil(lambda: len(page.keys.rows()) == 1)
    line = page.keys.rows()[0]
    qtbot.waitUntil(line.revoke.isVisible)
    qtbot.mouseClick(line.revoke, LEFT)
    assert line.confirm.isVisible() and not line.revoke.isVisible()
    qtbot.mouseClick(line.keep, LEFT)
    assert line.revoke.isVisible() and not context.client.called("revoke_key")
    qtbot.mouseClick(line.revoke, LEFT)
    context.client.list_keys = []
    qtbot.mouseClick(line.confirm, LEFT)
    qtbot.waitUntil(lambda: page.keys.rows() == [])
    assert context.client.called("revoke_key") == [Call("revoke_key", ("<b>x</b>",), {})]


def test_a_refused_key_says_why(page: ServerPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.create_key = AppError(ErrorCode.KEY_EXISTS, name="editor")
    qtbot.keyClicks(page.keys.name, "editor")
    qtbot.mouseClick(page.keys.make, LEFT)
    qtbot.waitUntil(page.keys.error.isVisible)
    assert "editor" in page.keys.error.text()
    assert page.keys.make.isEnabled()


def test_requests_appear_as_they_end(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    assert not page.table.isVisible()
    context.link.tell("request.finished", request(1))
    context.link.tell(
        "request.finished", request(2, status=404, error="There is no <b>such</b> model.")
    )
    model = page.presenter.requests
    assert page.table.isVisible() and model.rowCount() == 2
    failed = model.index(0, columns.STATUS)
    assert failed.data().startswith("✕ 404 There is no")
    assert "<b>" not in failed.data(Qt.ItemDataRole.ToolTipRole)
    assert model.index(1, columns.SPEED).data() == "41.2"
    place = page.table.visualRect(failed).center()
    qtbot.mouseClick(page.table.viewport(), LEFT, pos=place)
    assert "There is no" in page._why.text() and page._why.isVisible()


def test_the_newest_500_are_kept_and_what_the_service_remembers_is_merged() -> None:
    model = RequestsModel()
    for number in range(KEPT + 3):
        model.add(request(number))
    assert model.rowCount() == KEPT
    model.merge([request(KEPT + 10), request(KEPT + 2)])
    assert model.rowCount() == KEPT
    assert model.request(0)["arrived"] == request(KEPT + 10)["arrived"]
    assert model.request(1)["arrived"] == request(KEPT + 2)["arrived"]


def test_snippets_hold_what_was_chosen() -> None:
    base = "http://127.0.0.1:9000/v1"
    shell = snippets.curl(base, "it's", key_needed=False, platform="linux")
    assert base in shell and "Authorization" not in shell and "'\"'\"'" in shell
    assert "%PADDOCK_KEY%" in snippets.curl(base, "m", key_needed=True, platform="win32")
    for needed in (False, True):
        code = snippets.python(base, 'a"b\nc', key_needed=needed)
        compile(code, "snippet", "exec")
        assert ("os.environ" in code) is needed


def test_the_model_in_the_snippets_is_the_chosen_one(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.models = [
        {"id": "m:q8_0", "broken": False, "kind": "model"},
        {"id": "broken", "broken": True, "kind": "model"},
        {"id": "other:q4", "broken": False, "kind": "model"},
    ]
    context.link.tell("library.changed", {})
    qtbot.waitUntil(lambda: page.connect_card.model.count() == 2)
    page.connect_card.model.setCurrentText("other:q4")
    assert "other:q4" in page.snippets.code.text()
    qtbot.mouseClick(page.snippets.choice.button("python"), LEFT)
    assert "OpenAI(" in page.snippets.code.text() and "other:q4" in page.snippets.code.text()


def test_everything_has_a_name_and_japanese(page: ServerPage, context: RecordingContext) -> None:
    context.language.set("ja")
    QApplication.processEvents()
    assert page.heading.text() == "サーバー"
    assert page.switch.text() == "オフ"
    for widget in (page.connect_card.model, page.keys.name, page.port_row.port, page.table):
        assert widget.accessibleName()
