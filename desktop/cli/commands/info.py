"""`paddock info`: what a repository on the hub holds, and what of it runs here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from desktop.cli.output import Mode, Output
from desktop.cli.parser import Commands, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop.core.errors import AppError
    from desktop.core.fit.candidates import LeftOut
    from desktop.core.fit.recommend import Recommendation
    from desktop.core.hub.client import Hub
    from desktop.core.hub.names import HubName
    from desktop.core.hub.repository import Quant, Repository


class Judged(NamedTuple):
    """What this machine makes of a repository's models, by their labels.

    Attributes:
        best: the label of the one to take; None where none fits.
        problem: why it cannot be told; there are no answers then.
    """

    answers: Mapping[str, Recommendation | LeftOut]
    best: str | None = None
    problem: AppError | None = None


def register(commands: Commands) -> None:
    parser = commands.add(
        "info",
        run,
        "what a repository on the hub holds, and which of it runs here",
        "Lists the models of a repository with their sizes. To tell what runs here a header or "
        "two are read, a few megabytes.",
    )
    parser.add_argument("repository", metavar="OWNER/REPO[:QUANT]")
    parser.add_argument("--ctx", type=whole(256, 1 << 24), metavar="TOKENS", help="context (8192)")
    parser.add_argument("--no-fit", action="store_true", help="do not read any header")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli.hub import ask, tell_age
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.hub.access import web_settings
    from desktop.core.hub.names import parse_name
    from desktop.core.paths import paths

    endpoint = web_settings(paths()).endpoint
    name = parse_name(args.repository, endpoint)
    if name is None or name.file is not None:
        if name is None and (near := ask(lambda hub, cancel: hub.near(args.repository, cancel))):
            raise _unknown(args.repository, near)
        reason = f"“{args.repository}” is not of the form OWNER/REPO."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    found = ask(lambda hub, cancel: find_repository(hub, name, cancel))
    tell_age(found.problem, found.as_of, out)
    quants = _wanted(found, name)
    judged = Judged({}) if args.no_fit or not quants else judge_here(found, out, args.ctx)
    page = f"{endpoint}/{found.repo}"
    document = _document(found, quants, judged, page)
    out.result(document, lambda: _show(found, quants, judged, page, out))
    return 0


def find_repository(hub: Hub, name: HubName, cancel: Any) -> Repository:
    """The repository; for one that is not there, names like it."""
    from desktop.core.errors import AppError, ErrorCode

    try:
        return hub.repository(name.repo, name.revision, cancel=cancel)
    except AppError as error:
        gone = error.code is ErrorCode.REMOTE_NOT_FOUND
        near = hub.near(name.repo, cancel) if gone else ()
        if not near:
            raise
        raise _unknown(name.repo, near) from error


def _unknown(repo: str, near: tuple[str, ...]) -> AppError:
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.gguf.words import clean

    return AppError(
        ErrorCode.HUB_REPO_UNKNOWN,
        repo=clean(repo, 100),
        suggestions=", ".join(near),
        names=list(near),
    )


def _wanted(found: Repository, name: HubName) -> tuple[Quant, ...]:
    """All of its models, or the one that was named.

    Raises:
        AppError: HUB_QUANT_UNKNOWN, MODEL_AMBIGUOUS.
    """
    from desktop.core.hub.files import choose

    if name.quant is None:
        return found.quants
    _, files = choose(found.listing, name)
    return tuple(quant for quant in found.quants if quant.files == files)


def judge_here(found: Repository, out: Output, context: int | None = None) -> Judged:
    """What fits here and how fast; told beside the result where it cannot be known."""
    from desktop.cli.background import Background
    from desktop.cli.machine import Emitter, this_machine
    from desktop.core.errors import AppError
    from desktop.core.events import CancelToken
    from desktop.core.fit.candidates import LeftOut
    from desktop.core.fit.catalog import load_catalog
    from desktop.core.fit.recommend import DEFAULT_CONTEXT, Wish, choose
    from desktop.core.fit.repository import Target, judge
    from desktop.core.gguf.reader import HeaderReader
    from desktop.core.gguf.remote import RemoteReader
    from desktop.core.hub.access import web_settings
    from desktop.core.paths import paths

    where, cancel = paths(), CancelToken()
    settings, catalog = web_settings(where), load_catalog()
    machine, speeds = this_machine(out)
    if context is None:  # a model that was trained for less is judged by what it can
        context = min(found.facts.context_tokens or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    target = Target(machine, speeds, Wish(context_tokens=context))
    with HeaderReader(where.cache / "headers", work_root=where.work) as reader:
        remote = RemoteReader(reader, where.cache / "remote-headers", settings)
        job = Background(
            lambda emit: judge(
                found.listing,
                target,
                catalog,
                remote,
                settings,
                reporter=Emitter(emit),
                cancel=cancel,
            ),
            "info",
        )
        try:
            with out.progress() as show:
                for event in job:
                    show({"what": "Reading headers", "done": event.done, "total": event.total})
            candidate, answer = job.result
        except KeyboardInterrupt:
            cancel.cancel()
            raise
        except AppError as error:
            out.note(f"What runs here cannot be told: {error}")
            return Judged({}, problem=error)
    answers = {
        option.quant_type: choose(candidate.only(option.quant_type), machine, speeds, target.wish)
        for option in candidate.options
    }
    best = None if isinstance(answer, LeftOut) else answer.choice.option.quant_type
    return Judged(answers, best)


# --- as JSON


def _document(
    found: Repository, quants: tuple[Quant, ...], judged: Judged, page: str
) -> dict[str, Any]:
    from desktop.core.hub.wanted import full_name

    return {
        **found.to_dict(),
        "page": page,
        "quants": [
            {
                **quant.to_dict(),
                "name": full_name(found.repo, quant.label),
                "fit": _fit(judged.answers.get(quant.label)),
            }
            for quant in quants
        ],
        "recommended": judged.best,
        "problem": None if found.problem is None else found.problem.to_dict(),
        "fit_problem": None if judged.problem is None else judged.problem.to_dict(),
    }


def _fit(answer: Recommendation | LeftOut | None) -> dict[str, Any] | None:
    """The verdict with its figures, or why there is none."""
    from desktop.cli.reasons import words
    from desktop.cli.recommended import choice_document
    from desktop.core.fit.candidates import LeftOut

    if answer is None:
        return None
    if isinstance(answer, LeftOut):
        reason = answer.reason
        verdict = "wont_fit" if reason.code == "too_large" else None
        text = words(reason.code, reason.params)
        return {"verdict": verdict, "reason": {**reason.to_dict(), "text": text}}
    return {**choice_document(answer.choice), "reason": None}


# --- for people


def _show(
    found: Repository, quants: tuple[Quant, ...], judged: Judged, page: str, out: Output
) -> None:
    from desktop.cli.units import size
    from desktop.core.hub.wanted import full_name

    if out.mode is Mode.QUIET:
        for quant in quants:
            out.line(full_name(found.repo, quant.label))
        return
    _show_facts(found, out)
    if quants:
        out.line()
        show_quants(quants, judged, out)
    for projector in found.projectors:
        out.line(f"With it: the projector {projector.path} ({size(projector.size_bytes)}).")
    if found.facts.gated:
        out.note(
            f"It is gated. Accept its terms at {page}, then give your token: `paddock hub-token`."
        )
    if judged.best is not None:
        best = next((quant for quant in quants if quant.label == judged.best), None)
        if best is not None:
            out.note(f"Get it: `paddock pull {full_name(found.repo, best.label)}`.")
    elif not quants and found.checkpoint:
        out.note(f"It holds a checkpoint: `paddock convert {found.repo}` makes a GGUF file of it.")


def _show_facts(found: Repository, out: Output) -> None:
    from desktop.cli.units import day, number, parameters, size
    from desktop.core.hub.repository import total_bytes

    facts = found.facts
    out.line(found.repo)
    about = [
        f"{parameters(facts.parameters)} parameters" if facts.parameters else "",
        facts.architecture or "",
        f"{number(facts.context_tokens)} tokens of context" if facts.context_tokens else "",
        facts.task or "",
        facts.license or "no license named",
        "private" if facts.private else "",
    ]
    out.line(", ".join(part for part in about if part))
    figures = [
        f"{number(facts.downloads)} downloads" if facts.downloads is not None else "",
        f"{number(facts.likes)} likes" if facts.likes is not None else "",
        f"updated {day(facts.updated)}" if facts.updated else "",
        f"commit {found.commit[:7]}",
    ]
    out.line(", ".join(part for part in figures if part))
    if facts.base_models:
        out.line(f"Made of {', '.join(facts.base_models)}.")
    if facts.languages:
        out.line(f"Languages: {', '.join(facts.languages)}.")
    if found.checkpoint:
        count, total = len(found.checkpoint), size(total_bytes(found.checkpoint))
        files = "a file" if count == 1 else f"{count} files"
        out.line(f"Its checkpoint: {files} of safetensors, {total}.")


def show_quants(quants: tuple[Quant, ...], judged: Judged, out: Output) -> None:
    columns = ("QUANT", ">SIZE", ">FILES", "RUNS ON", ">TOK/S", "NOTE")
    out.table(columns, [_row(quant, judged) for quant in quants])


def _row(quant: Quant, judged: Judged) -> tuple[str, ...]:
    from desktop.cli.reasons import WHERE, rate, words
    from desktop.cli.units import size
    from desktop.core.fit.candidates import LeftOut

    answer = judged.answers.get(quant.label)
    where, speed, note = "", "", ""
    if isinstance(answer, LeftOut):
        where = "won't fit" if answer.reason.code == "too_large" else "?"
        note = "" if where != "?" else words(answer.reason.code, answer.reason.params)
    elif answer is not None:
        where = WHERE[answer.verdict]
        if answer.choice.decode is not None:
            speed = rate(answer.choice.decode)
        if quant.label == judged.best:
            note = "the best here"
    return quant.label, size(quant.size_bytes), str(len(quant.files)), where, speed, note
