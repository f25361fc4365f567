"""What was predicted for a load beside what the engine reports of it, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.core.engine.allocations import DeviceMemory
from desktop.core.fit.estimate import Estimate

PARTS = ("weights_bytes", "kv_bytes", "compute_bytes")
# The engine does not report what the process takes beside its buffers.
UNREPORTED = ("overhead_bytes",)


def predicted_and_real(
    estimate: Estimate | None, memory: Sequence[DeviceMemory]
) -> list[dict[str, Any]]:
    """A row for each part over all devices: {"part", "predicted": figure, "real_bytes"}.

    Args:
        memory: empty where the engine has reported nothing yet.
    """
    rows = []
    for part in (*PARTS, *UNREPORTED):
        real = None
        if memory and part in PARTS:
            real = sum(int(getattr(device, part)) for device in memory)
        predicted = None if estimate is None else estimate.part(part).to_dict()
        rows.append({"part": part, "predicted": predicted, "real_bytes": real})
    return rows
