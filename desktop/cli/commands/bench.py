"""`paddock bench`: measure a model, as a job of the service."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, whole, whole_list


def register(commands: Commands) -> None:
    parser = commands.add("bench", run, "measure a model's speed")
    parser.add_argument("model", metavar="MODEL")
    tokens, depth = whole_list(1, 1_000_000), whole_list(0, 1_000_000)
    parser.add_argument("--prompt", type=tokens, default=[512], metavar="N[,N…]")
    parser.add_argument("--gen", type=tokens, default=[128], metavar="N[,N…]")
    parser.add_argument(
        "--depth", type=depth, default=[0], metavar="N[,N…]", help="tokens in the context before"
    )
    parser.add_argument(
        "--concurrency",
        type=whole_list(1, 256),
        default=[1],
        metavar="N[,N…]",
        help="measure so many requests at the same time, too (1,4,8)",
    )
    parser.add_argument("--repeat", type=whole(1, 100), default=3, metavar="N")
    parser.add_argument("--name", help="what to call the result")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.following import job

    params: dict[str, Any] = {
        "model": args.model,
        "prompt": args.prompt,
        "gen": args.gen,
        "depth": args.depth,
        "concurrency": args.concurrency,
        "repeat": args.repeat,
    }
    if args.name:
        params["name"] = args.name
    result = job(session.started(out), "bench", params, out)["result"]
    out.result(result, lambda: show(result, out))
    return 0


def show(document: dict[str, Any], out: Output) -> None:
    """The figures of one result, and everything that makes them doubtful."""
    from desktop.cli.units import figure

    rows = [
        (
            each["test"],
            each["tokens"],
            each["depth"],
            each["concurrency"],
            f"✓ {figure(each['tokens_per_second'], 2)}",
            figure(each.get("stddev"), 2),
        )
        for each in document["results"]
    ]
    columns = ("TEST", ">TOKENS", ">DEPTH", ">CONCURRENCY", ">TOK/S", ">± STDDEV")
    out.table(columns, rows)
    for warning in document.get("warnings") or ():
        out.note(f"Warning: {warning}")
    disturbed = document.get("disturbed")
    if disturbed:
        out.note(f"Disturbed: {disturbed['requests']} other requests were answered meanwhile.")
    if document.get("id") is not None:
        out.note(f"Stored as result {document['id']}, “{document.get('name', '')}”.")
