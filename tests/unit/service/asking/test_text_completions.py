"""Text completions in OpenAI's shape, and embeddings."""

from __future__ import annotations

import array
import base64
from typing import Any

import pytest

from tests.helpers.scripted_engine import Refusal, ScriptedEngine, entry, gateway, text_piece

TEXT = "/v1/completions"


async def test_each_prompt_has_its_answers() -> None:
    async with gateway() as served:
        served.engine.script = lambda body: [
            text_piece(f"<{body['prompt']}>", index, "stop") for index in (1, 0)
        ]
        _, reply, _ = await served.post(TEXT, {"prompt": ["a", "b"], "n": 2, "echo": True})
        assert [c["index"] for c in reply["choices"]] == [0, 1, 2, 3]
        assert [c["text"] for c in reply["choices"]] == ["a<a>", "a<a>", "b<b>", "b<b>"]
        assert reply["id"].startswith("cmpl-") and reply["object"] == "text_completion"
        assert reply["usage"]["completion_tokens"] == 16 and reply["usage"]["prompt_tokens"] == 18
        assert [body["prompt"] for _, body in served.engine.asked] == ["a", "b"]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        _, chunks, _ = await served.post(TEXT, {"prompt": ["a", "b"], **options, "n": 2})
        assert {chunk["id"] for chunk in chunks} == {"cmpl-1"}
        assert chunks[-1]["usage"]["total_tokens"] == 34
        assert [c["choices"][0]["index"] for c in chunks[:-1]] == [1, 0, 3, 2]


async def test_an_engine_that_is_gone_before_the_second_prompt() -> None:
    """What was said is not said again."""
    async with gateway() as served:

        def script(body: dict[str, Any]) -> list[Any]:
            served.loaded.server.base_url = "http://127.0.0.1:1"  # type: ignore[union-attr,misc]
            return [text_piece("!", finish="stop")]

        served.engine.script = script
        status, chunks, _ = await served.post(TEXT, {"prompt": ["a", "b"], "stream": True})
        assert status == 200 and [c.get("choices", [{}])[0].get("text") for c in chunks] == [
            "!",
            None,
        ]
        assert chunks[-1]["error"]["code"] == "upstream_failed"
        assert len(served.engine.asked) == 1


async def test_tokens_are_prompts_too() -> None:
    engine = ScriptedEngine()
    engine.script = lambda body: [text_piece("!", finish="stop")]
    engine.plain["/detokenize"] = lambda body: {"content": f"T{body['tokens']}"}
    async with gateway(engine) as served:
        _, reply, _ = await served.post(TEXT, {"prompt": [1, 2], "echo": True})
        assert reply["choices"][0]["text"] == "T[1, 2]!"
        assert served.engine.last["prompt"] == [1, 2]
        engine.props["modalities"] = {"vision": True}
    async with gateway(engine) as served:  # an engine with a projector takes texts only
        await served.post(TEXT, {"prompt": [1, 2]})
        assert served.engine.last["prompt"] == "T[1, 2]"


async def test_probabilities_have_the_old_shape() -> None:
    tokens: list[dict[str, Any]] = [
        {"token": "He", "logprob": -1.0, "top_logprobs": [{"token": "A", "logprob": -0.5}]},
        {"token": "y", "logprob": -2.0, "top_logprobs": [{"token": "y", "logprob": -2.0}]},
    ]
    async with gateway() as served:
        served.engine.script = lambda body: [
            text_piece("He", logprobs={"content": tokens[:1]}),
            text_piece("y", logprobs={"content": tokens[1:]}),
            text_piece("", finish="length"),
        ]
        _, reply, _ = await served.post(TEXT, {"prompt": "a", "logprobs": 1})
        assert served.engine.last["n_probs"] == 1 and "logprobs" not in served.engine.last
        assert reply["choices"][0]["logprobs"] == {
            "tokens": ["He", "y"],
            "token_logprobs": [-1.0, -2.0],
            "top_logprobs": [{"A": -0.5, "He": -1.0}, {"y": -2.0}],
            "text_offset": [0, 2],
        }
        _, reply, _ = await served.post(TEXT, {"prompt": "a", "logprobs": 0})
        assert reply["choices"][0]["logprobs"]["top_logprobs"] is None
        assert reply["choices"][0]["logprobs"]["tokens"] == ["He", "y"]


async def test_a_suffix_is_filled_towards() -> None:
    engine = ScriptedEngine()
    timings = {"cache_n": 2, "prompt_ms": 1.0, "predicted_ms": 2.0}
    engine.script = lambda body: [
        {"index": 0, "content": "", "stop": False, "prompt_progress": {"total": 5}},
        {"index": 0, "content": " is", "stop": False},
        {
            "index": 0,
            "content": "",
            "stop": True,
            "stop_type": "limit",
            "tokens_predicted": 1,
            "tokens_evaluated": 6,
            "timings": timings,
        },
    ]
    async with gateway(engine) as served:
        _, reply, _ = await served.post(TEXT, {"prompt": "This", "suffix": " it.", "echo": True})
        path, asked = served.engine.asked[-1]
        assert path == "/infill" and "suffix" not in asked
        assert (asked["input_prefix"], asked["input_suffix"]) == ("This", " it.")
        choice = reply["choices"][0]
        assert (choice["text"], choice["finish_reason"]) == ("This is", "length")
        assert reply["usage"]["prompt_tokens"] == 6 and reply["id"].startswith("cmpl-")
        assert reply["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}

        def cannot(body: dict[str, Any]) -> list[Any]:
            raise Refusal(501, "not_supported_error", "Infill is not supported by this model")

        engine.script = cannot
        error = await served.refused(TEXT, prompt="a", suffix="b")
        assert (error["status"], error["code"]) == (400, "unsupported")


async def test_a_form_holds_for_texts_too() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    async with gateway() as served:
        served.engine.script = lambda body: [text_piece("{}", finish="stop")]
        await served.post(TEXT, {"prompt": "a", "response_format": form})
        assert served.engine.last["json_schema"] == schema
        assert "response_format" not in served.engine.last


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": {"prompt_string": "a", "multimodal_data": ["x"]}}, "prompt"),
        ({"prompt": [["a"]]}, "prompt"),
        ({"prompt": [1, 100]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": ["a", []]}, "prompt"),
        ({"prompt": ["a"] * 129}, "prompt"),
        ({"prompt": "a", "best_of": 3}, "best_of"),
        ({"prompt": "a", "echo": True, "logprobs": 1}, "echo"),
        ({"prompt": ["a", "b"], "suffix": "c"}, "suffix"),
        ({"prompt": "a", "logprobs": 21}, "logprobs"),
    ],
)
async def test_what_makes_no_sense_is_refused(body: dict[str, Any], param: str) -> None:
    async with gateway() as served:
        error = await served.refused(TEXT, **body)
        assert (error["status"], error["param"]) == (400, param)
        assert served.engine.asked == []


# --- embeddings -----------------------------------------------------------------------------------


def embedder() -> ScriptedEngine:
    engine = ScriptedEngine()
    vector = {"index": 0, "object": "embedding", "embedding": [3.0, 4.0, 12.0]}
    counted = {"prompt_tokens": 2, "total_tokens": 2}
    engine.plain["/v1/embeddings"] = lambda body: {
        "object": "list",
        "data": [dict(vector)],
        "usage": counted,
    }
    return engine


async def test_vectors_in_the_wanted_length_and_form() -> None:
    async with gateway(embedder(), model=entry(is_embedding=True)) as served:
        path = "/v1/embeddings"
        _, found, _ = await served.post(path, {"input": "a", "user": "me"})
        assert found["data"][0]["embedding"] == [3.0, 4.0, 12.0]
        assert set(served.engine.last) == {"model", "input", "encoding_format"}
        _, found, _ = await served.post(path, {"input": ["a"], "dimensions": 2})
        assert found["data"][0]["embedding"] == pytest.approx([0.6, 0.8])
        asked = {"input": [[1, 2]], "dimensions": 2, "encoding_format": "base64"}
        _, found, _ = await served.post(path, asked)
        floats = array.array("f", base64.b64decode(found["data"][0]["embedding"]))
        assert list(floats) == pytest.approx([0.6, 0.8])
        assert found["usage"]["prompt_tokens"] == 2
        error = await served.refused(path, input="a", dimensions=4)
        assert error["param"] == "dimensions" and "3 dimensions" in error["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": [{"content": [{"type": "image_url"}]}]}, "input"),
        ({"input": [5, 100]}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": ["a"] * 2049}, "input"),
    ],
)
async def test_what_cannot_be_embedded(body: dict[str, Any], param: str) -> None:
    async with gateway(embedder(), model=entry(is_embedding=True)) as served:
        error = await served.refused("/v1/embeddings", **body)
        assert (error["status"], error["param"]) == (400, param)
        assert served.engine.asked == []
