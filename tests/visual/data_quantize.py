"""What the service says of types, plans, recipes and jobs of the Quantize page, in the scenes."""

from __future__ import annotations

from desktop.core.errors import AppError, ErrorCode
from tests.helpers.quant_results import QUANTIZED, TARGET
from tests.visual.data import BENCH_JOB, GIB, HOME, LIBRARY, NOW, Json, entry

WHOLE = "qwen3-8b:bf16"
FOLDER = f"{HOME}/models"
SOURCE = f"{FOLDER}/Qwen3-8B-BF16.gguf"
MODELS = [
    entry(WHOLE, 15.26, "BF16", 8.19, source="folder", repo=None, path=SOURCE, downloaded=False),
    *LIBRARY,
]
_BITS = {
    "Q4_0": 4.5, "Q4_1": 5.0, "MXFP4_MOE": 4.25, "Q5_0": 5.5, "Q5_1": 6.0, "IQ2_XXS": 2.06,
    "IQ2_XS": 2.31, "IQ2_S": 2.5, "IQ2_M": 2.7, "IQ1_S": 1.56, "IQ1_M": 1.75, "TQ1_0": 1.69,
    "TQ2_0": 2.06, "Q2_K": 3.16, "Q2_K_S": 2.99, "IQ3_XXS": 3.06, "IQ3_S": 3.44, "IQ3_M": 3.66,
    "IQ3_XS": 3.3, "Q3_K_S": 3.64, "Q3_K_M": 4.0, "Q3_K_L": 4.3, "IQ4_NL": 4.5, "IQ4_XS": 4.25,
    "Q4_K_S": 4.67, "Q4_K_M": 4.89, "Q5_K_S": 5.57, "Q5_K_M": 5.7, "Q6_K": 6.56, "Q8_0": 8.5,
    "F16": 16.0, "BF16": 16.0, "F32": 32.0,
}  # fmt: skip
_NEEDY = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "Q2_K_S"})
TYPES = [
    {"name": name, "bits_per_weight": bits, "needs_imatrix": name in _NEEDY, "text": ""}
    for name, bits in _BITS.items()
]
RECIPES = [
    {"name": "careful attention", "recipe": {
        "quant_type": "Q4_K_M", "output_type": "Q8_0", "embedding_type": None,
        "tensor_types": [["attn_v", "Q6_K"], ["ffn_down", "Q5_K"]], "pure": False,
    }},
    {"name": "日本語用", "recipe": {
        "quant_type": "IQ4_XS", "output_type": "Q6_K", "embedding_type": "Q8_0",
        "tensor_types": [], "pure": False,
    }},
]  # fmt: skip


def plan(params: Json) -> Json:
    """What would be made, with the sizes of these bits."""
    recipes = [*({"quant_type": name} for name in params.get("types", ())), *params["recipes"]] \
        if "recipes" in params else [{"quant_type": name} for name in params["types"]]  # fmt: skip
    outputs = [
        {
            "label": each.get("name") or each["quant_type"],
            "quant_type": each["quant_type"],
            "size_bytes": round(8.19e9 * _BITS[each["quant_type"]] / 8),
            "bits_per_weight": _BITS[each["quant_type"]],
            "fallbacks": ["blk.0.attn_v.weight"] if each["quant_type"] == "Q2_K" else [],
            "path": f"{FOLDER}/Qwen3-8B-{each.get('name') or each['quant_type']}.gguf",
            "exists": each["quant_type"] == "Q8_0",
        }
        for each in recipes
    ]
    return {
        "outputs": outputs,
        "disk_bytes": sum(each["size_bytes"] for each in outputs),
        "disk_free_bytes": 212 * GIB,
        "memory_bytes": round(15.9 * GIB),
        "memory_available_bytes": round(7.4 * GIB),
        "seconds": {"value": 4320.0, "low": 3300.0, "high": 5700.0, "source": "calibrated"},
        "chunks": 64,
        "warnings": [],
        "source": {
            "size_bytes": round(15.26 * GIB),
            "bits_per_weight": 16.0,
            "quantized": False,
            "architecture": "qwen3",
            "parameters": 8_190_735_360,
        },
    }


def job(number: int, kind: str = "quantize", **more: Json | object) -> Json:
    params = {"path": SOURCE, "folder": FOLDER, "types": ["Q8_0", "Q6_K", "Q4_K_M"]}
    return {
        **BENCH_JOB,
        "id": number,
        "kind": kind,
        "params": params,
        "position": number,
        "steps": ["hash", "imatrix", "quantize Q8_0", "quantize Q6_K", "quantize Q4_K_M", "base"],
        "steps_done": ["hash", "imatrix", "quantize Q8_0"],
        "progress": {"what": "quantizing to Q6_K", "done": 212, "total": 399, "unit": "tensors"},
        **more,
    }


RUNNING = job(21)
WAITING = job(
    22,
    "target",
    state="queued",
    params={"path": SOURCE, "folder": FOLDER, "most_bytes": 4 * GIB, "budget_seconds": 1800},
    steps=[],
    steps_done=[],
    progress=None,
)
PAUSED = job(
    23,
    "convert",
    state="paused",
    params={"repo": "Qwen/Qwen3-8B", "output": f"{FOLDER}/Qwen3-8B-BF16.gguf"},
    steps=["find", "download", "toolkit", "hash", "convert"],
    steps_done=["find"],
    progress={"what": "installing torch and others", "done": 3e8, "total": 9.5e8, "unit": "bytes"},
)
DONE = job(18, state="done", finished=NOW - 86_400, progress=None, result=QUANTIZED)
FOUND = job(
    19,
    "target",
    state="done",
    finished=NOW,
    progress=None,
    result=TARGET,
    params={"path": SOURCE, "folder": FOLDER, "most_bytes": 4 * GIB, "budget_seconds": 1800},
)
FULL = AppError(
    ErrorCode.DISK_FULL, path=FOLDER, reason="8.11 GiB are needed and 3.02 GiB are free."
)
FAILED = job(17, state="failed", finished=NOW - 3600, progress=None, error=FULL.to_dict())
UNKNOWN = AppError(
    ErrorCode.CHECKPOINT_PICKLED, path=f"{FOLDER}/old-checkpoint", file="pytorch_model.bin"
)
NAMES = frozenset(["careful attention", "8.11 GiB are needed and 3.02 GiB are free."])
LINES = [
    "Q6_K: 2 tensors got another type, because their rows do not divide into its blocks.",
    "llama_model_quantize_impl: model size  = 15623.18 MiB",
    "[ 212/ 399]   blk.19.ffn_down.weight - [12288,  4096], type = bf16, converting to q6_K ..",
]
