"""The name of a file's quantization, decided by what its tensors are made of.

A file's own label (`general.file_type`) can be missing, stale or wrong, and files with one label
differ. So the label is believed only where the tensor types could have come from it; otherwise the
name follows from the types and their shares.

Source of the recipes: `llama_ftype_get_default_type`, `llama_tensor_get_type_impl` and
`tensor_type_fallback` in the engine's llama-quant.cpp; numbers of the labels: `llama_ftype`.
"""

from __future__ import annotations

from collections.abc import Mapping

# label number -> (name, the type most weights get)
FILE_TYPES: dict[int, tuple[str, str]] = {
    0: ("F32", "F32"),
    1: ("F16", "F16"),
    2: ("Q4_0", "Q4_0"),
    3: ("Q4_1", "Q4_1"),
    7: ("Q8_0", "Q8_0"),
    8: ("Q5_0", "Q5_0"),
    9: ("Q5_1", "Q5_1"),
    10: ("Q2_K", "Q2_K"),
    11: ("Q3_K_S", "Q3_K"),
    12: ("Q3_K_M", "Q3_K"),
    13: ("Q3_K_L", "Q3_K"),
    14: ("Q4_K_S", "Q4_K"),
    15: ("Q4_K_M", "Q4_K"),
    16: ("Q5_K_S", "Q5_K"),
    17: ("Q5_K_M", "Q5_K"),
    18: ("Q6_K", "Q6_K"),
    19: ("IQ2_XXS", "IQ2_XXS"),
    20: ("IQ2_XS", "IQ2_XS"),
    21: ("Q2_K_S", "Q2_K"),
    22: ("IQ3_XS", "IQ3_S"),
    23: ("IQ3_XXS", "IQ3_XXS"),
    24: ("IQ1_S", "IQ1_S"),
    25: ("IQ4_NL", "IQ4_NL"),
    26: ("IQ3_S", "IQ3_S"),
    27: ("IQ3_M", "IQ3_S"),
    28: ("IQ2_S", "IQ2_XS"),
    29: ("IQ2_M", "IQ2_S"),
    30: ("IQ4_XS", "IQ4_XS"),
    31: ("IQ1_M", "IQ1_M"),
    32: ("BF16", "BF16"),
    36: ("TQ1_0", "TQ1_0"),
    37: ("TQ2_0", "TQ2_0"),
    38: ("MXFP4_MOE", "MXFP4"),
    39: ("NVFP4", "NVFP4"),
    40: ("Q1_0", "Q1_0"),
    41: ("Q2_0", "Q2_0"),
}
_GUESSED = 1024  # flag of a label the engine guessed

# What a type is replaced by where a row cannot be cut into its blocks.
FALLBACKS: dict[str, str] = {
    **dict.fromkeys(
        ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS"), "IQ4_NL"
    ),
    **dict.fromkeys(("Q2_0", "Q2_K", "Q3_K", "TQ1_0", "TQ2_0"), "Q4_0"),
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
}
_SOME = 0.005  # a share below this is a stray tensor, not a recipe


def _dominant(weights: Mapping[str, int]) -> str:
    return max(sorted(weights), key=lambda name: weights[name])


def _by_mix(base: str, weights: Mapping[str, int]) -> str:
    """The recipe of this base type that makes such a mix."""
    total = sum(weights.values())

    def share(*names: str) -> float:
        return sum(weights.get(name, 0) for name in names) / total

    match base:
        case "Q4_K":
            return "Q4_K_M" if share("Q6_K") > _SOME else "Q4_K_S"
        case "Q5_K":
            return "Q5_K_M" if share("Q6_K") > _SOME else "Q5_K_S"
        case "Q3_K":
            # L keeps attn_v, attn_output and ffn_down in 5 bits; M most of those in 4
            if share("Q5_K") > share("Q4_K") and share("Q5_K") > 0.1:
                return "Q3_K_L"
            return "Q3_K_M" if share("Q4_K", "Q5_K") > 0.05 else "Q3_K_S"
        case "Q2_K":
            return "Q2_K" if share("Q3_K") > 0.1 else "Q2_K_S"
        case "IQ3_S":
            if share("IQ3_XXS") > 0.1:
                return "IQ3_XS"
            return "IQ3_M" if share("Q4_K") > 0.05 else "IQ3_S"
        case "IQ3_XXS":
            return "IQ3_XS" if share("IQ3_S") > 0.2 else "IQ3_XXS"
        case "IQ2_S":
            return "IQ2_M"
        case "IQ2_XS":
            return "IQ2_S" if share("IQ3_S") > _SOME else "IQ2_XS"
        case _:
            return base


def _consistent(label: tuple[str, str], weights: Mapping[str, int], odd: Mapping[str, int]) -> bool:
    """Whether a file labelled so can be made of these types."""
    name, base = label
    if sum(odd.values()) > sum(weights.values()):
        # Most rows cannot be cut into blocks of 256: most of what is there is replacements.
        return _dominant(odd) in (base, FALLBACKS.get(base))
    if name in ("IQ3_XS", "Q3_K_L"):  # half of the weights and more are of the second type
        second = "IQ3_XXS" if name == "IQ3_XS" else "Q5_K"
        return _dominant(weights) in (base, second) and bool(weights.get(base))
    if _dominant(weights) != base:
        return False
    mixed = _by_mix(base, weights)
    family = {other for other, kind in FILE_TYPES.values() if kind == base}
    if base in ("Q4_K", "Q5_K"):  # M has 6-bit tensors, S has none: no doubt is possible
        return mixed == name
    # A small or hand-made mix may blur S, M and L, but not when one type is all there is.
    return mixed == name or len(family) == 1 or len(weights) > 1


def quant_name(
    weights: Mapping[str, int], odd: Mapping[str, int], file_type: int | None
) -> str | None:
    """The quant type's name as llama.cpp writes it, such as "Q4_K_M".

    Args:
        weights: number of weights by tensor type, of the matrices that recipes decide on
            (no embedding, output or norms).
        odd: the same, of matrices whose rows are no multiple of 256 and so may hold a replacement.
        file_type: the file's own label.

    Returns:
        None where there are no weights at all.

    By number of weights, not bytes: in Q3_K_L and IQ3_XS the larger type would win by bytes in
    some shapes although the smaller one makes the recipe.
    """
    both = dict(odd)
    for name, count in weights.items():
        both[name] = both.get(name, 0) + count
    if not both:
        return None
    least = sum(both.values()) * _SOME
    weights, odd, both = (
        {name: count for name, count in group.items() if count >= least}
        for group in (weights, odd, both)
    )
    label = None if file_type is None else FILE_TYPES.get(file_type & ~_GUESSED)
    if label is not None and _consistent(label, weights, odd):
        return label[0]
    return _by_mix(_dominant(both), both)
