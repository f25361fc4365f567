"""What Prometheus reads: counted as it happens, bounded, and by key only where that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import paths
from desktop.core.service import faces
from desktop.core.service.calls import CALLER, Caller
from desktop.core.service.key_policy import KeyPolicy
from desktop.core.service.keys import KeyStore
from desktop.core.service.ledger.accounts import Accounts
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.metrics import MOST_MODELS, OTHER, PATH, Metrics
from desktop.core.service.requests import RequestRecord
from desktop.core.service.supervisor import Supervisor
from desktop.core.settings import Settings
from tests.helpers.scripted_loader import Room, ScriptedLoader, entry


class Scrape:
    """The figures of one answer: ``scrape["paddock_slots", {"model": "a"}]``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {each.name: each for each in text_string_to_metric_families(text)}
        self._samples = {
            (sample.name, frozenset((k, v) for k, v in sample.labels.items() if v)): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __getitem__(self, wanted: tuple[str, dict[str, str]]) -> float:
        return self._samples[wanted[0], frozenset(wanted[1].items())]

    def get(self, name: str, **labels: str) -> float | None:
        return self._samples.get((name, frozenset(labels.items())))


class World:
    """Metrics over a supervisor whose engines are scripted, behind the middleware of a face."""

    def __init__(self) -> None:
        where = paths().ensure()
        self.with_keys = False
        self.policy = KeyPolicy()
        self.room = Room(total=2, sizes={"big": 2})
        self.database = Database(where.database, where.backups)
        self.accounts = Accounts(
            where, self.database, KeyStore(self.database), Settings, lambda kind, data: None
        )
        self.metrics = Metrics(
            lambda: self.supervisor, lambda: self.accounts, lambda: self.with_keys
        )
        self.supervisor = Supervisor(
            ScriptedLoader(self.room), self.metrics.on_event, lambda: 10, 0.0
        )

    def application(self) -> web.Application:
        @web.middleware
        async def caller(request: web.Request, handler: faces.Handler) -> web.StreamResponse:
            request[CALLER] = Caller("k", policy=self.policy)
            return await handler(request)

        app = web.Application(middlewares=[faces.error_shape, caller])
        app.add_routes(self.metrics.routes())
        return app


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.supervisor.close()
    await world.accounts.close()
    world.database.close()


async def scrape(world: World) -> Scrape:
    text, content_type = await world.metrics.text()
    assert content_type.startswith("text/plain")
    return Scrape(text.decode())


def record(**more: Any) -> RequestRecord:
    made = RequestRecord("/v1/chat/completions", model="m", key="editor")
    figures = {
        "wait_seconds": 0.01,
        "ttft_seconds": 0.3,
        "tpot_seconds": 0.025,
        "total_seconds": 2.0,
        "prompt_tokens": 100,
        "cached_tokens": 40,
        "completion_tokens": 7,
    }
    for name, value in {**figures, **more}.items():
        setattr(made, name, value)
    return made


async def test_requests_are_counted_with_their_times_and_tokens(world: World) -> None:
    world.metrics.note(record())
    world.metrics.note(record())
    world.metrics.note(record(status=429, wait_seconds=None, ttft_seconds=None, tpot_seconds=None))
    world.metrics.note(record(cached_answer=True))
    found = await scrape(world)
    ended = {"api": "openai", "route": "/v1/chat/completions", "model": "m"}
    assert found["paddock_requests_total", {**ended, "status": "200"}] == 3
    assert found["paddock_requests_total", {**ended, "status": "429"}] == 1
    assert found["paddock_time_to_first_token_seconds_count", {"model": "m"}] == 3
    bucket = "paddock_time_to_first_token_seconds_bucket"
    assert found[bucket, {"model": "m", "le": "0.2"}] == 0
    assert found[bucket, {"model": "m", "le": "0.4"}] == 3
    assert found["paddock_time_per_output_token_seconds_sum", {"model": "m"}] == pytest.approx(
        0.075
    )
    assert found["paddock_prompt_tokens_total", {"model": "m"}] == 400
    assert found["paddock_cached_tokens_total", {"model": "m"}] == 160
    assert found["paddock_completion_tokens_total", {"model": "m"}] == 28
    assert found["paddock_exact_cache_hits_total", {"model": "m"}] == 1
    assert "editor" not in found.text


async def test_names_of_keys_are_told_only_where_that_is_wanted(world: World) -> None:
    world.with_keys = True
    world.metrics.note(record())
    found = await scrape(world)
    assert found["paddock_completion_tokens_total", {"model": "m", "key": "editor"}] == 7


async def test_more_models_than_the_bound_are_one(world: World) -> None:
    for number in range(MOST_MODELS + 5):
        world.metrics.note(record(model=f"m{number}"))
    found = await scrape(world)
    assert found["paddock_prompt_tokens_total", {"model": OTHER}] == 500
    assert found["paddock_prompt_tokens_total", {"model": "m0"}] == 100
    models = found.families["paddock_prompt_tokens"].samples
    assert len({sample.labels["model"] for sample in models}) == MOST_MODELS + 1


async def test_models_come_and_go(world: World) -> None:
    supervisor = world.supervisor
    await supervisor.load(entry("a"), LoadRequest())
    async with supervisor.slot(entry("a")):
        found = await scrape(world)
        assert found["paddock_model_loads_total", {"model": "a"}] == 1
        assert found["paddock_model_load_seconds_count", {"model": "a"}] == 1
        assert found["paddock_model_state", {"model": "a", "state": "ready"}] == 1
        assert found["paddock_slots", {"model": "a"}] == 2
        assert found["paddock_slots_busy", {"model": "a"}] == 1
        assert found["paddock_requests_in_flight", {}] == 1
        held = {"model": "a", "device": "CPU", "part": "weights"}
        assert found["paddock_model_memory_bytes", held] == 1
        waits = asyncio.create_task(supervisor.load(entry("big"), LoadRequest()))
        await asyncio.sleep(0)  # it stands in the line now
        found = await scrape(world)
        assert found["paddock_queue_length", {"model": "big"}] == 1
        assert found["paddock_queue_oldest_wait_seconds", {}] >= 0
    await waits
    found = await scrape(world)
    assert found["paddock_model_unloads_total", {"model": "a", "reason": "room"}] == 1
    assert found.get("paddock_slots", model="a") is None
    world.room.wrong["c"] = [AppError(ErrorCode.ENGINE_DIED, model="c", reason="It fell.")]
    await supervisor.unload("big")
    with pytest.raises(AppError):
        await supervisor.load(entry("c"), LoadRequest())
    found = await scrape(world)
    assert found["paddock_model_load_failures_total", {"model": "c", "code": "engine_died"}] == 1
    world.metrics.on_event("model.died", {"id": "a"})
    assert (await scrape(world))["paddock_model_deaths_total", {"model": "a"}] == 1


async def test_every_figure_has_help_and_the_units_of_prometheus(world: World) -> None:
    world.metrics.note(record())
    found = await scrape(world)
    assert found["paddock_ledger_rows_waiting", {}] == 0
    assert found["paddock_ledger_dropped_rows_total", {}] == 0
    for name, family in found.families.items():
        assert name.startswith("paddock_"), name
        assert family.documentation, name
        if family.type == "histogram":
            assert name.endswith("_seconds"), name


async def test_the_route_keeps_names_of_models_from_keys_of_some_models(world: World) -> None:
    async with TestClient(TestServer(world.application())) as client:
        reply = await client.get(PATH)
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith("text/plain")
        assert "paddock_build_info" in await reply.text()
        openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
        assert (await (await client.get(PATH, headers=openmetrics)).text()).endswith("# EOF\n")
        world.policy = KeyPolicy(models=("m",))
        assert (await client.get(PATH)).status == 403
        world.policy = KeyPolicy(models=("m",), routes=("metrics",))
        assert (await client.get(PATH)).status == 200
