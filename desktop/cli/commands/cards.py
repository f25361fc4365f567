"""`paddock models …`: what is said of a model, hiding it, the models folder, newer uploads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

Json = dict[str, Any]


def register(commands: Commands) -> None:
    parser = commands.add("tag", tag, "give a model tags, or show those it has")
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("tag", nargs="*", metavar="TAG")
    parser.add_argument("--remove", action="append", default=[], metavar="TAG")
    parser = commands.add(
        "alias",
        alias,
        "give a model further names, or show those it has",
        "API clients can call the model by each of its names.",
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("alias", nargs="*", metavar="NAME")
    parser.add_argument("--remove", action="append", default=[], metavar="NAME")
    parser = commands.add(
        "card",
        card,
        "show or change what is said of a model",
        "What a request leaves open is taken from the card: the system prompt, the sampling.",
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--system", metavar="TEXT", help="system prompt; @FILE reads it from one")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="sampling, such as temperature=0.7; an empty value removes it",
    )
    parser.add_argument(
        "--template", metavar="@FILE", help="chat template in Jinja, used from the next load on"
    )
    parser.add_argument("--notes", metavar="TEXT", help="notes of your own; @FILE reads them")
    parser.add_argument(
        "--clear",
        action="append",
        default=[],
        choices=("system", "sampling", "template", "license", "messages", "adapters", "notes"),
        help="take a field away",
    )
    parser = commands.add("hide", hide, "leave a model out of the lists; its file stays")
    parser.add_argument("model", metavar="MODEL")
    parser = commands.add("show", show, "put a hidden model back into the lists")
    parser.add_argument("model", metavar="MODEL")
    parser = commands.add("disk", disk, "what the models take, folder by folder")
    parser = commands.add(
        "upstream",
        upstream,
        "ask the hub for newer files",
        "Ask the hub whether it has newer files of a model, or of all that came from it.",
    )
    parser.add_argument("model", nargs="?", metavar="MODEL")
    parser = commands.add(
        "move",
        move,
        "move what was downloaded to another folder",
        "Everything is made at the new place first and compared; the old files go at the end.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("folder", nargs="?", metavar="FOLDER")
    where.add_argument(
        "--default", action="store_true", help="to the folder of the Hugging Face tools"
    )


def _setting(text: str) -> tuple[str, Any]:
    """`name=value`; a value is a number, a text, or several texts of "stop" with commas."""
    import json

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"“{text}” is not of the form temperature=0.7")
    name = name.strip()
    if not value:
        return name, None
    if name == "stop":
        return name, value.split(",")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _changed_list(have: list[str], add: list[str], remove: list[str]) -> list[str]:
    gone = {each.casefold() for each in (*remove, *add)}
    return [*(each for each in have if each.casefold() not in gone), *add]


def tag(args: argparse.Namespace, out: Output) -> int:
    return _names(args, out, "tags", args.tag)


def alias(args: argparse.Namespace, out: Output) -> int:
    return _names(args, out, "aliases", args.alias)


def _names(args: argparse.Namespace, out: Output, field: str, add: list[str]) -> int:
    from desktop.cli import session

    client = session.started(out)
    model = client.card(args.model)
    if add or args.remove:
        names = _changed_list(model[field], add, args.remove)
        model = client.change_card(model["id"], {field: names})
    shown: list[str] = model[field]
    document = {"id": model["id"], field: shown}
    out.result(document, lambda: _show_names(model["id"], field, shown, out))
    return 0


def _show_names(model: str, field: str, names: list[str], out: Output) -> None:
    for name in names:
        out.line(name)
    if not names:
        out.note(f"{model} has no {field}.")


def card(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    changes: Json = dict.fromkeys(args.clear)
    for name in ("system", "notes", "template"):
        if (text := getattr(args, name)) is not None:
            changes[name] = _text(text)
    client = session.started(out)
    model = client.card(args.model)
    if args.set:
        before = {} if "sampling" in changes else model["card"].get("sampling", {})
        changes["sampling"] = {**before, **dict(args.set)}
    if changes:
        model = client.change_card(model["id"], changes)
    document = {"id": model["id"], "tags": model["tags"], "aliases": model["aliases"]}
    document |= {"hidden": model["hidden"], "card": model["card"]}
    out.result(document, lambda: _show_card(model, out))
    return 0


def _text(text: str) -> str:
    from desktop.core.gguf.local import path_error

    if not text.startswith("@"):
        return text
    path = Path(text[1:]).expanduser()
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise path_error(error, path) from error


def _show_card(model: Json, out: Output) -> None:
    out.line(model["id"])
    for field in ("aliases", "tags"):
        if model[field]:
            out.line(f"{field}: {', '.join(model[field])}")
    said: Json = model["card"]
    if "sampling" in said:
        out.line("sampling: " + ", ".join(f"{n}={v}" for n, v in said["sampling"].items()))
    for adapter in said.get("adapters", ()):
        out.line(f"adapter: {adapter['path']} × {adapter['scale']:g}")
    for field in ("system", "notes", "template", "license"):
        if field in said:
            out.line(f"{field}:")
            for line in str(said[field]).splitlines():
                out.line(f"  {line}")
    for message in said.get("messages", ()):
        out.line(f"{message['role']}: {message['content']}")
    if not said:
        out.note("Nothing is said of it yet.")


def hide(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    model = session.started(out).hide(args.model)
    document = {"id": model["id"], "hidden": True}
    out.result(document, lambda: out.line(f"{model['id']} is hidden; its file is untouched."))
    return 0


def show(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    model = session.started(out).show(args.model)
    document = {"id": model["id"], "hidden": False}
    out.result(document, lambda: out.line(f"{model['id']} is in the lists again."))
    return 0


def disk(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    found = call(session.started(out).disk_use)
    out.result(found, lambda: _show_disk(found, out))
    return 0


def _show_disk(found: Json, out: Output) -> None:
    from desktop.cli.units import size

    rows = [
        (
            place["folder"],
            "bundled" if place["bundled"] else place["app"],
            place["models"],
            size(place["disk_bytes"]),
            size(place["free_bytes"]),
        )
        for place in found["places"]
    ]
    out.table(("FOLDER", "OF", ">MODELS", ">TAKEN", ">FREE THERE"), rows)
    out.note(f"{size(found['total_bytes'])} in all.")


def upstream(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    client = session.started(out)
    out.note("Asking the hub …")
    found = call(lambda: client.check_upstream(args.model))
    out.result({"repositories": found}, lambda: _show_upstream(found, out))
    return 1 if found and all(each["error"] for each in found) else 0


def _show_upstream(found: list[Json], out: Output) -> None:
    for each in found:
        for model in each["newer"]:
            out.line(f"{model}: {each['repo']} has a newer upload")
        if each["error"]:
            out.note(f"{each['repo']}: {each['error']['title']}. {each['error']['cause']}")
    if not found:
        out.note("No model here came from the hub.")
    elif not any(each["newer"] or each["error"] for each in found):
        out.line("All are as they are on the hub.")


def move(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import following, session

    # The service works in another folder: what is relative is so to ours.
    folder = None if args.default else str(Path(args.folder).expanduser().absolute())
    job = following.job(session.started(out), "move_models", {"folder": folder}, out)
    result: Json = job["result"]
    out.result(result, lambda: _show_moved(result, out))
    return 0


def _show_moved(result: Json, out: Output) -> None:
    from desktop.cli.units import size

    count = len(result["repositories"])
    out.line(f"{size(result['size_bytes'])} of {count} repositories now lie in {result['folder']}.")
    if result["freed_bytes"]:
        out.line(f"{size(result['freed_bytes'])} are free again in {result['from']}.")
    for path in result["left"]:
        out.note(f"It stayed where it was: {path}")
