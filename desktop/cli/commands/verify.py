"""`paddock verify`: read models whole and compare them with what was published."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

Json = dict[str, Any]


def register(commands: Commands) -> None:
    parser = commands.add(
        "verify",
        run,
        "check that a model's files are as they were published",
        "Read all bytes of a model's files from the disk and compare them with the hash the hub "
        "gave, with that of a blob's name, or with the last time they were read.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("model", nargs="?", metavar="MODEL")
    which.add_argument("--all", action="store_true", help="every model, one after the other")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import following, session
    from desktop.cli.background import call

    client = session.started(out)
    names = [args.model]
    if args.all:
        names = [m["id"] for m in call(client.models) if not m.get("variant")]
    results: list[Json] = []
    for name in names:
        done = following.job(client, "verify", {"model": name}, out)["result"]
        results.append(done)
        _show(done, out)
    if out.json:
        out.document({"models": results})
    return 1 if any(each["state"] == "damaged" for each in results) else 0


_SOURCES = {
    "hub": "as the hub published it",
    "cache": "as its name in the cache says",
    "ollama": "as Ollama's name for it says",
    "earlier": "the same as when it was last read",
}


def _show(done: Json, out: Output) -> None:
    from desktop.cli.units import size

    taken = f"{size(done['size_bytes'])} in {done['seconds']:.1f} s"
    if done["state"] == "ok":
        source = done["files"][0]["source"]
        out.line(f"{done['model']}: ok, {_SOURCES[source]} ({taken})")
    elif done["state"] == "no_hash":
        out.line(
            f"{done['model']}: readable, but there is no hash to compare with ({taken}). "
            "It is remembered for the next time."
        )
    else:
        out.line(f"{done['model']}: DAMAGED")
        for file in done["files"]:
            if file["state"] == "damaged":
                out.note(f"  {file['path']}")
                out.note(f"  should be {file['expected'] or 'readable'}, is {file['found']}")
        out.note(f"  {done['error']['cause']} {done['error']['remedy']}")
