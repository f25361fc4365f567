"""`chat` and `run`: streaming, figures, histories, and Ctrl-C."""

from __future__ import annotations

import _thread
import io
import sys

import pytest

from desktop.cli.output import Output
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import PATIENCE_SECONDS, AppErrorReply, FakeFace, chunk

NAME = "tiny-llama:f16"


def test_an_answer_is_streamed_to_stdout_and_measured_on_stderr(
    face: FakeFace, paddock: Paddock
) -> None:
    ran = paddock("chat", NAME, "-p", "What is Q4_K_M?", "--system", "Be brief.")
    assert ran.code == 0
    assert ran.out == "It is a quant type.\n"
    assert "✓ 50.0 tok/s, 20 tokens" in ran.err  # 20 tokens in the engine's 400 ms
    assert face.called("/load")[0]["for_now"] is True  # it leaves when nobody uses it
    (body,) = face.called("/v1/chat/completions")
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is Q4_K_M?"},
    ]


def test_json_is_one_document(face: FakeFace, paddock: Paddock) -> None:
    words = ["--temperature", "0.5", "--max-tokens", "9", "--json"]
    ran = paddock("chat", NAME, "-p", "hi", *words)
    document = ran.document
    assert document["model"] == NAME
    assert document["answer"] == "It is a quant type."
    assert document["usage"]["completion_tokens"] == 20
    assert document["tokens_per_second"] == 50.0
    assert document["ttft_seconds"] >= 0
    assert document["finish_reason"] == "stop"
    assert "reasoning" not in document
    (body,) = face.called("/v1/chat/completions")
    assert (body["temperature"], body["max_tokens"]) == (0.5, 9)


def test_reasoning_is_kept_apart_from_the_answer(face: FakeFace, paddock: Paddock) -> None:
    thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm, "}}]}
    face.chunks = [thought, chunk("42", usage={"completion_tokens": 2})]
    ran = paddock("chat", NAME, "-p", "hi")
    assert ran.out == "42\n"
    assert "Hm, " in ran.err
    document = paddock("chat", NAME, "-p", "hi", "--json").document
    assert (document["reasoning"], document["answer"]) == ("Hm, ", "42")


def test_an_answer_that_was_cut_is_said_to_be(face: FakeFace, paddock: Paddock) -> None:
    face.chunks = [chunk("It"), {"choices": [{"delta": {}, "finish_reason": "length"}]}]
    assert "cut off" in paddock("chat", NAME, "-p", "hi").err


def test_a_prompt_from_stdin(
    face: FakeFace, paddock: Paddock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("from a file\n"))
    assert paddock("chat", NAME, "-p", "-").code == 0
    (body,) = face.called("/v1/chat/completions")
    assert body["messages"][0]["content"] == "from a file\n"


@pytest.mark.parametrize("words", [["--json"], ["-p", "  "]])
def test_a_chat_without_a_prompt_it_could_send_is_wrong_usage(
    words: list[str], paddock: Paddock
) -> None:
    assert paddock("chat", NAME, *words).code == 2


def test_lines_of_a_pipe_are_turns_and_the_history_goes_along(
    face: FakeFace, paddock: Paddock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("first\n\nsecond\n/exit\nnever\n"))
    ran = paddock("run", NAME, "--ctx", "1024")
    assert ran.out == "It is a quant type.\n" * 2
    assert face.called("/load")[0]["context_tokens"] == 1024
    first, second = face.called("/v1/chat/completions")
    assert [each["content"] for each in first["messages"]] == ["first\n"]
    assert [each["role"] for each in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][1]["content"] == "It is a quant type."


def test_an_error_of_the_gateway_is_an_error_of_the_command(
    face: FakeFace, paddock: Paddock
) -> None:
    face.chat_error = {"message": "The context is too small.", "code": "context_length_exceeded"}
    ran = paddock("chat", NAME, "-p", "hi", "--json")
    assert ran.code == 1
    assert ran.document["error"]["code"] == "context_length_exceeded"
    assert "The context is too small." in paddock("chat", NAME, "-p", "hi").err


def test_an_error_in_the_middle_of_an_answer(face: FakeFace, paddock: Paddock) -> None:
    face.chunks = [chunk("It"), {"error": {"message": "The engine broke off."}}]
    ran = paddock("chat", NAME, "-p", "hi")
    assert ran.code == 1
    assert "The engine broke off." in ran.err


def test_ctrl_c_stops_the_answer_at_the_engine_too(face: FakeFace, paddock: Paddock) -> None:
    face.hang = _thread.interrupt_main
    ran = paddock("chat", NAME, "-p", "hi")
    assert ran.code == 130
    assert face.client_left.wait(PATIENCE_SECONDS)


def test_ctrl_c_in_a_conversation_stops_the_answer_and_not_the_conversation(
    face: FakeFace, paddock: Paddock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["hi", "and now?", None])

    def prompt(self: Output) -> str | None:
        if len(face.called("/v1/chat/completions")) == 1:
            face.hang = None
        return next(lines)

    monkeypatch.setattr(Output, "interactive", True)
    monkeypatch.setattr(Output, "prompt", prompt)
    face.hang = _thread.interrupt_main
    ran = paddock("chat", NAME)
    assert ran.code == 0
    assert "(stopped)" in ran.err
    _, second = face.called("/v1/chat/completions")
    assert [each["content"] for each in second["messages"]] == ["and now?"]


def test_a_repo_that_is_not_here_is_not_found(face: FakeFace, paddock: Paddock) -> None:
    def not_found(body: dict[str, object]) -> dict[str, object]:
        raise AppErrorReply({"code": "model_not_found", "title": "", "params": body})

    face.routes["/load"] = not_found
    ran = paddock("chat", "owner/repo:Q4_K_M")
    assert ran.code == 1
    assert "There is no model called “owner/repo:Q4_K_M”" in ran.err
