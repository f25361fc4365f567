"""Results of jobs "quantize" and "target" as the service gives them.

The figures were measured on the bundled model, whole as F16, on 2 cores: 24 chunks of
`resources/texts/evaluation.txt`, llama.cpp 0c1e570. Its perplexity is no slip: it knows little
but its guide.
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]

FOLDER = "/home/ann/models/guide"
SOURCE = f"{FOLDER}/paddock-guide-F16.gguf"
SHA = "8f4434d2e6b3c3c0d47fbf094d9782632993bb2000dd32bbc367caf603c543a2"
_NAMES = (
    "label",
    "size_bytes",
    "bits_per_weight",
    "kld_mean",
    "kld_error",
    "kld_median",
    "kld_99",
    "same_top_rate",
    "same_top_error",
    "perplexity",
    "perplexity_error",
    "perplexity_ratio_log",
    "decode_tokens_per_second",
    "prefill_tokens_per_second",
)
_TABLE = """
Q8_0 4841248 8.51 .000324 .000006 .000188 .002005 .99085 .00122 1009930 96423 -.0013 7784 29383
Q6_K 3761952 6.58 .002975 .000052 .001755 .019271 .96928 .00221 1009605 96440 -.0017 7904 35063
Q5_K_M 3378976 5.89 .005953 .000106 .003462 .037899 .95605 .00262 1015228 96965 .0039 6838 37713
Q4_K_M 3018528 5.24 .017801 .000334 .009676 .121356 .92402 .00339 981382 93608 -.0300 8716 39863
Q4_K_S 2916128 5.06 .016891 .000318 .008667 .117477 .9268 .00333 983899 93891 -.0275 7973 40630
IQ4_XS 2776864 4.81 .021004 .000375 .012226 .14431 .92631 .00334 991392 94453 -.0199 6790 37770
Q3_K_M 2621216 4.53 .044454 .000843 .02501 .313247 .88824 .00403 958032 90975 -.0541 7452 38214
Q2_K 2217760 3.81 .173481 .003012 .105101 1.107713 .78824 .00522 897490 84596 -.1194 8279 34156
"""


def _measured() -> list[Json]:
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return [
        dict(zip(_NAMES, (label, int(size), *map(float, figures)), strict=True))
        for label, size, *figures in rows
    ]


def recipe(quant_type: str, **more: Any) -> Json:
    plain = {"output_type": None, "embedding_type": None, "tensor_types": [], "pure": False}
    return {"quant_type": quant_type, **plain, **more}


def output(label: str, size: int, bits: float, mean: float, **more: Any) -> Json:
    """A file of a result; what is not said is as Q4_K_M's."""
    figures = _measured()[3] | {
        "label": label,
        "size_bytes": size,
        "bits_per_weight": bits,
        "kld_mean": mean,
    }
    figures |= {"kld_error": mean / 50, "kld_median": mean / 2, "kld_99": mean * 7}
    return _whole({**figures, **more})


def _whole(figures: Json) -> Json:
    label, mean, error = figures["label"], figures["kld_mean"], figures["kld_error"]
    return {
        "path": f"{FOLDER}/paddock-guide-{label}.gguf",
        "quant_type": label,
        "recipe": recipe(label),
        "foreign": False,
        "fallbacks": [],
        "seconds": 0.22,
        "kld_low": None if mean is None else mean - 1.96 * error,
        "kld_high": None if mean is None else mean + 1.96 * error,
        "chunks": 24,
        **figures,
    }


BASE: Json = {
    "path": SOURCE,
    "label": "F16",
    "size_bytes": 9_018_592,
    "bits_per_weight": 16.01,
    "perplexity": 1_011_292.0,
    "chunks": 24,
    "planned_chunks": 24,
    "text": "evaluation.txt",
    "text_sha256": "0" * 64,
    "context_tokens": 512,
    "decode_tokens_per_second": 5728.0,
    "prefill_tokens_per_second": 29519.0,
}
_ENGINE = "0.5.0-dev (build 1, commit 0c1e570)"
QUANTIZED: Json = {
    "source": SOURCE,
    "source_sha256": SHA,
    "source_size_bytes": BASE["size_bytes"],
    "engine": _ENGINE,
    "base": BASE,
    "outputs": [_whole(figures) for figures in _measured()],
    "recommendation": {
        "path": f"{FOLDER}/paddock-guide-Q5_K_M.gguf",
        "label": "Q5_K_M",
        "code": "quant_unnoticed",
        "params": {"label": "Q5_K_M", "kld": 0.005953, "speed": 6838.0, "others": "Q6_K, Q8_0"},
    },
}
_BY_LABEL = {each["label"]: each for each in QUANTIZED["outputs"]}

_FOREIGN = _whole(
    {
        **_measured()[3],
        "path": "/home/ann/Downloads/paddock-guide.Q4_K_M.gguf",
        "label": "paddock-guide.Q4_K_M",
        "foreign": True,
        "recipe": None,
        "seconds": None,
        "kld_mean": 0.031204,
        "kld_error": 0.000604,
        "kld_99": 0.2188,
    }
)
FOREIGN: Json = {**QUANTIZED, "outputs": [*QUANTIZED["outputs"], _FOREIGN]}

_LOST = {name for name in _NAMES if name.startswith(("kld", "same", "perplexity"))}
_UNKNOWN = dict.fromkeys(
    (
        *_LOST,
        *("kld_low", "kld_high", "chunks"),
        *("decode_tokens_per_second", "prefill_tokens_per_second"),
    )
)
UNEVALUATED: Json = {
    **{key: value for key, value in QUANTIZED.items() if key != "base"},
    "recommendation": None,
    "outputs": [{**each, **_UNKNOWN} for each in QUANTIZED["outputs"]],
}

_OWN = recipe(
    "Q4_K_S",
    output_type="q6_k",
    tensor_types=[["blk.0.ffn_down", "q6_k"], ["attn_v", "q5_k"], ["blk.3.attn_k", "q3_k"]],
)
_FOUND = output("Q4_K_S-out-Q6_K-own", 2_998_112, 5.31, 0.012310, recipe=_OWN, quant_type="Q4_K_S")
_TRIED = [{**_BY_LABEL[label], "path": None} for label in ("Q5_K_M", "Q4_K_M", "Q4_K_S")]
TARGET: Json = {
    **QUANTIZED,
    "outputs": [_FOUND, *_TRIED],
    "recommendation": None,
    "target": {
        "asked": {"most_bytes": 3_050_000},
        "tried": 48,
        "seconds": 431.0,
        "plain": _BY_LABEL["Q4_K_M"],
        "found": _FOUND,
        "better": True,
        "recipe": _OWN,
    },
}


def many(count: int) -> Json:
    """A result with so many files."""
    outputs = [
        output(f"R{n}", 2_000_000 + 9_000 * n, 3 + n / 50, 0.3 * 0.97**n) for n in range(count)
    ]
    return {**copy.deepcopy(QUANTIZED), "outputs": outputs}
