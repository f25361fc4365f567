"""Prices on a machine that is not this one, of models that are not here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from desktop.core.fit.candidates import Candidate
from desktop.core.fit.simulate import machine_of, seeded_speeds
from desktop.core.fit.trial import Place, PricedFile, Trial
from desktop.core.hardware.probe import Hardware
from desktop.ui.tabs.discover.world import Shelf, read_shelf

# The model of the catalogue whose layers a made-up entry of the library has.
_LIKE = {
    "gpt-oss-20b": "openai/gpt-oss-20b",
    "llama-3.3-70b": "meta-llama/Llama-3.3-70B-Instruct",
    "paddock-guide": "Qwen/Qwen3-0.6B",
    "embedding-0.6b": "Qwen/Qwen3-0.6B",
}
_ELSE = "Qwen/Qwen3-8B"

shelf = functools.cache(read_shelf)


class Trials:
    """Stands for `TrialSources`: the formula on the layers of a model of the catalogue."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware

    def local(self, entry: Mapping[str, Any], held: Mapping[str, int]) -> Trial:
        wanted = next((row for name, row in _LIKE.items() if name in entry["id"]), _ELSE)
        candidate = _candidate(shelf(), wanted)
        quant = str(entry["quant_type"])
        option = next((o for o in candidate.options if o.quant_type == quant), None)
        machine = machine_of(self._hardware)
        ram = self._hardware.ram
        totals = {"CPU": ram.total_bytes if ram else 0}
        if self._hardware.gpus:
            totals["GPU0"] = self._hardware.gpus[0].total_bytes or 0
        place = Place.of_machine(machine, seeded_speeds(machine), totals)
        return Trial(PricedFile.of_option(candidate, option or candidate.options[0]), place)


def _candidate(found: Shelf, name: str) -> Candidate:
    return next(each for each in found.candidates if each.id == name)
