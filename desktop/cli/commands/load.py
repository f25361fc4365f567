"""`paddock load` and `paddock unload`."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, Parser, whole


def register(commands: Commands) -> None:
    parser = commands.add("load", run, "load a model into memory")
    parser.add_argument("model", metavar="MODEL")
    load_arguments(parser)
    parser = commands.add("unload", unload, "take a model out of memory")
    parser.add_argument("model", metavar="MODEL")


def load_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--ctx", type=whole(64, 16_777_216), metavar="N", help="context in tokens per request"
    )
    parser.add_argument("--kv", choices=("f16", "q8_0", "q4_0"), help="type of the KV cache")
    parser.add_argument(
        "--parallel", type=whole(1, 64), metavar="N", help="requests answered at the same time"
    )
    parser.add_argument("--device", metavar="D", help="the engine's device, such as CUDA0 or none")
    parser.add_argument("--force", action="store_true", help="try it even if it should not fit")


def load_options(args: argparse.Namespace) -> dict[str, Any]:
    """The client's keyword arguments for these words."""
    return {
        "context_tokens": args.ctx,
        "slots": args.parallel,
        "kv_type": args.kv,
        "device": args.device,
        "force": args.force,
    }


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.following import load

    client = session.started(out)
    loaded = load(client, args.model, load_options(args), out)
    out.result(loaded, lambda: out.line(describe(loaded)))
    return 0


def describe(loaded: dict[str, Any]) -> str:
    """One line on a loaded model: what it was given, and what it really took."""
    from desktop.cli.units import number, size

    settings = loaded.get("settings") or {}
    parts = [f"{loaded['id']} is {loaded['state']}"]
    if settings.get("context_tokens"):
        slots = settings.get("slots") or 1
        times = f" × {slots} slots" if slots > 1 else ""
        parts.append(f"{number(settings['context_tokens'])} tokens of context{times}")
    if loaded.get("memory_bytes") is not None:
        parts.append(f"✓ {size(loaded['memory_bytes'])}")
    return ", ".join(parts)


def unload(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    client = session.running(out)
    if client is None:  # then nothing is loaded; the name cannot be looked up without a service
        out.result(
            {"id": args.model, "was_loaded": False},
            lambda: out.line("No service is running: no model is loaded."),
        )
        return 0
    done = call(lambda: client.unload(args.model))
    text = "is unloaded." if done["was_loaded"] else "was not loaded."
    out.result(done, lambda: out.line(f"{done['id']} {text}"))
    return 0
