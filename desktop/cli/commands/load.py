"""`paddock load` and `paddock unload`."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, Parser, shares, whole


def register(commands: Commands) -> None:
    parser = commands.add("load", run, "load a model into memory")
    parser.add_argument("model", metavar="MODEL")
    load_arguments(parser)
    parser = commands.add("unload", unload, "take a model out of memory")
    parser.add_argument("model", metavar="MODEL")


# `SPLIT_MODES` of core/engine/flags.py, which is loaded when it is needed.
SPLIT_MODES = ("layer", "row", "none", "tensor")


def load_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--ctx", type=whole(64, 16_777_216), metavar="N", help="context in tokens per request"
    )
    parser.add_argument("--kv", choices=("f16", "q8_0", "q4_0"), help="type of the KV cache")
    parser.add_argument(
        "--parallel", type=whole(1, 64), metavar="N", help="requests answered at the same time"
    )
    device_arguments(parser)
    parser.add_argument("--force", action="store_true", help="try it even if it should not fit")


def device_arguments(parser: Parser) -> None:
    """Which GPUs, and how they share a model."""
    parser.add_argument(
        "--device",
        metavar="D",
        help="the engine's device, such as CUDA0, several with commas, or none; "
        "by default all graphics cards",
    )
    parser.add_argument(
        "--split-mode", choices=SPLIT_MODES, help="how several GPUs share a model (layer)"
    )
    parser.add_argument(
        "--tensor-split",
        type=shares,
        metavar="N,N",
        help="each GPU's share of it, such as 3,1; by default by free memory",
    )


def load_options(args: argparse.Namespace) -> dict[str, Any]:
    """The client's keyword arguments for these words."""
    return {
        "context_tokens": args.ctx,
        "slots": args.parallel,
        "kv_type": args.kv,
        "device": args.device,
        "split_mode": args.split_mode,
        "tensor_split": args.tensor_split,
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
