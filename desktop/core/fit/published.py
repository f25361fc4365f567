"""How much others measured quantization to cost: mean KL divergence and same-top-token rate.

Facts only, each with its source. All were measured against the 16-bit model of the same name with
llama-perplexity or a tool of the same definition; the texts differ, which is part of the spread
that `quality` states. `quality`'s figures are fitted to these, and a test compares them again.
"""

from __future__ import annotations

from typing import NamedTuple

_SCOREBOARD = "llama.cpp tools/perplexity/README.md, LLaMA 3 8b Scoreboard (imatrix where there is)"
_COMPARISON = "llama.cpp tools/perplexity/README.md, LLaMA 2 vs. LLaMA 3 comparison"
_QUANTGAP = "huggingface.co/datasets/quantgap/results, discussions 2 to 7"
_QWEN9 = "r/LocalLLaMA 1rr72lr, Qwen3.5-9B quantization comparison (2026-03)"
_QWEN27 = "r/LocalLLaMA 1rk5qmr, Qwen3.5-27B Q4 quantization comparison (2026-03)"
_SCOUT = "huggingface.co/blog/bartowski/llama4-scout-off (2025-04)"
_WATT = "huggingface.co/eaddario/Watt-Tool-8B-GGUF, scores"


class Published(NamedTuple):
    """One file's measured loss.

    Attributes:
        parameters, active: in billions; `active` where only a part of them works on a token.
        kld_mean: in nats per token.
        same_top_rate: how often the most likely token is the same; None where it was not told.
    """

    model: str
    parameters: float
    active: float | None
    quant_type: str
    kld_mean: float
    same_top_rate: float | None
    source: str


def _rows(
    model: str,
    parameters: float,
    source: str,
    *rows: tuple[str, float] | tuple[str, float, float],
    active: float | None = None,
) -> tuple[Published, ...]:
    return tuple(
        Published(
            model, parameters, active, row[0], row[1], row[2] if len(row) > 2 else None, source
        )
        for row in rows
    )


SCOREBOARD = _rows(
    "Llama 3 8B",
    8.03,
    _SCOREBOARD,
    ("Q8_0", 0.001391),
    ("Q6_K", 0.005669),
    ("Q5_K_M", 0.011093),
    ("Q5_K_S", 0.017177),
    ("Q5_1", 0.018485),
    ("Q5_0", 0.022964),
    ("Q4_K_M", 0.029126),
    ("Q4_K_S", 0.032768),
    ("IQ4_NL", 0.036482),
    ("IQ4_XS", 0.037087),
    ("Q4_1", 0.072530),
    ("Q4_0", 0.073598),
    ("Q3_K_L", 0.074345),
    ("Q3_K_M", 0.085849),
    ("IQ3_M", 0.104464),
    ("IQ3_S", 0.113201),
    ("IQ3_XS", 0.140704),
    ("IQ3_XXS", 0.187044),
    ("Q3_K_S", 0.208394),
    ("IQ2_M", 0.331202),
    ("Q2_K", 0.342129),
    ("IQ2_S", 0.446305),
    ("IQ2_XS", 0.556747),
    ("IQ2_XXS", 0.830947),
    ("IQ1_M", 1.413517),
    ("IQ1_S", 2.290167),
)

OTHERS = (
    *_rows("Qwen3 0.6B", 0.6, _QUANTGAP, ("Q3_K_M", 0.39525, 0.6981), ("Q2_K", 2.45535, 0.3384)),
    *_rows(
        "Qwen2.5 1.5B",
        1.54,
        _QUANTGAP,
        ("Q3_K_M", 0.15920, 0.8245),
        ("IQ3_M", 0.14942, 0.8262),
        ("Q2_K", 0.60872, 0.6487),
    ),
    *_rows(
        "Llama 2 7B",
        6.74,
        _COMPARISON,
        ("Q2_K", 0.108903, 0.85584),
        ("Q4_K_M", 0.012686, 0.94665),
        ("Q6_K", 0.002098, 0.97520),
        ("Q8_0", 0.000369, 0.98846),
    ),
    *_rows(
        "Llama 3 8B",
        8.03,
        _COMPARISON,
        ("Q2_K", 0.456326, 0.70419),
        ("Q4_K_M", 0.031046, 0.92162),
        ("Q6_K", 0.004726, 0.96586),
        ("Q8_0", 0.000753, 0.98467),
    ),
    *_rows("Watt-Tool 8B", 8.03, _WATT, ("IQ3_M", 0.066422)),
    *_rows(
        "Qwen3.5 9B",
        9.65,
        _QWEN9,
        ("Q4_K_M", 0.0087),
        ("Q4_K_M", 0.0222),
        ("Q4_K_M", 0.0353),
        ("Q4_K_S", 0.0108),
        ("IQ4_XS", 0.0127),
    ),
    *_rows(
        "Qwen3.5 27B",
        27.8,
        _QWEN27,
        ("Q4_K_M", 0.005633),
        ("Q4_K_M", 0.006193),
        ("Q4_K_M", 0.006469),
        ("Q4_K_S", 0.006720),
        ("Q4_K_S", 0.007449),
        ("IQ4_XS", 0.007062),
        ("IQ4_XS", 0.007569),
        ("IQ4_NL", 0.007233),
    ),
    *_rows(
        "Llama 2 70B",
        69.0,
        _COMPARISON,
        ("Q2_K", 0.186386, 0.85001),
        ("Q4_K_M", 0.013168, 0.95632),
        ("Q6_K", 0.002736, 0.97651),
        ("Q8_0", 0.000878, 0.98502),
    ),
    # The one model that loses more than smaller ones of its kind.
    *_rows(
        "Llama 3 70B",
        70.6,
        _COMPARISON,
        ("Q2_K", 0.674716, 0.71991),
        ("Q4_K_M", 0.055418, 0.92881),
        ("Q6_K", 0.009148, 0.96538),
        ("Q8_0", 0.003088, 0.97825),
    ),
    *_rows(
        "Llama 4 Scout",
        107.8,
        _SCOUT,
        ("IQ1_M", 0.933),
        ("IQ2_XXS", 0.664),
        ("Q2_K", 0.332),
        ("IQ3_XXS", 0.244),
        active=17.0,
    ),
)
