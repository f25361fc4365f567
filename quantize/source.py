"""The converters' files out of the engine's source package."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from quantize.make import UNFINISHED

CONVERTER, ADAPTER_CONVERTER = "convert_hf_to_gguf.py", "convert_lora_to_gguf.py"
CONVERTERS = (CONVERTER, ADAPTER_CONVERTER)
_MOST_BYTES = 64 << 20
_BLOCK = 1 << 20


def extract(archive: Path, target: Path, cancel: CancelToken) -> None:
    """Take the converters, their package and its gguf-py out of the engine's source package.

    Only plain files below those places are written; `target` appears when all are there.

    Raises:
        AppError: TOOLKIT_FAILED, for an archive that is broken or has no converter; CANCELLED.
    """
    fresh = target.with_name(target.name + UNFINISHED)
    shutil.rmtree(fresh, ignore_errors=True)
    room = _MOST_BYTES
    try:
        with tarfile.open(archive, "r|gz") as source:
            for member in source:
                cancel.raise_if_cancelled()
                place = _place(member.name)
                if place is None or not member.isreg():
                    continue
                room -= member.size
                content = source.extractfile(member)
                if room < 0 or content is None:
                    raise _failed("The source package is too large.")
                path = fresh.joinpath(*place.parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file, _BLOCK)
        if not all((fresh / name).is_file() for name in CONVERTERS):
            raise _failed("There is no converter in the source package.")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(fresh, target)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _failed(f"The source package cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _place(name: str) -> PurePosixPath | None:
    """Where a file of the archive goes, below the converter's folder; None: nowhere."""
    parts = name.split("/")
    if len(parts) < 4 or parts[1:3] != ["vendor", "llama.cpp"]:
        return None
    inside = parts[3:]
    if any(part in ("", ".", "..") or "\\" in part or ":" in part for part in inside):
        return None
    wanted = len(inside) == 1 and inside[0] in (*CONVERTERS, "LICENSE")
    wanted = wanted or inside[0] == "conversion" or inside[:2] == ["gguf-py", "gguf"]
    return PurePosixPath(*inside) if wanted else None


def _failed(reason: str) -> AppError:
    return AppError(ErrorCode.TOOLKIT_FAILED, reason=reason)
