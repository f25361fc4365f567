"""The cards: which are shown, in what order, what they say, and how hands move among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hardware.memory import MemoryInfo
from desktop.ui.tabs.discover import world
from desktop.ui.tabs.discover.grid import CardGrid
from desktop.ui.tabs.discover.world import Shelf
from desktop.ui.widgets.parts import Chip
from tests.ui.discover.robot import DESKTOP, LAPTOP, Engines, Robot, shelf
from tests.visual import data

Open = Callable[..., Robot]
GIB = 1 << 30


def _small(total_gib: float, free_gib: float) -> MemoryInfo:
    free, total = round(free_gib * GIB), round(total_gib * GIB)
    return replace(data.RAM, total_bytes=total, available_bytes=free)


def test_the_best_stands_first_with_fit_speed_size_and_why(on_machine: Open) -> None:
    robot = on_machine()
    cards = robot.page.cards.cards
    QAbstractItemModelTester(robot.page.cards)
    assert len(cards) > 30 and all(card.choice for card in cards)
    first = cards[0]
    assert first.choice is not None and first.choice.reaches(15)
    said = str(robot.page.cards.index(0).data(Qt.ItemDataRole.AccessibleTextRole))
    for part in (first.candidate.name, "CPU", "tok/s", "GiB", "Runs in RAM", "Apache"):
        assert part in said, part
    date = shelf().catalog.collected.isoformat()
    assert date in robot.page.footer.text() and str(len(cards)) in robot.page.footer.text()


def test_a_gpu_changes_what_runs_best_and_an_engine_without_one_is_told(on_machine: Open) -> None:
    laptop = on_machine().names()
    robot = on_machine(DESKTOP)
    assert robot.names()[0] != laptop[0]
    assert robot.page.cards.cards[0].verdict == "gpu"
    assert "cannot drive" in robot.page.banner.accessibleName()
    robot.press(robot.page.banner._button)
    assert robot.context.visits == ["machine"]


def test_shaky_rows_say_so(on_machine: Open) -> None:
    robot = on_machine()
    doubtful = next(card for card in robot.page.cards.cards if card.candidate.flags_shown)
    assert "figures" in doubtful.description() or "shape" in doubtful.description()
    assert robot.grid._mark(doubtful)[0].startswith("⚠")
    robot.open(doubtful.candidate.name)
    assert robot.panel.doubts.isVisible()


def test_purposes_and_filters_narrow_the_cards(on_machine: Open) -> None:
    robot = on_machine()
    chat = set(robot.names())
    robot.press(robot.page.filters.purpose.chip("embeddings"))
    robot.wait(lambda: set(robot.names()) != chat)
    assert all(card.candidate.embedding for card in robot.page.cards.cards)
    robot.press(robot.page.filters.purpose.chip("chat"))
    robot.wait(lambda: set(robot.names()) == chat)
    robot.pick(robot.page.filters.speed, 30.0)
    robot.wait(lambda: 0 < len(robot.names()) < len(chat))
    assert all(
        card.choice and card.choice.decode and card.choice.decode.value >= 30
        for card in robot.page.cards.cards
    )
    robot.pick(robot.page.filters.speed, 0.0)
    robot.wait(lambda: set(robot.names()) == chat)
    robot.pick(robot.page.filters.context, 131_072)
    robot.wait(lambda: set(robot.names()) < chat)


def test_words_are_found_in_names_makers_and_licences(on_machine: Open) -> None:
    robot = on_machine()
    robot.qtbot.keyClicks(robot.page.search, "QWEN3 apache")
    assert robot.names() and all("Qwen3" in name for name in robot.names())
    robot.page.search.setText("nothing is called so")
    assert robot.page.empty.isVisible() and not robot.names()
    assert robot.page.empty._button.text() == "Search Hugging Face"
    robot.page.search.setFocus()
    robot.keys(Qt.Key.Key_Escape)
    assert robot.page.search.text() == "" and len(robot.names()) > 30


def test_a_machine_without_a_gpu_has_nothing_whole_on_one(on_machine: Open) -> None:
    robot = on_machine(LAPTOP)
    robot.pick(robot.page.filters.fits, "gpu")
    assert robot.page.empty.isVisible()
    assert "no GPU" in robot.page.empty._text.text()
    robot.press(robot.page.empty._button)
    assert robot.page.grid.isVisible() and robot.page.filters.fits.currentData() == "runs"


def test_where_nothing_fits_it_says_so_and_can_show_all(on_machine: Open) -> None:
    robot = on_machine(replace(LAPTOP, ram=_small(4, 0.9)))
    assert "None of these models fits" in robot.page.empty._text.text()
    robot.press(robot.page.empty._button)
    assert len(robot.names()) > 30
    verdicts = {card.verdict for card in robot.page.cards.cards}
    assert verdicts == {"wont_fit", None}  # of some only the engine knows what they take
    assert all(card.choice is None for card in robot.page.cards.cards)
    robot.open(next(c.candidate.name for c in robot.page.cards.cards if c.verdict))
    assert robot.panel.price.badge.verdict == "wont_fit"
    assert "too small" in robot.panel.price.why.text()
    assert not robot.panel.price.decode.isVisible()


def test_a_machine_of_four_gigabytes_still_gets_what_is_small_enough(on_machine: Open) -> None:
    robot = on_machine(replace(LAPTOP, ram=_small(4, 2.6)))
    assert robot.names()
    biggest = max(card.candidate.options[0].size.value for card in robot.page.cards.cards)
    assert biggest < 1.6 * GIB


def test_memory_that_cannot_be_read_is_told_and_tried_again(on_machine: Open) -> None:
    robot = on_machine(replace(LAPTOP, ram=None))
    assert robot.page.empty.isVisible() and robot.presenter.trouble is not None
    assert robot.page.empty._button.text() == "Try again"
    robot.press(robot.page.empty._button)
    robot.wait(lambda: not robot.presenter.busy and robot.presenter.trouble)


def test_without_an_engine_others_figures_must_do(
    on_machine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engines, "runtime", AppError(ErrorCode.ENGINE_NOT_FOUND))
    robot = on_machine(DESKTOP)
    first = robot.page.cards.cards[0]
    assert first.choice and first.choice.decode and first.choice.decode.source == "seed_table"


def test_an_unmeasured_machine_is_told_how_to_know_its_speed(on_machine: Open) -> None:
    robot = on_machine(replace(LAPTOP, bandwidth=None))
    assert "not known yet" in robot.page.banner.accessibleName()
    robot.press(robot.page.banner._button)
    assert robot.context.visits == ["machine"]


def test_a_first_measurement_takes_the_banner_away_by_itself(
    on_machine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = on_machine(replace(LAPTOP, bandwidth=None))
    assert robot.page.banner.isVisible()
    monkeypatch.setattr(world, "probe", lambda *args, **how: LAPTOP)
    robot.context.link.tell("hardware.measured", {"bandwidth_gb_per_second": 40.0})
    robot.wait(lambda: not robot.page.banner.isVisible())
    assert robot.presenter.world is not None and robot.presenter.world.speed_known


# --- hands ----------------------------------------------------------------------------------------


def test_arrows_move_enter_opens_and_escape_closes(on_machine: Open) -> None:
    robot = on_machine()
    assert robot.grid.hasFocus()
    robot.grid.setCurrentIndex(robot.page.cards.index(0))
    columns = robot.grid.columns()
    robot.keys(Qt.Key.Key_Right)
    assert robot.grid.currentIndex().row() == 1
    robot.keys(Qt.Key.Key_Down)
    assert robot.grid.currentIndex().row() == 1 + columns
    robot.keys(Qt.Key.Key_Return)
    assert robot.panel.isVisible()
    assert robot.panel.card == robot.page.cards.cards[1 + columns]
    robot.keys(Qt.Key.Key_Escape)
    assert not robot.page.split.panel.isVisible() and robot.grid.hasFocus()


def test_tab_goes_from_the_search_to_the_filters_to_the_cards_to_the_panel(
    on_machine: Open,
) -> None:
    robot = on_machine()
    robot.open(robot.names()[0])
    robot.page.search.setFocus()
    seen: list[object] = []
    for _ in range(40):
        seen.append(robot.page.focusWidget())
        robot.keys(Qt.Key.Key_Tab)
    filters = robot.page.filters
    wanted = [
        *(robot.page.search, filters.purpose.chip("chat"), filters.fits, robot.grid),
        *(robot.panel.files, robot.panel.controls.context, robot.panel.controls.kv_type),
    ]
    places = [seen.index(each) for each in wanted]
    assert places == sorted(places)


def test_only_what_is_in_sight_is_painted_of_hundreds(
    on_machine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = shelf()
    copies = tuple(
        replace(each, id=f"{each.id}-{n}", name=f"{each.name} {n}")
        for n in range(12)
        for each in known.candidates
    )
    robot = on_machine(full=Shelf(known.catalog, copies, copies, known.left_out))
    assert len(robot.page.cards.cards) > 450
    painted: list[int] = []
    paint = CardGrid._paint

    def counted(grid: CardGrid, *what: Any) -> None:
        painted.append(what[2])
        paint(grid, *what)

    monkeypatch.setattr(CardGrid, "_paint", counted)
    robot.grid.grab()
    in_sight = (robot.grid.viewport().height() // robot.grid.card_height() + 2) * (
        robot.grid.columns()
    )
    assert 0 < len(painted) <= in_sight
    painted.clear()
    robot.keys(Qt.Key.Key_Home, Qt.Key.Key_End)
    last = len(robot.page.cards.cards) - 1
    robot.wait(lambda: robot.grid.currentIndex().row() == last)
    robot.grid.grab()
    assert last in painted and len(painted) <= 2 * in_sight
    box = robot.grid._box(last)
    assert robot.grid.viewport().rect().contains(box)
    assert robot.grid.row_at(box.center()) == last


def test_cards_stand_where_they_are_clicked_after_the_panel_made_room(on_machine: Open) -> None:
    robot = on_machine()
    columns = robot.grid.columns()
    robot.open(robot.names()[0])
    assert robot.grid.columns() < columns
    for place in range(3):
        box = robot.grid._box(place)
        assert robot.grid.indexAt(box.center()).row() == place
        assert robot.grid.row_at(QPoint(box.right() + 4, box.center().y())) == -1


def test_the_language_is_switched_on_the_spot(on_machine: Open) -> None:
    robot = on_machine()
    robot.open(robot.names()[0])
    robot.context.language.set("ja")
    robot.wait(lambda: robot.page.heading.text() == "見つける")
    said = str(robot.page.cards.index(0).data(Qt.ItemDataRole.AccessibleTextRole))
    assert "RAM で動きます" in said
    assert not robot.panel.price.why.text().isascii()
    chips = [chip.accessibleName() for chip in robot.panel.findChildren(Chip) if chip.isVisible()]
    assert "チャット" in chips and "Chat" not in chips
    assert not robot.page.filters.fits.itemText(0).isascii()
    robot.context.language.set("en")
