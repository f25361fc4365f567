"""The catalogue of models that ships: shapes, file sizes, licences, and how sure each row is.

`packaging/catalog.py` builds `resources/catalog/models.json` from a table collected by hand. It is
for choosing before anything is downloaded: the exact bytes come from the hub, the exact shape from
the file's header. `Catalog.date` says how old it is; whoever shows it shows that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.recipes import (
    RECIPES,
    Recipe,
    bits_per_weight,
    fitted,
    odd_roles,
    role_counts,
)
from desktop.core.gguf.from_dims import Dims, shape_from_dims
from desktop.core.gguf.shape import ModelShape
from desktop.core.paths import resources

SCHEMA = 1
CONFIDENCES = ("read", "remembered")
CAPABILITIES = (
    *("chat", "code", "reasoning", "vision", "tools", "translation", "embedding", "rerank"),
)

# The catalogue's sizes were printed in GiB with one decimal above 1 GiB, in MiB below it.
_ROUNDING_BYTES = round(0.05 * (1 << 30))
_ROUNDING_BELOW_GIB = 0.02
# A size computed from the recipe is that near in 96 % of the rows of the catalogue whose Q4_K_M
# size is known too (mean error 1.6 %; uploaders vary the mix); without dimensions a guess by a
# usual model's.
SIZE_BAND = 0.06
SIZE_BAND_UNKNOWN_SHAPE = 0.12


@dataclass(frozen=True)
class Size:
    """A file's size in bytes with its band.

    Attributes:
        predicted: computed from the quant's recipe; otherwise it was read, rounded.
    """

    value: int
    low: int
    high: int
    predicted: bool


@dataclass(frozen=True)
class CatalogModel:
    """One model.

    Attributes:
        parameters: of the whole model; `file_parameters` of the language model in the file.
        active_parameters: that one token uses; None for dense models and where nobody says.
        repository: of its GGUF files at the hub; None where none was verified.
        n_full_layers: whose cache grows with the context; None: not known.
        feed_forward: of one expert where there are several.
        kv_bytes_per_token: of those layers, in f16; the sliding ones' stands beside it.
        sizes: bytes by quant type as read, rounded (`size` gives the band). A type such as
            UD-Q4_K_M is the uploader's own mix.
        native_quant: the type it was trained in where that is no 16-bit one: then only the files
            in `sizes` make sense.
        confidence: "remembered" where at least one value was not read anywhere.
        dims_from: the model its shape was read of; another one's name means a sibling's shape.
        scores: what makers and others measured. Benchmarks differ: never rank by them.
        downloads: of the repository in the month of the sizes.
    """

    id: str
    name: str
    family: str
    publisher: str
    license: str | None
    release: str
    parameters: int
    active_parameters: int | None
    file_parameters: int | None
    repository: str | None
    architecture: str | None
    n_layers: int | None
    n_full_layers: int | None
    embedding_length: int | None
    n_heads: int | None
    n_kv_heads: int | None
    head_dim: int | None
    feed_forward: int | None
    n_experts: int | None
    n_experts_used: int | None
    window: int | None
    context_tokens: int | None
    vocab_size: int | None
    kv_bytes_per_token: int | None
    kv_window_bytes_per_token: int | None
    capabilities: tuple[str, ...]
    languages: tuple[str, ...]
    sizes: Mapping[str, int]
    native_quant: str | None
    mmproj_bytes: int | None
    confidence: str
    dims_from: str | None
    size_note: str
    notes: str
    scores: str
    downloads: int | None
    source: str

    @property
    def all_names(self) -> tuple[str, ...]:
        """What it may be called, in small letters: id, id without owner, display name."""
        return self.id.casefold(), self.id.rpartition("/")[2].casefold(), self.name.casefold()

    def has_words(self, words: list[str]) -> bool:
        """Whether each word is the beginning of one in its names."""
        own = _words(" ".join(self.all_names))
        return all(any(mine.startswith(word) for mine in own) for word in words)

    @property
    def remembered(self) -> bool:
        """At least one value comes from memory or inference."""
        return self.confidence == "remembered"

    @property
    def dims_of_sibling(self) -> bool:
        """The shape is another model's of the same size: a fair guess, no reading."""
        return self.dims_from is not None and _plain(self.dims_from) != _plain(self.id)

    @property
    def has_experts(self) -> bool:
        return bool(self.n_experts)

    @property
    def weights(self) -> int:
        """How many weights a file of it holds."""
        return self.file_parameters or self.parameters

    @property
    def effective_parameters(self) -> float:
        """What a mixture of experts is worth as a dense model: the geometric mean of all and used.

        A rule of thumb that is in wide use, no measurement; dense models are what they are.
        """
        if self.active_parameters is None:
            return float(self.parameters)
        return math.sqrt(self.parameters * self.active_parameters)

    @property
    def age_from(self) -> tuple[int, int]:
        """Year and month of its release."""
        year, _, month = self.release.partition("-")
        return int(year), int(month)

    @cached_property
    def shape(self) -> ModelShape | None:
        """Its shape at 16 bits per weight; None where the catalogue lacks dimensions.

        The engine's dry run on the file's header tells the exact one.
        """
        n_layers, width, n_heads, vocab = (
            self.n_layers,
            self.embedding_length,
            self.n_heads,
            self.vocab_size,
        )
        if not (self.architecture and n_layers and width and n_heads and vocab):
            return None
        head_dim = self.head_dim or width // n_heads
        return shape_from_dims(
            Dims(
                architecture=self.architecture,
                n_layers=n_layers,
                embedding_length=width,
                n_heads=n_heads,
                n_kv_heads=self.n_kv_heads,
                head_dim=self.head_dim,
                feed_forward=self.feed_forward or 0,
                n_experts=self.n_experts or 0,
                n_experts_used=self.n_experts_used or 0,
                vocab_size=vocab,
                size_bytes=2 * self.weights,
                parameters=self.weights,
                window=self.window,
                n_full_layers=self.n_full_layers,
                context_tokens=self.context_tokens,
                quant_type="F16",
                tied=self._tied(width * vocab, head_dim),
                keys=self._gemma4_keys() if self.architecture == "gemma4" else {},
            )
        )

    def _gemma4_keys(self) -> dict[str, int | tuple[int, ...]]:
        """Gemma 4 has wider heads and fewer of them where it sees everything, and its last layers
        read the caches of earlier ones: both follow from the two figures per token.

        Heads of 512 and 256 numbers: the config.json of google/gemma-4-31B-it.
        """
        full, heads = self.n_full_layers or 0, self.n_kv_heads or 0
        if not (full and heads and self.n_layers and self.kv_bytes_per_token):
            return {}
        sliding = (self.kv_window_bytes_per_token or 0) // (2 * 2 * 256 * heads)
        own = full + sliding
        every = max(1, own // full)
        windowed = [(index + 1) % every != 0 for index in range(self.n_layers)]
        full_heads = self.kv_bytes_per_token // (2 * 2 * 512 * full)
        return {
            "attention.key_length": 512,
            "attention.value_length": 512,
            "attention.key_length_swa": 256,
            "attention.value_length_swa": 256,
            "attention.head_count_kv": tuple(heads if w else full_heads for w in windowed),
            "attention.sliding_window_pattern": tuple(int(w) for w in windowed),
            "attention.shared_kv_layers": max(0, self.n_layers - own),
        }

    def _tied(self, embedding: int, head_dim: int) -> bool:
        """Whether one matrix serves as embedding and output: what the weights' number says.

        Mixtures' numbers cannot be recomputed from the dimensions here; an embedding is a small
        part of them.
        """
        if self.architecture in ("gemma3", "gemma4", "gemma-embedding"):
            return True
        if self.has_experts or self.n_layers is None or self.n_heads is None:
            return False
        width = self.embedding_length or 0
        heads = self.n_heads + (self.n_kv_heads or self.n_heads)
        layer = 2 * width * head_dim * heads + 3 * width * (self.feed_forward or 0)
        rest = self.weights - self.n_layers * layer
        return rest < 1.5 * embedding

    def size(self, quant_type: str) -> Size | None:
        """The size of a file of this type: read where it is known, else computed.

        None where the recipe is not known, and where a model in a native type has no such file.
        """
        read = self.sizes.get(quant_type)
        if read is not None:
            slack = _rounding(read)
            return Size(read, read - slack, read + slack, predicted=False)
        if self.native_quant is not None or quant_type not in RECIPES:
            return None
        value = self._bits(quant_type) * self.weights / 8
        # A file that was read says how many weights there really are.
        same = next((quant for quant in ("Q8_0", "F16") if quant in self.sizes), None)
        if same is not None:
            value = self.sizes[same] * self._bits(quant_type) / self._bits(same)
        band = SIZE_BAND_UNKNOWN_SHAPE if self.shape is None else SIZE_BAND
        return Size(
            round(value), round(value * (1 - band)), round(value * (1 + band)), predicted=True
        )

    def recipe(self, quant_type: str) -> Recipe | None:
        """What this model's tensors become; None where the recipe is not known."""
        known = RECIPES.get(quant_type.removeprefix("UD-"))
        return None if known is None else fitted(known, self._roles[1])

    def _bits(self, quant_type: str) -> float:
        return bits_per_weight(fitted(RECIPES[quant_type], self._roles[1]), self._roles[0])

    @cached_property
    def _roles(self) -> tuple[Mapping[str, float], frozenset[str]]:
        """Weights by role, and the roles with odd rows."""
        if self.shape is None:
            return _USUAL, frozenset()
        return role_counts(self.shape), odd_roles(self.shape)


# Shares of the roles where a model's shape is not known: Llama 3.1 8B's.
_USUAL: Mapping[str, float] = MappingProxyType(
    {
        "embedding": 0.065,
        "output": 0.065,
        "attention": 0.085,
        "attn_v": 0.017,
        "attn_output": 0.067,
        "ffn_down": 0.234,
        "ffn": 0.467,
    }
)


def _words(text: str) -> list[str]:
    return text.replace("-", " ").replace("/", " ").replace("_", " ").split()


def _rounding(size: int) -> int:
    return _ROUNDING_BYTES if size >= 1 << 30 else max(1, round(size * _ROUNDING_BELOW_GIB))


def _plain(name: str) -> str:
    """A repository's name without its owner and what marks an edition of the same weights."""
    short = name.rpartition("/")[2].lower()
    for suffix in ("-instruct", "-it", "-bf16", "-nvfp4", "-gguf"):
        short = short.removesuffix(suffix)
    return short


@dataclass(frozen=True)
class Catalog:
    """All models.

    Attributes:
        collected: the day the table was finished; `sizes_collected` of its newest file sizes.
    """

    collected: date
    sizes_collected: date
    models: tuple[CatalogModel, ...]

    def find(self, name: str) -> CatalogModel:
        """The model of this id or display name, or the only one with words that begin like these.

        Raises:
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
        """
        wanted = name.strip().casefold()
        exact = [m for m in self.models if wanted in m.all_names]
        words = _words(wanted)
        found = exact or [m for m in self.models if words and m.has_words(words)]
        if not found:
            raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)
        if len(found) > 1:
            matches = ", ".join(m.name for m in found[:8])
            raise AppError(ErrorCode.MODEL_AMBIGUOUS, model=name, matches=matches)
        return found[0]


def load_catalog(path: Path | None = None) -> Catalog:
    """The shipped catalogue, or another file of its kind.

    Raises:
        AppError: INTERNAL, where the file is no such catalogue: it ships with the program.
    """
    source = path or resources() / "catalog" / "models.json"
    try:
        data = json.loads(source.read_text("utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is {data['schema']}, not {SCHEMA}")
        return Catalog(
            date.fromisoformat(data["date"]),
            date.fromisoformat(data["sizes_date"]),
            tuple(_model(row) for row in data["models"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AppError(
            ErrorCode.INTERNAL, reason=f"The catalogue {source} cannot be used: {error}"
        ) from error


_NAMES = frozenset(field.name for field in fields(CatalogModel))


def _model(row: Mapping[str, Any]) -> CatalogModel:
    if missing := _NAMES - row.keys():
        raise ValueError(f"{row.get('id')} lacks {', '.join(sorted(missing))}")
    made = {name: row[name] for name in _NAMES}
    made["sizes"] = MappingProxyType(dict(row["sizes"]))
    for name in ("capabilities", "languages"):
        made[name] = tuple(row[name])
    model = CatalogModel(**made)
    if model.confidence not in CONFIDENCES or not set(model.capabilities) <= set(CAPABILITIES):
        raise ValueError(f"{model.id} has an unknown confidence or capability")
    if model.parameters <= 0 or any(size <= 0 for size in model.sizes.values()):
        raise ValueError(f"{model.id} has no parameters or an empty file")
    return model
