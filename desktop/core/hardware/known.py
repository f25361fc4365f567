"""What others measured and makers state: speeds and specifications of devices, with their sources.

The files ship in `resources/known`, built by `packaging/known.py`. Nothing here was measured on
this machine: whoever shows a figure shows its source and status with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from desktop.core.paths import resources


class Status(StrEnum):
    """How directly a speed was read: at its source, or in somebody's copy of it."""

    READ = "read"
    TRANSCRIBED = "transcribed"


@dataclass(frozen=True)
class KnownSpeed:
    """A speed somebody published.

    Attributes:
        engine: what ran the model: "llama.cpp", "llamafile" or "ollama".
        backend: "cuda", "metal", "vulkan", "rocm", "cpu", …, as the source says; empty where it
            does not.
        model: the source's name of it, "Llama 2 7B".
        architecture, parameters: the GGUF's architecture and the parameters of the text model; two
            models with the same are equally fast. None where the source does not say which model.
        prefill_test, decode_test: the source's own words, "pp512" or "avg mixed pp".
        prefill_tokens, decode_tokens: of llama-bench's test at depth 0; None where the test was
            another one or is not known.
        build: the engine's build or the date, as the source says.
        notes: what makes it special, such as "partial CPU offload (model larger than VRAM)".
    """

    device: str
    vendor: str
    engine: str
    backend: str
    bandwidth_gb_per_second: float | None
    bandwidth_source: str
    model: str
    architecture: str | None
    parameters: int | None
    quant_type: str
    size_bytes: int | None
    prefill_test: str
    prefill_tokens: int | None
    prefill_tokens_per_second: float | None
    decode_test: str
    decode_tokens: int | None
    decode_tokens_per_second: float | None
    build: str
    source: str
    status: Status
    notes: str


@dataclass(frozen=True)
class KnownGpu:
    """A device's specification; what no source gives is None.

    Attributes:
        memory_gb: as it is sold; for unified memory the most that can be fitted.
        fp16_tflops: dense, without the tensor units, which have `fp16_tensor_tflops`.
        confidence: "read" where all figures stand in the sources, "mixed" or "remembered" where
            those named in `remembered` do not.
        notes: where sources disagree, among other things.
    """

    name: str
    vendor: str
    memory_gb: float | None
    unified_memory: bool
    bandwidth_gb_per_second: float | None
    fp16_tflops: float | None
    fp16_tensor_tflops: float | None
    power_watts: float | None
    year: int | None
    source: str
    confidence: str
    remembered: tuple[str, ...]
    notes: str


@dataclass(frozen=True)
class KnownSpeeds:
    """Every published speed, and the day they were collected."""

    collected: date
    speeds: tuple[KnownSpeed, ...]


@dataclass(frozen=True)
class KnownGpus:
    """Every device's specification, and the day they were collected."""

    collected: date
    gpus: tuple[KnownGpu, ...]


def known_speeds(folder: Path | None = None) -> KnownSpeeds:
    """The published speeds, in the order of their sources (2 ms: keep what you need).

    Args:
        folder: where `speeds.json` lies; the shipped one by default.
    """
    data = _read(folder, "speeds.json")
    rows = tuple(KnownSpeed(**{**row, "status": Status(row["status"])}) for row in data["speeds"])
    return KnownSpeeds(date.fromisoformat(data["date"]), rows)


def known_gpus(folder: Path | None = None) -> KnownGpus:
    """The devices' specifications.

    Args:
        folder: where `gpus.json` lies; the shipped one by default.
    """
    data = _read(folder, "gpus.json")
    rows = tuple(
        KnownGpu(**{**row, "remembered": tuple(row["remembered"])}) for row in data["gpus"]
    )
    return KnownGpus(date.fromisoformat(data["date"]), rows)


def _read(folder: Path | None, name: str) -> dict[str, Any]:
    path = (folder or resources() / "known") / name
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return data
