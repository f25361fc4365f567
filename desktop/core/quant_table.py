"""The result of quantizing as a table: the same rows in the terminal, the window and in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.core.exports import csv_lines, markdown_table, markdown_text
from desktop.core.notices import notice

Json = dict[str, Any]

_GIB = 1 << 30
_FIGURES = (
    "size_bytes",
    "bits_per_weight",
    "kld_mean",
    "kld_error",
    "kld_low",
    "kld_high",
    "kld_median",
    "kld_99",
    "same_top_rate",
    "same_top_error",
    "perplexity",
    "perplexity_error",
    "perplexity_ratio_log",
    "chunks",
    "prefill_tokens_per_second",
    "decode_tokens_per_second",
    "seconds",
)
_SHARED = ("source", "source_sha256", "engine", "text")
CSV_COLUMNS = ("label", "kind", "recommended", "file", *_FIGURES, "fallbacks", *_SHARED)


def table_rows(result: Mapping[str, Any]) -> list[Json]:
    """A row for the whole model where it was evaluated, then one for each file, the largest first.

    Returns:
        For each: "label"; "kind", which is "base" (the whole model), "made", "foreign" (another
        file of the same model) or "tried" (made to compare with, not kept); "recommended"; "path"
        and "file", its name, None where no file was kept; the figures of the job's result under
        their names there, None where they were not measured; "fallbacks", names of tensors; and
        "source", "source_sha256", "engine" and "text", the same in every row.
    """
    base = result.get("base")
    advised = (result.get("recommendation") or {}).get("path")
    shared = {name: result.get(name) for name in _SHARED}
    shared["text"] = base.get("text") if base else None
    outputs = sorted(result["outputs"], key=lambda each: -(each.get("size_bytes") or 0))
    rows = [_row(base, "base", advised, shared)] if base else []
    return rows + [_row(each, _kind(each), advised, shared) for each in outputs]


def _kind(output: Mapping[str, Any]) -> str:
    if output.get("foreign"):
        return "foreign"
    return "tried" if output.get("path") is None else "made"


def _row(each: Mapping[str, Any], kind: str, advised: str | None, shared: Json) -> Json:
    path = each.get("path")
    return {
        "label": each.get("label") or each.get("quant_type") or "",
        "kind": kind,
        "recommended": path is not None and path == advised,
        "path": path,
        "file": Path(path).name if path else None,
        **{name: each.get(name) for name in _FIGURES},
        "fallbacks": list(each.get("fallbacks") or ()),
        **shared,
    }


def advice(result: Mapping[str, Any]) -> str | None:
    """The recommendation in English words; None where there is none."""
    given = result.get("recommendation")
    return notice(given["code"], **(given.get("params") or {})).text if given else None


def to_csv(result: Mapping[str, Any]) -> str:
    """One line for each row, figures as they were measured."""
    rows = [{**row, "fallbacks": " ".join(row["fallbacks"])} for row in table_rows(result)]
    return "".join(csv_lines(CSV_COLUMNS, rows))


def to_markdown(result: Mapping[str, Any]) -> str:
    """The table as people paste it into an issue, with where it comes from below."""
    rows = table_rows(result)
    evaluated = any(row["kld_mean"] is not None for row in rows)
    columns = ["file", "size GiB", "bits/weight"]
    if evaluated:
        columns += ["KLD mean", "95 %", "KLD 99 %", "same top", "perplexity", "prefill tok/s"]
        columns += ["decode tok/s"]
    lines = [f"### Quantized files of {markdown_text(Path(result['source']).name)}\n"]
    heads = [columns[0], *(f">{name}" for name in columns[1:])]
    lines += markdown_table(heads, [_cells(row, evaluated) for row in rows])
    lines += ["", *(f"- {markdown_text(line)}" for line in _facts(result, rows)), ""]
    return "\n".join(lines)


def _cells(row: Json, evaluated: bool) -> list[str]:
    size = row["size_bytes"]
    name = row["file"] or f"{row['label']} (not kept)"
    name += {"base": " (whole)", "foreign": " (not made here)"}.get(row["kind"], "")
    cells = [name, _figure(size and size / _GIB, 3), _figure(row["bits_per_weight"], 2)]
    if evaluated:
        low, high, same = row["kld_low"], row["kld_high"], row["same_top_rate"]
        cells += [
            _figure(row["kld_mean"], 5),
            "" if low is None or high is None else f"{low:.5f}–{high:.5f}",
            _figure(row["kld_99"], 3),
            "" if same is None else f"{same:.2%}",
            _figure(row["perplexity"], 3),
            _figure(row["prefill_tokens_per_second"], 1),
            _figure(row["decode_tokens_per_second"], 1),
        ]
    return cells


def _facts(result: Mapping[str, Any], rows: list[Json]) -> list[str]:
    lines = []
    advised = advice(result)
    if advised:
        lines.append(advised)
    base = result.get("base")
    if base:
        planned = base.get("planned_chunks")
        of = f" of {planned} planned" if planned and planned != base["chunks"] else ""
        tokens = base.get("context_tokens", 512)
        lines.append(
            f"Compared with the whole model on {base['chunks']}{of} chunks of {tokens} tokens of "
            f"{Path(base['text']).name if base.get('text') else 'the text'}."
        )
    for row in rows:
        if row["fallbacks"]:
            lines.append(f"{row['label']}: {fallback_words(len(row['fallbacks']))}")
    if result.get("source_sha256"):
        lines.append(f"Made of {Path(result['source']).name}, sha256 {result['source_sha256']}.")
    if result.get("engine"):
        lines.append(f"Engine {result['engine']}.")
    return lines


def fallback_words(count: int) -> str:
    """What it means that so many tensors fell back."""
    what = "1 tensor" if count == 1 else f"{count} tensors"
    return f"{what} got another type, because their rows do not divide into its blocks."


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
