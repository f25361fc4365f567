"""The engine's dry runs, which tell what a recipe makes of a model without making it."""

from __future__ import annotations

import os
import struct
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from desktop.core.events import CancelToken
from quantize import recipe
from quantize.recipe import Planned, Recipe

_KEPT = 1024


class DryRuns:
    """The engine's dry runs, each made once; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], Planned] = OrderedDict()

    def of(
        self,
        quantizer: Path,
        source: Path,
        recipes: Sequence[Recipe],
        cancel: CancelToken,
        *,
        has_matrix: bool,
    ) -> list[Planned]:
        """What the recipes make of a model, in their order.

        Raises:
            AppError: ENGINE_TOOL_FAILED, CANCELLED.
        """
        keys = [(*_stamp(quantizer), *_stamp(source), each, has_matrix) for each in recipes]
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
        missing = {key: each for key, each in zip(keys, recipes, strict=True) if key not in found}
        if missing:
            with tempfile.TemporaryDirectory(prefix="paddock-plan-") as folder:
                matrix = _stand_in(Path(folder)) if has_matrix else None

                def ask(each: Recipe) -> Planned:
                    return recipe.plan(quantizer, source, each, cancel, imatrix=matrix)

                with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
                    found |= zip(missing, pool.map(ask, missing.values()), strict=True)
        with self._lock:
            self._kept |= found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return [found[key] for key in keys]


def _stamp(path: Path) -> tuple[str, int, int]:
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns


def _stand_in(folder: Path) -> Path:
    """A matrix of one value for no tensor: of a matrix a dry run only asks whether there is one,
    which decides the types of some tensors (`has_imatrix` in llama-quant.cpp)."""
    path = folder / "any.dat"  # the tool's older format, common_imatrix_load_legacy
    path.write_bytes(struct.pack("<ii1siif", 1, 1, b"-", 1, 1, 1.0))
    return path
