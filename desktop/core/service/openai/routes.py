"""All of OpenAI's routes beyond chat, for both faces."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from desktop.core.service.calls import Calls
from desktop.core.service.openai.audio import Audio
from desktop.core.service.openai.document import Document
from desktop.core.service.openai.page import Page
from desktop.core.service.openai.rerank import Ranking
from desktop.core.service.openai.responses import Responses
from desktop.core.service.openai.tokens import Tokens


class OpenAi:
    """Made once for a service: what responses keep is there on whichever face one asks.

    Args:
        key_needed: whether the public face wants a key.
    """

    def __init__(self, calls: Calls, key_needed: Callable[[], bool]) -> None:
        self._topics = (
            Responses(calls),
            Ranking(calls),
            Tokens(calls),
            Audio(calls),
            Document(key_needed),
            Page(calls, key_needed),
        )

    def routes(self) -> list[web.RouteDef]:
        return [route for topic in self._topics for route in topic.routes()]
