"""What a person is told once: the English words by code, and how a notice is made of them.

The window translates them under the context "Notices"; their `{fields}` are filled after the
translation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.core.errors import AppError
from desktop.core.events import Notice

NOTICES: dict[str, str] = {
    # of a load
    "load_forced": "It is loaded although: {why}",
    "context_trained": "The context is {tokens:,} tokens, which the model was trained for, instead "
    "of the {wanted:,} of the settings.",
    "context_reduced": "The context is {tokens:,} tokens instead of {wanted:,}: more does not fit "
    "in memory.",
    "slots_reduced": "One request is answered at a time instead of four: more slots do not fit in "
    "memory.",
    "oom_slots": "The engine ran out of memory. It now answers {slots} requests at a time.",
    "oom_kv": "The engine ran out of memory. Its KV cache is now of type {kv_type}.",
    "oom_context": "The engine ran out of memory. The context is now {tokens:,} tokens.",
    "oom_gpu_layers": "The engine ran out of memory. It now has {layers} layers on the GPU.",
    # of quantized files that were compared
    "quant_best": "{label} loses least of those that fit in memory and are fast enough here: KL "
    "divergence {kld:.4f}, {speed:,.1f} tokens per second.",
    "quant_equal": "{label} (KL divergence {kld:.4f}, {speed:,.1f} tokens per second) is the "
    "smallest of those that fit in memory, are fast enough here and cannot be told apart by what "
    "they lose. The others of them: {others}.",
    "quant_unnoticed": "{label} (KL divergence {kld:.4f}, {speed:,.1f} tokens per second) is the "
    "smallest of those that fit in memory, are fast enough here and lose next to nothing. The "
    "others of them: {others}.",
    "quant_slow": "None that fits in memory reaches {wished:,.0f} tokens per second here. {label} "
    "is the fastest of those that do not lose much: {speed:,.1f} tokens per second, KL divergence "
    "{kld:.4f}.",
    "quant_lossy": "All that fit in memory lose much. {label} loses least of them: KL divergence "
    "{kld:.4f}.",
    "quant_too_large": "None of them fits in this machine's memory. {label} is the smallest.",
    # of a plan of quantized files
    "quant_memory": "About {need_gib:,.1f} GiB of memory are needed and {free_gib:,.1f} GiB are "
    "free: it will be slow, or fail.",
    "quant_sizes_estimated": "Sizes are estimated: they are exact when the checkpoint is "
    "converted.",
    "quant_sizes_later": "How large the files will be is known when the checkpoint is converted.",
    # of a search for a recipe
    "target_found": "{label} loses {percent:.0f} % less than {plain}, the best plain type that is "
    "as small or as fast: KL divergence {kld:.4f} instead of {plain_kld:.4f}.",
    "target_plain": "No recipe was found that surely loses less than {plain}: KL divergence "
    "{plain_kld:.4f}. So that one was made.",
    "target_alone": "{label} has a KL divergence of {kld:.4f}. No plain type is as small.",
    # of the service
    "settings_damaged": "The settings could not be read ({reason}). Defaults are used; the old "
    "file is kept as {path}.",
    "setting_replaced": "{name} = {value} in {path} cannot be used ({reason}); its default is "
    "used.",
    "database_backed_up": "Before its upgrade the database was copied to {path}.",
    "database_damaged": "The database could not be read ({reason}). A new one was begun; the old "
    "file is kept as {path}.",
    "key_expires": "The key “{name}” ends on {when}.",
    "key_expired": "The key “{name}” ended on {when}; requests with it are refused.",
}
# Behind the words of a notice that has a problem, where they do not tell it themselves.
FOR_THAT = "For that: {why}"
_WHY = "{why}"


def notice(code: str, problem: AppError | None = None, **params: Any) -> Notice:
    """A notice whose words are in `NOTICES`.

    Args:
        problem: the error it tells of.
        params: plain values that fill the words' fields.
    """
    words = [NOTICES[code]]
    if problem is not None:
        words += () if tells_why(words[0]) else (FOR_THAT,)
        filled = {**params, "why": problem.cause}
        params = {**params, "problem": problem.to_dict()}
    else:
        filled = params
    return Notice(code, " ".join(each.format_map(filled) for each in words), params)


def tells_why(words: str) -> bool:
    """Whether a notice's words tell its problem themselves."""
    return _WHY in words


def problem_of(params: Mapping[str, Any]) -> AppError | None:
    """The error that a notice with these params tells of."""
    data = params.get("problem")
    return AppError.from_dict(data) if isinstance(data, dict) else None
