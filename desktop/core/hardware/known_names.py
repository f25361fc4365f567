"""Finding a device in the table of known ones by what people and drivers call it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.gpu_names import plain_name
from desktop.core.hardware.known import KnownGpu
from desktop.core.hardware.sources import GIB

# What people leave out of a name or put into it as they like.
_MAKERS = frozenset({"nvidia", "geforce", "rtx", "gtx", "amd", "ati", "radeon", "rx", "intel"})
_FILLERS = frozenset({"apple", "the", "gpu", "graphics"})
_SPLIT = re.compile(r"[\s_\-()+]+")
_BRACKETS = re.compile(r"\(([^)]*)\)")


def key_of(name: str) -> str:
    """A name without maker and separators: "RTX_4060-Ti 16GB" and "4060Ti 16gb" are the same."""
    joined = "".join(_tokens(name))
    for prefix in ("rtx", "gtx", "rx"):  # written in one piece with the number
        if joined.startswith(prefix):
            return joined.removeprefix(prefix)
    return joined


def matching(name: str, gpus: Iterable[KnownGpu], size_bytes: int | None) -> list[KnownGpu]:
    """Devices of this name; a size in their own name ("3060 12GB") may be left out.

    What stands in brackets may be left out on both sides, or stand alone: engines say "Radeon 8060S
    Graphics (RADV GFX1151)", and the table "Ryzen AI Max+ 395 (Radeon 8060S)".
    """
    listed = list(gpus)
    for wanted in (key_of(plain_name(name)), key_of(_BRACKETS.sub(" ", plain_name(name)))):
        found = _matching(wanted, listed, size_bytes) if wanted else []
        if found:
            return found
    return []


def with_known_figures(gpu: Gpu, gpus: Iterable[KnownGpu]) -> Gpu:
    """The GPU with what the table says of it: bandwidth where the driver told none, and compute."""
    found = matching(gpu.name, gpus, gpu.total_bytes)
    if len(found) != 1 or (found[0].unified_memory and not gpu.integrated):
        return gpu
    row = found[0]
    return replace(
        gpu,
        known_as=row.name,
        confidence=row.confidence,
        fp16_tflops=row.fp16_tflops,
        memory_bandwidth_gb_per_second=(
            gpu.memory_bandwidth_gb_per_second or row.bandwidth_gb_per_second
        ),
    )


def _matching(wanted: str, listed: list[KnownGpu], size_bytes: int | None) -> list[KnownGpu]:
    exact = [gpu for gpu in listed if key_of(gpu.name) == wanted]
    if exact:
        return exact[:1]
    found = [gpu for gpu in listed if _key_without_size(gpu.name) == wanted]
    if len(found) > 1 and size_bytes is not None:
        near = [gpu for gpu in found if _is_size(gpu, size_bytes)]
        return near or found
    return found or [gpu for gpu in listed if wanted in _aliases(gpu.name)]


def _tokens(name: str) -> list[str]:
    words = [word for word in _SPLIT.split(name.casefold()) if word]
    return [word for word in words if word not in _MAKERS and word not in _FILLERS]


def _key_without_size(name: str) -> str:
    words = _tokens(name)
    return "".join(words[:-1] if words and re.fullmatch(r"\d+gb", words[-1]) else words)


def _aliases(name: str) -> Iterator[str]:
    inside = _BRACKETS.search(name)
    if inside:
        yield key_of(_BRACKETS.sub(" ", name))
        if inside[1].casefold() != "igpu":
            yield key_of(inside[1])


def _is_size(gpu: KnownGpu, size_bytes: int) -> bool:
    # drivers tell a little less than what is sold
    return gpu.memory_gb is not None and abs(gpu.memory_gb - size_bytes / GIB) < 1
