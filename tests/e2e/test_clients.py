"""Official clients of other makers: each lists, chats, streams, calls tools, and so on.

A random model calls no tools: the engine says back what it was sent (tests/helpers/echo_engine.py).
Node's client, litellm and LangChain are got from their registries into folders of their own, where
the network allows it: they need other versions of what is pinned here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.engine.server import free_port
from tests.helpers.bert_file import write_tiny_bert
from tests.helpers.echo_engine import install
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, running_service, wait_for

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "helpers" / "clients"
NODE_CLIENT = "openai@6"
LITELLM = ("litellm",)
LANGCHAIN = ("langchain-openai",)
Json = dict[str, Any]


class Place:
    """A service whose engine says back what it was sent."""

    def __init__(self, service: RunningService, url: str) -> None:
        self.service, self.url = service, f"{url}/v1"
        ids = [m["id"] for m in service.client.models() if not m["bundled"]]
        self.vectors = next(each for each in ids if "bert" in each)
        self.model = next(each for each in ids if each != self.vectors)

    def nothing_goes_on(self) -> bool:
        models = self.service.client.state()["models"]
        return not any(each["active_requests"] for each in models)

    def cancelled(self) -> Json:
        """The newest request in the ledger, once it is there: the one that was broken off."""
        wait_for(self.nothing_goes_on, "the engine was told that the client left", 10)
        found: Json = self.service.client.call("GET", "/ledger?limit=1")["requests"][0]
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("clients")
    real = environment_folder()
    assert real is not None
    install(folder / "echo", real / "bin")
    (folder / "models").mkdir()
    write_tiny_llama(folder / "models" / "alpha.gguf", name="Tiny alpha")
    write_tiny_bert(folder / "models" / "bert.gguf")
    more = {"PADDOCK_LIBRARY_TEST_NEW_MODELS": "false"}
    with running_service(tmp_path_factory.mktemp("home"), more) as running:
        running.client.add_engine("echo", str(folder / "echo"))
        running.client.use_engine("echo")
        running.client.add_models(str(folder / "models"))
        url = running.client.public_on(port=free_port())["url"]
        yield Place(running, url)


def check(place: Place, got: Json) -> None:
    """What every client must have got, whatever it is written in."""
    assert place.model in got["list"] and place.vectors in got["list"]
    assert got["chat"].split() == ["hello"] * 3
    assert got["stream"].split() == ["flow"] * 5 and got["stream_tokens"] == 5
    assert got["tool"] == {"name": "get_weather", "arguments": {"city": "text"}}
    assert got["tool_reason"] == "tool_calls"
    assert got["schema"] == {"city": "text", "degrees": 1}
    assert [vector[0] for vector in got["vectors"]] == [3.0, 5.0]
    assert got["error"]["kind"].endswith("NotFoundError") and got["error"]["status"] == 404
    assert got["error"]["code"] in ("model_not_found", None)  # not all clients hand it on
    assert 3 <= got["cancelled_after"] < 100
    cancelled = place.cancelled()
    assert cancelled["status"] == 499 and 3 <= cancelled["completion_tokens"] < 5000


def run(command: list[str], place: Place, environ: dict[str, str]) -> Json:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    done = subprocess.run(
        [*command, place.url, place.model, place.vectors],
        capture_output=True,
        text=True,
        timeout=120,
        env={**clean, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: Json = json.loads(done.stdout.splitlines()[-1])
    return found


def test_openais_client_for_python(place: Place) -> None:
    with openai.OpenAI(base_url=place.url, api_key="none", max_retries=0) as client:
        got = with_openai(client, place)
    check(place, got)
    assert got["error"]["code"] == "model_not_found"


def with_openai(client: openai.OpenAI, place: Place) -> Json:
    def said(content: str, **more: Any) -> Any:
        create: Any = client.chat.completions.create
        return create(model=place.model, messages=[{"role": "user", "content": content}], **more)

    got: Json = {"list": [each.id for each in client.models.list()]}
    got["chat"] = said("say=hello words=3").choices[0].message.content
    got["stream"] = ""
    options = {"include_usage": True}
    for chunk in said("say=flow words=5", stream=True, stream_options=options):
        got["stream"] += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        if chunk.usage:
            got["stream_tokens"] = chunk.usage.completion_tokens
    city = {"city": {"type": "string"}}
    parameters = {"type": "object", "properties": city, "required": ["city"]}
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]
    called = said("weather?", tools=tools).choices[0]
    function = called.message.tool_calls[0].function
    got["tool"] = {"name": function.name, "arguments": json.loads(function.arguments)}
    got["tool_reason"] = called.finish_reason
    schema = {
        "type": "object",
        "properties": {**city, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
        "additionalProperties": False,
    }
    form = {
        "type": "json_schema",
        "json_schema": {"name": "weather", "strict": True, "schema": schema},
    }
    answer = said("as JSON", response_format=form)
    got["schema"] = json.loads(answer.choices[0].message.content)
    vectors = client.embeddings.create(model=place.vectors, input=["one", "three"])
    got["vectors"] = [each.embedding for each in vectors.data]
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(
            model="no-such-model", messages=[{"role": "user", "content": "hi"}]
        )
    error = refusal.value
    got["error"] = {"kind": type(error).__name__, "status": error.status_code, "code": error.code}
    with said("say=on words=5000 pause=0.01", stream=True) as stream:
        for count, _ in enumerate(stream, 1):
            got["cancelled_after"] = count
            if count == 3:
                break
    return got


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_openais_client_for_node(place: Place, tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("Node and npm are not here")
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    words = ["install", "--no-audit", "--no-fund", "--silent", NODE_CLIENT]
    got = subprocess.run(
        [npm, *words], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    if got.returncode:
        pytest.skip(f"npm could not get the client: {got.stderr[-300:]}")
    script = tmp_path / "client.mjs"
    script.write_text((SCRIPTS / "openai_node.mjs").read_text("utf-8"), "utf-8")
    check(place, run([node, str(script)], place, {}))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("script", "packages"),
    [("litellm_client.py", LITELLM), ("langchain_client.py", LANGCHAIN)],
    ids=["litellm", "langchain"],
)
def test_other_makers_clients(
    place: Place, tmp_path: Path, script: str, packages: tuple[str, ...]
) -> None:
    own = ROOT / ".uv" / "bin" / ("uv.exe" if sys.platform == "win32" else "uv")
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not here")
    words = ["pip", "install", "-q", "--no-config", "--python", sys.executable]
    got = subprocess.run(
        [uv, *words, "--target", str(tmp_path / "packages"), *packages],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    if got.returncode:
        pytest.skip(f"the packages could not be had: {got.stderr[-300:]}")
    # Without this environment's own packages, which are of other versions.
    command = [sys.executable, "-S", str(SCRIPTS / script)]
    check(place, run(command, place, {"PYTHONPATH": str(tmp_path / "packages")}))
