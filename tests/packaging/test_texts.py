"""The texts that ship for quantized files: mixed, large enough, and never one judged by itself."""

from __future__ import annotations

import re

from desktop.core.paths import resources

TEXTS = {
    name: (resources() / "texts" / f"{name}.txt").read_text("utf-8")
    for name in ("importance", "evaluation")
}


def test_no_paragraph_is_in_both() -> None:
    importance, evaluation = (set(text.split("\n\n")) for text in TEXTS.values())
    both = {part for part in importance & evaluation if len(part) > 200}
    assert not both


def test_each_stretch_holds_something_of_each_kind() -> None:
    for text in TEXTS.values():
        assert len(text.encode()) > 150_000
        for start in range(0, len(text) - 30_000, 30_000):
            part = text[start : start + 30_000]
            assert len(re.findall(r"[\u3041-\u30ff\u4e00-\u9fff]", part)) > 500
            assert len(re.findall(r"^ +(?:return|if|for|self)", part, re.MULTILINE)) > 12
            assert len(re.findall(r"\b(?:the|and|of)\b", part)) > 120
