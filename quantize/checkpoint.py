"""A checkpoint folder as people share it, read and checked before anything is converted.

It comes from strangers: names in it are paths to check, sizes are held against the files, and
nothing of it is ever run.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from quantize import adapter

CONFIG = "config.json"
_INDEX = "model.safetensors.index.json"
_MOST_JSON_BYTES = 64 << 20
# The format's own bound (safetensors' MAX_HEADER_SIZE).
_MOST_HEADER_BYTES = 100_000_000
_SHARD = re.compile(r"^(.+)-(\d{5})-of-(\d{5})\.safetensors$")
# What a converter reads besides the weights; code and pickles are never shown to it.
_DESCRIBE = (".json", ".jinja", ".txt", ".model")
_READ = (*_DESCRIBE, ".safetensors")
_PICKLES = (".bin", ".pt", ".pth")
# Bits a value takes (safetensors' dtypes).
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "I64": 64, "U64": 64, "F64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """A folder that can be converted as far as its files say.

    Attributes:
        architectures: what its config names, first for the whole, then for its parts.
        weights: the files of its weights; `pickled`: they are pickles.
        values: how many numbers the weights are; 0 where only loading them would tell.
        own_code: it names code of its own, which is not run.
        base: of a LoRA adapter: the folder of the model that it changes, of which only what
            describes it is read. The architectures are that model's.
        told: of a LoRA adapter: its config, as the converter has to see it.
    """

    folder: Path
    architectures: tuple[str, ...]
    weights: tuple[Path, ...]
    pickled: bool
    values: int
    own_code: bool
    base: Path | None = None
    told: dict[str, Any] | None = None

    @property
    def architecture(self) -> str:
        return self.architectures[0]

    @property
    def configs(self) -> tuple[Path, ...]:
        """The files that say what it is."""
        if self.base is None:
            return (self.folder / CONFIG,)
        return (self.folder / adapter.CONFIG, self.base / CONFIG)

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.weights)


def read(folder: Path, *, allow_pickle: bool = False, base: Path | None = None) -> Checkpoint:
    """The checkpoint of a folder: a model, or a LoRA adapter of one.

    Args:
        base: the folder of the model that an adapter changes; its weights need not be there.

    Raises:
        AppError: PATH_NOT_FOUND; CHECKPOINT_INVALID with what is wrong; CHECKPOINT_INCOMPLETE with
            the files that are missing; CHECKPOINT_PICKLED; ADAPTER_NEEDS_BASE, ADAPTER_UNSUPPORTED.
    """
    if not folder.is_dir():
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(folder))
    if adapter_in(path.name for path in folder.iterdir()):
        return _read_adapter(folder, base, allow_pickle)
    if base is not None:
        reason = f"It holds no LoRA adapter ({adapter.CONFIG}), so it has no base."
        raise _invalid(folder, reason)
    architectures, own_code = _described(folder)
    weights, index = _weights(folder)
    if weights:
        values = _check_weights(folder, weights, index)
        return Checkpoint(folder, architectures, weights, False, values, own_code)
    pickles = tuple(sorted(path for path in folder.iterdir() if path.suffix in _PICKLES))
    if not pickles:
        raise _invalid(folder, "There are no weights (*.safetensors) in it.")
    if not allow_pickle:
        raise AppError(ErrorCode.CHECKPOINT_PICKLED, path=str(folder), file=pickles[0].name)
    return Checkpoint(folder, architectures, pickles, True, 0, own_code)


def adapter_in(names: Iterable[str]) -> bool:
    """Whether the files of these names are a LoRA adapter, and not a whole model beside one."""
    there = set(names)
    return adapter.CONFIG in there and not any(
        name.startswith("model") and name.endswith(".safetensors") for name in there
    )


def _described(folder: Path) -> tuple[tuple[str, ...], bool]:
    """The architectures that a model's config names, and whether it names code of its own.

    Raises:
        AppError: CHECKPOINT_INVALID.
    """
    if not (folder / CONFIG).is_file():
        raise _invalid(folder, f"There is no {CONFIG} in it.")
    config = _json(folder / CONFIG)
    parts = [part for part in config.values() if isinstance(part, dict)]
    named = [
        name
        for each in (config, *parts)
        if isinstance(names := each.get("architectures"), list)
        for name in names[:1]
    ]
    if not named or not all(isinstance(name, str) for name in named):
        raise _invalid(folder, f"Its {CONFIG} names no architecture.")
    own_code = any(
        (folder / name).is_file() and "auto_map" in _json(folder / name)
        for name in (CONFIG, "tokenizer_config.json")
    )
    return tuple(dict.fromkeys(named)), own_code


def _read_adapter(folder: Path, base: Path | None, allow_pickle: bool) -> Checkpoint:
    config = _json(folder / adapter.CONFIG)
    if base is None:
        named = adapter.base_name(config)
        raise AppError(ErrorCode.ADAPTER_NEEDS_BASE, path=str(folder), base=named)
    if not base.is_dir():
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(base))
    architectures, own_code = _described(base)
    weights = folder / adapter.WEIGHTS
    pickle = folder / adapter.PICKLE
    try:
        told = adapter.told_to_converter(config)
        if weights.is_file():
            counts = check_safetensors(weights)
            adapter.check_tensors(counts)
            values = sum(counts.values())
        elif not pickle.is_file():
            raise _invalid(folder, f"There is no {adapter.WEIGHTS} in it.")
        elif allow_pickle:
            weights, values = pickle, 0
        else:
            raise AppError(ErrorCode.CHECKPOINT_PICKLED, path=str(folder), file=pickle.name)
    except adapter.Unsupported as error:
        raise AppError(
            ErrorCode.ADAPTER_UNSUPPORTED, path=str(folder), reason=str(error)
        ) from error
    pickled = weights == pickle
    return Checkpoint(folder, architectures, (weights,), pickled, values, own_code, base, told)


def show(checkpoint: Checkpoint, place: Path) -> None:
    """Make `place`, a folder in which the converter sees what it may read and nothing else."""
    place.mkdir(parents=True)
    kept = {path.name for path in checkpoint.weights}
    for path in checkpoint.folder.iterdir():
        if path.is_file() and (path.suffix in _READ or path.name in kept):
            same_file(path, place / path.name)
        elif path.is_dir():  # what sentence-transformers says of each of its modules
            for below in path.glob("*.json"):
                (place / path.name).mkdir(exist_ok=True)
                same_file(below, place / path.name / below.name)


def show_adapter(checkpoint: Checkpoint, place: Path, base: Path) -> None:
    """Make `place` for an adapter, and `base` with what describes its model."""
    assert checkpoint.base is not None
    for folder in (place, base):
        folder.mkdir(parents=True)
    (place / adapter.CONFIG).write_text(json.dumps(checkpoint.told), "utf-8")
    for path in checkpoint.weights:
        same_file(path, place / path.name)
    for path in checkpoint.base.iterdir():
        described = path.suffix in _DESCRIBE and not path.name.endswith(".index.json")
        if path.is_file() and described:  # with an index it would look for the weights
            same_file(path, base / path.name)


def same_file(path: Path, place: Path) -> None:
    """The file under another name: as a link where that is allowed, else as a copy."""
    path = path.resolve()
    for make in (os.symlink, os.link):
        try:
            make(path, place)
        except OSError:
            continue
        return
    shutil.copyfile(path, place)


def _invalid(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.CHECKPOINT_INVALID, path=str(path), reason=reason)


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_JSON_BYTES:
            raise _invalid(path, "It is too large for what it should be.")
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason=reason) from error
    except (ValueError, RecursionError) as error:
        raise _invalid(path, "It is no valid JSON.") from error
    if not isinstance(document, dict):
        raise _invalid(path, "It is no JSON object.")
    return document


def _weights(folder: Path) -> tuple[tuple[Path, ...], dict[str, str]]:
    """The files of the weights, and which of them its index says each tensor is in.

    Raises:
        AppError: CHECKPOINT_INVALID, CHECKPOINT_INCOMPLETE.
    """
    index: dict[str, str] = {}
    if (folder / _INDEX).is_file():
        index = _weight_map(folder / _INDEX)
        names = sorted(set(index.values()))
    else:
        names = sorted(path.name for path in folder.glob("*.safetensors"))
        whole = [name for name in names if name.startswith("model")]
        names = _all_shards(whole or names)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        some = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise AppError(
            ErrorCode.CHECKPOINT_INCOMPLETE, path=str(folder), count=len(missing), files=some
        )
    return tuple(folder / name for name in names), index


def _weight_map(path: Path) -> dict[str, str]:
    found = _json(path).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise _invalid(path, "It has no weight_map.")
    for name in set(map(str, found.values())):
        plain = "/" not in name and "\\" not in name and ":" not in name and name.isprintable()
        if not plain or not name.endswith(".safetensors"):
            raise _invalid(path, f"Its weight_map leads out of the folder, to {name[:80]!r}.")
    return {str(tensor): str(name) for tensor, name in found.items()}


def _all_shards(names: list[str]) -> list[str]:
    """These names and those that must be there beside them."""
    wanted = dict.fromkeys(names)
    for name in names:
        shard = _SHARD.match(name)
        if shard is not None:
            for number in range(1, int(shard[3]) + 1):
                wanted[f"{shard[1]}-{number:05}-of-{shard[3]}.safetensors"] = None
    return sorted(wanted)


def _check_weights(folder: Path, weights: tuple[Path, ...], index: dict[str, str]) -> int:
    """How many numbers there are.

    Raises:
        AppError: CHECKPOINT_INVALID, for a file that is cut off or no safetensors.
    """
    values = 0
    tensors: set[tuple[str, str]] = set()
    for path in weights:
        for name, count in check_safetensors(path).items():
            tensors.add((name, path.name))
            values += count
    absent = [name for name, file in index.items() if (name, file) not in tensors]
    if absent:
        raise _invalid(
            folder, f"{index[absent[0]]} does not hold “{absent[0][:80]}”, as it should."
        )
    return values


def check_safetensors(path: Path) -> dict[str, int]:
    """How many values each tensor of a file has; its header is held against its size.

    The format: 8 bytes with the header's length, the header as JSON, the tensors without holes.

    Raises:
        AppError: CHECKPOINT_INVALID with what is wrong; PATH_UNREADABLE.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= _MOST_HEADER_BYTES:
                raise _invalid(path, "It is no safetensors file.")
            if length > size - 8:
                raise _cut_off(path, size, 8 + length)
            header = json.loads(file.read(length))
    except OSError as error:
        reason = error.strerror or str(error)
        raise AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason=reason) from error
    except (ValueError, RecursionError) as error:
        raise _invalid(path, "Its header is broken.") from error
    if not isinstance(header, dict):
        raise _invalid(path, "Its header is broken.")
    header.pop("__metadata__", None)
    counts, spans = {}, []
    for name, tensor in header.items():
        try:
            bits, shape = _BITS[tensor["dtype"]], tensor["shape"]
            start, end = tensor["data_offsets"]
            sound = all(type(each) is int and each >= 0 for each in (*shape, start, end))
        except (KeyError, TypeError, ValueError) as error:
            raise _invalid(path, f"Its header is broken at “{name[:80]}”.") from error
        if not sound or (end - start) * 8 != math.prod(shape) * bits:
            raise _invalid(path, f"The size of “{name[:80]}” is not that of its shape.")
        counts[name] = math.prod(shape)
        spans.append((start, end))
    last = 0
    for start, end in sorted(spans):
        if start != last:
            raise _invalid(path, "Its tensors overlap or leave holes.")
        last = end
    if size != 8 + length + last:
        raise _cut_off(path, size, 8 + length + last)
    return counts


def _cut_off(path: Path, size: int, wanted: int) -> AppError:
    what = "cut off" if size < wanted else "longer than it should be"
    return _invalid(path, f"It is {what}: {size:,} bytes instead of {wanted:,}. Get it again.")
