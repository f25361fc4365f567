"""A runtime: a folder with llama.cpp's tools, and what these tools say about themselves.

Everything is asked of the tools in child processes; nothing native is loaded here. Version and
flags are cached by the server's path, size and time; devices are read anew each time, because
drivers come and go while the file stays the same.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core import procs
from desktop.core.errors import AppError, ErrorCode
from desktop.core.hardware.gpu_names import looks_integrated
from desktop.core.paths import EXE, SERVER, engine_bin, engine_folder

ENVIRONMENT_ID = "environment"
environment_folder = engine_folder  # the runtime of that id
REQUIRED = (SERVER, "llama-bench", "llama-quantize")
TOOLS = (
    *REQUIRED,
    "llama-batched-bench",
    "llama-fit-params",
    "llama-imatrix",
    "llama-perplexity",
    "llama-gguf-split",
    "llama-tokenize",
    "llama-export-lora",
    "llama-cli",
    "ggml-rpc-server",
)
TIMEOUT_SECONDS = 60.0  # a first start may compile shaders or be read by a virus scanner
_BACKENDS = ("cuda", "vulkan", "metal", "hip", "sycl", "opencl", "cann", "rpc", "cpu", "blas")
MIB_BYTES = 1 << 20


@dataclass(frozen=True)
class Version:
    """`number` is the build's number or release, `commit` the short hash, `text` the whole line."""

    number: str
    commit: str
    text: str


@dataclass(frozen=True)
class EngineDevice:
    """A device besides the CPU, as the engine sees it. `free_bytes` is of the time of reading.

    Attributes:
        integrated: one chip with the CPU: its memory is the host's, and the engine leaves it alone
            where there is a card. Metal's counts as a card to the engine, with the host's memory.
    """

    name: str
    description: str
    backend: str
    total_bytes: int
    free_bytes: int
    integrated: bool = False

    @property
    def unified(self) -> bool:
        """Its memory is the host's."""
        return self.integrated or self.backend == "metal"


@dataclass(frozen=True)
class Runtime:
    """A working folder of tools. `capabilities` holds flags ("--fit", "-c") and "backend:cuda"."""

    id: str
    folder: Path
    bin_dir: Path
    tools: dict[str, Path]
    version: Version
    devices: tuple[EngineDevice, ...]
    capabilities: frozenset[str]

    def has(self, flag: str) -> bool:
        return flag in self.capabilities

    @property
    def backends(self) -> tuple[str, ...]:
        return tuple(sorted(c[8:] for c in self.capabilities if c.startswith("backend:")))

    def tool(self, name: str) -> Path:
        """The path of a tool.

        Raises:
            AppError: ENGINE_BAD_RUNTIME, when this runtime has no such tool.
        """
        path = self.tools.get(name)
        if path is None:
            raise _bad(self.folder, f"{name} is missing in {self.bin_dir}.")
        return path

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "folder": str(self.folder),
            "version": self.version.text,
            "commit": self.version.commit,
            "backends": list(self.backends),
            "tools": sorted(self.tools),
            "devices": [
                {
                    "name": d.name,
                    "description": d.description,
                    "backend": d.backend,
                    "total_bytes": d.total_bytes,
                    "free_bytes": d.free_bytes,
                    "unified": d.unified,
                }
                for d in self.devices
            ],
        }


def _bad(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.ENGINE_BAD_RUNTIME, path=str(path), reason=reason)


# Parsers: pure functions on what the tools print.

_NEW_VERSION = re.compile(r"^version: (\S+) \(build (\d+), commit (\w+)\)", re.MULTILINE)
_OLD_VERSION = re.compile(r"^version: (\d+) \((\w+)\)", re.MULTILINE)
_DEVICE = re.compile(r"^  (\S[^:]*): (.*) \((\d+) MiB, (\d+) MiB free\)\s*$", re.MULTILINE)
_UMA = re.compile(r"^ggml_vulkan: (\d+) = .* \| uma: ([01])\b", re.MULTILINE)
_FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][\w.-]*)")


def parse_version(output: bytes) -> Version | None:
    """`version: 0.5.0-dev (build 1, commit 0c1e570)`, or the older `version: 6123 (0c1e570)`."""
    text = output.decode("utf-8", "replace")
    match = _NEW_VERSION.search(text)
    if match:
        return Version(match[1], match[3], match[0].removeprefix("version: "))
    match = _OLD_VERSION.search(text)
    if match:
        return Version(match[1], match[2], match[0].removeprefix("version: "))
    return None


def parse_devices(output: bytes) -> tuple[EngineDevice, ...]:
    """`  CUDA0: NVIDIA H100 (81079 MiB, 80540 MiB free)` (common/arg.cpp).

    Vulkan says which devices are integrated (`ggml_vulkan: 0 = … | uma: 1 | …`); of the others the
    name tells.
    """
    text = output.decode("utf-8", "replace")
    uma = {f"Vulkan{index}": flag == "1" for index, flag in _UMA.findall(text)}
    return tuple(
        EngineDevice(
            name,
            described,
            device_backend(name),
            int(total) * MIB_BYTES,
            int(free) * MIB_BYTES,
            uma.get(name, device_backend(name) != "metal" and looks_integrated(described)),
        )
        for name, described, total, free in _DEVICE.findall(text)
    )


def device_backend(name: str) -> str:
    """The backend of a device by its name; names are the backends' own (GGML_*_NAME)."""
    stem = re.match(r"[A-Za-z]+", name)
    word = stem[0].lower() if stem else name.lower()
    return {"mtl": "metal", "rocm": "hip", "gpuopencl": "opencl"}.get(word, word)


def parse_flags(output: bytes) -> frozenset[str]:
    """Every flag `--help` offers: the start of a line up to two spaces names them."""
    flags: set[str] = set()
    for line in output.decode("utf-8", "replace").splitlines():
        if not line.startswith("-") or line.startswith("-----"):
            continue
        names = re.sub(r",\s+", ",", line).split("  ", 1)[0]
        flags.update(name for name in _FLAG.findall(names) if name not in ("-", "--"))
    return frozenset(flags)


def backends_in(folder: Path) -> frozenset[str]:
    """Which backends were compiled in, by the names of their libraries (ggml-cuda, …)."""
    found = set()
    for place in (folder, folder.parent / "lib"):
        for path in place.glob("*ggml-*"):
            match = re.match(r"(?:lib)?ggml-([a-z]+)", path.name)
            # `.so.0` alone is what a system's package and a frozen app have
            library = {".so", ".dylib", ".dll"}.intersection(path.suffixes)
            if match and match[1] in _BACKENDS and library:
                found.add(f"backend:{match[1]}")
    return frozenset(found)


# Reading a folder.


def find_bin(folder: Path) -> Path:
    """The folder of the tools: `folder/bin`, `folder/build/bin` or `folder` itself."""
    found = engine_bin(folder)
    if found is None:
        raise _bad(folder, f"{SERVER}{EXE} is not in it, nor in its bin folder.")
    return found


def read_runtime(runtime_id: str, folder: Path, cache_dir: Path) -> Runtime:
    """Read what a folder of tools is and can do.

    Raises:
        AppError: ENGINE_BAD_RUNTIME with the reason; ENGINE_KILLED where a tool was.
    """
    bin_dir = find_bin(folder)
    tools = {name: bin_dir / f"{name}{EXE}" for name in TOOLS}
    tools = {name: path for name, path in tools.items() if path.is_file()}
    for name in REQUIRED:
        if name not in tools:
            raise _bad(folder, f"{name}{EXE} is missing in {bin_dir}.")
        if not os.access(tools[name], os.X_OK):
            raise _bad(folder, f"{name}{EXE} is not executable (its permissions forbid it).")
    server = tools[SERVER]
    devices = parse_devices(_ask(server, "--list-devices"))
    cached = _from_cache(cache_dir, server)
    if cached is None:
        version = parse_version(_ask(server, "--version"))
        if version is None:
            raise _bad(folder, f"{SERVER} --version said nothing that can be read.")
        flags = parse_flags(_ask(server, "--help"))
        _to_cache(cache_dir, server, version, flags)
    else:
        version, flags = cached
    capabilities = flags | backends_in(bin_dir) | {f"backend:{d.backend}" for d in devices}
    return Runtime(runtime_id, folder, bin_dir, tools, version, devices, capabilities)


_KILLED = (-9, -15)  # by SIGKILL (the system's, for want of memory, is one) or SIGTERM


def _ask(tool: Path, flag: str) -> bytes:
    try:
        outcome = procs.run([tool, flag], timeout_seconds=TIMEOUT_SECONDS)
    except AppError as error:
        raise _bad(tool.parent, f"{tool.name} {flag} did not end: {error.cause}") from error
    except OSError as error:
        raise _bad(tool.parent, start_failure(tool.name, error)) from error
    if outcome.returncode in _KILLED:  # which says nothing of the runtime
        ended = procs.exit_words(outcome.returncode)
        raise AppError(ErrorCode.ENGINE_KILLED, reason=f"{tool.name} {flag} was {ended}.")
    if not outcome.ok:
        raise _bad(
            tool.parent,
            missing_library(outcome.stderr, outcome.returncode)
            or f"{tool.name} {flag}: {procs.exit_words(outcome.returncode)}. {outcome.tail(3)}",
        )
    return outcome.stdout + b"\n" + outcome.stderr


def start_failure(name: str, error: OSError) -> str:
    """Why the system would not start a program, in words."""
    numbers = {getattr(error, "winerror", None), error.errno}
    # 86: EBADARCH of macOS; 193 and 216: Windows' "not a valid application", "not for this CPU".
    if numbers & ({193, 216, errno.ENOEXEC} | ({86} if sys.platform == "darwin" else set())):
        return f"{name} is built for another kind of processor or system."
    if numbers & {errno.EACCES, errno.EPERM}:
        return f"{name} is not executable (its permissions, or the disk it is on, forbid it)."
    return f"{name} could not be started: {error.strerror or error}."


_MISSING = (
    re.compile(rb"error while loading shared libraries: ([^:]+): ([^\r\n]+)"),
    re.compile(rb"Library not loaded: (?:@rpath/)?([^\r\n]+)()"),
)
_WHAT = {
    "libcuda": "NVIDIA's driver is not installed, or not visible here",
    "nvcuda": "NVIDIA's driver is not installed",
    "libcudart": "the CUDA runtime is not installed",
    "libcublas": "the CUDA runtime is not installed",
    "libvulkan": "the Vulkan loader is not installed",
    "libamdhip": "AMD's ROCm is not installed",
    "libgomp": "GCC's OpenMP library is not installed",
    "libssl": "OpenSSL is not installed",
}


def missing_library(stderr: bytes, returncode: int) -> str | None:
    """The library a program could not be started without, in words; None if that is not it."""
    for pattern in _MISSING:
        match = pattern.search(stderr)
        if match:
            name = match[1].decode("utf-8", "replace").strip()
            why = next((w for stem, w in _WHAT.items() if name.startswith(stem)), "")
            return f"The library {name} is missing" + (f": {why}." if why else ".")
    if returncode in (0xC0000135, 0xC0000139, -1073741515, -1073741511):  # DLL or entry not found
        return "A library (DLL) it needs is missing or too old."
    return None


# The cache: one small file per server binary.


def _stamp(server: Path) -> tuple[Path, dict[str, Any]]:
    stat = server.stat()
    path = server.resolve()
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path("runtimes") / f"{name}.json", {
        "path": str(path),
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
    }


def _from_cache(cache_dir: Path, server: Path) -> tuple[Version, frozenset[str]] | None:
    relative, stamp = _stamp(server)
    try:
        data = json.loads((cache_dir / relative).read_text("utf-8"))
        if data["stamp"] != stamp:
            return None
        return Version(*data["version"]), frozenset(str(flag) for flag in data["flags"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there yet or of another version: it is asked anew


def _to_cache(cache_dir: Path, server: Path, version: Version, flags: frozenset[str]) -> None:
    relative, stamp = _stamp(server)
    target = cache_dir / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    data = {
        "stamp": stamp,
        "version": [version.number, version.commit, version.text],
        "flags": sorted(flags),
    }
    part.write_text(json.dumps(data), "utf-8")
    os.replace(part, target)
