"""What a card and its panel say: sizes, makers, capabilities, reasons, doubts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from desktop.core.errors import AppError
from desktop.core.fit.candidates import Candidate, Reason
from desktop.ui import units
from desktop.ui.downloads import words as download_words
from desktop.ui.messages import message
from desktop.ui.models.downloads import Download

translate = QCoreApplication.translate


def model_size(candidate: Candidate) -> str:
    """ "8.2 B", "35 B, 3.0 B active"."""
    row = candidate.row
    if row is None:
        return units.parameters(round(candidate.effective_parameters))
    size = units.parameters(row.parameters)
    if row.active_parameters is None:
        return size
    text = translate("Discover", "{size}, {active} active")
    return text.format(size=size, active=units.parameters(row.active_parameters))


def maker(candidate: Candidate) -> str:
    row = candidate.row
    return candidate.id.partition("/")[0] if row is None else row.publisher


def licence(candidate: Candidate) -> str:
    row = candidate.row
    if row is None:
        return translate("Discover", "licence: see its page")
    return row.license or translate("Discover", "licence not known")


def about(candidate: Candidate) -> list[str]:
    """Maker, size, licence."""
    return [maker(candidate), model_size(candidate), licence(candidate)]


def more_about(candidate: Candidate) -> list[str]:
    """Release, context, downloads: for the panel."""
    found = []
    if candidate.released is not None:
        year, month = candidate.released
        found.append(translate("Discover", "released {date}").format(date=f"{year}-{month:02}"))
    if candidate.context_tokens:
        tokens = units.count(candidate.context_tokens)
        found.append(translate("Discover", "trained for {tokens} tokens").format(tokens=tokens))
    if candidate.downloads:
        count = units.count(candidate.downloads)
        found.append(translate("Discover", "{count} downloads a month").format(count=count))
    return found


def capabilities(candidate: Candidate) -> list[str]:
    """Chips: what it is made for."""
    if candidate.row is None:  # nobody told us
        return []
    known = {
        "chat": translate("Discover", "Chat"),
        "code": translate("Discover", "Code"),
        "reasoning": translate("Discover", "Reasoning"),
        "vision": translate("Discover", "Vision"),
        "tools": translate("Discover", "Tools"),
        "translation": translate("Discover", "Translation"),
        "embedding": translate("Discover", "Embeddings"),
        "rerank": translate("Discover", "Reranking"),
    }
    found = [known[each] for each in candidate.capabilities if each in known]
    if "ja" in candidate.languages:
        found.append("日本語")
    return found


def flags(candidate: Candidate) -> list[str]:
    """What makes its figures doubtful."""
    words = {
        "remembered": translate("Discover", "Some of its figures are remembered, not read."),
        "dims_of_sibling": translate(
            "Discover", "Its shape is that of a sibling of the same size."
        ),
        "memory_rough": translate(
            "Discover", "Its working memory is that of a similar architecture."
        ),
    }
    return [words[flag] for flag in candidate.flags_shown]


def _rate(params: Mapping[str, Any]) -> str:
    return f"~{params['tokens_per_second']:,.0f}"


_REASONS: dict[str, object] = {
    "fits_gpu": QT_TRANSLATE_NOOP("Discover", "Fits on the GPU whole ({need} of {room})"),
    "experts_on_cpu": QT_TRANSLATE_NOOP(
        "Discover", "Its experts lie in RAM ({host}), the rest on the GPU ({gpu})"
    ),
    "partial": QT_TRANSLATE_NOOP("Discover", "{layers} of {n_layers} layers fit on the GPU"),
    "cpu": QT_TRANSLATE_NOOP("Discover", "Runs in RAM ({need} of {room})"),
    "fast_enough": QT_TRANSLATE_NOOP("Discover", "{rate} tok/s: speed class {class}"),
    "slower_than_wished": QT_TRANSLATE_NOOP(
        "Discover", "{rate} tok/s: slower than the {wished} wished for"
    ),
    "speed_unknown": QT_TRANSLATE_NOOP(
        "Discover", "How fast is not known: nobody measured such a device"
    ),
    "native_type": QT_TRANSLATE_NOOP(
        "Discover", "Trained in {quant}: this file is the whole model"
    ),
    "loss_near_lossless": QT_TRANSLATE_NOOP(
        "Discover", "Loses next to nothing (the same top token in ~{same} %)"
    ),
    "loss_good": QT_TRANSLATE_NOOP("Discover", "Loses little (the same top token in ~{same} %)"),
    "loss_visible": QT_TRANSLATE_NOOP(
        "Discover", "Loses visibly (the same top token in ~{same} %)"
    ),
    "loss_strong": QT_TRANSLATE_NOOP("Discover", "Loses much (the same top token in ~{same} %)"),
    "loss_broken": QT_TRANSLATE_NOOP(
        "Discover", "Hardly the same model any more (the same top token in ~{same} %)"
    ),
    "smaller_cache": QT_TRANSLATE_NOOP("Discover", "With the KV cache in {kv_type}"),
    "better_needs_memory": QT_TRANSLATE_NOOP(
        "Discover", "{quant} loses less and is {bytes} larger: it does not fit"
    ),
    "better_is_slower": QT_TRANSLATE_NOOP("Discover", "{quant} loses less at {rate} tok/s"),
    "context_too_long": QT_TRANSLATE_NOOP(
        "Discover", "Was trained for {trained} tokens of context"
    ),
    "too_large": QT_TRANSLATE_NOOP("Discover", "Does not fit: {quant} alone has {size} of {room}"),
    "engine_must_tell": QT_TRANSLATE_NOOP(
        "Discover", "Only the engine can price its cache, from its file's header"
    ),
}


def reason(why: Reason) -> str:
    """One of `recommend`'s reasons."""
    text = translate("Discover", str(_REASONS[why.code])) if why.code in _REASONS else why.code
    params = dict(why.params)
    shown: dict[str, Any] = {**params}
    for key, name in (
        ("need_bytes", "need"),
        ("room_bytes", "room"),
        ("host_bytes", "host"),
        ("gpu_bytes", "gpu"),
        ("size_bytes", "size"),
        ("bytes", "bytes"),
    ):
        if key in params:
            shown[name] = units.size(params[key])
    if "tokens_per_second" in params:
        shown["rate"] = _rate(params)
    if "wished" in params:
        shown["wished"] = f"{params['wished']:,.0f}"
    if "same_top_rate" in params:
        shown["same"] = f"{100 * params['same_top_rate']:.0f}"
    if "trained" in params:
        shown["trained"] = units.count(params["trained"])
    if params.get("class") == "slow":
        shown["class"] = translate("Discover", "slow")
    return text.format_map(shown)


def sentences(parts: Iterable[str]) -> str:
    """One after the other, each but the last with its full stop."""
    return translate("Discover", ". ").join(part.rstrip(".。") for part in parts)


def on_its_way(download: Download | None) -> str:
    """Where a download stands, in a short line."""
    if download is None:
        return translate("Discover", "Asking for it…")
    stage = download_words.stage(download)
    if download.stage == "downloading" and download.share is not None:
        return download_words.short_figures(download)
    return download_words.joined([stage, download_words.short_figures(download)])


def failure(error: AppError | None) -> str:
    return "" if error is None else message(error).title


def why(reasons: tuple[Reason, ...] | list[Reason]) -> list[str]:
    return [reason(each) for each in reasons]
