"""Which small model could propose tokens for a larger one, told before either is here.

A draft must share the model's vocabulary. The catalogue knows families and numbers of tokens; the
last word have the headers (`gguf/companions.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.fit.catalog import Catalog, CatalogModel

# What a draft may be of the model: above it, proposing costs more than what is accepted saves. A
# rule of thumb; llama.cpp's own presets (common/arg.cpp) go from 1/14 (0.5B with 7B) downwards.
LARGEST_SHARE = 1 / 6
# Of quants, those that are computed fastest: a draft's own loss shows in its acceptance alone.
QUANT_TYPES = ("Q4_0", "Q8_0")
# `SPEC_VOCAB_MAX_SIZE_DIFFERENCE` of llama.cpp's common/speculative.cpp
_MOST_TOKENS_APART = 128
_ENDINGS = ("-gguf", "-it", "-instruct")


@dataclass(frozen=True)
class Draft:
    """A suggestion.

    Attributes:
        repository: at the hub.
        quant_types: those that are small enough, the smallest first; a repository need not have
            all of them.
    """

    model: CatalogModel
    repository: str
    quant_types: tuple[str, ...]


def suggested_draft(catalog: Catalog, repo: str, size_bytes: int) -> Draft | None:
    """The smallest model of the catalogue that may go with this one; None where there is none.

    Args:
        repo: the model's repository at the hub, whoever uploaded it.
        size_bytes: of the model's files.
    """
    row = row_of(catalog, repo)
    if row is None or "chat" not in row.capabilities:
        return None
    found: list[tuple[float, Draft]] = []
    for other in catalog.models:
        quants = _quants(other, size_bytes)
        if other.repository and quants and _goes_with(row, other):
            found.append(
                (quants[0][0], Draft(other, other.repository, tuple(q for _, q in quants)))
            )
    return min(found, key=lambda each: each[0])[1] if found else None


def row_of(catalog: Catalog, repo: str) -> CatalogModel | None:
    """The catalogue's model that a repository holds, by its name; uploaders add their own words."""
    for row in catalog.models:
        if row.repository is not None and row.repository.casefold() == repo.casefold():
            return row
    wanted = _plain(repo)
    _, underscore, without_owner = wanted.partition("_")  # owner_model-GGUF
    names = {wanted, without_owner} if underscore else {wanted}
    return next((row for row in catalog.models if _plain(row.id) in names), None)


def _plain(repo: str) -> str:
    """A repository's name without its owner and the words that tell no other weights apart."""
    name = repo.rpartition("/")[2].casefold()
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _quants(row: CatalogModel, size_bytes: int) -> list[tuple[int, str]]:
    """The types in which it is small enough, the smallest first, with their sizes."""
    sizes = ((row.size(quant), quant) for quant in QUANT_TYPES)
    most = size_bytes * LARGEST_SHARE
    return sorted((size.value, quant) for size, quant in sizes if size and size.value <= most)


def _goes_with(row: CatalogModel, other: CatalogModel) -> bool:
    """Whether its vocabulary may be the same, and a token of it costs little beside the model's."""
    ours, theirs = row.vocab_size, other.vocab_size
    if other.id == row.id or "chat" not in other.capabilities or ours is None or theirs is None:
        return False
    apart = abs(ours - theirs)
    related = other.family == row.family and apart <= _MOST_TOKENS_APART
    if not related and not (other.publisher == row.publisher and apart == 0):
        return False
    work, more = (m.active_parameters or m.parameters for m in (other, row))
    return work <= more * LARGEST_SHARE
