"""What tests of recommendations share: the shipped catalogue, speeds, and short questions."""

from __future__ import annotations

from desktop.core.fit.candidates import Candidate, catalog_candidates
from desktop.core.fit.catalog import load_catalog
from desktop.core.fit.recommend import Ranking, Recommendation, Wish, choose, recommend
from desktop.core.fit.simulate import GPU, Machine, parse_machine
from desktop.core.fit.speed import DeviceSpeed, Speeds

CATALOG = load_catalog()
CANDIDATES, LEFT_OUT = catalog_candidates(CATALOG)
BY_NAME = {candidate.name: candidate for candidate in CANDIDATES}
RATES = {"cpu": 0.7, "cuda": 0.75}  # of the bandwidth


def _device(backend: str, gb_per_second: float) -> DeviceSpeed:
    per_byte = 1 / (gb_per_second * 1e9 * RATES[backend])
    return DeviceSpeed(
        build="",
        backend=backend,
        device=backend,
        memory=((1e9, per_byte),),
        decode={},
        prefill={},
        layer=1e-5,
        moe_layer=2e-5,
        source="seed_table",
    )


def speeds_of(machine: Machine) -> Speeds:
    """Speeds that follow from the bandwidths alone."""
    devices = {}
    if machine.ram_gb_per_second:
        devices["CPU"] = _device("cpu", machine.ram_gb_per_second)
    if machine.gpu is not None and machine.gpu.bandwidth_gb_per_second:
        devices[GPU] = _device("cuda", machine.gpu.bandwidth_gb_per_second)
    return Speeds(devices)


def ask(text: str, wish: Wish | None = None) -> Ranking:
    machine = parse_machine(text)
    return recommend(
        CANDIDATES,
        machine,
        speeds_of(machine),
        wish or Wish(),
        today=CATALOG.collected,
        left_out=LEFT_OUT,
        collected=CATALOG.collected,
    )


def one(name: str, text: str, wish: Wish | None = None) -> Recommendation:
    machine = parse_machine(text)
    answer = choose(BY_NAME[name], machine, speeds_of(machine), wish or Wish())
    assert isinstance(answer, Recommendation), answer
    return answer


def codes(answer: Recommendation) -> list[str]:
    return [reason.code for reason in answer.reasons]


def worth(candidate: Candidate, machine: Machine, wish: Wish) -> tuple[float, ...]:
    """How good the answer is; a tuple that compares."""
    answer = choose(candidate, machine, speeds_of(machine), wish)
    return answer.choice.worth(wish.speed) if isinstance(answer, Recommendation) else (-1.0,)
