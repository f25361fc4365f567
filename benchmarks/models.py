"""Models for benchmarks: real shapes, real tokenizer, random weights; made once and kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np


def cache_folder() -> Path:
    """Where made models are kept: $PADDOCK_BENCH_CACHE, else the user's cache."""
    chosen = os.environ.get("PADDOCK_BENCH_CACHE")
    folder = Path(chosen) if chosen else Path("~/.cache/paddock-benchmarks").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def engine_bin() -> Path:
    """The folder of the environment's engine tools."""
    from desktop.core.engine.runtime import environment_folder

    folder = environment_folder()
    if folder is None:
        sys.exit("The engine is not installed: run `make run` once.")
    return folder / "bin"


def half_billion(quant_type: str = "Q4_K_M") -> Path:
    """A random-weight llama of about 0.5 B parameters (28 layers, 1024 wide, 131,072 tokens)."""
    folder = cache_folder()
    wanted = folder / f"random-0.5b-{quant_type.lower()}.gguf"
    if wanted.exists():
        return wanted
    source = folder / "random-0.5b-source.part"
    print(f"making {wanted} (once)", file=sys.stderr)
    _write_llama(source, layers=28, hidden=1024, heads=16, kv_heads=4, ff=3072, vocab=131_072)
    part = wanted.with_suffix(".part")
    subprocess.run(
        [str(engine_bin() / "llama-quantize"), str(source), str(part), quant_type],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    part.rename(wanted)
    source.unlink()
    return wanted


def small() -> Path:
    """A random-weight llama of a few MB, for engines whose answers are scripted."""
    wanted = cache_folder() / "random-small-f16.gguf"
    if not wanted.exists():
        part = wanted.with_suffix(".part")
        _write_llama(part, layers=2, hidden=256, heads=4, kv_heads=2, ff=512, vocab=4096)
        part.rename(wanted)
    return wanted


def _write_llama(
    path: Path, *, layers: int, hidden: int, heads: int, kv_heads: int, ff: int, vocab: int
) -> None:
    rng = np.random.default_rng(7)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("Random 0.5B")
    writer.add_block_count(layers)
    writer.add_context_length(32_768)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(500_000.0)
    writer.add_vocab_size(vocab)
    writer.add_tokenizer_model("llama")
    special = [b"<unk>", b"<s>", b"</s>"]
    letters = [f"<0x{byte:02X}>".encode() for byte in range(256)]
    words = [f"\u2581w{number}".encode() for number in range(vocab - len(special) - len(letters))]
    writer.add_token_list([*special, *letters, *words])
    writer.add_token_scores([0.0] * 259 + [-float(n) for n in range(len(words))])
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * len(words)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "
    )

    def tensor(name: str, *shape: int) -> None:
        values = rng.standard_normal(shape, dtype=np.float32) * 0.02
        writer.add_tensor(name, values.astype(np.float16 if len(shape) > 1 else np.float32))

    head_dim = hidden // heads
    tensor("token_embd.weight", vocab, hidden)
    writer.add_tensor("output_norm.weight", np.ones(hidden, np.float32))
    for layer in range(layers):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(hidden, np.float32))
        tensor(f"blk.{layer}.attn_q.weight", hidden, hidden)
        tensor(f"blk.{layer}.attn_k.weight", kv_heads * head_dim, hidden)
        tensor(f"blk.{layer}.attn_v.weight", kv_heads * head_dim, hidden)
        tensor(f"blk.{layer}.attn_output.weight", hidden, hidden)
        tensor(f"blk.{layer}.ffn_gate.weight", ff, hidden)
        tensor(f"blk.{layer}.ffn_up.weight", ff, hidden)
        tensor(f"blk.{layer}.ffn_down.weight", hidden, ff)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
