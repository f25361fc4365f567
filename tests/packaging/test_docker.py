"""The Dockerfile, read: it is not built here, where no Docker runs."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "packaging" / "docker" / "Dockerfile"
Instruction = tuple[str, str]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, continued lines as one."""
    text = re.sub(r"\\\n", " ", FILE.read_text("utf-8"))
    found: list[list[Instruction]] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(" ")
        assert name in {
            *("FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE"),
            *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
        }, f"no instruction: {line}"
        if name == "FROM":
            found.append([])
        found[-1].append((name, " ".join(rest.split())))
    return found


def values(stage: list[Instruction], name: str) -> list[str]:
    return [rest for each, rest in stage if each == name]


def test_everything_that_is_copied_is_there() -> None:
    build, run = stages()
    for source in values(build, "COPY"):
        for name in source.split()[:-1]:
            assert (ROOT / name).exists(), name
    assert values(run, "COPY") == ["--from=build /opt/paddock /opt/paddock"]


def test_it_runs_as_nobody_in_particular_and_keeps_its_data() -> None:
    run = stages()[-1]
    names = [name for name, _ in run]
    assert values(run, "USER") == ["paddock"]
    assert names.index("USER") > max(n for n, each in enumerate(names) if each == "RUN")
    assert values(run, "VOLUME") == ["/data"]
    environment = dict(
        part.split("=", 1) for line in values(run, "ENV") for part in shlex.split(line)
    )
    assert environment["PADDOCK_HOME"] == "/data"
    assert environment["HF_HOME"].startswith("/data/")


def test_it_serves_and_is_looked_after() -> None:
    run = stages()[-1]
    assert json.loads(values(run, "ENTRYPOINT")[0]) == ["paddock"]
    words = json.loads(values(run, "CMD")[0])
    from desktop.cli.parser import build

    parsed = build().parse_args(words)
    assert (parsed.command, parsed.host, parsed.port) == ("serve", "0.0.0.0", None)
    assert values(run, "EXPOSE") == ["8484"] and values(run, "STOPSIGNAL") == ["SIGTERM"]
    check = json.loads(values(run, "HEALTHCHECK")[0].partition("CMD ")[2])
    compile(check[2], "health check", "exec")
    assert "8484" in check[2] and "/health" in check[2]


def test_the_engine_is_for_other_machines_than_the_one_that_builds() -> None:
    sync = next(line for line in values(stages()[0], "RUN") if "uv sync" in line)
    assert "llama-cpp-python:cmake.define.GGML_NATIVE=OFF" in sync
    assert "--no-editable" in sync  # else the image would need the sources
    setup = (ROOT / "packaging" / "setup.sh").read_text("utf-8")
    version = re.search(r"^UV_VERSION=(\S+)", setup, re.MULTILINE)
    assert version is not None
    assert f"uv=={version[1]}" in FILE.read_text("utf-8")  # the same as everywhere
