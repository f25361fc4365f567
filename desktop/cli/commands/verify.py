"""`paddock verify`: read models whole and compare them with what was published, or try them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from desktop.core.client.client import Client

Json = dict[str, Any]


def register(commands: Commands) -> None:
    parser = commands.add(
        "verify",
        run,
        "check that a model's files are as they were published, or that it works",
        "Read all bytes of a model's files from the disk and compare them with the hash the hub "
        "gave, with that of a blob's name, or with the last time they were read. With --try the "
        "model is loaded once instead, beside what is loaded, and asked a few short questions.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("model", nargs="?", metavar="MODEL")
    which.add_argument("--all", action="store_true", help="every model, one after the other")
    parser.add_argument(
        "--try",
        action="store_true",
        dest="try_once",
        help="load it once: does it stop, call tools, keep to a JSON schema, …",
    )


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import following, session
    from desktop.cli.background import call

    client = session.started(out)
    names = [args.model]
    if args.all:
        names = [m["id"] for m in call(client.models) if not m.get("variant")]
    results: list[Json] = []
    if args.try_once:
        return _try(client, names, out)
    for name in names:
        done = following.job(client, "verify", {"model": name}, out)["result"]
        results.append(done)
        _show(done, out)
    if out.json:
        out.document({"models": results})
    return 1 if any(each["state"] == "damaged" for each in results) else 0


_SIGNS = {"passed": "✓", "failed": "✕", "skipped": "–"}


def _try(client: Client, names: list[str], out: Output) -> int:
    from desktop.cli import following

    results: list[Json] = []
    for name in names:
        params = {"model": name, "asked": True}
        done = following.job(client, "acceptance", params, out)["result"]
        results.append(done)
        _show_marks(done, out)
    if out.json:
        out.document({"models": results})
    return 0 if all(_works(each) for each in results) else 1


def _works(done: Json) -> bool:
    """Whether it was tried and nothing failed."""
    marks = done["acceptance"]
    return marks is not None and all(each["mark"] != "failed" for each in marks["checks"])


def _show_marks(done: Json, out: Output) -> None:
    from desktop.core.errors import AppError
    from desktop.core.library.acceptance import Acceptance
    from desktop.core.library.acceptance_words import TITLES, words_of

    if done["acceptance"] is None:
        why = "The machine was in use all the time."
        if done["error"] is not None:
            error = AppError.from_dict(done["error"])
            why = f"{error} {error.remedy}".strip()
        out.note(f"{done['model']}: not tried. {why}")
        return
    found = Acceptance.from_dict(done["acceptance"])
    out.line(f"{done['model']}: tried with {found.build} in {done['seconds']:.1f} s")
    for check in found.checks:
        words = words_of(check)
        said = ". ".join(each.rstrip(".") for each in (words.title, words.cause) if each)
        out.line(f"  {_SIGNS[check.mark]} {TITLES[check.name]}: {said}.")
        if check.mark == "failed" and words.remedy:
            out.line(f"    → {words.remedy}")


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
