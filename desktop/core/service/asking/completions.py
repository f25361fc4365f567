"""Text completions: prompts of every kind, a prompt said again, and text that is filled in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from desktop.core.service.asking.rewrite import Chunk, Rewriter
from desktop.core.service.asking.tools import new_call_id
from desktop.core.service.asking.values import Body, flag, refused, text, whole
from desktop.core.service.streams import event_of

PROMPTS = 128
_MOST_TOKEN = 2**31 - 1
_END = b"\n\n"
_DATA = b"data: {"
_REASONS = {"limit": "length"}

Prompt = str | list[int]


def check(body: Body, vocabulary: int | None = None) -> None:
    """Refuse what makes no sense.

    Args:
        vocabulary: how many tokens the model knows.

    Raises:
        ApiError: 400, naming the parameter.
    """
    prompts = prompts_of(body, vocabulary)
    if body.get("best_of") not in (None, 1):
        raise refused(
            "best_of", "“best_of” is not supported; ask for several with “n”.", "unsupported"
        )
    echo = body.get("echo") is not None and flag(body["echo"], "echo")
    if echo and body.get("logprobs") is not None:
        raise refused("echo", "“echo” cannot be combined with “logprobs” here.", "unsupported")
    if body.get("suffix") is not None:
        text(body["suffix"], "suffix")
        if len(prompts) > 1 or not isinstance(prompts[0], str):
            raise refused("suffix", "With “suffix” the prompt must be one text.", "unsupported")
        if body.get("logprobs") is not None:
            raise refused("suffix", "“suffix” cannot be combined with “logprobs”.", "unsupported")


def prompts_of(body: Body, vocabulary: int | None = None) -> list[Prompt]:
    """The prompts of a request; raises as `check` does."""
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list) or not prompt:
        raise refused("prompt", "“prompt” must be a text, a list of texts or of tokens.")
    if any(isinstance(each, int) for each in prompt):
        return [tokens_of(prompt, "prompt", vocabulary)]
    if len(prompt) > PROMPTS:
        raise refused(
            "prompt", f"“prompt” has {len(prompt)} entries; {PROMPTS} are allowed.", "too_many"
        )
    return [
        each if isinstance(each, str) else tokens_of(each, "prompt", vocabulary) for each in prompt
    ]


def tokens_of(value: Any, param: str, vocabulary: int | None) -> list[int]:
    """A list of tokens the model knows; others would end the engine."""
    if not isinstance(value, list) or not value:
        raise refused(param, f"“{param}” must hold texts or lists of tokens, none of them empty.")
    most = _MOST_TOKEN if vocabulary is None else vocabulary - 1
    return [whole(each, param, 0, most) for each in value]


class Echo(Rewriter):
    """The prompt before each of its answers.

    Args:
        prompts: as texts.
        answers: to each prompt.
    """

    def __init__(self, prompts: list[str]) -> None:
        self._prompts = prompts
        self._said: set[tuple[int, int]] = set()

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        for choice in chunk.get("choices") or ():
            which = (self.part, int(choice.get("index", 0)))
            if which not in self._said:
                self._said.add(which)
                choice["text"] = self._prompts[self.part] + (choice.get("text") or "")
        return (chunk,)


def infill(body: Body) -> Body:
    """What the engine's `/infill` is asked for a prompt with a suffix."""
    asked = {name: value for name, value in body.items() if name not in ("suffix", "echo")}
    return {**asked, "prompt": "", "input_prefix": body["prompt"], "input_suffix": body["suffix"]}


class Infilled:
    """Makes text completions of the events of `/infill`, which have a shape of their own.

    Args:
        model: as it is called.
        answers: how many were asked for.
    """

    def __init__(self, model: str, answers: int) -> None:
        self._left = answers
        self._rest = b""
        self._head = {
            "id": new_call_id().replace("call_", "cmpl-"),
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
        }

    def feed(self, block: bytes) -> bytes:
        whole, mark, rest = (self._rest + block).rpartition(_END)
        self._rest = rest
        return b"".join(self._events(whole)) if mark else b""

    def _events(self, block: bytes) -> Iterator[bytes]:
        for event in block.split(_END):
            if not event.startswith(_DATA):
                yield event + _END
                continue
            found = json.loads(event[6:])
            if "content" not in found:  # an error
                yield event + _END
                continue
            yield from self._chunks(found)

    def _chunks(self, found: Body) -> Iterator[bytes]:
        reason = None
        if found.get("stop"):
            reason = _REASONS.get(str(found.get("stop_type")), "stop")
        choice = {
            "text": found["content"],
            "index": found.get("index", 0),
            "logprobs": None,
            "finish_reason": reason,
        }
        more: Body = {key: found[key] for key in ("prompt_progress", "timings") if key in found}
        yield event_of({"choices": [choice], **self._head, **more})
        if reason is None:
            return
        usage = {
            "prompt_tokens": found.get("tokens_evaluated"),
            "completion_tokens": found.get("tokens_predicted"),
            "prompt_tokens_details": {"cached_tokens": (found.get("timings") or {}).get("cache_n")},
        }
        yield event_of({"choices": [], **self._head, "usage": usage})
        self._left -= 1
        if self._left <= 0:
            yield b"data: [DONE]" + _END
