"""Building a runtime for a GPU: the environment's own llama.cpp again, with another backend.

GPU builds never go into the environment (the next plain `uv run` would put the CPU build back): uv
builds the same version of llama-cpp-python into a temporary folder, and its `bin` and `lib` are
moved to data/runtimes/<name> once they have been tried out.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from desktop.core import procs
from desktop.core.engine.runtime import Runtime, read_runtime
from desktop.core.engine.store import RuntimeStore, check_name, write_mark
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.paths import Paths

Backend = Literal["cuda", "vulkan", "cpu"]
PACKAGE = "llama-cpp-python"
# The same table as `[tool.uv.config-settings-package]` of pyproject.toml; a test compares them.
CMAKE_OPTIONS = {
    "LLAMA_BUILD_TOOLS": "ON",
    "LLAMA_BUILD_SERVER": "ON",
    "LLAMA_TOOLS_INSTALL": "ON",
    "LLAVA_BUILD": "OFF",
    "GGML_RPC": "ON",
    "LLAMA_USE_PREBUILT_UI": "OFF",
    "CMAKE_INSTALL_RPATH": "$ORIGIN/../lib;@loader_path/../lib",
    "CMAKE_C_FLAGS_INIT": "-U__AMX_INT8__",
    "CMAKE_CXX_FLAGS_INIT": "-U__AMX_INT8__",
}
BACKEND_OPTIONS: dict[Backend, dict[str, str]] = {
    "cuda": {"GGML_CUDA": "ON"},
    "vulkan": {"GGML_VULKAN": "ON"},
    "cpu": {},
}
DISK_BYTES = 6_000_000_000
_STALE_SECONDS = 86_400
_STEP = re.compile(rb"\[(\d+)/(\d+)\]")
_BROKEN_BY_USERS = ("CMAKE_ARGS", "FORCE_CMAKE", "CMAKE_GENERATOR", "CFLAGS", "CXXFLAGS")

Which = Callable[[str], str | None]


def find_uv(which: Which = shutil.which) -> Path | None:
    """uv on PATH, beside this interpreter, in the frozen app, or in the source tree's own `.uv`."""
    name = "uv.exe" if sys.platform == "win32" else "uv"
    found = which("uv")
    if found:
        return Path(found)
    root = Path(__file__).resolve().parents[3]
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    places = (
        Path(sys.executable).parent / name,
        Path(getattr(sys, "_MEIPASS", root)) / name,
        root / ".uv" / scripts / name,
        root / ".uv" / name,
    )
    return next((place for place in places if place.is_file()), None)


def find_nvcc(which: Which = shutil.which, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The CUDA compiler: on PATH, or in the toolkit's usual places."""
    name = "nvcc.exe" if sys.platform == "win32" else "nvcc"
    found = which("nvcc")
    if found:
        return Path(found)
    roots = [environ.get(key) for key in ("CUDA_PATH", "CUDA_HOME")] + [
        "/usr/local/cuda",
        "/opt/cuda",
    ]
    places = (Path(root) / "bin" / name for root in roots if root)
    return next((place for place in places if place.is_file()), None)


def missing_parts(
    backend: Backend,
    target: Path,
    *,
    which: Which = shutil.which,
    environ: Mapping[str, str] = os.environ,
    free_bytes: Callable[[Path], int] | None = None,
) -> list[str]:
    """What is missing for a build here, each with what to install. Empty when all is there.

    CMake and Ninja are not asked for: the build brings its own where the system has none.
    """
    missing = []
    if find_uv(which) is None:
        missing.append("uv (see https://docs.astral.sh/uv; `pip install uv`)")
    if sys.platform == "win32":
        studio = Path(environ.get("ProgramFiles(x86)", "C:/Program Files (x86)"))
        vswhere = studio / "Microsoft Visual Studio" / "Installer" / "vswhere.exe"
        if which("cl") is None and not vswhere.is_file():
            missing.append("a C++ compiler (Visual Studio Build Tools with “Desktop C++”)")
    elif not any(which(name) for name in ("c++", "g++", "clang++")):
        hint = "`xcode-select --install`" if sys.platform == "darwin" else "the package g++"
        missing.append(f"a C++ compiler ({hint})")
    if backend == "cuda" and find_nvcc(which, environ) is None:
        missing.append("nvcc (NVIDIA's CUDA Toolkit, https://developer.nvidia.com/cuda-downloads)")
    if backend == "vulkan":
        if which("glslc") is None:
            missing.append("glslc (the package glslc or shaderc, or the Vulkan SDK)")
        roots = [environ.get("VULKAN_SDK", ""), "/usr", "/usr/local", "/opt/homebrew"]
        folders = [Path(root) / part for root in roots if root for part in ("include", "Include")]
        if not any((folder / "vulkan" / "vulkan.h").is_file() for folder in folders):
            missing.append("Vulkan's headers (the package libvulkan-dev, or the Vulkan SDK)")
    free = free_bytes or (lambda path: shutil.disk_usage(path).free)
    for folder in dict.fromkeys((_existing(target), Path(tempfile.gettempdir()))):
        if (left := free(folder)) < DISK_BYTES:
            need = f"{DISK_BYTES / 1e9:.0f} GB of free disk at {folder} ({left / 1e9:.1f} GB are)"
            missing.append(need)
    return missing


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def build_command(
    uv: Path, backend: Backend, package_version: str, prefix: Path, nvcc: Path | None = None
) -> list[str]:
    """The one command that builds: uv, into `prefix`, from the source package."""
    options = {**CMAKE_OPTIONS, **BACKEND_OPTIONS[backend]}
    if backend == "cuda" and nvcc is not None:
        options["CMAKE_CUDA_COMPILER"] = str(nvcc)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [str(uv), "pip", "install", "-v", "--no-config", "--target", str(prefix)]
    command += ["--python", python if getattr(sys, "frozen", False) else sys.executable]
    command += ["--no-deps", "--no-binary", PACKAGE]
    for name, value in options.items():
        command += ["--config-setting", f"cmake.define.{name}={value}"]
    return [*command, f"{PACKAGE}=={package_version}"]


def parse_step(line: bytes) -> tuple[int, int] | None:
    """`[12/345]` of a line of Ninja's output."""
    match = _STEP.search(line)
    return (int(match[1]), int(match[2])) if match and int(match[2]) > 0 else None


def build_runtime(
    name: str, backend: Backend, paths: Paths, reporter: Reporter, cancel: CancelToken
) -> Runtime:
    """Build a runtime and put it into data/runtimes/<name>.

    Raises:
        AppError: ENGINE_RUNTIME_EXISTS, ENGINE_BUILD_FAILED (with what is missing, or the first
            error of the log), CANCELLED. Nothing is left behind but the log.
    """
    check_name(name)
    target = RuntimeStore(paths).folder_for_new(name)
    paths.logs.mkdir(parents=True, exist_ok=True)
    log = paths.logs / f"engine-build-{name}.log"
    if backend not in BACKEND_OPTIONS:
        raise _failed(f"There is no backend called “{backend}”.", log)
    if missing := missing_parts(backend, paths.runtimes):
        log.write_text("missing:\n" + "\n".join(missing) + "\n", "utf-8")
        raise _failed("Missing here: " + "; ".join(missing) + ".", log)
    uv = find_uv()
    assert uv is not None
    try:
        package_version = version(PACKAGE)
    except PackageNotFoundError:
        raise _failed(f"{PACKAGE} is not part of this installation.", log) from None
    paths.runtimes.mkdir(parents=True, exist_ok=True)
    _sweep(paths.runtimes)
    prefix = Path(tempfile.mkdtemp(prefix=f".building-{name}-", dir=paths.runtimes))
    try:
        command = build_command(uv, backend, package_version, prefix, find_nvcc())
        _run(command, log, reporter, cancel)
        check_build(prefix, backend, paths, log)
        write_mark(prefix, {"built": True, "backend": backend, "package_version": package_version})
        prefix.chmod(0o755)
        return _move(prefix, target, paths, log)
    finally:
        shutil.rmtree(prefix, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what a killed build or removal left behind a day ago or more."""
    for pattern in (".building-*", ".removed-*"):
        for folder in root.glob(pattern):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _failed(reason: str, log: Path) -> AppError:
    return AppError(ErrorCode.ENGINE_BUILD_FAILED, reason=reason, log=str(log))


def _run(command: list[str], log: Path, reporter: Reporter, cancel: CancelToken) -> None:
    environment = procs.clean_environment()
    for variable in _BROKEN_BY_USERS:
        environment.pop(variable, None)
    environment["NINJA_STATUS"] = "[%f/%t] "
    seen = (0, 0)
    errors: list[str] = []
    with log.open("wb") as stream:
        stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(command)}\n".encode())

        def take(line: bytes) -> None:
            nonlocal seen
            stream.write(line)
            step = parse_step(line)
            if step is not None and step != seen:
                seen = step
                reporter.progress(Progress("compiling", step[0], step[1], "steps"))
            elif re.search(rb"(?:error:|CMake Error|FAILED:|fatal error|ninja: )", line):
                text = line.decode("utf-8", "replace").strip()
                errors.append(text)
                reporter.log(text)

        reporter.progress(Progress("preparing", 0, None, "steps"))
        try:
            outcome = procs.run(
                command,
                cancel=cancel,
                on_stdout=take,
                on_stderr=take,
                environment=environment,
                whole_tree=True,
                output_limit_bytes=1 << 16,
            )
        except OSError as error:
            raise _failed(f"uv could not be started: {error.strerror}.", log) from error
    if not outcome.ok:
        first = errors[0] if errors else outcome.tail(3)
        raise _failed(f"{first} ({procs.exit_words(outcome.returncode)})", log)


def check_build(prefix: Path, backend: Backend, paths: Paths, log: Path) -> None:
    """Keep `bin` and `lib` of a build and try them out.

    Raises:
        AppError: ENGINE_BUILD_FAILED, or ENGINE_BAD_RUNTIME where it does not run here.
    """
    if not (prefix / "bin").is_dir() or not (prefix / "lib").is_dir():
        raise _failed("The build ended without its tools.", log)
    for part in prefix.iterdir():
        if part.name not in ("bin", "lib"):
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    built = read_runtime("new", prefix, paths.cache)
    if backend != "cpu" and backend not in built.backends:
        raise _failed(f"The build ended without the {backend} backend.", log)


def _move(prefix: Path, target: Path, paths: Paths, log: Path) -> Runtime:
    try:
        prefix.rename(target)
    except OSError as error:
        if target.exists():
            raise AppError(ErrorCode.ENGINE_RUNTIME_EXISTS, runtime=target.name) from error
        raise _failed(f"{target} could not be made: {error.strerror}.", log) from error
    return read_runtime(target.name, target, paths.cache)
