"""What transformers makes of a text with a checkpoint; runs in the toolkit.

    python answer.py go-on CHECKPOINT TOKENS COUNT [ADAPTER SCALE]
    python answer.py embed CHECKPOINT TEXT…
    python answer.py tokens CHECKPOINT QUESTION

`go-on` goes on greedily and prints {"text", "logprobs"}; an adapter is added to the weights, with
its strength as PEFT has it. `embed` prints a vector for each text: the mean over its tokens, of
length 1. `tokens` prints what a question is cut into, in the chat template.
"""

import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer


def add(model: torch.nn.Module, folder: Path, scale: float) -> None:
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    rank = config["r"]
    strength = scale * config["lora_alpha"] / (math.sqrt(rank) if config["use_rslora"] else rank)
    tensors = load_file(folder / "adapter_model.safetensors")
    weights = dict(model.named_parameters())
    for name, a in tensors.items():
        if name.endswith(".lora_A.weight"):
            b = tensors[name.replace("lora_A", "lora_B")]
            target = name.removeprefix("base_model.model.").replace(".lora_A", "")
            weights[target].data += strength * (b @ a)


def go_on(folder: str, given: str, count: str, *adapter: str) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=False)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if adapter:
        add(model, Path(adapter[0]), float(adapter[1]))
    tokens, made, logprobs = json.loads(given), [], []
    for _ in range(int(count)):
        scores = torch.log_softmax(model(torch.tensor([tokens + made])).logits[0, -1].double(), -1)
        best = int(scores.argmax())
        if best == model.config.eos_token_id:
            break
        made.append(best)
        logprobs.append(float(scores[best]))
    return {"text": tokenizer.decode(made), "logprobs": logprobs}


def tokens(folder: str, question: str) -> list[int]:
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=False)
    text = tokenizer.apply_chat_template([{"role": "user", "content": question}], tokenize=False)
    return tokenizer.encode(text, add_special_tokens=False)


def embed(folder: str, *texts: str) -> list[list[float]]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    vectors = []
    for text in texts:
        given = tokenizer(text, return_tensors="pt")
        mean = model(**given).last_hidden_state[0].double().mean(0)
        vectors.append((mean / mean.norm()).tolist())
    return vectors


with torch.inference_mode():
    work = {"go-on": go_on, "embed": embed, "tokens": tokens}[sys.argv[1]]
    print(json.dumps(work(*sys.argv[2:])))
