"""Every command explains itself, and takes --json wherever it stands."""

from __future__ import annotations

import argparse

import pytest

from desktop.cli.commands import load
from desktop.cli.parser import UsageError, build
from desktop.core.engine.flags import SPLIT_MODES
from tests.unit.cli.conftest import Paddock

# The least words each command needs (DESIGN.md §6).
COMMANDS = [
    "run MODEL",
    "chat MODEL",
    "tour",
    "search",
    "search TEXT",
    "info REPO",
    "pull REPO",
    "hub-token",
    "doctor",
    "hw",
    "recommend",
    "fit MODEL",
    "models",
    "models tag MODEL",
    "models alias MODEL",
    "models card MODEL",
    "models hide MODEL",
    "models show MODEL",
    "models disk",
    "models upstream",
    "models move FOLDER",
    "models import MODELFILE --name N",
    "models export MODEL -o FILE",
    "rm MODEL",
    "verify MODEL",
    "verify --all",
    "verify MODEL --try",
    "adopt",
    "adopt PATH",
    "adopt --app ollama",
    "adopt --duplicates --link --yes",
    "serve",
    "status",
    "load MODEL",
    "unload MODEL",
    "stop",
    "bench MODEL",
    "results list",
    "results compare 1 2",
    "results export",
    "results import FILE",
    "results rename 1 NAME",
    "results remove 1",
    "results restore 1",
    "engine list",
    "engine use NAME",
    "engine add NAME PATH",
    "convert DIR -o out.gguf --type f16 --mmproj --allow-pickle --replace",
    "convert ADAPTER -o out.gguf --base DIR",
    "merge model.gguf --lora one.gguf:0.5 --lora two.gguf -o out.gguf",
    "split model.gguf --max-size 2G",
    "split model.gguf --max-tensors 100 -o DIR --replace",
    "join part-00001-of-00002.gguf -o out.gguf",
    "convert --install-only",
    "convert --remove-toolkit",
    "quantize model-f16.gguf --types Q4_K_M,Q2_K --imatrix t.txt --evaluate t.txt -o out",
    "engine build --cuda",
    "engine build --vulkan --name mine",
    "engine remove NAME",
    "keys create NAME",
    "keys list",
    "keys change NAME --rpm 60",
    "keys revoke NAME",
    "usage",
    "usage --by day --since 7d --csv FILE",
    "logs",
    "logs MODEL",
    "completion bash",
    "completion zsh",
]


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                found |= leaves(inner, (*words, name))
    return found or {words}


def test_the_table_here_names_every_command() -> None:
    parser = build()
    tested = {
        tuple(word for word in line.split() if word.islower() and not word.startswith("-"))
        for line in COMMANDS
    }
    for leaf in leaves(parser):
        assert any(words[: len(leaf)] == leaf for words in tested), leaf


@pytest.mark.parametrize("line", COMMANDS)
def test_json_counts_before_and_after_the_command(line: str) -> None:
    words = line.split()
    for variant in (["--json", *words], [words[0], "--json", *words[1:]], [*words, "--json"]):
        args = build().parse_args(variant)
        assert args.json is True
        assert callable(args.run)
    assert not getattr(build().parse_args(words), "json", False)


@pytest.mark.parametrize("line", ["", *COMMANDS])
def test_help_works(line: str, paddock: Paddock) -> None:
    words = [word for word in line.split() if word.islower()][:2]
    words = words if words and words[0] in ("results", "engine", "keys") else words[:1]
    ran = paddock(*words, "--help")
    assert ran.code == 0
    assert ran.out.startswith("usage: paddock")
    assert ran.err == ""


def test_the_load_options_reach_the_namespace() -> None:
    where = ["--device", "CUDA0", "--force"]
    args = build().parse_args(["load", "m", "--ctx", "4096", "--kv", "q8_0", *where])
    assert (args.ctx, args.kv, args.parallel) == (4096, "q8_0", None)
    assert (args.device, args.force) == ("CUDA0", True)


def test_bench_has_the_documented_defaults_and_takes_lists() -> None:
    args = build().parse_args(["bench", "m"])
    assert (args.prompt, args.gen, args.depth, args.repeat) == ([512], [128], [0], 3)
    args = build().parse_args(["bench", "m", "--concurrency", "1,4,8", "--depth", "0,4096"])
    assert (args.concurrency, args.depth) == ([1, 4, 8], [0, 4096])


@pytest.mark.parametrize(
    "line",
    [
        "load m --ctx 1",
        "load m --ctx many",
        "load m --kv q2",
        "load",
        "chat m --temperature 3",
        "chat m --temperature warm",
        "serve --port 70000",
        "bench m --concurrency 1,x",
        "engine build",
        "engine build --cuda --vulkan",
        "engine",
        "completion fish",
        "nonsense",
        "mode",
    ],
)
def test_wrong_words_are_refused(line: str) -> None:
    with pytest.raises(UsageError):
        build().parse_args(line.split())


def test_shares_of_several_gpus() -> None:
    args = build().parse_args(["load", "m", "--tensor-split", "3,0.5", "--split-mode", "row"])
    assert (args.tensor_split, args.split_mode) == ([3, 0.5], "row")
    assert load.SPLIT_MODES == SPLIT_MODES
    for wrong in ("0,0", "", "1,x", "-1,2", "nan", "inf"):
        with pytest.raises(UsageError):
            build().parse_args(["fit", "m", f"--tensor-split={wrong}"])
