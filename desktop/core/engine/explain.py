"""Why an engine ended, in plain words: from its last lines, its exit status and its settings."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from desktop.core import procs
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import missing_library
from desktop.core.errors import AppError, ErrorCode

# Windows' status of a process: access violation, stack overflow, out of memory, killed from outside
_WINDOWS_MEMORY = (0xC0000017, 0xC000012D)
_WINDOWS_KILLED = (0xC000013A,)

_MEMORY = re.compile(
    r"cudaMalloc failed: out of memory|CUDA error: out of memory|hipMalloc failed|"
    r"ErrorOutOfDeviceMemory|ErrorOutOfHostMemory|kIOGPUCommandBufferCallbackErrorOutOfMemory|"
    r"Insufficient Memory|insufficient memory|failed to allocate (?:buffer|compute|\S+ buffer|"
    r"memory|graph|output buffer|[\d.]+ MB)|error: failed to allocate buffer|std::bad_alloc|"
    r"Cannot allocate memory|failed to mmap|unable to allocate \S+ buffer",
    re.IGNORECASE,
)
_SIZES = (
    (re.compile(r"attempted to allocate +([\d.]+) MB"), 1 << 20),
    (re.compile(r"allocating ([\d.]+) MiB on device"), 1 << 20),
    (re.compile(r"allocate (?:\S+ )?buffer of size (\d+)"), 1),
    (re.compile(r"failed to allocate buffer, size = +([\d.]+) MiB"), 1 << 20),
    (re.compile(r"failed to allocate +([\d.]+) MB"), 1 << 20),
)
_GPU = re.compile(r"on device (\d+): cudaMalloc|allocate (CUDA\d|Vulkan\d|ROCm\d|MTL\d|Metal)")
_PORT = re.compile(r"couldn't bind HTTP server socket.*port: (\d+)")
_ARCHITECTURE = re.compile(r"unknown model architecture: '([^']*)'")
_PRE_TOKENIZER = re.compile(r"unknown pre-tokenizer type: '([^']*)'")
_FLAG = re.compile(
    r"error: invalid argument: (\S+)|error while handling argument \"([^\"]+)\": (.+)|"
    r"error: (?:unknown|unrecognized) (?:argument|option):? (\S+)|"
    r"invalid parameter for argument: (\S+)|(quantized V cache requires flash_attn to be enabled)"
)
_OPEN = re.compile(r"failed to open (?:GGUF file )?'?([^']*)'? \(([^)]+)\)")
_CORRUPT = re.compile(
    r"invalid magic|data is not within the file bounds|model is corrupted|missing tensor|"
    r"wrong shape|gguf_init_from_\w+: |error loading model hyperparameters|"
    r"error loading model vocabulary|key not found in model|invalid split file|"
    r"wrong number of tensors|has invalid|illegal split|done_getting_tensors|"
    r"read error|unexpectedly reached end of file|invalid n_rot",
    re.IGNORECASE,
)
_LOAD_ERROR = re.compile(r"error loading model: (.+)")
_CRASH = re.compile(r"GGML_ASSERT|GGML_ABORT|CUDA error|what\(\):|terminate called")
_NOISE = re.compile(
    r"failed to load model|exiting due to|failed to create context|failed to create_context|"
    r"encountered an error while trying to fit|cleaning up before exit|^/|^\[New|^\s*$|usage:|"
    r"breakdown"
)


def explain(
    lines: Sequence[str],
    returncode: int,
    settings: LoadSettings,
    model: str,
    *,
    was_ready: bool = False,
    kernel_log: Callable[[], str] | None = None,
) -> AppError:
    """The error for an engine that ended by itself.

    Args:
        lines: the last lines as `Scrubber` let them through ("error: …" where marked).
        returncode: as `Popen` gives it; negative is a signal.
        model: the id that people know.
        was_ready: it had been serving.
        kernel_log: gives what the kernel said of an out-of-memory kill of this child, or "".
    """
    text = "\n".join(lines)
    when = "while it was running" if was_ready else "while it was loading"
    if (library := missing_library(text.encode(), returncode)) is not None:
        return AppError(ErrorCode.ENGINE_MISSING_LIBRARY, reason=library)
    if match := _PORT.search(text):
        return AppError(
            ErrorCode.ENGINE_PORT_TAKEN, reason=f"Port {match[1]} was taken by another program."
        )
    if _MEMORY.search(text) or returncode in _WINDOWS_MEMORY:
        return AppError(
            ErrorCode.ENGINE_OUT_OF_MEMORY, model=model, reason=_memory_words(text, settings)
        )
    if match := _ARCHITECTURE.search(text):
        return AppError(
            ErrorCode.ENGINE_UNKNOWN_ARCHITECTURE,
            reason=f"The file's architecture is “{match[1]}”, which is newer than this engine or "
            "not a language model.",
        )
    if match := _PRE_TOKENIZER.search(text):
        return AppError(
            ErrorCode.ENGINE_UNKNOWN_ARCHITECTURE,
            reason=f"The file's tokenizer is “{match[1]}”, which this engine does not know.",
        )
    if match := _FLAG.search(text):
        return AppError(ErrorCode.ENGINE_BAD_FLAG, reason=_flag_words(match))
    if match := _OPEN.search(text):
        path = Path(match[1]).name
        return AppError(
            ErrorCode.ENGINE_CORRUPT_MODEL, reason=f"{path} could not be opened: {match[2]}."
        )
    if not was_ready and _CORRUPT.search(text):
        return AppError(ErrorCode.ENGINE_CORRUPT_MODEL, reason=_corrupt_words(lines))
    if returncode == -getattr(signal, "SIGKILL", 9):
        return _killed(model, settings, when, kernel_log)
    if returncode in (-signal.SIGTERM, -signal.SIGINT) or returncode in _WINDOWS_KILLED:
        return AppError(
            ErrorCode.ENGINE_KILLED, reason=f"It was {procs.exit_words(returncode)} {when}."
        )
    return AppError(
        ErrorCode.ENGINE_DIED,
        model=model,
        reason=f"{_telling(lines)} ({procs.exit_words(returncode)}, {when})",
    )


def _killed(
    model: str, settings: LoadSettings, when: str, kernel_log: Callable[[], str] | None
) -> AppError:
    if kernel_log is not None and kernel_log():
        reason = f"The system ran out of memory and ended the engine {when}. " + _asked(settings)
        return AppError(ErrorCode.ENGINE_OUT_OF_MEMORY, model=model, reason=reason)
    return AppError(
        ErrorCode.ENGINE_KILLED,
        reason=f"It was ended by SIGKILL {when}: by hand, or by the system for want of memory.",
    )


def kernel_messages(pid: int) -> str:
    """What Linux's kernel said of ending `pid` for want of memory; "" where it may not be read."""
    if sys.platform != "linux":
        return ""
    try:
        outcome = procs.run(["dmesg"], timeout_seconds=5)
    except (OSError, AppError):
        return ""  # no such program, or it hangs: the words then name both possibilities
    pattern = rf"^.*(?:Out of memory|out of memory).*Killed process {pid} .*$"
    match = re.search(pattern, outcome.stdout.decode("utf-8", "replace"), re.MULTILINE)
    return match[0] if match else ""


def _asked(settings: LoadSettings) -> str:
    return (
        f"Asked for were {settings.slots} × {settings.context_tokens} tokens of context "
        f"with a {settings.kv_type_k} KV cache."
    )


def _memory_words(text: str, settings: LoadSettings) -> str:
    where = "This machine's memory"
    if match := _GPU.search(text):
        where = f"GPU {match[1]}" if match[1] else match[2]
    elif re.search(r"CUDA|cudaMalloc|Vulkan|OutOfDeviceMemory|MTL|metal|hip", text):
        where = "The GPU"
    sizes = [float(match[1]) * unit for pattern, unit in _SIZES for match in pattern.finditer(text)]
    wanted = f": a block of {max(sizes) / (1 << 30):.1f} GiB was refused" if sizes else ""
    return f"{where} could not give what was asked for{wanted}. {_asked(settings)}"


def _flag_words(match: re.Match[str]) -> str:
    if match[2]:
        return f"{match[2]}: {match[3].strip()}."
    if match[6]:
        return "A quantized V cache needs flash attention, which is switched off."
    return f"It does not know {match[1] or match[4] or match[5]}."


def _bare(line: str) -> str:
    line = re.sub(r"^(?:error|warn): ", "", line)
    line = re.sub(r"^(?:srv|cmn|slot|que)\s+\S+: ", "", line)
    return re.sub(r"^[a-z_]+\w*: ", "", line).strip()


def _corrupt_words(lines: Sequence[str]) -> str:
    for line in lines:  # the first one says what is wrong, the later ones what failed then
        if _CORRUPT.search(line):
            match = _LOAD_ERROR.search(line)
            words = match[1] if match else _bare(line)
            return words[:1].upper() + words[1:].rstrip(".") + "."
    return "Its header or its tensors make no sense."


def _telling(lines: Sequence[str]) -> str:
    """The line that says most: a failed assertion, else the last error, else the last line."""
    for line in lines:
        if _CRASH.search(line):
            return _bare(line).rstrip(".") + "."
    for line in reversed(lines):
        if line.startswith("error: ") and not _NOISE.search(_bare(line)):
            return _bare(line).rstrip(".") + "."
    for line in reversed(lines):
        if not _NOISE.search(line):
            return f"Its last words were: {_bare(line)[:200]}"
    return "It said nothing."
