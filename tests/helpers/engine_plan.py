"""The engine's plan for a load, as its rows: what `dry_run` makes figures of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop.core.engine.flags import LoadSettings, memory_arguments
from desktop.core.engine.runtime import Runtime


def plan_rows(
    runtime: Runtime, model: Path, settings: LoadSettings, more: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Rows of `fit_memory_breakdown`; `more` are arguments that a load may not have."""
    command = [str(runtime.tool("llama-server")), "-m", str(model)]
    command += [*more, *memory_arguments(runtime, settings), *settings.extra]
    command += ["--host", "127.0.0.1", "--port", "0", "-fit", "on", "-lv", "4"]
    command += ["--log-jsonl", "--offline", "--no-ui", "--cache-ram", "0"]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        assert server.stdout is not None
        for raw in server.stdout:
            lines.append(raw.decode(errors="replace"))
            if "fit_memory_breakdown" in lines[-1]:
                server.kill()
                rows: list[dict[str, Any]] = json.loads(lines[-1])["data"]["rows"]
                return rows
    raise AssertionError("no plan: " + " ".join("".join(lines[-20:]).split()))
