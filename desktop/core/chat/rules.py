"""What may stand in a conversation: sizes, sampling, and the title it gets by itself."""

from __future__ import annotations

import re
from typing import Any

from desktop.core.errors import AppError, ErrorCode

MESSAGE_BYTES = 1 << 20
# It travels with every event of its conversation.
SYSTEM_BYTES = 128 << 10
TITLE_CHARS = 200
_OWN_TITLE_CHARS = 60

# lowest, highest, whole numbers only
SAMPLING: dict[str, tuple[float, float, bool]] = {
    "temperature": (0, 2, False),
    "top_p": (0, 1, False),
    "top_k": (0, 1000, True),
    "min_p": (0, 1, False),
    "max_tokens": (1, 1_000_000, True),
    "seed": (0, 2**32 - 1, True),
    "repeat_penalty": (0.5, 2, False),
}

_MARKS = re.compile(
    r"```[^\n]*|~~~[^\n]*"  # fences with their language
    r"|^\s{0,3}(?:#{1,6}\s|>\s?|[-*+]\s|\d+[.)]\s)"  # heading, quote, list
    r"|\*\*|__|~~|`",
    re.MULTILINE,
)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_EMPHASIS = re.compile(r"(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")


def checked_sampling(sampling: object) -> dict[str, Any]:
    """The sampling as it is stored; keys set to None are left to the model.

    Raises:
        AppError: SETTING_INVALID.
    """
    if not isinstance(sampling, dict):
        raise AppError(
            ErrorCode.SETTING_INVALID,
            name="sampling",
            value=repr(sampling)[:80],
            reason="It must be an object.",
        )
    return {name: _checked(name, value) for name, value in sampling.items() if value is not None}


def _checked(name: Any, value: Any) -> Any:
    if name not in SAMPLING:
        reason = f"Known names are {', '.join(SAMPLING)}."
        raise AppError(
            ErrorCode.SETTING_INVALID, name="sampling", value=repr(name)[:80], reason=reason
        )
    low, high, whole = SAMPLING[name]
    right = isinstance(value, int) or (isinstance(value, float) and not whole)
    if isinstance(value, bool) or not right or not low <= value <= high:
        kind = "whole number" if whole else "number"
        raise AppError(
            ErrorCode.SETTING_INVALID,
            name=name,
            value=repr(value)[:80],
            reason=f"It must be a {kind} from {low} to {high}.",
        )
    return value


def checked_text(name: str, value: object, most_bytes: int) -> str:
    """A text that can be stored and sent.

    Raises:
        AppError: BAD_REQUEST where it is none, is too large, or holds half a character.
    """
    if not isinstance(value, str):
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be a text.")
    try:
        size_bytes = len(value.encode())
    except UnicodeEncodeError as error:
        reason = f"“{name}” holds half of a character at place {error.start}."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason) from error
    if size_bytes > most_bytes:
        raise AppError(
            ErrorCode.BAD_REQUEST,
            reason=f"“{name}” has {size_bytes:,} bytes; {most_bytes:,} are allowed.",
        )
    return value


def checked_message(value: object) -> str:
    """A message of a person: some words, and not more than MESSAGE_BYTES.

    Raises:
        AppError: BAD_REQUEST.
    """
    content = checked_text("content", value, MESSAGE_BYTES)
    if not content.strip():
        raise AppError(ErrorCode.BAD_REQUEST, reason="The message is empty.")
    return content


def checked_title(value: object) -> str:
    """One line of at most TITLE_CHARS characters; empty: made from the first message."""
    return " ".join(checked_text("title", value, MESSAGE_BYTES).split())[:TITLE_CHARS]


def title_of(message: str) -> str:
    """The first words of a message, without Markdown's marks."""
    start = message.strip()[:2000]
    plain = _EMPHASIS.sub("", _LINK.sub(r"\1", _MARKS.sub(" ", start)))
    words = " ".join(plain.split()) or " ".join(start.split())
    if len(words) <= _OWN_TITLE_CHARS:
        return words
    cut = words[: _OWN_TITLE_CHARS - 1]
    space = cut.rfind(" ")
    if space > _OWN_TITLE_CHARS // 2:  # a language without spaces is cut anywhere
        cut = cut[:space]
    return f"{cut.rstrip(' ,;:.、。')}…"
