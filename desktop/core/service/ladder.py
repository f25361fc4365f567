"""What a load gives up, one step after another, when its engine runs out of memory all the same.

Only what Paddock decided itself: what somebody asked for is never made less behind their back.
"""

from __future__ import annotations

from dataclasses import replace

from desktop.core.engine.flags import LoadSettings
from desktop.core.events import Notice
from desktop.core.notices import notice
from desktop.core.service.load_request import LoadRequest

FEWEST_CONTEXT = 2048
_SMALLER_KV = {"f32": "f16", "f16": "q8_0", "bf16": "q8_0"}


def next_step(
    settings: LoadSettings, request: LoadRequest, layers: int | None
) -> tuple[LoadSettings, Notice] | None:
    """The settings with the next thing less, and what to tell of it; None at the foot.

    Args:
        layers: of the model, as far as known.
    """
    if request.slots is None and settings.slots > 1:
        slots = max(1, settings.slots // 2)
        return replace(settings, slots=slots), notice("oom_slots", slots=slots)
    smaller = _SMALLER_KV.get(settings.kv_type_k)
    if request.kv_type is None and smaller is not None and not settings.embedding:
        changed = replace(settings, kv_type_k=smaller, kv_type_v=smaller)
        return changed, notice("oom_kv", kv_type=smaller)
    if request.context_tokens is None and settings.context_tokens > FEWEST_CONTEXT:
        tokens = max(FEWEST_CONTEXT, settings.context_tokens // 2)
        return replace(settings, context_tokens=tokens), notice("oom_context", tokens=tokens)
    if request.gpu_layers is None and settings.gpu_layers != 0 and layers:
        placed = layers + 1 if settings.gpu_layers is None else settings.gpu_layers
        fewer = placed // 2
        return replace(settings, gpu_layers=fewer), notice("oom_gpu_layers", layers=fewer)
    return None
