"""Ranking of documents by how well they answer a query, in Jina's shape and in TEI's.

Cohere's clients read the same fields. Scores are the model's own: some say probabilities, some any
number; only their order is sure to mean something.
"""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from desktop.core.service import limits
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Calls
from desktop.core.service.loaded import Loaded
from desktop.core.service.openai import values
from desktop.core.service.openai.values import invalid

_ROUTE = "/v1/rerank"
_PATHS = (_ROUTE, "/v1/reranking", "/rerank", "/reranking")


class Ranking:
    """Ranks documents with a model that was made for it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        return [web.post(path, self.rank) for path in _PATHS]

    async def rank(self, request: web.Request) -> web.StreamResponse:
        async with self._calls.opened(request, _ROUTE) as call:
            body = call.body
            entry = await self._calls.model(call, body.get("model"))
            query = values.needed_text(body, "query")
            if not any(map(_is_seen, query)):
                raise invalid("“query” must hold more than blanks.", "query")
            as_list = "texts" in body  # TEI's shape: the answer is a bare list
            texts = _texts(body, "texts" if as_list else "documents")
            most = values.whole(body, "top_n", 1) or len(texts)
            with_text = values.boolean(body, "return_text" if as_list else "return_documents")
            if entry.summary is None or entry.summary.pooling_type != "rank":
                raise ApiError(
                    400,
                    f"“{entry.id}” cannot rank documents. Choose a reranker: a model whose file "
                    "has the pooling type “rank”.",
                    param="model",
                    code="model_not_ranking",
                )

            async def answer(loaded: Loaded) -> web.StreamResponse:
                limits.check(body, loaded.slots)
                asked = {"model": entry.id, "query": query, "documents": texts}
                reply = await self._calls.ask(call, loaded, _ROUTE, asked)
                call.usage.read(reply)
                found = _best(reply)[:most]
                if as_list:
                    return web.json_response(
                        [
                            {"index": i, "score": s} | ({"text": texts[i]} if with_text else {})
                            for i, s in found
                        ]
                    )
                documents = [
                    {"document": {"text": texts[i]}} if with_text else {} for i, _ in found
                ]
                results = [
                    {"index": i, "relevance_score": s, **document}
                    for (i, s), document in zip(found, documents, strict=True)
                ]
                return web.json_response(
                    {
                        "id": f"rerank-{secrets.token_hex(12)}",
                        "object": "list",
                        "model": entry.id,
                        "usage": reply["usage"],
                        "results": results,
                    }
                )

            return await self._calls.answer(call, answer)


def _is_seen(character: str) -> bool:
    """Tokenizers leave others out, and the engine ends itself over a pair without any token."""
    return character.isprintable() and not character.isspace() and character != "\ufffd"


def _texts(body: dict[str, Any], name: str) -> list[str]:
    """The documents' texts; each is a text, or an object with one."""
    given = body.get(name)
    if given is None:
        raise values.missing(name)
    if not isinstance(given, list) or not given:
        raise invalid(f"“{name}” must be a list of at least one text.", name)
    if len(given) > limits.INPUTS:
        raise invalid(
            f"“{name}” has {len(given)} entries; {limits.INPUTS} are allowed.", name, "too_many"
        )
    found = []
    for index, each in enumerate(given):
        text = each.get("text") if isinstance(each, dict) else each
        if not isinstance(text, str):
            at = f"{name}[{index}]"
            raise invalid(f"“{at}” must be a text, or an object with the field “text”.", at)
        found.append(text)
    return found


def _best(reply: dict[str, Any]) -> list[tuple[int, float]]:
    """Each document's place in the request and its score, the best first."""
    scored = [(each["index"], each["relevance_score"]) for each in reply["results"]]
    if any(not isinstance(score, int | float) for _, score in scored):
        raise ApiError(
            502,
            "The model gave no score to a document: its weights make no numbers of it.",
            error_type="server_error",
            code="upstream_failed",
        )
    return sorted(scored, key=lambda each: (-each[1], each[0]))
