"""Probabilities of tokens, in the two shapes of OpenAI's API; the engine has one of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from desktop.core.service.asking.rewrite import Chunk, Rewriter
from desktop.core.service.asking.values import Body


class ChosenOnly(Rewriter):
    """Chat: the probabilities of the tokens alone, without any alternatives.

    The engine gives none at all where no alternative is asked for.
    """

    marks = (b'"top_logprobs"',)

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        for choice in chunk.get("choices") or ():
            for token in (choice.get("logprobs") or {}).get("content") or ():
                token["top_logprobs"] = []
        return (chunk,)


class TextLogprobs(Rewriter):
    """Text completions: four lists side by side.

    Args:
        top: how many alternatives were asked for.
        offset: how many characters of the prompt stand before the answer.
    """

    def __init__(self, top: int, offset: int = 0) -> None:
        self._top = top
        self._offset = offset
        self._at: dict[int, int] = {}

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        for choice in chunk.get("choices") or ():
            found = (choice.get("logprobs") or {}).get("content")
            if found:
                choice["logprobs"] = self._lists(int(choice.get("index", 0)), found)
        return (chunk,)

    def _lists(self, index: int, tokens: list[Body]) -> Body:
        offsets = []
        for token in tokens:
            offsets.append(self._at.get(index, self._offset))
            self._at[index] = offsets[-1] + len(token["token"])
        top = [self._alternatives(token) for token in tokens] if self._top else None
        return {
            "tokens": [token["token"] for token in tokens],
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": top,
            "text_offset": offsets,
        }

    def _alternatives(self, token: Body) -> dict[str, Any]:
        """The most probable ones, and the one that was taken, as OpenAI has it."""
        top = {each["token"]: each["logprob"] for each in token["top_logprobs"][: self._top]}
        return {**top, token["token"]: token["logprob"]}
