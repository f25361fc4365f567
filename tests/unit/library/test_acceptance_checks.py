"""Each check of a new model on scripted answers of its engine: what passes, and what each fault
is called."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library import acceptance_checks
from desktop.core.library.acceptance import CHECKS, Acceptance, Check
from desktop.core.library.acceptance_checks import Subject, check_loaded, check_unloaded
from desktop.core.library.acceptance_engine import (
    LEAST_SECONDS,
    MOST_SECONDS,
    EngineGone,
    Pace,
    Reply,
    TimedOut,
)
from desktop.core.library.acceptance_signs import raw_token, thinking_tag, vision_sign
from desktop.core.library.acceptance_words import TITLES, WORDS, words_of
from tests.helpers.scripted_model import (
    CALL,
    CAPS,
    PERSON,
    Json,
    Scripted,
    embedded,
    kind_of,
    refusal,
    rendered,
    said,
    thinking_template,
)


def marks(
    engine: Scripted, subject: Subject | None = None, pace: Pace | None = None
) -> dict[str, Check]:
    found = list(check_loaded(subject or Subject(), engine, pace or Pace()))
    assert [check.name for check in found] == list(CHECKS[1:])
    return {check.name: check for check in found}


def code(check: Check) -> tuple[str, str]:
    return check.mark, check.code


# --- a model without a fault


def test_a_good_model_passes_what_concerns_it() -> None:
    engine = Scripted()
    found = marks(engine)
    assert {name: code(check) for name, check in found.items()} == {
        "template": ("passed", "template_ok"),
        "stops": ("passed", "stops_ok"),
        "tools": ("passed", "tools_ok"),
        "schema": ("passed", "schema_ok"),
        "thinking": ("skipped", "thinking_none"),
        "embeddings": ("skipped", "embeddings_none"),
        "vision": ("skipped", "vision_none"),
    }
    answers = [body for path, body, _ in engine.asked if path == "/v1/chat/completions"]
    assert len(answers) == 4
    assert all(body["temperature"] == 0 and body["seed"] == 1 for body in answers)
    assert all("thinking_budget_tokens" not in body for body in answers)


def test_marks_survive_being_stored() -> None:
    checks = tuple(check_loaded(Subject(), Scripted(), Pace()))
    kept = Acceptance(5.0, "b1", checks)
    assert Acceptance.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept
    assert kept.failed == ()
    with pytest.raises(ValueError, match="no check"):
        Check.from_dict({"name": "sings", "mark": "passed", "code": "x"})


# --- the template


def without_system(body: Json) -> Reply:
    if body["messages"][0]["role"] == "system":
        return refusal("System role not supported")
    return rendered(body)


def garbled(body: Json) -> Reply:
    prompt: str = rendered(body).body["prompt"]
    return Reply(200, {"prompt": prompt.replace("漢", "?")})


@pytest.mark.parametrize(
    ("render", "expected"),
    [
        (lambda body: refusal("expected ')'"), ("failed", "template_error")),
        (without_system, ("passed", "template_no_system")),
        (lambda body: rendered(body, without=("system",)), ("passed", "template_no_system")),
        (lambda body: rendered(body, without=("assistant",)), ("failed", "template_forgets")),
        (
            lambda body: rendered({**body, "messages": body["messages"][-1:]}),
            ("failed", "template_forgets"),
        ),
        (garbled, ("failed", "template_loses")),
    ],
)
def test_templates(render: Callable[[Json], Reply], expected: tuple[str, str]) -> None:
    assert code(marks(Scripted(render=render))["template"]) == expected


def test_a_refused_system_prompt_does_not_excuse_forgetting() -> None:
    def render(body: Json) -> Reply:
        if body["messages"][0]["role"] == "system":
            return refusal("System role not supported")
        return rendered({**body, "messages": body["messages"][-1:]})

    assert code(marks(Scripted(render=render))["template"]) == ("failed", "template_forgets")


def test_what_the_engine_says_against_a_template_is_told() -> None:
    found = marks(Scripted(render=lambda body: refusal("Unknown filter\n'fancy'")))["template"]
    assert "Unknown filter 'fancy'" in words_of(found).cause


def test_a_file_without_a_template() -> None:
    found = marks(Scripted(), Subject(has_template=False))
    assert code(found["template"]) == ("failed", "template_missing")
    assert code(found["tools"]) == ("skipped", "tools_none")


def test_an_engine_that_merges_the_system_prompt() -> None:
    engine = Scripted()
    engine.props["chat_template_caps"] = {**CAPS, "supports_system_role": False}
    assert code(marks(engine)["template"]) == ("passed", "template_merges_system")


# --- its answers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said("Hello and hello and", "length"), ("failed", "stops_endless")),
        (said("Hello!<|im_end|>"), ("failed", "stops_raw")),
        (said("Hello!<|im_end|> and on", "length"), ("failed", "stops_raw")),
        (said("  "), ("failed", "stops_empty")),
        (refusal("out of slots"), ("failed", "refused")),
        (refusal("request (2448 tokens) …", "exceed_context_size_error"), ("skipped", "too_long")),
        (Reply(200, None), ("failed", "refused")),
    ],
)
def test_short_answers(answer: Reply, expected: tuple[str, str]) -> None:
    assert code(marks(Scripted(greet=lambda body: answer))["stops"]) == expected


def test_the_token_that_shows_is_named() -> None:
    found = marks(Scripted(greet=lambda body: said("Hi <end_of_turn>")))["stops"]
    assert "“<end_of_turn>”" in words_of(found).cause


@pytest.mark.parametrize(
    "text",
    [
        *("a <|eot_id|>", "</s>", "<｜end▁of▁sentence｜>", "[INST] more", "<end_of_turn>"),
        *("<|im_start|>user", "<turn|>", "<|return|>"),
    ],
)
def test_tokens_that_are_no_text(text: str) -> None:
    assert raw_token(text) is not None


@pytest.mark.parametrize(
    "text",
    ["1 < 2 and 3 > 2", "a|b|c", "<b>bold</b>", "x <- y |> f()", "List<String>", "<think> so"],
)
def test_texts_that_are_no_tokens(text: str) -> None:
    assert raw_token(text) is None


def test_a_models_own_end_of_text() -> None:
    assert raw_token("that is all <fin>", ("<go>", "<fin>")) == "<fin>"
    assert raw_token("one, two", (",",)) is None


# --- tools


def call(**changes: Any) -> Reply:
    function = {"name": "get_temperature", "arguments": '{"city": "Kyoto"}', **changes}
    return said("", "tool_calls", tool_calls=[{**CALL, "function": function}])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said("It is warm."), ("failed", "tools_no_call")),
        (call(name="get_weather"), ("failed", "tools_other_name")),
        (call(arguments="{city: Kyoto}"), ("failed", "tools_bad_arguments")),
        (call(arguments='["Kyoto"]'), ("failed", "tools_bad_arguments")),
        (call(arguments='{"town": "Kyoto"}'), ("failed", "tools_bad_arguments")),
        (call(arguments='{"city": ""}'), ("failed", "tools_bad_arguments")),
        (call(arguments={"city": "Kyoto"}), ("passed", "tools_ok")),
        (refusal("Cannot use grammar"), ("failed", "refused")),
    ],
)
def test_tool_calls(answer: Reply, expected: tuple[str, str]) -> None:
    assert code(marks(Scripted(call=lambda body: answer))["tools"]) == expected


def test_the_tool_is_forced_and_its_result_handed_back() -> None:
    engine = Scripted()
    marks(engine)
    chats = [body for path, body, _ in engine.asked if path == "/v1/chat/completions"]
    first, second = (body for body in chats if "tools" in body)
    assert first["tool_choice"] == "required" and "tool_choice" not in second
    called, result = second["messages"][-2:]
    assert called["tool_calls"][0]["id"] == result["tool_call_id"] == "c1"


def test_a_result_that_the_template_leaves_out() -> None:
    engine = Scripted(render=lambda body: rendered(body, without=("tool",)))
    assert code(marks(engine)["tools"]) == ("failed", "tools_result_lost")


def test_a_result_that_is_refused() -> None:
    engine = Scripted(result=lambda body: refusal("No role tool"))
    assert code(marks(engine)["tools"]) == ("failed", "refused")


def test_templates_without_tools() -> None:
    engine = Scripted()
    engine.props["chat_template_caps"] = {"supports_tools": False, "supports_tool_calls": False}
    assert code(marks(engine)["tools"]) == ("skipped", "tools_none")
    assert not any("tools" in body for _, body, _ in engine.asked)


# --- JSON schema


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said('{"name": "An', "length"), ("failed", "schema_endless")),
        (said("Anna is 31."), ("failed", "schema_not_json")),
        (said('["Anna", 31]'), ("failed", "schema_wrong")),
        (said('{"name": "Anna"}'), ("failed", "schema_wrong")),
        (said('{"name": "Anna", "age": 31, "sex": "f"}'), ("failed", "schema_wrong")),
        (said('{"name": "Anna", "age": "31"}'), ("failed", "schema_wrong")),
        (said('{"name": "Anna", "age": true}'), ("failed", "schema_wrong")),
        (said(f" {PERSON}\n"), ("passed", "schema_ok")),
    ],
)
def test_schemas(answer: Reply, expected: tuple[str, str]) -> None:
    assert code(marks(Scripted(schema=lambda body: answer))["schema"]) == expected


# --- thinking


def thinker(**answers: Callable[[Json], Reply]) -> Scripted:
    return Scripted(**{"render": thinking_template, **answers})


def test_thinking_that_is_kept_apart_and_switched_off() -> None:
    engine = thinker()
    assert code(marks(engine)["thinking"]) == ("passed", "thinking_ok")
    greeting = next(body for _, body, _ in engine.asked if _is_greeting(body))
    assert greeting["chat_template_kwargs"] == {"enable_thinking": False}


def _is_greeting(body: Json) -> bool:
    return body.get("messages", [{}])[0].get("content") == "Say hello." and "max_tokens" in body


def test_thinking_that_cannot_be_switched_off() -> None:
    engine = Scripted()
    assert code(marks(engine, Subject(thinks=True))["thinking"]) == ("passed", "thinking_always")
    greeting = next(body for _, body, _ in engine.asked if _is_greeting(body))
    assert greeting["thinking_budget_tokens"] > 0 and greeting["max_tokens"] > 192


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"think": said("<think>7 and 5</think>12.")}, ("failed", "thinking_leaks")),
        ({"think": said("12.</think>")}, ("failed", "thinking_leaks")),
        (
            {"think": said("", "length", reasoning_content="7 and 5 and")},
            ("failed", "thinking_open"),
        ),
        ({"quiet": said("12.", reasoning_content="Well.")}, ("failed", "thinking_stays")),
        ({"quiet": said("<think>Well.</think>12.")}, ("failed", "thinking_stays")),
        ({"think": said("12.")}, ("skipped", "thinking_unseen")),
        ({"think": refusal("no")}, ("failed", "refused")),
    ],
)
def test_thinking(answers: dict[str, Reply], expected: tuple[str, str]) -> None:
    scripted = {name: (lambda body, reply=reply: reply) for name, reply in answers.items()}
    assert code(marks(thinker(**scripted))["thinking"]) == expected


def test_a_model_that_thinks_though_its_template_does_not_know() -> None:
    engine = Scripted(greet=lambda body: said("<think>A greeting.</think>Hello!"))
    found = marks(engine)
    assert code(found["thinking"]) == ("failed", "thinking_leaks")
    assert code(found["stops"]) == ("passed", "stops_ok")


@pytest.mark.parametrize(
    "text", ["<think>", "a</think>b", "[THINK]", "<|channel|>analysis", "◁think▷"]
)
def test_tags_of_thinking(text: str) -> None:
    assert thinking_tag(text) is not None
    assert thinking_tag("I think, therefore I am.") is None


def test_a_template_tells_of_thinking_where_the_engine_does_not() -> None:
    engine = Scripted()
    engine.props["chat_template"] = "… <think> …"
    assert code(marks(engine)["thinking"]) == ("passed", "thinking_always")
    assert code(marks(engine, Subject(thinks=False))["thinking"]) == ("skipped", "thinking_none")


# --- embeddings

EMBEDDING = Subject(embedding=True, dimension=3)
A, B, C = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (embedded([A, B, C]), ("passed", "embeddings_ok")),
        (embedded([A, B]), ("failed", "refused")),
        (refusal("input is too large"), ("failed", "refused")),
        (embedded([[1.0, 0.0], B, C]), ("failed", "embeddings_dimension")),
        (embedded([A, [None, 0.0, 1.0], C]), ("failed", "embeddings_not_finite")),
        (embedded([A, B, [0.0, 0.0, 3.5]]), ("failed", "embeddings_not_normal")),
        (embedded([A, A, C]), ("failed", "embeddings_alike")),
    ],
)
def test_embeddings(reply: Reply, expected: tuple[str, str]) -> None:
    found = marks(Scripted(embed=lambda body: reply), EMBEDDING)
    assert code(found["embeddings"]) == expected
    others = {check.code for name, check in found.items() if name not in ("embeddings", "vision")}
    assert others == {"makes_vectors"}


def test_a_model_that_ranks_is_not_asked_for_vectors() -> None:
    engine = Scripted()
    found = marks(engine, Subject(embedding=True, ranks=True))["embeddings"]
    assert code(found) == ("skipped", "embeddings_ranks")
    assert not any(path == "/v1/embeddings" for path, _, _ in engine.asked)


# --- pictures and sound


def with_template(text: str) -> Scripted:
    engine = Scripted()
    engine.props["chat_template"] = text
    return engine


@pytest.mark.parametrize(
    ("subject", "template", "expected"),
    [
        (Subject(architecture="qwen2vl"), "", ("failed", "vision_missing")),
        (Subject(), "<|vision_start|><|image_pad|>", ("failed", "vision_maybe")),
        (Subject(), "{% if part['type'] == 'image' %}", ("failed", "vision_maybe")),
        (Subject(offers_projector=True), "[IMG]", ("failed", "vision_missing")),
        (Subject(offers_projector=False), "[IMG]", ("skipped", "vision_text")),
        (
            Subject(architecture="qwen2vl", offers_projector=False),
            "",
            ("failed", "vision_missing"),
        ),
        (
            Subject(architecture="gemma3", n_layers=26),
            "<start_of_image>",
            ("skipped", "vision_none"),
        ),
        (
            Subject(architecture="gemma3", n_layers=34),
            "<start_of_image>",
            ("failed", "vision_maybe"),
        ),
        (Subject(has_template=False), "<image>", ("skipped", "vision_none")),
        (Subject(), "an image is worth", ("skipped", "vision_none")),
    ],
)
def test_models_without_a_projector(
    subject: Subject, template: str, expected: tuple[str, str]
) -> None:
    assert code(marks(with_template(template), subject)["vision"]) == expected


def test_projectors() -> None:
    engine = Scripted()
    assert code(marks(engine, Subject(projector=True))["vision"]) == ("failed", "vision_unused")
    engine.props["modalities"] = {"vision": True, "audio": False}
    assert code(marks(engine, Subject(projector=True))["vision"]) == ("passed", "vision_ok")


def test_signs_of_pictures() -> None:
    assert vision_sign("llama", 32, "<|image|>") == "template"
    assert vision_sign("llama", 32, "") is None


# --- when it does not go on


def test_after_a_late_answer_the_rest_is_not_tried() -> None:
    def late(body: Json) -> Reply:
        raise TimedOut(12.4)

    engine = Scripted(schema=late)
    found = marks(engine)
    assert code(found["tools"]) == ("passed", "tools_ok")
    rest = [found[name] for name in ("schema", "thinking", "embeddings", "vision")]
    assert {code(check) for check in rest} == {("skipped", "timed_out")}
    assert "12 seconds" in words_of(found["schema"]).cause
    assert "response_format" in engine.asked[-1][1]


def test_an_engine_that_ends_is_the_fault_of_the_check_it_ended_in() -> None:
    def crash(body: Json) -> Reply:
        raise EngineGone(AppError(ErrorCode.ENGINE_DIED, model="m", reason="GGML_ASSERT."))

    found = marks(Scripted(greet=crash))
    assert code(found["stops"]) == ("failed", "engine_ended")
    assert "GGML_ASSERT" in words_of(found["stops"]).cause
    rest = [found[name] for name in CHECKS[3:]]
    assert {code(check) for check in rest} == {("skipped", "not_loaded")}


def test_a_model_that_does_not_load_still_lacks_its_projector() -> None:
    found = {check.name: check for check in check_unloaded(Subject(architecture="qwen2vl"))}
    assert code(found["vision"]) == ("failed", "vision_missing")
    assert list(found) == list(CHECKS[1:])
    beside = check_unloaded(Subject(architecture="qwen2vl", projector=True))[-1]
    assert code(beside) == ("skipped", "not_loaded")


def test_each_question_gets_the_time_it_needs() -> None:
    slow, fast, unknown = Pace(20.0, 1.0), Pace(5000.0, 200.0), Pace()
    assert fast.seconds(300, 192) < LEAST_SECONDS + 5 < slow.seconds(300, 192)
    assert slow.seconds(300, 192) == LEAST_SECONDS + 4 * (300 / 20 + 192 / 1)
    assert slow.seconds(300, 10_000) == MOST_SECONDS
    assert unknown.seconds(300, 192) > fast.seconds(300, 192)
    engine = Scripted()
    marks(engine, pace=slow)
    given = {
        kind_of(body): seconds for path, body, seconds in engine.asked if path.startswith("/v1")
    }
    assert given["greet"] == slow.seconds(300, 192) and given["call"] > given["schema"]


# --- words


def _codes_in_the_code() -> set[str]:
    from desktop.core.jobs.handlers import acceptance as handler

    found: set[str] = set()
    for module in (acceptance_checks, handler):
        assert module.__file__ is not None
        text = Path(module.__file__).read_text("utf-8")
        found |= set(re.findall(r'_(?:passed|failed|skipped)\(\s*"(\w+)"', text))
        found |= set(re.findall(r'Check\(\s*"\w+", "\w+", "(\w+)"', text))
        found |= set(re.findall(r'"((?:template|thinking|vision)_\w+)" (?:if|else)', text))
        found |= set(re.findall(r'else "((?:template|thinking|vision)_\w+)"', text))
    return found


def test_every_code_has_words_and_every_word_a_code() -> None:
    assert _codes_in_the_code() == set(WORDS)
    assert set(TITLES) == set(CHECKS)


def test_failures_say_what_to_do() -> None:
    failing = [
        *("loads_failed", "loads_template", "template_error", "stops_raw", "tools_no_call"),
        *("schema_wrong", "thinking_leaks", "embeddings_alike", "vision_missing", "refused"),
    ]
    assert all(WORDS[each].remedy for each in failing)


def test_words_of_an_error_and_of_a_newer_version() -> None:
    error = AppError(ErrorCode.ENGINE_UNKNOWN_ARCHITECTURE, reason="It is “new”.")
    words = words_of(Check("loads", "failed", "loads_failed", {"error": error.to_dict()}))
    assert "It is “new”." in words.cause and words.remedy == error.remedy
    assert words_of(Check("loads", "failed", "loads_differently")).title == "loads_differently"
    assert "(reason)" in words_of(Check("stops", "failed", "refused")).cause
