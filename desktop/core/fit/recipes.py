"""What a quantization recipe makes of each kind of tensor, and how large the file becomes.

A label such as Q4_K_M names a mix: the output matrix gets 6 bits, half of the layers' `ffn_down`
and `attn_v` get 6, all else gets 4. Source: `llama_tensor_get_type_impl` in the engine's
llama-quant.cpp, with an importance matrix for the i-quants, which nobody makes without one. A test
compares the sizes with `llama-quantize --dry-run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from desktop.core.gguf.quant import FALLBACKS
from desktop.core.gguf.roles import ROLES
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.tensor_types import TENSOR_TYPES

Recipe = Mapping[str, Mapping[str, float]]  # role -> type -> share of that role's weights

BITS: Mapping[str, float] = MappingProxyType(
    {kind.name: kind.bits_per_weight for kind in TENSOR_TYPES.values()}
)


def _recipe(most: str, output: str = "Q6_K", **roles: str | Mapping[str, float]) -> Recipe:
    made: dict[str, Mapping[str, float]] = {role: {most: 1.0} for role in ROLES}
    made["output"] = {output: 1.0}
    for role, kinds in roles.items():
        made[role] = {kinds: 1.0} if isinstance(kinds, str) else kinds
    return MappingProxyType(made)


def _first(high: str, low: str, share: float = 1 / 8) -> Mapping[str, float]:
    """The first layers (an eighth of them by default) in one type, the others in another."""
    return {high: share, low: 1 - share}


# Q4_K_M and Q5_K_M raise the first and the last eighth and every third layer between: a half.
_HALF = 0.5

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "IQ1_S": _recipe(
            "IQ1_S",
            "Q5_K",
            embedding="Q2_K",
            attn_v="Q4_K",
            attn_output="IQ2_XXS",
            ffn_down=_first("Q2_K", "IQ1_S"),
        ),
        "IQ1_M": _recipe(
            "IQ1_M",
            "Q5_K",
            embedding="Q2_K",
            attn_v="Q4_K",
            attn_output="IQ2_XXS",
            ffn_down=_first("Q2_K", "IQ1_M"),
        ),
        "IQ2_XXS": _recipe(
            "IQ2_XXS", "Q5_K", embedding="Q2_K", attn_v="Q4_K", ffn_down=_first("Q2_K", "IQ2_XXS")
        ),
        "IQ2_XS": _recipe(
            "IQ2_XS", "Q5_K", embedding="Q2_K", attn_v="Q4_K", ffn_down=_first("Q2_K", "IQ2_XS")
        ),
        "IQ2_S": _recipe(
            "IQ2_XS",
            "Q5_K",
            embedding="IQ3_S",
            attn_v="Q4_K",
            attn_output="IQ3_S",
            ffn_down=_first("IQ3_S", "IQ2_XS"),
        ),
        "IQ2_M": _recipe(
            "IQ2_S",
            "Q5_K",
            embedding="IQ3_S",
            attn_v="Q4_K",
            attn_output="IQ3_S",
            ffn_down=_first("IQ3_S", "IQ2_S"),
        ),
        "Q2_K": _recipe("Q2_K", attn_v="Q4_K", attn_output="Q3_K", ffn_down="Q3_K"),
        "IQ3_XXS": _recipe(
            "IQ3_XXS",
            "Q5_K",
            embedding="IQ3_S",
            attention="IQ2_S",
            attn_v="Q4_K",
            attn_output="IQ3_S",
        ),
        "IQ3_XS": _recipe(
            "IQ3_XXS",
            embedding="IQ3_S",
            attn_v="Q4_K",
            attn_output="IQ3_S",
            ffn_down="IQ3_S",
            ffn=_first("IQ3_S", "IQ3_XXS", 1 / 4),
        ),
        "Q3_K_S": _recipe("Q3_K"),
        "IQ3_S": _recipe("IQ3_S", attn_v="Q4_K"),
        "IQ3_M": _recipe(
            "IQ3_S", attn_v="Q4_K", attn_output="Q4_K", ffn_down=_first("Q4_K", "IQ3_S")
        ),
        "Q3_K_M": _recipe(
            "Q3_K",
            attn_v=_first("Q5_K", "Q4_K", 1 / 16),
            attn_output="Q4_K",
            ffn_down=_first("Q5_K", "Q4_K", 1 / 16),
        ),
        "Q3_K_L": _recipe("Q3_K", attn_v="Q5_K", attn_output="Q5_K", ffn_down="Q5_K"),
        "IQ4_XS": _recipe("IQ4_XS", attn_v="Q5_K"),
        "IQ4_NL": _recipe("IQ4_NL", attn_v="Q5_K"),
        "Q4_0": _recipe("Q4_0"),
        "Q4_1": _recipe("Q4_1"),
        "Q4_K_S": _recipe("Q4_K", attn_v=_first("Q5_K", "Q4_K"), ffn_down=_first("Q5_K", "Q4_K")),
        "Q4_K_M": _recipe(
            "Q4_K", attn_v=_first("Q6_K", "Q4_K", _HALF), ffn_down=_first("Q6_K", "Q4_K", _HALF)
        ),
        "Q5_0": _recipe("Q5_0"),
        "Q5_1": _recipe("Q5_1"),
        "Q5_K_S": _recipe("Q5_K"),
        "Q5_K_M": _recipe(
            "Q5_K", attn_v=_first("Q6_K", "Q5_K", _HALF), ffn_down=_first("Q6_K", "Q5_K", _HALF)
        ),
        "Q6_K": _recipe("Q6_K"),
        "Q8_0": _recipe("Q8_0", "Q8_0"),
        "F16": _recipe("F16", "F16"),
    }
)


def role_counts(shape: ModelShape) -> dict[str, float]:
    """Weights by role; where a shape does not say, a layer's parts are as large as they must be.

    A feed-forward part is gate, up and down in equal parts; what attends is as its heads say; the
    rest of a layer (recurrent parts, gates) counts as "attention".
    """
    counts = dict.fromkeys(ROLES, 0.0)
    counts["output" if shape.tied else "embedding"] += shape.embedding.count
    counts["embedding"] += shape.inputs.count - shape.embedding.count
    counts["output"] += shape.output.count
    counts["attention"] += shape.others.count
    width = shape.embedding_length
    for layer in shape.layers:
        dense = layer.dense.count
        ffn = min(dense, 3 * width * layer.feed_forward)
        rest = dense - ffn
        if layer.attention != "none":
            out = min(rest, width * layer.n_heads * layer.head_dim_v)
            value = min(rest - out, width * layer.n_kv_heads * layer.head_dim_v)
            counts["attn_output"] += out
            counts["attn_v"] += value
            rest -= out + value
        counts["attention"] += rest
        ffn += layer.experts.count
        counts["ffn_down"] += ffn / 3
        counts["ffn"] += ffn * 2 / 3
    return counts


def odd_roles(shape: ModelShape) -> frozenset[str]:
    """The roles whose rows are no multiple of 256, so that most types cannot hold them."""
    layer = next((layer for layer in shape.layers if layer.attention != "none"), shape.layers[0])
    rows = dict.fromkeys(ROLES, shape.embedding_length)
    rows["attn_output"] = layer.n_heads * layer.head_dim_v or shape.embedding_length
    rows["ffn_down"] = layer.expert_feed_forward or layer.feed_forward or shape.embedding_length
    return frozenset(role for role, row in rows.items() if row % 256)


def fitted(recipe: Recipe, odd: frozenset[str]) -> Recipe:
    """The recipe with what the engine takes instead where rows cannot be cut into blocks of 256."""
    if not odd:
        return recipe
    made = dict(recipe)
    for role in odd:
        kinds: dict[str, float] = {}
        for kind, share in recipe[role].items():
            taken = FALLBACKS.get(kind, kind)
            kinds[taken] = kinds.get(taken, 0.0) + share
        made[role] = kinds
    return made


def bits_per_weight(recipe: Recipe, counts: Mapping[str, float]) -> float:
    """The mean over a model's weights. Norms and the header's text are left out (under 0.5 %)."""
    total = sum(counts.values())
    bits = sum(
        count * share * BITS[kind]
        for role, count in counts.items()
        for kind, share in recipe[role].items()
    )
    return bits / total if total else 0.0
