"""`GET /openapi.json`: what this server answers, for programs that read OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from desktop.core.service.openai.document_others import OTHER_PATHS, OTHER_RESPONSES, OTHER_SCHEMAS
from desktop.core.service.openai.document_paths import ERRORS, PATHS
from desktop.core.service.openai.document_schemas import SCHEMAS, ref
from desktop.core.version import VERSION

_ABOUT = (
    "Language models on this machine through the APIs of OpenAI, Anthropic and Ollama. Fields that "
    "are not named here are passed to the engine (llama.cpp) where it knows them."
)


def document(url: str, key_needed: bool) -> dict[str, Any]:
    """The document.

    Args:
        url: where the server is.
    """
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
    named: list[dict[str, list[str]]] = [{name: []} for name in schemes]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Paddock", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": url}],
        "security": named if key_needed else [{}, *named],
        "paths": {**PATHS, **OTHER_PATHS},
        "components": {
            "schemas": {**SCHEMAS, **OTHER_SCHEMAS},
            "responses": {
                **{f"Error{status}": _error(status, "Error") for status in ERRORS},
                **{
                    f"{name}{status}": _error(status, name)
                    for name in OTHER_RESPONSES
                    for status in ERRORS
                },
            },
            "securitySchemes": schemes,
        },
    }


def _error(status: int, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": ref(schema)}}
    return {"description": ERRORS[status], "content": content}


class Document:
    """Args:
    key_needed: whether the public face wants a key.
    """

    def __init__(self, key_needed: Callable[[], bool]) -> None:
        self._key_needed = key_needed

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/openapi.json", self.openapi)]

    async def openapi(self, request: web.Request) -> web.Response:
        url = f"{request.scheme}://{request.host}"
        return web.json_response(document(url, self._key_needed()))
