"""A chat whose answer has a form, asked for as a text completion.

The engine lets the tokens of the template's last words ("assistant:") go through the grammar of a
chat, but leaves out the first of them where it begins with a space, as SentencePiece makes it. With
such a template every form is refused ("Failed to initialize samplers: std::exception"; sampling.cpp
of llama.cpp 0c1e570). A text completion has no such words. Some templates it knows no forms for at
all (`Abilities.forms`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking.rewrite import Chunk, Rewriter
from desktop.core.service.asking.values import Body

_OF_CHAT = frozenset(
    {
        *("messages", "tools", "tool_choice", "parallel_tool_calls", "response_format"),
        *("logprobs", "top_logprobs", "chat_template_kwargs", "add_generation_prompt"),
        *("reasoning_effort", "reasoning_format", "reasoning_budget_tokens"),
    }
)


def is_refused_form(error: ApiError) -> bool:
    """Whether the engine failed at the template's last words rather than at the form itself."""
    return error.code == "invalid_grammar" and "std::exception" in error.message


def has_form(body: Body) -> bool:
    """Whether an answer is to have a form, of JSON."""
    wanted = body.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def form_of(body: Body) -> Any:
    """Its schema."""
    wanted = body["response_format"]
    if wanted["type"] == "json_schema":
        return (wanted.get("json_schema") or {}).get("schema") or {"type": "object"}
    return wanted.get("schema") or {"type": "object"}


def only_text(body: Body) -> bool:
    """Whether a conversation is words alone, which is all that a text completion can take."""
    return all(
        part.get("type") == "text"
        for message in body["messages"]
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )


def as_text(body: Body, prompt: str) -> Body:
    """The text completion of a chat.

    Args:
        prompt: the conversation as the model's template puts it.
    """
    asked = {name: value for name, value in body.items() if name not in _OF_CHAT}
    asked |= {"prompt": prompt, "json_schema": form_of(body)}
    if body.get("logprobs"):
        asked["n_probs"] = body.get("top_logprobs") or 1
    return asked


class AsChat(Rewriter):
    """A text completion's chunks in the shape of a chat's."""

    def __init__(self) -> None:
        self._begun: set[int] = set()

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        chunk["object"] = "chat.completion.chunk"
        for choice in chunk.get("choices") or ():
            index, text = int(choice.get("index", 0)), choice.pop("text", None)
            delta = {"content": text} if text else {}
            if index not in self._begun:
                self._begun.add(index)
                delta = {"role": "assistant", "content": text or None}
            choice["delta"] = delta
            if choice.get("logprobs") is None:
                choice.pop("logprobs", None)
        return (chunk,)
