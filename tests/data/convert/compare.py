"""Holds the answers of llama-perplexity against those of transformers; runs in the toolkit.

    python compare.py BASE CHECKPOINT

BASE is what `llama-perplexity --kl-divergence-base` writes: the text's tokens, and for the second
half of each chunk the logarithm of each token's probability, in 65,536 steps from the most
probable token's down to 16 below it (llama.cpp, tools/perplexity/perplexity.cpp).
"""

import json
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM

base, checkpoint = sys.argv[1:]
raw = np.fromfile(base, np.uint8)
assert raw[:8].tobytes() == b"_logits_"
n_ctx, n_vocab, n_chunk = (int(each) for each in raw[8:20].view(np.int32))
start = 20 + 4 * n_ctx * n_chunk
tokens = raw[20:start].view(np.int32).reshape(n_chunk, n_ctx)
first, width = n_ctx // 2, 2 * ((n_vocab + 1) // 2) + 4
rows = raw[start:].view(np.uint16).reshape(n_chunk, n_ctx - 1 - first, width)

model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
positions = same = 0
worst_tie = total = 0.0
with torch.inference_mode():
    for chunk in range(n_chunk):
        given = torch.from_numpy(tokens[chunk].astype(np.int64))
        given[0] = model.config.bos_token_id
        logits = model(given[None]).logits[0, first : n_ctx - 1].double()
        theirs = torch.log_softmax(logits, -1)
        for row, wanted, raw_logits in zip(rows[chunk], theirs, logits, strict=True):
            scale, least = row[:4].view(np.float32)
            stored = row[4 : 4 + n_vocab].astype(np.float64)
            ours = torch.from_numpy(stored * scale + least)
            # Less than the least is stored as the least: left out, the rest is compared term by
            # term, each of which is 0 where both agree and never below (p log p/q - p + q).
            p, q = wanted.exp(), ours.exp()
            total += float((p * (wanted - ours) - p + q)[torch.from_numpy(stored > 0)].sum())
            positions += 1
            if int(ours.argmax()) == int(wanted.argmax()):
                same += 1
            else:
                tie = float(raw_logits.max() - raw_logits[int(ours.argmax())])
                worst_tie = max(worst_tie, tie)
print(
    json.dumps(
        {
            "positions": positions,
            "same_top": same / positions,
            "worst_tie": worst_tie,
            "kld_mean": total / positions,
        }
    )
)
