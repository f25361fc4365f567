"""How far predictions were off: of loads' memory, by the engine's report, and of answers' speed."""

from __future__ import annotations

import json
import sqlite3
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from desktop.core.db import read_only
from desktop.core.fit.report import PARTS
from desktop.core.fit.speed_book import Run, SpeedBook
from desktop.core.hardware.facts import Deviation, LearnedFacts
from desktop.core.paths import Paths

# The latest decide: what older versions of the estimates got wrong is no concern of today's.
_LOADS = 200
_RUNS = 1000


def learned_facts(paths: Paths) -> LearnedFacts | None:
    """What the database shows; None where there is none yet.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    try:
        with read_only(paths.database) as connection:
            loads = memory_deviations(lambda sql: connection.execute(sql).fetchall())
    except FileNotFoundError:
        return None
    book = SpeedBook.open(paths)
    return LearnedFacts(
        calibrations=tuple(each.speed.device for each in book.calibrations),
        memory=loads,
        speed={test: speed_deviation(book.runs, test) for test in ("decode", "prefill")},
    )


def memory_deviations(query: Callable[[str], list[sqlite3.Row]]) -> dict[str, Deviation]:
    """By part ("total_bytes" and `PARTS`), over all devices of the latest loads."""
    errors: dict[str, list[float]] = {name: [] for name in ("total_bytes", *PARTS)}
    sql = f"SELECT predicted, real FROM loads ORDER BY id DESC LIMIT {_LOADS}"
    for row in query(sql):
        predicted, real = _sums(row["predicted"]), _sums(row["real"])
        if predicted is None or real is None:
            continue
        for name, found in errors.items():
            if real[name]:
                found.append(predicted[name] / real[name] - 1)
    return {name: _deviation(found, None) for name, found in errors.items()}


def _sums(text: str | None) -> dict[str, float] | None:
    """The parts over all devices of an estimate or of a report; None where it holds none."""
    try:
        data: Any = json.loads(text or "null")
        devices = data["devices"] if isinstance(data, dict) else data
        sums = {name: float(sum(device[name] for device in devices)) for name in PARTS}
    except (ValueError, KeyError, TypeError):
        return None  # no estimate was made, or another version wrote it
    return {**sums, "total_bytes": sum(sums.values())} if sum(sums.values()) else None


def speed_deviation(runs: Sequence[Run], test: str) -> Deviation:
    """Of what was predicted for the latest answers."""
    found = [run for run in runs if run.test == test and run.predicted is not None][-_RUNS:]
    errors, inside = [], 0
    for run in found:
        assert run.predicted is not None
        errors.append(run.predicted.value / run.real - 1)
        inside += run.predicted.low <= run.real <= run.predicted.high
    return _deviation(errors, inside / len(found) if found else None)


def _deviation(errors: Sequence[float], inside: float | None) -> Deviation:
    sizes = [abs(error) for error in errors]
    if not sizes:
        return Deviation(0, 0.0, 0.0, inside)
    return Deviation(len(sizes), statistics.fmean(sizes), max(sizes), inside)
