"""What a person wants made, as the four cards say it, and as the jobs take it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.hub.names import parse_name
from desktop.core.paths import resources

Json = dict[str, Any]
# The types most people want, each about a bit below the one before it.
USUAL = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K")
# Weights that were not quantized before: of these files are best made.
WHOLE = frozenset({"F32", "F16", "BF16"})
_K_MIX = re.compile(r"^(Q\d_K)_(?:S|M|L)$")
_MIXES = {"IQ2_M": "IQ2_S", "IQ3_XS": "IQ3_S", "IQ3_M": "IQ3_S", "MXFP4_MOE": "MXFP4"}


def bundled_text(name: str) -> str:
    """A text that comes with Paddock: "importance" or "evaluation"."""
    return str(resources() / "texts" / f"{name}.txt")


@dataclass(frozen=True)
class Source:
    """What files are made of.

    Attributes:
        kind: "library" or "file": a GGUF file; "folder" or "hub": a checkpoint.
        path: the file or folder; repo: the name on the hub.
        out_type: what a checkpoint is converted to.
        again: a quantized model may be quantized again.
    """

    kind: str = "library"
    path: str = ""
    repo: str = ""
    out_type: str = "auto"
    allow_pickle: bool = False
    again: bool = False

    @property
    def checkpoint(self) -> bool:
        return self.kind in ("folder", "hub")

    @property
    def chosen(self) -> bool:
        return parse_name(self.repo) is not None if self.kind == "hub" else bool(self.path)

    def params(self) -> Json:
        if not self.checkpoint:
            return {"path": self.path}
        where = {"repo": self.repo} if self.kind == "hub" else {"path": self.path}
        more = {"type": self.out_type, "allow_pickle": self.allow_pickle}
        return {"checkpoint": {**where, **more}}


@dataclass(frozen=True)
class Text:
    """A text or a matrix: "none", "bundled", "text" or "matrix", the last two with a path."""

    kind: str = "none"
    path: str = ""

    @property
    def given(self) -> bool:
        return self.kind in ("none", "bundled") or bool(self.path)

    def file(self, bundled: str) -> str | None:
        """The file; None where none is wanted."""
        if self.kind == "none":
            return None
        return bundled_text(bundled) if self.kind == "bundled" else self.path


@dataclass(frozen=True)
class Overrides:
    """What differs from a type's own mix, in every file."""

    output_type: str | None = None
    embedding_type: str | None = None
    tensor_types: tuple[tuple[str, str], ...] = ()
    pure: bool = False

    @property
    def count(self) -> int:
        named = [self.output_type, self.embedding_type, self.pure or None, *self.tensor_types]
        return sum(1 for each in named if each is not None)

    def recipe(self, quant_type: str) -> Json:
        """As `Recipe.to_dict` has it."""
        return {
            "quant_type": quant_type,
            "output_type": self.output_type,
            "embedding_type": self.embedding_type,
            "tensor_types": [list(pair) for pair in self.tensor_types],
            "pure": self.pure,
        }


@dataclass(frozen=True)
class Target:
    """What is searched for: one of the two bounds, and how long it may take."""

    most_bytes: int | None
    least_tokens_per_second: float | None
    budget_seconds: float

    def params(self) -> Json:
        if self.most_bytes is not None:
            bound: Json = {"most_bytes": self.most_bytes}
        else:
            bound = {"least_tokens_per_second": self.least_tokens_per_second}
        return {**bound, "budget_seconds": self.budget_seconds}


@dataclass(frozen=True)
class Types:
    """Which files are made: of these types and saved recipes, or what meets a target."""

    names: tuple[str, ...] = ()
    recipes: tuple[Json, ...] = field(default=(), hash=False)
    overrides: Overrides = Overrides()
    target: Target | None = None

    def params(self) -> Json:
        saved = [dict(each) for each in self.recipes]
        if not self.overrides.count:
            return {"types": list(self.names), "recipes": saved}
        own = [self.overrides.recipe(name) for name in self.names]
        return {"types": [], "recipes": [*own, *saved]}

    @property
    def quant_types(self) -> list[str]:
        return [*self.names, *(str(each["quant_type"]) for each in self.recipes)]


@dataclass(frozen=True)
class Evaluation:
    """Whether and how files are compared with the whole model; compare: other files of it."""

    on: bool = True
    text: Text = Text("bundled")
    budget_seconds: float | None = None
    compare: tuple[str, ...] = ()


@dataclass(frozen=True)
class Output:
    """Where files go; an empty name is the source's own."""

    folder: str = ""
    name: str = ""
    replace: bool = False


@dataclass(frozen=True)
class Wish:
    """All of it."""

    source: Source = Source()
    matrix: Text = Text()
    types: Types = Types()
    evaluation: Evaluation = Evaluation()
    output: Output = Output()

    @property
    def kind(self) -> str:
        """The kind of job that does it."""
        return "quantize" if self.types.target is None else "target"

    def params(self) -> Json:
        """As the job takes them."""
        found: Json = {**self.source.params(), "folder": self.output.folder}
        found |= {"requantize": self.source.again, "replace": self.output.replace}
        if self.output.name:
            found["name"] = self.output.name
        if matrix := self.matrix.file("importance"):
            found["imatrix"] = matrix
        text = self.evaluation.text.file("evaluation")
        if self.types.target is not None:
            # A search takes one of its own accord where it is not told to do without.
            found.setdefault("imatrix", False)
            return {**found, **self.types.target.params(), "evaluate": text}
        found |= self.types.params()
        if self.evaluation.on:
            found |= {"evaluate": text, "compare": list(self.evaluation.compare)}
            if self.evaluation.budget_seconds is not None:
                found["budget_seconds"] = self.evaluation.budget_seconds
        return found

    def plan_params(self) -> Json:
        """What is planned before anything is agreed to: consent is asked for beside the plan. Of a
        target nobody knows the file yet: the plain types around it are planned."""
        found = self.params()
        if self.types.target is not None:
            found = {**self.source.params(), "folder": self.output.folder, "types": list(USUAL)}
        return {**found, "requantize": True, "replace": True}

    @property
    def plannable(self) -> bool:
        wanted = self.types.target is not None or bool(self.types.quant_types)
        text = not self.evaluation.on or self.evaluation.text.given
        return self.source.chosen and wanted and self.matrix.given and text


def stem(path: str) -> str:
    """A file's name without its ending, or a folder's or repository's name."""
    name = Path(path).name
    return name[: -len(".gguf")] if name.lower().endswith(".gguf") else name


def tensor_types(names: Sequence[str]) -> list[str]:
    """What a single tensor can be stored as, of a build that makes files of these types.

    A file's type may be a mix: of Q4_K_M and Q4_K_S the tensors are Q4_K and others
    (`ftype_get_default_type` in llama.cpp's llama-quant.cpp).
    """
    found = [_MIXES.get(name, _K_MIX.sub(r"\1", name)) for name in names]
    return list(dict.fromkeys(found))
