"""How files of a model are called: after the model, and after what they are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from quantize.recipe import Recipe

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]{0,63}")


def label(recipe: Recipe, name: str | None = None) -> str:
    """How a recipe's file and its steps are called.

    Args:
        name: what a person called the recipe.

    Raises:
        AppError: SETTING_INVALID for a name that cannot be part of a file's.
    """
    if name is not None:
        if not _LABEL.fullmatch(name) or name != name.strip():
            reason = "Letters, digits, dots, dashes and spaces make a recipe's name, 64 at most."
            raise AppError(
                ErrorCode.SETTING_INVALID, name="recipe", value=name[:100], reason=reason
            )
        return name
    if recipe.plain:
        return recipe.quant_type
    parts = [recipe.quant_type, *(["pure"] if recipe.pure else [])]
    if recipe.output_type:
        parts.append(f"out-{recipe.output_type.upper()}")
    if recipe.embedding_type:
        parts.append(f"emb-{recipe.embedding_type.upper()}")
    if recipe.tensor_types:
        parts.append("own")
    return "-".join(parts)


def stem(source: Path) -> str:
    """A file's name without what says how its weights are stored, and in how many parts."""
    plain = re.sub(r"-\d{5}-of-\d{5}$", "", source.stem)
    return re.sub(r"[-._](?:f16|bf16|f32|fp16|q8_0)$", "", plain, flags=re.IGNORECASE) or plain


def target(folder: Any, name: Any, source: Path, label: str) -> Path:
    """The file a recipe of this label makes.

    Args:
        folder, name: as somebody asked for them; without a name the source's `stem`.

    Raises:
        AppError: BAD_REQUEST where they are no folder and no file's name.
    """
    return _file(folder, stem(source) if name is None else name, f"-{label}")


def converted(folder: Any, name: Any, checkpoint: Mapping[str, Any]) -> Path:
    """The file that is made of a checkpoint before it is quantized.

    Args:
        checkpoint: `path` or `repo` and `type`, as somebody asked for them. Which type "auto"
            becomes is not known before.

    Raises:
        AppError: BAD_REQUEST.
    """
    source = checkpoint.get("repo") or checkpoint.get("path")
    if not isinstance(source, str) or not source:
        reason = "“checkpoint” must name a folder (“path”) or a repository (“repo”)."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    kind = str(checkpoint.get("type") or "auto").upper()
    called = Path(source.partition("@")[0]).absolute().name
    return _file(folder, called if name is None else name, "" if kind == "AUTO" else f"-{kind}")


def _file(folder: Any, begins: Any, ends: str) -> Path:
    if not isinstance(folder, str) or not folder:
        raise AppError(ErrorCode.BAD_REQUEST, reason="“folder” is missing.")
    if not isinstance(begins, str) or not begins or Path(begins).name != begins:
        raise AppError(ErrorCode.BAD_REQUEST, reason="“name” must be a file's name.")
    return Path(folder).absolute() / f"{begins}{ends}.gguf"
