"""What `paddock quantize` says of a plan and of a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop.cli.output import Output
from desktop.cli.units import duration, figure, size
from desktop.core.errors import AppError, ErrorCode
from desktop.core.notices import NOTICES, notice
from desktop.core.quant_table import advice, fallback_words, table_rows

Json = dict[str, Any]
_KINDS = {"base": "whole", "foreign": "not made here", "tried": "not kept"}
_CODES = {code.value for code in ErrorCode}


def both_units(count: int) -> str:
    return f"At most {count / 1e9:.3f} GB, which are {count / (1 << 30):.3f} GiB."


def show(result: Json, out: Output) -> None:
    """The files, the largest first, with what each lost and how fast it is."""
    rows = table_rows(result)
    evaluated = result.get("base") is not None
    columns: tuple[str, ...] = ("FILE", ">SIZE", ">BITS/WEIGHT")
    if evaluated:
        columns += (">KLD MEAN", ">95 %", ">KLD 99 %", ">SAME TOP", ">PERPLEXITY", ">CHUNKS")
        columns += (">PREFILL TOK/S", ">DECODE TOK/S", "")
    out.table(columns, [_row(row, evaluated) for row in rows])
    for row in rows:
        if row["fallbacks"]:
            out.note(f"{row['label']}: {fallback_words(len(row['fallbacks']))}")
    if evaluated:
        _tell_chunks(result["base"], out)
    if result.get("target"):
        _tell_target(result["target"], out)
    words = advice(result)
    if words is not None:
        out.line()
        out.line(words)


def _row(row: Json, evaluated: bool) -> tuple[object, ...]:
    cells: tuple[object, ...] = (
        row["file"] or row["label"],
        size(row["size_bytes"]),
        figure(row["bits_per_weight"], 2),
    )
    if not evaluated:
        return cells
    low, high, same = row["kld_low"], row["kld_high"], row["same_top_rate"]
    kld = row["kld_mean"]
    return (
        *cells,
        "" if kld is None else f"✓ {kld:.4f}",
        "" if low is None or high is None else f"{low:.4f}–{high:.4f}",
        figure(row["kld_99"], 3),
        "" if same is None else f"{same:.2%}",
        figure(row["perplexity"], 2),
        row["chunks"],
        figure(row["prefill_tokens_per_second"], 1),
        figure(row["decode_tokens_per_second"], 1),
        "recommended" if row["recommended"] else _KINDS.get(row["kind"], ""),
    )


def _tell_chunks(base: Json, out: Output) -> None:
    planned, tokens = base.get("planned_chunks"), base.get("context_tokens", 512)
    of = f" of {planned} planned" if planned and planned != base["chunks"] else ""
    out.note(
        f"Compared with the whole model on {base['chunks']}{of} × {tokens} tokens. Perplexities "
        "of different numbers of chunks are not to be compared; KL divergences are."
    )


def _tell_target(target: Json, out: Output) -> None:
    found, plain = target.get("found"), target.get("plain")
    seconds = duration(target["seconds"])
    out.note(f"{target['tried']} recipes were tried in {seconds}.")
    if found and plain:
        out.line()
        for what, each in (("Found", found), ("Plain", plain)):
            lost = f"KL divergence {each['kld_mean']:.5f}"
            out.line(f"{what}: {each['label']}, {size(each['size_bytes'])}, {lost}")


# --- a plan ---------------------------------------------------------------------------------------


def show_plan(plan: Json, out: Output) -> None:
    """What would be made and what it would take; nothing has begun."""
    rows = [
        (
            Path(each["path"]).name,
            size(each["size_bytes"]),
            figure(each["bits_per_weight"], 2),
            f"{len(each['fallbacks'])} tensors" if each["fallbacks"] else "",
            "exists" if each["exists"] else "",
        )
        for each in plan["outputs"]
    ]
    out.table(("FILE", ">SIZE", ">BITS/WEIGHT", "OF ANOTHER TYPE", ""), rows)
    need, free = plan["disk_bytes"], plan["disk_free_bytes"]
    if need is not None:
        out.line(f"Disk    {size(need)} of {size(free)} that are free")
    need, free = plan["memory_bytes"], plan["memory_available_bytes"]
    if need is not None:
        of = f" of {size(free)} that are free" if free is not None else ""
        out.line(f"Memory  {size(need)}{of}")
    out.line(f"Time    {_time(plan['seconds'])}")
    if plan["chunks"]:
        out.line(f"Text    {plan['chunks']} × 512 tokens")
    for warning in plan["warnings"]:
        out.note(f"! {warning_words(warning)}")


def _time(seconds: Json | None) -> str:
    if seconds is None:
        return "not known yet: nothing like it was done here before"
    mark = "✓" if seconds["source"] == "measured" else "~"
    low, high = duration(seconds["low"]), duration(seconds["high"])
    return f"{mark} {duration(seconds['value'])} ({low} to {high})"


def warning_words(warning: Json) -> str:
    """A warning of a plan, which is the code of an error or of a notice."""
    code, params = warning["code"], warning["params"]
    if code in _CODES:
        error = AppError(ErrorCode(code), **params)
        return f"{error.title}: {error.cause} {error.remedy}"
    return notice(code, **params).text if code in NOTICES else str(code)
