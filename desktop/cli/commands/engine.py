"""`paddock engine`: which llama.cpp runs the models."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, UsageError

_BACKENDS = ("cuda", "vulkan", "cpu")


def register(commands: Commands) -> None:
    group = commands.group("engine", "the llama.cpp builds that run the models")
    group.add("list", list_engines, "list the engines")
    parser = group.add("use", use, "choose the engine for the next loads")
    parser.add_argument("name", metavar="NAME")
    parser = group.add("add", add, "link a folder with llama.cpp's tools")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("path", metavar="PATH")
    parser = group.add("build", build, "compile an engine for this machine's GPU")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--cuda", dest="backend", action="store_const", const="cuda")
    which.add_argument("--vulkan", dest="backend", action="store_const", const="vulkan")
    which.add_argument("--backend", choices=_BACKENDS)
    parser.add_argument("--name", metavar="N", help="what to call it (the backend's name)")
    parser = group.add("remove", remove, "delete an engine Paddock built, or unlink a folder")
    parser.add_argument("name", metavar="NAME")


def list_engines(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import engines, session

    client = session.running(out)
    state = {} if client is None else client.state()
    runtimes = engines.store(out, (state.get("runtime") or {}).get("id"))
    chosen = runtimes.chosen
    found = [
        {
            "id": entry.id,
            "kind": entry.kind,
            "in_use": entry.id == chosen,
            "folder": None if entry.folder is None else str(entry.folder),
            "error": None if entry.error is None else entry.error.to_dict(),
            **({} if entry.runtime is None else entry.runtime.to_dict()),
        }
        for entry in runtimes.entries()
    ]
    out.result({"engines": found, "in_use": chosen}, lambda: _show(found, out))
    return 0


def _show(found: list[dict[str, Any]], out: Output) -> None:
    rows = []
    for engine in found:
        devices = ", ".join(device["name"] for device in engine.get("devices", ())) or "CPU"
        rows.append(
            (
                engine["id"],
                "in use" if engine["in_use"] else "",
                engine["kind"],
                engine.get("version") or "does not work",
                ", ".join(engine.get("backends", ())),
                devices if engine["error"] is None else "",
                engine["folder"],
            )
        )
    out.table(("NAME", "", "KIND", "VERSION", "BACKENDS", "DEVICES", "FOLDER"), rows)
    for engine in found:
        if engine["error"] is not None:
            out.note(f"{engine['id']}: {engine['error']['cause']} {engine['error']['remedy']}")


def use(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    client = session.started(out)
    chosen = call(lambda: client.use_engine(args.name))

    def show() -> None:
        out.line(f"The next model is loaded with “{args.name}” ({chosen['version']}).")
        for model in client.state()["models"]:
            out.note(f"{model['id']} keeps its engine until it is loaded again.")

    out.result(chosen, show)
    return 0


def add(args: argparse.Namespace, out: Output) -> int:
    from pathlib import Path

    from desktop.cli import session
    from desktop.cli.background import call

    path = str(Path(args.path).expanduser().absolute())
    client = session.started(out)
    added = call(lambda: client.add_engine(args.name, path))

    def show() -> None:
        out.line(f"“{args.name}” is {added['version']} with {', '.join(added['backends'])}.")
        out.note(f"`paddock engine use {args.name}` chooses it.")

    out.result(added, show)
    return 0


def build(args: argparse.Namespace, out: Output) -> int:
    if args.backend is None:
        raise UsageError("name a backend: --cuda or --vulkan", "")
    from desktop.cli import session
    from desktop.cli.following import job

    name = args.name or args.backend
    done = job(session.started(out), "engine_build", {"backend": args.backend, "name": name}, out)

    def show() -> None:
        out.line(f"The engine “{name}” is built.")
        out.note(f"`paddock engine use {name}` chooses it.")

    out.result(done["result"], show)
    return 0


def remove(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    client = session.started(out)
    done = call(lambda: client.remove_engine(args.name))
    out.result(done, lambda: out.line(f"The engine “{args.name}” is removed."))
    return 0
