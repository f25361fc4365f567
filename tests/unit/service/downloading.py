"""What of the service downloads work with, for tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.errors import AppError
from desktop.core.gguf.reader import HeaderReader
from desktop.core.hub.download.retry import Patience
from desktop.core.jobs.handlers.download import DownloadKind
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import Job, JobTable
from desktop.core.paths import Paths
from desktop.core.secrets import Secrets, choose_backend
from desktop.core.service.downloads import Downloads
from desktop.core.service.models import Doing, Models
from desktop.core.settings import Settings, SettingsFile
from tests.helpers.gguf_files import tiny_llama
from tests.helpers.hub import LocalHub
from tests.unit.jobs.by_hand import Events

REPO = "maker/Tiny-GGUF"
HASTY = Patience(
    give_up_seconds=0.4,
    first_pause_seconds=0.02,
    longest_pause_seconds=0.05,
    longest_busy_seconds=0.4,
)


class Trials:
    """The kind that tries new models, as far as downloads see it."""

    name = "acceptance"
    needs: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def plan(self, params: dict[str, Any]) -> list[str]:
        self.asked.append(params)
        return []

    def run(self, context: JobContext) -> dict[str, Any]:
        return {}


class Service:
    """What of the service downloads work with."""

    def __init__(self, where: Paths, *, tests: bool = True) -> None:
        self.where = where.ensure()
        self.events = Events()
        self.file = SettingsFile(where.settings_file)
        self.database = Database(where.database, where.backups)
        self.reader = HeaderReader(where.cache / "headers", work_root=where.work)

        async def change(changes: dict[str, Any]) -> Settings:
            return self.file.change(changes)

        async def unused(*_: object) -> None:
            return None

        self.models = Models(
            where,
            self.database,
            self.reader,
            settings=lambda: self.file.settings,
            change_settings=change,
            publish=self.events.publish,
            doing=Doing(unused, lambda: pytest.fail("nobody asked the hub for this")),
        )
        self.table = JobTable(self.database)
        self.downloads = Downloads(
            where,
            self.database,
            self.models,
            self.reader,
            secrets=Secrets(lambda: choose_backend(where.secrets_file)),
            settings=lambda: self.file.settings,
            jobs=self.table,
            scheduler=lambda: self.scheduler,
        )
        self.tests = Trials()
        kind = DownloadKind(
            self.downloads,
            patience=HASTY,
            lost_seconds=0.0,
            ask_again_seconds=0.02,
        )
        kinds: dict[str, Any] = {"download": kind}
        if tests:
            kinds["acceptance"] = self.tests
        self.scheduler = Scheduler(self.table, kinds, self.events.publish)

    @property
    def cache(self) -> Path:
        return self.downloads.cache()

    async def pull(self, model: str = f"{REPO}:F16", **params: Any) -> Job:
        return await self.scheduler.submit("download", {"model": model, **params})

    async def got(self, model: str = f"{REPO}:F16", **params: Any) -> dict[str, Any]:
        """The result of a download that is to succeed."""
        ended = await self.events.ended(await self.pull(model, **params))
        assert ended["state"] == "done", ended["error"]
        result: dict[str, Any] = ended["result"]
        return result

    async def refused(self, model: str = f"{REPO}:F16", **params: Any) -> AppError:
        """Why a download fails."""
        ended = await self.events.ended(await self.pull(model, **params))
        assert ended["state"] == "failed", ended
        return AppError.from_dict(ended["error"])

    async def coming(self, job: Job) -> dict[str, Any]:
        """Bytes of the download have come, and more are to."""
        return await self.events.until(
            lambda name, data: (
                name == "job.progress"
                and data["id"] == job.id
                and 0 < data["progress"]["done"] < (data["progress"]["total"] or 0)
            )
        )

    def rows(self) -> dict[str, tuple[str, int]]:
        """What is remembered as Paddock's own: the path in the repository → hash and size."""
        rows = self.database.query("SELECT * FROM downloaded_files")
        return {row["repo_file"]: (row["sha256"], row["size_bytes"]) for row in rows}

    def parts(self) -> list[str]:
        return [path.name for path in self.cache.rglob("*.paddock-part*")]

    def blobs(self) -> set[str]:
        return {path.name for path in self.cache.rglob("blobs/*") if "paddock" not in path.name}


@contextlib.asynccontextmanager
async def serving(where: Paths, **options: Any) -> AsyncIterator[Service]:
    service = Service(where, **options)
    await service.models.scan()
    service.models.scanned.set()
    service.scheduler.start()
    try:
        yield service
    finally:
        await service.scheduler.stop()
        service.reader.close()
        service.database.close()


def model(tmp_path: Path, seed: int = 1, **options: Any) -> bytes:
    path = tiny_llama(seed=seed, name=f"Tiny {seed}", **options).write(tmp_path / f"{seed}.gguf")
    return path.read_bytes()


def content_of(result: dict[str, Any]) -> bytes:
    """What lies where the result says."""
    return Path(result["path"]).read_bytes()


def slow(hub: LocalHub) -> None:
    """So slow that a download of a model can be caught in the middle."""
    hub.faults.bytes_per_second = 300_000
