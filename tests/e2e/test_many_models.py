"""Several models in one service: beside each other, in each other's place, back after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from desktop.core.client.client import Client
from desktop.core.client.connect import connect
from desktop.core.db import read_only
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.paths import own_command, paths
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, gone, running_service, wait_for

GIB = 1 << 30
Json = dict[str, Any]
NAMES = ("alpha", "beta", "gamma", "delta")


class House:
    """A service with four models of the same size, and how many of them fit."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.client: Client = service.client
        self.url: str = service.client.state()["public"]["url"]
        found = {m["id"].split(":")[0].removeprefix("tiny-"): m["id"] for m in self.client.models()}
        self.ids = {name: found[name] for name in NAMES}
        settings = {"context_tokens": 4096, "slots": 2}
        for model in self.ids.values():
            self.client.change_model_settings(model, settings)
        first = self.client.load(self.ids["alpha"])
        self.needed_bytes = first["estimate"]["total_bytes"]["value"]
        self.held_bytes = first["memory_bytes"]
        self.empty()

    def fits(self, models: int) -> None:
        """From the next load on so many fit beside each other, and not one more."""
        limit = (models - 0.5) * self.held_bytes + self.needed_bytes
        self.client.change_settings({"load.memory_limit_gib": limit / GIB})

    def there(self) -> dict[str, Json]:
        names = {model: name for name, model in self.ids.items()}
        return {names[m["id"]]: m for m in self.client.state()["models"] if m["state"] == "ready"}

    def empty(self) -> None:
        for model in self.client.state()["models"]:
            self.client.unload(model["id"])

    def loads(self) -> int:
        """How many there have been, ever."""
        with read_only(self.service.paths.database) as connection:
            count: int = connection.execute("SELECT count(*) FROM loads").fetchone()[0]
        return count

    def body(self, name: str, tokens: int = 4) -> Json:
        return {
            "model": self.ids[name],
            "messages": [{"role": "user", "content": "hello"}],
            "max_tokens": tokens,
            "ignore_eos": True,
        }

    def ask(self, name: str, tokens: int = 4) -> int:
        """One whole answer; its tokens."""
        chunks = list(self.client.chat(self.body(name, tokens)))
        usage: int = chunks[-1]["usage"]["completion_tokens"]
        return usage

    @contextlib.contextmanager
    def busy(self, name: str) -> Iterator[None]:
        """An answer of this model is in progress while the block runs."""
        begun, cancel = threading.Event(), CancelToken()

        def read() -> None:
            with contextlib.suppress(Exception):  # cut off at the end of the block
                for _ in self.client.chat(self.body(name, 4000), cancel):
                    begun.set()

        thread = threading.Thread(target=read)
        thread.start()
        try:
            assert begun.wait(30)
            yield
        finally:
            cancel.cancel()
            thread.join()

    async def all_at_once(self, names: list[str]) -> list[tuple[int, Json]]:
        """Requests over the public face, all sent before any is answered."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def one(name: str) -> tuple[int, Json]:
                url = f"{self.url}/v1/chat/completions"
                async with session.post(url, json=self.body(name)) as reply:
                    return reply.status, await reply.json()

            return await asyncio.gather(*(one(name) for name in names))


@pytest.fixture(scope="module")
def whole_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("several")
    for name in NAMES:
        write_tiny_llama(folder / f"{name}.gguf", n_layers=8, context=8192, name=f"Tiny {name}")
    more = {"PADDOCK_LIBRARY_TEST_NEW_MODELS": "false"}
    with running_service(tmp_path_factory.mktemp("home"), more) as running:
        running.client.add_models(str(folder))
        running.client.public_on(port=free_port())
        yield House(running)


@pytest.fixture
def house(whole_house: House) -> Iterator[House]:
    whole_house.fits(2)
    yield whole_house
    whole_house.empty()
    assert whole_house.service.engines() == []


def test_two_models_answer_at_the_same_time(house: House) -> None:
    with house.busy("alpha"), house.busy("beta"):
        assert {name: m["active_requests"] for name, m in house.there().items()} == {
            "alpha": 1,
            "beta": 1,
        }
        assert house.ask("alpha") == house.ask("beta") == 4
    assert len(house.service.engines()) == 2


def test_an_idle_one_makes_room_and_a_busy_one_does_not(house: House) -> None:
    with house.busy("alpha"):
        before = house.there()["alpha"]["pid"]
        house.ask("beta")
        house.ask("gamma")
        assert set(house.there()) == {"alpha", "gamma"}
        assert house.there()["alpha"]["pid"] == before
    assert house.ask("alpha") == 4


def test_a_pinned_one_never_makes_room(house: House) -> None:
    house.client.load(house.ids["alpha"], pinned=True)
    house.ask("beta")
    house.ask("gamma")
    assert set(house.there()) == {"alpha", "gamma"}
    house.client.load(house.ids["gamma"], pinned=True)
    with pytest.raises(AppError) as refusal:
        house.client.load(house.ids["delta"])
    assert refusal.value.code is ErrorCode.LOAD_WONT_FIT
    assert set(house.there()) == {"alpha", "gamma"}


def test_a_model_leaves_when_its_time_is_over(house: House) -> None:
    house.client.load(house.ids["alpha"], keep_minutes=0.001)
    wait_for(lambda: house.there() == {}, "it left by itself")
    house.client.load(house.ids["beta"], keep_minutes=0.001, pinned=True)
    house.client.load(house.ids["gamma"])
    assert set(house.there()) == {"beta", "gamma"}


def test_a_hundred_first_requests_make_one_load(house: House) -> None:
    before = house.loads()
    found = asyncio.run(house.all_at_once(["alpha"] * 100))
    assert {status for status, _ in found} == {200}
    assert {reply["usage"]["completion_tokens"] for _, reply in found} == {4}
    assert house.loads() == before + 1


def test_three_that_do_not_fit_together_are_loaded_seldom(house: House) -> None:
    house.fits(1)
    before = house.loads()
    names = [NAMES[turn % 3] for turn in range(48)]
    found = asyncio.run(house.all_at_once(names))
    assert {status for status, _ in found} == {200}
    for name, (_, reply) in zip(names, found, strict=True):
        assert reply["model"] == house.ids[name]
    # All that waits when a model comes in is served; what arrived a moment later may need it again.
    assert 3 <= house.loads() - before <= 7


def test_a_crash_of_a_model_somebody_loaded_is_made_good(house: House) -> None:
    first = house.client.load(house.ids["alpha"], pinned=True)
    house.ask("beta")
    [engine] = [each for each in house.service.engines() if each.pid == first["pid"]]
    engine.send_signal(signal.SIGKILL)
    wait_for(
        lambda: house.there().get("alpha", {}).get("pid") not in (None, first["pid"]),
        "it is there again",
    )
    again = house.there()
    assert again["alpha"]["pinned"] and again["alpha"]["settings"]["context_tokens"] == 4096
    assert house.ask("alpha") == house.ask("beta") == 4


def test_unloading_a_model_that_is_loading(house: House) -> None:
    outcome: list[Any] = []

    def load() -> None:
        try:
            outcome.append(house.client.load(house.ids["alpha"]))
        except AppError as error:
            outcome.append(error.code)

    thread = threading.Thread(target=load)
    thread.start()
    wait_for(lambda: house.client.state()["models"], "it is on its way in")
    house.client.unload(house.ids["alpha"])
    thread.join()
    assert outcome[0] is ErrorCode.LOAD_CANCELLED or isinstance(outcome[0], dict)
    assert house.there() == {} and house.service.engines() == []
    assert house.ask("alpha") == 4


def test_models_of_the_setting_are_loaded_with_the_server(house: House) -> None:
    house.client.public_off()
    house.client.change_settings({"server.preload": [house.ids["alpha"], house.ids["beta"]]})
    try:
        public = house.client.public_on(port=free_port())
        house.url = public["url"]
        wait_for(lambda: set(house.there()) == {"alpha", "beta"}, "both are loaded")
    finally:
        house.client.change_settings({"server.preload": []})


def test_a_headless_server_loads_what_it_is_told_to(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("alpha", "beta"):
        write_tiny_llama(folder / f"{name}.gguf", name=f"Tiny {name}")
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PADDOCK_", "HF_"))},
        "PADDOCK_HOME": str(tmp_path / "home"),
        "HF_HOME": str(tmp_path / "hf"),
        "PADDOCK_LIBRARY_FOLDERS": json.dumps([str(folder)]),
        "PADDOCK_LIBRARY_TEST_NEW_MODELS": "false",
    }
    words = ["serve", "--port", str(free_port()), "--json", "--pin"]
    models = ["--model", "tiny-alpha:f16", "--model", "tiny-beta:f16"]
    server = subprocess.Popen(
        own_command(*words, *models), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        assert ready["url"].startswith("http://127.0.0.1:")
        there = connect(paths(environ)).state()["models"]
        assert {m["id"]: (m["state"], m["pinned"], m["expires"]) for m in there} == {
            "tiny-alpha:f16": ("ready", True, None),
            "tiny-beta:f16": ("ready", True, None),
        }
        engines = [psutil.Process(m["pid"]) for m in there]
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
    assert server.returncode == 0 and gone(engines)
