"""`paddock pull`: get a model from the hub."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Mode, Output
from desktop.cli.parser import Commands, Parser, UsageError, decimal, whole

if TYPE_CHECKING:
    from desktop.cli.commands.info import Judged
    from desktop.core.errors import AppError
    from desktop.core.hub.names import HubName
    from desktop.core.hub.repository import Repository

Json = dict[str, Any]


def register(commands: Commands) -> None:
    parser = commands.add(
        "pull",
        run,
        "get a model from the hub",
        "Downloads are the service's: they go on when the terminal is closed, and after a restart. "
        "Ctrl-C pauses one; the same command goes on with it.",
    )
    parser.add_argument(
        "model",
        nargs="?",
        metavar="OWNER/REPO[:QUANT]",
        help="also owner/repo/file.gguf, hf.co/owner/repo:QUANT, or a name of the catalogue",
    )
    quant_arguments(parser)
    parser.add_argument(
        "--draft",
        action="store_true",
        help="with a small model that proposes tokens for it, where one is known",
    )
    parser.add_argument(
        "--limit",
        type=decimal(0.001, 1_000_000),
        metavar="MIB",
        help="at most so many MiB per second for this download",
    )
    parser.add_argument(
        "--detach", action="store_true", help="begin it and come back at once; it goes on"
    )
    parser.add_argument("--list", action="store_true", help="show the downloads, and get nothing")
    parser.add_argument(
        "--cancel",
        type=whole(1, (1 << 63) - 1),
        metavar="NUMBER",
        help="end a download (its number is in --list) and remove what came of it",
    )


def quant_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--best",
        action="store_true",
        help="where no quant is named: the one that is best for this machine",
    )
    parser.add_argument(
        "--no-projector",
        action="store_true",
        help="without the file that lets the model see or hear",
    )


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call
    from desktop.cli.pulling import pull

    if args.list or args.cancel is not None:
        return _queue(args, out)
    if args.model is None:
        raise UsageError("which model? OWNER/REPO[:QUANT]", "")
    model = hub_model(args.model, out, best=args.best)
    client = session.started(out)
    options = {"projector": not args.no_projector, "draft": args.draft}
    options["limit_mib_per_second"] = args.limit
    if args.detach:
        job = call(lambda: client.pull(model, **options), "pull")
        out.result(job, lambda: out.line(str(job["id"])))
        out.note(f"Download {job['id']} goes on; `paddock pull --list` shows it.")
        return 0
    done = pull(client, model, out, **options)
    out.result(done, lambda: show(done, out))
    return 0


def show(done: Json, out: Output) -> None:
    """What came, in a line or two."""
    from desktop.cli.units import duration, size

    if out.mode is Mode.QUIET:
        out.line(done["model"])
        return
    if done["fetched_bytes"]:
        seconds = max(done["seconds"], 0.001)
        rate = size(done["fetched_bytes"] / seconds)
        how = f"{size(done['fetched_bytes'])} in {duration(seconds)}, {rate}/s"
        out.line(f"{done['model']} is here ({how}).")
    else:
        out.line(f"{done['model']} was here already ({size(done['size_bytes'])}).")
    if done["projector"]:
        out.line(f"With it: the projector {Path(done['projector']).name}.")
    if done["draft"]:
        out.line(f"With it: the draft model {done['draft']}.")
    out.note(f"Talk with it: `paddock run {done['model']}`.")


def _queue(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call
    from desktop.cli.transfers import KIND, standing

    if args.cancel is not None:
        client = session.started(out)
        job = call(lambda: client.cancel_job(args.cancel))
        out.result(job, lambda: out.line(f"Download {job['id']} is cancelled."))
        return 0
    running = session.running(out)  # that starts none: a list is no reason to go on
    jobs = [] if running is None else call(running.state)["jobs"]
    downloads = [job for job in jobs if job["kind"] == KIND]

    def table() -> None:
        rows = [(job["id"], job["params"]["model"], standing(job)) for job in downloads]
        if rows:
            out.table((">NUMBER", "MODEL", "STATE"), rows)
        elif running is None:
            out.note("The service is not running: nothing is being fetched.")
        else:
            out.note("Nothing is being fetched.")

    out.result({"downloads": downloads}, table)
    return 0


# --- which model is meant


def hub_model(text: str, out: Output, *, best: bool) -> str:
    """What to download for these words: one model of one repository.

    Args:
        best: where no quant is named, take the best for this machine.

    Raises:
        AppError: MODEL_AMBIGUOUS after the choice was shown, BAD_REQUEST, HUB_*, REMOTE_*.
    """
    from desktop.core.hub.access import web_settings
    from desktop.core.hub.names import parse_name
    from desktop.core.hub.wanted import asked_name
    from desktop.core.paths import paths

    settings = web_settings(paths())
    wanted = text
    if parse_name(text, settings.endpoint) is None:
        wanted = in_catalogue(text, out) or text
    name = asked_name(wanted, settings)
    if name.quant is not None or name.file is not None or name.revision is not None:
        return wanted
    return _chosen(name, out, best=best)


def in_catalogue(text: str, out: Output) -> str | None:
    """The hub's name of a model of the catalogue, written as people do: "qwen3-8b:q4_k_m"; None
    where there is none.

    Raises:
        AppError: MODEL_AMBIGUOUS.
    """
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.fit.catalog import load_catalog
    from desktop.core.library.ids import split_file_name

    if "/" in text or "\\" in text:
        return None
    plain = text.strip().removesuffix(":latest").replace(":", "-")
    name, quant = split_file_name(Path(f"{plain}.gguf"))
    try:
        row = load_catalog().find(name)
    except AppError as error:
        if error.code is ErrorCode.MODEL_AMBIGUOUS:
            raise
        return None
    if row.repository is None:
        return None
    out.note(f"{row.name} is {row.repository} on the hub.")
    return f"{row.repository}:{quant}" if quant else row.repository


def _chosen(name: HubName, out: Output, *, best: bool) -> str:
    """The repository's only model, or the best; else what there is."""
    from desktop.cli.commands.info import find_repository, judge_here, show_quants
    from desktop.cli.hub import ask, tell_age
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.hub.wanted import full_name

    found = ask(lambda hub, cancel: find_repository(hub, name, cancel))
    tell_age(found.problem, found.as_of, out)
    if not found.quants:
        return name.repo  # the download says what it holds instead
    if len(found.quants) == 1:
        return full_name(found.repo, found.quants[0].label)
    judged = judge_here(found, out)
    recommended = None if judged.best is None else full_name(found.repo, judged.best)
    if best and recommended is not None:
        out.note(f"The best for this machine is {recommended}.")
        return recommended
    if best and _nothing_fits(judged):
        raise AppError(ErrorCode.HUB_NOTHING_FITS, repo=found.repo)
    if not out.json and out.mode is not Mode.QUIET:
        show_quants(found.quants, judged, out)
    if recommended is not None:
        out.note(f"The best for this machine: `paddock pull {recommended}`, or --best.")
    raise _several(found, recommended)


def _nothing_fits(judged: Judged) -> bool:
    from desktop.core.fit.candidates import LeftOut

    answers = judged.answers.values()
    return bool(answers) and all(
        isinstance(answer, LeftOut) and answer.reason.code == "too_large" for answer in answers
    )


def _several(found: Repository, recommended: str | None) -> AppError:
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.hub.wanted import full_name

    names = [full_name(found.repo, quant.label) for quant in found.quants]
    return AppError(
        ErrorCode.MODEL_AMBIGUOUS,
        model=found.repo,
        matches=", ".join(names[:8]) + (f", and {len(names) - 8} more" if len(names) > 8 else ""),
        ids=names,
        sizes_bytes=[quant.size_bytes for quant in found.quants],
        recommended=recommended,
    )
