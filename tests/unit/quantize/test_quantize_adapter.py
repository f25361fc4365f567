"""LoRA adapters: what cannot be written as one number is refused, the rest keeps its strength."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from quantize import adapter, checkpoint
from tests.unit.quantize.test_quantize_checkpoint import safetensors, tensor

Json = dict[str, Any]
PREFIX = "base_model.model.model.layers.0.self_attn.q_proj"
CONFIG: Json = {
    "peft_type": "LORA", "r": 8, "lora_alpha": 16, "base_model_name_or_path": "maker/base",
    "alpha_pattern": {}, "rank_pattern": {}, "use_dora": False, "use_rslora": False,
}  # fmt: skip
HALVES = [f"{PREFIX}.lora_A.weight", f"{PREFIX}.lora_B.weight"]


def weights(*names: str) -> bytes:
    rows = {name: tensor(8 * n, 8 * n + 8) for n, name in enumerate(names)}
    return safetensors(rows, b"x" * 8 * len(names))


def write(path: Path, document: Json) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document), "utf-8")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    write(folder / "config.json", {"architectures": ["LlamaForCausalLM"], "auto_map": {}})
    write(folder / "model.safetensors.index.json", {"weight_map": {"a": "not-there.safetensors"}})
    (folder / "evil.py").write_text("no", "utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "adapter"
    write(place / "adapter_config.json", CONFIG)
    (place / "adapter_model.safetensors").write_bytes(weights(*HALVES))
    write(place / "tokenizer_config.json", {})
    (place / "training_args.bin").write_bytes(b"pickle")
    return place


def refused(folder: Path, base: Path | None, **options: bool) -> AppError:
    with pytest.raises(AppError) as caught:
        checkpoint.read(folder, base=base, **options)
    return caught.value


def test_an_adapter_is_read_with_what_describes_its_model(
    folder: Path, base: Path, tmp_path: Path
) -> None:
    found = checkpoint.read(folder, base=base)
    assert found.architecture == "LlamaForCausalLM" and found.values == 8 and found.own_code
    assert [path.name for path in found.configs] == ["adapter_config.json", "config.json"]
    place, beside = tmp_path / "seen" / "adapter", tmp_path / "seen" / "base"
    checkpoint.show_adapter(found, place, beside)
    names = sorted(path.name for path in place.iterdir())
    assert names == ["adapter_config.json", "adapter_model.safetensors"]
    assert json.loads((place / "adapter_config.json").read_text("utf-8")) == {"lora_alpha": 16}
    # An index would make the converter look for the weights.
    assert [path.name for path in beside.iterdir()] == ["config.json"]


def test_without_its_model_the_adapter_says_which_it_needs(folder: Path, base: Path) -> None:
    error = refused(folder, None)
    assert error.code is ErrorCode.ADAPTER_NEEDS_BASE and error.params["base"] == "maker/base"
    assert refused(folder, folder / "none").code is ErrorCode.PATH_NOT_FOUND
    assert "config.json" in str(refused(folder, folder))
    # A whole model has no base; nor has one that lies beside an adapter.
    (base / "model.safetensors.index.json").unlink()
    (base / "model.safetensors").write_bytes(weights("a"))
    assert "no LoRA adapter" in str(refused(base, base))
    write(base / "adapter_config.json", CONFIG)
    assert checkpoint.read(base).base is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"peft_type": "IA3"}, "IA3"),
        ({"use_dora": True}, "DoRA"),
        ({"fan_in_fan_out": True}, "the other way round"),
        ({"layer_replication": [[0, 4], [2, 5]]}, "repeats layers"),
        ({"alpha_pattern": {"q_proj": 32}}, "alpha_pattern"),
        ({"alpha_pattern": [32]}, "alpha_pattern"),
        ({"use_rslora": True, "rank_pattern": {"q_proj": 4}}, "several ranks"),
        ({"use_rslora": True, "r": None}, "names no r"),
        ({"lora_alpha": "16"}, "names no lora_alpha"),
        ({"lora_alpha": True}, "names no lora_alpha"),
        ({"alora_invocation_tokens": ["a"]}, "no list of numbers"),
        ({"invocation_string": "<|go|>"}, "does not name"),
    ],
)
def test_what_a_gguf_adapter_cannot_say_is_refused(
    folder: Path, base: Path, more: Json, words: str
) -> None:
    write(folder / "adapter_config.json", {**CONFIG, **more})
    error = refused(folder, base)
    assert error.code is ErrorCode.ADAPTER_UNSUPPORTED and words in str(error), error


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([f"{PREFIX}.weight"], "replaces whole tensors"),
        ([*HALVES, "base_model.model.lm_head.weight"], "lm_head"),
        ([*HALVES, f"{PREFIX}.lora_magnitude_vector"], "magnitude"),
        (HALVES[:1], "one half"),
        (["base_model.model.model.norm.weight"], "no LoRA tensors"),
    ],
)
def test_tensors_that_are_no_adapters_are_refused(
    folder: Path, base: Path, names: list[str], words: str
) -> None:
    (folder / "adapter_model.safetensors").write_bytes(weights(*names))
    error = refused(folder, base)
    assert error.code is ErrorCode.ADAPTER_UNSUPPORTED and words in str(error), error


def test_norms_and_embeddings_are_part_of_some(folder: Path, base: Path) -> None:
    more = [f"m.embed_tokens.lora_embedding_{half}" for half in "AB"]
    norm = "base_model.model.model.layers.0.input_layernorm.weight"
    (folder / "adapter_model.safetensors").write_bytes(weights(*HALVES, *more, norm))
    assert checkpoint.read(folder, base=base).values == 20


def test_the_strength_is_what_the_maker_meant() -> None:
    def told(**more: object) -> Json:
        return adapter.told_to_converter({**CONFIG, **more})

    assert told() == told(alpha_pattern={"q_proj": 16}) == {"lora_alpha": 16}
    # A file's alpha is divided by the rank; a rank-stabilized one's by its root.
    assert told(use_rslora=True)["lora_alpha"] / 8 == pytest.approx(16 / math.sqrt(8))
    assert told(alora_invocation_tokens=[5, 6])["alora_invocation_tokens"] == [5, 6]


def test_pickles_and_broken_weights(folder: Path, base: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in str(refused(folder, base))
    path.unlink()
    assert "no adapter_model.safetensors" in str(refused(folder, base))
    (folder / "adapter_model.bin").write_bytes(b"pickle")
    assert refused(folder, base).code is ErrorCode.CHECKPOINT_PICKLED
    found = checkpoint.read(folder, base=base, allow_pickle=True)
    assert found.pickled and [path.name for path in found.weights] == ["adapter_model.bin"]
