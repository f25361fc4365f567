"""Searching the hub from Discover: only when asked, with a local hub that keeps count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop.ui.tabs.discover.hubgrid import RepoGrid
from tests.helpers.hub import LocalHub
from tests.helpers.model_zoo import Spec, write_stub
from tests.ui.discover.robot import Robot
from tests.visual import downloads as made
from tests.visual.data import MIB

Open = Callable[..., Robot]
SMALL, CODER, SEEING = "maker/Small-GGUF", "someone/Coder-30B-GGUF", "maker/Seeing-GGUF"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def _model(folder: Path, label: str, kind: str = "Q4_0") -> Path:
    spec = Spec("llama", layers=8, hidden=1024, heads=8, ff=2048, vocab=8192, kind=kind)
    return write_stub(folder / f"{label}.gguf", spec)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        quants = {f"Small-{q}.gguf": _model(tmp_path, f"s-{q}", q) for q in ("Q4_0", "Q8_0")}
        hub.add_repo(
            SMALL,
            {**quants, "README.md": b"# Small"},
            tags=("gguf",),
            downloads=1200,
            likes=40,
            license="mit",
            base_model="maker/Small",
            gguf={"total": 110_000_000, "architecture": "llama"},
        )
        hub.add_repo(
            CODER,
            {"Coder-Q4_0.gguf": _model(tmp_path, "c")},
            gated="manual",
            tags=("gguf",),
            downloads=90,
            likes=400,
            gguf={"total": 30_500_000_000, "architecture": "qwen3moe"},
        )
        hub.add_repo(
            SEEING,
            {
                "Seeing-Q4_0.gguf": _model(tmp_path, "v"),
                "mmproj-F16.gguf": _model(tmp_path, "mmproj"),
            },
            tags=("gguf",),
            pipeline_tag="image-text-to-text",
            gguf={"total": 110_000_000, "architecture": "llama"},
        )
        hub.add_repo("maker/Weights", {"model.safetensors": b"0" * 2000}, tags=("safetensors",))
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def _ask(robot: Robot, text: str) -> None:
    robot.page.search.setFocus()
    robot.page.search.clear()
    robot.qtbot.keyClicks(robot.page.search, text)
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: not robot.presenter.search.busy and robot.presenter.search.active)


def _repos(robot: Robot) -> list[str]:
    return [found.repo for found in robot.page.hub.repos.repos]


def _open(robot: Robot, repo: str) -> None:
    """Click its tile."""
    grid: RepoGrid = robot.page.hub.grid
    place = _repos(robot).index(repo)
    robot.wait(lambda: grid.row_at(grid._box(place).center()) == place)
    middle = grid._box(place).center()
    robot.qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=middle)


def test_typing_filters_and_asks_nobody_enter_asks_the_hub(on_machine: Open, hub: LocalHub) -> None:
    robot = on_machine()
    robot.page.search.setFocus()
    robot.qtbot.keyClicks(robot.page.search, "qwen3")
    assert robot.names() and all("Qwen3" in name for name in robot.names())
    assert "Search Hugging Face for “qwen3”" in robot.page.look_up.text()
    assert hub.requests == []
    _ask(robot, "small")
    assert _repos(robot) == [SMALL]
    assert robot.page.hub.isVisible() and not robot.page.filters.isVisible()
    assert "1 repository for “small”" in robot.page.hub.count.text()
    QAbstractItemModelTester(robot.page.hub.repos)
    said = str(robot.page.hub.repos.index(0).data(Qt.ItemDataRole.AccessibleTextRole))
    for part in (SMALL, "110.0 M", "mit", "1.2 K downloads", "40 likes", "made of maker/Small"):
        assert part in said, part


def test_the_button_browses_without_words_and_sorts(on_machine: Open, hub: LocalHub) -> None:
    robot = on_machine()
    robot.press(robot.page.hub_button)
    robot.wait(lambda: len(_repos(robot)) == 3)
    assert "maker/Weights" not in _repos(robot), "only GGUF repositories"
    asked = len(hub.requests)
    robot.pick(robot.page.hub.filters.sort_box, "downloads")
    robot.wait(lambda: _repos(robot) and _repos(robot)[0] == SMALL)
    robot.pick(robot.page.hub.filters.sort_box, "likes")
    robot.wait(lambda: _repos(robot) and _repos(robot)[0] == CODER)
    assert len(hub.requests) > asked
    robot.pick(robot.page.hub.filters.kind_box, "checkpoint")
    robot.wait(lambda: _repos(robot) == ["maker/Weights"])
    robot.pick(robot.page.hub.filters.kind_box, "gguf")
    robot.pick(robot.page.hub.filters.licence_box, "mit")
    robot.wait(lambda: _repos(robot) == [SMALL])


def test_a_repository_is_opened_judged_and_got(on_machine: Open, hub: LocalHub) -> None:
    robot = on_machine()
    robot.context.client.pull = lambda model, **how: made.job(61, model)
    _ask(robot, "small")
    _open(robot, SMALL)
    robot.wait(lambda: robot.panel.isVisible() and robot.panel.card is not None)
    robot.priced()
    card = robot.panel.card
    assert card is not None and card.hub is not None
    assert [option.quant_type for option in card.candidate.options] == ["Q4_0", "Q8_0"]
    assert not any(option.size.predicted for option in card.candidate.options)
    assert robot.page.hub.isVisible() and _repos(robot) == [SMALL], "the results stay"
    robot.press(robot.panel.box.get)
    robot.wait(lambda: robot.context.client.called("pull"))
    assert robot.context.client.called("pull")[0].args[0].startswith(f"{SMALL}:")


def test_its_projector_is_told_with_its_size(on_machine: Open, hub: LocalHub) -> None:
    robot = on_machine()
    _ask(robot, "seeing")
    _open(robot, SEEING)
    robot.wait(lambda: robot.panel.isVisible() and robot.panel.card is not None)
    box = robot.panel.box
    robot.wait(box.projector.isVisible)
    assert box.projector.isChecked() and "MiB" in box.projector.text()


def test_a_gated_repository_lists_its_files_and_says_what_to_do(
    on_machine: Open, hub: LocalHub
) -> None:
    robot = on_machine()
    robot.context.client.pull = lambda model, **how: made.job(61, model)
    _ask(robot, "coder")
    assert robot.page.hub.repos.repos[0].gated == "manual"
    _open(robot, CODER)
    repo = robot.page.sheet.repo
    robot.wait(lambda: repo.isVisible() and robot.presenter.lookup.error is not None)
    assert [row.label for row in repo.rows()] == ["Q4_0"]
    assert repo._terms.isVisible() and "owner decides" in repo._terms_text.text()
    assert "cannot be told" in repo._problem.accessibleName()
    robot.press(repo.token)
    assert robot.context.visits == ["settings token"]
    (row,) = repo.rows()
    robot.press(row.get)
    robot.wait(lambda: robot.context.client.called("pull"))
    progress = made.progress(made.FILES, speed=MIB)
    job = made.job(61, f"{CODER}:Q4_0", "running", progress=progress)
    robot.context.link.tell("job.changed", job)  # type: ignore[attr-defined]
    robot.wait(lambda: row._state.text() == "34 %")
    assert not row.get.isVisible()


def test_with_a_token_it_is_judged_like_any_other(
    on_machine: Open, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.token)
    robot = on_machine()
    _ask(robot, "coder")
    _open(robot, CODER)
    robot.wait(lambda: robot.panel.isVisible() and robot.panel.card is not None)
    robot.priced()


def test_what_the_hub_said_before_is_shown_with_its_date(on_machine: Open, hub: LocalHub) -> None:
    robot = on_machine()
    _ask(robot, "small")
    hub.faults.down = True
    robot.press(robot.page.hub.back)
    assert not robot.page.hub.isVisible() and robot.grid.isVisible()
    _ask(robot, "small")
    robot.wait(robot.page.hub.banner.isVisible)
    said = robot.page.hub.banner.accessibleName()
    assert "answers of 20" in said and "cannot be asked" in said
    assert _repos(robot) == [SMALL]
    hub.faults.down = False
    robot.press(robot.page.hub.banner._button)
    robot.wait(lambda: not robot.presenter.search.busy)
    robot.wait(lambda: not robot.page.hub.banner.isVisible())


def test_what_was_never_asked_cannot_be_told_offline(
    on_machine: Open, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    robot = on_machine()
    _ask(robot, "small")
    assert robot.page.hub.empty.isVisible()
    assert "HF_HUB_OFFLINE" in robot.page.hub.empty._text.text()
    assert hub.requests == []


def test_nothing_found_is_said_and_the_catalogue_comes_back(
    on_machine: Open, hub: LocalHub
) -> None:
    robot = on_machine()
    shown = len(robot.names())
    _ask(robot, "no such thing at all")
    assert "no such repository" in robot.page.hub.empty._text.text()
    robot.page.search.setFocus()
    robot.keys(Qt.Key.Key_Escape)
    assert robot.grid.isVisible() and len(robot.names()) == shown
    assert robot.page.filters.isVisible()


def test_a_search_is_given_up_by_the_next_one(
    on_machine: Open, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults.stall(1, where="any")
    robot = on_machine()
    robot.page.search.setText("coder")
    robot.page.search.returnPressed.emit()
    robot.wait(lambda: robot.presenter.search.busy and hub.requests)
    assert robot.page.hub.progress.isVisible()
    _ask(robot, "small")
    robot.wait(lambda: _repos(robot) == [SMALL])


def test_by_keys_alone(on_machine: Open, hub: LocalHub) -> None:
    robot = on_machine()
    _ask(robot, "small")
    robot.page.search.setFocus()
    robot.keys(Qt.Key.Key_Down)
    assert robot.page.hub.grid.hasFocus()
    robot.keys(Qt.Key.Key_Return)
    robot.wait(lambda: robot.panel.isVisible() and robot.panel.card is not None)
    robot.keys(Qt.Key.Key_Escape)
    assert not robot.page.sheet.is_open
    robot.keys(Qt.Key.Key_Escape)
    assert robot.grid.isVisible() and not robot.page.hub.isVisible()
