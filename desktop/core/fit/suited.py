"""The other way round: which hardware would run a model as fast as wished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop.core.fit.candidates import Candidate, LeftOut
from desktop.core.fit.recommend import Choice, Wish, choose
from desktop.core.fit.simulate import Machine, simulated
from desktop.core.fit.speed import Speeds
from desktop.core.hardware.known import KnownGpu

# What machines are sold with; beyond it one builds a server.
RAM_GIB = (8, 16, 32, 64, 96, 128, 192, 256, 512)


@dataclass(frozen=True)
class Suited:
    """A GPU (or none) with the least RAM that runs the model, and how.

    Attributes:
        gpu: None: no GPU is needed.
    """

    gpu: KnownGpu | None
    ram_gib: int
    choice: Choice


def hardware_for(
    candidate: Candidate,
    wish: Wish,
    gpus: Sequence[KnownGpu],
    speeds_of: Callable[[Machine], Speeds],
    *,
    quant_type: str | None = None,
) -> tuple[Suited, ...]:
    """Hardware that runs a model as fast as wished without plain loss, the least memory first.

    Args:
        gpus: the known devices. One without a stated memory or bandwidth is left out.
        quant_type: only this file of it; otherwise each machine gets the best that it can run.

    Returns:
        Empty where nothing known is fast enough.

    Raises:
        AppError: HUB_QUANT_UNKNOWN, where the model has no such file.
    """
    wanted = candidate
    if quant_type is not None:
        wanted = candidate.only(quant_type)
    found = [_least(wanted, wish, None, speeds_of)]
    for gpu in gpus:
        if gpu.bandwidth_gb_per_second and (gpu.memory_gb or gpu.unified_memory):
            found.append(_least(wanted, wish, gpu, speeds_of))
    suited = [each for each in found if each is not None]
    return tuple(sorted(suited, key=_order))


def _least(
    candidate: Candidate, wish: Wish, gpu: KnownGpu | None, speeds_of: Callable[[Machine], Speeds]
) -> Suited | None:
    """The least RAM with which this GPU does what is wished; None: no RAM makes it do."""
    for ram in RAM_GIB:
        if gpu is not None and gpu.unified_memory and gpu.memory_gb and ram > gpu.memory_gb:
            return None
        machine = simulated(ram, gpu)
        answer = choose(candidate, machine, speeds_of(machine), wish)
        if isinstance(answer, LeftOut):
            continue
        choice = answer.choice
        if choice.decode is not None and choice.reaches(wish.speed) and choice.usable:
            return Suited(gpu, ram, choice)
    return None


def _order(each: Suited) -> tuple[float, float, float, str]:
    if each.gpu is None:
        return 0.0, float(each.ram_gib), 0.0, ""
    memory = each.ram_gib if each.gpu.unified_memory else each.gpu.memory_gb or 0.0
    return memory, each.gpu.bandwidth_gb_per_second or 0.0, float(each.ram_gib), each.gpu.name
