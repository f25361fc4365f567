"""Making a GGUF file of a checkpoint: whole or not at all, with where it comes from beside it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from quantize import tool
from quantize.checkpoint import Checkpoint, show
from quantize.make import ROOM_BYTES, UNFINISHED, check_room, sidecar_of
from quantize.pins import ENGINE_VERSION
from quantize.source import CONVERTER
from quantize.toolkit import Toolkit, environment

# What the file's weights are stored as, and the bytes a number takes then. "auto" is the 16-bit
# type that loses nothing.
TYPES = {"f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "auto": 2.0}
_WRITTEN = re.compile(r"^paddock-written (\d+) (\d+)$")  # resources/toolkit/run_converter.py
_HASH = re.compile(r"chkhsh:\s*([0-9a-f]{64})")
_BLOCK = 4 << 20


@dataclass(frozen=True)
class Wanted:
    """What to make of a checkpoint.

    Attributes:
        projector: the part of it that sees or hears, instead of the model.
    """

    out_type: str
    projector: bool = False

    @classmethod
    def of(cls, out_type: object, projector: object) -> Wanted:
        """Raises:
        AppError: SETTING_INVALID for a type that the converter is not asked for here.
        """
        if out_type not in TYPES:
            raise AppError(
                ErrorCode.SETTING_INVALID,
                name="type",
                value=str(out_type)[:80],
                reason=f"It is one of {', '.join(TYPES)}.",
            )
        return cls(str(out_type), bool(projector))


def check_known(checkpoint: Checkpoint, toolkit: Toolkit, wanted: Wanted) -> None:
    """Raises:
    AppError: ARCHITECTURE_UNSUPPORTED, where this converter does not know the checkpoint's.
    """
    known = toolkit.projectors if wanted.projector else toolkit.architectures
    if checkpoint.architecture not in known:
        what = "no projector" if wanted.projector else "no model"
        raise AppError(
            ErrorCode.ARCHITECTURE_UNSUPPORTED,
            architecture=checkpoint.architecture,
            reason=f"The converter of this engine (llama-cpp-python {ENGINE_VERSION}) makes "
            f"{what} of it; it knows {len(known)} other architectures.",
        )


def hashes(checkpoint: Checkpoint, reporter: Reporter, cancel: CancelToken) -> dict[str, str]:
    """The sha256 of each file of the weights, and of the config, by name."""
    total, done = checkpoint.size_bytes, 0
    found = {}
    for path in (checkpoint.folder / "config.json", *checkpoint.weights):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                cancel.raise_if_cancelled()
                digest.update(block)
                done += len(block)
                shown = min(done, total)
                reporter.progress(Progress("reading the checkpoint", shown, total, "bytes"))
        found[path.name] = digest.hexdigest()
    return found


def convert(
    toolkit: Toolkit,
    checkpoint: Checkpoint,
    target: Path,
    wanted: Wanted,
    *,
    name: str,
    source: dict[str, str],
    check: Callable[[Path], None],
    work: Path,
    reporter: Reporter,
    cancel: CancelToken,
) -> dict[str, Any]:
    """Make `target` of the checkpoint; a file with that name is replaced.

    Beside it lies `NAME.made.json` with what it was made of.

    Args:
        name: what the checkpoint is called, such as OWNER/NAME; the model's name without its owner.
        source: the hashes of the checkpoint's files.
        check: raises what is wrong with the file that was made, before it gets its name.
        work: a folder for what the converter sees and writes besides.

    Returns: {"path", "type", "size_bytes", "seconds"}.

    Raises:
        AppError: DISK_FULL, ARCHITECTURE_UNSUPPORTED, TOKENIZER_UNKNOWN, ENGINE_TOOL_FAILED,
            CANCELLED; nothing is left behind then.
    """
    check_known(checkpoint, toolkit, wanted)
    target.parent.mkdir(parents=True, exist_ok=True)
    need = int(checkpoint.values * TYPES[wanted.out_type]) or checkpoint.size_bytes
    if not wanted.projector:
        check_room(target.parent, need + ROOM_BYTES)
    # A folder beside the target: on its disk, and the converter may name the file as it likes.
    unfinished = unfinished_of(target)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    work.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(dir=work))
    # The converter takes the model's name from the folder's.
    seen = private / "checkpoint" / (Path(name).name or "model")
    what = f"converting to {wanted.out_type}"
    command = toolkit.command(
        seen, "--outfile", unfinished / "model.gguf", "--outtype", wanted.out_type
    )
    if wanted.projector:
        command.append("--mmproj")

    def on_line(line: str) -> None:
        step = _WRITTEN.match(line)
        if step is not None:
            reporter.progress(Progress(what, int(step[1]), int(step[2]), "bytes"))

    reporter.progress(Progress(what, 0, None))
    started = time.monotonic()
    try:
        show(checkpoint, seen)
        lines: list[str] = []

        def keep(line: str) -> None:
            lines.append(line)
            on_line(line)

        try:
            tool.run(command, cancel, keep, environment=environment(private))
        except AppError as error:
            if error.code is ErrorCode.ENGINE_TOOL_FAILED:
                check_room(target.parent, ROOM_BYTES)  # it may have filled the disk
                raise explained(error, lines, checkpoint) from error
            raise
        made = sorted(unfinished.glob("*.gguf"))
        if len(made) != 1:
            raise tool.failed(CONVERTER, f"It wrote {len(made)} files.")
        with made[0].open("rb") as file:
            os.fsync(file.fileno())
        check(made[0])
        cancel.raise_if_cancelled()
        document = {
            "path": target.name,
            "type": wanted.out_type,
            "projector": wanted.projector,
            "size_bytes": made[0].stat().st_size,
            "seconds": time.monotonic() - started,
            "made_from": {
                "checkpoint": name,
                "architecture": checkpoint.architecture,
                "sha256": source,
                "engine": f"llama-cpp-python {ENGINE_VERSION}",
            },
        }
        sidecar = unfinished / "made.json"
        sidecar.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        os.replace(made[0], target)
        os.replace(sidecar, sidecar_of(target))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(private, ignore_errors=True)
    return {**document, "path": str(target)}


def unfinished_of(target: Path) -> Path:
    """The folder in which a target is made."""
    return target.with_name(target.name + UNFINISHED)


def explained(error: AppError, lines: Sequence[str], checkpoint: Checkpoint) -> AppError:
    """What the converter's last words mean, where that is known; else they themselves."""
    text = "\n".join(lines)
    pre_tokenizer = _HASH.search(text)
    if pre_tokenizer is not None:
        return AppError(
            ErrorCode.TOKENIZER_UNKNOWN, path=str(checkpoint.folder), hash=pre_tokenizer[1]
        )
    if "is not supported" in text and checkpoint.architecture in text:
        return AppError(
            ErrorCode.ARCHITECTURE_UNSUPPORTED,
            architecture=checkpoint.architecture,
            reason=f"The converter of llama-cpp-python {ENGINE_VERSION} refuses it.",
        )
    said = next((line for line in reversed(lines) if _LAST_WORDS.match(line)), None)
    return error if said is None else tool.failed(CONVERTER, tool.reason([said]))


# The last line of a traceback, or of the converter's log.
_LAST_WORDS = re.compile(r"^(?:\w+(?:\.\w+)*(?:Error|Exception): .+|ERROR:.+)$")
