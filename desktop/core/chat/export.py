"""A conversation as a file of its own: Markdown to read, JSON to keep."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

from desktop.core.chat.messages import Conversation, Message, path_to
from desktop.core.errors import AppError, ErrorCode

FORMS = ("md", "json")
_STATES = {"stopped": "stopped", "failed": "failed", "interrupted": "interrupted"}
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


def export(conversation: Conversation, messages: Sequence[Message], form: str) -> dict[str, Any]:
    """The file's name and text.

    Raises:
        AppError: BAD_REQUEST for an unknown form.
    """
    if form == "md":
        text = as_markdown(conversation, messages)
    elif form == "json":
        text = as_json(conversation, messages)
    else:
        known = ", ".join(FORMS)
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{form}” is no form; known are {known}.")
    return {"file_name": f"{_file_stem(conversation.title)}.{form}", "text": text}


def as_markdown(conversation: Conversation, messages: Sequence[Message]) -> str:
    """The branch that is shown."""
    parts = [f"# {conversation.title or 'Conversation'}"]
    if conversation.system:
        parts += ["## System", conversation.system.strip()]
    for message in path_to(messages, conversation.current):
        parts.append(f"## {_heading(message)}")
        if message.reasoning:
            parts.append(_quoted(message.reasoning))
        if message.content:
            parts.append(message.content.strip())
        if message.error:
            parts.append(f"*{message.error.get('title', 'It failed')}*")
    return "\n\n".join(parts) + "\n"


def as_json(conversation: Conversation, messages: Sequence[Message]) -> str:
    """Everything: all branches, with their figures."""
    whole = {
        "format": "paddock-conversation",
        "version": 1,
        "conversation": conversation.to_dict(),
        "messages": [message.to_dict() for message in messages],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _heading(message: Message) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(message.created))
    if message.role == "user":
        return f"You, {when}"
    broken = _STATES.get(message.state.value)
    return f"{message.model_id or 'Assistant'}, {when}{f' ({broken})' if broken else ''}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def _file_stem(title: str) -> str:
    """A name that every file system takes."""
    words = " ".join(_NOT_IN_NAMES.sub(" ", title).split())
    return words.strip(" .")[:80].rstrip(" .") or "conversation"
