"""`paddock models`: the local models."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from desktop.cli.commands import cards, modelfiles
from desktop.cli.output import Mode, Output
from desktop.cli.parser import Commands, Parser

Json = dict[str, Any]

SORTS = ("size", "name", "used", "added", "speed")
APPS = ("ollama", "lmstudio", "jan", "gpt4all", "llama.cpp", "paddock")


def register(commands: Commands) -> None:
    parser = commands.add(
        "models", run, "list the local models", "List the local models, and what they take."
    )
    parser.add_argument("--scan", action="store_true", help="look through the folders again first")
    parser.add_argument("--sort", choices=SORTS, help="the largest, latest or fastest first")
    parser.add_argument("--tag", action="append", default=[], help="only those with this tag")
    parser.add_argument("--app", choices=APPS, help="only this program's; paddock: its downloads")
    parser.add_argument("--all", action="store_true", help="those that are hidden, too")
    inner = parser.add_subparsers(
        dest="models_command", metavar="COMMAND", required=False, parser_class=Parser
    )
    cards.register(Commands(inner))
    modelfiles.register(Commands(inner))


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    client = session.started(out)
    if args.scan:
        _tell_change(call(client.scan), out)
    found = chosen(call(lambda: client.models(hidden=args.all)), args.tag, args.app)
    found = in_order(found, args.sort)
    disk = call(client.disk_use)
    document = {"models": found, "disk": disk}
    out.result(document, lambda: _show_all(found, disk, out))
    return 0


def chosen(models: list[Json], tags: Sequence[str], app: str | None) -> list[Json]:
    """The models with all of these tags, of this program."""
    wanted = {tag.casefold() for tag in tags}
    return [
        model
        for model in models
        if wanted <= {tag.casefold() for tag in model.get("tags", ())}
        and (app is None or _app(model) == app)
    ]


def _app(model: Json) -> str | None:
    """Whose file it is: that of a program, "paddock" where we fetched it."""
    app = model.get("app") or ("paddock" if model.get("downloaded") else None)
    return None if app is None else str(app)


_KEYS: dict[str, Callable[[Json], Any]] = {
    "size": lambda model: -model["size_bytes"],
    "name": lambda model: model["id"],
    "used": lambda model: -(model.get("last_used") or 0),
    "added": lambda model: -(model.get("added") or 0),
    "speed": lambda model: -((model.get("decode_tokens_per_second") or {}).get("value") or 0),
}


def in_order(models: list[Json], sort: str | None) -> list[Json]:
    """What has no such figure comes last."""
    return models if sort is None else sorted(models, key=_KEYS[sort])


def _tell_change(change: Json, out: Output) -> None:
    counts = (f"{len(ids)} {name}" for name, ids in change.items() if isinstance(ids, list) and ids)
    out.note(", ".join(counts) or "Nothing has changed.")


def _show_all(found: list[Json], disk: Json, out: Output) -> None:
    show(found, out)
    if out.mode is Mode.HUMAN:
        out.line(disk_line(disk))


def show(found: list[Json], out: Output) -> None:
    from desktop.cli.units import figure, number, size

    measured = any(model.get("decode_tokens_per_second") for model in found)
    columns = ["ID", ">SIZE", "ARCHITECTURE", "QUANT", ">CONTEXT"]
    columns += [*([">TOK/S"] if measured else []), "NOTE"]
    rows = []
    for model in found:
        speed = model.get("decode_tokens_per_second")
        row = [model["id"], size(model["size_bytes"]), model["architecture"], model["quant_type"]]
        row += [number(model["context_tokens"])]
        row += [figure(speed["value"] if speed else None)] if measured else []
        rows.append([*row, ", ".join(_remarks(model))])
    out.table(columns, rows)
    for model in found:
        if model["broken"] and model.get("error"):
            out.note(f"{model['id']}: {model['error']['title']}. {model['error']['cause']}")


def _remarks(model: Json) -> list[str]:
    remarks = []
    if model["broken"]:
        damaged = (model.get("checked") or {}).get("state") == "damaged"
        remarks.append("damaged" if damaged else "broken")
    elif model.get("kind", "model") != "model":
        remarks.append(str(model["kind"]))
    elif model["bundled"]:
        remarks.append("bundled")
    elif model.get("embedding"):
        remarks.append("embedding")
    if model.get("hidden"):
        remarks.append("hidden")
    if (model.get("upstream") or {}).get("newer"):
        remarks.append("newer on the hub")
    if model.get("app"):
        remarks.append(str(model["app"]))
    remarks += [f"= {alias}" for alias in model.get("aliases", ())]
    return [*remarks, *(f"#{tag}" for tag in model.get("tags", ()))]


def disk_line(disk: Json) -> str:
    """What all models take, the places that take most first."""
    from desktop.cli.units import size

    places = [place for place in disk["places"] if place["disk_bytes"]]
    parts = [
        f"{'bundled' if place['bundled'] else place['folder']} {size(place['disk_bytes'])}"
        for place in places[:3]
    ]
    parts += [f"{len(places) - 3} more"] if len(places) > 3 else []
    total = f"{size(disk['total_bytes'])} on disk"
    return f"{total}: {', '.join(parts)}" if len(parts) > 1 else total
