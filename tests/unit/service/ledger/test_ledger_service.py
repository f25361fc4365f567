"""The ledger of a real service with a real engine: what it holds after clients left and after its
death, the ids it tells, and answers that are given again."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from desktop.core.engine.serverstate import free_port
from desktop.core.service.ledger.store import Filter, LedgerStore
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, running_service, wait_for

Json = dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    model = tmp_path_factory.mktemp("models") / "tiny-llama-f16.gguf"
    write_tiny_llama(model, n_layers=8)  # deep enough that a long answer takes a second
    with running_service(tmp_path_factory.mktemp("home")) as running:
        running.client.add_models(str(model))
        running.client.public_on(port=free_port())
        yield running


class Answer:
    """What a client got."""

    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status = reply.status
        self.id = reply.headers["x-request-id"]
        self.cache = reply.headers.get("x-paddock-cache")
        self.raw = reply.read()

    @property
    def document(self) -> Any:
        return json.loads(self.raw)


def url(service: RunningService) -> str:
    found: str = service.client.state()["public"]["url"]
    return found


def post(
    service: RunningService, body: Json, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(urlsplit(url(service)).netloc, timeout=60)
    sent = {"Content-Type": "application/json", **(headers or {})}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), sent)
    return connection, connection.getresponse()


def ask(service: RunningService, body: Json, headers: dict[str, str] | None = None) -> Answer:
    connection, reply = post(service, body, headers)
    with closing(connection):
        return Answer(reply)


def question(text: str = "hello", tokens: int = 8, **more: Any) -> Json:
    messages = [{"role": "user", "content": text}]
    return {"model": "tiny-llama:f16", "messages": messages, "max_tokens": tokens, **more}


def row(service: RunningService, request_id: str) -> Json:
    return service.client.ledger_request(request_id)


def stored(service: RunningService, request_id: str) -> Json | None:
    return LedgerStore(service.paths.database).one(request_id)


def test_each_answer_tells_its_id_and_is_a_row(service: RunningService) -> None:
    mine = {"x-request-id": "mine " + "x" * 200}
    plain = ask(service, question(), mine)
    found = row(service, plain.id)
    usage = plain.document["usage"]
    assert found["prompt_tokens"] == usage["prompt_tokens"]
    assert found["completion_tokens"] == usage["completion_tokens"] == 8
    assert found["client_id"] == mine["x-request-id"][:100] and found["id"] == plain.id
    assert found["api"] == "openai" and found["route"] == "/v1/chat/completions"
    assert found["finish_reason"] == "length" and found["status"] == 200
    assert found["model"] == "tiny-llama:f16" and found["fingerprint"] and found["engine"]
    assert 0 < found["ttft_seconds"] <= found["total_seconds"]
    assert 0 < found["busy_seconds"] <= found["total_seconds"] and found["decode_seconds"] > 0
    stream = ask(service, question(stream=True))
    assert stream.id != plain.id and row(service, stream.id)["stream"] is True
    repeated = row(service, stream.id)
    assert repeated["cached_tokens"] > 0, "the beginning was known to the engine"
    refused = ask(service, question(temperature="hot"))
    assert refused.status == 400
    found = row(service, refused.id)
    assert found["status"] == 400 and found["error_code"]
    assert "texts" not in found and found["request"] is None
    with closing(http.client.HTTPConnection(urlsplit(url(service)).netloc, timeout=60)) as lost:
        lost.request("GET", "/v1/nothing")
        found = row(service, lost.getresponse().headers["x-request-id"])
    assert (found["route"], found["status"]) == ("GET /v1/nothing", 404)
    assert found["error_code"] == "not_found" and found["model"] is None
    nowhere = ask(service, {"model": "nothing", "messages": []})
    assert nowhere.status == 404 and row(service, nowhere.id)["error_code"] == "model_not_found"


def test_a_client_that_leaves_has_had_no_more_than_is_written_down(
    service: RunningService,
) -> None:
    connection, reply = post(service, question(tokens=1500, stream=True, ignore_eos=True))
    received = 0
    while received < 40:
        line = reply.readline()
        assert line, "the answer was over too soon"
        if line.startswith(b"data: {"):
            delta = json.loads(line[6:])["choices"][0]["delta"]
            received += bool(delta.get("content"))
    request_id = reply.headers["x-request-id"]
    reply.close()
    connection.close()
    wait_for(lambda: stored(service, request_id), "the request is stored")
    found = row(service, request_id)
    assert found["status"] == 499 and found["error_code"] == "client_left"
    assert received <= found["completion_tokens"] < 1500
    assert found["prompt_tokens"] > 0 and found["busy_seconds"] > 0


def test_texts_are_kept_only_where_that_is_switched_on(service: RunningService) -> None:
    secret = "the secret of the house"
    before = ask(service, question(secret))
    assert row(service, before.id)["request"] is None
    service.client.change_settings({"ledger.store_prompts": True})
    try:
        asked = ask(service, question(secret, tokens=6, stream=True))
    finally:
        service.client.change_settings({"ledger.store_prompts": None})
    found = row(service, asked.id)
    assert json.loads(found["request"])["messages"][0]["content"] == secret
    assert found["answer"]
    assert found["answer"] in "".join(
        json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
        for line in asked.raw.split(b"\n\n")
        if line.startswith(b"data: {") and json.loads(line[6:])["choices"]
    )
    service.client.forget_texts()
    assert row(service, asked.id)["answer"] is None


def test_the_same_question_is_answered_from_the_table(service: RunningService) -> None:
    certain = question("again and again", temperature=0)
    service.client.change_settings({"server.exact_cache": True})
    try:
        made = ask(service, certain)
        assert made.cache == "miss" and "cached" not in made.document["usage"]
        wait_for(lambda: ask(service, certain).cache == "hit", "the answer is kept")
        again = ask(service, certain)
        stream = ask(
            service, {**certain, "stream": True, "stream_options": {"include_usage": True}}
        )
        chance = ask(service, question("again and again", temperature=0.7))
    finally:
        service.client.change_settings({"server.exact_cache": None})
    assert again.document["choices"] == made.document["choices"]
    assert again.document["id"] != made.document["id"]
    assert again.document["usage"] == {**made.document["usage"], "cached": True}
    assert stream.cache == "hit" and chance.cache is None
    chunks = [
        json.loads(line[6:]) for line in stream.raw.split(b"\n\n") if line.startswith(b"data: {")
    ]
    said = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert said == made.document["choices"][0]["message"]["content"]
    assert chunks[-1]["usage"]["cached"] is True and stream.raw.endswith(b"data: [DONE]\n\n")
    found = row(service, again.id)
    assert found["cached_answer"] is True and found["busy_seconds"] is None
    assert found["completion_tokens"] == made.document["usage"]["completion_tokens"]
    usage = service.client.usage()
    assert usage["cache"]["hits"] >= 3 and usage["cache"]["misses"] == 1
    assert usage["total"]["cached_answers"] >= 3
    assert ask(service, certain).cache is None, "it is switched off"
    secret = service.paths.data / "exact_cache.key"
    assert secret.stat().st_size == 32
    assert sys.platform == "win32" or not secret.stat().st_mode & 0o077


def test_a_budget_is_warned_of_and_stops_its_key(service: RunningService) -> None:
    budget = {"amount": 60, "unit": "tokens", "period": "day"}
    key = service.client.create_key("=budget", {"budget": budget})["key"]
    told: list[Json] = []
    state = service.client.state()
    headers = {"Authorization": f"Bearer {key}"}
    first = ask(service, question(), headers)
    assert first.status == 200
    while (last := ask(service, question(), headers)).status == 200:
        assert len(told) < 50
        told.append({})
    assert last.status == 429
    error = last.document["error"]
    assert error["type"] == error["code"] == "insufficient_quota"
    assert row(service, last.id)["error_code"] == "insufficient_quota"
    assert ask(service, question()).status == 200, "others go on"
    events = service.client.events(state["epoch"], state["seq"])
    warnings = (each["data"] for each in events if each["type"] == "budget.warning")
    levels = [next(warnings)["level"]]
    while levels[-1] != 100:
        levels.append(next(warnings)["level"])
    assert levels in ([80, 100], [100])
    standing = service.client.budgets()[0]
    assert standing["key"] == "=budget" and standing["percent"] >= 100
    by_key = {each["name"]: each for each in service.client.usage("key")["rows"]}
    assert by_key["=budget"]["errors"] == 1
    lines = b"".join(service.client.usage_csv("key")).decode().split("\r\n")
    assert any(line.startswith("'=budget,") for line in lines)
    rows = b"".join(service.client.usage_csv("request", key="=budget")).decode().splitlines()
    assert len(rows) == 1 + by_key["=budget"]["requests"]
    page = service.client.ledger(limit=1, key="=budget")
    assert page["requests"][0]["id"] == last.id and page["next"]
    following = service.client.ledger(page["next"], 1, key="=budget")
    assert following["requests"][0]["id"] != last.id


def test_a_turn_of_a_conversation_is_a_row(service: RunningService) -> None:
    conversation = service.client.create_conversation(
        model="tiny-llama:f16", sampling={"max_tokens": 6}
    )
    turn = service.client.send_turn(conversation["id"], "hello")
    for _ in service.client.follow_message(turn["assistant"]["id"]):
        pass
    found = service.client.ledger(limit=1, api="chat")["requests"][0]
    assert found["route"] == "chat" and found["key"] is None
    assert found["completion_tokens"] == 6 and found["busy_seconds"] > 0 and found["fingerprint"]


@contextmanager
def own_service(folder: Path) -> Iterator[RunningService]:
    """A service of the test's own, with the public face on."""
    model = folder / "tiny-llama-f16.gguf"
    write_tiny_llama(model, n_layers=8)
    with running_service(folder / "home") as service:
        service.client.add_models(str(model))
        service.client.public_on(port=free_port())
        yield service


def test_what_has_ended_outlives_the_service(tmp_path: Path) -> None:
    """Killed a second after the last byte, while another answer is written."""
    with own_service(tmp_path) as service:
        ids = [ask(service, question(f"number {n}", 4, stream=n % 2 == 0)).id for n in range(6)]
        connection, reply = post(service, question(tokens=1800, stream=True, ignore_eos=True))
        begun = time.monotonic()
        while time.monotonic() - begun < 1.0 and reply.readline():
            pass
        service.kill()
        reply.close()
        connection.close()
        found = {each["id"]: each for each in LedgerStore(service.paths.database).page(Filter())[0]}
        assert [found[each]["completion_tokens"] for each in ids] == [4] * 6


@pytest.mark.slow
def test_a_service_that_ends_or_begins_loses_no_request(tmp_path: Path) -> None:
    with own_service(tmp_path) as service:
        last = ask(service, question("the last one"))
        service.stop()
        after = LedgerStore(service.paths.database).one(last.id)
        assert after is not None and after["status"] == 200
        service.restart()
        assert row(service, last.id) == after
        assert service.client.usage()["total"]["requests"] == 1
