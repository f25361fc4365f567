"""Schemathesis against a server: requests made of its document, right ones and wrong ones."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)


@dataclass(frozen=True)
class Fuzzed:
    """What a run found.

    Attributes:
        generated: how many requests were made.
        words: as it was told.
    """

    good: bool
    generated: int
    words: str


def with_models(document: Any, models: Sequence[str]) -> Any:
    """The document, in which a model's name is one of these: any other is a 404 and no more."""
    if isinstance(document, list):
        return [with_models(each, models) for each in document]
    if not isinstance(document, dict):
        return document
    found = {name: with_models(each, models) for name, each in document.items()}
    model = found.get("model")
    if isinstance(model, dict) and model.get("minLength") == 1:
        found["model"] = {"type": "string", "enum": [*models, "no-such-model"]}
    return found


async def fuzz(
    url: str,
    folder: Path,
    models: Sequence[str],
    *,
    examples: int,
    phases: str,
    without: tuple[str, ...] = (),
    seed: int = 1,
) -> Fuzzed:
    """Run it.

    Args:
        examples: of each route and kind, at most.
        without: beginnings of paths that are left out.
    """
    async with aiohttp.ClientSession() as session, session.get(f"{url}/openapi.json") as reply:
        document = with_models(await reply.json(), models)
    paths = document["paths"]
    document["paths"] = {path: paths[path] for path in paths if not path.startswith(without)}
    file = folder / "openapi.json"
    file.write_text(json.dumps(document))
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", str(file), "--url", url, "--phases", phases, "--seed", str(seed)),
        *("--max-examples", str(examples), "--checks", ",".join(CHECKS)),
        *("--suppress-health-check", "all", "--generation-database", "none", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    words = output.decode(errors="replace")
    generated = re.search(r"(\d+) generated", words)
    return Fuzzed(process.returncode == 0, int(generated[1]) if generated else 0, words[-20_000:])
