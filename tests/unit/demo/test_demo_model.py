"""The bundled demo model: its data are sound, and what is shipped fits together."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DEMO = Path(__file__).resolve().parents[3] / "resources" / "demo"
TRAINING = DEMO / "training"


def load(name: str) -> ModuleType:
    """Import one file of the training folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"demo_{name}", TRAINING / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


augment = load("augment")


@pytest.fixture(scope="module")
def pairs() -> list[Any]:
    return list(augment.load_pairs(sorted(TRAINING.glob("guide_*.jsonl"))))


def same(text: str) -> str:
    """Two questions with the same result are one wording; the signs ~ and ✓ do differ."""
    return str(augment.normalized(text)) + "".join(char for char in text if char in "~✓")


def test_there_are_enough_pairs_and_phrasings(pairs: list[Any]) -> None:
    assert len(pairs) >= 200
    assert {pair.lang for pair in pairs} == {"en", "ja"}
    assert all(len(pair.questions) >= 3 and pair.held_out for pair in pairs)
    assert len({pair.id for pair in pairs}) == len(pairs)


def test_no_question_belongs_to_two_pairs_and_none_is_both_stored_and_held_out(
    pairs: list[Any],
) -> None:
    questions = [
        (pair.lang, same(question))
        for pair in pairs
        for question in (*pair.questions, *pair.held_out)
    ]
    assert len(set(questions)) == len(questions)


def test_answers_are_plain_and_short(pairs: list[Any]) -> None:
    for pair in pairs:
        assert not set("!！\n") & set(pair.answer), pair.id
        words = len(pair.answer.split()) if pair.lang == "en" else len(pair.answer) / 2.2
        assert words <= 65, pair.id


@pytest.mark.parametrize("question", ["What is Q4_K_M?", "Q4_K_M とは何ですか？"])
def test_the_first_example_is_a_stored_question(pairs: list[Any], question: str) -> None:
    assert any(question in pair.questions for pair in pairs)


def test_rewordings_are_many_and_never_held_out(pairs: list[Any]) -> None:
    augmenter = augment.Augmenter(pairs, random.Random(7))
    held_out = {augment.normalized(question) for pair in pairs for question in pair.held_out}
    made = [augmenter.reworded(pair) for pair in pairs for _ in range(20)]
    assert not held_out & {augment.normalized(text) for text in made}
    assert len(set(made)) > 10 * len(pairs)


def test_checkpoint_is_small_and_can_be_quantized_by_k_quants() -> None:
    config = json.loads((DEMO / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["hidden_size"] % 256 == 0
    assert config["intermediate_size"] % 256 == 0
    files = [path for path in DEMO.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 16_000_000


def test_gguf_is_there_and_names_itself() -> None:
    head = (DEMO / "paddock-guide-q8_0.gguf").read_bytes()[:4096]
    assert head.startswith(b"GGUF")
    assert b"Paddock Guide" in head
    assert b"mit" in head
