"""The result of a benchmark, made of its tests, with all that makes it doubtful."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from desktop.core.bench.schema import NAME_LIMIT, SCHEMA, Document, tidy
from desktop.core.gguf.words import clean
from desktop.core.library.entry import ModelEntry

# A spread of the repeats beyond this part of the mean is told.
_UNSTEADY = 0.1


def make_document(
    entry: ModelEntry,
    steps: Sequence[dict[str, Any]],
    *,
    fingerprint: dict[str, Any],
    sha256: str | None,
    name: str | None,
    warnings: Sequence[str],
    now: float | None = None,
) -> Document:
    """The result of a job's steps (what `runner.run_test` returned, with "disturbed_requests")."""
    created = time.time() if now is None else now
    results = [
        {**step["result"], "disturbed_requests": step["disturbed_requests"]} for step in steps
    ]
    disturbed = sum(step["disturbed_requests"] for step in steps)
    summary = entry.summary
    stamp = time.strftime("%Y-%m-%d %H:%M", time.localtime(created))
    document: Document = tidy(
        {
            "schema": SCHEMA,
            "name": clean(name or f"{entry.id}, {stamp}", NAME_LIMIT),
            "created": created,
            "model": {
                "id": entry.id,
                "file": entry.path.name.replace("\\", "_"),
                "fingerprint": entry.fingerprint,
                "sha256": sha256,
                "size_bytes": entry.size_bytes,
                "architecture": summary.architecture if summary else None,
                "quant_type": summary.quant_type if summary else None,
                "parameters": summary.parameters if summary else None,
            },
            "results": results,
            "fingerprint": fingerprint,
            "disturbed": {"requests": disturbed} if disturbed else None,
            "warnings": [*warnings, *_doubts(results)],
        }
    )
    return document


def device_of(document: Document) -> str | None:
    """What the run was computed on: the devices of the engine, else the processor.

    An imported document may say anything, or nothing: None then.
    """
    conditions = document["fingerprint"]
    machine, runtime, settings = (
        conditions["machine"],
        conditions["runtime"],
        conditions["settings"],
    )
    devices = [each for each in _list(runtime.get("devices")) if isinstance(each, dict)]
    asked = str(settings.get("device") or "")
    chosen = [each for each in devices if str(each.get("name")) in asked.split("/")]
    names = [
        str(each.get("description") or each.get("name"))
        for each in chosen or devices
        if each.get("description") or each.get("name")
    ]
    if names and settings.get("gpu_layers") != 0 and asked != "none":
        return ", ".join(dict.fromkeys(names))
    cpu = machine.get("cpu")
    return str(cpu) if cpu else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _doubts(results: Sequence[dict[str, Any]]) -> list[str]:
    found = []
    for result in results:
        what = f"{result['test']} {result['tokens']} at depth {result['depth']}"
        if result["test"] == "load":
            what = f"load of {result['concurrency']}"
        spread, mean = result["stddev"], result["tokens_per_second"]
        if spread is not None and mean > 0 and spread > _UNSTEADY * mean:
            found.append(
                f"The repeats of {what} spread by {spread / mean:.0%} (standard deviation): "
                "something else may have used the machine. The median is the safer figure."
            )
        if result["disturbed_requests"]:
            found.append(
                f"{result['disturbed_requests']} requests were answered during {what}: "
                "it is slower than it would be alone."
            )
    return found
