"""What this machine has shown of its speed: calibrations and real runs, kept in the database.

The service writes; everyone reads. A real run replaces a prediction for the same model with the
same settings, and corrects those for other models of its architecture on the same device.
"""

from __future__ import annotations

import json
import math
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from desktop.core.db import Database, read_only
from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.speed import DeviceSpeed, SpeedFigure
from desktop.core.paths import Paths

# Only the latest decide, and all of them are read at once (30 ms).
KEPT_RUNS = 5_000
_OF_MODEL = 20
_OF_ARCHITECTURE = 200

Query = Callable[[str], list[sqlite3.Row]]


@dataclass(frozen=True)
class Run:
    """Part of a real generation: reading its prompt ("prefill") or writing ("decode").

    Attributes:
        build, backend, device: what it ran on, as in `DeviceSpeed`.
        fingerprint: of the model's file.
        settings: `settings_key` of how it was loaded.
        tokens, depth: so many after so many; of a decode, `depth` is the mean.
        base: tokens per second as predicted without what was learned; None: no prediction.
        predicted: what was, or would have been, shown before it ran.
        real: tokens per second, by the engine's own clock.
    """

    build: str
    backend: str
    device: str
    fingerprint: str
    architecture: str
    settings: str
    test: str
    tokens: int
    depth: int
    real: float
    base: float | None = None
    predicted: SpeedFigure | None = None
    created: float = field(default_factory=time.time)


def settings_key(settings: LoadSettings) -> str:
    """The settings that change the speed of one request; equal texts, equal speeds."""
    kept = {
        "kv": [settings.kv_type_k, settings.kv_type_v],
        "layers": settings.gpu_layers,
        "device": settings.device,
        "ubatch": settings.ubatch,
        "batch": settings.batch,
        "threads": settings.threads,
        "flash_attention": settings.flash_attention,
        "experts_on_cpu": settings.experts_on_cpu,
        "extra": list(settings.extra),
    }
    beside = {
        "adapters": [each.path for each in settings.adapters],
        "draft": settings.draft,
        "draft_layers": settings.draft_gpu_layers,
        "ngram": settings.ngram,
    }
    kept |= {name: value for name, value in beside.items() if value not in (None, [])}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


class SpeedStore:
    """The writing side; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, speed: DeviceSpeed) -> None:
        """Store a calibration; it replaces an older one of the same build and device."""
        self._database.execute(
            "INSERT OR REPLACE INTO calibrations (build, backend, device, created, document) "
            "VALUES (?, ?, ?, ?, ?)",
            (speed.build, speed.backend, speed.device, time.time(), json.dumps(speed.to_dict())),
        )

    def add(self, runs: Sequence[Run]) -> None:
        """Store runs, all in one go, and forget the oldest beyond `KEPT_RUNS`."""
        rows = [_row(run) for run in runs]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO generations (created, build, backend, device, fingerprint, "
                "architecture, settings, test, tokens, depth, base, predicted, low, high, source, "
                "real) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            connection.execute(
                "DELETE FROM generations WHERE id <= (SELECT MAX(id) FROM generations) - ?",
                (KEPT_RUNS,),
            )

    def book(self) -> SpeedBook:
        return SpeedBook.read(self._database.query)


def _row(run: Run) -> tuple[object, ...]:
    shown = run.predicted
    band = (shown.value, shown.low, shown.high, shown.source) if shown else (None,) * 4
    return (
        *(run.created, run.build, run.backend, run.device, run.fingerprint, run.architecture),
        *(run.settings, run.test, run.tokens, run.depth, run.base, *band, run.real),
    )


def _run(row: sqlite3.Row) -> Run:
    shown = None
    if row["predicted"] is not None:
        shown = SpeedFigure(row["predicted"], row["low"], row["high"], row["source"])
    return Run(
        build=row["build"],
        backend=row["backend"],
        device=row["device"],
        fingerprint=row["fingerprint"],
        architecture=row["architecture"],
        settings=row["settings"],
        test=row["test"],
        tokens=row["tokens"],
        depth=row["depth"],
        real=row["real"],
        base=row["base"],
        predicted=shown,
        created=row["created"],
    )


@dataclass(frozen=True)
class Calibration:
    """A device's figures and when they were measured (seconds since 1970)."""

    speed: DeviceSpeed
    created: float


class SpeedBook:
    """A snapshot of everything measured here."""

    def __init__(self, calibrations: Iterable[Calibration] = (), runs: Iterable[Run] = ()) -> None:
        self.calibrations = tuple(calibrations)
        self.runs = tuple(runs)
        self._by_model: dict[tuple[str, ...], list[Run]] = defaultdict(list)
        self._by_architecture: dict[tuple[str, ...], list[Run]] = defaultdict(list)
        for run in self.runs:
            place = (run.build, run.backend, run.device, run.test)
            self._by_model[*place, run.fingerprint, run.settings].append(run)
            self._by_architecture[*place, run.architecture].append(run)

    @classmethod
    def read(cls, query: Query) -> SpeedBook:
        """Everything the database holds; what a newer version wrote otherwise is left out."""
        calibrations = []
        for row in query("SELECT created, document FROM calibrations ORDER BY created"):
            try:
                speed = DeviceSpeed.from_dict(json.loads(row["document"]))
            except (TypeError, ValueError, KeyError):
                continue
            calibrations.append(Calibration(speed, row["created"]))
        rows = query(f"SELECT * FROM generations ORDER BY id DESC LIMIT {KEPT_RUNS}")
        return cls(calibrations, (_run(row) for row in reversed(rows)))

    @classmethod
    def open(cls, paths: Paths) -> SpeedBook:
        """The same for others than the service; empty where there is no database yet.

        Raises:
            AppError: DATABASE_NEWER, DATABASE_BUSY.
        """
        try:
            with read_only(paths.database) as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version < 4:
                    return cls()
                return cls.read(lambda sql: connection.execute(sql).fetchall())
        except FileNotFoundError:
            return cls()

    def calibration(self, build: str, backend: str, device: str) -> Calibration | None:
        """Of this build, else the latest of another build on the same device."""
        same = [
            each
            for each in self.calibrations
            if each.speed.backend == backend and each.speed.device == device
        ]
        own = [each for each in same if each.speed.build == build]
        return max(own or same, key=lambda each: each.created, default=None)

    def of_model(self, place: tuple[str, str, str], test: str, model: str, key: str) -> list[Run]:
        """The latest runs of a model with these settings; `place`: build, backend, device."""
        return self._by_model.get((*place, test, model, key), [])[-_OF_MODEL:]

    def correction(
        self, place: tuple[str, str, str], test: str, architecture: str
    ) -> tuple[float, float, int] | None:
        """How real runs of an architecture differ from what was predicted for them.

        Only runs since the device was last calibrated count: what was predicted before came from
        other figures.

        Returns:
            The factor, the spread about it as a part of the value, and of how many models. Each
            model counts once, however much it is used; of few models only a part is believed.
        """
        by_model: dict[str, list[float]] = defaultdict(list)
        runs = self._by_architecture.get((*place, test, architecture), [])[-_OF_ARCHITECTURE:]
        calibration = self.calibration(*place)
        since = calibration.created if calibration else 0.0
        for run in runs:
            if run.base and run.created >= since and '"extra":[]' in run.settings:
                by_model[run.fingerprint].append(math.log(run.real / run.base))
        if not by_model:
            return None
        medians = [statistics.median(values) for values in by_model.values()]
        n = len(medians)
        middle = statistics.median(medians)
        shift = max(-math.log(2), min(math.log(2), middle * n / (n + 1)))
        spread = math.sqrt(statistics.fmean((each - middle) ** 2 for each in medians))
        return math.exp(shift), math.expm1(spread), n
