"""The test of a new model by the real service, with the real engine and models of every kind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from desktop.core.db import read_only
from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.client import Hub
from desktop.core.jobs.handlers.acceptance import WAITING
from desktop.core.library.acceptance import CHECKS, Acceptance
from desktop.core.web import WebSettings
from tests.helpers.bert_file import DIMENSION, write_tiny_bert
from tests.helpers.gguf_files import (
    BOOL,
    spm_vocab,
    tiny_llama,
    write_hf_file,
    write_projector,
    write_tiny_llama,
)
from tests.helpers.hub import LocalHub
from tests.helpers.model_zoo import Spec, write_random
from tests.helpers.service import RunningService, gone, running_service, wait_for

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.reasoning_content %}<think>\n{{ message.reasoning_content }}\n</think>\n\n"
    "{% endif %}{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n"
    "{% else %}<think>\n{% endif %}{% endif %}"
)
TOOLS = (
    "{% if tools %}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}<tool_call>{{ call.function | tojson }}</tool_call>"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# A control and a user-defined piece (`llama_token_type` of llama.h).
WORDS = [*spm_vocab(), ("<think>", 0.0, 4), ("</think>", 0.0, 4)]


def add(service: RunningService, path: Path) -> str:
    """The id of a file's model."""
    service.client.add_models(str(path))
    found = next(each for each in service.client.models() if each["path"] == str(path))
    assert not found["broken"]
    return str(found["id"])


def tried(service: RunningService, model: str) -> dict[str, Any]:
    """The result of a test that a person asks for."""
    job = service.client.submit("acceptance", {"model": model, "asked": True})
    done = service.client.follow_job(job["id"], lambda event: None)
    result: dict[str, Any] = done["result"]
    return result


def marks(result: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Each check's mark and code."""
    acceptance = Acceptance.from_dict(result["acceptance"])
    assert [check.name for check in acceptance.checks] == list(CHECKS)
    return {check.name: (check.mark, check.code) for check in acceptance.checks}


def test_the_bundled_model(service: RunningService) -> None:
    model = next(each["id"] for each in service.client.models() if each["bundled"])
    first = tried(service, model)
    assert (first["outcome"], first["code"], first["error"]) == ("tested", None, None)
    assert marks(first) == {
        "loads": ("passed", "loads_ok"),
        "template": ("failed", "template_forgets"),  # made for single questions, and says so
        "stops": ("passed", "stops_ok"),
        "tools": ("skipped", "tools_none"),
        "schema": ("passed", "schema_ok"),
        "thinking": ("skipped", "thinking_none"),
        "embeddings": ("skipped", "embeddings_none"),
        "vision": ("skipped", "vision_none"),
    }
    again = tried(service, model)
    told = [
        [check for check in each["acceptance"]["checks"] if check["name"] != "loads"]
        for each in (first, again)
    ]
    assert told[0] == told[1]  # greedy: also as many tokens
    assert service.client.state()["models"] == [] and not service.engines()


def test_the_command_tells_the_marks(service: RunningService) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop.cli", "verify", "paddock-guide:q8_0", "--try"],
        env={**service.environ, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "✓ Stops by itself: It ends its answers. A short answer ended after" in done.stdout
    assert "✕ Chat template: Its chat template loses what was said before." in done.stdout
    assert "    → Ask each question by itself." in done.stdout


def test_it_stands_on_the_models_card_and_in_the_database(
    service: RunningService, tiny: str
) -> None:
    found = tried(service, tiny)["acceptance"]
    entry = next(each for each in service.client.models() if each["id"] == tiny)
    assert entry["acceptance"] == found
    with read_only(service.paths.database) as connection:
        row = connection.execute(
            "SELECT created FROM acceptances WHERE fingerprint = ?", (entry["fingerprint"],)
        ).fetchone()
    assert row["created"] == found["created"]
    changes = [event for event in events(service) if event["type"] == "library.changed"]
    assert any(tiny in event["data"]["changed"] for event in changes)


def events(service: RunningService) -> list[dict[str, Any]]:
    """All that was published so far."""
    state = service.client.state()
    found: list[dict[str, Any]] = []
    for event in service.client.events(state["epoch"], 0):
        if event["type"] != "ping":
            found.append(event)
        if event["type"] == "ping" or event["seq"] >= state["seq"]:
            return found
    return found


def test_a_model_of_random_weights_has_clear_marks(service: RunningService, tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "m.gguf", chat_template=CHATML, seed=4)
    found = marks(tried(service, add(service, path)))
    assert found["loads"] == ("passed", "loads_ok")
    assert found["template"] == ("passed", "template_ok")
    assert found["stops"] == ("failed", "stops_endless")
    assert found["schema"] == ("passed", "schema_ok")  # the engine holds any model to it


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (TOOLS, {"tools": ("failed", "tools_no_call")}),
        (THINKING, {"thinking": ("passed", "thinking_ok")}),
        (THINKING.replace("enable_thinking", "other"), {"thinking": ("passed", "thinking_always")}),
        (
            "{% for message in messages %}{% if message.role == 'system' %}"
            "{{ raise_exception('no system') }}{% endif %}{{ message.content }}{% endfor %}",
            {"template": ("passed", "template_merges_system")},
        ),
        ("{{ messages[-1].content | trim('。') }}", {"template": ("failed", "template_loses")}),
        (
            "{{ messages | length | no_such_filter }}",
            {"template": ("failed", "template_error"), "loads": ("failed", "loads_template")},
        ),
        (
            "{% for message in messages %}{{ message.content }}",
            {"template": ("failed", "template_error"), "loads": ("failed", "loads_template")},
        ),
        (None, {"template": ("failed", "template_missing"), "tools": ("skipped", "tools_none")}),
    ],
)
def test_chat_templates(
    service: RunningService,
    tmp_path: Path,
    template: str | None,
    expected: dict[str, tuple[str, str]],
) -> None:
    made = tiny_llama(chat_template=template, vocab=WORDS, seed=3)
    # Else the engine puts a space behind each tag, which real models of this kind do not want.
    path = made.set("tokenizer.ggml.add_space_prefix", BOOL, False).write(tmp_path / "m.gguf")
    found = marks(tried(service, add(service, path)))
    assert {name: found[name] for name in expected} == expected


def test_an_embedding_model(service: RunningService, tmp_path: Path) -> None:
    result = tried(service, add(service, write_tiny_bert(tmp_path / "bert.gguf")))
    found = marks(result)
    assert found["embeddings"] == ("passed", "embeddings_ok")
    assert found["stops"] == ("skipped", "makes_vectors")
    told = next(c for c in result["acceptance"]["checks"] if c["name"] == "embeddings")
    assert told["params"] == {"dimension": DIMENSION}


def test_a_model_that_lacks_its_projector(service: RunningService, tmp_path: Path) -> None:
    spec = Spec("qwen2vl", layers=2, keys={"rope.dimension_sections": [16, 24, 24, 0]})
    sure = marks(tried(service, add(service, write_random(tmp_path / "vl.gguf", spec))))
    assert sure["loads"] == ("passed", "loads_ok")
    assert sure["vision"] == ("failed", "vision_missing")
    template = CHATML + "{# <|vision_start|><|image_pad|><|vision_end|> #}"
    path = write_tiny_llama(tmp_path / "sees.gguf", chat_template=template)
    maybe = marks(tried(service, add(service, path)))
    assert maybe["vision"] == ("failed", "vision_maybe")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("skipped", "vision_text")),
        ({"mmproj-f16.gguf": b"GGUF"}, ("failed", "vision_missing")),
    ],
)
def test_what_the_hub_said_of_projectors_counts(
    tmp_path: Path, more: dict[str, bytes], expected: tuple[str, str]
) -> None:
    path = write_tiny_llama(tmp_path / "sees-F16.gguf", chat_template=f"{CHATML}{{# [IMG] #}}")
    with LocalHub(tmp_path / "hub") as hub:
        files: dict[str, Path | bytes] = {path.name: path, **more}
        commit = hub.add_repo("owner/Sees-GGUF", files)
        with running_service(tmp_path / "own", {"HF_ENDPOINT": hub.url}) as service:
            cache = Path(service.environ["HF_HOME"]) / "hub"
            content = path.read_bytes()
            write_hf_file(cache, "owner/Sees-GGUF", path.name, content, revision=commit)
            service.client.call("POST", "/models/scan", {})
            entry = next(m for m in service.client.models() if m["repo"] == "owner/Sees-GGUF")
            assert marks(tried(service, entry["id"]))["vision"] == ("failed", "vision_maybe")
            asked = len(hub.requests)
            Hub(WebSettings(endpoint=hub.url), service.paths.cache).repository("owner/Sees-GGUF")
            assert len(hub.requests) > asked
            asked = len(hub.requests)
            assert marks(tried(service, entry["id"]))["vision"] == expected
            assert len(hub.requests) == asked  # a test asks nobody


def test_a_projector_that_does_not_work_is_told_from_its_model(
    service: RunningService, tmp_path: Path
) -> None:
    path = write_tiny_llama(tmp_path / "m" / "model.gguf", hidden=256)
    write_projector(tmp_path / "m" / "mmproj-model.gguf", projection_dim=256)
    service.client.add_models(str(path.parent))
    model = add(service, path)
    assert next(m["mmproj"] for m in service.client.models() if m["id"] == model)
    found = marks(tried(service, model))
    assert found["loads"] == ("passed", "loads_ok")
    assert found["vision"] == ("failed", "vision_failed")


def test_a_model_that_does_not_load(service: RunningService, tmp_path: Path) -> None:
    made = tiny_llama()
    made.tensors = [each for each in made.tensors if each.name != "blk.1.ffn_down.weight"]
    result = tried(service, add(service, made.write(tmp_path / "half.gguf")))
    found = marks(result)
    assert found["loads"] == ("failed", "loads_failed")
    assert found["stops"] == ("skipped", "not_loaded")
    error = result["acceptance"]["checks"][0]["params"]["error"]
    assert error["code"] in (ErrorCode.ENGINE_CORRUPT_MODEL, ErrorCode.ENGINE_DIED)
    assert error["remedy"] and not service.engines()


def test_what_would_not_fit_is_not_loaded(tmp_path: Path, tiny_model: Path) -> None:
    small = {"PADDOCK_LOAD_MEMORY_LIMIT_GIB": "0.001"}
    with running_service(tmp_path / "own", small) as service:
        result = tried(service, add(service, tiny_model))
        assert (result["outcome"], result["code"]) == ("skipped", "wont_fit")
        assert result["error"]["code"] == ErrorCode.LOAD_WONT_FIT
        assert result["acceptance"] is None
        entry = next(m for m in service.client.models() if m["path"] == str(tiny_model))
        assert entry["acceptance"] is None


# --- beside what a person does


def test_what_is_loaded_stays_loaded(service: RunningService, tiny: str, tmp_path: Path) -> None:
    service.client.load(tiny)
    (engine,) = service.engines()
    other = add(service, write_tiny_llama(tmp_path / "other.gguf", seed=9))
    seen: list[int] = []

    def look(event: dict[str, Any]) -> None:
        if event["type"] == "job.progress":
            seen.extend(each.pid for each in service.engines() if each.pid != engine.pid)

    job = service.client.submit("acceptance", {"model": other, "asked": True})
    done = service.client.follow_job(job["id"], look)
    assert done["result"]["outcome"] == "tested" and seen
    assert [each.pid for each in service.engines()] == [engine.pid]
    assert [each["id"] for each in service.client.state()["models"]] == [tiny]
    service.client.unload(tiny)


Begin = Callable[[int], tuple[str, int]]


@pytest.fixture
def long_test(service: RunningService, tmp_path: Path) -> Begin:
    """Begins a test that takes a few seconds; the model's id, and the job's."""

    def begin(seed: int) -> tuple[str, int]:
        size = {"n_layers": 8, "hidden": 512, "feed_forward": 1024}
        path = write_tiny_llama(tmp_path / "deep.gguf", chat_template=CHATML, seed=seed, **size)
        model = add(service, path)
        before = len(service.engines())
        job = service.client.submit("acceptance", {"model": model, "asked": True})
        wait_for(lambda: len(service.engines()) > before, "its engine is here")
        return model, job["id"]

    return begin


def test_a_load_sends_it_away_and_it_comes_back(
    service: RunningService, tiny: str, long_test: Begin
) -> None:
    _, job = long_test(21)
    (guest,) = service.engines()
    service.client.load(tiny)
    assert gone([guest])
    state = service.client.state()["models"][0]
    assert state["id"] == tiny and not any("reduced" in n["code"] for n in state["notices"])
    done = service.client.follow_job(job, lambda event: None)
    assert done["result"]["outcome"] == "tested"
    service.client.unload(tiny)


def test_an_answer_sends_it_away(
    service: RunningService,
    tiny: str,
    public_url: str,
    long_test: Begin,
) -> None:
    service.client.load(tiny)
    (kept,) = service.engines()
    _, job = long_test(22)
    (guest,) = (each for each in service.engines() if each.pid != kept.pid)
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key="x", max_retries=0) as client:
        stream = client.chat.completions.create(
            model=tiny,
            messages=[{"role": "user", "content": "hello"}],
            max_tokens=1000,
            stream=True,
        )
        next(stream)
        wait_for(lambda: gone([guest]), "it has left", 10)
        assert service.client.job(job)["state"] == "running"
        stream.close()
    done = service.client.follow_job(job, lambda event: None)
    assert done["result"]["outcome"] == "tested"
    service.client.unload(tiny)


def test_a_cancel_ends_its_engine(service: RunningService, long_test: Begin) -> None:
    model, job = long_test(23)
    engines = service.engines()
    service.client.cancel_job(job)
    wait_for(lambda: gone(engines), "its engine is gone", 10)
    wait_for(lambda: service.client.job(job)["state"] == "cancelled", "it is cancelled")
    entry = next(each for each in service.client.models() if each["id"] == model)
    assert entry["acceptance"] is None


def test_by_itself_it_waits_for_a_quiet_machine(service: RunningService, tiny: str) -> None:
    """Somebody asked for an answer a moment ago: it waits, says so, and can be called off."""
    service.client.load(tiny)
    service.client.unload(tiny)
    job = service.client.submit("acceptance", {"model": tiny, "asked": False})
    told = threading.Event()
    caught: list[AppError] = []

    def see(event: dict[str, Any]) -> None:
        progress = event["data"].get("progress") or {}
        if progress.get("what") == WAITING:
            told.set()

    def follow() -> None:
        try:
            service.client.follow_job(job["id"], see)
        except AppError as error:
            caught.append(error)

    follower = threading.Thread(target=follow)
    follower.start()
    assert told.wait(20)
    assert not service.engines()
    service.client.cancel_job(job["id"])
    follower.join(20)
    assert [error.code for error in caught] == [ErrorCode.CANCELLED]
