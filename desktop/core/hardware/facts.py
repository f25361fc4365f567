"""What `doctor` needs to know beside the hardware, and what it answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "info", "ok"]


@dataclass(frozen=True)
class RuntimeFacts:
    """The engine in use.

    Attributes:
        backends: what it was built with: "CPU", "CUDA", "ROCm" or "HIP", "Vulkan", "Metal", "SYCL".
        devices: the devices it lists itself, such as "CUDA0: NVIDIA GeForce RTX 4090 …".
        folder: where its tools lie.
    """

    id: str
    version: str
    backends: Sequence[str]
    devices: Sequence[str]
    folder: str = ""


@dataclass(frozen=True)
class LibraryFacts:
    """The local models.

    Attributes:
        models: how many there are, broken ones included.
        broken: names of those that cannot be loaded.
        models_folder: where new models go (one of the probe's `folders`).
        folder_problem: why nothing can be written there, in plain words; None where it can.
    """

    models: int
    broken: Sequence[str]
    models_folder: str
    folder_problem: str | None = None


@dataclass(frozen=True)
class ServiceFacts:
    """Paddock's service.

    Attributes:
        state: "running", "stopped" (nothing wrong: it starts when needed), "unreachable" (it runs
            and does not answer), "other_host" (another machine holds the data folder) or
            "other_version" (it is of another version than this program).
        detail: more about the state, in plain words.
        url: the public address, while it is on.
        loaded_models: how many models are in memory.
    """

    state: Literal["running", "stopped", "unreachable", "other_host", "other_version"]
    detail: str = ""
    url: str | None = None
    loaded_models: int = 0


@dataclass(frozen=True)
class SecretsFacts:
    """Where secrets lie: the system's "keychain", a "file" of mode 0600, or nowhere ("none")."""

    backend: Literal["keychain", "file", "none"]
    detail: str = ""


@dataclass(frozen=True)
class Deviation:
    """How far predictions were off, as parts of what really was (0.05: 5 %).

    Attributes:
        inside: the part of them that lay in the stated band; None where there was none.
    """

    count: int
    mean: float
    worst: float
    inside: float | None = None


@dataclass(frozen=True)
class LearnedFacts:
    """What real loads and answers showed so far.

    Attributes:
        calibrations: names of the devices whose speed was calibrated.
        memory: by part: "total_bytes", "weights_bytes", "kv_bytes", "compute_bytes".
        speed: by test: "decode", "prefill".
    """

    calibrations: Sequence[str] = ()
    memory: Mapping[str, Deviation] = field(default_factory=dict)
    speed: Mapping[str, Deviation] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One thing that decides how well models run here.

    Attributes:
        severity: "error": does not work; "warning": works worse than it could; "info": good to
            know; "ok": looked at and fine.
        code: its stable name; words and translations go by it.
        title, detail, remedy: what it is, why, and what to do; the remedy is empty where nothing
            need be done.
        params: the figures and names in the words, for translations.
    """

    severity: Severity
    code: str
    title: str
    detail: str
    remedy: str
    params: Mapping[str, str] = field(default_factory=dict)
