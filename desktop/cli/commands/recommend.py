"""`paddock recommend`: which models this machine should run, or another, and what runs a model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Mode, Output
from desktop.cli.parser import Commands, decimal, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.core.fit.candidates import Candidate, LeftOut
    from desktop.core.fit.catalog import Catalog, CatalogModel
    from desktop.core.fit.recommend import Choice, Ranking, Wish
    from desktop.core.fit.repository import Target
    from desktop.core.fit.simulate import Machine
    from desktop.core.fit.suited import Suited

_USES = ("chat", "code", "reasoning", "vision", "embeddings", "japanese")
_FLAGS = {
    "remembered": "some of its figures are remembered, not read",
    "dims_of_sibling": "its shape is that of a sibling of the same size",
    "memory_rough": "its working memory is that of a similar architecture",
}


def register(commands: Commands) -> None:
    parser = commands.add(
        "recommend",
        run,
        "models this machine can run, the best first",
        "Ranks the models of the catalogue for this machine or another one: what fits, how fast, "
        "how much its quant loses, and why. Only for a repository is the network asked.",
    )
    parser.add_argument(
        "repository",
        nargs="?",
        metavar="OWNER/REPO[:QUANT]",
        help="the best file of this repository on the hub, instead of the catalogue",
    )
    parser.add_argument("--use", choices=_USES, default="chat", help="what for (chat)")
    parser.add_argument(
        "--simulate",
        metavar="ram=32,vram=24,gpu=NAME",
        help="for another machine: GiB of RAM and GPU memory, a GPU by its name",
    )
    parser.add_argument("--ctx", type=whole(256, 1 << 24), metavar="TOKENS", help="context (8192)")
    parser.add_argument(
        "--speed", type=decimal(0.1, 10_000), metavar="N", help="at least so many tok/s (15)"
    )
    parser.add_argument("--limit", type=whole(1, 1000), default=10, metavar="N", help="(10)")
    parser.add_argument(
        "--hardware",
        metavar="MODEL[:QUANT]",
        help="the other way round: which hardware runs this model of the catalogue so fast",
    )


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli.machine import this_machine
    from desktop.cli.recommended import document
    from desktop.core.fit.candidates import catalog_candidates
    from desktop.core.fit.catalog import load_catalog
    from desktop.core.fit.recommend import DEFAULT_CONTEXT, DEFAULT_SPEED, Wish, recommend
    from desktop.core.fit.repository import Target
    from desktop.core.fit.simulate import parse_machine, seeded_speeds

    machine = None if args.simulate is None else parse_machine(args.simulate)
    catalog = load_catalog()
    wish = Wish(args.use, args.ctx or DEFAULT_CONTEXT, args.speed or DEFAULT_SPEED)
    candidates, left_out = catalog_candidates(catalog, vision=args.use == "vision")
    if args.hardware is not None:
        name, _, quant = args.hardware.partition(":")
        row = catalog.find(name)
        plain, show = _hardware(_one(row, candidates, left_out), wish, quant or None)
        out.result(plain, lambda: show(args.limit, out))
        return 0
    if machine is None:
        machine, speeds = this_machine(out)
    else:
        speeds = seeded_speeds(machine)
    if args.repository is not None:
        ranking = _of_repository(args.repository, Target(machine, speeds, wish), catalog, out)
    else:
        ranking = recommend(
            candidates,
            machine,
            speeds,
            wish,
            today=catalog.collected,
            left_out=left_out,
            collected=catalog.collected,
        )
    out.result(
        document(ranking, catalog, args.limit), lambda: _show(ranking, catalog, args.limit, out)
    )
    return 0


def _of_repository(text: str, target: Target, catalog: Catalog, out: Output) -> Ranking:
    """The best file of a repository: its listing and a header or two are read."""
    from desktop.cli.background import Background
    from desktop.cli.machine import Emitter
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.events import CancelToken
    from desktop.core.fit.candidates import LeftOut
    from desktop.core.fit.recommend import Ranking
    from desktop.core.fit.repository import recommend_repository
    from desktop.core.gguf.reader import HeaderReader
    from desktop.core.gguf.remote import RemoteReader
    from desktop.core.hub.access import web_settings
    from desktop.core.hub.names import parse_name
    from desktop.core.paths import paths

    where, cancel = paths(), CancelToken()
    settings = web_settings(where)
    name = parse_name(text, settings.endpoint)
    if name is None or name.file is not None:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{text}” is not of the form OWNER/REPO.")
    with HeaderReader(where.cache / "headers", work_root=where.work) as reader:
        remote = RemoteReader(reader, where.cache / "remote-headers", settings)
        job = Background(
            lambda emit: recommend_repository(
                name, target, catalog, remote, settings, reporter=Emitter(emit), cancel=cancel
            ),
            "recommend",
        )
        try:
            with out.progress() as show:
                for event in job:
                    show({"what": "Reading headers", "done": event.done, "total": event.total})
            answer = job.result
        except KeyboardInterrupt:
            cancel.cancel()
            raise
    found, left = ((), (answer,)) if isinstance(answer, LeftOut) else ((answer,), ())
    return Ranking(target.machine, target.wish, found, left, catalog.collected)


# For people.


def _show(ranking: Ranking, catalog: Catalog, limit: int, out: Output) -> None:
    from desktop.cli.reasons import WHERE, words
    from desktop.cli.units import number

    shown = ranking.items[:limit]
    if out.mode is Mode.QUIET:
        for each in shown:
            repository = each.candidate.row.repository if each.candidate.row else each.candidate.id
            out.line(f"{repository}:{each.choice.option.quant_type}")
        return
    wish = ranking.wish
    context = number(wish.context_tokens)
    out.note(
        f"For {wish.purpose} on {_machine_line(ranking.machine)}, with {context} tokens of context "
        f"and {wish.speed:g} tok/s wished for:"
    )
    if not shown:
        out.note("Nothing in the catalogue fits.")
    rows = [
        (
            f"{place}.",
            each.candidate.name + ("*" if each.candidate.flags_shown else ""),
            each.choice.option.quant_type,
            _size(each.choice),
            WHERE[each.verdict],
            _rate(each.choice),
            each.choice.speed_class or "",
            "; ".join(words(reason.code, reason.params) for reason in each.reasons),
        )
        for place, each in enumerate(shown, 1)
    ]
    columns = ("", "MODEL", "QUANT", ">SIZE", "RUNS ON", ">TOK/S", "CLASS", "WHY")
    if rows:
        out.table(columns, rows)
    doubtful = sorted({flag for each in shown for flag in each.candidate.flags_shown})
    for flag in doubtful:
        names = ", ".join(e.candidate.name for e in shown if flag in e.candidate.flags)
        out.note(f"* {names}: {_FLAGS[flag]}.")
    hidden = len(ranking.items) - len(shown)
    more = f" {hidden} more fit (--limit)." if hidden else ""
    out.note(
        f"Catalogue of {catalog.collected}, sizes of {catalog.sizes_collected} and rounded; "
        f"~ is predicted. {len(ranking.left_out)} models were left out (--json says why).{more}"
    )


def _machine_line(machine: Machine) -> str:
    from desktop.cli.units import size

    which = "a machine" if machine.simulated else "this machine"
    parts = [f"{size(machine.ram_bytes)} of RAM to use"]
    if machine.gpu is not None:
        gpu = machine.gpu
        parts.append(f"{gpu.description} with {size(gpu.available_bytes)}")
    return f"{which} ({', '.join(parts)})"


def _size(choice: Choice) -> str:
    from desktop.cli.units import size

    mark = "~" if choice.option.size.predicted else ""
    return mark + size(choice.option.size.value)


def _rate(choice: Choice) -> str:
    from desktop.cli.reasons import rate

    if choice.decode is None:
        return "" if choice.embedding else "?"
    return rate(choice.decode)


# The other way round.


def _one(
    row: CatalogModel, candidates: tuple[Candidate, ...], left_out: tuple[LeftOut, ...]
) -> Candidate:
    from desktop.cli.reasons import words
    from desktop.core.errors import AppError, ErrorCode

    found = next((each for each in candidates if each.id == row.id), None)
    if found is not None:
        return found
    why = next(each.reason for each in left_out if each.id == row.id)
    reason = f"{row.name} cannot be judged: {words(why.code, why.params)}."
    raise AppError(ErrorCode.BAD_REQUEST, reason=reason)


def _hardware(
    candidate: Candidate, wish: Wish, quant_type: str | None
) -> tuple[dict[str, Any], Callable[[int, Output], None]]:
    """What runs the model as fast as wished, as JSON and for people."""
    from desktop.cli.recommended import choice_document
    from desktop.core.fit.simulate import seeded_speeds
    from desktop.core.fit.suited import hardware_for
    from desktop.core.hardware.known import known_gpus

    gpus = known_gpus()
    found = hardware_for(candidate, wish, gpus.gpus, seeded_speeds, quant_type=quant_type)
    plain = {
        "id": candidate.id,
        "name": candidate.name,
        "context_tokens": wish.context_tokens,
        "wished_tokens_per_second": wish.speed,
        "gpus_date": gpus.collected.isoformat(),
        "hardware": [
            {
                "gpu": None if each.gpu is None else each.gpu.name,
                "gpu_memory_gib": None if each.gpu is None else each.gpu.memory_gb,
                "ram_gib": each.ram_gib,
                **choice_document(each.choice),
            }
            for each in found
        ],
    }

    def show(limit: int, out: Output) -> None:
        _show_hardware(candidate, wish, found[:limit], len(found), out)

    return plain, show


def _show_hardware(
    candidate: Candidate, wish: Wish, found: tuple[Suited, ...], count: int, out: Output
) -> None:
    from desktop.cli.reasons import WHERE

    if not found:
        out.note(f"Nothing known runs {candidate.name} at {wish.speed:g} tok/s without plain loss.")
        return
    rows = [
        (
            "no GPU" if each.gpu is None else each.gpu.name,
            _gpu_memory(each),
            f"{each.ram_gib} GiB",
            each.choice.option.quant_type,
            WHERE[each.choice.placement.verdict],
            _rate(each.choice),
        )
        for each in found
    ]
    out.table(("GPU", ">MEMORY", ">RAM", "QUANT", "RUNS ON", ">TOK/S"), rows)
    more = f" {count - len(found)} more do (--limit)." if count > len(found) else ""
    out.note(
        f"The smallest that run {candidate.name} at {wish.speed:g} tok/s or more, each with the "
        f"least RAM; ~ is predicted.{more}"
    )


def _gpu_memory(each: Suited) -> str:
    if each.gpu is None:
        return ""
    if each.gpu.unified_memory:
        return "unified"
    return "" if each.gpu.memory_gb is None else f"{each.gpu.memory_gb:g} GB"
