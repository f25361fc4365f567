"""What a job that makes quantized files was asked for, checked as far as it can be before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.summary import ModelSummary
from quantize import naming, types
from quantize.make import Source, check_source
from quantize.recipe import Recipe

Json = dict[str, Any]
_FLOAT = frozenset({"F64", "F32", "F16", "BF16", "I8", "I16", "I32", "I64"})


@dataclass(frozen=True)
class Making:
    """One file to make: how, how it is called among the others, and where it goes."""

    recipe: Recipe
    label: str
    target: Path


@dataclass(frozen=True)
class Foreign:
    """A file that was made elsewhere, to be compared with those made here."""

    path: Path
    label: str


@dataclass(frozen=True)
class Asked:
    """Attributes:
    path: the model's file (the first of a split one's), or the one that is converted first.
    convert: parameters of the job that converts, where there is a checkpoint instead of a file.
    imatrix: a text to compute an importance matrix from, or a matrix.
    chunks: of the texts, at most.
    """

    path: Path
    convert: Json | None
    files: tuple[Making, ...]
    imatrix: Path | None
    evaluate: Path | None
    compare: tuple[Foreign, ...]
    chunks: int | None
    budget_seconds: float | None
    requantize: bool
    replace: bool

    @property
    def computes_matrix(self) -> bool:
        return self.imatrix is not None and not is_matrix(self.imatrix)


def read(params: Mapping[str, Any], quantizer: Path) -> Asked:
    """What the parameters of a job "quantize" ask for.

    Raises:
        AppError: BAD_REQUEST, SETTING_INVALID, PATH_NOT_FOUND, IMATRIX_NEEDED.
    """
    convert = converting(params)
    path = Path(convert["output"]) if convert is not None else existing(params, "path")
    files = _files(params, path, quantizer)
    imatrix = existing(params, "imatrix") if params.get("imatrix") is not None else None
    if imatrix is None:
        bare = [each for each in files if each.recipe.quant_type in types.NEEDS_IMATRIX]
        if bare:
            names = ", ".join(each.recipe.quant_type for each in bare)
            raise AppError(ErrorCode.IMATRIX_NEEDED, types=names)
    evaluate = existing(params, "evaluate") if params.get("evaluate") is not None else None
    return Asked(
        path,
        convert,
        files,
        imatrix,
        evaluate,
        _foreign(params, path, [each.label for each in files], evaluate),
        _chunks(params.get("chunks")),
        _seconds(params.get("budget_seconds")),
        bool(params.get("requantize")),
        bool(params.get("replace")),
    )


def existing(params: Mapping[str, Any], name: str) -> Path:
    """A file that is there."""
    return _file(params.get(name), name)


def check_model(path: Path, summary: ModelSummary, *, compared: bool) -> None:
    """Refuse what cannot be quantized, or not be compared.

    Raises:
        AppError: BAD_REQUEST.
    """
    if summary.is_projector or summary.is_adapter or summary.is_vocab_only:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"{path.name} is no model by itself.")
    if compared and summary.is_embedding:
        reason = f"{path.name} makes vectors: it has no tokens to compare."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)


def source_of(path: Path, summary: ModelSummary, *, again: bool) -> Source:
    """The model, not hashed yet.

    Args:
        again: it may be quantized already.

    Raises:
        AppError: QUANTIZE_AGAIN.
    """
    quantized = any(name not in _FLOAT for name in summary.tensor_types)
    source = Source(path, "", quantized, summary.size_bytes or path.stat().st_size)
    check_source(source, requantize=again)
    return source


def is_matrix(path: Path) -> bool:
    return path.suffix.lower() in (".gguf", ".dat", ".imatrix")


def _file(value: object, name: str) -> Path:
    if value is None:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” is missing.")
    if not isinstance(value, str) or not value:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be a file.")
    path = Path(value)
    if not path.is_file():
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(path))
    return path


def converting(params: Mapping[str, Any]) -> Json | None:
    """Parameters of the job that converts; None where nothing is converted. No file is looked at.

    Raises:
        AppError: BAD_REQUEST.
    """
    checkpoint = params.get("checkpoint")
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, Mapping) or params.get("path") is not None:
        reason = "“checkpoint” names a folder or a repository, instead of “path”."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    output = naming.converted(params.get("folder"), params.get("name"), checkpoint)
    kept = ("path", "repo", "type", "allow_pickle")
    asked = {name: checkpoint[name] for name in kept if checkpoint.get(name) is not None}
    return {**asked, "output": str(output), "replace": bool(params.get("replace"))}


def _files(params: Mapping[str, Any], path: Path, quantizer: Path) -> tuple[Making, ...]:
    asked = params.get("recipes") or []
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise AppError(ErrorCode.BAD_REQUEST, reason="“recipes” must be a list of recipes.")
    own = [(Recipe.from_dict(each), each.get("name")) for each in asked]
    names = params.get("types") or []
    if not isinstance(names, list):
        raise AppError(ErrorCode.BAD_REQUEST, reason="“types” must be a list of names.")
    plain = types.named(quantizer, [str(name) for name in names]) if names or not own else []
    types.named(quantizer, [recipe.quant_type for recipe, _ in own] or ["F16"])
    recipes = [*((Recipe(each.name), None) for each in plain), *own]
    files = []
    for recipe, name in recipes:
        if name is not None and not isinstance(name, str):
            raise AppError(ErrorCode.BAD_REQUEST, reason="A recipe's “name” must be a text.")
        label = naming.label(recipe, name)
        target = naming.target(params.get("folder"), params.get("name"), path, label)
        files.append(Making(recipe, label, target))
    twice = [str(target) for target, n in Counter(each.target for each in files).items() if n > 1]
    if twice:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"Two recipes would make {twice[0]}.")
    over = next((each.target for each in files if each.target == path.absolute()), None)
    if over is not None:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"{over} is the model itself.")
    return tuple(files)


def _foreign(
    params: Mapping[str, Any], path: Path, labels: Sequence[str], evaluate: Path | None
) -> tuple[Foreign, ...]:
    asked = params.get("compare") or []
    if not isinstance(asked, list):
        raise AppError(ErrorCode.BAD_REQUEST, reason="“compare” must be a list of files.")
    if asked and evaluate is None:
        reason = "“compare” needs a text to compare the files on, “evaluate”."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    known, found = set(labels), []
    for value in asked:
        file = _file(value, "compare")
        if file.resolve() == path.resolve():
            reason = f"{file} is the model that the others are compared with."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        label, number = file.stem, 1
        while label in known:
            number += 1
            label = f"{file.stem} ({number})"
        known.add(label)
        found.append(Foreign(file, label))
    return tuple(found)


def _chunks(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise AppError(ErrorCode.BAD_REQUEST, reason="“chunks” must be a number above 0.")
    return value


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not isinstance(value, int | float) or not 0 < value < math.inf:
        reason = "“budget_seconds” must be a number above 0."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    return float(value)
