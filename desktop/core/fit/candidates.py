"""Models that can be recommended: the catalogue's, and any list of files whose headers were read.

They are made once, at start: what does not depend on a machine is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.catalog import Catalog, CatalogModel, Size
from desktop.core.fit.placement import Body, Load
from desktop.core.fit.quality import (
    LEVELS,
    Loss,
    effective_parameters,
    expected_loss,
    loss_of_shape,
)
from desktop.core.gguf.shape import ModelShape

# The quants most repositories have, by bits. Whether one is there is seen when it is opened.
LADDER = ("Q2_K", "IQ3_XXS", "Q3_K_M", "IQ4_XS", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")
_UNKNOWN_LOSS = LEVELS.index("visible")
# A projector's file, and half as much again to work in (measured plans: one to two times the file).
_PROJECTOR_FACTOR = 1.5

Flag = Literal["remembered", "dims_of_sibling", "memory_rough", "native_quant"]


@dataclass(frozen=True)
class Reason:
    """Why, as a code and what fills its words; the command line and the window have the words."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "params": self.params}


@dataclass(frozen=True)
class FileOption:
    """A file that could be loaded: one that is there, or that a repository has most likely."""

    quant_type: str
    size: Size
    loss: Loss | None
    load: Load

    @cached_property
    def level(self) -> int:
        """How much it loses, 0 the least; an unknown loss is taken for a visible one."""
        return _UNKNOWN_LOSS if self.loss is None else LEVELS.index(self.loss.level)


@dataclass(frozen=True)
class Candidate:
    """A model with its files.

    Attributes:
        effective_parameters: what it is worth as a dense model.
        released: year and month; None where nobody says.
    """

    id: str
    name: str
    options: tuple[FileOption, ...]
    effective_parameters: float
    released: tuple[int, int] | None
    context_tokens: int | None
    capabilities: tuple[str, ...]
    languages: tuple[str, ...]
    downloads: int = 0
    embedding: bool = False
    flags: tuple[Flag, ...] = ()
    row: CatalogModel | None = None

    @property
    def flags_shown(self) -> tuple[Flag, ...]:
        """Those that make its figures doubtful."""
        return tuple(flag for flag in self.flags if flag != "native_quant")

    def only(self, quant_type: str) -> Candidate:
        """The model with no other file than this one.

        Raises:
            AppError: HUB_QUANT_UNKNOWN.
        """
        wanted = quant_type.casefold()
        kept = tuple(o for o in self.options if o.quant_type.casefold() == wanted)
        if not kept:
            known = ", ".join(option.quant_type for option in self.options)
            raise AppError(ErrorCode.HUB_QUANT_UNKNOWN, repo=self.id, quant=quant_type, known=known)
        return replace(self, options=kept)

    def measured(self, losses: Mapping[str, Loss]) -> Candidate:
        """The model with what its files were measured to lose in place of what is expected.

        Args:
            losses: by quant type; of files that are here.
        """
        options = tuple(replace(o, loss=losses.get(o.quant_type, o.loss)) for o in self.options)
        return replace(self, options=options)

    @cached_property
    def by_level(self) -> tuple[tuple[int, tuple[FileOption, ...]], ...]:
        """Its files by how much they lose, those that lose least first."""
        levels = sorted({option.level for option in self.options})
        return tuple(
            (level, tuple(option for option in self.options if option.level == level))
            for level in levels
        )


@dataclass(frozen=True)
class LeftOut:
    """A model that could not be judged or does not suit, and why."""

    id: str
    name: str
    reason: Reason

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "reason": self.reason.to_dict()}


def catalog_candidates(
    catalog: Catalog, *, vision: bool = False
) -> tuple[tuple[Candidate, ...], tuple[LeftOut, ...]]:
    """Every model of the catalogue that can be judged, and those that cannot.

    Do it once at start: shapes are computed here, the rest on first use or by `prepare`.

    Args:
        vision: load the projector, too.
    """
    candidates, left_out = [], []
    for row in catalog.models:
        shape = row.shape
        if row.repository is None:
            left_out.append(LeftOut(row.id, row.name, Reason("no_repository")))
        elif shape is None:
            left_out.append(LeftOut(row.id, row.name, Reason("shape_unknown")))
        elif made := _from_row(row, shape, vision=vision):
            candidates.append(made)
        else:
            left_out.append(LeftOut(row.id, row.name, Reason("sizes_unknown")))
    return tuple(candidates), tuple(left_out)


def prepare(candidates: Sequence[Candidate]) -> None:
    """Compute all that rankings will ask, so that none of them has to wait."""
    for candidate in candidates:
        for option in candidate.options:
            option.load.prepare()


def _from_row(row: CatalogModel, shape: ModelShape, *, vision: bool) -> Candidate | None:
    body = Body(shape, embedding=_is_embedding(row))
    extra = round((row.mmproj_bytes or 0) * _PROJECTOR_FACTOR) if vision else 0
    names = [quant for quant in row.sizes if row.native_quant is None or quant == row.native_quant]
    if row.native_quant is None:
        known = {quant.removeprefix("UD-") for quant in row.sizes}
        names += [quant for quant in LADDER if quant not in known]
        # Twice the size of Q8_0 for a loss that nobody notices either.
        names = [quant for quant in names if quant != "F16" or "Q8_0" not in names]
    options = []
    for name in names:
        size = row.size(name)
        if size is None:
            continue
        recipe = row.recipe(name)
        main = "MXFP4" if recipe is None else max(recipe["ffn"], key=recipe["ffn"].__getitem__)
        loss = (
            expected_loss({"ffn": {"F16": 1.0}}, row.effective_parameters)
            if name == row.native_quant
            else None
            if recipe is None
            else expected_loss(recipe, row.effective_parameters)
        )
        load = Load(body, size.high / body.weights_bytes, main, extra)
        options.append(FileOption(name, size, loss, load))
    if not options:
        return None
    flags: list[Flag] = []
    if row.remembered:
        flags.append("remembered")
    if row.dims_of_sibling:
        flags.append("dims_of_sibling")
    if body.rough:
        flags.append("memory_rough")
    if row.native_quant:
        flags.append("native_quant")
    return Candidate(
        row.id,
        row.name,
        tuple(sorted(options, key=lambda option: option.size.value)),
        row.effective_parameters,
        row.age_from,
        row.context_tokens,
        row.capabilities,
        row.languages,
        row.downloads or 0,
        _is_embedding(row),
        tuple(flags),
        row,
    )


def _is_embedding(row: CatalogModel) -> bool:
    return not {"embedding", "rerank"}.isdisjoint(row.capabilities)


@dataclass(frozen=True)
class KnownFile:
    """A file of the library or of a repository.

    Attributes:
        shape: of its header, or of another file's of the same model.
        loss: measured or expected; None where it is to be expected from the shape's types.
        scale, main_type: where the shape is another file's: this one's bytes by that one's, and
            the type of most of its weights.
    """

    quant_type: str
    size_bytes: int
    shape: ModelShape
    loss: Loss | None = None
    scale: float = 1.0
    main_type: str | None = None

    @property
    def exact(self) -> bool:
        """Its own header was read."""
        return self.main_type is None


def files_candidate(
    name: str,
    files: Sequence[KnownFile],
    *,
    capabilities: Sequence[str] = ("chat",),
    languages: Sequence[str] = (),
    row: CatalogModel | None = None,
) -> Candidate:
    """A model made of files whose headers, or whose sisters' headers, were read.

    Args:
        files: at least one.
        row: the catalogue's row about the model, where it has one.
    """
    bodies: dict[int, Body] = {}

    def body_of(shape: ModelShape) -> Body:
        return bodies.setdefault(id(shape), Body(shape, embedding=shape.cacheless))

    options = []
    for file in files:
        size = Size(file.size_bytes, file.size_bytes, file.size_bytes, predicted=False)
        loss = file.loss or (loss_of_shape(file.shape) if file.exact else None)
        load = Load(body_of(file.shape), file.scale, file.main_type)
        options.append(FileOption(file.quant_type, size, loss, load))
    shape = files[0].shape
    return Candidate(
        name,
        name if row is None else row.name,
        tuple(sorted(options, key=lambda option: option.size.value)),
        effective_parameters(shape),
        None if row is None else row.age_from,
        shape.context_tokens,
        tuple(capabilities if row is None else row.capabilities),
        tuple(languages if row is None else row.languages),
        0 if row is None else row.downloads or 0,
        shape.cacheless,
        row=row,
    )
