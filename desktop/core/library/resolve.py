"""From what a person or a program calls a model to the one model that is meant, or to an error."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.hub.names import PREFIX, label_patterns
from desktop.core.library.adopt.ollama_names import name_key
from desktop.core.library.entry import ModelEntry

_SHOWN_MATCHES = 8

Step = Callable[[str, Sequence[ModelEntry]], list[ModelEntry]]


def resolve(name: str, entries: Sequence[ModelEntry], aliases: Mapping[str, str]) -> ModelEntry:
    """The model called so. Never a default, never a guess.

    In this order: id, alias, absolute path, file name, `repo:QUANT` or `repo`, `repo/file`, what
    another program calls it, Ollama-style `name[:tag]`. Case does not matter, except in paths. A
    file means its model, never a variant of it.

    Raises:
        AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
    """
    wanted = name.strip()
    for entry in entries:
        if entry.id == wanted.lower():
            return entry
    meant = {alias.lower(): target for alias, target in aliases.items()}.get(wanted.lower())
    if meant is not None:
        for entry in entries:
            if entry.id == meant.lower():
                return entry
    if found := _by_path(wanted, [entry for entry in entries if entry.variant is None]):
        return _only(found, name)
    # A damaged file does not stand in the way of a good one that the name means as well.
    for pool in ([entry for entry in entries if not entry.broken], entries):
        models = [entry for entry in pool if entry.kind == "model"]
        files = [entry for entry in pool if entry.variant is None]
        steps: list[tuple[Step, Sequence[ModelEntry]]] = [
            (_by_file_name, files),
            (_by_repo, models),
            (_by_repo_file, files),
            (_by_app_name, models),
            (_by_short_name, models),
        ]
        for step, candidates in steps:
            if found := step(wanted, candidates):
                return _only(found, name)
    raise AppError(ErrorCode.MODEL_NOT_FOUND, model=clean(name, 200))


def _only(found: list[ModelEntry], name: str) -> ModelEntry:
    if len(found) == 1:
        return found[0]
    ids = [entry.id for entry in found]
    more = [f"and {len(ids) - _SHOWN_MATCHES} more"] if len(ids) > _SHOWN_MATCHES else []
    raise AppError(
        ErrorCode.MODEL_AMBIGUOUS,
        model=clean(name, 200),
        matches=", ".join(ids[:_SHOWN_MATCHES] + more),
        ids=ids,
    )


def _files(entry: ModelEntry) -> tuple[Path, ...]:
    return (entry.path, *entry.shard_paths, *entry.copies)


def _by_path(name: str, entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    # A relative path would be relative to the service's folder, which means nothing to anyone.
    path = os.path.expanduser(name)  # noqa: PTH111 - Path.expanduser raises for "~nobody"
    if not os.path.isabs(path) or "\0" in path:  # noqa: PTH117
        return []
    wanted = os.path.normcase(os.path.normpath(path))
    direct = [
        entry
        for entry in entries
        if any(os.path.normcase(file) == wanted for file in _files(entry))
    ]
    if direct:
        return direct
    real = os.path.realpath(path)
    return [
        entry for entry in entries if any(os.path.realpath(file) == real for file in _files(entry))
    ]


def _by_file_name(name: str, entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    wanted = name.lower()
    return [
        entry
        for entry in entries
        if any(wanted in (file.name.lower(), file.stem.lower()) for file in _files(entry))
    ]


def _places(entry: ModelEntry) -> list[tuple[str, str]]:
    """Where it lies on the hub, as (repository, path there), in small letters: what is in the
    cache twice, or beside another program's copy, was fetched under each of these names."""
    places = [(entry.repo, entry.repo_file), *map(_place_of, entry.copies)]
    return [(repo.lower(), file.lower()) for repo, file in places if repo and file]


def _place_of(path: Path) -> tuple[str | None, str | None]:
    """The same of a file in the layout of the hub's cache."""
    match = re.search(r"/models--([^/]+)/snapshots/[^/]+/(.+)$", path.as_posix())
    return (match[1].replace("--", "/", 1), match[2]) if match else (None, None)


def _by_repo(name: str, entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    repo, _, tag = PREFIX.sub("", name).lower().partition(":")
    of_repo = [
        (entry, file) for entry in entries for where, file in _places(entry) if where == repo
    ]
    if tag in ("", "latest"):
        return _each_once(entry for entry, _ in of_repo)
    # The label in the file name is what the hub's page shows; several files can share a type.
    for pattern in label_patterns(tag):
        if labelled := [entry for entry, file in of_repo if pattern.search(file)]:
            return _each_once(labelled)
    return _each_once(entry for entry, _ in of_repo if _quant(entry) == tag)


def _each_once(entries: Iterable[ModelEntry]) -> list[ModelEntry]:
    return list({id(entry): entry for entry in entries}.values())


def _by_repo_file(name: str, entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    wanted = PREFIX.sub("", name).lower()
    wanted = re.sub(r"/(?:resolve|blob)/[^/]+/", "/", wanted)
    found = []
    for entry in entries:
        places = {f"{repo}/{file}" for repo, file in _places(entry)}
        if entry.repo is not None and entry.repo_file is not None:
            folder, slash, _ = f"{entry.repo}/{entry.repo_file}".lower().rpartition("/")
            places |= {f"{folder}{slash}{path.name.lower()}" for path in entry.shard_paths}
        if wanted in places:
            found.append(entry)
    return found


def _by_app_name(name: str, entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    key, wanted = name_key(name), name.lower()
    return [
        entry
        for entry in entries
        if any(
            wanted == called.lower() or (key is not None and key == name_key(called))
            for called in entry.given.names
        )
    ]


def _by_short_name(name: str, entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    base, _, tag = name.lower().partition(":")
    same_name = [entry for entry in entries if entry.id.partition(":")[0] == base]
    if tag in ("", "latest"):
        return same_name
    same_quant = [entry for entry in same_name if _quant(entry) == tag]
    if same_quant:
        return same_quant
    # Ollama puts the size, and what comes after it, behind the colon: qwen3:8b, qwen3:8b-q4_K_M
    return [
        entry
        for entry in entries
        if f"{base}-{tag}" in (entry.id.partition(":")[0], entry.id.replace(":", "-"))
    ]


def _quant(entry: ModelEntry) -> str:
    return ((entry.summary.quant_type if entry.summary else None) or "").lower()
