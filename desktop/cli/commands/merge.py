"""`paddock merge`: a model with LoRA adapters worked into its weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

Json = dict[str, Any]


def register(commands: Commands) -> None:
    parser = commands.add(
        "merge", run, "make a model of a model and LoRA adapters (all of them GGUF files)"
    )
    parser.add_argument("model", metavar="MODEL", help="a GGUF file, best F16 or BF16, or its id")
    parser.add_argument(
        "--lora",
        action="append",
        required=True,
        metavar="FILE[:SCALE]",
        help="an adapter and how strongly it is merged (1); may be given several times, for "
        "adapters that change the same tensors",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the file to make")
    parser.add_argument("--replace", action="store_true", help="replace FILE if it exists")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.files import model_file, with_scale
    from desktop.cli.following import job

    client = session.started(out)
    adapters = [with_scale(text) for text in args.lora]
    params: Json = {
        "path": str(model_file(args.model, client)),
        "adapters": [
            {"path": str(model_file(name, client)), "scale": scale} for name, scale in adapters
        ],
        "output": str(Path(args.output).expanduser().absolute()),
        "replace": args.replace,
    }
    result = job(client, "merge", params, out)["result"]
    out.result(result, lambda: show(result, out))
    return 0


def show(result: Json, out: Output) -> None:
    """The file, its size, and how long it took."""
    from desktop.cli.units import size

    out.line(f"{result['path']}: {size(result['size_bytes'])}, in {result['seconds']:.0f} s")
