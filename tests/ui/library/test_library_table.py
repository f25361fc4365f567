"""The table of the Library page: how models fit, when they came and were used, what they take."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from desktop.core.service import trials
from desktop.ui.tabs.library.columns import Column
from desktop.ui.tabs.library.rows import VERDICT_ROLE
from tests.helpers.model_zoo import Spec, write_stub
from tests.ui.library.robot import Robot, broken, entry

DAY = 86_400.0


@pytest.fixture
def little(tmp_path: Path) -> dict[str, Any]:
    """A model that is there."""
    path = write_stub(tmp_path / "little.gguf", Spec("llama", layers=4, hidden=256, heads=4))
    return entry("little:q8_0", path=str(path), shard_paths=[str(path)])


def test_the_list_says_how_each_model_fits_and_why(robot: Robot, little: dict[str, Any]) -> None:
    huge = Path(little["path"]).with_name("huge.gguf")
    write_stub(huge, Spec("llama", layers=120, hidden=32_768, heads=64))
    too_much = entry("huge:f16", path=str(huge), shard_paths=[str(huge)])
    robot.show(little, too_much, entry("gone:q8_0"), broken("bad"))
    robot.qtbot.waitUntil(lambda: robot.text("huge:f16", Column.FIT) != "–", timeout=30_000)
    robot.qtbot.waitUntil(lambda: robot.text("little:q8_0", Column.FIT) != "–", timeout=30_000)
    assert robot.text("little:q8_0", Column.FIT) == "CPU"
    assert robot.text("huge:f16", Column.FIT) == "Won't fit"
    assert robot.cell("huge:f16", Column.FIT).data(VERDICT_ROLE) == "wont_fit"
    why = robot.cell("huge:f16", Column.FIT).data(Qt.ItemDataRole.ToolTipRole)
    assert "is too small" in why and "GiB needed" in why
    assert robot.text("gone:q8_0", Column.FIT) == robot.text("bad", Column.FIT) == "–"
    robot.table.sortByColumn(Column.FIT, Qt.SortOrder.AscendingOrder)
    assert robot.names()[:2] == ["little:q8_0", "huge:f16"]


def test_the_list_is_there_while_it_is_priced(
    robot: Robot, little: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, asked = threading.Event(), threading.Event()
    local = trials.TrialSources.local

    def slow(sources: trials.TrialSources, *args: Any) -> Any:
        asked.set()
        assert release.wait(20)
        return local(sources, *args)

    monkeypatch.setattr(trials.TrialSources, "local", slow)
    robot.show(little, entry("b:q8_0"))
    robot.qtbot.waitUntil(asked.is_set, timeout=20_000)
    robot.click("b:q8_0")
    current = robot.page.list.current()
    assert current is not None and current["id"] == "b:q8_0"
    assert robot.text("little:q8_0", Column.FIT) == "–"
    release.set()
    robot.qtbot.waitUntil(lambda: robot.text("little:q8_0", Column.FIT) == "CPU", timeout=30_000)


def test_what_is_known_is_not_priced_again_until_one_looks_anew(
    robot: Robot, little: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    priced: list[str] = []
    local = trials.TrialSources.local

    def counted(sources: trials.TrialSources, entry: Any, held: Any) -> Any:
        priced.append(entry["id"])
        return local(sources, entry, held)

    monkeypatch.setattr(trials.TrialSources, "local", counted)
    robot.page.split.close_panel()
    robot.page._dismissed = True  # the panel prices what it shows
    robot.show(little)
    robot.qtbot.waitUntil(lambda: robot.text("little:q8_0", Column.FIT) == "CPU", timeout=30_000)
    robot.show(little, entry("b:q8_0"))
    robot.qtbot.waitUntil(lambda: "b:q8_0" in priced, timeout=30_000)
    assert priced.count("little:q8_0") == 1
    robot.context.client.scan = {"added": [], "removed": [], "changed": []}
    robot.qtbot.keyClick(robot.page, Qt.Key.Key_F5)
    robot.qtbot.waitUntil(lambda: priced.count("little:q8_0") == 2, timeout=30_000)
    robot.qtbot.waitUntil(lambda: not robot.page.fits._running, timeout=30_000)


def test_models_sort_by_when_they_came_and_were_used(robot: Robot) -> None:
    first = 1_764_000_000.0
    robot.show(
        entry("a", added=first, last_used=first + 9 * DAY),
        entry("b", added=first + 2 * DAY, last_used=None),
        entry("c", added=first + DAY, last_used=first + 3 * DAY),
    )
    robot.page.resize(2200, 700)
    header = robot.table.horizontalHeader()
    robot.qtbot.waitUntil(lambda: not robot.table.isColumnHidden(Column.ADDED))
    for column, names in ((Column.LAST_USED, ["b", "c", "a"]), (Column.ADDED, ["a", "c", "b"])):
        place = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
        robot.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
        if robot.names() != names:  # the first click sorts downwards
            robot.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert robot.names() == names
    assert robot.text("a", Column.LAST_USED) == "2025-12-03"
    assert robot.text("b", Column.LAST_USED) == "–"
    robot.page.resize(1000, 700)
    robot.qtbot.waitUntil(lambda: robot.table.isColumnHidden(Column.ADDED))
    assert not robot.table.isColumnHidden(Column.STATE)


def test_the_totals_tell_what_each_place_takes(robot: Robot) -> None:
    places = [
        {"folder": "/hub", "disk_bytes": 3 << 30, "free_bytes": 40 << 30},
        {"folder": "/mnt/usb", "disk_bytes": 1 << 30, "free_bytes": None},
    ]
    robot.context.client.disk_use = {"total_bytes": 4 << 30, "places": places}
    robot.show(entry("a"))
    robot.qtbot.waitUntil(lambda: bool(robot.page.list.totals.toolTip()))
    assert robot.page.list.totals.toolTip().splitlines() == [
        "3.0 GiB in /hub (40.0 GiB free there)",
        "1.0 GiB in /mnt/usb",
    ]
