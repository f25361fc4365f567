"""`paddock load` and `paddock unload`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cli.files import with_scale
from desktop.cli.output import Output
from desktop.cli.parser import Commands, Parser, UsageError, decimal, shares, whole

if TYPE_CHECKING:
    from desktop.core.client.client import Client


def register(commands: Commands) -> None:
    parser = commands.add("load", run, "load a model into memory")
    parser.add_argument("model", metavar="MODEL")
    load_arguments(parser)
    parser.add_argument(
        "--keep",
        type=_minutes,
        metavar="MINUTES|forever",
        help="how long it stays after its last answer (forever)",
    )
    parser.add_argument(
        "--pin",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="it never makes room for another model",
    )
    parser.add_argument(
        "--save", action="store_true", help="keep these settings for every load of the model"
    )
    parser = commands.add("unload", unload, "take a model out of memory")
    parser.add_argument("model", metavar="MODEL", nargs="?")
    parser.add_argument("--all", action="store_true", help="take all out")


# `SPLIT_MODES` of core/engine/flags.py, which is loaded when it is needed.
SPLIT_MODES = ("layer", "row", "none", "tensor")
# `NGRAM_TOKENS` and `NGRAM_DEFAULT` of the same.
NGRAM_KINDS = ("ngram-mod", "ngram-simple", "ngram-map-k", "ngram-map-k4v")
NONE, AUTOMATIC, FOREVER = "none", "auto", "forever"
_PARTS = {"weights_bytes": "Weights", "kv_bytes": "KV cache", "compute_bytes": "Compute"}


def load_arguments(parser: Parser) -> None:
    settings_arguments(parser)
    parser.add_argument("--force", action="store_true", help="try it even if it should not fit")


def settings_arguments(parser: Parser) -> None:
    """How a model is loaded, or would be."""
    parser.add_argument(
        "--ctx", type=whole(64, 16_777_216), metavar="N", help="context in tokens per request"
    )
    parser.add_argument("--kv", choices=("f16", "q8_0", "q4_0"), help="type of the KV cache")
    parser.add_argument(
        "--parallel", type=whole(1, 64), metavar="N", help="requests answered at the same time"
    )
    device_arguments(parser)
    place_arguments(parser)
    beside_arguments(parser)


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


def place_arguments(parser: Parser) -> None:
    """Where a model's parts lie, and how much is computed at once."""
    parser.add_argument(
        "--gpu-layers",
        type=_or_word(whole(0, 1024), AUTOMATIC),
        metavar="N|auto",
        help="layers on the GPU; by default as many as fit",
    )
    parser.add_argument(
        "--experts-on-cpu",
        nargs="?",
        const=True,
        type=whole(0, 1024),
        metavar="N",
        help="keep the experts in main memory: all, or those of the first N layers",
    )
    parser.add_argument(
        "--ubatch",
        type=whole(1, 65_536),
        metavar="N",
        help="tokens of a prompt computed at once (512)",
    )


def beside_arguments(parser: Parser) -> None:
    """What is loaded beside a model."""
    parser.add_argument(
        "--lora",
        action="append",
        type=_adapter,
        metavar="FILE[:SCALE]",
        help="a LoRA adapter and how strongly it works (1); may be given several times, or none",
    )
    parser.add_argument(
        "--draft", metavar="MODEL", help="a small model that proposes tokens, or none"
    )
    parser.add_argument(
        "--draft-gpu-layers",
        type=_or_word(whole(0, 1024), AUTOMATIC),
        metavar="N|auto",
        help="the draft model's layers on the GPU",
    )
    parser.add_argument(
        "--ngram",
        nargs="?",
        const=NGRAM_KINDS[0],
        choices=(*NGRAM_KINDS, NONE),
        metavar="KIND",
        help=f"propose tokens from the text itself: {', '.join(NGRAM_KINDS)}, or none",
    )
    parser.add_argument(
        "--mmproj",
        metavar="FILE",
        help="the projector that gives the model eyes or ears, auto or none; "
        "by default the one beside it",
    )


def _minutes(text: str) -> float:
    """An argument type: minutes, or "forever", which is a negative number."""
    return -1.0 if text == FOREVER else decimal(0, 1_000_000)(text)


def _or_word(number: Callable[[str], int], word: str) -> Callable[[str], int | str]:
    """An argument type: a number or one word."""
    return lambda text: text if text == word else number(text)


def _adapter(text: str) -> dict[str, Any]:
    """FILE or FILE:SCALE; the empty dictionary is "none"."""
    if text == NONE:
        return {}
    name, scale = with_scale(text)
    return {"path": _file(name), "scale": scale}


def _file(name: str | None) -> str | None:
    """A file's whole path, since the service runs elsewhere; what is no file is an id."""
    if name is None or name in (NONE, AUTOMATIC):
        return name
    path = Path(name).expanduser()
    return str(path.absolute()) if path.is_file() else name


def load_options(args: argparse.Namespace) -> dict[str, Any]:
    """The client's keyword arguments for these words."""
    return {
        "context_tokens": args.ctx,
        "slots": args.parallel,
        "kv_type": args.kv,
        "device": args.device,
        "split_mode": args.split_mode,
        "tensor_split": args.tensor_split,
        "gpu_layers": args.gpu_layers,
        "experts_on_cpu": args.experts_on_cpu,
        "ubatch": args.ubatch,
        "adapters": None if args.lora is None else [each for each in args.lora if each],
        "draft": _file(args.draft),
        "draft_gpu_layers": args.draft_gpu_layers,
        "ngram": args.ngram,
        "mmproj": _file(args.mmproj),
        "force": args.force,
    }


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call
    from desktop.cli.following import load

    client = session.started(out)
    options = {**load_options(args), "keep_minutes": args.keep, "pinned": args.pin}
    loaded = load(client, args.model, options, out)
    if args.save:
        given = {name: value for name, value in options.items() if value is not None}
        given.pop("force")
        call(lambda: client.change_model_settings(args.model, given))
        out.note(f"These settings count for every load of {loaded['id']} from now on.")
    out.result(loaded, lambda: show(loaded, out))
    return 0


def show(loaded: dict[str, Any], out: Output) -> None:
    """One line, and below it the engine's report beside what was predicted."""
    from desktop.cli.units import size

    out.line(describe(loaded))
    rows = [
        [
            _PARTS[row["part"]],
            f"~ {size(row['predicted']['value'])}" if row["predicted"] else "",
            f"✓ {size(row['real_bytes'])}",
        ]
        for row in loaded.get("parts") or ()
        if row["real_bytes"] is not None and row["part"] in _PARTS
    ]
    if rows:
        out.table(["PART", ">PREDICTED", ">REAL"], rows)


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
    if loaded.get("pinned"):
        parts.append("pinned")
    elif loaded.get("expires") is not None:
        parts.append(f"leaves in {_span(loaded['expires'] - time.time())} unless it is used")
    return ", ".join(parts)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def unload(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    if args.all == (args.model is not None):
        raise UsageError("name a model, or say --all", "")
    client = session.running(out)
    if args.all:
        loaded = [] if client is None else [each["id"] for each in client.state()["models"]]
        return _unload_all(client, loaded, out)
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


def _unload_all(client: Client | None, loaded: list[str], out: Output) -> int:
    from desktop.cli.background import call

    gone = []
    for name in loaded:
        assert client is not None
        done = call(partial(client.unload, name))
        if done["was_loaded"]:
            gone.append(done["id"])

    def show() -> None:
        for name in gone:
            out.line(f"{name} is unloaded.")
        if not gone:
            out.line("No model is loaded.")

    out.result({"unloaded": gone}, show)
    return 0
