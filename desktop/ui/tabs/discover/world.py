"""What Discover judges by: the catalogue, this machine, and what is known of its speed.

What asks the network is imported when it is asked: that takes a third of a second.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.core.engine.store import RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Reporter
from desktop.core.fit.candidates import (
    Candidate,
    KnownFile,
    LeftOut,
    catalog_candidates,
    files_candidate,
)
from desktop.core.fit.catalog import Catalog, load_catalog
from desktop.core.fit.estimate import HOST
from desktop.core.fit.quality import Loss
from desktop.core.fit.recommend import Ranking, Recommendation, Wish, choose, recommend
from desktop.core.fit.simulate import Machine, machine_of, machine_speeds, seeded_speeds
from desktop.core.fit.speed import Speeds
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_here import predictor_here
from desktop.core.fit.trial import Place
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.engine_devices import with_engine_devices
from desktop.core.hardware.probe import Hardware, probe
from desktop.core.hub.names import HubName, parse_name
from desktop.core.library.ids import split_file_name
from desktop.core.paths import Paths
from desktop.core.settings import SettingsFile
from desktop.ui.tabs.discover.cards import Card

if TYPE_CHECKING:
    from desktop.core.hub.repository import Repository

Local = Mapping[str, Mapping[str, str]]  # repository -> quant type -> id
Losses = Mapping[str, Mapping[str, Loss]]  # repository -> quant type -> as it was measured here


@dataclass(frozen=True)
class Shelf:
    """The catalogue with its models, ready to be ranked; it does not depend on the machine."""

    catalog: Catalog
    candidates: tuple[Candidate, ...]
    seeing: tuple[Candidate, ...]  # with their projectors
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class World:
    """Attributes:
    place: the same machine for prices of single files.
    gpu_unused: it has a GPU that the engine in use cannot drive.
    """

    shelf: Shelf
    machine: Machine
    speeds: Speeds
    place: Place
    gpu_unused: bool = False

    @property
    def speed_known(self) -> bool:
        return HOST in self.speeds.devices


def read_shelf() -> Shelf:
    catalog = load_catalog()
    plain, left_out = catalog_candidates(catalog)
    seeing, _ = catalog_candidates(catalog, vision=True)
    return Shelf(catalog, plain, seeing, left_out)


def look_around(paths: Paths, held: Mapping[str, int], shelf: Shelf | None) -> World:
    """The machine as it is now.

    Args:
        held: what the loaded model gives back before another one is loaded, by device.
        shelf: what was read before.

    Raises:
        AppError: PROBE_FAILED, where the memory could not be read.
    """
    shelf = shelf or read_shelf()
    hardware, runtime = probe(paths, with_bandwidth=False), None
    with contextlib.suppress(AppError):  # what fits can be told without an engine
        chosen = SettingsFile(paths.settings_file).settings.engine.runtime
        runtime = RuntimeStore(paths, chosen).current()
        hardware = with_engine_devices(hardware, runtime.devices)
    machine = _emptied(machine_of(hardware), hardware, held)
    gpu_unused = False
    if runtime is None:
        speeds = seeded_speeds(machine)
    else:
        kept = predictor_here(SpeedBook.open(paths), runtime, paths.cache).speeds
        speeds = machine_speeds(machine, kept)
        gpu_unused = machine.gpu is not None and not runtime.devices
    place = Place.of_machine(machine, speeds, _totals(hardware, machine))
    return World(shelf, machine, speeds, place, gpu_unused)


def _emptied(machine: Machine, hardware: Hardware, held: Mapping[str, int]) -> Machine:
    """The machine once the model that is loaded has made room."""
    most = hardware.ram.total_bytes if hardware.ram else machine.ram_bytes
    machine = replace(machine, ram_bytes=min(most, machine.ram_bytes + held.get(HOST, 0)))
    gpu = machine.gpu
    on_gpu = sum(size for name, size in held.items() if name != HOST)
    if gpu is None or not on_gpu:
        return machine
    return replace(machine, gpu=replace(gpu, available_bytes=gpu.available_bytes + on_gpu))


def _totals(hardware: Hardware, machine: Machine) -> dict[str, int]:
    totals = {} if hardware.ram is None else {HOST: hardware.ram.total_bytes}
    if machine.gpu is not None:
        for gpu in hardware.gpus:
            if gpu.name == machine.gpu.description and gpu.total_bytes:
                totals[machine.gpu.name] = gpu.total_bytes
    return totals


def rank(
    world: World, wish: Wish, local: Local, asked: Sequence[Card], losses: Losses
) -> tuple[list[Card], int]:
    """The cards for a wish, the best first and those that do not fit last; and how many models of
    the catalogue could not be judged.

    Args:
        asked: what was looked up by name: it stands before all others, judged anew.
        losses: of files in the library.
    """
    shelf = world.shelf
    known = shelf.seeing if wish.purpose == "vision" else shelf.candidates
    candidates = [_measured(each, losses) for each in known]
    ranking: Ranking = recommend(
        candidates,
        world.machine,
        world.speeds,
        wish,
        today=date.today(),
        collected=shelf.catalog.collected,
    )
    by_id = {each.id: each for each in candidates}
    cards = [_judged_anew(each, _measured(each.candidate, losses), world, wish) for each in asked]
    cards += [Card(each.candidate, each) for each in ranking.items]
    # The nearest miss first.
    missed = sorted(ranking.left_out, key=lambda each: by_id[each.id].effective_parameters)
    cards += [Card(by_id[each.id], each) for each in missed]
    return [with_local(card, local) for card in cards], len(shelf.left_out)


def _measured(candidate: Candidate, losses: Losses) -> Candidate:
    row = candidate.row
    repository = candidate.id if row is None or row.repository is None else row.repository
    found = losses.get(repository.casefold())
    return candidate.measured(found) if found else candidate


def _judged_anew(card: Card, candidate: Candidate, world: World, wish: Wish) -> Card:
    return replace(card, candidate=candidate, answer=_judged(candidate, world, wish))


def with_local(card: Card, local: Local) -> Card:
    """The card with what of it is in the library."""
    files = local.get(card.repository.casefold(), {})
    quants = {option.quant_type for option in card.candidate.options}
    found = tuple((quant, name) for quant, name in files.items() if quant in quants)
    return card if found == card.local else replace(card, local=found)


def local_files(models: Sequence[Mapping[str, object]]) -> dict[str, dict[str, str]]:
    """The library's models by the repository they came from."""
    found: dict[str, dict[str, str]] = {}
    for entry in models:
        repository, quant = entry.get("repo"), entry.get("quant_type")
        if repository and quant and not entry.get("broken") and entry.get("kind") == "model":
            files = found.setdefault(str(repository).casefold(), {})
            files[_label(entry, str(quant))] = str(entry["id"])
    return found


def local_losses(models: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Loss]]:
    """What the library's models were measured to lose, by the repository they came from."""
    found: dict[str, dict[str, Loss]] = {}
    for entry in models:
        repository, quant, quality = (
            entry.get("repo"),
            entry.get("quant_type"),
            entry.get("quality"),
        )
        if repository and quant and quality:
            losses = found.setdefault(str(repository).casefold(), {})
            losses[_label(entry, str(quant))] = Loss.from_dict(quality)
    return found


def _label(entry: Mapping[str, object], quant: str) -> str:
    """What the hub calls the file: an uploader's own mix has a plain type in its header."""
    file = str(entry.get("repo_file") or "")
    return split_file_name(Path(file))[1].upper() or quant


def named(text: str) -> bool:
    """Whether this could be a repository's name or a file's address: something to look up."""
    text = text.strip()
    if not text or " " in text:
        return False
    if text.casefold().startswith(("http://", "https://")):
        return True
    return "/" in text and parse_name(text, os.environ.get("HF_ENDPOINT", "")) is not None


@dataclass(frozen=True)
class Question:
    """What a name is looked up for.

    Attributes:
        listed: told what a repository holds, before its headers are read; from the same thread.
    """

    world: World
    wish: Wish
    paths: Paths
    reporter: Reporter
    cancel: CancelToken
    listed: Callable[[Repository], None] = lambda found: None


def look_up_name(text: str, question: Question) -> Card:
    """Ask the network about a repository or a file.

    Raises:
        AppError: HUB_*, REMOTE_*, GGUF_*; BAD_REQUEST where the text names neither; CANCELLED.
    """
    from desktop.core.hub.access import web_settings

    name = parse_name(text, web_settings(question.paths).endpoint)
    if name is not None and name.file is None:
        return _of_repository(name, question)
    return _of_file(text, question)


def _of_repository(name: HubName, question: Question) -> Card:
    from desktop.core.fit.repository import Target, judge
    from desktop.core.gguf.reader import HeaderReader
    from desktop.core.gguf.remote import RemoteReader
    from desktop.core.hub.access import web_settings
    from desktop.core.hub.client import Hub

    world, paths, settings = question.world, question.paths, web_settings(question.paths)
    found = Hub(settings, paths.cache).repository(name.repo, name.revision, cancel=question.cancel)
    question.listed(found)
    with HeaderReader(paths.cache / "headers", work_root=paths.work) as reader:
        candidate, answer = judge(
            found.listing,
            Target(world.machine, world.speeds, question.wish),
            world.shelf.catalog,
            RemoteReader(reader, paths.cache / "remote-headers", settings),
            settings,
            quant=name.quant,
            reporter=question.reporter,
            cancel=question.cancel,
        )
    return Card(candidate, answer, asked=True, hub=found)


def _of_file(text: str, question: Question) -> Card:
    from desktop.core.service.trials import TrialSources

    sources = TrialSources(question.paths)
    trial, subject = sources.remote(text, {}, question.reporter, question.cancel)
    trial.close()
    shape = ModelShape.of(subject.facts)
    if shape is None:
        reason = f"The layers of {subject.name} are not known."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    quant = subject.summary.quant_type or "GGUF"
    candidate = files_candidate(text.strip(), [KnownFile(quant, subject.size_bytes, shape)])
    title = subject.summary.name or subject.name.rpartition("/")[2]
    candidate = replace(candidate, name=title)
    return Card(candidate, _judged(candidate, question.world, question.wish), asked=True)


def _judged(candidate: Candidate, world: World, wish: Wish) -> Recommendation | LeftOut:
    return choose(candidate, world.machine, world.speeds, wish)
