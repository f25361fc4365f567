"""Looking a name up at the hub: only when asked, with a local hub that keeps count."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt

from desktop.core.engine.server import free_port
from tests.helpers.file_server import FileServer
from tests.helpers.model_zoo import Spec, zoo
from tests.ui.discover.robot import Robot

Open = Callable[..., Robot]
REPO = "owner/Model-GGUF"
COMMIT = "c" * 40


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def _publish(server: FileServer, path: str, kind: str) -> int:
    """A model's header with a hole for its weights; returns the file's size."""
    spec = Spec("llama", layers=8, hidden=1024, heads=8, ff=2048, vocab=8192, kind=kind)
    made = zoo(spec)
    head = made.header()
    size = len(head) + sum(-(-t.size // 32) * 32 for t in made.tensors)
    server.add(path, head, size=size)
    return size


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A hub with one repository of two files."""
    with FileServer() as server:
        listed: dict[str, int] = {"README.md": 10}
        for label in ("Q4_0", "Q8_0"):
            path = f"/{REPO}/resolve/{COMMIT}/Model-{label}.gguf"
            listed[f"Model-{label}.gguf"] = _publish(server, path, label)
        server.add_listing(REPO, listed)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def elsewhere() -> Iterator[FileServer]:
    """A server that is no hub."""
    with FileServer() as server:
        _publish(server, "/files/Model-Q8_0.gguf", "Q8_0")
        yield server


def _type(robot: Robot, text: str) -> None:
    robot.page.search.setFocus()
    robot.page.search.clear()
    robot.qtbot.keyClicks(robot.page.search, text)


def test_nothing_is_asked_until_enter_then_the_repository_stands_first(
    on_machine: Open, hub: FileServer
) -> None:
    robot = on_machine()
    shown = len(robot.names())
    _type(robot, REPO)
    assert robot.page.look_up.isVisible() and REPO in robot.page.look_up.text()
    assert len(robot.names()) == shown, "a name at the hub filters nothing"
    assert hub.asked == []
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: robot.names() and robot.page.cards.cards[0].candidate.id == REPO)
    assert hub.asked
    card = robot.page.cards.cards[0]
    assert card.asked and card.verdict == "cpu"
    assert [option.quant_type for option in card.candidate.options] == ["Q4_0", "Q8_0"]
    assert robot.panel.isVisible() and robot.panel.card == card
    assert robot.page.search.text() == ""
    robot.priced()


def test_the_header_of_one_file_is_read_on_a_click_and_the_engine_plans_with_it(
    on_machine: Open, hub: FileServer
) -> None:
    robot = on_machine()
    _type(robot, REPO)
    robot.press(robot.page.look_up)
    robot.wait(lambda: robot.panel.card is not None)
    robot.priced()
    asked = len(hub.asked)
    assert robot.shown_price is not None and not robot.shown_price.exact
    robot.press(robot.panel.check)
    robot.wait(lambda: robot.shown_price is not None and robot.shown_price.exact)
    assert len(hub.asked) > asked
    assert not robot.panel.check.isVisible() and not robot.panel.progress.isVisible()
    stubs = robot.context.paths.cache / "stubs"
    assert any(stubs.iterdir()), "the engine plans with a stub while it is shown"
    robot.presenter.prices.clear()
    robot.wait(lambda: not any(stubs.iterdir()))


def test_a_file_is_looked_up_by_its_address(on_machine: Open, elsewhere: FileServer) -> None:
    robot = on_machine()
    _type(robot, f"{elsewhere.url}/files/Model-Q8_0.gguf")
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: robot.page.cards.cards[0].asked or robot.presenter.lookup.error)
    assert robot.presenter.lookup.error is None, str(robot.presenter.lookup.error)
    (option,) = robot.page.cards.cards[0].candidate.options
    assert option.quant_type == "Q8_0"
    robot.priced()


def test_an_unknown_repository_is_told_in_the_page(on_machine: Open, hub: FileServer) -> None:
    robot = on_machine()
    _type(robot, "owner/nothing-here")
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: robot.presenter.lookup.error is not None)
    said = robot.page.banner.accessibleName()
    assert robot.page.banner.isVisible() and "was not found" in said and "spelling" in said
    assert robot.names(), "the cards stay"
    robot.press(robot.page.banner._button)
    assert not robot.page.banner.isVisible()


def test_a_repository_without_gguf_files_says_so(on_machine: Open, hub: FileServer) -> None:
    hub.add_listing("owner/checkpoint", {"model.safetensors": 1000})
    robot = on_machine()
    _type(robot, "owner/checkpoint")
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: robot.presenter.lookup.error is not None)
    repo = robot.page.sheet.repo
    assert repo.isVisible() and repo._none.isVisible() and "safetensors" in repo._none.text()
    assert not repo.rows() and not robot.page.banner.isVisible()


def test_offline_the_hub_cannot_be_reached_and_all_else_works(
    on_machine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    robot = on_machine()
    _type(robot, REPO)
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: robot.presenter.lookup.error is not None, 30_000)
    assert "cannot be reached" in robot.page.banner.accessibleName()
    assert not robot.page.progress.isVisible() and robot.page.look_up.isEnabled()
    robot.page.search.clear()
    robot.open(robot.names()[0])
    robot.priced()


def test_a_name_that_is_given_at_once_is_looked_up_when_the_machine_is_known(
    on_machine: Open, hub: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = on_machine()
    known, robot.presenter.world = robot.presenter.world, None
    assert known is not None
    _type(robot, REPO)
    robot.keys(Qt.Key.Key_Return)
    assert robot.page.progress.isVisible() and hub.asked == []
    robot.presenter._on_world(known)
    robot.wait(lambda: robot.panel.card is not None and robot.panel.card.candidate.id == REPO)
    assert not robot.page.progress.isVisible()


def test_what_is_looked_up_stays_in_the_panel_while_hands_move_among_the_cards(
    on_machine: Open, hub: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that gets the keyboard makes its first entry the current one."""
    robot = on_machine()
    listed: list[object] = []
    robot.presenter.lookup.listed.connect(listed.append)
    monkeypatch.setattr(robot.presenter.lookup, "_on_found", lambda card: None)
    _type(robot, REPO)
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: listed)
    robot.grid.setFocus()
    robot.keys(Qt.Key.Key_Down)
    assert robot.page.sheet.repo.isVisible() and not robot.panel.isVisible()
    assert [row.label for row in robot.page.sheet.repo.rows()] == ["Q4_0", "Q8_0"]
    robot.keys(Qt.Key.Key_Return)
    assert robot.panel.isVisible(), "one that is opened takes its place"
