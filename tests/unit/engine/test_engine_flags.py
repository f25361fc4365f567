"""llama-server's command line, and the settings a model gets by default."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.engine.flags import (
    Adapter,
    LoadSettings,
    default_settings,
    memory_arguments,
    server_arguments,
)
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode

GIB = 1 << 30
MODEL = Path("/models/a.gguf")


def arguments(runtime: Runtime, **settings: object) -> list[str]:
    return server_arguments(runtime, MODEL, "a:q8_0", LoadSettings(**settings), 4711)  # type: ignore[arg-type]


def value(line: list[str], flag: str) -> str:
    assert line.count(flag) == 1, f"{flag} in {line}"
    return line[line.index(flag) + 1]


def test_what_every_child_gets(runtime: Runtime) -> None:
    line = arguments(runtime)
    assert line[0] == str(runtime.tool("llama-server"))
    expected = {
        "-m": str(MODEL),
        "--alias": "a:q8_0",
        "--host": "127.0.0.1",
        "--port": "4711",
        "-lv": "4",
        "--cors-origins": "localhost",
        "-fa": "auto",
        "--cache-ram": "0",
    }
    assert {flag: value(line, flag) for flag in expected} == expected
    for flag in ("--no-ui", "--offline", "--log-jsonl", "--metrics", "--no-slots", "--jinja"):
        assert flag in line
    assert "--no-context-shift" in line
    assert not any("key" in part for part in line)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"context_tokens": 2048, "slots": 4}, ["-c", "8192", "-np", "4"]),
        ({"kv_type_k": "q8_0", "kv_type_v": "q4_0"}, ["-ctk", "q8_0", "-ctv", "q4_0"]),
        ({"gpu_layers": 0}, ["-ngl", "0"]),
        ({"device": "CUDA1"}, ["-dev", "CUDA1"]),
        ({"experts_on_cpu": True}, ["--cpu-moe"]),
        ({"experts_on_cpu": 7}, ["--n-cpu-moe", "7"]),
        ({"mmproj": "/m/p.gguf"}, ["--mmproj", "/m/p.gguf"]),
        ({"split_mode": "row"}, ["-sm", "row"]),
        ({"tensor_split": (3, 0.5, 0)}, ["-ts", "3,0.5,0"]),
        ({"adapters": (Adapter("/m/a,b.gguf", 0.5),)}, ["--lora", '"/m/a,b.gguf"']),
        ({"adapters": (Adapter('/m/"q".gguf'),)}, ["--lora", '"/m/""q"".gguf"']),
        (
            {"draft": "/m/d.gguf", "draft_gpu_layers": 3},
            ["-md", "/m/d.gguf", "-ngld", "3", "--spec-type", "draft-simple"],
        ),
        ({"ngram": "ngram-map-k"}, ["--spec-type", "ngram-map-k"]),
        (
            {"ngram": "ngram-mod", "draft": "/m/d.gguf"},
            ["-md", "/m/d.gguf", "--spec-type", "ngram-mod,draft-simple"],
        ),
        ({"threads": 6}, ["-t", "6"]),
        ({"embedding": True, "ubatch": 1024}, ["-b", "1024", "-ub", "1024"]),
        ({"embedding": True}, ["--embedding"]),
        ({"embedding": True, "ranking": True}, ["--reranking"]),
        ({"cache_ram_bytes": GIB}, ["--cache-ram", "1024"]),
        ({"extra": ("--top-k", "1", "--temp", "-1")}, ["--top-k", "1", "--temp", "-1"]),
    ],
)
def test_settings_become_arguments(
    runtime: Runtime, settings: dict[str, object], expected: list[str]
) -> None:
    line = arguments(runtime, **settings)
    text = "\0".join(line)
    assert "\0".join(expected) in text


@pytest.mark.parametrize(
    "flag",
    [
        "-ngl",
        "-dev",
        "-sm",
        "-ts",
        "--cpu-moe",
        "--n-cpu-moe",
        "--mmproj",
        "-t",
        "--lora",
        "-md",
        "-ngld",
        "--spec-type",
    ],
)
def test_what_is_not_set_is_left_to_the_engine(runtime: Runtime, flag: str) -> None:
    assert flag not in arguments(runtime)


def test_flags_an_older_runtime_lacks(runtime: Runtime) -> None:
    new = {"--no-ui", "--log-jsonl", "--no-context-shift", "--cors-origins", "--cache-ram"}
    older = replace(runtime, capabilities=runtime.capabilities - new)
    line = arguments(older)
    assert not new & set(line)
    assert "--no-webui" in line
    assert "localhost" not in line
    oldest = replace(runtime, capabilities=runtime.capabilities - {"-ctk"})
    with pytest.raises(AppError, match="-ctk") as caught:
        arguments(oldest)
    assert caught.value.code is ErrorCode.ENGINE_BAD_FLAG


@pytest.mark.parametrize(
    "extra",
    [
        ("--tools", "all"),
        ("--agent",),
        ("--host", "0.0.0.0"),
        ("--api-key=x",),
        ("--slots",),
        ("--no-ui",),
        ("--media-path", "/"),
        ("--mcp-servers-json", "{}"),
        ("--made-up",),
        ("-c", "1"),
    ],
)
def test_extra_arguments_that_are_refused(runtime: Runtime, extra: tuple[str, ...]) -> None:
    with pytest.raises(AppError) as caught:
        arguments(runtime, extra=extra)
    assert caught.value.code is ErrorCode.ENGINE_BAD_FLAG
    assert extra[0].split("=")[0] in str(caught.value.params["reason"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"kv_type_v": "q9"},
        {"context_tokens": 0},
        {"slots": 0},
        {"ngram": "ngram-magic"},
        {"split_mode": "diagonal"},
        {"tensor_split": (0, 0)},
        {"tensor_split": (1, -1)},
        {"tensor_split": (1, float("nan"))},
        {"tensor_split": (float("inf"),)},
        {"tensor_split": (1,) * 17},
    ],
)
def test_settings_that_make_no_sense(runtime: Runtime, wrong: dict[str, object]) -> None:
    with pytest.raises(AppError):
        memory_arguments(runtime, LoadSettings(**wrong))  # type: ignore[arg-type]


def test_what_a_draft_model_gets_of_the_settings() -> None:
    settings = LoadSettings(
        context_tokens=4096,
        slots=3,
        kv_type_k="q8_0",
        gpu_layers=20,
        adapters=(Adapter("a"),),
        draft="d",
        draft_gpu_layers=5,
        ngram="ngram-mod",
        extra=("--top-k", "1"),
    )
    draft = settings.for_draft()
    assert (draft.total_context, draft.slots, draft.gpu_layers) == (12_288, 3, 5)
    assert (draft.kv_type_k, draft.draft, draft.ngram, draft.adapters) == ("f16", None, None, ())
    assert (settings.proposed_tokens, draft.proposed_tokens) == (64, 0)
    assert LoadSettings(draft="d").proposed_tokens == 3


def test_a_comma_does_not_make_two_aliases(runtime: Runtime) -> None:
    line = server_arguments(runtime, MODEL, "a,b", LoadSettings(), 1)
    assert value(line, "--alias") == "a_b"


def test_settings_survive_as_json() -> None:
    settings = LoadSettings(
        slots=3, extra=("--top-k", "1"), experts_on_cpu=5, mmproj="p", tensor_split=(3, 1)
    )
    data = settings.to_dict()
    assert LoadSettings.from_dict(data) == settings
    assert LoadSettings.from_dict({**data, "of_next_year": 1}) == settings


def chosen(fits: object, **more: object) -> LoadSettings:
    given: dict[str, object] = {
        "trained_context": 131_072,
        "ram_bytes": 32 * GIB,
        "physical_cores": 8,
        "fits": fits,
        **more,
    }
    return default_settings(**given)  # type: ignore[arg-type]


def test_defaults_where_there_is_room() -> None:
    got = chosen(lambda s: True)
    assert (got.context_tokens, got.slots, got.threads) == (32_768, 4, 8)
    assert got.cache_ram_bytes == 2 * GIB
    assert chosen(lambda s: True, trained_context=2048).context_tokens == 2048
    assert chosen(lambda s: True, trained_context=None).context_tokens == 4096
    assert chosen(lambda s: True, ram_bytes=8 * GIB).cache_ram_bytes == 8 * GIB // 10


def test_defaults_where_it_is_tight() -> None:
    got = chosen(lambda s: s.slots == 1)
    assert (got.context_tokens, got.slots) == (32_768, 1)


@pytest.mark.parametrize("limit", [512, 700, 3000, 9000, 20_000, 32_000])
def test_defaults_find_the_context_that_fits(limit: int) -> None:
    asked = []

    def fits(settings: LoadSettings) -> bool:
        asked.append(settings.total_context)
        return settings.total_context <= limit

    got = chosen(fits)
    assert got.slots == 1
    assert got.total_context <= limit
    assert got.context_tokens >= min(limit, 512) * 0.7
    assert len(asked) <= 10


def test_defaults_where_nothing_fits() -> None:
    assert chosen(lambda s: False).context_tokens == 512
