"""What Prometheus reads at `/metrics`: requests, the queue, models and their memory.

Requests are counted as they end, loads as they are told; everything that is a state is read when
somebody asks. Labels are bounded: a name beyond the bound counts under `OTHER`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import CALLER, Caller
from desktop.core.service.ledger.accounts import Accounts
from desktop.core.service.loaded import ModelState
from desktop.core.service.requests import RequestRecord
from desktop.core.service.supervisor import Supervisor
from desktop.core.version import VERSION

PATH = "/metrics"
OTHER = "other"
MOST_MODELS = 200
MOST_ROUTES = 64
MOST_KEYS = 200

_WAIT = (0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_FIRST = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 25, 60, 120, 300)
_TOKEN = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.35, 0.6, 1, 2.5)
_WHOLE = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1800)
_LOAD = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)

Json = dict[str, Any]


class Names:
    """At most so many different values of a label; what comes later is `OTHER`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str | None) -> str:
        if not name or name in self._known:
            return name or ""
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(name)
        return name


class Metrics:
    """Told of everything on the service's event loop, in memory only.

    Args:
        accounts: whose ledger and repeats are told of.
        with_keys: whether requests are counted by the name of their key; asked anew each time.
        clock: the wall clock.
    """

    def __init__(
        self,
        supervisor: Callable[[], Supervisor],
        accounts: Callable[[], Accounts],
        with_keys: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._supervisor = supervisor
        self._accounts = accounts
        self._with_keys = with_keys
        self._started = clock()
        self._routes, self._models, self._keys = (
            Names(MOST_ROUTES), Names(MOST_MODELS), Names(MOST_KEYS)
        )  # fmt: skip
        self._loading: set[str] = set()
        self._state: list[Metric] = []
        self._encoding = threading.Lock()
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"paddock_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"paddock_{name}", text, labels, registry=registry, buckets=buckets)

        self._requests = counter(
            "requests", "Requests that ended, by how.", "api", "route", "model", "status", "key"
        )
        self._wait = histogram(
            "queue_wait_seconds", "From a request's arrival to its slot.", _WAIT, "model"
        )
        self._first = histogram(
            "time_to_first_token_seconds", "From arrival to the first token.", _FIRST, "model"
        )
        self._token = histogram(
            "time_per_output_token_seconds", "From one token to the next.", _TOKEN, "model"
        )
        self._whole = histogram(
            "request_duration_seconds", "From arrival to the end.", _WHOLE, "route", "model"
        )
        self._prompt = counter("prompt_tokens", "Tokens of prompts.", "model", "key")
        self._cached = counter(
            "cached_tokens", "Tokens of prompts that were in the engine's cache.", "model", "key"
        )
        self._completion = counter("completion_tokens", "Tokens of answers.", "model", "key")
        self._repeats = counter(
            "exact_cache_hits", "Requests answered from the table of repeats.", "model"
        )
        self._loads = counter("model_loads", "Loads that ended well.", "model")
        self._load_seconds = histogram(
            "model_load_seconds", "From the beginning of a load to a ready model.", _LOAD, "model"
        )
        self._failures = counter("model_load_failures", "Loads that failed.", "model", "code")
        self._unloads = counter(
            "model_unloads", "Models taken out: asked, for room, or unused.", "model", "reason"
        )
        self._deaths = counter("model_deaths", "Engines that ended by themselves.", "model")
        registry.register(self)
        ProcessCollector(namespace="paddock", registry=registry)

    # --- what happens -------------------------------------------------------------------------

    def note(self, record: RequestRecord) -> None:
        """A request has ended."""
        model, route = self._models(record.model), self._routes(record.route)
        key = self._keys(record.key) if record.key and self._with_keys() else ""
        self._requests.labels(record.api, route, model, str(record.status), key).inc()
        if record.total_seconds is not None:
            self._whole.labels(route, model).observe(record.total_seconds)
        for figure, seconds in (
            (self._wait, record.wait_seconds),
            (self._first, record.ttft_seconds),
            (self._token, record.tpot_seconds),
        ):
            if seconds is not None:
                figure.labels(model).observe(seconds)
        for tokens, count in (
            (self._prompt, record.prompt_tokens),
            (self._cached, record.cached_tokens),
            (self._completion, record.completion_tokens),
        ):
            if count:
                tokens.labels(model, key).inc(count)
        if record.cached_answer:
            self._repeats.labels(model).inc()

    def on_event(self, kind: str, data: Json) -> None:
        """What the supervisor tells of a model."""
        if not kind.startswith("model."):
            return
        model = self._models(data["id"])
        if kind == "model.changed":
            if data["state"] == ModelState.LOADING:
                self._loading.add(data["id"])
            elif data["state"] == ModelState.READY and data["id"] in self._loading:
                self._loading.discard(data["id"])
                self._loads.labels(model).inc()
                self._load_seconds.labels(model).observe(data.get("load_seconds") or 0.0)
        elif kind == "model.failed":
            self._loading.discard(data["id"])
            self._failures.labels(model, data["error"]["code"]).inc()
        elif kind == "model.unloaded":
            self._unloads.labels(model, data["reason"]).inc()
        elif kind == "model.died":
            self._deaths.labels(model).inc()

    # --- what is ------------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """The states as `text` found them; called by the registry."""
        yield from self._state

    def _states(self) -> list[Metric]:
        supervisor, accounts = self._supervisor(), self._accounts()
        ledger = accounts.ledger.describe()
        line = supervisor.line()

        def one(name: str, text: str, value: float) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"paddock_{name}", text, value=value)

        def by(name: str, text: str, *labels: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"paddock_{name}", text, labels=labels)

        queue = by("queue_length", "Requests and loads that wait, by model.", "model")
        waiting: dict[str, int] = {}
        for each in line:
            name = self._models(each["model"])
            waiting[name] = waiting.get(name, 0) + 1
        for name, count in waiting.items():
            queue.add_metric([name], count)
        states = by("model_state", "1 for the state a model is in.", "model", "state")
        slots = by("slots", "Answers a model can write at the same time.", "model")
        busy = by("slots_busy", "Answers it is writing.", "model")
        memory = by("model_memory_bytes", "Memory the engine reports.", "model", "device", "part")
        for loaded in supervisor.models:
            name = self._models(loaded.entry.id)
            states.add_metric([name, loaded.state.value], 1)
            slots.add_metric([name], loaded.slots)
            busy.add_metric([name], loaded.taken)
            for device in loaded.server.memory if loaded.server is not None else ():
                for part in ("weights", "kv", "compute"):
                    held = getattr(device, f"{part}_bytes")
                    memory.add_metric([name, device.name, part], held)
        longest = max((each["waiting_seconds"] for each in line), default=0.0)
        dropped = CounterMetricFamily(
            "paddock_ledger_dropped_rows", "Requests that could not be stored and are lost."
        )
        dropped.add_metric([], ledger["dropped"])
        misses = CounterMetricFamily(
            "paddock_exact_cache_misses", "Requests that could have been repeats and were none."
        )
        misses.add_metric([], accounts.exact_cache.misses)
        return [
            InfoMetricFamily("paddock_build", "The running version.", {"version": VERSION}),
            one("start_time_seconds", "When the service began, since 1970.", self._started),
            one(
                "requests_in_flight",
                "Requests that wait or are answered.",
                supervisor.active + supervisor.waiting,
            ),
            one("queue_oldest_wait_seconds", "How long the first in line has waited.", longest),
            *(queue, states, slots, busy, memory),
            one("ledger_rows_waiting", "Requests that wait to be stored.", ledger["held"]),
            *(dropped, misses),
        ]

    async def text(self, accept: str = "") -> tuple[bytes, str]:
        """All of it in the format the reader asks for, and that format's content type."""
        state = self._states()
        encode, content_type = choose_encoder(accept)

        def encoded() -> bytes:
            with self._encoding:  # one reader's states at a time
                self._state = state
                text: bytes = encode(self.registry)
                return text

        return await asyncio.to_thread(encoded), content_type

    # --- the route ----------------------------------------------------------------------------

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.metrics)]

    async def metrics(self, request: web.Request) -> web.Response:
        """Raises ApiError 403 for a key of some models only that does not name this route: the
        figures name all of them."""
        policy = request.get(CALLER, Caller()).policy
        if policy.models and not {"metrics", "all"} & set(policy.routes):
            raise ApiError(
                403,
                "The metrics name every model, and this key is for some of them only. Add "
                "“metrics” to its routes to let it read them.",
                code="route_not_allowed",
            )
        body, content_type = await self.text(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
