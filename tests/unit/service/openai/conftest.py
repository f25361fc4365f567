"""A gateway over a scripted engine, and OpenAI's client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
import pytest

from desktop.core.service.openai.responses import Responses
from tests.unit.service.openai.scripted import Gateway, entry


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """With the routes for responses."""
    made = Gateway([entry()])
    async with made.running(lambda calls: Responses(calls).routes()):
        yield made


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key="x", max_retries=0
    ) as client:
        yield client
