"""What a tensor does in a model: quantization recipes and their damage go by that."""

from __future__ import annotations

import re

# "attention" is queries, keys and the fused, gated and recurrent kinds; "ffn" is gate and up.
# A token embedding counts as "embedding" also where it serves as the output.
ROLES = ("embedding", "output", "attention", "attn_v", "attn_output", "ffn_down", "ffn")
# The same of the experts, of which one token uses some.
EXPERT_ROLES = ("expert_ffn_down", "expert_ffn")

_BLOCK = re.compile(r"(?:blk|enc\.blk|dec\.blk)\.\d+\.([a-z0-9_.]+)\.weight")
_EXPERTS = re.compile(r"ffn_(down|up|gate|gate_up)_(ch|)exps")
_VALUES = frozenset({"attn_v", "attn_v_b", "attn_kv_b", "time_mix_value"})
_OUTPUTS = frozenset(
    {"attn_output", "attn_output_b", "ssm_out", "time_mix_output", "shortconv.out_proj"}
)


def role_of(name: str, n_dims: int) -> str | None:
    """A weight's role; None for what no recipe touches: norms, biases, routers, small vectors."""
    if n_dims < 2 or not name.endswith(".weight"):
        return None
    if name.startswith(("token_embd.", "per_layer_token_embd.", "position_embd.", "token_types.")):
        return "embedding"
    if name == "output.weight":
        return "output"
    block = _BLOCK.match(name)
    if block is None:
        return None
    kind = block[1]
    if "norm" in kind or "gate_inp" in kind or kind in ("ssm_conv1d", "shortconv.conv"):
        return None
    if _EXPERTS.fullmatch(kind):
        return "expert_ffn_down" if kind.startswith("ffn_down") else "expert_ffn"
    if kind.startswith("ffn_"):
        return "ffn_down" if kind.startswith("ffn_down") else "ffn"
    if kind in _VALUES:
        return "attn_v"
    return "attn_output" if kind in _OUTPUTS else "attention"
