"""Makes a small Qwen2 model with random weights, biases and few key-value heads.

    python make_qwen.py FOLDER

Its weights are 16-bit numbers, so that an F16 file holds exactly them.
"""

import sys

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(7)
config = Qwen2Config(
    vocab_size=4096,
    hidden_size=128,
    intermediate_size=256,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=1024,
    initializer_range=0.15,
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=False,
)
model = Qwen2ForCausalLM(config)
with torch.no_grad():
    for name, weights in model.named_parameters():
        if name.endswith("bias"):
            weights.normal_(0, 0.5)
model.half().save_pretrained(sys.argv[1])
