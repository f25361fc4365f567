"""Getting models: from a card, from a row, from the panel; in place until they can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.tabs.discover.files import GET_COLUMN
from tests.ui.discover.robot import Robot
from tests.visual import data
from tests.visual import downloads as made
from tests.visual.data import GIB, MIB

Open = Callable[..., Robot]
MODEL = "Qwen3 8B"
REPO = "unsloth/Qwen3-8B-GGUF"
VISION = "Gemma 3 12B"
CONTROL = Qt.KeyboardModifier.ControlModifier


def _job(robot: Robot, model: str, **more: Any) -> dict[str, Any]:
    """Have the service tell of a download."""
    job = made.job(61, model, **more)
    robot.context.link.tell("job.changed", job)  # type: ignore[attr-defined]
    return job


def _pulled(robot: Robot) -> tuple[str, dict[str, Any]]:
    robot.wait(lambda: robot.context.client.called("pull"))
    call = robot.context.client.called("pull")[-1]
    return str(call.args[0]), call.kwargs


def _buttons(robot: Robot, name: str) -> dict[str, Any]:
    place = robot.names().index(name)
    robot.grid.scrollTo(robot.page.cards.index(place))
    box = robot.grid._box(place)
    return {hit.key: hit for hit in robot.grid.hits(place, box)}


def _press(robot: Robot, name: str, key: str) -> None:
    """Click a painted button on a card."""
    middle = _buttons(robot, name)[key].place.center()
    robot.wait(lambda: robot.grid.hit_at(middle) is not None)
    robot.qtbot.mouseClick(robot.grid.viewport(), Qt.MouseButton.LeftButton, pos=middle)


@pytest.fixture
def robot(on_machine: Open) -> Robot:
    robot = on_machine()
    client = robot.context.client
    client.pull = lambda model, **how: made.job(61, model)
    for name in ("pause_job", "resume_job", "cancel_job"):
        setattr(client, name, {})
    return robot


# --- cards ----------------------------------------------------------------------------------------


def test_a_card_gets_the_file_that_suits_best_and_follows_it(robot: Robot) -> None:
    card = robot.card(MODEL)
    assert card.choice is not None
    quant = card.choice.option.quant_type
    assert list(_buttons(robot, MODEL)) == ["get"]
    _press(robot, MODEL, "get")
    assert _pulled(robot) == (f"{REPO}:{quant}", {"projector": True, "draft": False})
    robot.wait(lambda: list(_buttons(robot, MODEL)) == ["pause", "cancel"])
    assert not robot.page.sheet.is_open, "the panel stays as it was"
    _job(robot, f"{REPO}:{quant}", state="running", progress=made.progress(made.FILES, speed=MIB))
    index = robot.page.cards.index(robot.names().index(MODEL))
    said = str(index.data(Qt.ItemDataRole.AccessibleTextRole))
    assert "34 % · 1.0 MiB/s" in said, "also for those who do not see it"
    _press(robot, MODEL, "pause")
    robot.wait(lambda: robot.context.client.called("pause_job"))
    _job(robot, f"{REPO}:{quant}", state="paused")
    _press(robot, MODEL, "resume")
    robot.wait(lambda: robot.context.client.called("resume_job"))
    _press(robot, MODEL, "cancel")
    assert robot.context.visits == ["downloads 61"], "1.9 GiB are asked about there"
    assert not robot.context.client.called("cancel_job")
    _job(robot, f"{REPO}:{quant}", state="cancelled", finished=1.0)
    assert list(_buttons(robot, MODEL)) == ["get"]


def test_a_second_click_asks_for_nothing_twice(robot: Robot) -> None:
    way = robot.presenter.getting.way(REPO, "Q4_K_M")
    robot.presenter.getting.get(way)
    robot.presenter.getting.get(way)
    robot.presenter.getting.get(robot.presenter.getting.way(REPO, "Q4_K_M"))
    robot.wait(lambda: not robot.context.state.downloads.is_asked(way.name))
    assert len(robot.context.client.called("pull")) == 1


def test_by_keys_a_card_is_got_with_ctrl_and_enter_or_from_its_menu(robot: Robot) -> None:
    robot.grid.setFocus()
    robot.grid.setCurrentIndex(robot.page.cards.index(robot.names().index(MODEL)))
    robot.qtbot.keyClick(robot.grid, Qt.Key.Key_Return, CONTROL)
    assert _pulled(robot)[0].startswith(REPO)
    assert not robot.page.sheet.is_open
    other = robot.names().index("Qwen3 4B") if "Qwen3 4B" in robot.names() else 0
    robot.grid.menu_asked.emit(other, robot.grid.mapToGlobal(QPoint(5, 5)))
    (shown,) = [each for each in robot.grid.findChildren(QMenu) if each.isVisible()]
    texts = [action.text() for action in shown.actions()]
    assert texts[0] == "Details" and any(text.startswith("Get ") for text in texts)
    assert "Open its page at Hugging Face" in texts
    next(a for a in shown.actions() if a.text().startswith("Get ")).trigger()
    robot.wait(lambda: len(robot.context.client.called("pull")) == 2)
    shown.close()


def test_what_does_not_fit_is_opened_first_with_a_warning(robot: Robot) -> None:
    robot.pick(robot.page.filters.fits, "all")
    robot.wait(lambda: "Llama 3.3 70B" in robot.names())
    assert list(_buttons(robot, "Llama 3.3 70B")) == ["open"]
    _press(robot, "Llama 3.3 70B", "open")
    robot.priced()
    box = robot.panel.box
    robot.wait(box.get_plain.isVisible)
    assert not box.get.isVisible() and "would not fit" in box._warning.text()
    assert not robot.context.client.called("pull")
    robot.press(box.get_plain)
    assert _pulled(robot)[0].startswith("unsloth/Llama-3.3-70B-Instruct-GGUF:")


# --- the panel ------------------------------------------------------------------------------------


def test_the_panel_says_what_comes_along(robot: Robot) -> None:
    robot.open(VISION)
    box = robot.panel.box
    assert box.get.isVisible() and "GiB" in box.get.text()
    assert box.projector.isVisible() and box.projector.isChecked()
    assert box.projector.text().startswith("With its image reader, +")
    assert box.draft.isVisible() and not box.draft.isChecked()
    assert "as its draft" in box.draft.text()
    robot.qtbot.keyClick(box.projector, Qt.Key.Key_Space)
    robot.press(box.draft)
    robot.press(box.get)
    assert _pulled(robot)[1] == {"projector": False, "draft": True}


def test_a_text_model_has_no_image_reader(robot: Robot) -> None:
    robot.open(MODEL)
    assert not robot.panel.box.projector.isVisible()


def test_the_panel_shows_the_way_in_place(robot: Robot) -> None:
    robot.open(MODEL)
    robot.panel.files.choose("Q4_K_M")
    box = robot.panel.box
    running = {"state": "running", "progress": made.progress(made.FILES, speed=12.4 * MIB)}
    _job(robot, f"{REPO}:Q4_K_M", **running)
    assert box._coming.isVisible() and not box.get.isVisible()
    assert box._figures.text() == "1.9 GiB of 5.6 GiB · 12.4 MiB/s · 5 min left"
    files = [{**made.FILES[0], "done_bytes": 4 * GIB}, made.FILES[1]]
    told = {"id": 61, "progress": made.progress(files, speed=10 * MIB)}
    robot.context.link.tell("job.progress", told)  # type: ignore[attr-defined]
    robot.wait(lambda: "10.0 MiB/s" in box._figures.text())
    robot.press(box.hold)
    robot.wait(lambda: robot.context.client.called("pause_job"))
    _job(robot, f"{REPO}:Q4_K_M", state="paused")
    assert box._stage.text() == "Paused" and "4.0 GiB of 5.6 GiB" in box._figures.text()
    robot.press(box.cancel)
    assert box.question.isVisible()
    robot.press(box.question.confirm)
    robot.wait(lambda: robot.context.client.called("cancel_job"))
    robot.press(box.list)
    assert robot.context.visits == ["downloads"]


def test_what_arrived_can_be_used_in_place(robot: Robot) -> None:
    robot.open(MODEL)
    robot.panel.files.choose("Q4_K_M")
    robot.priced()
    entry = {**data.entry("qwen3-8b:q4_k_m", 4.7, "Q4_K_M", 8.2), "repo": REPO}
    entry["repo_file"] = "Qwen3-8B-Q4_K_M.gguf"
    _job(robot, f"{REPO}:Q4_K_M", state="running")
    robot.context.client.models = [entry]
    robot.context.link.tell("library.changed", {})  # type: ignore[attr-defined]
    box = robot.panel.box
    robot.wait(box.load.isVisible)
    assert box.load.text() == "Load" and not box._coming.isVisible()
    assert robot.panel.quant == "Q4_K_M", "the file that was chosen stays chosen"
    robot.press(box.library)
    assert robot.context.visits == ["library qwen3-8b:q4_k_m"]
    robot.context.link.tell("model.changed", data.loaded("qwen3-8b:q4_k_m"))  # type: ignore[attr-defined]
    robot.press(box.load)
    assert robot.context.visits[-1] == "chat qwen3-8b:q4_k_m"


def test_an_uploaders_own_mix_is_known_by_its_files_name(robot: Robot) -> None:
    """Its header says Q4_K_M, the hub calls it UD-Q4_K_XL."""
    entry = {**data.entry("mix:ud-q4_k_xl", 4.9, "Q4_K_M", 8.2), "repo": REPO}
    robot.context.client.models = [{**entry, "repo_file": "Qwen3-8B-UD-Q4_K_XL.gguf"}]
    robot.context.link.tell("library.changed", {})  # type: ignore[attr-defined]
    robot.wait(lambda: robot.presenter.library.models)
    assert robot.presenter.getting.way(REPO, "UD-Q4_K_XL").kind == "here"
    assert robot.presenter.getting.way(REPO, "Q4_K_M").kind == "remote"


def test_a_row_gets_its_own_file(robot: Robot) -> None:
    robot.open(MODEL)
    files = robot.panel.files
    row = files.files.row_of("Q5_K_M")
    icon = files.visualRect(files.files.index(row, GET_COLUMN)).center()
    assert "Get Q5_K_M" in str(files.files.index(row, GET_COLUMN).data(Qt.ItemDataRole.ToolTipRole))
    robot.qtbot.mouseClick(files.viewport(), Qt.MouseButton.LeftButton, pos=icon)
    assert _pulled(robot)[0] == f"{REPO}:Q5_K_M"
    progress = made.progress(made.FILES, speed=MIB)
    _job(robot, f"{REPO}:Q5_K_M", state="running", progress=progress)
    assert files.files.index(row, GET_COLUMN).data() == "34 %"
    files.setFocus()
    files.choose("Q6_K")
    robot.qtbot.keyClick(files, Qt.Key.Key_Return)
    robot.wait(lambda: len(robot.context.client.called("pull")) == 2)
    assert _pulled(robot)[0] == f"{REPO}:Q6_K"


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_call_that_is_refused_is_told_in_place(robot: Robot) -> None:
    robot.context.client.pull = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It is gone.")
    robot.open(MODEL)
    box = robot.panel.box
    robot.press(box.get)
    robot.wait(box.again.isVisible)
    assert "It is gone" in box._error.text() and not robot.context.errors
    robot.context.client.pull = lambda model, **how: made.job(61, model)
    robot.press(box.again)
    robot.wait(box._coming.isVisible)


def test_a_download_that_failed_goes_on_from_there(robot: Robot) -> None:
    robot.open(MODEL)
    name = robot.panel.box.way.name
    _job(robot, name, state="failed", finished=1.0, error=made.FULL.to_dict())
    box = robot.panel.box
    assert "6.1 GiB are free" in box._error.text()
    assert list(_buttons(robot, MODEL)) == ["get"]
    robot.press(box.again)
    robot.wait(lambda: robot.context.client.called("resume_job"))
    assert not robot.context.client.called("pull")


def test_a_refusal_says_what_to_do(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: opened.append(url.toString()) or True
    )
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    robot.open(MODEL)
    box = robot.panel.box
    _job(robot, box.way.name, state="failed", finished=1.0, error=made.DENIED.to_dict())
    assert "enter a token of that account" in box._consent.text()
    robot.press(box.page)
    assert opened == [f"https://hub.example/{REPO}"]
    robot.press(box.token)
    assert robot.context.visits == ["settings token"]


def test_a_file_that_the_repository_lacks_leads_to_what_it_has(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(robot.presenter, "look_up", asked.append)
    robot.open(MODEL)
    error = AppError(ErrorCode.HUB_QUANT_UNKNOWN, repo=REPO, quant="Q3_K_M", known="Q4_K_M, Q8_0")
    _job(robot, robot.panel.box.way.name, state="failed", finished=1.0, error=error.to_dict())
    robot.press(robot.panel.box.files)
    assert asked == [REPO]
