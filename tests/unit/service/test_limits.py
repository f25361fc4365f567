"""Bounds on requests: everything SERVER.md names as deadly, and ordinary requests untouched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.service import limits
from desktop.core.service.api_errors import ApiError

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def refused(body: dict[str, Any], slots: int = 4) -> ApiError:
    with pytest.raises(ApiError) as caught:
        limits.check(body, slots)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b"null", "invalid_json"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b"[" * 1_000_000, "too_deep"),
        (b'{"a":' * 500_000, "too_deep"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "too_deep"),
    ],
)
def test_unusable_bodies(raw: bytes, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        limits.parse(raw)
    assert (caught.value.status, caught.value.code) == (400, code)


def nested(depth: int) -> Any:
    value: Any = {"type": "string"}
    for _ in range(depth):
        value = {"type": "object", "properties": {"a": value}}
    return value


def test_deep_schema_and_wide_grammar() -> None:
    form = {"type": "json_schema", "json_schema": {"schema": nested(40)}}
    assert refused({**CHAT, "response_format": form}).param == "response_format"
    assert refused({**CHAT, "json_schema": nested(40)}).code == "too_deep"
    tool = {"type": "function", "function": {"name": "f", "parameters": nested(40)}}
    assert refused({**CHAT, "tools": [tool]}).param == "tools"
    assert refused({**CHAT, "grammar": "root ::= " + "(" * 100_000}).param == "grammar"
    assert refused({**CHAT, "grammar": "root ::= " + "(" * 1000 + ")" * 1000}).code == "too_deep"
    pattern = {"type": "string", "pattern": "^" + "(" * 500 + ")" * 500 + "$"}
    assert refused({**CHAT, "json_schema": pattern}).code == "too_deep"
    assert refused({**CHAT, "json_schema": {"type": "array", "maxItems": 10**9}}).status == 400
    assert refused({**CHAT, "json_schema": {"enum": ["x" * 100] * 1000}}).code == "too_long"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 5),
        ("n", 0),
        ("n", "2"),
        ("n", True),
        ("top_logprobs", 21),
        ("n_probs", 100_000),
        ("max_tokens", 2**40),
        ("stop", ["x"] * 17),
        ("stop", ["x" * 513]),
        ("stop", [1]),
        ("stop", 7),
        ("messages", [{}] * 4097),
        ("logit_bias", {str(i): 1 for i in range(1025)}),
        ("tools", [{}] * 257),
        ("grammar", 5),
        ("id_slot", 3),
        ("return_progress", True),
    ],
)
def test_out_of_bounds(name: str, value: Any) -> None:
    assert refused({**CHAT, name: value}).param == name


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"n": 4},
        {"logprobs": True, "top_logprobs": 5},
        {"stop": None},
        {"stop": "END"},
        {"max_tokens": -1},
        {"json_schema": nested(10)},
        {"grammar": 'root ::= ("yes" | "no")'},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": nested(8)}}]},
    ],
)
def test_ordinary_requests_pass(extra: dict[str, Any]) -> None:
    limits.check({**CHAT, **extra}, 4)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*CHAT, "n", "stop", "tools", "grammar"]), json_values))
def test_any_json_ends_in_an_answer(body: dict[str, Any]) -> None:
    try:
        limits.check(limits.parse(json.dumps(body).encode()), 4)
    except ApiError as error:
        assert error.status == 400
