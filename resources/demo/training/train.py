"""Train *Paddock Guide* from nothing: tokenizer, model, Hugging Face checkpoint.

    python resources/demo/training/train.py

Needs torch (CPU), transformers, sentencepiece and safetensors: the dependency group `demo`.
The model is a Llama of 4.5 million parameters that learns the pairs of `guide_*.jsonl` by heart.
The loss is taken on the answers only. Each round shows every pair once in full, with a stored
question or a rewording, and several times with a question and only the beginning of the answer: the
beginning decides which answer it is, so the cheap short samples teach most of the generalisation.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import sentencepiece as spm
import torch
from augment import TEMPLATES, Augmenter, Pair, load_pairs, normalized
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
BOS, EOS = 1, 2
USER, ASSISTANT = "<|user|>", "<|assistant|>"
IGNORED = -100

CHAT_TEMPLATE = """\
{%- set ns = namespace(text='') -%}
{%- for message in messages -%}
  {%- if message['role'] == 'user' -%}
    {%- if message['content'] is string -%}
      {%- set ns.text = message['content'] -%}
    {%- else -%}
      {%- set ns.text = '' -%}
      {%- for part in message['content'] -%}
        {%- if part['type'] == 'text' -%}
          {%- set ns.text = ns.text + part['text'] -%}
        {%- endif -%}
      {%- endfor -%}
    {%- endif -%}
  {%- endif -%}
{%- endfor -%}
{{- bos_token + '<|user|>' + (ns.text | trim) + '<|assistant|>' -}}
"""


@dataclass(frozen=True)
class Sample:
    """Token ids of one conversation; `answer_start` is the index of the answer's first token."""

    ids: list[int]
    answer_start: int


def train_tokenizer(pairs: list[Pair], vocab_size: int, path: Path) -> spm.SentencePieceProcessor:
    """Train a SentencePiece BPE tokenizer on the stored texts and write it to `path`.

    BPE and no normalization, because that is how llama.cpp tokenizes this vocabulary: the two must
    agree to the token. Held-out questions are left out.
    """
    held_out = {normalized(question) for pair in pairs for question in pair.held_out}
    lines = []
    for pair in pairs:
        lines += [*pair.questions, pair.answer]
        wordings = [
            template.format(t=term) for template in TEMPLATES[pair.lang] for term in pair.terms[:1]
        ]
        lines += [wording for wording in wordings if normalized(wording) not in held_out]
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        byte_fallback=True,
        character_coverage=1.0,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=False,
        max_sentencepiece_length=8,
        control_symbols=[USER, ASSISTANT],
        unk_id=0,
        bos_id=BOS,
        eos_id=EOS,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path.write_bytes(model.getvalue())
    return spm.SentencePieceProcessor(model_proto=model.getvalue())


class Encoder:
    """Turns question and answer into a sample, in the exact form of the chat template."""

    def __init__(self, tokenizer: spm.SentencePieceProcessor) -> None:
        self._tokenizer = tokenizer
        self._user = tokenizer.piece_to_id(USER)
        self._assistant = tokenizer.piece_to_id(ASSISTANT)

    def sample(self, question: str, answer: str, *, limit: int = 0, dropout: float = 0.0) -> Sample:
        """Encode a pair; `limit` cuts the answer to that many tokens, `dropout` is BPE-dropout."""
        if dropout:
            asked = self._tokenizer.encode(
                question, enable_sampling=True, alpha=dropout, nbest_size=-1
            )
        else:
            asked = self._tokenizer.encode(question)
        told = [*self._tokenizer.encode(answer), EOS]
        head = [BOS, self._user, *asked, self._assistant]
        return Sample(head + (told[:limit] if limit else told), len(head))


def collate(samples: list[Sample]) -> tuple[Tensor, Tensor]:
    """Right-padded ids and labels, both (batch, length); labels are -100 outside the answers."""
    length = max(len(sample.ids) for sample in samples)
    ids = torch.full((len(samples), length), EOS)
    labels = torch.full((len(samples), length), IGNORED)
    for row, sample in enumerate(samples):
        tokens = torch.tensor(sample.ids)
        ids[row, : len(tokens)] = tokens
        labels[row, sample.answer_start : len(tokens)] = tokens[sample.answer_start :]
    return ids, labels


def batches(samples: list[Sample], batch_tokens: int, rng: random.Random) -> list[list[Sample]]:
    """Batches of similar length with at most `batch_tokens` tokens, padding included, shuffled."""
    rng.shuffle(samples)
    samples = sorted(samples, key=lambda sample: len(sample.ids) // 8)
    result: list[list[Sample]] = [[]]
    for sample in samples:
        length = max([len(other.ids) for other in result[-1]] + [len(sample.ids)])
        if length * (len(result[-1]) + 1) > batch_tokens:
            result.append([])
        result[-1].append(sample)
    rng.shuffle(result)
    return result


def build_model(vocab_size: int, dropout: float) -> LlamaForCausalLM:
    """A small Llama; its sizes are multiples of 256, so that K-quants can quantize every tensor."""
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=True,
        attention_dropout=dropout,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=None,
    )
    model = LlamaForCausalLM(config)

    def drop(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        return functional.dropout(output, dropout, module.training)

    # Llama has no dropout on its residual branches; with data this small it is what generalises.
    model.model.embed_tokens.register_forward_hook(drop)
    for layer in model.model.layers:
        layer.self_attn.o_proj.register_forward_hook(drop)
        layer.mlp.register_forward_hook(drop)
    return model


def answer_logits(model: LlamaForCausalLM, ids: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (n, vocab) and targets (n,) of the answer tokens: the others need no output."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    targets = labels[:, 1:]
    wanted = targets != IGNORED
    return model.lm_head(hidden[wanted]), targets[wanted]


@torch.no_grad()
def exact_rate(
    model: LlamaForCausalLM, encoder: Encoder, questions: list[tuple[str, str]]
) -> float:
    """Share of (question, answer) whose answer greedy decoding gives word for word.

    Every token is the most likely one after the right beginning exactly when greedy decoding gives
    the whole answer, so that one pass over the known answer is enough.
    """
    model.eval()
    samples = sorted((encoder.sample(q, a) for q, a in questions), key=lambda s: len(s.ids))
    right = 0
    for start in range(0, len(samples), 64):
        ids, labels = collate(samples[start : start + 64])
        best = model(input_ids=ids, use_cache=False).logits[:, :-1].argmax(-1)
        targets = labels[:, 1:]
        right += int(((best == targets) | (targets == IGNORED)).all(1).sum())
    model.train()
    return right / len(samples)


def round_samples(
    pairs: list[Pair],
    encoder: Encoder,
    augmenter: Augmenter,
    rng: random.Random,
    args: argparse.Namespace,
) -> list[Sample]:
    """The samples of one round: for each pair `--full` whole answers and `--short` beginnings."""
    samples = []
    for pair in pairs:
        stored = list(pair.questions)
        rng.shuffle(stored)
        for index in range(args.full):
            if rng.random() < 0.5:
                samples.append(encoder.sample(stored[index % len(stored)], pair.answer))
            else:
                samples.append(encoder.sample(augmenter.reworded(pair), pair.answer, dropout=0.05))
        for index in range(args.short):
            question = stored[index] if index < 3 else augmenter.reworded(pair)
            dropout = 0.1 if rng.random() < 0.5 else 0.0
            samples.append(
                encoder.sample(question, pair.answer, limit=args.short_tokens, dropout=dropout)
            )
    return samples


def save(model: LlamaForCausalLM, out: Path) -> None:
    """Write the checkpoint in bf16; the model in training keeps its precision."""
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(out)
    # save_pretrained leaves the weights readable by their owner alone.
    (out / "model.safetensors").chmod(0o644)


def write_tokenizer_files(out: Path) -> None:
    """Write the tokenizer's settings, as transformers and llama.cpp read them."""
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    config = {
        "tokenizer_class": "LlamaTokenizer",
        "add_bos_token": True,
        "add_eos_token": False,
        "add_prefix_space": False,
        "legacy": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 2048,
        **special,
        "additional_special_tokens": [USER, ASSISTANT],
        "chat_template": CHAT_TEMPLATE,
    }
    for name, content in (("tokenizer_config.json", config), ("special_tokens_map.json", special)):
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        (out / name).write_text(text, encoding="utf-8")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train Paddock Guide from nothing.")
    parser.add_argument("--data", type=Path, default=HERE, help="folder of guide_*.jsonl")
    parser.add_argument("--out", type=Path, default=HERE.parent, help="folder of the checkpoint")
    parser.add_argument("--rounds", type=int, default=90, help="passes over all pairs")
    parser.add_argument("--full", type=int, default=1, help="whole answers per pair and round")
    parser.add_argument("--short", type=int, default=6, help="answer beginnings per pair and round")
    parser.add_argument(
        "--short-tokens", type=int, default=16, help="tokens of an answer beginning"
    )
    parser.add_argument(
        "--batch-tokens", type=int, default=2048, help="tokens per step, with padding"
    )
    parser.add_argument("--lr", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.15)
    parser.add_argument("--vocab", type=int, default=4096, help="tokens of the tokenizer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)

    pairs = load_pairs(sorted(args.data.glob("guide_*.jsonl")))
    tokenizer = train_tokenizer(pairs, args.vocab, args.out / "tokenizer.model")
    write_tokenizer_files(args.out)
    encoder = Encoder(tokenizer)
    augmenter = Augmenter(pairs, rng)
    stored = [(q, pair.answer) for pair in pairs for q in pair.questions]
    held_out = [(q, pair.answer) for pair in pairs for q in pair.held_out]

    model = build_model(args.vocab, args.dropout)
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"{len(pairs)} pairs, {len(stored)} stored questions, {count:,} parameters", flush=True)
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": args.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=args.lr,
        betas=(0.9, 0.98),
    )

    began = time.monotonic()
    step = 0
    model.train()
    for number in range(args.rounds):
        work = batches(round_samples(pairs, encoder, augmenter, rng, args), args.batch_tokens, rng)
        total = 0.0
        for index, batch in enumerate(work):
            step += 1
            done = (number + index / len(work)) / args.rounds
            rate = min(step / 100, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            for group in optimizer.param_groups:
                group["lr"] = args.lr * rate
            ids, labels = collate(batch)
            with torch.autocast("cpu", torch.bfloat16):
                logits, targets = answer_logits(model, ids, labels)
            loss = functional.cross_entropy(logits.float(), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        line = f"round {number + 1}/{args.rounds} loss {total / len(work):.4f}"
        if (number + 1) % 5 == 0 or number + 1 == args.rounds:
            line += f" stored {exact_rate(model, encoder, stored):.3f}"
            line += f" held-out {exact_rate(model, encoder, held_out):.3f}"
            save(model, args.out)
        print(f"{line} steps {len(work)} {time.monotonic() - began:.0f} s", flush=True)

    seconds = time.monotonic() - began
    print(f"wrote {args.out.name}, trained for {seconds:.0f} s")


if __name__ == "__main__":
    main()
