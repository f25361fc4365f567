"""Benchmarks in words: tests, verdicts, conditions, warnings. All translated here."""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop.core.bench.compare import Difference, Ratio, Verdict
from desktop.ui import units

_STEP = re.compile(r"(prefill|decode) (\d+) @ (\d+)")
_LOAD_STEP = re.compile(r"load (\d+)\+(\d+) x (\d+)")
_VALUE_LIMIT = 60
# Told by the figures themselves, in the user's language: the document's own English is not shown.
_TOLD_BY_FIGURES = re.compile(r"(The repeats of .* spread by |\d+ requests were answered during )")
_UNSTEADY = 0.1  # as in core/bench/document.py

# What follows from another difference is not told twice: key → the keys that already say it.
_IMPLIED = {
    "model.fingerprint": ("model.id", "model.sha256"),
    "model.sha256": ("model.id",),
    "model.file": ("model.id",),
    "model.size_bytes": ("model.id", "model.quant_type"),
    "model.parameters": ("model.id",),
    "model.architecture": ("model.id",),
    "runtime.commit": ("runtime.version",),
    "runtime.id": ("runtime.version",),
    "machine.logical_cores": ("machine.cpu", "machine.physical_cores"),
    "machine.usable_cpus": ("machine.cpu", "machine.physical_cores", "machine.logical_cores"),
    "machine.os_release": ("machine.os",),
}


def translated(text: str) -> str:
    """A text of this page, in the language in use."""
    return QCoreApplication.translate("Bench", text)


def panel(test: str) -> str:
    return {
        "prefill": translated("Prefill"),
        "decode": translated("Decode"),
        "load": translated("Decode, several requests at once"),
    }[test]


def test(test: str, tokens: int, depth: int, concurrency: int, prompt: int | None) -> str:
    """The test within its panel: "512 tokens after 4,096"."""
    if test == "load":
        text = translated("{number} at once, {prompt} + {tokens} tokens")
        return text.format(
            number=concurrency, prompt=units.count(prompt or 0), tokens=units.count(tokens)
        )
    text = translated("{tokens} tokens after {depth}") if depth else translated("{tokens} tokens")
    return text.format(tokens=units.count(tokens), depth=units.count(depth))


def whole_test(name: str, tokens: int, depth: int, concurrency: int, prompt: int | None) -> str:
    """The test by itself: "Decode, 128 tokens"."""
    short = test(name, tokens, depth, concurrency, prompt)
    return (
        short
        if name == "load"
        else translated("{kind}, {test}").format(kind=panel(name), test=short)
    )


def step(what: str) -> str:
    """A job's progress text, as `runner.Test.name` makes it, in words."""
    if found := _STEP.fullmatch(what):
        return whole_test(found[1], int(found[2]), int(found[3]), 1, None)
    if found := _LOAD_STEP.fullmatch(what):
        return whole_test("load", int(found[2]), 0, int(found[3]), int(found[1]))
    if what.startswith("waiting"):
        return translated("Measuring waits until no answer is in progress")
    return translated("Storing the result") if what == "done" else what


def verdict(ratio: Ratio) -> str:
    """The ratio in words with its 95 % interval: "faster by 12 %, 8–16 %"."""
    return _verdict(ratio).replace(" %", "\u00a0%")  # no line begins with the sign


def _verdict(ratio: Ratio) -> str:
    value, low, high = ratio.value, ratio.low, ratio.high
    if ratio.verdict is Verdict.UNKNOWN or low is None or high is None:
        return translated("too few repeats to tell ({change})").format(change=_change(value))
    if ratio.verdict is Verdict.SAME:
        text = translated("no real difference ({low} to {high})")
        return text.format(low=_change(low), high=_change(high))
    if value >= 2:
        text = translated("{value} times as fast, {low}–{high}")
        return text.format(value=_times(value), low=_times(low), high=_times(high))
    if ratio.verdict is Verdict.FASTER:
        text, ends = (
            translated("faster by {value} %, {low}–{high} %"),
            (value - 1, low - 1, high - 1),
        )
    else:
        text, ends = (
            translated("slower by {value} %, {low}–{high} %"),
            (1 - value, 1 - high, 1 - low),
        )
    percents = [_percent(end) for end in ends]
    return text.format(value=percents[0], low=percents[1], high=percents[2])


def _times(value: float) -> str:
    return f"{value:,.1f}" if value < 1e6 else f"{value:.0e}"


def _percent(share: float) -> str:
    return f"{share * 100:,.{1 if abs(share) < 0.0995 else 0}f}"


def _change(ratio: float) -> str:
    if ratio >= 100:
        return f"×{_times(ratio)}"
    sign = "+" if ratio >= 1 else "−"
    return f"{sign}{_percent(abs(ratio - 1))} %"


def _labels() -> dict[str, str]:
    return {
        "machine.cpu": translated("Processor"),
        "machine.architecture": translated("Architecture"),
        "machine.physical_cores": translated("Cores"),
        "machine.logical_cores": translated("Logical cores"),
        "machine.usable_cpus": translated("CPUs usable"),
        "machine.ram_bytes": translated("Memory"),
        "machine.gpus": translated("GPUs"),
        "machine.os": translated("System"),
        "machine.os_release": translated("System version"),
        "machine.container": translated("Container"),
        "machine.power_saver": translated("Power saving"),
        "machine.bandwidth_gb_per_second": translated("Memory bandwidth in GB/s"),
        "runtime.id": translated("Engine"),
        "runtime.version": translated("Engine build"),
        "runtime.commit": translated("Engine commit"),
        "runtime.backends": translated("Backends"),
        "runtime.backends_used": translated("Backends used"),
        "runtime.devices": translated("Devices"),
        "settings.threads": translated("Threads"),
        "settings.kv_type_k": translated("KV cache, keys"),
        "settings.kv_type_v": translated("KV cache, values"),
        "settings.ubatch": translated("Micro-batch"),
        "settings.batch": translated("Batch"),
        "settings.gpu_layers": translated("Layers on the GPU"),
        "settings.experts_on_cpu": translated("Experts on the CPU"),
        "settings.device": translated("Device"),
        "settings.flash_attention": translated("Flash attention"),
        "settings.split_mode": translated("Split mode"),
        "settings.repeat": translated("Repeats"),
        "model.id": translated("Model"),
        "model.file": translated("File"),
        "model.fingerprint": translated("Content of the model"),
        "model.sha256": translated("SHA-256 of the model"),
        "model.size_bytes": translated("Model size"),
        "model.architecture": translated("Model architecture"),
        "model.quant_type": translated("Quant type"),
        "model.parameters": translated("Parameters"),
    }


def differences(found: tuple[Difference, ...]) -> list[tuple[str, str]]:
    """(what, the values "2 / 4") of everything that was not the same; what follows from another
    difference is left out."""
    labels, keys = _labels(), {each.key for each in found}
    told = []
    for each in sorted(found, key=lambda one: not one.key.startswith("model.")):
        if any(key in keys for key in _IMPLIED.get(each.key, ())):
            continue
        values = " / ".join(_value(each.key, value) for value in each.values)
        told.append((labels.get(each.key, each.key[:_VALUE_LIMIT]), values))
    return told


def _value(key: str, value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if key.endswith("_bytes") and isinstance(value, (int, float)):
        return units.size(value)
    if isinstance(value, list):
        names = [
            str(each.get("name", "?")) if isinstance(each, dict) else str(each) for each in value
        ]
        text = ", ".join(names)
    else:
        text = (
            {True: translated("yes"), False: translated("no")}[value]
            if isinstance(value, bool)
            else str(value)
        )
    return text if len(text) <= _VALUE_LIMIT else f"{text[: _VALUE_LIMIT - 1]}…"


def warnings(document: dict[str, Any]) -> list[str]:
    """What makes a result doubtful, in words."""
    told = []
    for result in document["results"]:
        what = whole_test(
            result["test"],
            result["tokens"],
            result["depth"],
            result["concurrency"],
            result.get("prompt_tokens"),
        )
        spread, mean = result["stddev"], result["tokens_per_second"]
        if spread is not None and mean > 0 and spread > _UNSTEADY * mean:
            text = translated("{test}: the repeats spread by {spread} %. Did something else run?")
            told.append(text.format(test=what, spread=f"{min(spread / mean * 100, 9999):,.0f}"))
        if requests := result.get("disturbed_requests"):
            text = translated(
                "{test}: {number} requests were answered meanwhile. It is slower than alone."
            )
            told.append(text.format(test=what, number=requests))
    others = [translated(text) for text in document["warnings"] if not _TOLD_BY_FIGURES.match(text)]
    return others + told


def refusal(params: dict[str, Any]) -> str:
    """Why `runner.plan` refuses these parameters, in the run bar's own words."""
    from desktop.core.bench.runner import MOST_AT_ONCE, MOST_TOKENS

    for name, label, low, high in (
        ("prompt", translated("Prompt tokens"), 0, MOST_TOKENS),
        ("gen", translated("Generated"), 0, MOST_TOKENS),
        ("depth", translated("Depth"), 0, MOST_TOKENS),
        ("concurrency", translated("At once"), 1, MOST_AT_ONCE),
    ):
        if any(not isinstance(each, int) or not low <= each <= high for each in params[name]):
            text = translated("{field}: whole numbers from {low} to {high}, separated by commas.")
            return text.format(field=label, low=units.count(low), high=units.count(high))
    prompts, gens = any(params["prompt"]), any(params["gen"])
    if not prompts and not gens:
        return translated("There is nothing to measure.")
    if max(params["concurrency"], default=1) > 1 and not (prompts and gens):
        return translated("Several at once need a prompt and generated tokens.")
    return translated("These are too many tests for one run.")
