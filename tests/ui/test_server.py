"""The Server page: the switch, the addresses, keys, snippets and what was asked."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QDate, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.key_policy import Budget, KeyPolicy, policy_of
from desktop.ui.tabs.server import snippets
from desktop.ui.tabs.server.tools import KEY_HERE, TOOLS, Place
from desktop.ui.tabs.server.view import PARTS, ServerPage
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

EMPTY_USAGE = {"by": "model", "currency": "USD", "rows": [], "total": {}, "at": None}


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
    assert "PADDOCK_API_KEY" in page.snippets.code.text()
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
    page.show_part("keys")
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
    page.show_part("keys")
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
    page.show_part("keys")
    qtbot.keyClicks(page.keys.name, "editor")
    qtbot.mouseClick(page.keys.make, LEFT)
    qtbot.waitUntil(page.keys.error.isVisible)
    assert "editor" in page.keys.error.text()
    assert page.keys.make.isEnabled()


def test_snippets_hold_what_was_chosen() -> None:
    base = "http://127.0.0.1:9000/v1"
    shell = snippets.curl(base, "it's", key_needed=False, platform="linux")
    assert base in shell and "Authorization" not in shell and "'\"'\"'" in shell
    assert "%PADDOCK_API_KEY%" in snippets.curl(base, "m", key_needed=True, platform="win32")
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
    for widget in (page.connect_card.model, page.keys.name, page.port_row.port, page.parts):
        assert widget.accessibleName()


def test_the_parts_are_reached_by_mouse_and_keys(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.usage = EMPTY_USAGE
    page.parts.setFocus()
    for number, name in enumerate(PARTS, 1):
        qtbot.keyClick(page, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.AltModifier)
        assert page.part == name and page.parts.current == name
    qtbot.mouseClick(page.parts.button("keys"), LEFT)
    assert page.part == "keys" and page.keys.isVisible()
    page.show_model("usage")  # as the window is told: go_to("server", "usage")
    assert page.part == "usage"
    qtbot.waitUntil(lambda: bool(context.client.called("usage")))
    page.hidden()


def test_a_key_is_made_with_its_limits(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.create_key = {"name": "editor", "key": "pk-abcdefghijklmnop"}
    page.show_part("keys")
    qtbot.keyClicks(page.keys.name, "editor")
    qtbot.mouseClick(page.keys.limits, LEFT)
    form = page.keys.form
    assert form.isVisible()
    form.numbers["requests_per_minute"].setText("sixty")
    qtbot.mouseClick(page.keys.make, LEFT)
    assert form.problem.isVisible() and not context.client.called("create_key")
    form.numbers["requests_per_minute"].setText("60")
    form.models.setText("qwen3-*, m:q8_0 ")
    form.routes["chat"].setChecked(True)
    form.budget.setText("2.5")
    form.ends.setChecked(True)
    form.day.setDate(QDate(2030, 1, 31))
    qtbot.mouseClick(page.keys.make, LEFT)
    qtbot.waitUntil(lambda: bool(context.client.called("create_key")))
    name, policy = context.client.called("create_key")[0].args
    made = policy_of(policy)  # the service takes it
    assert name == "editor" and made.models == ("qwen3-*", "m:q8_0") and made.routes == ("chat",)
    assert made.requests_per_minute == 60 and made.tokens_per_day is None
    assert made.budget is not None and made.budget.amount == 2.5 and made.budget.stop
    assert made.expires is not None
    assert time.strftime("%Y-%m-%d %H", time.localtime(made.expires)) == "2030-02-01 00"


def test_a_key_is_changed_in_place(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    policy = KeyPolicy(models=("m",), tokens_per_day=1000, budget=Budget(5.0)).to_dict()
    key = {"name": "editor", "hint": "mnop", "created": 1.0, "policy": policy, "last_used": None}
    context.client.list_keys = [key]
    page.show_part("keys")
    qtbot.waitUntil(lambda: len(page.keys.rows()) == 1)
    line = page.keys.rows()[0]
    assert "1,000 tokens a day" in line._limits.text() and "budget 5" in line._limits.text()
    qtbot.mouseClick(line.change, LEFT)
    assert line.form is not None
    assert line.form.policy() == {**policy, "models": ["m"]}  # nothing was touched
    line.form.numbers["tokens_per_day"].clear()
    changed = {**key, "policy": {**policy, "tokens_per_day": None}}
    context.client.change_key, context.client.list_keys = changed, [changed]
    qtbot.mouseClick(line.save, LEFT)
    qtbot.waitUntil(lambda: line.form is None)
    sent = context.client.called("change_key")[0].args
    assert sent[0] == "editor" and sent[1]["tokens_per_day"] is None
    assert "tokens a day" not in line._limits.text()


def test_a_change_of_a_key_that_is_refused_keeps_what_was_typed(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    key = {"name": "editor", "hint": "mnop", "created": 1.0, "policy": KeyPolicy().to_dict()}
    context.client.list_keys = [key]
    page.show_part("keys")
    qtbot.waitUntil(lambda: len(page.keys.rows()) == 1)
    line = page.keys.rows()[0]
    qtbot.mouseClick(line.change, LEFT)
    assert line.form is not None
    line.form.models.setText("gone:q8_0")
    context.client.change_key = AppError(ErrorCode.KEY_NOT_FOUND, name="editor")
    qtbot.mouseClick(line.save, LEFT)
    qtbot.waitUntil(page.keys.error.isVisible)
    assert line.form.models.text() == "gone:q8_0" and line.save.isEnabled()


def test_how_long_models_stay_is_set_where_it_is_shown(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: bool(page.presenter.settings))
    keep = page.keep
    assert keep.unload.isChecked() and keep.minutes.value() == 30
    keep.minutes.setValue(5)
    keep.minutes.editingFinished.emit()
    keep.minutes.editingFinished.emit()  # the focus leaves: nothing new
    qtbot.mouseClick(keep.unload, LEFT, pos=QPoint(8, keep.unload.height() // 2))
    assert not keep.minutes.isEnabled()
    qtbot.waitUntil(lambda: keep.add_box.count() == 1)
    qtbot.mouseClick(keep.add, LEFT)
    assert keep.add_box.count() == 0
    remove = keep.findChild(QWidget, "preload-remove-m:q8_0")
    qtbot.mouseClick(remove, LEFT)
    qtbot.waitUntil(lambda: len(context.client.called("change_settings")) == 4)
    sent = [call.args[0] for call in context.client.called("change_settings")]
    assert {"server.keep_minutes": 5.0} in sent and {"server.keep_minutes": -1.0} in sent
    assert {"server.preload": ["m:q8_0"]} in sent and {"server.preload": []} in sent


# --- tools ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("needed", [False, True])
def test_settings_of_every_tool_hold_address_and_model(name: str, needed: bool) -> None:
    place = Place("http://127.0.0.1:9000", "qwen3-8b:q4_k_m", needed, "http://127.0.0.1:11434")
    codes = {each.where: each.code for each in TOOLS[name].snippets(place)}
    told = "\n".join(codes.values())
    assert "127.0.0.1:9000" in told or "127.0.0.1:11434" in told
    if name not in ("vscode", "ollama", "webui"):  # these ask the server for its models
        assert "qwen3-8b:q4_k_m" in told
    if "python" in codes:
        compile(codes["python"], name, "exec")
    for where in ("shell", "docker"):
        if where in codes:
            subprocess.run(["bash", "-n"], input=codes[where], text=True, check=True)
    if needed and TOOLS[name].api != "ollama":
        assert KEY_HERE in told or "PADDOCK_API_KEY" in told


def test_a_container_reaches_this_machine_by_another_name() -> None:
    here = Place("http://127.0.0.1:9000", "m", False)
    there = Place("http://192.168.1.7:9000", "m", False)
    docker = {each.where: each.code for each in TOOLS["webui"].snippets(here)}["docker"]
    assert "OPENAI_API_BASE_URL=http://host.docker.internal:9000/v1" in docker
    docker = {each.where: each.code for each in TOOLS["webui"].snippets(there)}["docker"]
    assert "OPENAI_API_BASE_URL=http://192.168.1.7:9000/v1" in docker


def test_tools_tell_what_is_missing(
    page: ServerPage, context: RecordingContext, qtbot: QtBot
) -> None:
    page.show_part("tools")
    pane = page.tools_pane
    assert pane.off.isVisible()
    context.client.public_on = {**ON, "ollama_url": None}
    pane.off.pressed.emit()
    qtbot.waitUntil(lambda: not pane.off.isVisible())
    qtbot.mouseClick(pane.choice.chip("ollama"), LEFT)
    assert pane.ollama.isVisible() and "OLLAMA_HOST=http://127.0.0.1:8484" in pane.codes[0].text()
    context.client.public_on = {**ON, "ollama_url": "http://127.0.0.1:11434"}
    pane.ollama.pressed.emit()
    qtbot.waitUntil(lambda: not pane.ollama.isVisible())
    assert context.client.called("public_on")[-1].kwargs == {"ollama": True}
    assert context.client.called("change_settings")[-1].args == ({"server.ollama": True},)
    assert "11434" in pane.codes[0].text()
    qtbot.mouseClick(pane.choice.chip("claude"), LEFT)
    assert "ANTHROPIC_BASE_URL=http://127.0.0.1:8484" in pane.codes[0].text()
    context.link.tell("public.changed", OPEN)
    assert "YOUR-KEY" in pane._key.text() and pane.keys.isVisible()
    qtbot.mouseClick(pane.keys, LEFT)
    assert page.part == "keys"
