"""`paddock models` and `paddock adopt`: the local models."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands


def register(commands: Commands) -> None:
    parser = commands.add("models", run, "list the local models")
    parser.add_argument("--scan", action="store_true", help="look through the folders again first")
    parser = commands.add(
        "adopt", adopt, "add a folder or file with models", "It is read in place, never copied."
    )
    parser.add_argument("path", metavar="PATH")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    client = session.started(out)
    if args.scan:
        _tell_change(call(client.scan), out)
    found = call(client.models)
    out.result({"models": found}, lambda: show(found, out))
    return 0


def adopt(args: argparse.Namespace, out: Output) -> int:
    from pathlib import Path

    from desktop.cli import session
    from desktop.cli.background import call

    # The service works in another folder: what is relative is so to ours.
    path = str(Path(args.path).expanduser().absolute())
    client = session.started(out)
    change = call(lambda: client.add_models(path))
    found = [model for model in call(client.models) if _lies_in(model, path)]
    if not found:
        out.note(f"No model was found in {path}.")
    out.result({**change, "path": path, "models": found}, lambda: show(found, out))
    return 0


def _lies_in(model: dict[str, Any], path: str) -> bool:
    from pathlib import Path

    places = (model["path"], *model.get("copies", ()))
    return any(Path(place).is_relative_to(path) for place in places)


def _tell_change(change: dict[str, Any], out: Output) -> None:
    counts = (f"{len(ids)} {name}" for name, ids in change.items() if isinstance(ids, list) and ids)
    out.note(", ".join(counts) or "Nothing has changed.")


def show(found: list[dict[str, Any]], out: Output) -> None:
    from desktop.cli.units import number, size

    columns = ("ID", ">SIZE", "ARCHITECTURE", "QUANT", ">CONTEXT", "NOTE")
    rows = [
        (
            model["id"],
            size(model["size_bytes"]),
            model["architecture"],
            model["quant_type"],
            number(model["context_tokens"]),
            _remark(model),
        )
        for model in found
    ]
    out.table(columns, rows)
    for model in found:
        if model["broken"] and model.get("error"):
            out.note(f"{model['id']}: {model['error']['title']}. {model['error']['cause']}")


def _remark(model: dict[str, Any]) -> str:
    if model["broken"]:
        return "broken"
    if model.get("kind", "model") != "model":
        return str(model["kind"])
    return "bundled" if model["bundled"] else "embedding" if model.get("embedding") else ""
