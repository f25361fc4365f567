"""Modelfiles in the service: a variant made of one, and a model written as one."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Notice
from desktop.core.gguf.companions import Companion
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.gguf.words import clean, shown
from desktop.core.library.entry import ModelEntry
from desktop.core.library.modelfile import format_modelfile, parse
from desktop.core.library.recipe import Recipe, inherited, recipe_of, written
from desktop.core.library.variants import Variant, fingerprint_of_variant
from desktop.core.service.models import Models
from desktop.core.version import VERSION

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,126}[A-Za-z0-9])?")
_LOOKS_LIKE_A_PATH = re.compile(r"(?:\.{0,2}[/\\]|~|[A-Za-z]:[/\\])|.*\.gguf$", re.IGNORECASE)


class Modelfiles:
    """Imports and exports.

    Args:
        reader: looks into the headers of adapters and projectors.
    """

    def __init__(self, models: Models, reader: HeaderReader) -> None:
        self._models = models
        self._reader = reader

    async def take_in(self, text: str, name: str, folder: Path) -> dict[str, Any]:
        """Make a variant out of a Modelfile; one that was made here under this name is replaced.

        Args:
            folder: that paths in it are relative to.

        Returns: {"id", "variant_of", "left_out", "notices"}.

        Raises:
            AppError: MODELFILE_INVALID, MODELFILE_UNUSABLE, MODEL_NAME_TAKEN, PATH_NOT_FOUND,
                MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_BROKEN, LOAD_MISMATCH; nothing is stored.
        """
        recipe = recipe_of(await asyncio.to_thread(parse, text))
        await self._models.scanned.wait()
        self._check_name(name)
        base = await self._base(recipe.sources[0], folder)
        variant, notices = await asyncio.to_thread(self._variant, name, recipe, base, folder)
        await asyncio.to_thread(self._models.variants.put, variant)
        await self._models.scan()
        made = fingerprint_of_variant(variant.content, name)
        entry = next(each for each in self._models.library.models() if each.fingerprint == made)
        return {
            "id": entry.id,
            "variant_of": entry.variant_of,
            "left_out": [each.to_dict() for each in variant.given.left_out],
            "notices": [vars(notice) for notice in notices],
        }

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name) or "//" in name:
            raise AppError(
                ErrorCode.MODELFILE_UNUSABLE,
                reason=f"“{clean(name, 80)}” cannot be a model's name: it has 1 to 128 of the "
                "characters a to z, 0 to 9 and . _ - : / and begins and ends with a letter or a "
                "digit.",
            )
        if self._models.variants.has(name):
            return
        try:
            owner = self._models.library.resolve(name, hidden=True).id
        except AppError as error:
            if error.code is ErrorCode.MODEL_NOT_FOUND:
                return
            owner = str(error.params.get("matches"))
        raise AppError(ErrorCode.MODEL_NAME_TAKEN, name=name, owner=owner)

    async def _base(self, source: str, folder: Path) -> ModelEntry:
        """The model a FROM line means: a file, else a model of the library."""
        path = _path(source, folder)
        file = await asyncio.to_thread(_model_file, path)
        if file is None:
            if _LOOKS_LIKE_A_PATH.match(source):
                raise AppError(ErrorCode.PATH_NOT_FOUND, path=shown(path))
            base = await self._models.find(source, hidden=True)
        else:
            try:
                base = self._models.library.resolve(str(file), hidden=True)
            except AppError as error:
                if error.code is not ErrorCode.MODEL_NOT_FOUND:
                    raise
                await self._models.add_folder(str(file))
                base = self._models.library.resolve(str(file), hidden=True)
        if base.error is not None:
            raise AppError(
                ErrorCode.MODEL_BROKEN, model=base.id, reason=str(base.error)
            ) from base.error
        if base.kind != "model":
            reason = f"FROM names {base.id}, which is no model but a file beside one."
            raise AppError(ErrorCode.MODELFILE_UNUSABLE, reason=reason)
        return base

    def _variant(
        self, name: str, recipe: Recipe, base: ModelEntry, folder: Path
    ) -> tuple[Variant, list[Notice]]:
        given = recipe.given
        adapters = [
            {"path": self._beside("adapter", base, each, folder), "scale": 1.0}
            for each in recipe.adapters
        ]
        if adapters:
            given = replace(given, card=given.card.changed({"adapters": adapters}))
        defaults = dict(given.defaults)
        for projector in recipe.sources[1:]:
            defaults["mmproj"] = self._beside("projector", base, projector, folder)
        if recipe.draft is not None:
            defaults["draft"] = self._beside("draft", base, recipe.draft, folder)
        own = replace(given, names=(name,), defaults=defaults)
        summary = base.summary or ModelSummary()
        whole = inherited(own, base).fitted(summary.context_tokens, summary.n_layers)
        variant = Variant(name, base.content, whole)
        return variant, _notices(recipe, base)

    def _beside(self, kind: Companion, base: ModelEntry, value: str, folder: Path) -> str:
        """The absolute path of a file that goes with the model."""
        path = _path(value, folder)
        if not path.is_file():
            raise AppError(ErrorCode.PATH_NOT_FOUND, path=shown(path))
        problem = self._reader.problem_with(kind, base.shard_paths, path)
        if problem is not None:
            raise AppError(ErrorCode.LOAD_MISMATCH, path=shown(path), model=base.id, reason=problem)
        return str(path)

    async def give_out(self, entry: ModelEntry) -> dict[str, Any]:
        """A model as a Modelfile.

        Returns: {"model", "modelfile", "left_out"}.
        """
        saved: Mapping[str, Any] = await asyncio.to_thread(
            self._models.saved.read, entry.fingerprint
        )
        found = written(entry, saved)
        comments = [f"Written by Paddock {VERSION} of {entry.id}"]
        comments += [
            f"not taken along: {each.name} {each.value} ({each.reason})" for each in found.left_out
        ]
        return {
            "model": entry.id,
            "modelfile": format_modelfile(found.commands, comments),
            "left_out": [each.to_dict() for each in found.left_out],
        }


def _path(value: str, folder: Path) -> Path:
    """What a Modelfile's path means, whether it is there or not."""
    if "\0" in value:
        raise AppError(ErrorCode.MODELFILE_UNUSABLE, reason="A path in it holds the character 0.")
    expanded = os.path.expanduser(value)  # noqa: PTH111 - Path.expanduser raises for "~nobody"
    return Path(os.path.normpath(folder / expanded))


def _model_file(path: Path) -> Path | None:
    """The model's file: the path itself, or the one model in a folder; None where it is not there.

    Raises:
        AppError: MODELFILE_UNUSABLE, where a folder holds none, several, or another format.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        return None
    inside = sorted(each for each in path.iterdir() if each.is_file())
    models = [
        each
        for each in inside
        if each.suffix.lower() == ".gguf"
        and "mmproj" not in each.name.lower()
        and not re.search(r"-(?!00001)\d{5}-of-\d{5}\.gguf$", each.name, re.IGNORECASE)
    ]
    if len(models) == 1:
        return models[0]
    if not models and any(each.suffix == ".safetensors" for each in inside):
        reason = f"{shown(path)} holds safetensors: convert it first, with `paddock convert`."
    else:
        reason = f"{shown(path)} holds {len(models)} models: name one of the files."
    raise AppError(ErrorCode.MODELFILE_UNUSABLE, reason=reason)


def _notices(recipe: Recipe, base: ModelEntry) -> list[Notice]:
    if not recipe.given.template:
        return []
    text = (
        "Its TEMPLATE is in Ollama's own language: it is kept for export, and the template in the "
        "model's file is used."
    )
    if base.summary is not None and not base.summary.chat_template:
        text = (
            "Its TEMPLATE is in Ollama's own language: it is kept for export. The model's file has "
            "no template of its own, so that the engine's standard one (ChatML) is used: answers "
            "may be poor."
        )
    return [Notice("template_kept", text)]
