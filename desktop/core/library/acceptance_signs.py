"""Signs by which a template or an answer is read: tokens in the plain, thinking, pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

# What stands around turns in templates of llama.cpp 0c1e570 (models/templates): none of it is
# ever part of an answer. Tags of thinking are `thinking_tag`'s.
_TOKENS = re.compile(
    r"<[|｜][A-Za-z0-9_▁/ ]{1,40}[|｜]>|</?s>|<(?:start|end)_of_turn>|<turn\|>|<\|turn>|"
    r"</?(?:eos|bos|EOT|eot|endoftext|im_start|im_end)>|\[/?INST\]|\[/?SYSTEM_PROMPT\]|"
    r"\[(?:TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS|gMASK)\]|<<SYS>>|<\[(?:begin|end)▁of"
)
_THINKING = re.compile(
    r"</?(?:think|thinking|thought|seed:think|reasoning)>|\[/?THINK\]|<\|/?think\|>|"
    r"<\|(?:START|END)_THINKING\|>|<\|channel\|?>(?:analysis|thought)?|"
    r"<｜(?:begin|end)▁of▁thinking｜>|◁/?think▷",
    re.IGNORECASE,
)
# Of architectures that are made for pictures whatever their size (src/llama-arch.cpp).
_SEEING = frozenset(
    {
        *("qwen2vl", "qwen3vl", "qwen3vlmoe", "cogvlm", "deepseek2-ocr", "paddleocr"),
        *("hunyuan_vl", "dots3note", "gemma3n"),
    }
)
_PICTURES = re.compile(
    r"<\|?(?:start_of_|begin_of_|end_of_)?(?:image|img|vision|media|video|audio)[a-z_]*\|?>|"
    r"\[IMG\]|\[AUDIO\]|IMG_CONTEXT|['\"](?:image|image_url|input_image|audio|input_audio|video)['\"]",
    re.IGNORECASE,
)
# Models made for text alone that share the template of larger ones, by layers (src/models/
# gemma3.cpp: 270M, 1B, Rnj-1).
_TEXT_ALONE = {"gemma3": (18, 26, 32)}


def raw_token(text: str, special: Sequence[str] = ()) -> str | None:
    """A special token that stands in an answer as plain text.

    Args:
        special: tokens of the model's own that begin and end texts.
    """
    for found in _TOKENS.finditer(text):
        if thinking_tag(found[0]) is None:
            return found[0]
    # One of the model's own is only told when it cannot be a word.
    return next((each for each in special if len(each) > 2 and each in text), None)


def thinking_tag(text: str) -> str | None:
    """The first tag around thinking that stands in a text."""
    found = _THINKING.search(text)
    return None if found is None else found[0]


def vision_sign(
    architecture: str | None, n_layers: int | None, template: str
) -> Literal["architecture", "template"] | None:
    """What says that a model is made for pictures or sound."""
    if architecture in _SEEING:
        return "architecture"
    if n_layers in _TEXT_ALONE.get(architecture or "", ()):
        return None
    return "template" if _PICTURES.search(template) else None
