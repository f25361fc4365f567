"""The guard: a load that would spill is refused with figures, forced when asked, or let through."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, running_service

MIB = 1 << 20
TRAINED = 32_768  # 8 layers with 128 numbers of keys and of values: 128 MiB of cache
LIMIT_GIB = 0.15


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service that may take 154 MiB for models, and one whose cache alone takes 128."""
    folder = tmp_path_factory.mktemp("guarded")
    write_tiny_llama(folder / "long-llama-f16.gguf", n_layers=8, context=TRAINED, name="Long Llama")
    more = {"PADDOCK_LOAD_MEMORY_LIMIT_GIB": str(LIMIT_GIB)}
    with running_service(tmp_path_factory.mktemp("home"), more) as running:
        running.client.add_models(str(folder))
        running.client.public_on(port=free_port())
        yield running


@pytest.fixture(scope="module")
def model(tight: RunningService) -> str:
    return next(m["id"] for m in tight.client.models() if "long" in m["id"])


def refusal(service: RunningService, model: str, **asked: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        service.client.load(model, **asked)
    assert caught.value.code is ErrorCode.LOAD_WONT_FIT
    return caught.value


def test_a_load_that_would_spill_is_refused_with_what_would_fit(
    tight: RunningService, model: str
) -> None:
    error = refusal(tight, model, context_tokens=TRAINED, slots=2)
    need, available = (int(error.params[key].split()[0]) for key in ("need", "available"))
    assert 256 + 20 < need < 256 + 120 and available == 154  # MiB: two caches, and the rest
    assert "load.memory_limit_gib" in error.cause
    choices = error.params["choices"]
    assert choices
    for choice in choices:
        total = choice["total_bytes"]["value"]
        assert total < LIMIT_GIB * 1024 * MIB
        smaller = choice["context_tokens"] < TRAINED or choice["kv_type"] != "f16"
        assert smaller and choice["slots"] == 1
        # It is no guess: that very load is taken, and takes what was said.
        loaded = tight.client.load(
            model,
            context_tokens=choice["context_tokens"],
            slots=choice["slots"],
            kv_type=choice["kv_type"],
        )
        assert loaded["estimate"]["total_bytes"]["value"] == total
        assert loaded["memory_bytes"] < total
        assert loaded["notices"] == []
    contexts = [each["context_tokens"] for each in choices if each["kv_type"] == "f16"]
    assert contexts and contexts[0] > TRAINED // 4  # as much of it as fits


def test_force_really_loads_and_says_so(tight: RunningService, model: str) -> None:
    loaded = tight.client.load(model, context_tokens=TRAINED, slots=1, force=True)
    assert loaded["state"] == "ready"
    assert loaded["memory_bytes"] > LIMIT_GIB * 1024 * MIB
    (notice,) = loaded["notices"]
    assert notice["code"] == "load_forced" and "; 154 MiB can be used" in notice["text"]


def test_the_guard_is_switched_off_for_good(tight: RunningService, model: str) -> None:
    tight.client.unload(model)
    refusal(tight, model, context_tokens=TRAINED, slots=1)
    tight.client.change_settings({"load.check_memory": False})
    try:
        loaded = tight.client.load(model, context_tokens=TRAINED, slots=1)
        assert loaded["state"] == "ready"
        assert [notice["code"] for notice in loaded["notices"]] == ["load_forced"]
    finally:
        tight.client.change_settings({"load.check_memory": None})
    tight.client.unload(model)
    refusal(tight, model, context_tokens=TRAINED, slots=1)


def ask(service: RunningService, path: str, body: dict[str, Any] | None = None) -> Any:
    url = f"{service.client.state()['public']['url']}{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


def test_a_context_that_was_reduced_is_told_everywhere(tight: RunningService, model: str) -> None:
    tight.client.unload(model)
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
    assert ask(tight, "/v1/chat/completions", body)["choices"]  # loaded on demand
    (state,) = tight.client.state()["models"]
    context = state["settings"]["context_tokens"]
    assert 4096 < context < TRAINED and state["slots"] == 1
    (notice,) = state["notices"]
    assert notice["code"] == "context_reduced"
    assert f"{context:,} tokens instead of {TRAINED:,}" in notice["text"]
    assert "; 154 MiB can be used" in notice["text"]
    card = ask(tight, f"/v1/models/{model}")
    assert card["notices"] == [notice]
    assert (card["state"], card["loaded_context_length"]) == ("ready", context)
    log = (tight.paths.logs / "service.log").read_text("utf-8")
    assert notice["text"] in [json.loads(line).get("message") for line in log.splitlines()]


def test_an_api_client_reads_what_would_fit(tight: RunningService, model: str) -> None:
    tight.client.unload(model)
    saved = {"context_tokens": TRAINED, "slots": 1, "kv_type": "f16"}
    tight.client.change_model_settings(model, saved)
    try:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        error = ask(tight, "/v1/chat/completions", body)["error"]
    finally:
        tight.client.change_model_settings(model, dict.fromkeys(saved))
    assert error["code"] == "load_wont_fit"
    assert "It would fit with 32,768 tokens of context × 1 slot, KV cache q8_0" in error["message"]


def test_the_figures_of_loads_are_kept_for_learning(tight: RunningService, model: str) -> None:
    from desktop.core.db import read_only

    with read_only(tight.paths.database) as connection:
        rows = connection.execute("SELECT predicted, real FROM loads").fetchall()
    assert rows
    for row in rows:
        predicted = json.loads(row["predicted"])["devices"]
        real = json.loads(row["real"])
        for part in ("weights_bytes", "kv_bytes", "compute_bytes"):
            said = sum(device[part] for device in predicted)
            was = sum(device[part] for device in real)
            assert abs(said / was - 1) < 0.01
