"""Measured losses in the database, and what is made of them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from desktop.core.db import MIGRATIONS, Database
from desktop.core.fit.losses import LossStore, MeasuredLoss, read_losses
from desktop.core.paths import Paths, paths

LOSS = MeasuredLoss(0.03, 0.001, 0.93, 0.002, 20, "s", "t", "build")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Paths:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path))
    return paths().ensure()


def test_they_are_read_with_their_bands(home: Paths) -> None:
    assert read_losses(home) == {}
    database = Database(home.database, home.backups)
    LossStore(database).add("quick-1", LOSS)
    found = read_losses(home)["quick-1"]
    assert found.kld_mean.source == found.same_top_rate.source == "measured"
    assert found.kld_mean.low == pytest.approx(0.03 - 1.96 * 0.001)
    assert found.kld_mean.high == pytest.approx(0.03 + 1.96 * 0.001)
    assert found.same_top_rate.high == pytest.approx(0.93 + 1.96 * 0.002)
    assert found.level == "good"
    database.close()


def test_more_text_counts_more(home: Paths) -> None:
    database = Database(home.database, home.backups)
    store = LossStore(database)
    store.add("quick-1", LOSS)
    store.add("quick-1", replace(LOSS, kld_mean=0.5, chunks=5))
    assert read_losses(home)["quick-1"].kld_mean.value == 0.03
    store.add("quick-1", replace(LOSS, kld_mean=0.04))
    assert read_losses(home)["quick-1"].kld_mean.value == 0.04
    database.close()


def test_a_database_of_before_has_none(home: Paths) -> None:
    older = {number: MIGRATIONS[number] for number in range(1, 10)}
    Database(home.database, home.backups, older).close()
    assert read_losses(home) == {}
    Database(home.database, home.backups).close()
    with sqlite3.connect(home.database) as connection:
        assert connection.execute("SELECT COUNT(*) FROM measured_losses").fetchone() == (0,)
    connection.close()
