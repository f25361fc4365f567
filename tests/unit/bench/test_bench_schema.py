"""What is taken for a benchmark result, and what is refused with which words."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.core.bench.schema import is_name, tidy, validate
from desktop.core.errors import AppError, ErrorCode
from tests.unit.bench.documents import document, result


def reason(data: object) -> str:
    with pytest.raises(AppError) as caught:
        validate(data, "file.json")
    assert caught.value.code is ErrorCode.RESULT_FILE_INVALID
    assert caught.value.params["path"] == "file.json"
    return str(caught.value.params["reason"])


def spoiled(change: Callable[[dict[str, Any]], Any]) -> str:
    data = copy.deepcopy(document())
    change(data)
    return reason(data)


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        *way, last = path.split(".")
        for part in way:
            data = data[int(part)] if isinstance(data, list) else data[part]
        data[last] = value

    return change


def test_a_whole_document_is_taken_and_more_keys_may_stand_beside() -> None:
    data = document(id=3, later={"of a newer": ["Paddock"]})
    data["results"][0]["power_watts"] = 12.5
    assert validate(data) is data


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("schema", 2, "It is of schema 2; this version knows 1."),
        ("schema", True, "It has no schema version"),
        ("schema", "1", "It has no schema version"),
        ("name", "", "name must not be empty"),
        ("name", "17", "name must not be a number alone."),
        ("name", "a\x1b[31m", "name holds characters that cannot be shown."),
        ("name", "a\u202egpj", "name holds characters that cannot be shown."),
        ("name", "\ud800", "name holds characters that cannot be shown."),
        ("name", "x" * 201, "name is longer than 200 characters."),
        ("id", 0, "id must be from 1 to"),
        ("created", "today", "created must be a number, not a text."),
        ("created", -1, "created must not be negative."),
        ("created", 1e15, "created must be in seconds since 1970."),
        ("created", math.nan, "created is not a finite number."),
        ("model", [], "model must be an object, not a list."),
        ("model.file", "/home/me/a.gguf", "model.file must be a file's name"),
        ("model.file", "C:\\me\\a.gguf", "model.file must be a file's name"),
        ("model.sha256", "00", "model.sha256 must be 64 hex digits."),
        ("model.size_bytes", 1.5, "model.size_bytes must be a whole number, not a number."),
        ("model.size_bytes", 1 << 60, "model.size_bytes is a number too large."),
        ("model.parameters", True, "model.parameters must be a whole number"),
        ("results", [], "results must have 1 to 1000 entries, not 0."),
        ("results", [7], "results[0] must be an object, not a number."),
        ("results.0.test", "speed", "results[0].test must be one of prefill, decode, load."),
        ("results.0.test", [], "results[0].test must be one of"),
        ("results.0.tokens", 0, "results[0].tokens must be from 1 to"),
        ("results.0.samples", [1, "2"], "results[0].samples[1] must be a number, not a text."),
        ("results.0.samples", [1, math.inf], "results[0].samples[1] is not a finite number."),
        ("results.0.samples", [1.0] * 1001, "results[0].samples must have 0 to 1000 entries"),
        ("results.0.stddev", -0.5, "results[0].stddev must not be negative."),
        ("fingerprint.settings", None, "fingerprint.settings must be an object, not nothing."),
        ("disturbed", {}, "disturbed.requests is missing."),
        ("disturbed", {"requests": 0}, "disturbed.requests must be from 1 to"),
        ("warnings", ["a", 1], "warnings[1] must be a text, not a number."),
        ("extra", {"a": {1, 2}}, "extra.a is set, which JSON does not have."),
        ("extra", {"a": 10**400}, "extra.a is a number too large."),
    ],
)
def test_the_exact_reason_is_given(path: str, value: Any, words: str) -> None:
    assert words in spoiled(put(path, value))


@pytest.mark.parametrize("key", ["schema", "name", "created", "model", "results", "warnings"])
def test_a_missing_key_is_named(key: str) -> None:
    words = spoiled(lambda data: data.pop(key))
    assert key in words


def test_bounds_hold_for_unknown_parts_too() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested deeper" in spoiled(put("extra", deep))
    assert "more than 100000 values" in spoiled(put("extra", [0] * 100_001))
    assert "more than 100000 values" in spoiled(put("extra", [[0] * 60_000, [0] * 60_000]))
    assert "longer than 2000" in spoiled(put("extra", "x" * 2001))
    assert reason([]) == "A result must be an object, not a list."


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["prefill", "load", "1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_no_json_makes_it_stumble(data: Any) -> None:
    with pytest.raises(AppError):
        validate(data)


@given(st.data())
@settings(max_examples=300)
def test_no_spoiled_document_makes_it_stumble(data: st.DataObject) -> None:
    """Any part of a good document replaced by anything: taken, or refused with words."""
    spoilt = copy.deepcopy(document(results=[result(), result("decode")]))
    place: Any = spoilt
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and data.draw(st.booleans()):
            place = inner
            continue
        place[key] = data.draw(json_values)
        break
    try:
        assert validate(spoilt) is spoilt
    except AppError as error:
        assert error.code is ErrorCode.RESULT_FILE_INVALID
        assert str(error.params["reason"]).isprintable()


@given(json_values)
def test_tidied_values_pass_the_bounds(value: Any) -> None:
    tidied = tidy(value)
    try:
        validate(document(extra=tidied))
    except AppError as error:  # sizes are the document's own matter
        assert "too large" in str(error.params["reason"])


def test_names() -> None:
    assert is_name("qwen3 with 8 threads") and is_name("速い")
    assert not is_name("12") and not is_name(" a") and not is_name(None) and not is_name("a\n")
