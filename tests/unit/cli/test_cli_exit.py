"""How a command ends: statuses, errors in both shapes, signals, broken pipes, lazy imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.cli import app
from desktop.cli.commands import status
from desktop.cli.main import main
from desktop.core.errors import ErrorCode
from tests.unit.cli.conftest import Paddock

HEAVY = (
    *("rich", "pydantic", "aiohttp", "psutil", "numpy", "shtab", "tomlkit", "keyring"),
    *("huggingface_hub", "httpx2"),
)


def child(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[3],
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("words", [["--help"], ["status"], ["bench", "--help"], ["nonsense"]])
def test_light_commands_import_nothing_heavy(words: list[str]) -> None:
    ran = child("-X", "importtime", "-m", "desktop.cli", *words)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in ran.stderr.splitlines()}
    assert "desktop" in imported
    assert not imported & set(HEAVY)


def test_the_parser_imports_nothing_of_the_core() -> None:
    ran = child("-X", "importtime", "-m", "desktop.cli", "--help")
    assert "desktop.core." not in ran.stderr


def test_hidden_commands_come_before_the_parser() -> None:
    code = "import sys; from desktop.cli.main import main; main(['_guard', '0', 'x']); "
    ran = child("-c", f"{code}sys.exit('argparse' in sys.modules)", stdin=subprocess.DEVNULL)
    assert ran.returncode == 0


def test_version(paddock: Paddock) -> None:
    assert paddock("--version").out == "paddock 0.1.0\n"
    assert paddock("--version", "--json").document == {"version": "0.1.0"}


def test_wrong_usage_is_2_and_json_keeps_its_promise(paddock: Paddock) -> None:
    ran = paddock("load")
    assert (ran.code, ran.out) == (2, "")
    assert "usage: paddock load" in ran.err
    ran = paddock("load", "--json")
    assert ran.code == 2
    assert ran.document["error"]["code"] == "bad_request"


def test_an_error_is_1_with_title_cause_and_remedy(paddock: Paddock) -> None:
    ran = paddock("results", "compare", "7")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "paddock: There is no result 7",
        "  The number or name matches nothing that is stored.",
        "  Run `paddock results list`.",
    ]
    ran = paddock("results", "compare", "7", "--json")
    assert ran.code == 1
    assert ran.document["error"]["code"] == ErrorCode.RESULT_NOT_FOUND
    assert ran.document["error"]["params"] == {"result": "7"}


def broken(*_: object) -> int:
    raise RuntimeError("the roof is gone")


def test_a_fault_of_ours_is_one_line_and_the_story_is_in_the_log(
    paddock: Paddock, monkeypatch: pytest.MonkeyPatch, own_environment: Path
) -> None:
    monkeypatch.setattr(status, "_stopped", broken)
    monkeypatch.setattr("logging.root.handlers", [])
    ran = paddock("status")
    assert ran.code == 1
    assert "RuntimeError: the roof is gone" in ran.err
    assert "paddock logs" in ran.err
    assert "Traceback" not in ran.err
    log = own_environment / "data" / "logs" / "command.log"
    assert "in broken" in json.loads(log.read_text("utf-8"))["exception"]
    monkeypatch.setenv("PADDOCK_DEBUG", "1")
    assert "Traceback" in paddock("status").err


def interrupt(*_: object) -> int:
    raise KeyboardInterrupt


def terminate(*_: object) -> int:
    raise app.Terminated(15)


def test_ctrl_c_is_130_and_sigterm_143(paddock: Paddock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_stopped", interrupt)
    ran = paddock("status")
    assert (ran.code, ran.out, ran.err) == (130, "", "")
    monkeypatch.setattr(status, "_stopped", terminate)
    assert paddock("status").code == 143


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes of this kind")
@pytest.mark.parametrize("words", [["--help"], ["status", "--json"], ["completion", "bash"]])
def test_a_reader_that_left_is_no_error(words: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "desktop.cli", *words],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            cwd=Path(__file__).parents[3],
        )
    finally:
        os.close(write_end)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_completion_scripts_know_the_commands(paddock: Paddock) -> None:
    assert "unload" in paddock("completion", "bash").out
    assert paddock("completion", "zsh").out.startswith("#compdef paddock")
    assert "serve" in paddock("completion", "bash", "--json").document["script"]


def test_an_unknown_hidden_word_is_only_a_wrong_one() -> None:
    assert main(["_nothing"]) == 2
