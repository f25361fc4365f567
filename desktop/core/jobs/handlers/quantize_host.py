"""What making and comparing files needs of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.events import CancelToken
from desktop.core.fit.estimate import Estimate
from desktop.core.fit.losses import MeasuredLoss


@dataclass(frozen=True)
class Priced:
    """How a file would be loaded on this machine with nothing else in its memory.

    Attributes:
        estimate: None where the engine cannot plan it.
    """

    settings: LoadSettings
    estimate: Estimate | None
    fits: bool


class Host(Protocol):
    """Called in worker threads. `files` are one model's: of a split one all parts."""

    def price(self, files: Sequence[Path], runtime: Runtime, cancel: CancelToken) -> Priced: ...

    def keep(
        self,
        files: Sequence[Path],
        loss: MeasuredLoss | None,
        speeds: Mapping[str, tuple[int, float]],
        priced: Priced,
        runtime: Runtime,
    ) -> None:
        """Remember what was measured of a file, for every estimate of it from now on.

        Args:
            loss: None where it says nothing of the model at 16 bits.
            speeds: by test ("prefill", "decode") its tokens and tokens per second.

        Raises:
            AppError: DISK_FULL, DATABASE_BUSY.
        """
