"""What tensors are for, by their names, and the sums of a header by it."""

from __future__ import annotations

import pytest

from desktop.core.gguf.facts import ShapeFacts, facts_of, merge_facts
from desktop.core.gguf.header import Header, Tensor
from desktop.core.gguf.roles import EXPERT_ROLES, ROLES, role_of
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.tensor_types import TENSOR_TYPES

_BY_NAME = {kind.name: kind for kind in TENSOR_TYPES.values()}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("token_embd.weight", "embedding"),
        ("per_layer_token_embd.weight", "embedding"),
        ("output.weight", "output"),
        ("blk.0.attn_q.weight", "attention"),
        ("blk.12.attn_qkv.weight", "attention"),
        ("blk.12.attn_kv_b.weight", "attn_v"),
        ("blk.3.attn_v.weight", "attn_v"),
        ("blk.3.attn_output.weight", "attn_output"),
        ("blk.3.ssm_out.weight", "attn_output"),
        ("blk.3.shortconv.out_proj.weight", "attn_output"),
        ("blk.3.ffn_down.weight", "ffn_down"),
        ("blk.3.ffn_down_shexp.weight", "ffn_down"),
        ("blk.3.ffn_up.weight", "ffn"),
        ("blk.3.ffn_gate_up_exps.weight", "expert_ffn"),
        ("blk.3.ffn_down_exps.weight", "expert_ffn_down"),
        ("blk.3.ffn_gate_inp.weight", None),
        ("blk.3.attn_norm.weight", None),
        ("blk.3.attn_q.bias", None),
        ("output_norm.weight", None),
        ("rope_freqs.weight", None),
    ],
)
def test_the_name_says_what_a_tensor_is_for(name: str, role: str | None) -> None:
    assert role_of(name, 2) == role
    assert role is None or role in (*ROLES, *EXPERT_ROLES)
    assert role_of(name, 1) is None


def _header(*tensors: tuple[str, str, int]) -> Header:
    made = tuple(
        Tensor(name, (256, rows), _BY_NAME[kind], 0, 256 * rows, 256 * rows)
        for name, kind, rows in tensors
    )
    values = {
        "general.architecture": "llama",
        "llama.block_count": 1,
        "llama.embedding_length": 256,
        "llama.attention.head_count": 2,
    }
    return Header(3, 32, values, made, 0, 0)


def test_a_header_sums_weights_by_role_and_type_and_parts_of_a_split_model_add_up() -> None:
    first = facts_of(
        _header(("token_embd.weight", "Q4_K", 8), ("blk.0.ffn_down.weight", "Q6_K", 4))
    )
    second = facts_of(
        _header(("blk.0.ffn_down.weight", "Q6_K", 2), ("blk.0.attn_v.weight", "Q8_0", 1))
    )
    whole = merge_facts([first, second])
    expected = {
        "embedding": {"Q4_K": 8 * 256},
        "ffn_down": {"Q6_K": 6 * 256},
        "attn_v": {"Q8_0": 256},
    }
    assert whole.roles == expected
    assert ShapeFacts.from_dict(whole.to_dict()) == whole
    shape = ModelShape.of(whole)
    assert shape is not None and shape.roles == expected
