"""Usage on the Server page: sums, what it would have cost elsewhere, prices, a file of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.tabs.server import usage_model as columns
from desktop.ui.tabs.server.usage_model import hours, money
from desktop.ui.tabs.server.usage_pane import UsagePane, begin_of
from tests.helpers.window import RecordingContext
from tests.visual.data_server import PRICES, usage


@pytest.fixture
def pane(context: RecordingContext, qtbot: QtBot) -> Iterator[UsagePane]:
    def answer(by: str, since: str | None, at: str | None) -> dict[str, Any]:
        return usage(by, PRICES[0] if at else None)

    context.client.usage = answer
    context.client.hosted_prices = PRICES
    pane = UsagePane(context)
    qtbot.addWidget(pane)
    pane.retranslate()
    pane.resize(1200, 700)
    pane.show()
    pane.shown()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 3 and pane.at.count() == 2)
    yield pane
    pane.hidden()


def cell(pane: UsagePane, row: int, column: int) -> str:
    return str(pane.model.index(row, column).data())


def test_sums_by_model_key_and_day(
    pane: UsagePane, context: RecordingContext, qtbot: QtBot
) -> None:
    assert cell(pane, 0, columns.NAME) == "qwen3-8b:q4_k_m"
    assert cell(pane, 0, columns.INPUT) == "21,482,112" and cell(pane, 0, columns.CACHED) == "33%"
    assert cell(pane, 0, columns.FAILED) == "12" and cell(pane, 1, columns.FAILED) == "–"
    assert "9,712" in pane.figures[0].accessibleName()
    assert "28.9 M" in pane.figures[1].accessibleName()
    assert pane.table.isColumnHidden(columns.AT)
    pane.by.button("key").click()
    qtbot.waitUntil(lambda: cell(pane, 1, columns.NAME) == "without a key")
    pane.by.button("day").click()
    qtbot.waitUntil(lambda: cell(pane, 0, columns.NAME) == "2026-11-27")
    pane.period.setCurrentIndex(pane.period.findData("week"))
    qtbot.waitUntil(lambda: context.client.called("usage")[-1].kwargs["since"] == "7d")


def test_what_it_would_have_cost_elsewhere(pane: UsagePane, qtbot: QtBot) -> None:
    pane.at.setCurrentIndex(1)
    qtbot.waitUntil(lambda: not pane.table.isColumnHidden(columns.AT))
    assert cell(pane, 0, columns.AT) == "5.09"
    assert pane.figures[3].isVisible() and "gpt-4o-mini" in pane._text.text()
    assert "0.15" in pane._text.text()


def test_sums_follow_what_is_asked(
    pane: UsagePane, context: RecordingContext, qtbot: QtBot
) -> None:
    before = len(context.client.called("usage"))
    pane._again.setInterval(0)
    for _ in range(20):
        context.link.tell("request.finished", {"model": "m"})
    qtbot.waitUntil(lambda: len(context.client.called("usage")) > before)
    assert len(context.client.called("usage")) == before + 1


def test_without_an_answer_it_says_why(
    pane: UsagePane, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.usage = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="gone")
    pane.read()
    qtbot.waitUntil(pane.banner.isVisible)
    context.client.usage = {**usage("model"), "rows": [], "total": {"requests": 0}}
    pane.banner.pressed.emit()
    qtbot.waitUntil(lambda: not pane.banner.isVisible() and not pane.table.isVisible())
    assert not pane.export.isEnabled() and "Nothing was asked" in pane._text.text()


def test_prices_are_set_where_they_count(
    pane: UsagePane, context: RecordingContext, qtbot: QtBot
) -> None:
    card = pane.prices_card
    pane.prices.click()
    qtbot.waitUntil(card.isVisible)
    assert card.currency.text() == "USD"
    card.currency.setText("EUR")
    card.numbers["electricity_per_kwh"].setText("cheap")
    card.save.click()
    assert card.problem.isVisible() and not context.client.called("change_settings")
    card.numbers["electricity_per_kwh"].setText("0.31")
    card.numbers["busy_watts"].setText("220")
    card.save.click()
    qtbot.waitUntil(lambda: not card.isVisible())
    [changes] = context.client.called("change_settings")[0].args
    assert changes["prices.currency"] == "EUR" and changes["prices.electricity_per_kwh"] == 0.31
    assert changes["prices.count_as"] == "own" and changes["prices.hardware_per_hour"] == 0.0


def test_usage_is_saved_as_a_file(
    pane: UsagePane, context: RecordingContext, qtbot: QtBot, tmp_path: Path
) -> None:
    context.client.usage_csv = lambda by, **wanted: iter(
        [b"name,requests\r\n", "日,1\r\n".encode()]
    )
    place = tmp_path / "usage.csv"
    with qtbot.waitSignal(pane.saved):
        pane.save(str(place))
    assert place.read_text("utf-8-sig") == "name,requests\n日,1\n"
    assert "usage.csv" in context.toasts[-1][0]
    pane.save(str(place / "usage.csv"))
    qtbot.waitUntil(lambda: bool(context.errors))
    assert context.errors[0].code is ErrorCode.PATH_UNREADABLE


def test_figures_read_well() -> None:
    assert [money(value) for value in (None, 0, 1234.5, 0.0042, 0.0000031)] == [
        "–", "0.00", "1,234.50", "0.0042", "3.1e-06"
    ]  # fmt: skip
    assert [hours(value) for value in (0, 90, 88_560)] == ["–", "2 min", "24.6 h"]
    assert begin_of("all") is None and begin_of("month", 1_795_780_000)[-2:] == "01"  # type: ignore[index]
