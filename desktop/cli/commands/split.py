"""`paddock split` and `paddock join`: a model in several files, and in one again."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from desktop.cli.commands.merge import show
from desktop.cli.output import Output
from desktop.cli.parser import Commands, whole

Json = dict[str, Any]
_UNITS = {"M": 10**6, "G": 10**9}


def register(commands: Commands) -> None:
    parser = commands.add("split", run, "cut a model's file into several")
    parser.add_argument("file", metavar="FILE", help="a GGUF file, or its model's id")
    limit = parser.add_mutually_exclusive_group(required=True)
    limit.add_argument(
        "--max-size", type=_bytes, metavar="N[M|G]", help="of each part: 500M, 2G (10⁹ bytes)"
    )
    limit.add_argument(
        "--max-tensors", type=whole(1, 1_000_000), metavar="N", help="in each part, at most"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="default: the folder of FILE")
    parser.add_argument("--replace", action="store_true", help="replace parts that exist")
    parser = commands.add("join", run_join, "make one file of a model that lies in several")
    parser.add_argument("file", metavar="PART", help="any of the parts; all must be in its folder")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the file to make")
    parser.add_argument("--replace", action="store_true", help="replace FILE if it exists")


def _bytes(text: str) -> int:
    """An argument type: a size such as 500M, 2G or 1.5G."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([MG])B?", text.strip(), re.IGNORECASE)
    if found is None or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 500M or 2G")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.files import model_file
    from desktop.cli.following import job

    client = session.started(out)
    source = model_file(args.file, client)
    params: Json = {
        "path": str(source),
        "folder": str(Path(args.output).expanduser().absolute() if args.output else source.parent),
        "replace": args.replace,
    }
    if args.max_size is not None:
        params["max_bytes"] = args.max_size
    else:
        params["max_tensors"] = args.max_tensors
    result = job(client, "split", params, out)["result"]
    out.result(result, lambda: _show_parts(result, out))
    return 0


def _show_parts(result: Json, out: Output) -> None:
    for path in result["paths"]:
        out.line(path)
    out.note(f"{len(result['paths'])} parts, in {result['seconds']:.0f} s")


def run_join(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.files import model_file
    from desktop.cli.following import job

    client = session.started(out)
    params: Json = {
        "path": str(model_file(args.file, client)),
        "output": str(Path(args.output).expanduser().absolute()),
        "replace": args.replace,
    }
    result = job(client, "join", params, out)["result"]
    out.result(result, lambda: show(result, out))
    return 0
