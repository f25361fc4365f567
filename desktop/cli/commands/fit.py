"""`paddock fit`: does a model fit here, before it is downloaded; no service is needed."""

from __future__ import annotations

import argparse
from functools import cache
from typing import TYPE_CHECKING, Any

from desktop.cli.commands.load import load_options, settings_arguments
from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from desktop.core.engine.runtime import Runtime
    from desktop.core.fit.estimate import DeviceNeed, Estimate, Figure
    from desktop.core.fit.expected import ExpectedSpeed
    from desktop.core.fit.fitting import Fitting
    from desktop.core.fit.quality import Loss
    from desktop.core.fit.speed import SpeedFigure
    from desktop.core.library.library import Library

_PARTS = (
    ("Weights", "weights_bytes"),
    ("KV cache", "kv_bytes"),
    ("Compute", "compute_bytes"),
    ("Overhead", "overhead_bytes"),
    ("In all", "total_bytes"),
)
_BESIDE = (
    ("draft model", "draft_bytes"),
    ("projector", "projector_bytes"),
    ("adapters", "adapters_bytes"),
    ("n-grams", "ngram_bytes"),
)
_VERDICTS = {
    "gpu": "Full GPU: all of it fits on the GPU.",
    "experts_on_cpu": "Experts on CPU: the experts stay in RAM, the rest fits on the GPU.",
    "partial": "Partial: some layers stay in RAM, which costs speed.",
    "cpu": "CPU: it fits in RAM and runs on the processor.",
    "wont_fit": "Won't fit.",
}
_LOSSES = {
    "near_lossless": "it loses next to nothing",
    "good": "it loses little",
    "visible": "it loses visibly",
    "strong": "it loses much",
    "broken": "it is hardly the same model any more",
}
_SHORT = {
    "gpu": "full GPU",
    "experts_on_cpu": "experts on CPU",
    "partial": "partial",
    "cpu": "CPU",
}


def register(commands: Commands) -> None:
    parser = commands.add(
        "fit",
        run,
        "whether a model fits here, and how much memory it takes",
        "MODEL is a local model, a file, REPO:QUANT on the hub, or the address of a GGUF file. "
        "Of a model that is not here only the header is read, a few megabytes.",
    )
    parser.add_argument("model", metavar="MODEL")
    settings_arguments(parser)
    parser.set_defaults(force=False)


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli.background import Background
    from desktop.cli.machine import Emitter
    from desktop.core.events import CancelToken, Progress

    cancel = CancelToken()
    job = Background(lambda emit: _ask(args, out, Emitter(emit), cancel), "fit")
    try:
        with out.progress() as show:
            for event in job:
                if isinstance(event, Progress):
                    show({"what": "Reading the header", "done": event.done, "total": event.total})
        fitting, runtime = job.result
    except KeyboardInterrupt:
        cancel.cancel()
        raise
    speed, loss = _speed(fitting, runtime, out), _loss(fitting)
    document = {**fitting.to_dict(), **speed.to_dict()}
    document["quality"] = None if loss is None else loss.to_dict()
    out.result(document, lambda: _show(fitting, speed, loss, out))
    return 0


def _loss(fitting: Fitting) -> Loss | None:
    """What the file loses against the model at 16 bits."""
    from desktop.core.fit.losses import loss_here, read_losses
    from desktop.core.gguf.shape import ModelShape
    from desktop.core.paths import paths

    subject = fitting.subject
    if subject.summary.is_embedding:
        return None
    return loss_here(read_losses(paths()), subject.fingerprint, ModelShape.of(subject.facts))


def _speed(fitting: Fitting, runtime: Runtime, out: Output) -> ExpectedSpeed:
    """The expected speed; where nothing is known of this machine's RAM it is measured (2 s)."""
    from desktop.cli.machine import look
    from desktop.core.fit.estimate import HOST
    from desktop.core.fit.expected import expected_speed
    from desktop.core.fit.speed_book import SpeedBook
    from desktop.core.fit.speed_here import predictor_here
    from desktop.core.paths import paths

    where = paths()
    book = SpeedBook.open(where)
    predictor = predictor_here(book, runtime, where.cache)
    if HOST not in predictor.speeds.devices:
        look(out)
        predictor = predictor_here(book, runtime, where.cache)
    return expected_speed(fitting.subject, fitting.estimate, predictor)


def _ask(
    args: argparse.Namespace, out: Output, reporter: Any, cancel: Any
) -> tuple[Fitting, Runtime]:
    from desktop.cli import engines
    from desktop.core.fit.fitting import fit
    from desktop.core.fit.pricing import Pricing
    from desktop.core.fit.subject import Finder
    from desktop.core.gguf.reader import HeaderReader
    from desktop.core.gguf.shape import ModelShape
    from desktop.core.gguf.split import part_names
    from desktop.core.hub.access import web_settings
    from desktop.core.library.reading import read_library
    from desktop.core.paths import paths
    from desktop.core.service.companions import CompanionFinder, wishes_of
    from desktop.core.service.load_request import load_request
    from desktop.core.service.model_settings import read_saved
    from desktop.core.settings import SettingsFile

    where = paths()
    chosen = SettingsFile(where.settings_file).settings
    asked = load_request(load_options(args))
    runtime = engines.store(out).current()
    with HeaderReader(where.cache / "headers", work_root=where.work) as reader:

        @cache
        def library() -> Library:
            return read_library(where, reader, chosen)

        finder = Finder(where, reader, library, web_settings(where))
        companions = CompanionFinder(lambda name: library().resolve(name), reader)
        with finder.find(args.model, reporter, cancel) as subject:
            saved = read_saved(where.database, subject.fingerprint, subject.load_defaults)
            request = asked.over(saved)
            files = [subject.path.with_name(name) for name in part_names(subject.path.name)]
            beside = companions.find(subject.name, files, request, mmproj=subject.mmproj)
            wishes = wishes_of(request, beside, chosen.load, subject.summary.context_tokens)
            pricing = Pricing(
                runtime,
                subject.path,
                subject.name,
                subject.summary,
                shape=ModelShape.of(subject.facts),
                mmproj=beside.mmproj,
                draft_shape=beside.draft_shape,
                memory_limit_gib=chosen.load.memory_limit_gib,
                cancel=cancel,
                work_root=where.work,
            )
            return fit(subject, pricing, wishes), runtime


# --- for people


def _show(fitting: Fitting, speed: ExpectedSpeed, loss: Loss | None, out: Output) -> None:
    from desktop.cli.units import size

    subject, estimate = fitting.subject, fitting.estimate
    summary = subject.summary
    about = [size(subject.size_bytes), summary.architecture, summary.quant_type]
    if summary.bits_per_weight is not None:
        about.append(f"{summary.bits_per_weight:.1f} bits per weight")
    if subject.fetched_bytes:
        about.append(f"{size(subject.fetched_bytes)} of it read")
    out.line(f"{subject.name}: {', '.join(part for part in about if part)}")
    out.line(f"With {_settings_words(estimate)}:")
    out.line()
    _table(fitting, out)
    beside = [
        f"{title} ~ {size(found)}"
        for title, part in _BESIDE
        if (found := getattr(estimate.beside, part))
    ]
    if beside:
        out.line(f"Of it: {', '.join(beside)}.")
    out.line()
    out.line(_VERDICTS[fitting.verdict])
    if fitting.problem is not None:
        out.line(fitting.problem.cause)
    else:
        out.line(_speed_words(speed))
    if loss is not None:
        out.line(_loss_words(loss))
    for choice in fitting.choices:
        total = size(choice.total_bytes.value)
        word = _SHORT[choice.verdict or "cpu"]
        out.line(f"→ {_settings_words(choice)}: ~ {total}, {word}")
    if fitting.verdict == "wont_fit" and not fitting.choices:
        out.line("→ No context is small enough: choose a smaller quant or a smaller model.")
    for warning in fitting.warnings:
        out.note(f"! {warning.text}")


def _speed_words(speed: ExpectedSpeed) -> str:
    """Both speeds with their bands, and where they come from."""
    if speed.decode is None or speed.prefill is None:
        return "How fast it will be is not known: there is no figure for a device or architecture."
    words = f"Decode {_band(speed.decode)} tok/s, prefill {_band(speed.prefill)} tok/s."
    sources = {speed.decode.source, speed.prefill.source}
    if "seed_table" in sources:
        return f"{words} From other machines' figures."
    if sources == {"measured"}:
        return f"{words} Measured here."
    return f"{words} From this machine's calibration."


def _loss_words(loss: Loss) -> str:
    """In a word and a figure, and where that comes from."""
    same = loss.same_top_rate
    measured = same.source == "measured"
    figure = f"{'✓' if measured else '~'} {same.value:.1%} ({same.low:.1%} to {same.high:.1%})"
    return (
        f"Quality: {_LOSSES[loss.level]}; the most likely token is the whole model's in {figure}. "
        f"{'Measured here.' if measured else 'From other models of these types.'}"
    )


def _band(figure: SpeedFigure) -> str:
    from desktop.cli.units import figure as plain

    mark = "✓" if figure.source == "measured" else "~"
    digits = 0 if figure.value >= 100 else 1
    low, high = plain(figure.low, digits), plain(figure.high, digits)
    return f"{mark} {plain(figure.value, digits)} ({low} to {high})"


def _settings_words(estimate: Estimate) -> str:
    from desktop.cli.units import number

    settings = estimate.settings
    slots = "1 slot" if settings.slots == 1 else f"{settings.slots} slots"
    return (
        f"{number(settings.context_tokens)} tokens of context × {slots}, "
        f"KV cache {settings.kv_type_k}"
    )


def _table(fitting: Fitting, out: Output) -> None:
    """A row for each part, a column for each device, and what each device has."""
    from desktop.cli.units import size
    from desktop.core.fit.fitting import room_bytes

    devices = fitting.estimate.devices
    alone = len(devices) == 1
    columns = ["PART", *(f">{device.name}" for device in devices), *([] if alone else [">TOTAL"])]
    rows: list[list[str]] = []
    for title, part in _PARTS:
        cells = [_predicted(_figure(device, part)) for device in devices]
        rows.append([title, *cells, *([] if alone else [_predicted(fitting.estimate.part(part))])])
    rooms = {each.name: size(room_bytes(each)) for each in fitting.available}
    rows.append(
        ["Can be used", *(rooms.get(device.name, "?") for device in devices), *([""] * (not alone))]
    )
    out.table(columns, rows)


def _figure(device: DeviceNeed, part: str) -> Figure:
    found: Figure = getattr(device, part)
    return found


def _predicted(figure: Figure) -> str:
    from desktop.cli.units import size

    return f"~ {size(figure.value)}"
