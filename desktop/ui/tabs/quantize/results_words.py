"""What a job of the quant lab found, in words and figures: all translated here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop.ui import units
from desktop.ui.messages import joined, notice_words

Json = dict[str, Any]
translate = QCoreApplication.translate

NONE = "–"
_NAMES_SHOWN = 6  # of the tensors that fell back


def file_name(path: str) -> str:
    """The last part of a path of any system."""
    return path.replace("\\", "/").rpartition("/")[2]


def kld(value: float | None, like: float | None = None) -> str:
    """Three digits that tell something, at least four behind the point: 0.0182, 0.00321.

    Args:
        like: another value whose digits it has, as the ends of an interval have those of its mean.
    """
    if value is None:
        return NONE
    scale = abs(value if like is None else like)
    digits = 4 if scale == 0 else min(8, max(4, 2 - math.floor(math.log10(scale))))
    return f"{value:,.{digits}f}"


def interval(low: float | None, high: float | None, mean: float | None) -> str:
    """ "0.0178–0.0186": with as many digits as the mean has."""
    if low is None or high is None:
        return NONE
    return f"{kld(low, mean)}–{kld(high, mean)}"


def kld_with_interval(row: Mapping[str, Any]) -> str:
    """ "0.0182 (0.0178–0.0186)"."""
    mean, low, high = row.get("kld_mean"), row.get("kld_low"), row.get("kld_high")
    if low is None or high is None:
        return kld(mean)
    return f"{kld(mean)} ({interval(low, high, mean)})"


def size(size_bytes: float | None) -> str:
    """ "2.86 MiB": with a digit more than elsewhere, because these sizes are near one another."""
    if size_bytes is None:
        return NONE
    power = next((each for each in (1, 2, 3) if size_bytes < 1000 * 1024**each), 4)
    return f"{size_bytes / 1024**power:,.2f} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


def share(rate: float | None) -> str:
    return NONE if rate is None else f"{rate:.2%}".replace("%", "\u00a0%")


def with_error(value: float | None, error: float | None) -> str:
    """ "12.34 ± 0.12"; of large values whole numbers say enough."""
    if value is None:
        return NONE
    digits = 2 if value < 100 else 1 if value < 1000 else 0
    text = f"{value:,.{digits}f}"
    return text if error is None else f"{text} ± {error:,.{digits}f}"


def ratio(log: float | None) -> str:
    """Of perplexities, from the mean of the logarithm: "1.012"."""
    return NONE if log is None else f"{math.exp(log):,.4f}"


def bits(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def speed(value: float | None) -> str:
    """ "✓ 41.3": it is measured, or not there."""
    return NONE if value is None else f"✓\u00a0{units.speed(value)}"


def note(kind: str, *, recommended: bool) -> str:
    """What stands behind a row's name; empty for a file that was simply made."""
    told = {
        "base": translate("QuantResults", "the whole model"),
        "foreign": translate("QuantResults", "not made here"),
        "tried": translate("QuantResults", "tried, not kept"),
    }.get(kind, "")
    if not recommended:
        return told
    advised = translate("QuantResults", "recommended")
    return f"{told}, {advised}" if told else advised


def recommendation(result: Mapping[str, Any]) -> str:
    """The job's advice; empty where it gave none."""
    given = result.get("recommendation")
    if not given:
        return ""
    return notice_words({"text": given.get("label") or "", **given})


def fallbacks(names: list[str]) -> str:
    """Which tensors got another type than asked for, and why; empty where none did."""
    if not names:
        return ""
    if len(names) == 1:
        text = translate(
            "QuantResults",
            "One tensor got another type, because its rows do not divide into the type's blocks: "
            "{names}.",
        )
    else:
        text = translate(
            "QuantResults",
            "{count} tensors got another type, because their rows do not divide into the type's "
            "blocks: {names}.",
        )
    told = ", ".join(names[:_NAMES_SHOWN])
    if len(names) > _NAMES_SHOWN:
        told += " " + translate("QuantResults", "and {count} more").format(
            count=len(names) - _NAMES_SHOWN
        )
    return text.format(count=len(names), names=told)


def recipe_lines(recipe: Mapping[str, Any]) -> list[str]:
    """A recipe as people read it, one line for each thing it says."""
    lines = [translate("QuantResults", "Type: {type}").format(type=recipe.get("quant_type"))]
    if recipe.get("pure"):
        lines.append(translate("QuantResults", "The same type for all tensors"))
    if recipe.get("output_type"):
        text = translate("QuantResults", "Output tensor: {type}")
        lines.append(text.format(type=str(recipe["output_type"]).upper()))
    if recipe.get("embedding_type"):
        text = translate("QuantResults", "Token embedding: {type}")
        lines.append(text.format(type=str(recipe["embedding_type"]).upper()))
    for pattern, name in recipe.get("tensor_types") or ():
        text = translate("QuantResults", "{pattern}: {type}")
        lines.append(text.format(pattern=pattern, type=str(name).upper()))
    return lines


def plain(recipe: Mapping[str, Any]) -> bool:
    """Whether it is only a type, whose name says it all."""
    others = ("pure", "output_type", "embedding_type", "tensor_types")
    return not any(recipe.get(name) for name in others)


def figures(row: Mapping[str, Any]) -> str:
    """All of a row's figures in one sentence, for who does not see where its point is."""
    parts = [f"{row['label']}: {size(row['size_bytes'])}"]
    if row["kld_mean"] is not None:
        parts.append(translate("QuantResults", "KLD {value}").format(value=kld_with_interval(row)))
    if row["same_top_rate"] is not None:
        text = translate("QuantResults", "same top token {share}")
        parts.append(text.format(share=share(row["same_top_rate"])))
    if row["decode_tokens_per_second"] is not None:
        text = translate("QuantResults", "decode {speed} tok/s")
        parts.append(text.format(speed=speed(row["decode_tokens_per_second"])))
    return ", ".join(parts)


def measured_on(base: Mapping[str, Any] | None) -> str:
    """On how much of which text; that there was none where nothing was compared."""
    if base is None:
        return translate(
            "QuantResults",
            "The files were not compared with the whole model; only sizes are known.",
        )
    chunks, planned = base.get("chunks"), base.get("planned_chunks")
    count = units.count(chunks)
    if planned and planned != chunks:
        count = translate("QuantResults", "{chunks} of {planned}").format(
            chunks=count, planned=units.count(planned)
        )
    text = translate(
        "QuantResults",
        "Compared with the whole model on {count} chunks of {tokens} tokens of {text}.",
    ).format(
        count=count,
        tokens=units.count(base.get("context_tokens") or 512),
        text=file_name(str(base.get("text") or "")) or NONE,
    )
    text = joined(text, translate("QuantResults", "Intervals are 95 %; lower KLD is better."))
    return text.replace(" %", "\u00a0%")  # no line begins with the sign
