"""What files were measured to lose, kept in the database by their content.

The service writes; everyone reads. A file that was changed has another fingerprint, and what was
measured of it before counts no longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop.core.db import Database, read_only
from desktop.core.fit.quality import Loss, loss_of_shape, measured_loss
from desktop.core.gguf.shape import ModelShape
from desktop.core.library.variants import content_of
from desktop.core.paths import Paths

TABLE = "measured_losses"
_SINCE_VERSION = 10  # of the database
_SELECT = f"SELECT fingerprint, kld_mean, kld_error, same_top_rate, same_top_error FROM {TABLE}"


@dataclass(frozen=True)
class MeasuredLoss:
    """What a file lost against the whole model; errors are standard errors.

    Attributes:
        chunks: of 512 tokens that were compared.
        source_sha256, text_sha256: of the whole model and of the text.
    """

    kld_mean: float
    kld_error: float
    same_top_rate: float
    same_top_error: float
    chunks: int
    source_sha256: str
    text_sha256: str
    engine: str
    created: float = field(default_factory=time.time)


class LossStore:
    """The writing side; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, fingerprint: str, loss: MeasuredLoss) -> None:
        """Store what was measured; a measurement on more text stays as it is.

        Raises:
            AppError: DISK_FULL, DATABASE_BUSY.
        """
        values = {**vars(loss), "fingerprint": fingerprint}
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        changes = ", ".join(f"{name} = excluded.{name}" for name in vars(loss))
        self._database.execute(
            f"INSERT INTO {TABLE} ({names}) VALUES ({marks}) ON CONFLICT (fingerprint) "
            f"DO UPDATE SET {changes} WHERE excluded.chunks >= chunks",
            tuple(values.values()),
        )


def losses_in(rows: Callable[[str], Iterable[Any]]) -> dict[str, Loss]:
    """All of them by fingerprint.

    Args:
        rows: the rows of a SELECT in a database that has the table.
    """
    return {
        row["fingerprint"]: measured_loss(
            row["kld_mean"],
            row["same_top_rate"],
            kld_error=row["kld_error"],
            same_top_error=row["same_top_error"],
        )
        for row in rows(_SELECT)
    }


def loss_here(
    losses: Mapping[str, Loss], fingerprint: str | None, shape: ModelShape | None
) -> Loss | None:
    """What a file loses: as it was measured, else as it is expected by its tensors' types.

    Args:
        fingerprint: of its content, where all of it is here.
        shape: its layers; None where they are not known.
    """
    measured = losses.get(content_of(fingerprint)) if fingerprint else None
    if measured is not None:
        return measured
    # What makes vectors has no tokens to lose.
    return None if shape is None or shape.cacheless else loss_of_shape(shape)


def read_losses(paths: Paths) -> dict[str, Loss]:
    """The same for others than the service; empty where nothing was measured yet.

    Raises:
        AppError: DATABASE_NEWER, DATABASE_BUSY.
    """
    try:
        with read_only(paths.database) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] < _SINCE_VERSION:
                return {}
            return losses_in(lambda sql: connection.execute(sql).fetchall())
    except FileNotFoundError:
        return {}
