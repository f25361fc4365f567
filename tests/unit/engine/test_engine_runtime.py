"""What tools say about themselves, and folders that are no runtime."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from desktop.core.engine import runtime as rt
from desktop.core.engine.runtime import MIB_BYTES, Runtime
from desktop.core.errors import AppError, ErrorCode

DATA = Path(__file__).parents[2] / "data" / "engine"


def recorded(name: str) -> bytes:
    return (DATA / name).read_bytes()


def test_version_of_this_build_and_of_older_ones() -> None:
    now = rt.parse_version(recorded("version_cpu.txt"))
    assert now is not None and (now.number, now.commit) == ("0.5.0-dev", "0c1e570")
    old = rt.parse_version(b"ggml_cuda_init: found 1\nversion: 6123 (abc1234)\nbuilt with cc\n")
    assert old is not None and (old.number, old.commit) == ("6123", "abc1234")
    assert rt.parse_version(b"Usage: something else") is None


def test_no_devices_on_a_machine_without_a_gpu() -> None:
    assert rt.parse_devices(recorded("list_devices_cpu.txt")) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "cuda",
            [
                ("CUDA0", "NVIDIA H100 80GB HBM3", "cuda", 81079, 80540),
                ("CUDA1", "NVIDIA GeForce RTX 4090", "cuda", 24564, 23010),
            ],
        ),
        (
            "metal",
            [("MTL0", "Apple M3 Max", "metal", 98304, 98303), ("BLAS", "Accelerate", "blas", 0, 0)],
        ),
        (
            "vulkan",
            [("Vulkan0", "AMD Radeon RX 7900 XTX (RADV NAVI31)", "vulkan", 24560, 23911)],
        ),
    ],
)
def test_devices(name: str, expected: list[tuple[str, str, str, int, int]]) -> None:
    devices = rt.parse_devices(recorded(f"handmade_list_devices_{name}.txt"))
    found = [
        (d.name, d.description, d.backend, d.total_bytes // MIB_BYTES, d.free_bytes // MIB_BYTES)
        for d in devices
    ]
    assert found == expected


def test_flags_of_the_help() -> None:
    flags = rt.parse_flags(recorded("help_server.txt"))
    for flag in (
        "-c",
        "--ctx-size",
        "--no-ui",
        "-ctk",
        "--cache-ram",
        "--no-context-shift",
        "-fit",
    ):
        assert flag in flags
    assert "--no-such-flag" not in flags
    assert "-----" not in flags and "-" not in flags and "--" not in flags


def test_the_environments_own_engine(runtime: Runtime) -> None:
    assert runtime.version.commit
    assert runtime.has("--log-jsonl") and "cpu" in runtime.backends
    assert runtime.tool("llama-quantize").is_file()
    assert runtime.to_dict()["id"] == "environment"
    assert "llama_cpp" not in sys.modules


def test_a_second_reading_comes_from_the_cache(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = rt._ask
    monkeypatch.setattr(rt, "_ask", lambda tool, flag: asked.append(flag) or real(tool, flag))
    first = rt.read_runtime("a", runtime.folder, tmp_path)
    assert asked == ["--list-devices", "--version", "--help"]
    asked.clear()
    assert rt.read_runtime("a", runtime.folder, tmp_path) == first
    assert asked == ["--list-devices"]
    for file in (tmp_path / "runtimes").iterdir():
        file.write_text("{ not json")
    asked.clear()
    assert rt.read_runtime("a", runtime.folder, tmp_path) == first
    assert asked == ["--list-devices", "--version", "--help"]


def _script(folder: Path, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in rt.REQUIRED:
        (folder / name).write_text(body)
        (folder / name).chmod(0o755)
    return folder


def _reason(folder: Path, cache: Path) -> str:
    with pytest.raises(AppError) as caught:
        rt.read_runtime("x", folder, cache)
    assert caught.value.code is ErrorCode.ENGINE_BAD_RUNTIME
    return str(caught.value.params["reason"])


posix = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts stand for tools")


@posix
def test_reasons_why_a_folder_is_no_runtime(tmp_path: Path) -> None:
    assert "llama-server" in _reason(tmp_path, tmp_path)
    half = _script(tmp_path / "half", "#!/bin/sh\n")
    (half / "llama-quantize").unlink()
    assert "llama-quantize is missing" in _reason(half, tmp_path)
    closed = _script(tmp_path / "closed", "#!/bin/sh\n")
    (closed / "llama-server").chmod(0o644)
    assert "not executable" in _reason(closed, tmp_path)
    alien = _script(tmp_path / "alien", "\x7fELF no machine has this")
    assert "another kind of processor" in _reason(alien, tmp_path)
    driver = "error while loading shared libraries: libcuda.so.1: cannot open shared object file"
    missing = _script(tmp_path / "missing", f"#!/bin/sh\necho '{driver}' >&2\nexit 127\n")
    words = _reason(missing, tmp_path)
    assert "libcuda.so.1" in words and "driver" in words
    silent = _script(tmp_path / "silent", "#!/bin/sh\nexit 0\n")
    assert "--version" in _reason(silent, tmp_path)
    crash = _script(tmp_path / "crash", "#!/bin/sh\nkill -SEGV $$\n")
    assert "SIGSEGV" in _reason(crash, tmp_path)


@posix
def test_a_tool_that_was_killed_says_nothing_of_its_runtime(tmp_path: Path) -> None:
    killed = _script(tmp_path / "killed", "#!/bin/sh\nkill -KILL $$\n")
    with pytest.raises(AppError) as caught:
        rt.read_runtime("x", killed, tmp_path)
    assert caught.value.code is ErrorCode.ENGINE_KILLED and "SIGKILL" in caught.value.cause


@pytest.mark.skipif(sys.platform != "linux", reason="a real missing library, by the Linux loader")
def test_a_library_that_is_really_missing(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in rt.REQUIRED:
        shutil.copy(runtime.tool(name), tmp_path / "bin" / name)
    words = _reason(tmp_path, tmp_path)
    assert "libllama-server-impl.so is missing" in words


def test_start_failures_in_words() -> None:
    assert "another kind" in rt.start_failure("x", OSError(errno.ENOEXEC, "Exec format error"))
    assert "permissions" in rt.start_failure("x", PermissionError(errno.EACCES, "denied"))
    assert os.strerror(errno.EIO) in rt.start_failure(
        "x", OSError(errno.EIO, os.strerror(errno.EIO))
    )


def test_missing_libraries_of_other_systems() -> None:
    mac = b"dyld[1]: Library not loaded: @rpath/libggml.dylib\n  Referenced from: <X>\n"
    assert "libggml.dylib" in str(rt.missing_library(mac, 6))
    assert "DLL" in str(rt.missing_library(b"", 0xC0000135))
    assert rt.missing_library(b"all is well", 1) is None
