"""Making a GGUF file of a checkpoint: whole or not at all, with where it comes from beside it."""

from __future__ import annotations

import hashlib
import json
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
from quantize.checkpoint import Checkpoint, show, show_adapter
from quantize.pins import ENGINE_VERSION
from quantize.source import ADAPTER_CONVERTER, CONVERTER
from quantize.toolkit import Toolkit, environment
from quantize.whole import keep, making

# What the file's weights are stored as, and the bytes a number takes then.
TYPES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "auto": 2.0}
_WRITTEN = re.compile(r"^paddock-written (\d+) (\d+)$")  # resources/toolkit/run_converter.py
_HASH = re.compile(r"chkhsh:\s*([0-9a-f]{64})")
_BLOCK = 4 << 20
# What the converter says where a tensor's rows do not divide into the type's blocks; the line after
# it names the tensor.
_FALLS_BACK = "falling back to F16"
_TENSOR = re.compile(r"^INFO:[\w-]+:(\S+), +\S+ --> F16,")


@dataclass(frozen=True)
class Wanted:
    """What to make of a checkpoint.

    Attributes:
        out_type: one of TYPES. "auto" is the 16-bit type that loses nothing; of an adapter, which
            is small and mostly trained in 32 bits, it is f32.
        projector: the part of it that sees or hears, instead of the model.
    """

    out_type: str
    projector: bool = False

    def type_of(self, checkpoint: Checkpoint) -> str:
        is_adapter = checkpoint.base is not None
        return "f32" if is_adapter and self.out_type == "auto" else self.out_type

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
    AppError: ARCHITECTURE_UNSUPPORTED, where this converter does not know the checkpoint's;
        BAD_REQUEST for an adapter's projector.
    """
    if wanted.projector and checkpoint.base is not None:
        raise AppError(ErrorCode.BAD_REQUEST, reason="A LoRA adapter has no projector.")
    known = toolkit.projectors if wanted.projector else toolkit.architectures
    if not known & set(checkpoint.architectures):
        what = "no projector" if wanted.projector else "no model"
        raise AppError(
            ErrorCode.ARCHITECTURE_UNSUPPORTED,
            architecture=checkpoint.architecture,
            reason=f"The converter of this engine (llama-cpp-python {ENGINE_VERSION}) makes "
            f"{what} of it; it knows {len(known)} other architectures.",
        )


def hashes(checkpoint: Checkpoint, reporter: Reporter, cancel: CancelToken) -> dict[str, str]:
    """The sha256 of each file of the weights, and of the configs, by name."""
    total, done = checkpoint.size_bytes, 0
    found = {}
    for path in (*checkpoint.configs, *checkpoint.weights):
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

    Returns: {"path", "type", "size_bytes", "seconds", "projector", "adapter", "fallbacks",
        "made_from"}; `fallbacks`: tensors that are F16 because the type cannot hold them.

    Raises:
        AppError: DISK_FULL, ARCHITECTURE_UNSUPPORTED, TOKENIZER_UNKNOWN, ENGINE_TOOL_FAILED,
            CANCELLED; nothing is left behind then.
    """
    check_known(checkpoint, toolkit, wanted)
    out_type = wanted.type_of(checkpoint)
    need = int(checkpoint.values * TYPES[out_type]) or checkpoint.size_bytes
    what = f"converting to {out_type}"
    lines, fallbacks = list[str](), list[str]()

    def on_line(line: str) -> None:
        lines.append(line)
        step, tensor = _WRITTEN.match(line), _TENSOR.match(line)
        if tensor is not None and _FALLS_BACK in "".join(lines[-2:-1]):
            fallbacks.append(tensor[1])
        if step is not None:
            reporter.progress(Progress(what, int(step[1]), int(step[2]), "bytes"))

    reporter.progress(Progress(what, 0, None))
    started = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(dir=work))
    try:
        with making(target, 0 if wanted.projector else need) as unfinished:
            # The converter may name the file as it likes.
            command = _command(toolkit, checkpoint, private, name)
            command += ["--outfile", unfinished / "model.gguf", "--outtype", out_type]
            command += ["--mmproj"] if wanted.projector else []
            try:
                tool.run(command, cancel, on_line, environment=environment(private))
            except AppError as error:
                if error.code is ErrorCode.ENGINE_TOOL_FAILED:
                    raise explained(error, lines, checkpoint) from error
                raise
            made = sorted(unfinished.glob("*.gguf"))
            if len(made) != 1:
                raise tool.failed(CONVERTER, f"It wrote {len(made)} files.")
            check(made[0])
            cancel.raise_if_cancelled()
            document = {
                "type": out_type,
                "projector": wanted.projector,
                "adapter": checkpoint.base is not None,
                "fallbacks": fallbacks,
                "seconds": time.monotonic() - started,
                "made_from": {
                    "checkpoint": name,
                    "architecture": checkpoint.architecture,
                    "sha256": source,
                    "engine": f"llama-cpp-python {ENGINE_VERSION}",
                },
            }
            return keep(made[0], target, document)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _command(
    toolkit: Toolkit, checkpoint: Checkpoint, private: Path, name: str
) -> list[str | Path]:
    """The converter's command line, with what it may see of the checkpoint in `private`."""
    # It takes the model's name from the folder's.
    seen = private / "checkpoint" / (Path(name).name or "model")
    if checkpoint.base is None:
        show(checkpoint, seen)
        return toolkit.command(seen)
    base = private / "base"
    show_adapter(checkpoint, seen, base)
    return toolkit.command(seen, "--base", base, script=ADAPTER_CONVERTER)


def explained(error: AppError, lines: Sequence[str], checkpoint: Checkpoint) -> AppError:
    """What the converter's last words mean, where that is known; else they themselves."""
    text = "\n".join(lines)
    pre_tokenizer = _HASH.search(text)
    if pre_tokenizer is not None:
        return AppError(
            ErrorCode.TOKENIZER_UNKNOWN,
            path=str(checkpoint.folder),
            hash=pre_tokenizer[1],
            tokenizer=_tokenizer_of(checkpoint.folder),
        )
    refused = _REFUSED.search(text)
    if refused is not None:
        return AppError(
            ErrorCode.ARCHITECTURE_UNSUPPORTED,
            architecture=refused[1],
            reason=f"The converter of llama-cpp-python {ENGINE_VERSION} refuses it.",
        )
    said = next((line for line in reversed(lines) if _LAST_WORDS.match(line)), None)
    return error if said is None else tool.failed(CONVERTER, tool.reason([said]))


def _tokenizer_of(folder: Path) -> str:
    """What a checkpoint calls its tokenizer; it comes from a stranger and is only shown."""
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        named = config["tokenizer_class"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return "?"
    return named[:60] if isinstance(named, str) and named.isprintable() else "?"


_REFUSED = re.compile(r"Model (\w+) is not supported")
# The last line of a traceback, or of the converter's log.
_LAST_WORDS = re.compile(r"^(?:\w+(?:\.\w+)*(?:Error|Exception): .+|ERROR:.+)$")
