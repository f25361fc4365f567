"""The metrics of the real service, on both of its faces, and pages of the ledger beside them."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from desktop.core.engine.serverstate import free_port
from tests.helpers.service import RunningService


def scrape(url: str, key: str | None = None) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with urlopen(Request(f"{url}/metrics", headers=headers), timeout=20) as reply:
        text = reply.read().decode()
    return {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if v)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def ask(url: str, model: str) -> None:
    body = {"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"Content-Type": "application/json"}
    request = Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urlopen(request, timeout=60) as reply:
        assert json.load(reply)["usage"]["completion_tokens"] == 4


def test_what_was_asked_is_counted_on_both_faces(
    service: RunningService, public_url: str, tiny: str
) -> None:
    ask(public_url, tiny)
    found = scrape(public_url)
    model = frozenset({("model", tiny)})
    assert found["paddock_completion_tokens_total", model] == 4
    assert found["paddock_time_to_first_token_seconds_count", model] == 1
    assert found["paddock_model_loads_total", model] == 1
    assert found["paddock_slots", model] >= 1 and found["paddock_slots_busy", model] == 0
    weights = frozenset({("model", tiny), ("device", "CPU"), ("part", "weights")})
    assert found["paddock_model_memory_bytes", weights] > 1000
    place = service.client.endpoint
    private = scrape(f"http://{place.host}:{place.port}", place.token)
    assert private["paddock_completion_tokens_total", model] == 4
    [row] = service.client.ledger(model=tiny)["requests"]
    assert row["completion_tokens"] == 4 and row["status"] == 200


def test_a_key_is_needed_where_keys_are_needed(service: RunningService, public_url: str) -> None:
    service.client.change_settings({"server.require_key": True})
    key = service.client.create_key("metrics")["key"]
    url = service.client.public_on(port=free_port())["url"]
    try:
        with pytest.raises(HTTPError) as caught:
            scrape(url)
        assert caught.value.code == 401
        caught.value.close()
        assert scrape(url, key)
    finally:
        service.client.change_settings({"server.require_key": False})
        service.client.public_on()
        service.client.revoke_key("metrics")
