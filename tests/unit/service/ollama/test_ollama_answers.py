"""From the engine's chunks to Ollama's lines, and from those to one object."""

from __future__ import annotations

from typing import Any

from desktop.core.service.ollama.answers import Answer, whole
from desktop.core.service.requests import RequestRecord
from desktop.core.service.streams import Usage

Json = dict[str, Any]
USAGE = Usage(
    prompt_tokens=9, cached_tokens=4, completion_tokens=3, prefill_seconds=0.25, decode_seconds=1.5
)


def chunk(finish: str | None = None, **delta: Any) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def called(index: int, **call: Any) -> Json:
    return chunk(tool_calls=[{"index": index, **call}])


def told(chunks: list[Json], *, chat: bool = True) -> list[Json]:
    answer = Answer("m:latest", chat)
    record = RequestRecord("/api/chat")
    record.slot_granted(None)
    lines = [each for one in chunks for each in answer.feed(one)]
    return [*lines, *answer.end(USAGE, record)]


def test_a_chat() -> None:
    first, second, last = told(
        [
            chunk(role="assistant", content=None),
            chunk(content="Hel"),
            chunk(content="lo"),
            chunk("stop"),
        ]
    )
    assert first["message"] == {"role": "assistant", "content": "Hel"}
    assert (first["model"], first["done"], second["message"]["content"]) == (
        "m:latest",
        False,
        "lo",
    )
    assert first["created_at"].endswith("Z")
    assert (last["done"], last["done_reason"], last["message"]["content"]) == (True, "stop", "")
    assert last["prompt_eval_count"] == 9 and last["prompt_eval_duration"] == 250_000_000
    assert last["eval_count"] == 3 and last["eval_duration"] == 1_500_000_000
    assert last["total_duration"] >= last["load_duration"] >= 0


def test_a_generated_text() -> None:
    lines = told([{"choices": [{"text": "Hi", "index": 0}]}, chunk("length")], chat=False)
    assert [each["response"] for each in lines] == ["Hi", ""]
    assert lines[-1]["done_reason"] == "length" and "message" not in lines[-1]


def test_thoughts() -> None:
    lines = told([chunk(reasoning_content="Hm."), chunk(content="12"), chunk("stop")])
    assert lines[0]["message"] == {"role": "assistant", "content": "", "thinking": "Hm."}
    assert "thinking" not in lines[1]["message"]
    one = whole(lines)
    assert one["message"] == {"role": "assistant", "content": "12", "thinking": "Hm."}
    text = whole(told([chunk(reasoning_content="Hm."), chunk(content="12")], chat=False))
    assert (text["response"], text["thinking"]) == ("12", "Hm.")


def test_calls_of_tools_are_told_whole() -> None:
    lines = told(
        [
            called(0, id="c1", function={"name": "weather", "arguments": '{"city": '}),
            called(0, function={"arguments": '"Kyoto"}'}),
            called(1, id="c2", function={"name": "clock", "arguments": ""}),
            chunk("tool_calls"),
        ]
    )
    assert len(lines) == 2 and lines[1]["done_reason"] == "stop"
    assert lines[0]["message"]["tool_calls"] == [
        {"id": "c1", "function": {"index": 0, "name": "weather", "arguments": {"city": "Kyoto"}}},
        {"id": "c2", "function": {"index": 1, "name": "clock", "arguments": {}}},
    ]
    assert len(whole(lines)["message"]["tool_calls"]) == 2


def test_a_call_that_was_cut_off_is_told_as_text() -> None:
    lines = told([called(0, function={"name": "weather", "arguments": '{"ci'}), chunk("length")])
    assert lines[0]["message"] == {"role": "assistant", "content": '{"ci'}
    assert lines[-1]["done_reason"] == "length"


def test_log_probabilities() -> None:
    top = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "id": 7}]
    said = chunk(content="Hi")
    said["choices"][0]["logprobs"] = {
        "content": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": top}]
    }
    of_text = {
        "choices": [
            {
                "text": "Hi",
                "logprobs": {
                    "tokens": ["Hi"],
                    "token_logprobs": [-0.1],
                    "top_logprobs": [{"Hi": -0.1}],
                },
            }
        ]
    }
    kept = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}
    assert told([said])[0]["logprobs"] == [{**kept, "top_logprobs": [kept]}]
    short = {"token": "Hi", "logprob": -0.1}
    lines = told([of_text], chat=False)
    assert whole(lines)["logprobs"] == [{**short, "top_logprobs": [short]}]
