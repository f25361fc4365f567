"""`paddock search`: models on the hub; no service is needed."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from desktop.cli.output import Output
from desktop.cli.parser import Commands, whole

if TYPE_CHECKING:
    from desktop.core.hub.client import SearchResult
    from desktop.core.hub.facts import FoundRepo

_SORTS = ("trending", "downloads", "likes", "updated")
_UNITS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def register(commands: Commands) -> None:
    parser = commands.add(
        "search",
        run,
        "find models on the hub",
        "Looks for repositories with GGUF files by words of their names. While the hub cannot be "
        "asked, what it said before is searched.",
    )
    parser.add_argument("text", nargs="*", metavar="TEXT", help="words; without any: all models")
    parser.add_argument("--sort", choices=_SORTS, default="trending", help="(trending)")
    parser.add_argument("--author", metavar="NAME", help="only what this person or group uploaded")
    parser.add_argument(
        "--checkpoints",
        dest="kind",
        action="store_const",
        const="checkpoint",
        default="gguf",
        help="original checkpoints instead, which can be converted",
    )
    parser.add_argument(
        "--all", dest="kind", action="store_const", const="all", help="GGUF files and checkpoints"
    )
    parser.add_argument("--license", metavar="NAME", help="such as apache-2.0")
    parser.add_argument("--language", metavar="CODE", help="such as ja")
    parser.add_argument("--task", metavar="TAG", help="such as image-text-to-text")
    parser.add_argument("--smallest", type=_size, metavar="SIZE", help="parameters, such as 3B")
    parser.add_argument("--largest", type=_size, metavar="SIZE", help="parameters, such as 500M")
    parser.add_argument("--limit", type=whole(1, 500), default=20, metavar="N", help="(20)")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli.hub import ask, tell_age
    from desktop.core.errors import AppError, ErrorCode

    if args.smallest and args.largest and args.smallest > args.largest:
        reason = "The smallest size is above the largest."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    found = ask(
        lambda hub, cancel: hub.search(
            " ".join(args.text),
            kind=args.kind,
            sort=args.sort,
            author=args.author,
            license=args.license,
            language=args.language,
            task=args.task,
            smallest=args.smallest,
            largest=args.largest,
            limit=args.limit,
            cancel=cancel,
        )
    )
    tell_age(found.problem, found.as_of, out)
    problem = None if found.problem is None else found.problem.to_dict()
    out.result({**found.to_dict(), "problem": problem}, lambda: _show(found, out))
    return 0


def _size(text: str) -> int:
    """A number of parameters: "3B", "500M"; without a letter billions."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([KMBT]?)", text.strip().upper())
    size = 0 if match is None else round(float(match[1]) * _UNITS[match[2] or "B"])
    if not size:
        raise argparse.ArgumentTypeError(f"“{text}” is not of the form 3B or 500M")
    return size


# --- for people


def _show(found: SearchResult, out: Output) -> None:
    from desktop.cli.units import day, number, parameters

    if not found.models:
        out.note("Nothing was found. Fewer or shorter words find more; --all looks further.")
        return
    rows = [
        (
            each.repo,
            parameters(each.parameters),
            number(each.downloads),
            number(each.likes),
            day(each.updated),
            each.license or "",
            _mark(each),
        )
        for each in found.models
    ]
    columns = ("REPOSITORY", ">SIZE", ">DOWNLOADS", ">LIKES", "UPDATED", "LICENSE", "NOTE")
    out.table(columns, rows)
    more = "There may be more (--limit). " if found.more else ""
    out.note(f"{more}`paddock info REPOSITORY` shows its files and which of them run here.")


def _mark(found: FoundRepo) -> str:
    marks = [name for name, true in (("gated", found.gated), ("private", found.private)) if true]
    if not found.is_gguf:
        marks.append("checkpoint")
    return ", ".join(marks)
