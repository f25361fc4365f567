"""A service whose library holds models as downloads leave them, without downloading."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from desktop.core.db import Database
from desktop.core.library.notes import DownloadedFile
from desktop.core.paths import paths
from tests.helpers.hub_cache import remember
from tests.helpers.service import RunningService, running_service


@contextmanager
def service_with(home: Path, *rows: DownloadedFile, **environ: str) -> Iterator[RunningService]:
    """A service that takes these files for its own downloads; its models lie where HOME says."""
    where = paths({"PADDOCK_HOME": str(home)}).ensure()
    database = Database(where.database, where.backups)
    remember(database, *rows)
    database.close()
    with running_service(home, environ) as service:
        yield service


def stored_paths(service: RunningService) -> set[str]:
    """What the service remembers to have fetched."""
    with closing(sqlite3.connect(f"file:{service.paths.database}?mode=ro", uri=True)) as database:
        return {row[0] for row in database.execute("SELECT path FROM downloaded_files")}
