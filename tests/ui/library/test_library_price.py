"""The Library's panel prices the load that is being chosen, with the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from desktop.core.fit.trial import Trial
from desktop.ui.price.panel import PricePanel
from desktop.ui.tabs.library.view import LibraryPage
from tests.helpers.model_zoo import Spec, write_stub
from tests.helpers.window import RecordingContext
from tests.visual import data

MODEL = "little:q8_0"


@pytest.fixture
def page(context: RecordingContext, tmp_path: Path, qtbot: Any) -> Iterator[LibraryPage]:
    path = write_stub(tmp_path / "little.gguf", Spec("llama", layers=8, hidden=1024, heads=8))
    entry = {
        **data.entry(MODEL, 0.1, "Q8_0", 0.1, context_tokens=32_768, source="folder"),
        "path": str(path),
        "shard_paths": [str(path)],
    }
    context.client.models = [entry]
    page = LibraryPage(context)
    page.retranslate()
    page.resize(1300, 900)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.shown()
    qtbot.waitUntil(lambda: page.detail.entry is not None, timeout=15_000)
    yield page
    page.hidden()
    page.close()
    page.deleteLater()


def _exact(page: LibraryPage, qtbot: Any) -> PricePanel:
    panel = page.detail.price
    qtbot.waitUntil(lambda: panel._priced is not None and panel._priced.price.exact, timeout=20_000)
    return panel


def test_the_engine_replaces_the_formula_and_follows_what_is_chosen(
    page: LibraryPage, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = _exact(page, qtbot)
    assert panel.badge.verdict == "cpu" and panel.badge.isVisible()
    assert not panel._total.text().startswith("~")
    asked: list[object] = []
    exact = Trial.exact

    def counted(trial: Trial, wishes: Any) -> Any:
        asked.append(wishes)
        return exact(trial, wishes)

    monkeypatch.setattr(Trial, "exact", counted)
    before = panel._priced
    form = page.detail.form
    form.context.setFocus()
    for _ in range(5):
        qtbot.keyClick(form.context, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: panel._priced is not before)
    assert panel._priced is not None and not panel._priced.price.exact
    assert panel._total.text().startswith("~"), "the formula's figure says that it is one"
    _exact(page, qtbot)
    assert len(asked) == 1, "the engine is asked when the hands rest, not at each step"
    assert panel._priced.price.settings.context_tokens == form.context.value()
    assert panel.larger.isVisible() or panel.smaller.isVisible()


def test_beside_a_loaded_model_only_a_change_is_priced_and_stays_hatched(
    page: LibraryPage, context: RecordingContext, qtbot: Any
) -> None:
    _exact(page, qtbot)
    held = {"name": "CPU", "weights_bytes": 9 << 20, "kv_bytes": 8 << 20, "compute_bytes": 1 << 20}
    ready = data.loaded(MODEL, memory=[held], memory_bytes=18 << 20, estimate=None)
    context.link.tell("model.changed", ready)  # type: ignore[attr-defined]
    qtbot.waitUntil(page.detail.memory.isVisible)
    assert not page.detail.price.isVisible()
    page.detail.form.slots.setValue(3)
    assert page.detail.price.isVisible()
    panel = _exact(page, qtbot)
    segments = panel.bars.devices[0].bar.segments
    assert {each.kind for each in segments if each.preview} >= {"weights", "kv"}
    solid = {each.kind: each.size_bytes for each in segments if not each.preview}
    assert solid["kv"] == 8 << 20, "what it holds now is there already"


def test_a_file_that_is_gone_says_so(page: LibraryPage, qtbot: Any) -> None:
    panel = _exact(page, qtbot)
    Path(str(page.detail.entry["path"])).unlink()  # type: ignore[index]
    page.hidden()
    page.shown()
    qtbot.waitUntil(lambda: panel._error is not None, timeout=15_000)
    assert MODEL in panel.why.text() and not panel.badge.isVisible()
