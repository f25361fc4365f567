"""The engine's stream: passed on whole however it is cut, filtered, and put together."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from desktop.core.service.streams import Assembler, StreamFilter, chunks_of


def event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def delta(content: str, **more: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": content}, **more}], "id": "x"})


PROGRESS = event({"choices": [], "prompt_progress": {"total": 100, "processed": 50}})
USAGE = event(
    {
        "choices": [],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 3},
        },
        "timings": {"prompt_ms": 10.0, "predicted_ms": 500.0},
    }
)
DONE = b"data: [DONE]\n\n"
TEXT = delta('tricky \n\n "usage":{ data: [DONE] error 日本語') + delta("!", finish_reason="stop")
STREAM = PROGRESS + TEXT + USAGE + DONE


def feed(stream: bytes, cuts: list[int], wants_usage: bool) -> tuple[bytes, StreamFilter]:
    events = StreamFilter(wants_usage)
    bounds = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    out = b"".join(events.feed(stream[a:b]) for a, b in pairwise(bounds))
    return out, events


@given(st.lists(st.integers(0, 10_000), max_size=30), st.booleans())
def test_however_it_is_cut(cuts: list[int], wants_usage: bool) -> None:
    out, events = feed(STREAM, cuts, wants_usage)
    if wants_usage:
        *said, last = chunks_of(out)
        assert out.endswith(DONE) and [chunk.pop("usage") for chunk in said] == [None, None]
        assert said == list(chunks_of(TEXT))
        assert last["choices"] == [] and last["timings"]["prompt_ms"] == 10.0
        assert last["usage"] == {
            "prompt_tokens": 7,
            "completion_tokens": 2,
            "total_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 3},
        }
    else:
        assert out == TEXT + DONE
    assert events.finished and events.error is None
    assert events.usage.completion_tokens == 2
    assert events.usage.cached_tokens == 3
    assert events.usage.decode_seconds == 0.5
    assert events.usage.finish_reason == "stop"


def test_usage_inside_the_last_chunk_is_taken_out_alone() -> None:
    last = event({"choices": [{"index": 0, "text": "a"}], "usage": {"completion_tokens": 1}})
    out, events = feed(last + DONE, [], wants_usage=False)
    assert b"usage" not in out and b'"text":"a"' in out
    assert events.usage.completion_tokens == 1


def test_the_usage_of_several_answers_is_one() -> None:
    events = StreamFilter(True, answers=2, parts=2)
    each = {"prompt_tokens": 10, "completion_tokens": 3, "extra": {"of": "theirs"}}
    each["prompt_tokens_details"] = {"cached_tokens": 4}
    timings = {"prompt_ms": 1.0, "predicted_ms": 2.0}
    end = event({"choices": [], "id": "x", "usage": each, "timings": timings})
    events.more_usage["dropped_messages"] = 2
    first = events.feed(delta("a") + end + end + DONE)
    assert b"DONE" not in first and not events.finished and events.ended == 1
    last = list(chunks_of(events.feed(end + end + DONE)))
    assert events.finished and len(last) == 1
    assert events.usage.decode_seconds is None, "no figure of a single answer"
    assert last[0]["usage"] == {
        "prompt_tokens": 20,
        "completion_tokens": 12,
        "total_tokens": 32,
        "prompt_tokens_details": {"cached_tokens": 8},
        "extra": {"of": "theirs"},
        "dropped_messages": 2,
    }


def test_text_completions_have_ids_of_their_own() -> None:
    said = event({"choices": [{"index": 0, "text": 'a "id":"chatcmpl-1"'}], "id": "chatcmpl-1"})
    out = StreamFilter(False, chat=False).feed(said)
    (chunk,) = chunks_of(out)
    assert (chunk["id"], chunk["choices"][0]["text"]) == ("cmpl-1", 'a "id":"chatcmpl-1"')


def test_an_error_in_the_stream_is_kept_for_translation() -> None:
    for raw in (event({"error": {"message": "boom"}}), b'error: {"error":{"message":"boom"}}\n\n'):
        out, events = feed(delta("a") + raw, [], wants_usage=False)
        assert out == delta("a")
        assert events.error is not None and b"boom" in events.error
        assert not events.finished


def test_a_bare_end_is_not_finished() -> None:
    out, events = feed(delta("a") + b'data: {"cho', [], wants_usage=False)
    assert out == delta("a") and not events.finished


def test_plain_reply_from_a_stream() -> None:
    assembler = Assembler(chat=True)
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a"'}}
    more = {"index": 0, "function": {"arguments": ":1}"}}
    for delta_part in (
        {"role": "assistant", "content": None},
        {"reasoning_content": "hm "},
        {"content": "Hel"},
        {"content": "lo"},
        {"tool_calls": [call]},
        {"tool_calls": [more]},
    ):
        assembler.feed(event({"id": "1", "choices": [{"index": 0, "delta": delta_part}]}))
    assembler.feed(
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        + USAGE
        + DONE
    )
    reply = assembler.reply()
    message = reply["choices"][0]["message"]
    assert reply["object"] == "chat.completion" and reply["id"] == "1"
    assert message["content"] == "Hello" and message["reasoning_content"] == "hm "
    assert message["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]
    assert reply["choices"][0]["finish_reason"] == "tool_calls"
    assert reply["usage"]["completion_tokens"] == 2


def test_several_choices_and_logprobs_stay_apart() -> None:
    assembler = Assembler(chat=False)
    for index, text in ((1, "b"), (0, "a"), (1, "B")):
        logprobs = {"content": [{"token": text}]}
        part = {"index": index, "text": text, "logprobs": logprobs}
        assembler.feed(event({"choices": [part]}))
    choices = assembler.reply()["choices"]
    assert [c["text"] for c in choices] == ["a", "bB"]
    assert [len(c["logprobs"]["content"]) for c in choices] == [1, 2]
