"""A job table on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.db import Database
from desktop.core.jobs.table import JobTable


@pytest.fixture
def table(tmp_path: Path) -> Iterator[JobTable]:
    database = Database(tmp_path / "p.db", tmp_path / "backups")
    yield JobTable(database)
    database.close()
