"""Recommendations as the JSON document of `paddock recommend`."""

from __future__ import annotations

from typing import Any

from desktop.cli.reasons import words
from desktop.core.fit.candidates import LeftOut, Reason
from desktop.core.fit.catalog import Catalog
from desktop.core.fit.recommend import Choice, Ranking, Recommendation


def document(ranking: Ranking, catalog: Catalog, limit: int) -> dict[str, Any]:
    """The whole answer."""
    wish, machine = ranking.wish, ranking.machine
    gpu = machine.gpu
    return {
        "use": wish.purpose,
        "context_tokens": wish.context_tokens,
        "wished_tokens_per_second": wish.speed,
        "machine": {
            "simulated": machine.simulated,
            "ram_bytes": machine.ram_bytes,
            "ram_gb_per_second": machine.ram_gb_per_second,
            "gpu": None
            if gpu is None
            else {
                "name": gpu.description,
                "available_bytes": gpu.available_bytes,
                "bandwidth_gb_per_second": gpu.bandwidth_gb_per_second,
                "unified_memory": gpu.unified,
            },
        },
        "catalog": {
            "date": catalog.collected.isoformat(),
            "sizes_date": catalog.sizes_collected.isoformat(),
        },
        "models": [_item(each) for each in ranking.items[:limit]],
        "left_out": [_left_out(each) for each in ranking.left_out],
    }


def _item(each: Recommendation) -> dict[str, Any]:
    candidate, row = each.candidate, each.candidate.row
    return {
        "id": candidate.id,
        "name": candidate.name,
        "repository": None if row is None else row.repository,
        **choice_document(each.choice),
        "license": None if row is None else row.license,
        "release": None if row is None else row.release,
        "flags": list(candidate.flags),
        "reasons": [_reason(reason) for reason in each.reasons],
    }


def choice_document(choice: Choice) -> dict[str, Any]:
    """What to load, what it needs, how fast it is and what it loses."""
    option, placement, settings = choice.option, choice.placement, choice.settings
    size = option.size
    return {
        "quant_type": option.quant_type,
        "size_bytes": {
            "value": size.value,
            "low": size.low,
            "high": size.high,
            "predicted": size.predicted,
        },
        "verdict": placement.verdict,
        "settings": {
            "context_tokens": settings.context_tokens,
            "kv_type": settings.kv_type_k,
            "gpu_layers": settings.gpu_layers,
            "experts_on_cpu": settings.experts_on_cpu,
        },
        "gpu_bytes": placement.gpu_bytes,
        "host_bytes": placement.host_bytes,
        "decode_tokens_per_second": None if choice.decode is None else choice.decode.to_dict(),
        "speed_class": choice.speed_class,
        "quality": None if option.loss is None or choice.embedding else option.loss.to_dict(),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {**reason.to_dict(), "text": words(reason.code, reason.params)}


def _left_out(each: LeftOut) -> dict[str, Any]:
    return {"id": each.id, "name": each.name, "reason": _reason(each.reason)}
