"""What a load needs beyond the engine's plan: the process, its vocabulary, a device's context."""

from __future__ import annotations

from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.estimate import HOST, Figure
from desktop.core.gguf.shape import ModelShape

MIB = 1 << 20
# The process itself: code, HTTP threads, buffers. Measured with llama.cpp 0c1e570 on Linux x86-64
# (see tests/unit/fit/test_memory.py): resident memory after a first reply, less the plan.
# 20 to 22 MiB for small models; a 0.5B model grew by another 38 MiB while generating (ENGINE.md).
PROCESS_BYTES = 32 * MIB
# The vocabulary in memory: tokens, merges, hash tables. qwen2's 151,936 tokens took 47 MiB.
VOCAB_BYTES_PER_TOKEN = 340
# A CUDA or Vulkan context, which no plan contains (ENGINE.md; NVIDIA's is 300 to 600 MiB).
GPU_CONTEXT_BYTES = 450 * MIB


def overhead(
    name: str,
    vocab_size: int | None,
    *,
    shape: ModelShape | None = None,
    settings: LoadSettings | None = None,
) -> Figure:
    """What a device needs beyond the plan: the process on the host, a context on a GPU."""
    if name != HOST:
        return Figure(GPU_CONTEXT_BYTES, GPU_CONTEXT_BYTES // 2, GPU_CONTEXT_BYTES * 3 // 2)
    tokens = 128_000 if vocab_size is None else vocab_size
    value = PROCESS_BYTES + tokens * VOCAB_BYTES_PER_TOKEN
    return Figure(value, value // 2, value * 3 // 2)
