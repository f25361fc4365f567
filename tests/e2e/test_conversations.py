"""Conversations of the real service and engine: followed, stopped, broken and found again."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import read_only
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, running_service, wait_for

Json = dict[str, Any]
# Until its context is full, which takes many seconds: it lasts until it is cut off.
LONG = {"temperature": 0}
MIDDLE = {"temperature": 0, "max_tokens": 1500}
SHORT = {"temperature": 0, "max_tokens": 12}


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In place of the tiny model of other tests: one with room for a long answer."""
    path = tmp_path_factory.mktemp("models") / "tiny-llama-f16.gguf"
    return write_tiny_llama(path, n_layers=8, context=8192)


@pytest.fixture
def fresh(tmp_path: Path, tiny_model: Path) -> Iterator[RunningService]:
    """A service of this test alone, with the tiny model in its library."""
    with running_service(tmp_path / "own") as running:
        running.client.add_models(str(tiny_model))
        yield running


def tiny_id(service: RunningService, tiny_model: Path) -> str:
    models = service.client.models()
    return str(next(m["id"] for m in models if m["path"] == str(tiny_model)))


def ask(service: RunningService, model: str, sampling: Json, content: str = "hello") -> Json:
    """A new conversation with its first turn; {"conversation", "user", "assistant"}."""
    made = service.client.create_conversation(model=model, sampling=sampling)
    return service.client.send_turn(made["id"], content)


class Follower:
    """Follows a message in a thread of its own, and puts together what it is told."""

    def __init__(self, service: RunningService, message_id: int) -> None:
        self._lines = service.client.follow_message(message_id)
        self.snapshot: Json = next(self._lines)["snapshot"]
        self.text: str = self.snapshot["content"]
        self.deltas = 0
        self.begun = threading.Event()
        self.done: Json = {}
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        try:
            for line in self._lines:
                if "text" in line:
                    self.text += line["text"]
                    self.deltas += 1
                    self.begun.set()
                self.done = line.get("done", {})
        except AppError as error:
            self.failure = error

    def end(self) -> Json:
        self._thread.join(60)
        assert not self._thread.is_alive() and self.failure is None
        return self.done


def finished(service: RunningService, message_id: int) -> Json:
    return Follower(service, message_id).end()


def test_followers_at_once_late_and_long_after(service: RunningService, tiny: str) -> None:
    turn = ask(service, tiny, MIDDLE)
    assert turn["assistant"]["state"] == "waiting" and turn["user"]["content"] == "hello"
    number = turn["assistant"]["id"]
    first, second = Follower(service, number), Follower(service, number)
    assert first.begun.wait(60)
    late = Follower(service, number)
    assert late.snapshot["content"] and late.snapshot["state"] == "streaming"
    done = first.end()
    assert second.end() == done and late.end() == done
    assert done["state"] == "done" and done["model_id"] == tiny and done["error"] is None
    assert first.text == second.text == late.text == done["content"] != ""
    assert first.deltas > 1

    lines = list(service.client.follow_message(number))
    assert lines == [{"snapshot": done}, {"done": done}]
    stored = service.client.conversation(turn["conversation"]["id"])
    assert stored["messages"] == [turn["user"], done]
    figures = done["figures"]
    assert figures["finish_reason"] == "length" and figures["tokens_per_second"] > 0
    assert figures["prompt_tokens"] > 0 and figures["completion_tokens"] > 100
    assert 0 < figures["ttft_seconds"] < figures["total_seconds"]
    last = service.client.requests()[0]
    assert (last["route"], last["model"], last["status"]) == ("chat", tiny, 200)
    assert last["completion_tokens"] == figures["completion_tokens"]


def test_a_follower_that_leaves_ends_nothing(service: RunningService, tiny: str) -> None:
    number = ask(service, tiny, MIDDLE)["assistant"]["id"]
    cancel = CancelToken()
    for line in service.client.follow_message(number, cancel):
        if "text" in line:
            cancel.cancel()
    assert finished(service, number)["state"] == "done"


def test_stop_keeps_the_text(service: RunningService, tiny: str) -> None:
    turn = ask(service, tiny, LONG)
    number = turn["assistant"]["id"]
    follower = Follower(service, number)
    assert follower.begun.wait(60)
    with pytest.raises(AppError) as caught:
        service.client.send_turn(turn["conversation"]["id"], "and now?")
    assert caught.value.code is ErrorCode.BAD_REQUEST and "being written" in str(caught.value)
    with pytest.raises(AppError):
        service.client.regenerate(number)
    stopped = service.client.stop_message(number)
    assert stopped["state"] == "stopped" and stopped["content"]
    assert follower.end() == stopped and follower.text == stopped["content"]
    assert service.client.state()["models"][0]["active_requests"] == 0
    assert service.client.stop_message(number) == stopped, "it has ended already"
    service.client.change_conversation(turn["conversation"]["id"], sampling=SHORT)
    again = service.client.send_turn(turn["conversation"]["id"], "go on", turn["assistant"]["id"])
    assert finished(service, again["assistant"]["id"])["state"] == "done"


def test_stop_before_the_first_word(fresh: RunningService, tiny_model: Path) -> None:
    turn = ask(fresh, tiny_id(fresh, tiny_model), LONG)
    stopped = fresh.client.stop_message(turn["assistant"]["id"])
    assert (stopped["state"], stopped["content"]) == ("stopped", "")


def test_regenerate_and_edit(service: RunningService, tiny: str) -> None:
    client = service.client
    turn = ask(service, tiny, SHORT)
    conversation = turn["conversation"]["id"]
    first = finished(service, turn["assistant"]["id"])
    again = client.regenerate(first["id"])["assistant"]
    assert again["parent_id"] == first["parent_id"] and again["id"] != first["id"]
    assert finished(service, again["id"])["content"] == first["content"], "at temperature 0"
    assert client.conversation(conversation)["current"] == again["id"]

    follow_up = client.send_turn(conversation, "more", first["id"])
    assert follow_up["user"]["parent_id"] == first["id"]
    finished(service, follow_up["assistant"]["id"])
    edited = client.send_turn(conversation, "something else", 0)
    assert edited["user"]["parent_id"] is None
    other = finished(service, edited["assistant"]["id"])
    assert other["figures"]["prompt_tokens"] < 60, "the other branch is not part of the prompt"
    assert client.conversation(conversation)["message_count"] == 7
    shown = client.change_conversation(conversation, current=turn["user"]["id"])
    assert shown["current"] == follow_up["assistant"]["id"], "the newest branch through it"
    text = client.export_conversation(conversation, "md")["text"]
    assert "more" in text and "something else" not in text
    whole = json.loads(client.export_conversation(conversation, "json")["text"])
    assert len(whole["messages"]) == 7
    for wrong in (turn["user"]["id"], 10**9):
        with pytest.raises(AppError):
            client.regenerate(wrong)


def test_the_system_prompt_and_sampling_count(service: RunningService, tiny: str) -> None:
    plain = finished(service, ask(service, tiny, SHORT)["assistant"]["id"])
    made = service.client.create_conversation(model=tiny, system="Be brief.", sampling=SHORT)
    turn = service.client.send_turn(made["id"], "hello")
    other = finished(service, turn["assistant"]["id"])
    assert other["figures"]["prompt_tokens"] > plain["figures"]["prompt_tokens"]
    assert plain["figures"]["completion_tokens"] == 12 and plain["figures"]["cached_tokens"] >= 0


def test_the_engine_dies_in_mid_answer(fresh: RunningService, tiny_model: Path) -> None:
    turn = ask(fresh, tiny_id(fresh, tiny_model), LONG)
    follower = Follower(fresh, turn["assistant"]["id"])
    assert follower.begun.wait(60)
    os.kill(fresh.client.state()["models"][0]["pid"], signal.SIGKILL)
    failed = follower.end()
    assert failed["state"] == "failed" and failed["content"] == follower.text != ""
    assert failed["error"]["code"] == "upstream_failed" and failed["error"]["remedy"]
    assert fresh.client.requests()[0]["status"] == 502
    fresh.client.change_conversation(turn["conversation"]["id"], sampling=SHORT)
    again = fresh.client.send_turn(turn["conversation"]["id"], "once more", 0)
    assert finished(fresh, again["assistant"]["id"])["state"] == "done"


def flushed(service: RunningService, message_id: int) -> str:
    with read_only(service.paths.database) as connection:
        row = connection.execute("SELECT content FROM messages WHERE id = ?", (message_id,))
        return str(row.fetchone()[0])


def test_the_service_is_killed_in_mid_answer(fresh: RunningService, tiny_model: Path) -> None:
    model = tiny_id(fresh, tiny_model)
    fresh.client.load(model)
    turn = ask(fresh, model, LONG)
    number = turn["assistant"]["id"]
    wait_for(lambda: flushed(fresh, number), "some of it is stored", 30)
    stored = flushed(fresh, number)
    fresh.kill()
    fresh.restart()
    done = list(fresh.client.follow_message(number))[-1]["done"]
    assert done["state"] == "interrupted" and done["content"].startswith(stored)
    fresh.client.change_conversation(turn["conversation"]["id"], sampling=SHORT)
    again = fresh.client.regenerate(number)["assistant"]
    assert finished(fresh, again["id"])["state"] == "done"


def test_the_service_ends_in_mid_answer(fresh: RunningService, tiny_model: Path) -> None:
    number = ask(fresh, tiny_id(fresh, tiny_model), LONG)["assistant"]["id"]
    follower = Follower(fresh, number)
    assert follower.begun.wait(60)
    fresh.client.stop()
    done = follower.end()
    assert done["state"] == "interrupted" and done["content"] == follower.text
    fresh.process.wait(30)
    fresh.restart()
    assert list(fresh.client.follow_message(number))[-1]["done"] == done


def test_large_messages(service: RunningService, tiny: str) -> None:
    made = service.client.create_conversation(model=tiny, sampling=SHORT)
    turn = service.client.send_turn(made["id"], "ab " * (1_000_000 // 3))
    done = finished(service, turn["assistant"]["id"])
    assert done["state"] == "failed" and done["error"]["code"] == "context_overflow"
    numbers = done["error"]["params"]
    assert numbers["prompt_tokens"] > 300_000 and numbers["context_tokens"] >= 2048
    assert str(numbers["prompt_tokens"]) in done["error"]["cause"]
    assert str(numbers["context_tokens"]) in done["error"]["cause"]
    with pytest.raises(AppError) as caught:
        service.client.send_turn(made["id"], "x" * (1 << 21))
    assert caught.value.code is ErrorCode.BAD_REQUEST and "2,097,152" in str(caught.value)
    assert service.client.conversation(made["id"])["message_count"] == 2


def test_models_that_cannot_answer(service: RunningService, tmp_path: Path, tiny: str) -> None:
    client = service.client
    with pytest.raises(AppError) as caught:
        client.create_conversation(model="gpt-4o")
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND
    made = client.create_conversation()
    with pytest.raises(AppError) as caught:
        client.send_turn(made["id"], "hello")
    assert caught.value.code is ErrorCode.BAD_REQUEST
    with pytest.raises(AppError) as caught:
        client.send_turn(made["id"], "hello", model="gpt-4o")
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"garbage")
    client.add_models(str(broken))
    entry = next(m["id"] for m in client.models() if m["path"] == str(broken))
    with pytest.raises(AppError) as caught:
        client.send_turn(made["id"], "hello", model=entry)
    assert caught.value.code is ErrorCode.MODEL_BROKEN
    assert client.conversation(made["id"])["messages"] == []
    client.change_conversation(made["id"], sampling=SHORT)
    turn = client.send_turn(made["id"], "hello", model=tiny)
    assert turn["conversation"]["model_id"] == tiny
    assert finished(service, turn["assistant"]["id"])["state"] == "done"


def test_list_search_change_delete_and_undo(service: RunningService, tiny: str) -> None:
    client = service.client
    turn = ask(service, tiny, SHORT, "東京の天気 100%?")
    number = turn["conversation"]["id"]
    finished(service, turn["assistant"]["id"])
    state = client.state()
    assert client.conversations()[0]["id"] == number
    assert [c["id"] for c in client.conversations("天気 100%")] == [number]
    assert client.change_conversation(number, title="Weather", model=tiny)["title"] == "Weather"
    with pytest.raises(AppError) as caught:
        client.change_conversation(number, sampling={"temperature": 99})
    assert caught.value.code is ErrorCode.SETTING_INVALID
    client.delete_conversation(number)
    assert number not in [c["id"] for c in client.conversations()]
    with pytest.raises(AppError) as caught:
        client.send_turn(number, "hello?")
    assert caught.value.code is ErrorCode.CONVERSATION_NOT_FOUND
    client.restore_conversation(number)
    assert len(client.conversation(number)["messages"]) == 2
    changes = []
    for event in client.events(state["epoch"], state["seq"]):
        if event["type"] == "conversation.changed" and event["data"]["id"] == number:
            changes.append((event["data"]["title"], event["data"]["deleted"] is None))
            if len(changes) == 3:
                break
    assert changes == [("Weather", True), ("Weather", False), ("Weather", True)]


def test_deleting_stops_the_answer(service: RunningService, tiny: str) -> None:
    turn = ask(service, tiny, LONG)
    follower = Follower(service, turn["assistant"]["id"])
    assert follower.begun.wait(60)
    service.client.delete_conversation(turn["conversation"]["id"])
    assert follower.end()["state"] == "stopped"


def test_wrong_requests(service: RunningService, tiny: str) -> None:
    client = service.client
    made = client.create_conversation(model=tiny)["id"]
    for method, path, body, code in (
        ("GET", "/conversations/999999", None, ErrorCode.CONVERSATION_NOT_FOUND),
        ("POST", "/messages/999999/stop", {}, ErrorCode.MESSAGE_NOT_FOUND),
        ("GET", "/messages/999999/stream", None, ErrorCode.MESSAGE_NOT_FOUND),
        ("POST", f"/conversations/{made}/turns", {}, ErrorCode.BAD_REQUEST),
        ("POST", f"/conversations/{made}/turns", {"content": " "}, ErrorCode.BAD_REQUEST),
        (
            "POST",
            f"/conversations/{made}/turns",
            {"content": "x", "parent_id": "1"},
            ErrorCode.BAD_REQUEST,
        ),
        ("POST", f"/conversations/{made}", {"created": 1}, ErrorCode.BAD_REQUEST),
        ("POST", f"/conversations/{made}", {"current": None}, ErrorCode.MESSAGE_NOT_FOUND),
        ("POST", "/conversations", {"model": 5}, ErrorCode.BAD_REQUEST),
        ("GET", f"/conversations/{made}/export?form=pdf", None, ErrorCode.BAD_REQUEST),
        ("GET", f"/conversations/{10**18}", None, ErrorCode.BAD_REQUEST),
    ):
        with pytest.raises(AppError) as caught:
            client.call(method, path, body)
        assert caught.value.code is code, path
