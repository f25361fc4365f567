"""The frame: rail, shortcuts, status bar, settings, tray, closing, and the one window there is."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QComboBox, QMenu, QSpinBox, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.core.jobs.handlers.acceptance import WAITING
from desktop.core.paths import paths
from desktop.ui import app as app_module
from desktop.ui.app import App, SingleInstance
from desktop.ui.dialogs.closing import ClosingDialog
from desktop.ui.dialogs.settings import SettingsDialog
from desktop.ui.shell import firstrun, statusbar
from desktop.ui.shell.loadedmenu import LoadedMenu
from desktop.ui.shell.rail import Rail, RailButton
from desktop.ui.shell.tray import Tray
from desktop.ui.shell.window import MainWindow
from desktop.ui.widgets.base import Button
from desktop.ui.widgets.parts import Banner
from desktop.ui.widgets.toast import Toast
from tests.helpers.window import Call, FakeLink, RecordingContext, StubPage

PAGES = ("chat", "library", "server", "bench", "machine")
LOADED = {
    "id": "qwen3-8b:q4_k_m",
    "state": "ready",
    "stage": "ready",
    "progress": None,
    "memory_bytes": 5 * 1024**3,
}
LEFT = Qt.MouseButton.LeftButton


class FirstChoice(QMenu):
    """A menu whose first entry is chosen at once."""

    def popup(self, *_: object) -> None:
        self.actions()[0].trigger()


def part(window: QObject, kind: type[Any], name: str) -> Any:
    found = window.findChild(kind, name)
    assert found is not None, f"there is no {name}"
    return found


# --- rail and pages ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_the_rail_opens_its_page(qtbot: QtBot, window: MainWindow, name: str) -> None:
    button = part(window, RailButton, f"rail-{name}")
    qtbot.mouseClick(button, LEFT)
    assert window.page == name
    assert button.isChecked()
    assert [b.objectName() for b in window.findChildren(RailButton) if b.isChecked()] == [
        f"rail-{name}"
    ]


@pytest.mark.parametrize(("number", "name"), list(enumerate(PAGES, 1)))
def test_ctrl_and_a_number_opens_a_page(
    qtbot: QtBot, window: MainWindow, number: int, name: str
) -> None:
    window.go_to("machine" if name != "machine" else "chat")
    qtbot.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.page == name)


def test_pages_are_told_when_they_come_and_go(window: MainWindow) -> None:
    chat = cast(StubPage, window.page_of("chat"))
    window.go_to("server")
    window.go_to("chat")
    assert (chat.times_shown, chat.times_hidden) == (2, 1)
    window.go_to("chat")
    assert chat.times_hidden == 1  # it did not go


def test_pages_are_built_when_they_are_first_shown(context: RecordingContext, qtbot: QtBot) -> None:
    built: list[str] = []

    def maker(name: str) -> Any:
        def make(context: Any) -> StubPage:
            built.append(name)
            return StubPage(context, name)

        return make

    window = MainWindow(context.theme, {name: maker(name) for name in PAGES})
    window.set_up(context, "chat")
    assert built == ["chat"]
    window.go_to("bench")
    window.go_to("chat")
    window.go_to("bench")
    assert built == ["chat", "bench"]
    window.close_for_good()
    window.deleteLater()


def test_the_rail_can_be_icons_only(qtbot: QtBot, window: MainWindow) -> None:
    rail = window.findChildren(Rail)[0]
    wide = rail.width()
    brand = next(b for b in rail.findChildren(RailButton) if b.text() == "Paddock")
    qtbot.mouseClick(brand, LEFT)
    qtbot.waitUntil(lambda: rail.width() < wide / 2)
    assert part(window, RailButton, "rail-chat").accessibleName() == "Chat"
    qtbot.mouseClick(brand, LEFT)
    qtbot.waitUntil(lambda: rail.width() == wide)


def test_the_server_has_a_dot_while_it_is_on(window: MainWindow, context: RecordingContext) -> None:
    button = part(window, RailButton, "rail-server")
    assert button.accessibleDescription() == ""
    context.state.on_event("public.changed", {"on": True, "url": "http://127.0.0.1:1", "port": 1})
    assert button.accessibleDescription() == "on"
    context.state.on_event("public.changed", {"on": False, "url": None, "port": 1})
    assert button.accessibleDescription() == ""


def test_everything_that_can_be_pressed_has_a_name(window: MainWindow) -> None:
    for button in window.findChildren(RailButton):
        assert button.accessibleName() and button.toolTip()


# --- status bar -------------------------------------------------------------------------------


def test_the_status_bar_tells_of_the_model(window: MainWindow, context: RecordingContext) -> None:
    model = part(window, Button, "status-model")
    assert (model.text(), model.isEnabled()) == ("No model loaded", False)
    loading = {**LOADED, "state": "loading", "stage": "placing layers", "progress": 0.4}
    context.state.on_event("model.changed", loading)
    assert (model.text(), model.isEnabled()) == ("qwen3-8b:q4_k_m", True)
    assert "Placing layers" in _words(window)
    context.state.on_event("model.changed", LOADED)
    assert "✓ 5 GiB" in _words(window) or "✓ 5.0 GiB" in _words(window)
    context.state.on_event("model.unloaded", {"id": LOADED["id"]})
    assert model.text() == "No model loaded"


def _words(window: MainWindow) -> list[str]:
    from desktop.ui.widgets.base import Text

    return [text.text() for text in window.findChildren(Text) if text.isVisibleTo(window)]


def _menu(qtbot: QtBot, window: MainWindow) -> LoadedMenu:
    qtbot.mouseClick(part(window, Button, "status-model"), LEFT)
    menus = [m for m in window.findChildren(LoadedMenu) if m.isVisible()]
    assert len(menus) == 1
    return menus[0]


def test_the_models_are_unloaded_and_kept_from_the_status_bar(
    qtbot: QtBot, window: MainWindow, context: RecordingContext
) -> None:
    client, state = context.client, context.state
    client.unload = client.load = client.change_model_settings = {}
    second = {**LOADED, "id": "phi-4:q8_0", "pinned": True, "last_used": 5.0}
    state.on_event("model.changed", {**LOADED, "last_used": 9.0})
    state.on_event("model.changed", second)
    model = part(window, Button, "status-model")
    assert model.text() == f"{LOADED['id']} + 1"  # the one used last
    assert "✓ 10.0 GiB" in _words(window)
    assert "Kept loaded" in model.toolTip() and "phi-4:q8_0" in model.toolTip()
    menu = _menu(qtbot, window)
    actions = {a.data(): a for a in menu.actions() if a.data()}
    assert actions["keep", "phi-4:q8_0"].isChecked()
    assert not actions["keep", LOADED["id"]].isChecked()
    actions["keep", LOADED["id"]].trigger()
    qtbot.waitUntil(lambda: bool(client.called("load")))
    assert client.called("load") == [Call("load", (LOADED["id"],), {"pinned": True})]
    saved = Call("change_model_settings", (LOADED["id"], {"pinned": True}), {})
    assert client.called("change_model_settings") == [saved]
    actions["unload", "phi-4:q8_0"].trigger()
    qtbot.waitUntil(lambda: bool(client.called("unload")))
    assert client.called("unload")[0].args == ("phi-4:q8_0",)
    actions["unload_all", ""].trigger()
    qtbot.waitUntil(lambda: len(client.called("unload")) == 3)
    menu.close()
    loading = {**LOADED, "id": "new", "state": "loading", "stage": "making room", "progress": None}
    state.on_event("model.changed", loading)
    assert model.text() == "new + 2" and "Making room" in _words(window)


def test_it_is_said_why_a_model_left_and_that_one_comes_back(
    window: MainWindow, context: RecordingContext
) -> None:
    state = context.state

    def toasts() -> list[str]:
        return [toast.accessibleName() for toast in window.ground.findChildren(Toast)]

    state.on_event("model.changed", LOADED)
    state.on_event("model.changed", {**LOADED, "id": "new", "state": "loading"})
    state.on_event("model.unloaded", {"id": LOADED["id"], "reason": "room"})
    assert toasts() == [f"{LOADED['id']} made room for new."]
    state.on_event("model.changed", {**LOADED, "id": "new", "keep_seconds": 1800.0})
    state.on_event("model.unloaded", {"id": "new", "reason": "idle"})
    assert toasts()[1:] == ["new was not used for 30 min and was unloaded."]
    state.on_event("model.changed", LOADED)
    state.on_event("model.unloaded", {"id": LOADED["id"], "reason": "asked"})
    assert len(toasts()) == 2
    error = AppError(ErrorCode.ENGINE_DIED, model="new", reason="It fell.").to_dict()
    state.on_event("model.changed", LOADED)
    died = {"id": LOADED["id"], "error": error, "deaths": 2, "restart_seconds": 4.0}
    state.on_event("model.died", died)
    assert "started again in 4 s" in toasts()[2] and "It fell." in toasts()[2]


@pytest.mark.parametrize(
    ("level", "stop", "said"),
    [(80, True, "used 81 %"), (100, True, "is refused now"), (100, False, "used up its budget (")],
)
def test_a_budget_that_runs_out_is_told_with_the_way_to_the_keys(
    window: MainWindow, context: RecordingContext, level: int, stop: bool, said: str
) -> None:
    percent = 81.2 if level < 100 else 104.0
    warning = {"key": "editor", "level": level, "percent": percent, "stop": stop}
    context.link.tell("budget.warning", warning)  # type: ignore[attr-defined]
    [toast] = window.ground.findChildren(Toast)
    assert said in toast.accessibleName() and "editor" in toast.accessibleName()
    [button] = [each for each in toast.findChildren(Button) if each.text() == "Open the keys"]
    button.click()
    assert window.page == "server"


def test_requests_that_cannot_be_stored_are_told(
    window: MainWindow, context: RecordingContext
) -> None:
    context.link.tell("ledger.changed", {"problem": "full"})  # type: ignore[attr-defined]
    context.link.tell("ledger.changed", {"problem": None})  # type: ignore[attr-defined]
    [toast] = window.ground.findChildren(Toast)
    assert "cannot be stored" in toast.accessibleName()


def test_the_status_bar_counts_jobs_and_stops_one(
    qtbot: QtBot, window: MainWindow, context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = part(window, Button, "status-jobs")
    assert jobs.isHidden()
    job = {"id": 7, "kind": "bench", "finished": None, "state": "running", "progress": None}
    context.link.tell("job.changed", job)  # type: ignore[attr-defined]
    assert not jobs.isHidden() and jobs.text() == "1 job"
    progress = {"id": 7, "progress": {"what": "prefill", "done": 1, "total": 4}}
    context.link.tell("job.progress", progress)  # type: ignore[attr-defined]
    assert jobs.text() == "1 job · Benchmark 25%"
    context.client.cancel_job = {}
    monkeypatch.setattr(statusbar, "QMenu", FirstChoice)
    qtbot.mouseClick(jobs, LEFT)
    qtbot.waitUntil(lambda: bool(context.client.called("cancel_job")))
    assert context.client.called("cancel_job")[0].args == (7,)
    context.link.tell("job.changed", {**job, "finished": 1.0})  # type: ignore[attr-defined]
    assert jobs.isHidden()


def test_a_test_that_waits_says_for_what_and_hides_no_other_job(
    window: MainWindow, context: RecordingContext
) -> None:
    waiting = {"what": WAITING, "done": 0, "total": 8, "unit": "tests", "detail": None}
    test = {"id": 8, "kind": "acceptance", "state": "running", "finished": None}
    bench = {"id": 7, "kind": "bench", "state": "running", "finished": None}
    button = window.findChild(Button, "status-jobs")
    context.state.on_event("job.changed", {**test, "progress": waiting})
    assert button.text() == "1 job · Test of a new model waits for an idle machine"
    context.state.on_event("job.changed", {**test, "progress": {**waiting, "what": "loading"}})
    assert button.text() == "1 job · Test of a new model 0%"
    half = {"what": "measuring", "done": 1, "total": 2, "unit": "tests", "detail": None}
    context.state.on_event("job.changed", {**bench, "progress": half})
    context.state.on_event("job.changed", {**test, "state": "queued", "progress": None})
    assert button.text() == "2 jobs · Benchmark 50%"


def test_the_address_is_copied_or_leads_to_the_server(
    qtbot: QtBot, window: MainWindow, context: RecordingContext
) -> None:
    address = part(window, Button, "status-address")
    qtbot.mouseClick(address, LEFT)
    assert window.page == "server"
    context.state.on_event(
        "public.changed", {"on": True, "url": "http://127.0.0.1:8484", "port": 8484}
    )
    assert address.text() == "Server on :8484"
    qtbot.mouseClick(address, LEFT)
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:8484/v1"
    assert len(window.findChildren(Toast)) == 1


def test_a_lost_service_is_told_and_taken_back(
    window: MainWindow, context: RecordingContext
) -> None:
    model = part(window, Button, "status-model")
    banner = window.findChildren(Banner)[0]
    assert banner.isHidden()
    context.link.lose(  # type: ignore[attr-defined]
        AppError(ErrorCode.SERVICE_NOT_STARTING, reason="No room.", log="a.log")
    )
    assert model.text() == "Waiting for the service"
    assert banner.isVisible() and "did not start" in banner.accessibleName()
    context.link.tell_state(models=[LOADED])  # type: ignore[attr-defined]
    assert banner.isHidden()
    assert model.text() == LOADED["id"]


def test_an_error_is_told_with_what_to_do(window: MainWindow, context: RecordingContext) -> None:
    error = AppError(
        ErrorCode.ENGINE_DIED, reason="It was an illegal <b>instruction</b>.", model="m"
    )
    context.state.model_failed.emit("m", error)
    [toast] = window.findChildren(Toast)
    told = toast.accessibleName()
    assert "ended unexpectedly" in told and "<b>" in told and "paddock logs" in told


def test_a_failure_that_is_told_in_place_is_not_told_twice(
    window: MainWindow, context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = AppError(ErrorCode.ENGINE_DIED, reason="It fell.", model="m")
    monkeypatch.setattr(window.page_of("chat"), "tells_failure_of", lambda model: model == "m")
    context.state.model_failed.emit("m", error)
    assert not window.findChildren(Toast)
    window.covered = True  # by the first run
    context.state.model_failed.emit("other", error)
    assert not window.findChildren(Toast)
    window.covered = False
    context.state.model_failed.emit("other", error)
    assert len(window.findChildren(Toast)) == 1


# --- settings ---------------------------------------------------------------------------------


@pytest.fixture
def settings(qtbot: QtBot, window: MainWindow, context: RecordingContext) -> SettingsDialog:
    dialog = SettingsDialog(context, window)
    dialog.show()
    language = part(dialog, QComboBox, "settings-language")
    qtbot.waitUntil(language.isEnabled)
    return dialog


def test_settings_are_opened_by_key_and_by_mouse(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.settings_asked):
        qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    with qtbot.waitSignal(window.settings_asked):
        qtbot.mouseClick(part(window, RailButton, "rail-settings"), LEFT)


@pytest.mark.parametrize(
    ("name", "code", "setting"),
    [
        ("settings-language", "ja", "general.language"),
        ("settings-theme", "dark", "general.theme"),
    ],
)
def test_a_choice_counts_at_once_and_is_kept(
    qtbot: QtBot,
    settings: SettingsDialog,
    context: RecordingContext,
    *,
    name: str,
    code: str,
    setting: str,
) -> None:
    box = part(settings, QComboBox, name)
    box.setFocus()
    while box.currentData() != code:
        qtbot.keyClick(box, Qt.Key.Key_Down)
        box.activated.emit(box.currentIndex())
    assert (context.language.code == "ja") is (name == "settings-language")
    assert (context.theme.mode == "dark") is (name == "settings-theme")
    changes = context.client
    qtbot.waitUntil(
        lambda: any(c.args == ({setting: code},) for c in changes.called("change_settings"))
    )


def test_leaving_the_port_alone_changes_nothing(
    qtbot: QtBot, settings: SettingsDialog, context: RecordingContext
) -> None:
    port = settings.findChildren(QSpinBox)[0]
    assert port.value() == 8484
    port.editingFinished.emit()
    assert not context.client.called("change_settings")
    port.setValue(9000)
    port.editingFinished.emit()
    qtbot.waitUntil(lambda: bool(context.client.called("change_settings")))
    assert context.client.called("change_settings")[0].args == ({"server.port": 9000},)


def test_nothing_can_be_chosen_before_it_is_known_what_is_stored(
    qtbot: QtBot, window: MainWindow, context: RecordingContext
) -> None:
    context.link.client = None  # type: ignore[misc]
    dialog = SettingsDialog(context, window)
    dialog.show()
    qtbot.waitUntil(lambda: bool(window.findChildren(Toast)))
    assert not part(dialog, QComboBox, "settings-theme").isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isHidden()


# --- tray -------------------------------------------------------------------------------------


@pytest.fixture
def tray(
    qapp: QApplication, context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tray]:
    monkeypatch.setattr(Tray, "available", True)
    monkeypatch.setattr(QSystemTrayIcon, "show", lambda self: None)
    tray = Tray(context, qapp)
    yield tray
    tray._menu.deleteLater()
    tray.deleteLater()


def test_the_tray_shows_and_switches_the_server(
    qtbot: QtBot, tray: Tray, context: RecordingContext
) -> None:
    context.client.public_on = {}
    context.client.public_off = {}
    server = tray._server
    assert not server.isChecked() and not tray._copy.isEnabled()
    server.trigger()
    qtbot.waitUntil(lambda: bool(context.client.called("public_on")))
    context.state.on_event("public.changed", {"on": True, "url": "http://127.0.0.1:1", "port": 1})
    assert server.isChecked()
    tray._copy.trigger()
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:1/v1"
    server.trigger()
    qtbot.waitUntil(lambda: bool(context.client.called("public_off")))
    context.state.on_event("model.changed", LOADED)
    assert tray._model.text() == LOADED["id"]
    context.language.set("ja")
    assert tray._quit.text() == "終了"


def test_the_tray_opens_and_quits(qtbot: QtBot, tray: Tray) -> None:
    with qtbot.waitSignal(tray.open_asked):
        tray._icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    with qtbot.waitSignal(tray.quit_asked):
        tray._quit.trigger()


# --- closing, and the one window --------------------------------------------------------------


@pytest.fixture
def app(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The whole window with stub pages and no service; quitting does not end the tests."""
    monkeypatch.setattr(
        app_module,
        "page_makers",
        lambda: {name: _stub(name) for name in PAGES},
    )
    monkeypatch.setattr(app_module, "ServiceLink", lambda where, bridge, parent: FakeLink(parent))
    quits: list[bool] = []
    monkeypatch.setattr(QApplication, "quit", lambda *_: quits.append(True))
    firstrun.mark_seen(paths().ensure())
    made = App(qapp, paths())
    made.quits = quits  # type: ignore[attr-defined]
    made.start()
    yield made
    made.quit()
    made.language.set("en")
    made.window.deleteLater()
    made.tray._menu.deleteLater()
    for each in (made.tray, made.theme, made.language, made.tasks, made.link, made.state):
        each.deleteLater()


def _stub(name: str) -> Any:
    return lambda context: StubPage(context, name)


@pytest.mark.parametrize(
    ("server_on", "has_tray", "stays"),
    [(True, True, True), (False, True, False), (False, False, False)],
)
def test_closing_goes_to_the_tray_only_while_the_server_is_on(
    app: App, monkeypatch: pytest.MonkeyPatch, server_on: bool, has_tray: bool, stays: bool
) -> None:
    monkeypatch.setattr(Tray, "available", has_tray)
    said: list[str] = []
    monkeypatch.setattr(Tray, "say", lambda self, title, text: said.append(text))
    url = "http://127.0.0.1:1" if server_on else None
    app.state.on_event("public.changed", {"on": server_on, "url": url, "port": 1})
    app.window.close()
    assert not app.window.isVisible()
    assert bool(app.quits) is not stays  # type: ignore[attr-defined]
    assert len(said) == stays
    if stays:
        app.tray.open_asked.emit()
        assert app.window.isVisible()
        app.window.close()
        assert len(said) == 1  # told once
        app.tray.quit_asked.emit()
        assert app.quits  # type: ignore[attr-defined]


@pytest.mark.parametrize("off", [True, False])
def test_without_a_tray_closing_asks_what_becomes_of_the_server(
    qtbot: QtBot, app: App, monkeypatch: pytest.MonkeyPatch, off: bool
) -> None:
    monkeypatch.setattr(Tray, "available", False)
    app.link.client.public_off = {}
    app.state.on_event("public.changed", {"on": True, "url": "http://127.0.0.1:1", "port": 1})
    app.window.close()
    [dialog] = app.window.findChildren(ClosingDialog)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not app.window.findChildren(ClosingDialog))
    assert app.window.isVisible() and not app.quits  # type: ignore[attr-defined]
    app.window.close()
    [dialog] = app.window.findChildren(ClosingDialog)
    word = "Switch it off and close" if off else "Leave it on and close"
    button = next(each for each in dialog.findChildren(Button) if each.text() == word)
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: bool(app.quits))  # type: ignore[attr-defined]
    assert bool(app.link.client.called("public_off")) is off  # type: ignore[attr-defined]


def test_a_second_start_raises_the_first_window(qtbot: QtBot, app: App) -> None:
    first = SingleInstance(app.context.paths)
    assert not first.raise_other()
    first.listen(app)
    app.window.hide()
    second = SingleInstance(app.context.paths)
    assert second.raise_other()
    qtbot.waitUntil(app.window.isVisible)
    first.close()
    assert not SingleInstance(app.context.paths).raise_other()


def test_a_window_that_died_does_not_block_the_next(qtbot: QtBot, app: App) -> None:
    """The socket's file stays behind after a kill -9."""
    place = app.context.paths.runtime / "window.sock"
    place.write_text("")
    instance = SingleInstance(app.context.paths)
    assert not instance.raise_other()
    instance.listen(app)
    assert SingleInstance(app.context.paths).raise_other()
    instance.close()


def test_the_window_comes_back_where_it_was(
    qtbot: QtBot, window: MainWindow, context: RecordingContext
) -> None:
    window.resize(1010, 650)
    window.close()
    makers = {name: _stub(name) for name in PAGES}
    again = MainWindow(context.theme, makers)
    again.set_up(dataclasses.replace(context), "chat")
    height = again.height()  # Qt fits the width to the screen, which is 800 wide offscreen
    again.close_for_good()
    again.deleteLater()
    assert height == 650


def test_settings_of_another_window_are_taken_over(qtbot: QtBot, app: App) -> None:
    stored = app.link.client.settings()
    stored["general"]["language"], stored["general"]["theme"] = "ja", "dark"
    app._on_settings_read(stored)
    assert app.language.code == "ja" and app.theme.tokens.dark


def test_what_is_read_in_a_thread_has_nothing_of_qt() -> None:
    """PySide makes its classes on demand: in two threads at once that ends the process."""
    script = (
        "import sys, desktop.ui.app as app; before = set(sys.modules); app.read_core(); "
        "new = set(sys.modules) - before; print(len(new)); "
        "print(*(m for m in new if m.split('.')[0] in ('PySide6', 'pyqtgraph') or '.ui.' in m))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    count, qt = done.stdout.split("\n")[:2]
    assert int(count) > 20 and qt == ""
