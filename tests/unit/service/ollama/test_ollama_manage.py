"""What changes the machine: only where it may, and then through the library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import ollama
import pytest

from tests.helpers.hub import LocalHub
from tests.unit.service.downloading import REPO, model
from tests.unit.service.ollama.world import World, client_of, world_of

pytestmark = pytest.mark.timeout(30)
TINY = "tiny:f16"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
async def open_world(world: World) -> World:
    world.set(manage_models=True)
    return world


async def post(world: World, path: str, body: Any, method: str = "POST") -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{world.url}{path}", json=body) as answer,
    ):
        text = await answer.text()
        return answer.status, (await answer.json()) if text.startswith("{") else text


CHANGES = [
    ("POST", "/api/pull", {"model": "hf.co/maker/Tiny-GGUF:F16"}),
    ("DELETE", "/api/delete", {"model": TINY}),
    ("POST", "/api/copy", {"source": TINY, "destination": "mine"}),
    ("POST", "/api/create", {"model": "mine", "from": TINY}),
    ("POST", f"/api/blobs/{DIGEST}", {}),
]


async def test_clients_change_nothing_unless_they_may(world: World) -> None:
    before = [each.id for each in world.models.library.models()]
    for method, path, body in CHANGES:
        status, told = await post(world, path, body, method)
        assert status == 403 and "server.manage_models" in told["error"], path
    assert [each.id for each in world.models.library.models()] == before


async def test_a_copy_has_settings_of_its_own(
    open_world: World, client: ollama.AsyncClient
) -> None:
    await client.copy(TINY, "mine")
    entry = open_world.models.library.resolve("mine")
    assert (entry.variant, entry.variant_of) == ("mine", TINY)
    assert (await client.chat("mine:latest", [{"role": "user", "content": "Hi"}])).message.content
    await client.generate("mine", keep_alive=0)
    await client.delete("mine")
    names = [each.model for each in (await client.list()).models]
    assert "mine:latest" not in names and TINY in names
    with pytest.raises(ollama.ResponseError, match='model "nobody" not found'):
        await client.copy("nobody", "other")
    with pytest.raises(ollama.ResponseError) as raised:
        await client.copy(TINY, "tiny-bert:f32")
    assert raised.value.status_code == 400


async def test_deleting_a_second_name_keeps_the_model(
    open_world: World, client: ollama.AsyncClient
) -> None:
    entry = open_world.models.library.resolve(TINY)
    await open_world.models.change_card(entry, {"aliases": ["second", "third:x"]})
    await client.delete("second:latest")
    assert open_world.models.library.resolve(TINY).aliases == ("third:x",)
    await client.delete(TINY)
    assert TINY not in [each.model for each in (await client.list()).models]
    assert open_world.models.library.resolve(TINY, hidden=True).path.exists(), "not Paddock's file"
    with pytest.raises(ollama.ResponseError) as raised:
        await client.delete("nobody")
    assert raised.value.status_code == 404


async def test_a_model_is_made_of_another_one(
    open_world: World, client: ollama.AsyncClient
) -> None:
    told = [
        each.status
        async for each in await client.create(
            "mario",
            from_=TINY,
            system="You are Mario.",
            parameters={"temperature": 0.5, "stop": ["x", "y"], "num_thread": 4},
            messages=[{"role": "user", "content": "Hi"}],
            license="MIT",
            template="{{ .Prompt }}",
            stream=True,
        )
    ]
    assert (told[0], told[-1]) == ("reading model metadata", "success")
    assert any("num_thread" in (each or "") for each in told), "what is left out is said"
    assert any("TEMPLATE" in (each or "") for each in told)
    card = open_world.models.library.resolve("mario").card
    assert (card.system, card.license) == ("You are Mario.", "MIT")
    assert card.sampling == {"temperature": 0.5, "stop": ["x", "y"]}
    assert card.messages == ({"role": "user", "content": "Hi"},)
    shown = await client.show("mario")
    assert shown.parameters and "temperature" in shown.parameters
    assert shown.details and shown.details.parent_model == TINY
    done = await client.create("luigi", from_="mario", system="You are Luigi.")
    assert done.status == "success"
    assert open_world.models.library.resolve("luigi").card.license == "MIT"


REFUSED: list[tuple[Any, int, str]] = [
    ({"model": "a", "from": "nobody"}, 404, 'model "nobody" not found'),
    ({"model": "a"}, 400, "“from” must name one model"),
    ({"model": "a", "from": TINY, "files": {"a": DIGEST}}, 400, "Files are not taken in"),
    ({"model": "a", "from": TINY, "quantize": "q4_K_M"}, 400, "Models are not quantized"),
    ({"model": "a", "modelfile": f"FROM {TINY}\nADAPTER /etc/passwd"}, 400, "“from” must name"),
    ({"model": "a", "modelfile": "SYSTEM x"}, 400, "The Modelfile"),
    ({"model": "../a", "from": TINY}, 400, ""),
]


async def test_what_cannot_be_made(open_world: World) -> None:
    for body, status, words in REFUSED:
        found, told = await post(open_world, "/api/create", body)
        assert (found, told["error"][: len(words)]) == (status, words)


async def test_no_path_of_a_clients_is_read(open_world: World, tmp_path: Path) -> None:
    """A file on the server's disk is no model of its library."""
    secret = tmp_path / "elsewhere.gguf"
    secret.write_bytes((tmp_path / "models" / "tiny.gguf").read_bytes() + b"more")
    status, told = await post(open_world, "/api/create", {"model": "a", "from": str(secret)})
    assert status == 404 and "not found" in told["error"]
    folders = open_world.service.file.settings.library.folders
    assert str(secret) not in folders


async def test_blobs(open_world: World) -> None:
    async with aiohttp.ClientSession() as session:
        for digest, status in ((DIGEST, 404), ("sha256:../../x", 400), ("sha256-" + "A" * 64, 400)):
            async with session.head(f"{open_world.url}/api/blobs/{digest}") as answer:
                assert answer.status in (status, 404) if "/" in digest else answer.status == status
    assert (await post(open_world, f"/api/blobs/{DIGEST}", {}))[0] == 400
    assert (await post(open_world, "/api/push", {"model": TINY}))[0] == 400


# --- pull


@pytest.fixture
async def online(hub: LocalHub, tmp_path: Path) -> AsyncIterator[World]:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    folder = tmp_path / "models"
    folder.mkdir()
    async with world_of(folder) as world:
        world.set(manage_models=True)
        yield world


async def test_a_model_is_pulled(online: World, hub: LocalHub) -> None:
    hub.faults.bytes_per_second = 1_500_000
    async with client_of(online) as client:
        told = [each async for each in await client.pull(f"hf.co/{REPO}:F16", stream=True)]
        assert told[0].status == "pulling manifest" and told[-1].status == "success"
        sizes = [(each.completed, each.total) for each in told if each.digest == "tiny-F16.gguf"]
        assert len(sizes) > 1 and sizes == sorted(sizes)
        assert sizes[-1][1] and 0 < (sizes[-1][0] or 0) <= sizes[-1][1]
        assert "tiny-1:f16" in [each.model for each in (await client.list()).models]
        assert (await client.pull(f"{REPO}:F16")).status == "success", "what is here is here"
        await client.chat(f"hf.co/{REPO}:F16", [{"role": "user", "content": "Hi"}])


async def test_a_pull_that_fails_says_why(online: World) -> None:
    async with client_of(online) as client:
        with pytest.raises(ollama.ResponseError) as raised:
            await client.pull("nobody/Nothing-GGUF:Q4_K_M")
        assert raised.value.status_code in (403, 404)
        with pytest.raises(ollama.ResponseError):
            async for _ in await client.pull(f"{REPO}:Q2_K", stream=True):
                pass
        with pytest.raises(ollama.ResponseError, match="a name of Ollama's registry") as raised:
            await client.pull("llama3.2")
        assert raised.value.status_code == 400
