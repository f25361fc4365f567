"""Jan's models: a folder with a `model.yml` for each, before 0.6 with a `model.json`.

Source: `extensions/llamacpp-extension/src/{index,preset}.ts` of janhq/jan. `model_path` and
`mmproj_path` are relative to Jan's data folder, or absolute where a file was imported in place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.library.adopt.collected import OWN_TEMPLATE, Collected
from desktop.core.library.adopt.smallfile import read_flat_yaml, read_json
from desktop.core.library.given import Given

MAX_FOLDERS = 20_000
_MAX_DEPTH = 8
_SAME = (
    *("temperature", "top_k", "top_p", "min_p", "repeat_last_n", "repeat_penalty"),
    *("presence_penalty", "frequency_penalty", "max_tokens", "stop"),
)
_SAMPLING = {**dict(zip(_SAME, _SAME, strict=True)), "n_predict": "max_tokens"}
_LOAD = {
    "ctx_size": "context_tokens",
    "ctx_len": "context_tokens",
    "n_gpu_layers": "gpu_layers",
    "ngl": "gpu_layers",
    "ubatch_size": "ubatch",
    "n_cpu_moe": "experts_on_cpu",
    "n_parallel": "slots",
}
_DESCRIBE = frozenset(
    {
        *("name", "model_path", "mmproj_path", "size_bytes", "model_sha256", "model_size_bytes"),
        *("mmproj_sha256", "mmproj_size_bytes", "embedding", "id", "model", "files", "version"),
        *("engine", "source", "cache_type_k", "cache_type_v", "mtp_layers", "capabilities"),
    }
)
_TEMPLATES = frozenset({"chat_template", "prompt_template"})


@dataclass(frozen=True)
class JanModel:
    """One model as Jan knows it; `path` need not exist."""

    path: Path
    given: Given


def read_models(models: Path, data: Path) -> list[JanModel]:
    """Every model that a `model.yml` below `models` names.

    Args:
        data: Jan's data folder.
    """
    found = []
    for file in _descriptions(models):
        try:
            is_yaml = file.suffix == ".yml"
            settings = read_flat_yaml(file) if is_yaml else read_json(file)
        except AppError:  # the model's file is found by itself, without its settings
            continue
        if isinstance(settings, dict):
            model = _model(settings, file, models, data)
            if model is not None:
                found.append(model)
    return found


def _descriptions(models: Path) -> Iterator[Path]:
    left = MAX_FOLDERS
    for folder, below, files in os.walk(models):
        left -= 1
        depth = len(Path(folder).relative_to(models).parts)
        below[:] = sorted(below) if depth < _MAX_DEPTH and left > 0 else []
        for name in ("model.yml", "model.json"):
            if name in files:
                yield Path(folder) / name
                break


def _model(settings: dict[str, Any], file: Path, models: Path, data: Path) -> JanModel | None:
    path = _path(settings.get("model_path"), data) or _beside(file)
    if path is None:
        return None
    collected = Collected()
    flat = {**settings, **_part(settings, "settings"), **_part(settings, "parameters")}
    for key, value in flat.items():
        if value in (None, "", []) or isinstance(value, dict):
            continue
        if key in _SAMPLING:
            collected.sample(key, _SAMPLING[key], value)
        elif key in _LOAD:
            if key not in ("n_gpu_layers", "ngl") or value != -1:  # -1: as many as fit
                collected.load(key, _LOAD[key], value)
        elif key == "cpu_moe":
            if value is True:
                collected.set("experts_on_cpu", True)
        elif key in _TEMPLATES:
            collected.left(key, "…", OWN_TEMPLATE)
        elif key not in _DESCRIBE and not isinstance(settings.get("settings"), dict):
            collected.left(key, value)
    collected.kv_type("cache_type", flat.get("cache_type_k"), flat.get("cache_type_v"))
    name = file.parent.relative_to(models).as_posix()
    projector = _path(settings.get("mmproj_path"), data)
    there = projector if projector is not None and projector.is_file() else None
    return JanModel(path, collected.given("jan", (name,), there))


def _part(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section of a `model.json`."""
    part = settings.get(name)
    return part if isinstance(part, dict) else {}


def _path(value: Any, data: Path) -> Path | None:
    """An absolute path, or one in Jan's data folder; nothing that leads out of it."""
    if not isinstance(value, str) or not value or "\0" in value:
        return None
    if Path(value).is_absolute():
        return Path(value)
    path = Path(os.path.normpath(data / value))
    return path if path.is_relative_to(data) else None


def _beside(file: Path) -> Path | None:
    """The one GGUF file in the folder of a `model.json`."""
    try:
        found = sorted(
            each
            for each in file.parent.iterdir()
            if each.name.lower().endswith(".gguf") and not each.name.startswith("mmproj")
        )
    except OSError:
        return None
    return found[0] if len(found) == 1 else None
