"""The `paddock` command as a person and a program use it, against the bundled model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.client.client import Client
from desktop.core.client.connect import connect
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError
from desktop.core.paths import paths
from tests.helpers.service import wait_for

GUIDE = "paddock-guide:q8_0"
PATIENCE_SECONDS = 60.0  # what takes a second takes many on a machine that is busy


class Cli:
    """Runs `paddock` in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PADDOCK_", "HF_"))},
            "PADDOCK_HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "LANG": "C.UTF-8",
        }
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            self.environ.pop(name, None)
        self.paths = paths(self.environ)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "desktop.cli", *words]

    def run(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words),
            env=self.environ,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=110,
            check=False,
        )
        assert done.returncode == status, f"{words}: {done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, status: int = 0) -> dict[str, Any]:
        """The one document that --json prints."""
        done = self.run(*words, "--json", status=status)
        document = json.loads(done.stdout)  # more than one document would not parse
        assert isinstance(document, dict)
        return document

    def client(self) -> Client:
        return connect(self.paths)

    def stop(self) -> None:
        self.run("stop")


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp("cli"))
    cli.run("models")  # starts the service, which then belongs to the module
    yield cli
    cli.stop()


def test_status_of_nothing_starts_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "fresh")
    assert cli.json("status")["running"] is False
    assert not cli.paths.endpoint_file.exists()


def test_hardware(cli: Cli) -> None:
    hw = cli.json("hw")
    assert hw["cpu"]["name"] and hw["cpu"]["logical_cores"] >= hw["cpu"]["physical_cores"] >= 1
    assert hw["ram"]["total_bytes"] >= hw["ram"]["available_bytes"] > 0
    assert isinstance(hw["gpus"], list)
    assert hw["bandwidth_gb_per_second"] > 0.5


def test_doctor(cli: Cli) -> None:
    findings = cli.json("doctor")["findings"]
    assert findings and all({"severity", "code", "title"} <= set(f) for f in findings)


def test_models(cli: Cli) -> None:
    models = cli.json("models")["models"]
    guide = next(m for m in models if m["id"] == GUIDE)
    assert guide["bundled"] and not guide["broken"]
    assert (guide["architecture"], guide["quant_type"]) == ("llama", "Q8_0")


@pytest.mark.parametrize(
    ("question", "answer"),
    [("What is Q4_K_M?", "4-bit"), ("Q4_K_M とは何ですか？", "4 ビット")],
)
def test_the_bundled_model_answers(cli: Cli, question: str, answer: str) -> None:
    done = cli.json("chat", GUIDE, "-p", question)
    assert answer in done["answer"]
    assert done["usage"]["completion_tokens"] > 10 and done["tokens_per_second"] > 0
    plain = cli.run("chat", GUIDE, "-p", question)
    assert plain.stdout.strip() == done["answer"].strip()


def test_load_status_unload(cli: Cli) -> None:
    assert cli.json("load", GUIDE, "--ctx", "512", "--parallel", "2")["state"] == "ready"
    status = cli.json("status")
    assert status["running"] and status["url"] is None
    assert status["models"][0]["id"] == GUIDE and status["models"][0]["memory_bytes"] > 0
    assert status["models"][0]["settings"]["context_tokens"] == 512
    cli.json("unload", GUIDE)
    assert cli.json("status")["models"] == []


def test_bench_and_results(cli: Cli, tmp_path: Path) -> None:
    words = ("bench", GUIDE, "--prompt", "32", "--gen", "16", "--repeat", "2")
    runs = [cli.json(*words), cli.json(*words)]
    for run in runs:
        tests = {row["test"] for row in run["results"]}
        assert tests == {"prefill", "decode"} and run["fingerprint"]["machine"]
        assert all(row["tokens_per_second"] > 0 for row in run["results"])
    numbers = [str(entry["id"]) for entry in cli.json("results", "list")["results"]]
    assert len(numbers) == 2
    assert cli.json("results", "compare", *numbers)["rows"]
    file = tmp_path / "results.json"
    cli.run("results", "export", *numbers, "-o", str(file))
    assert cli.json("results", "import", str(file))["added"] == 0
    renamed = cli.json("results", "rename", numbers[0], "before the update")
    assert renamed == {"id": int(numbers[0]), "name": "before the update"}
    assert cli.json("results", "remove", "before the update")["removed"] == [renamed]
    assert [str(e["id"]) for e in cli.json("results", "list")["results"]] == numbers[1:]
    assert cli.json("results", "restore", numbers[0])["restored"] == [renamed]
    assert len(cli.json("results", "list")["results"]) == 2


def test_engines(cli: Cli, tmp_path: Path) -> None:
    engines = cli.json("engine", "list")["engines"]
    assert [engine["id"] for engine in engines] == ["environment"]
    error = cli.json("engine", "add", "mine", str(tmp_path), status=1)["error"]
    assert error["code"] == "engine_bad_runtime"
    assert cli.json("engine", "use", "no-such", status=1)["error"]["code"] == "engine_not_found"
    folder = engines[0]["folder"]
    cli.json("engine", "add", "linked", folder)
    cli.json("engine", "use", "linked")
    assert "4-bit" in cli.json("chat", GUIDE, "-p", "What is Q4_K_M?")["answer"]
    assert cli.json("engine", "remove", "linked", status=1)["error"]["code"] == "engine_in_use"
    cli.json("engine", "use", "environment")
    cli.json("engine", "remove", "linked")


def test_keys(cli: Cli) -> None:
    key = cli.json("keys", "create", "laptop")["key"]
    assert key.startswith("pk-")
    assert [k["name"] for k in cli.json("keys", "list")["keys"]] == ["laptop"]
    cli.json("keys", "revoke", "laptop")
    assert cli.json("keys", "revoke", "laptop", status=1)["error"]["code"] == "key_not_found"


def test_errors_say_what_to_do(cli: Cli, tmp_path: Path) -> None:
    done = cli.run("chat", "no-such-model", "-p", "x", status=1)
    assert "no-such-model" in done.stderr and "paddock models" in done.stderr
    assert done.stdout == ""
    assert cli.json("load", "no-such-model", status=1)["error"]["code"] == "model_not_found"
    assert cli.json("adopt", str(tmp_path / "x"), status=1)["error"]["code"] == "path_not_found"
    assert cli.run("dance", status=2).stdout == ""
    assert cli.run("load", status=2).stdout == ""


def test_adopted_folder(cli: Cli, tmp_path: Path, tiny_model: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "copy.gguf").write_bytes(tiny_model.read_bytes())
    (folder / "broken.gguf").write_bytes(b"GGUF")
    cli.json("adopt", str(folder))
    found = {Path(m["path"]).name: m for m in cli.json("models")["models"]}
    assert not found["copy.gguf"]["broken"]
    assert found["broken.gguf"]["broken"] and found["broken.gguf"]["error"]["title"]


def test_serve_as_the_service_itself(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "served")
    port = free_port()
    process = subprocess.Popen(
        cli.command("serve", "--port", str(port), "--model", GUIDE, "--json"),
        env=cli.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready == {
        "url": f"http://127.0.0.1:{port}",
        "admin_url": cli.client().endpoint.url,
        "pid": process.pid,
    }
    assert cli.json("status")["models"][0]["state"] == "ready"
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stdout.read() == ""
    process.stdout.close()
    assert cli.json("status")["running"] is False


def test_serve_beside_a_running_service(cli: Cli) -> None:
    port = free_port()
    process = subprocess.Popen(
        cli.command("serve", "--port", str(port), "--json"),
        env=cli.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["url"] == f"http://127.0.0.1:{port}" and ready["pid"] != process.pid
    assert cli.json("status")["url"] == ready["url"]
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0
    process.stdout.close()
    status = cli.json("status")
    assert status["running"] and status["url"] is None


def test_tour_without_a_terminal_stops_what_it_started(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "tour")
    cli.environ["PADDOCK_SERVER_PORT"] = str(free_port())
    # Without a screen, as here; where there always is one, by its name.
    done = cli.run(*([] if sys.platform.startswith("linux") else ["tour"]))
    assert "Q4_K_M" in done.stdout and "tok/s" in done.stdout
    assert f"http://127.0.0.1:{cli.environ['PADDOCK_SERVER_PORT']}" in done.stdout
    assert cli.json("status")["running"] is False


def test_tour_in_japanese(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "tour")
    cli.environ["PADDOCK_SERVER_PORT"] = str(free_port())
    cli.environ["LANG"] = "ja_JP.UTF-8"
    cli.environ.pop("LC_ALL", None)
    assert "です" in cli.run("tour").stdout


def test_ctrl_c_cancels_the_job_it_follows(cli: Cli) -> None:
    process = subprocess.Popen(
        cli.command("bench", GUIDE, "--prompt", "1500", "--gen", "1500", "--repeat", "100"),
        env=cli.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    def state() -> str | None:
        """Of the benchmark: new models are tried by jobs, too."""
        jobs = [job for job in cli.client().jobs() if job["kind"] == "bench"]
        return jobs[0]["state"] if jobs else None

    wait_for(lambda: state() == "running", "it runs", PATIENCE_SECONDS)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, errors
    wait_for(lambda: state() == "cancelled", "it is cancelled", PATIENCE_SECONDS)


def test_a_service_nobody_uses_ends_by_itself(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "short")
    process = subprocess.Popen(
        cli.command("_service", "5"), env=cli.environ, stdin=subprocess.DEVNULL
    )

    def answers() -> bool:
        try:
            cli.client()
        except AppError:
            return False
        return True

    wait_for(answers, "it answers", PATIENCE_SECONDS)
    listener = threading.Thread(target=lambda: list(_until_end(cli.client())))
    listener.start()
    deadline = time.monotonic() + 7.0
    wait_for(lambda: time.monotonic() > deadline, "time passes")
    assert process.poll() is None, "somebody follows its events"
    cli.client().stop()
    assert process.wait(PATIENCE_SECONDS) == 0
    listener.join(PATIENCE_SECONDS)

    process = subprocess.Popen(
        cli.command("_service", "0.5"), env=cli.environ, stdin=subprocess.DEVNULL
    )
    assert process.wait(PATIENCE_SECONDS) == 0


def _until_end(client: Client) -> Iterator[dict[str, Any]]:
    try:
        yield from client.events()
    except AppError:
        return


def test_help_and_status_are_quick(cli: Cli) -> None:
    """What would make them slow is imported lazily: no time is measured here."""
    for words in (("--help",), ("status",), ("--version",)):
        code = (
            "import sys; from desktop.cli.main import main\n"
            f"try:\n    main({list(words)!r})\nexcept SystemExit:\n    pass\n"
            "heavy = {'rich', 'pydantic', 'aiohttp', 'psutil', 'numpy', 'asyncio', 'tomlkit'}\n"
            "print('HEAVY', sorted(heavy & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=cli.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "HEAVY []" in done.stdout, words
