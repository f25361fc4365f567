"""`paddock convert`: a GGUF file of a checkpoint or a LoRA adapter as Hugging Face shares it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, UsageError

Json = dict[str, Any]
TYPES = ("auto", "f32", "f16", "bf16", "q8_0")


def register(commands: Commands) -> None:
    parser = commands.add(
        "convert",
        run,
        "make a GGUF file of a checkpoint (config.json and *.safetensors) or a LoRA adapter; the "
        "first time it installs the converter, about 1 GB, into a folder of its own",
    )
    parser.add_argument(
        "source",
        metavar="DIR|REPO",
        nargs="?",
        help="the checkpoint: a folder, or OWNER/NAME on the hub",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="the GGUF file to make")
    parser.add_argument(
        "--base",
        metavar="DIR|REPO",
        help="of a LoRA adapter: the model that it changes; its weights are not needed",
    )
    parser.add_argument(
        "--type",
        choices=TYPES,
        default="auto",
        help="how weights are stored; auto (the default): the 16-bit type that loses nothing, "
        "f32 for adapters",
    )
    parser.add_argument(
        "--mmproj", action="store_true", help="make the projector of a model that sees or hears"
    )
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="also read weights in pickles; only those of a maker whom you trust",
    )
    parser.add_argument("--replace", action="store_true", help="replace FILE if it exists")
    parser.add_argument("--install-only", action="store_true", help="install the converter only")
    parser.add_argument("--remove-toolkit", action="store_true", help="remove the converter")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.following import job

    if args.install_only or args.remove_toolkit:
        if args.source or args.output or args.base or (args.install_only and args.remove_toolkit):
            raise UsageError("--install-only and --remove-toolkit stand alone", "")
        params: Json = {"remove": True} if args.remove_toolkit else {}
        state = job(session.started(out), "toolkit", params, out)["result"]
        out.result(state, lambda: _tell(state, out))
        return 0
    if not args.source or not args.output:
        raise UsageError("DIR or REPO and -o FILE are needed", "")
    params = {
        **_source(args.source),
        "output": str(Path(args.output).expanduser().absolute()),
        "type": args.type,
        "projector": args.mmproj,
        "allow_pickle": args.allow_pickle,
        "replace": args.replace,
    }
    if args.base:
        base = _source(args.base)
        params |= {"base": base["path"]} if "path" in base else {"base_repo": base["repo"]}
    result = job(session.started(out), "convert", params, out)["result"]
    out.result(result, lambda: show(result, out))
    return 0


def _source(text: str) -> Json:
    """A folder where there is one or the words can be nothing else; a name on the hub else."""
    from desktop.core.hub.names import parse_name

    path = Path(text).expanduser()
    if path.exists() or text.startswith((".", "~", "/")) or parse_name(text) is None:
        return {"path": str(path.absolute())}
    return {"repo": text}


def _tell(state: Json, out: Output) -> None:
    from desktop.cli.units import size

    if state["installed"]:
        out.line(f"{state['folder']}: for engine {state['engine']}, {size(state['size_bytes'])}")
    else:
        out.line(f"Removed: {size(state['freed_bytes'])} are free again.")


def show(result: Json, out: Output) -> None:
    """The file, its size, and how long it took."""
    from desktop.cli.units import size

    out.line(f"{result['path']}: {size(result['size_bytes'])}, in {result['seconds']:.0f} s")
    if result["own_code"]:
        out.note("The checkpoint brings code of its own, which was not run.")
