"""How far predictions were off so far, from what loads and answers left in the database."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.fit.learned import learned_facts
from desktop.core.fit.speed import SpeedFigure
from desktop.core.fit.speed_book import Run, SpeedStore
from desktop.core.hardware.doctor import examine
from desktop.core.hardware.facts import Deviation, LearnedFacts
from desktop.core.paths import paths
from tests.unit.hardware.test_hw_doctor import GOOD


def need(name: str, weights: int, kv: int, compute: int) -> dict[str, Any]:
    return {"name": name, "weights_bytes": weights, "kv_bytes": kv, "compute_bytes": compute}


def store_load(database: Database, predicted: Any, real: Any) -> None:
    database.execute(
        "INSERT INTO loads (created, runtime, fingerprint, architecture, settings, predicted, real)"
        " VALUES (?, '1', 'quick', 'llama', '{}', ?, ?)",
        (time.time(), json.dumps(predicted), json.dumps(real)),
    )


def run(test: str, predicted: float | None, real: float) -> Run:
    band = None
    if predicted is not None:
        band = SpeedFigure(predicted, predicted * 0.9, predicted * 1.1, "calibrated")
    return Run("b", "cpu", "d", "f", "llama", "{}", test, 64, 0, real, predicted, band)


def test_without_a_database_nothing_is_said(own_environment: Path) -> None:
    assert learned_facts(paths()) is None


def test_loads_and_answers_are_compared_with_what_was_predicted(own_environment: Path) -> None:
    where = paths().ensure()
    database = Database(where.database, where.backups)
    two = {"devices": [need("CPU", 100, 20, 10), need("CUDA0", 300, 60, 10)]}
    store_load(database, two, [need("CPU", 100, 20, 10), need("CUDA0", 300, 50, 20)])
    store_load(database, two, [need("CPU", 500, 80, 45)])
    store_load(database, None, [need("CPU", 1, 1, 1)])  # loaded without a price
    store_load(database, {"of": "another version"}, [need("CPU", 1, 1, 1)])
    store_load(database, two, [])  # the engine reported nothing
    store = SpeedStore(database)
    store.add([run("decode", 110, 100), run("decode", 100, 50), run("decode", None, 7)])
    store.add([run("prefill", 95, 100)])
    database.close()
    found = learned_facts(where)
    assert found is not None
    assert found.calibrations == ()
    assert found.memory["total_bytes"].count == 2
    assert found.memory["total_bytes"].mean == pytest.approx(0.1)
    assert found.memory["total_bytes"].worst == pytest.approx(0.2)
    assert found.memory["kv_bytes"].mean == pytest.approx((80 / 70 - 1) / 2)
    decode = found.speed["decode"]
    assert (decode.count, decode.inside) == (2, 0.5)
    assert decode.mean == pytest.approx((0.1 + 1.0) / 2)
    assert found.speed["prefill"].mean == pytest.approx(0.05)


def test_the_doctor_tells_the_errors_so_far() -> None:
    learned = LearnedFacts(
        ("A CPU × 4",),
        {"total_bytes": Deviation(12, 0.004, 0.021)},
        {"decode": Deviation(40, 0.071, 0.4, 0.9), "prefill": Deviation(30, 0.12, 0.5, 0.8)},
    )
    found = {each.code: each for each in examine(GOOD, runtime_known=False, learned_facts=learned)}
    assert "12 loads: off by 0.4 % on average, 2.1 % at most" in found["predictions_memory"].detail
    speed = found["predictions_speed"].detail
    assert "40 answers: generation off by 7.1 %" in speed
    assert "prompts by 12.0 %; 90.0 % were" in speed
    assert found["predictions_speed"].severity == "ok"
    assert "speed_not_calibrated" not in found


def test_the_doctor_says_how_to_calibrate() -> None:
    found = {e.code: e for e in examine(GOOD, runtime_known=False, learned_facts=LearnedFacts())}
    assert "paddock hw --calibrate" in found["speed_not_calibrated"].remedy
    assert "predictions_memory" not in found
    assert "predictions_speed" not in found
