"""The Pareto plot: what it marks, how it scales and names, and how hands move in it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.ui.charts.names import Box, place_names
from desktop.ui.charts.pareto import ParetoPlot
from desktop.ui.charts.pareto_data import Point, Reference, bubble_radius, front
from desktop.ui.charts.scales import figure, log_ticks, ticks
from desktop.ui.theme.theme import Theme


def point(key: int, cost: float, loss: float, **more: object) -> Point:
    return Point(key, 0, f"type {key}", cost, loss, tip=f"figures of {key}", **more)  # type: ignore[arg-type]


THREE = [
    point(1, 2.0, 0.3, low=0.28, high=0.32, weight=50.0),
    point(2, 3.0, 0.02, low=0.018, high=0.022, weight=40.0),
    point(3, 3.5, 0.04, weight=35.0, other=True),
    point(4, 5.0, 0.001, low=-0.0001, high=0.0021, weight=None),
]


@pytest.fixture
def plot(theme: Theme, qtbot: QtBot) -> Iterator[ParetoPlot]:
    page = QWidget()  # it is never a window: pyqtgraph's own `close` takes a plot apart
    plot = ParetoPlot(theme, page)
    plot.resize(700, plot.height())
    page.resize(1500, 600)
    page.show()
    yield plot
    page.close()
    page.deleteLater()


def places(plot: ParetoPlot) -> dict[int, QPoint]:
    return {each.key: plot._place(each).toPoint() for each in plot.points}


# --- what it reckons ------------------------------------------------------------------------------


def test_the_front_leaves_out_what_another_beats() -> None:
    assert [each.key for each in front(THREE)] == [1, 2, 4]
    same = [point(1, 2.0, 0.3), point(2, 2.0, 0.1), point(3, 2.5, 0.1)]
    assert [each.key for each in front(same)] == [2]
    assert front([]) == []


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0.0, 10.0, 5, [0, 2, 4, 6, 8, 10]),
        (2.7, 5.2, 6, [3.0, 3.5, 4.0, 4.5, 5.0]),
        (0.0031, 0.0052, 4, [0.004, 0.005]),
        (3.0, 3.0, 5, []),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, expected: list[float]) -> None:
    assert ticks(low, high, most) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0.0009, 0.4, 9, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2]),
        (0.0009, 0.4, 5, [0.001, 0.01, 0.1]),
        (1e-9, 1.0, 4, [1e-9, 1e-6, 1e-3, 1.0]),
        (0.021, 0.028, 4, [0.022, 0.024, 0.026, 0.028]),
    ],
)
def test_log_ticks_are_round(low: float, high: float, most: int, expected: list[float]) -> None:
    found = log_ticks(low, high, most)
    assert len(found) <= most
    assert found == pytest.approx(expected)


def test_figures_of_ticks_have_no_exponent() -> None:
    assert [figure(v) for v in (0.00002, 0.05, 1.0, 3.5, 1200.0, 0.0)] == [
        "0.00002",
        "0.05",
        "1",
        "3.5",
        "1,200",
        "0",
    ]


def test_areas_go_with_weights() -> None:
    whole, quarter = bubble_radius(40, 40, 2, 12), bubble_radius(10, 40, 2, 12)
    assert (whole, quarter) == (12, 6)
    assert bubble_radius(None, 40, 2, 12) == bubble_radius(0.01, 40, 2, 12) == 2


@pytest.mark.parametrize("seed", range(6))
def test_names_cover_neither_points_nor_one_another(seed: int) -> None:
    chance = random.Random(seed)
    room = (0.0, 0.0, 600.0, 260.0)
    points = [(chance.uniform(5, 595), chance.uniform(5, 255), 6.0) for _ in range(40)]
    bar = (300.0, 0.0, 302.0, 260.0)
    found = place_names(points, [(60.0, 14.0)] * 30, [bar], room, 4.0)
    boxes = [box for box in found if box is not None]
    assert len(found) == 30 and len(boxes) > 8
    covered = [(x - r, y - r, x + r, y + r) for x, y, r in points]
    pairs = [*itertools.combinations(boxes, 2), *itertools.product(boxes, [*covered, bar])]
    assert not [pair for pair in pairs if _overlap(*pair)]
    assert all(b[0] >= 0 and b[1] >= 0 and b[2] <= 600 and b[3] <= 260 for b in boxes)


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1]


# --- what it shows --------------------------------------------------------------------------------


def test_every_point_is_inside_whatever_the_width(plot: ParetoPlot, qtbot: QtBot) -> None:
    plot.show_points(THREE, [Reference(9.0, "F16, 9.0 GiB")], "Size, GiB")
    for width in (320, 700, 1400):
        plot.resize(width, plot.height())
        qtbot.waitUntil(lambda width=width: plot.viewport().width() >= width - 4)
        inside = plot.viewport().rect()
        found = places(plot)
        assert all(inside.contains(place) for place in found.values()), (width, found)
        assert found[1].x() < found[2].x() < found[3].x() < found[4].x()
        assert found[1].y() < found[3].y() < found[2].y() < found[4].y()


def test_distances_on_the_loss_axis_are_ratios(plot: ParetoPlot) -> None:
    plot.show_points([point(n, 1.0 + n, 10.0**-n) for n in (1, 2, 3)], [], "GiB")
    at = places(plot)
    assert abs((at[2].y() - at[1].y()) - (at[3].y() - at[2].y())) <= 2


def test_no_loss_or_one_below_zero_stands_on_the_ground(plot: ParetoPlot) -> None:
    plot.show_points([*THREE, point(5, 4.0, 0.0), point(6, 4.5, -0.0001)], [], "GiB")
    at = places(plot)
    assert at[5].y() == at[6].y() > at[4].y()
    assert plot.viewport().rect().contains(at[5])
    assert not plot.grab().isNull()


@pytest.mark.parametrize("points", [[], [point(1, 3.0, 0.01)], [point(1, 3.0, 0.0)]])
def test_few_points_do_no_harm(plot: ParetoPlot, points: list[Point]) -> None:
    plot.show_points(points, [], "GiB")
    assert not plot.grab().isNull()
    assert all(plot.viewport().rect().contains(place) for place in places(plot).values())


def test_points_have_the_colours_of_the_theme(plot: ParetoPlot, theme: Theme) -> None:
    plot.show_points(THREE, [], "GiB")
    for mode in ("dark", "contrast", "light"):
        theme.set_mode(mode)  # type: ignore[arg-type]
        image = plot.grab().toImage()
        assert image.pixelColor(image.width() - 3, 3) == theme.colour("surface")
        assert theme.tokens.series[0] in _colours(image)


def _colours(image: QImage) -> set[str]:
    return {
        image.pixelColor(x, y).name().upper()
        for x in range(0, image.width())
        for y in range(0, image.height(), 2)
    }


# --- hands ----------------------------------------------------------------------------------------


def test_arrow_keys_move_by_cost_and_by_loss(plot: ParetoPlot, qtbot: QtBot) -> None:
    plot.show_points(THREE, [], "GiB")
    chosen: list[int] = []
    plot.chosen.connect(chosen.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(plot, key)
    assert chosen == [1, 2, 3, 2]
    qtbot.keyClick(plot, Qt.Key.Key_Up)
    assert plot.current == 3  # it loses more, though it is larger
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert plot.current == 4
    qtbot.keyClick(plot, Qt.Key.Key_End)
    assert plot.current == 4
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.current == 1
    assert plot.accessibleDescription() == "figures of 1"


def test_enter_and_a_double_click_enter_a_point(plot: ParetoPlot, qtbot: QtBot) -> None:
    plot.show_points(THREE, [], "GiB")
    entered: list[int] = []
    plot.entered.connect(entered.append)
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert entered == []  # there is none yet
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=places(plot)[3])
    assert entered == [1, 3]


def test_a_click_chooses_the_point_and_one_beside_it_none(plot: ParetoPlot, qtbot: QtBot) -> None:
    plot.show_points(THREE, [], "GiB")
    at = places(plot)
    with qtbot.waitSignal(plot.chosen) as chosen:
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=at[2] + QPoint(2, 2))
    assert chosen.args == [2]
    away = QPoint((at[1].x() + at[2].x()) // 2, 4)
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=away)
    assert plot.current == 2
    assert plot.tip_at(at[4]) == "<span>figures of 4</span>" and plot.tip_at(away) == ""


def test_what_is_chosen_is_let_go_when_its_point_leaves(plot: ParetoPlot) -> None:
    plot.show_points(THREE, [], "GiB")
    plot.choose(4)
    assert plot.current == 4 and plot.accessibleDescription() == "figures of 4"
    plot.show_points(THREE[:2], [], "GiB")
    assert plot.current is None
    plot.choose(4)
    assert plot.current is None and plot.accessibleDescription() == ""
