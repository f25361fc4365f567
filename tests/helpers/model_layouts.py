"""Keys and tensors of each architecture, as its converter lays them out."""

from __future__ import annotations

from tests.helpers.gguf_files import U32
from tests.helpers.model_maker import Maker, Spec


def transformer(made: Maker) -> None:
    """llama, qwen2, qwen3 and their kind, with or without experts."""
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i, norms=spec.architecture.startswith(("qwen3", "mellum")))
        made.block(i, "ffn_norm", spec.hidden)
        if spec.experts:
            made.routed(i)
        else:
            made.feed_forward(i, spec.ff)
    if spec.architecture == "llama" and spec.experts:
        made.keys["feed_forward_length"] = spec.expert_ff


def _qwen2(made: Maker) -> None:
    spec = made.spec
    transformer(made)
    for i in range(spec.layers):
        made.block(i, "attn_q.bias", spec.heads * spec.head_dim)
        for name in ("attn_k.bias", "attn_v.bias"):
            made.block(i, name, spec.kv_heads * spec.head_dim)


def _gemma(made: Maker) -> None:
    """gemma2 and gemma3: the embedding is the output too."""
    spec = made.spec
    made.tensor("output_norm.weight", spec.hidden)
    for i in range(spec.layers):
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            made.block(i, norm, spec.hidden)
        made.attention(i, norms=spec.architecture != "gemma2")
        made.feed_forward(i, spec.ff)


def _gemma4(made: Maker) -> None:
    """Sliding layers but every `full_every`-th; experts and inputs per layer where asked for."""
    spec = made.spec
    made.head()
    if spec.per_layer:
        wide = spec.per_layer * spec.layers
        made.tensor("per_layer_token_embd.weight", wide, spec.vocab)
        made.tensor("per_layer_model_proj.weight", spec.hidden, wide)
        made.tensor("per_layer_proj_norm.weight", spec.per_layer)
    made.tensor("rope_freqs.weight", spec.head_dim // 2)
    for i in range(spec.layers):
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            made.block(i, norm, spec.hidden)
        made.attention(i, norms=True)
        made.feed_forward(i, spec.ff)
        if spec.experts:
            made.routed(i)
            made.block(i, "ffn_gate_inp.scale", spec.hidden)
            for norm in ("pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"):
                made.block(i, norm, spec.hidden)
        if spec.per_layer:
            made.block(i, "inp_gate", spec.hidden, spec.per_layer)
            made.block(i, "proj", spec.per_layer, spec.hidden)
            made.block(i, "post_norm", spec.hidden)
    made.keys |= {
        "attention.sliding_window_pattern": [int(not _full(spec, i)) for i in range(spec.layers)],
        "attention.key_length_swa": spec.head_dim,
        "attention.value_length_swa": spec.head_dim,
        "attention.shared_kv_layers": spec.shared_kv,
        "embedding_length_per_layer_input": spec.per_layer,
        "final_logit_softcapping": 30.0,
    }


def _phi3(made: Maker) -> None:
    spec = made.spec
    made.head()
    q, kv = spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "attn_qkv", spec.hidden, q + 2 * kv)
        made.block(i, "attn_output", q, spec.hidden)
        made.block(i, "ffn_norm", spec.hidden)
        made.block(i, "ffn_up", spec.hidden, 2 * spec.ff)
        made.block(i, "ffn_down", spec.ff, spec.hidden)


def _glm4moe(made: Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i)
        made.block(i, "post_attention_norm", spec.hidden)
        if i < spec.dense_lead:
            made.feed_forward(i, spec.ff)
        else:
            made.routed(i)
            made.block(i, "exp_probs_b.bias", spec.experts)
            made.feed_forward(i, spec.expert_ff, suffix="_shexp")
    made.keys |= {"leading_dense_block_count": spec.dense_lead, "expert_shared_count": 1}


def _qwen3vl(made: Maker) -> None:
    transformer(made)
    quarter = made.spec.head_dim // 8
    made.keys |= {"rope.dimension_sections": [quarter, quarter, quarter, 0]}
    made.keys |= {"n_deepstack_layers": 3}


def _olmo2(made: Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.attention(i)
        made.block(i, "attn_q_norm", spec.heads * spec.head_dim)
        made.block(i, "attn_k_norm", spec.kv_heads * spec.head_dim)
        made.block(i, "post_attention_norm", spec.hidden)
        made.feed_forward(i, spec.ff)
        made.block(i, "post_ffw_norm", spec.hidden)


def _glm4(made: Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            made.block(i, norm, spec.hidden)
        made.attention(i)
        made.block(i, "ffn_up", spec.hidden, 2 * spec.ff)
        made.block(i, "ffn_down", spec.ff, spec.hidden)


def _minimax_m2(made: Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i)
        made.block(i, "attn_q_norm", spec.heads * spec.head_dim)
        made.block(i, "attn_k_norm", spec.kv_heads * spec.head_dim)
        made.block(i, "ffn_norm", spec.hidden)
        made.routed(i)
        made.block(i, "exp_probs_b.bias", spec.experts)
    made.keys |= {"feed_forward_length": spec.expert_ff, "expert_gating_func": 2}


def _seed_oss(made: Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i)
        made.block(i, "post_attention_norm", spec.hidden)
        made.feed_forward(i, spec.ff)


def _qwen2moe(made: Maker) -> None:
    spec = made.spec
    _qwen2(made)
    for i in range(spec.layers):
        made.feed_forward(i, spec.shared_ff, suffix="_shexp")
        made.block(i, "ffn_gate_inp_shexp", spec.hidden)
    made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}


def _gpt_oss(made: Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "post_attention_norm", spec.hidden)
        made.attention(i)
        for name, width in (("q", spec.heads), ("k", spec.kv_heads), ("v", spec.kv_heads)):
            made.block(i, f"attn_{name}.bias", width * spec.head_dim)
        made.block(i, "attn_output.bias", spec.hidden)
        made.block(i, "attn_sinks", spec.heads)
        made.routed(i)
        made.block(i, "ffn_gate_inp.bias", spec.experts)
        for name, width in (
            ("gate", spec.expert_ff),
            ("up", spec.expert_ff),
            ("down", spec.hidden),
        ):
            made.block(i, f"ffn_{name}_exps.bias", width, spec.experts, kind="F32")


def _deepseek2(made: Maker) -> None:
    spec = made.spec
    rank, rope, nope, v_dim, q_rank = 512, 64, 128, 128, 768
    lite = spec.layers in (26, 27)
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        if lite:
            made.block(i, "attn_q", spec.hidden, spec.heads * (nope + rope))
        else:
            made.block(i, "attn_q_a_norm", q_rank)
            made.block(i, "attn_q_a", spec.hidden, q_rank)
            made.block(i, "attn_q_b", q_rank, spec.heads * (nope + rope))
        made.block(i, "attn_kv_a_norm", rank)
        made.block(i, "attn_kv_a_mqa", spec.hidden, rank + rope)
        made.block(i, "attn_k_b", nope, rank, spec.heads, kind="F16")
        made.block(i, "attn_v_b", rank, v_dim, spec.heads, kind="F16")
        made.block(i, "attn_output", spec.heads * v_dim, spec.hidden)
        made.block(i, "ffn_norm", spec.hidden)
        if i < spec.dense_lead:
            made.feed_forward(i, spec.ff)
        else:
            made.routed(i)
            made.feed_forward(i, spec.expert_ff, suffix="_shexp")
    made.keys |= {
        "attention.head_count_kv": 1,
        "rope.scaling.type": "none",
        "attention.key_length": rank + rope,
        "attention.value_length": rank,
        "attention.key_length_mla": nope + rope,
        "attention.value_length_mla": v_dim,
        "attention.kv_lora_rank": rank,
        "attention.q_lora_rank": None if lite else q_rank,
        "rope.dimension_count": rope,
        "leading_dense_block_count": spec.dense_lead,
        "expert_shared_count": 1,
        "expert_gating_func": 2,
    }


def _full(spec: Spec, i: int) -> bool:
    return (i + 1) % spec.full_every == 0


def _granitehybrid(made: Maker) -> None:
    spec = made.spec
    inner = 2 * spec.hidden
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        if _full(spec, i):
            made.attention(i)
        else:
            made.mamba2(i, inner)
        made.block(i, "ffn_norm", spec.hidden)
        if spec.experts:
            made.routed(i)
            made.feed_forward(i, spec.shared_ff, suffix="_shexp")
        else:
            made.feed_forward(i, spec.ff)
    heads = [spec.kv_heads if _full(spec, i) else 0 for i in range(spec.layers)]
    made.keys |= {"attention.head_count_kv": heads}
    if spec.experts:
        made.keys |= {"feed_forward_length": spec.expert_ff}
        made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}
    made.ssm_keys(inner)


def _nemotron_h(made: Maker) -> None:
    spec = made.spec
    inner = spec.ssm_inner
    made.head()
    kv_heads, widths = [], []
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        attends, feeds = _full(spec, i), not _full(spec, i) and i % 2 == 1
        kv_heads.append(spec.kv_heads if attends else 0)
        widths.append(spec.ff if feeds else 0)
        if attends:
            made.attention(i)
        elif feeds and spec.experts:
            made.routed(i, gate=False)
            made.block(i, "exp_probs_b.bias", spec.experts)
            made.feed_forward(i, spec.shared_ff, gate=False, suffix="_shexp")
        elif feeds:
            made.feed_forward(i, spec.ff, gate=False)
        else:
            made.mamba2(i, inner)
    made.keys |= {"attention.head_count_kv": kv_heads, "feed_forward_length": widths}
    made.keys |= {"attention.layer_norm_epsilon": 1e-6}
    if spec.experts:
        made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}
    made.ssm_keys(inner)


def _qwen35(made: Maker) -> None:
    """qwen35 and qwen35moe, and qwen3next, whose gates are one matrix."""
    spec = made.spec
    keys, values = spec.ssm_groups * spec.ssm_state, spec.ssm_inner
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "post_attention_norm", spec.hidden)
        if _full(spec, i):
            made.attention(i, norms=True, q_factor=2)
        else:
            made.block(i, "attn_qkv", spec.hidden, 2 * keys + values)
            made.block(i, "attn_gate", spec.hidden, values)
            made.block(i, "ssm_conv1d", 4, 2 * keys + values, kind="F32")
            made.block(i, "ssm_dt.bias", spec.ssm_heads)
            made.block(i, "ssm_a", spec.ssm_heads)
            if spec.architecture == "qwen3next":
                made.block(i, "ssm_ba", spec.hidden, 2 * spec.ssm_heads)
            else:
                made.block(i, "ssm_beta", spec.hidden, spec.ssm_heads)
                made.block(i, "ssm_alpha", spec.hidden, spec.ssm_heads)
            made.block(i, "ssm_norm", spec.ssm_state)
            made.block(i, "ssm_out", values, spec.hidden)
        if spec.experts:
            made.routed(i)
            made.feed_forward(i, spec.shared_ff, suffix="_shexp")
            made.block(i, "ffn_gate_inp_shexp", spec.hidden)
        else:
            made.feed_forward(i, spec.ff)
    if spec.experts:
        made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}
    made.keys |= {"full_attention_interval": spec.full_every}
    if spec.architecture != "qwen3next":
        quarter = spec.head_dim // 8
        made.keys |= {"rope.dimension_sections": [quarter, quarter, quarter, 0]}
    made.ssm_keys(values)


def _lfm2(made: Maker) -> None:
    spec = made.spec
    made.head("token_embd_norm.weight")
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "ffn_norm", spec.hidden)
        if _full(spec, i):
            made.attention(i, norms=True)
        else:
            made.block(i, "shortconv.conv", 3, spec.hidden, kind="F32")
            made.block(i, "shortconv.in_proj", spec.hidden, 3 * spec.hidden)
            made.block(i, "shortconv.out_proj", spec.hidden, spec.hidden)
        if spec.experts and i >= spec.dense_lead:
            made.routed(i)
            made.block(i, "exp_probs_b.bias", spec.experts)
        else:
            made.feed_forward(i, spec.ff)
    heads = [spec.kv_heads if _full(spec, i) else 0 for i in range(spec.layers)]
    made.keys |= {"attention.head_count_kv": heads, "shortconv.l_cache": 3}
    if spec.experts:
        made.keys |= {"leading_dense_block_count": spec.dense_lead, "expert_gating_func": 2}


def _bert(made: Maker) -> None:
    spec = made.spec
    made.tensor("token_types.weight", spec.hidden, 2, kind="F32")
    made.tensor("position_embd.weight", spec.hidden, spec.context, kind="F32")
    made.tensor("token_embd_norm.weight", spec.hidden)
    made.tensor("token_embd_norm.bias", spec.hidden)
    for i in range(spec.layers):
        made.attention(i)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            made.block(i, f"{name}.bias", spec.hidden)
        for name in ("attn_output_norm", "layer_output_norm"):
            made.block(i, name, spec.hidden)
            made.block(i, f"{name}.bias", spec.hidden)
        made.feed_forward(i, spec.ff, gate=False)
        made.block(i, "ffn_up.bias", spec.ff)
        made.block(i, "ffn_down.bias", spec.hidden)
    made.keys |= {
        "attention.causal": False,
        "pooling_type": 1,
        "attention.layer_norm_epsilon": 1e-6,
    }
    made.made.set("tokenizer.ggml.token_type_count", U32, 2)


LAYOUTS = {
    "qwen2": _qwen2,
    "gemma2": _gemma,
    "gemma3": _gemma,
    "gpt-oss": _gpt_oss,
    "deepseek2": _deepseek2,
    "granitehybrid": _granitehybrid,
    "nemotron_h": _nemotron_h,
    "qwen3next": _qwen35,
    "qwen35": _qwen35,
    "qwen35moe": _qwen35,
    "lfm2": _lfm2,
    "lfm2moe": _lfm2,
    "nemotron_h_moe": _nemotron_h,
    "gemma4": _gemma4,
    "phi3": _phi3,
    "seed_oss": _seed_oss,
    "olmo2": _olmo2,
    "glm4": _glm4,
    "minimax-m2": _minimax_m2,
    "glm4moe": _glm4moe,
    "qwen3vl": _qwen3vl,
    "qwen3vlmoe": _qwen3vl,
    "qwen2moe": _qwen2moe,
    "bert": _bert,
}
