"""The best file of a repository on the hub for a machine; of its files only headers are read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Reporter
from desktop.core.fit.candidates import Candidate, KnownFile, LeftOut, files_candidate
from desktop.core.fit.catalog import Catalog
from desktop.core.fit.quality import effective_parameters, expected_loss
from desktop.core.fit.recipes import BITS, RECIPES
from desktop.core.fit.recommend import Recommendation, Wish, choose
from desktop.core.fit.simulate import Machine
from desktop.core.fit.speed import Speeds
from desktop.core.gguf.remote import RemoteReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.hub.files import Listing, RepoFile, list_files, models_of, remote_files
from desktop.core.hub.names import HubName
from desktop.core.web import Web, WebSettings

_LADDER = ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "F16")


@dataclass(frozen=True)
class Target:
    """What a file is to run on, and what is wished for."""

    machine: Machine
    speeds: Speeds
    wish: Wish


def recommend_repository(
    name: HubName,
    target: Target,
    catalog: Catalog,
    reader: RemoteReader,
    settings: WebSettings,
    *,
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> Recommendation | LeftOut:
    """The repository's best file for a machine, or why there is none: `look_up`'s answer."""
    return look_up(name, target, catalog, reader, settings, reporter=reporter, cancel=cancel)[1]


def look_up(
    name: HubName,
    target: Target,
    catalog: Catalog,
    reader: RemoteReader,
    settings: WebSettings,
    *,
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> tuple[Candidate, Recommendation | LeftOut]:
    """All files of a repository, and the best for a machine or why there is none.

    Args:
        name: with a quant only that file is asked for.

    Raises:
        AppError: HUB_NO_GGUF, HUB_QUANT_UNKNOWN, REMOTE_*, GGUF_*, CANCELLED.
    """

    async def work(web: Web) -> Listing:
        return await list_files(web, name.repo, name.revision)

    listing = network.run(work, settings, cancel)
    return judge(
        listing,
        target,
        catalog,
        reader,
        settings,
        quant=name.quant,
        reporter=reporter,
        cancel=cancel,
    )


def judge(
    listing: Listing,
    target: Target,
    catalog: Catalog,
    reader: RemoteReader,
    settings: WebSettings,
    *,
    quant: str | None = None,
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> tuple[Candidate, Recommendation | LeftOut]:
    """The same for a repository whose listing is at hand.

    One header gives the shape that all files share; the others' losses are first taken from their
    labels. What is recommended is read itself, so that it is judged by its own tensors.

    Raises:
        AppError: HUB_NO_GGUF, HUB_QUANT_UNKNOWN, REMOTE_*, GGUF_*, CANCELLED.
    """
    parts = _sized(listing, quant)
    read: dict[str, KnownFile] = {}

    def read_one(label: str) -> KnownFile:
        files = remote_files(listing, parts[label], settings)
        model = reader.read(files, reporter=reporter, cancel=cancel)
        shape = ModelShape.of(model.facts)
        if shape is None or model.summary.is_projector or model.summary.is_adapter:
            raise AppError(ErrorCode.HUB_NO_GGUF, repo=listing.repo, reason=f"{label} is no model.")
        return KnownFile(label, _size(parts[label]), shape)

    first = min(parts, key=lambda label: _size(parts[label]))
    read[first] = read_one(first)
    row = next((m for m in catalog.models if m.repository == listing.repo), None)
    while True:
        known = [read.get(label) or _like(read[first], label, parts[label]) for label in parts]
        candidate = replace(files_candidate(listing.repo, known, row=row), id=listing.repo)
        answer = choose(candidate, target.machine, target.speeds, target.wish)
        if isinstance(answer, LeftOut):
            return candidate, answer
        label = answer.choice.option.quant_type
        if label in read:
            return candidate, answer
        read[label] = read_one(label)


def _sized(listing: Listing, quant: str | None) -> dict[str, tuple[RepoFile, ...]]:
    """The models whose sizes are told; only the one that was named, where one was."""
    every = models_of(listing)
    parts = {
        label: files for label, files in every.items() if all(file.size_bytes for file in files)
    }
    if quant is not None:
        wanted = quant.casefold()
        parts = {label: files for label, files in parts.items() if label.casefold() == wanted}
    if not parts:
        known = ", ".join(every) or "none whose parts are all there"
        raise AppError(
            ErrorCode.HUB_QUANT_UNKNOWN, repo=listing.repo, quant=quant or "", known=known
        )
    return parts


def _size(files: tuple[RepoFile, ...]) -> int:
    return sum(file.size_bytes or 0 for file in files)


def _like(read: KnownFile, label: str, files: tuple[RepoFile, ...]) -> KnownFile:
    """A file that was not read: the shape of one that was, the types its label promises."""
    size, shape = _size(files), read.shape
    scale = size / read.size_bytes
    recipe = RECIPES.get(_plain(label))
    if recipe is not None:
        loss = expected_loss(recipe, effective_parameters(shape))
        main = max(recipe["ffn"], key=recipe["ffn"].__getitem__)
        return KnownFile(label, size, shape, loss, scale, main)
    weights = shape.inputs.count + shape.output.count + shape.dense.count + shape.experts.count
    bits = 8 * size / max(1, weights)
    main = min(_LADDER, key=lambda kind: abs(BITS[kind] - bits))
    return KnownFile(label, size, shape, None, scale, main)


def _plain(label: str) -> str:
    """The recipe nearest to an uploader's own mix: their L and XL are at least the M."""
    plain = label.upper().removeprefix("UD-").removeprefix("I1-")
    if plain in ("BF16", "FP16", "F32"):
        return "F16"
    if plain in RECIPES:
        return plain
    for ending in ("_XL", "_L"):
        if plain.endswith(ending):
            return plain.removesuffix(ending) + "_M"
    return plain
