"""Makes a small checkpoint with random weights; runs in the toolkit.

    python make_checkpoint.py FAMILY FOLDER [TOKENIZER]

FAMILY is one of those below, or "lora": an adapter of the checkpoint in TOKENIZER. TOKENIZER is a
folder whose tokenizer models that generate take. Weights are 16-bit numbers, so that an F16 file
holds exactly them.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

WORDS = Path(__file__).with_name("bert_words.json")
BERT_WORDS = 30_522
SMALL = {
    "vocab_size": 4096,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "initializer_range": 0.15,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GENERATE = {
    # Attention with biases, and few heads for keys and values.
    "qwen2": ("Qwen2", {"tie_word_embeddings": False}),
    # Queries and keys with norms of their own, heads wider than the model, and rows that no
    # quantized type's blocks divide.
    "qwen3": ("Qwen3", {"head_dim": 64, "intermediate_size": 250}),
    # Norms that count from 1, embeddings that are scaled and tied, and layers that see a window
    # only, but for each sixth.
    "gemma3_text": ("Gemma3", {
        "head_dim": 64, "query_pre_attn_scalar": 64, "sliding_window": 8, "pad_token_id": 0,
        "num_hidden_layers": 6,
    }),
    "mistral": ("Mistral", {"head_dim": 32, "tie_word_embeddings": False, "sliding_window": None}),
}  # fmt: skip


def randomize(model: torch.nn.Module) -> None:
    """Biases and norms, which are all 0 or 1 before."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith("bias"):
                weights.normal_(0, 0.5)
            elif "norm" in name.lower():
                weights.add_(torch.randn_like(weights) * 0.2)


def generating(family: str, folder: Path, tokenizer: Path) -> None:
    name, more = GENERATE[family]
    kind = getattr(transformers, f"{name}Config" if name != "Gemma3" else "Gemma3TextConfig")
    config = kind(**{**SMALL, **more})
    model = getattr(transformers, f"{name}ForCausalLM")(config)
    randomize(model)
    if config.tie_word_embeddings:  # else it would say each token again
        with torch.no_grad():
            model.get_input_embeddings().weight.mul_(0.3)
    model.half().save_pretrained(folder)
    for each in ("tokenizer.model", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / each, folder / each)


def bert(folder: Path) -> None:
    """An embedding model as sentence-transformers lays it out.

    Its vocabulary has BERT's numbers (of ggml-vocab-bert-bge.gguf in the engine's source): a
    tokenizer is known to the converter by the numbers that it makes of one text. Only the words
    of that text and of the tests are in it.
    """
    config = transformers.BertConfig(
        vocab_size=BERT_WORDS, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=128, initializer_range=0.3,
    )  # fmt: skip
    model = transformers.BertModel(config, add_pooling_layer=False)
    randomize(model)
    model.half().save_pretrained(folder)
    words = [f"[unused{number}]" for number in range(BERT_WORDS)]
    for word, number in json.loads(WORDS.read_text("utf-8")).items():
        words[number] = word
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    made = transformers.BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True)
    made.save_pretrained(folder)
    modules = {"idx": 1, "name": "1", "path": "1_Pooling"}
    modules["type"] = "sentence_transformers.models.Pooling"
    (folder / "modules.json").write_text(json.dumps([modules]), "utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}', "utf-8")


def vision(folder: Path, tokenizer: Path) -> None:
    """A language model with eyes: Qwen2-VL."""
    config = transformers.Qwen2VLConfig(
        text_config={
            **SMALL,
            "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
            "tie_word_embeddings": False,
        },
        vision_config={
            "depth": 3, "embed_dim": 64, "hidden_size": 128, "num_heads": 4, "mlp_ratio": 2,
            "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3,
        },
        vision_start_token_id=4093, vision_end_token_id=4094, image_token_id=4095,
        video_token_id=4092,
    )  # fmt: skip
    model = transformers.Qwen2VLForConditionalGeneration(config)
    randomize(model)
    model.half().save_pretrained(folder)
    # This transformers puts it into the part for texts, where no checkpoint that is shared has it.
    saved = json.loads((folder / "config.json").read_text("utf-8"))
    saved["architectures"] = [type(model).__name__]
    (folder / "config.json").write_text(json.dumps(saved), "utf-8")
    for each in ("tokenizer.model", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / each, folder / each)
    picture = {
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "patch_size": 14,
        "min_pixels": 3136, "max_pixels": 100_352, "merge_size": 2, "temporal_patch_size": 2,
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(picture), "utf-8")


def lora(folder: Path, base: Path) -> None:
    """As PEFT stores it: strong enough to change every answer, and rank-stabilized."""
    config = json.loads((base / "config.json").read_text("utf-8"))
    hidden, wide, rank = config["hidden_size"], config["intermediate_size"], 4
    shapes = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.v_proj": (hidden, hidden),
        "mlp.down_proj": (wide, hidden),
    }
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        for name, (inside, outside) in shapes.items():
            at = f"base_model.model.model.layers.{layer}.{name}"
            tensors[f"{at}.lora_A.weight"] = torch.randn(rank, inside) * 0.2
            tensors[f"{at}.lora_B.weight"] = torch.randn(outside, rank) * 0.2
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    document = {
        "peft_type": "LORA", "r": rank, "lora_alpha": 6, "use_rslora": True,
        "base_model_name_or_path": "maker/guide", "target_modules": ["q_proj", "v_proj"],
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(document), "utf-8")


def main() -> None:
    family, folder, *more = sys.argv[1], *map(Path, sys.argv[2:])
    torch.manual_seed(7)
    if family == "bert":
        bert(folder)
    elif family == "lora":
        lora(folder, *more)
    elif family == "qwen2_vl":
        vision(folder, *more)
    else:
        generating(family, folder, *more)


main()
