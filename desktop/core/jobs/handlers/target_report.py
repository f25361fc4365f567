"""How a job "target" tells of its search, and of what it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desktop.core.events import Progress, Reporter
from desktop.core.jobs.handlers.target_asked import Wanted
from quantize.recipe import Planned, Recipe
from quantize.target import Found
from quantize.trials import DECODE, PREFILL, Facts

Json = dict[str, Any]
# What a file that was made and judged says of itself, in the words of the job "quantize".
_FIGURES = (
    *("kld_mean", "kld_error", "kld_low", "kld_high", "kld_median", "kld_99"),
    *("same_top_rate", "same_top_error", "perplexity", "perplexity_error"),
    *("perplexity_ratio_log", "chunks", DECODE, PREFILL),
)


class Standing:
    """A reporter for what goes on inside of a trial: it tells how the search stands.

    Args:
        spent: seconds up to now, of `total`.
    """

    def __init__(self, reporter: Reporter, spent: Callable[[], float], total: float) -> None:
        self._reporter = reporter
        self._spent = spent
        self._total = total
        self._what = "looking at types"
        self._detail: Json = {}

    def tell(self, tried: int, loss: float | None, size_bytes: int | None) -> None:
        """A trial begins."""
        self._what, self._detail = "looking at types and tensors", {}
        if loss is not None and size_bytes is not None:
            size = (
                f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.2f} MB"
            )
            self._what = f"trial {tried + 1}, best KLD {loss:.4f} at {size}"
            self._detail = {"trial": tried + 1, "kld_mean": loss, "size_bytes": size_bytes}
        self._say()

    def judging(self) -> None:
        self._what, self._detail = "judging what was found", {}
        self._say()

    def progress(self, progress: Progress) -> None:
        self._say()

    def log(self, line: str) -> None:
        return None  # a line for each of many files says nothing to anybody

    def _say(self) -> None:
        spent = min(self._spent(), self._total)
        left = self._total - spent
        what = f"{self._what}, time left {int(left) // 60}:{int(left) % 60:02}"
        detail = {**self._detail, "seconds_left": left}
        self._reporter.progress(Progress(what, spent, self._total, "seconds", detail))


def result_of(
    wanted: Wanted, found: Found, judged: Json, made: Json, runs: Mapping[str, Planned]
) -> Json:
    """The part of the result that tells of the search.

    Args:
        judged: what was measured of what was found and of plain types, and which one was kept.
        made: the file that was kept, as `Made.to_dict`.
        runs: what the engine's dry runs say of them, by label.
    """
    mine, plain, best = judged["found"], judged["plain"], judged["best"]
    kept = judged["kept"] == wanted.label
    measured = {wanted.label: mine, **plain} if mine is not None else plain
    recipes = {name: Recipe(name) for name in plain}
    recipes |= {} if found.recipe is None else {wanted.label: found.recipe}
    rows = []
    for label, facts in measured.items():
        run, recipe = runs[label], recipes[label]
        file = {"path": None, "recipe": recipe.to_dict(), "size_bytes": facts["size_bytes"]}
        file |= {"bits_per_weight": run.bits_per_weight, "fallbacks": list(run.fallbacks)}
        file |= made if label == judged["kept"] else {}
        rows.append(_row(label, recipe.quant_type, facts, file))
    chosen = found.recipe if kept else Recipe(str(best))
    assert chosen is not None
    target = {
        "asked": wanted.asked,
        "tried": found.tried,
        "seconds": judged["seconds"],
        "plain": None if best is None else _figures(best, plain[best]),
        "found": _figures(wanted.label, mine) if kept else _figures(best, plain[best]),
        "better": kept,
        "recipe": chosen.to_dict(),
    }
    rival = None if best is None else (best, plain[best])
    return {
        "outputs": rows,
        "recommendation": _verdict(wanted.label, made["path"], mine if kept else None, rival),
        "target": target,
    }


def _row(label: str, quant_type: str, facts: Facts, file: Json) -> Json:
    """A file's row of the result; its path is None where it was not kept."""
    known = ("path", "recipe", "size_bytes", "bits_per_weight", "fallbacks", "seconds")
    return {
        "label": label,
        "quant_type": quant_type,
        "foreign": False,
        **{name: file.get(name) for name in known},
        **{name: facts.get(name) for name in _FIGURES},
    }


def _figures(label: str, facts: Facts) -> Json:
    """What was measured of a file, with its label."""
    figures = {name: facts.get(name) for name in _FIGURES}
    return {"label": label, "size_bytes": facts["size_bytes"], **figures}


def _verdict(label: str, path: str, mine: Facts | None, plain: tuple[str, Facts] | None) -> Json:
    """The recommendation: what the file is, and what it was held against."""
    if plain is None:
        assert mine is not None
        params: Json = {"label": label, "kld": mine["kld_mean"]}
        return {"path": path, "label": label, "code": "target_alone", "params": params}
    name, rival = plain
    params = {"label": label, "plain": name, "plain_kld": rival["kld_mean"]}
    if mine is None:
        return {"path": path, "label": name, "code": "target_plain", "params": params}
    params |= {"kld": mine["kld_mean"], "percent": 100 * (1 - mine["kld_mean"] / rival["kld_mean"])}
    return {"path": path, "label": label, "code": "target_found", "params": params}
