"""The page in words: what a job does, how long it takes, what is missing, what is doubtful."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop.core.errors import AppError, ErrorCode
from desktop.core.notices import NOTICES
from desktop.ui import units
from desktop.ui.messages import Message, message, notice_words
from desktop.ui.tabs.quantize.wish import stem

Json = dict[str, Any]
translate = QCoreApplication.translate
_CODES = {code.value for code in ErrorCode}
_NAMED = re.compile(r"(quantizing to|evaluating|converting to|downloading) (.+)")
_TRIAL = re.compile(r"trial (\d+), best KLD ([\d.]+) at (.+)")
_TIME_LEFT = re.compile(r", time left \d+:\d+$")  # it is told by the figures
# What can be agreed to, and so keeps nothing from being done.
_AGREED = frozenset({"quantize_again", "imatrix_needed", "output_exists"})
_MINUTE, _HOUR = 60, 3600


def time_budget(seconds: float) -> str:
    """ "15 min", "2 h": of a choice."""
    if seconds < _HOUR:
        return f"{round(seconds / _MINUTE)} min"
    return f"{round(seconds / _HOUR)} h"


def expected_time(estimate: Mapping[str, Any] | None) -> str:
    """ "~12 min, 9 min–16 min"."""
    if estimate is None:
        return "–"
    value, low, high = (units.duration(estimate[name]) for name in ("value", "low", "high"))
    mark = "✓ " if estimate.get("source") == "measured" else "~"
    return f"{mark}{value}" if low == high else f"{mark}{value}, {low}–{high}"


def bits(bits_per_weight: float | None) -> str:
    return "–" if bits_per_weight is None else f"{bits_per_weight:.2f}"


def files(count: int) -> str:
    one, many = translate("Quantize", "1 file"), translate("Quantize", "{count} files")
    return one if count == 1 else many.format(count=count)


def file_name(path: str | None) -> str:
    return "" if not path else Path(path).name


# --- jobs -----------------------------------------------------------------------------------------


def job_title(job: Json) -> str:
    """ "qwen3-8b-f16 → Q8_0, Q4_K_M"."""
    params = job["params"]
    checkpoint = params.get("checkpoint") or {}
    source = checkpoint.get("repo") or checkpoint.get("path")
    source = source or params.get("repo") or params.get("path") or ""
    if job["kind"] == "toolkit":
        removing = translate("Quantize", "Removing the converter")
        return removing if params.get("remove") else translate("Quantize", "Converter")
    name = stem(str(source)) if not _on_hub(params) else str(source)
    goal = _goal(job)
    return f"{name} → {goal}" if goal else name


def _on_hub(params: Json) -> bool:
    return bool(params.get("repo") or (params.get("checkpoint") or {}).get("repo"))


def _goal(job: Json) -> str:
    params = job["params"]
    if job["kind"] == "target":
        if params.get("most_bytes"):
            text = translate("Quantize", "best under {size}")
            return text.format(size=units.size(params["most_bytes"]))
        text = translate("Quantize", "best at {speed} tok/s or more")
        return text.format(speed=units.speed(params.get("least_tokens_per_second")))
    if job["kind"] == "quantize":
        recipes = params.get("recipes") or []
        named = [str(each.get("name") or each.get("quant_type")) for each in recipes]
        return ", ".join([*map(str, params.get("types") or []), *named])
    return file_name(params.get("output"))


def head(what: str) -> str:
    """A job's progress text without what changes all the time."""
    return _TIME_LEFT.sub("", what)


def step(what: str) -> str:
    """A job's progress text in words; one that is not known here as it is."""
    what = head(what)
    known = {
        "reading the model": translate("Quantize", "Reading the model"),
        "importance matrix": translate("Quantize", "Computing the importance matrix"),
        "evaluating the whole model": translate("Quantize", "Asking the whole model"),
        "reading the checkpoint": translate("Quantize", "Reading the checkpoint"),
        "looking up the packages": translate("Quantize", "Looking up the converter's packages"),
        "making an environment": translate("Quantize", "Making a place for the converter"),
        "getting the converter": translate("Quantize", "Getting the converter"),
        "installing torch and others": translate("Quantize", "Installing torch and others"),
        "trying the converter": translate("Quantize", "Trying the converter"),
        "measuring speed": translate("Quantize", "Measuring its speed"),
        "looking at types": translate("Quantize", "Looking at plain types"),
        "looking at types and tensors": translate("Quantize", "Looking at types and tensors"),
        "judging what was found": translate("Quantize", "Judging what was found"),
        "merging": translate("Quantize", "Merging"),
        "splitting": translate("Quantize", "Splitting"),
        "joining": translate("Quantize", "Joining the parts"),
        "joining the parts": translate("Quantize", "Joining the parts"),
    }
    if what in known:
        return known[what]
    if what.startswith("waiting"):
        return translate("Quantize", "Waiting until no answer is in progress")
    if (trial := _TRIAL.fullmatch(what)) is not None:
        text = translate("Quantize", "Trial {number}; the best so far: KLD {loss} at {size}")
        return text.format(number=trial[1], loss=trial[2], size=trial[3])
    found = _NAMED.fullmatch(what)
    if found is None:
        return what
    text = {
        "quantizing to": translate("Quantize", "Quantizing to {name}"),
        "evaluating": translate("Quantize", "Comparing {name} with the whole model"),
        "converting to": translate("Quantize", "Converting to {name}"),
        "downloading": translate("Quantize", "Downloading {name}"),
    }[found[1]]
    return text.format(name=found[2])


def amount(done: float, total: float | None, unit: str) -> str:
    """ "120 of 291 tensors", "1.2 GiB of 4.7 GiB"."""
    if not total:
        return ""
    if unit == "seconds":
        return ""  # the time that is left says it
    if unit == "bytes":
        return translate("Quantize", "{done} of {total}").format(
            done=units.size(done), total=units.size(total)
        )
    text = {
        "tensors": translate("Quantize", "{done} of {total} tensors"),
        "chunks": translate("Quantize", "{done} of {total} chunks"),
        "tests": translate("Quantize", "{done} of {total} tests"),
    }.get(unit, translate("Quantize", "{done} of {total}"))
    return text.format(done=units.count(done), total=units.count(total))


# --- what is missing and what is doubtful ---------------------------------------------------------


def missing(code: str, params: Mapping[str, str]) -> str:
    """Why nothing can be started; see `QuantizePresenter.missing`."""
    words = {
        "offline": translate("Quantize", "The service does not answer."),
        "source": translate("Quantize", "Choose what to quantize."),
        "target_checkpoint": translate(
            "Quantize", "A target is searched for with a GGUF file: convert the checkpoint first."
        ),
        "types": translate("Quantize", "Choose at least one type."),
        "matrix": translate("Quantize", "Choose the text or the matrix."),
        "matrix_needed": translate("Quantize", "{types} cannot be made without a matrix."),
        "text": translate("Quantize", "Choose the text to compare on."),
        "planning": translate("Quantize", "Working out what it will be."),
        "again": translate("Quantize", "Agree to quantizing it again."),
        "pickle": translate("Quantize", "Agree to reading pickles."),
        "replace": translate("Quantize", "Agree to replacing files, or choose another folder."),
        "room": translate("Quantize", "{need} are needed on the disk and {free} are free."),
        "problem": "{title}",
    }
    return words[code].format_map(params)


def blocks(warning: Mapping[str, Any]) -> bool:
    """Whether a warning of a plan keeps it from being done, whatever is agreed to."""
    code = str(warning["code"])
    return code in _CODES and code not in _AGREED


def told_elsewhere(warning: Mapping[str, Any]) -> bool:
    """Whether it stands where it can be agreed to: in a card, or below the files."""
    return str(warning["code"]) in {*_AGREED, ErrorCode.CHECKPOINT_PICKLED.value}


def doubt(warning: Mapping[str, Any]) -> Message:
    """A warning of a plan: a code of an error or of a notice, with its params."""
    code, params = str(warning["code"]), dict(warning.get("params") or {})
    if code in _CODES:
        return message(AppError(ErrorCode(code), **params))
    if code in NOTICES:
        return Message(notice_words({"code": code, "params": params, "text": code}), "", "")
    return Message(code, "", "")
