"""Building a runtime: the command, what is missing, progress, and what is left behind."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from desktop.core.engine import build
from desktop.core.engine.build import CMAKE_OPTIONS, build_command, missing_parts, parse_step
from desktop.core.engine.runtime import Runtime
from desktop.core.engine.store import RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress
from desktop.core.paths import Paths, paths

ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for uv")


@pytest.fixture
def home(tmp_path: Path) -> Paths:
    return paths({"PADDOCK_HOME": str(tmp_path / "home")}).ensure()


def test_the_options_are_those_of_the_environment() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    table = project["tool"]["uv"]["config-settings-package"]["llama-cpp-python"]
    assert table == {f"cmake.define.{name}": value for name, value in CMAKE_OPTIONS.items()}


def test_the_command() -> None:
    command = build_command(Path("/uv"), "cuda", "0.3.36", Path("/p"), Path("/c/nvcc"))
    assert command[:3] == ["/uv", "pip", "install"]
    assert command[-1] == "llama-cpp-python==0.3.36"
    assert command[command.index("--target") + 1] == "/p"
    for setting in ("GGML_CUDA=ON", "LLAVA_BUILD=OFF", "CMAKE_CUDA_COMPILER=/c/nvcc"):
        assert f"cmake.define.{setting}" in command
    plain = " ".join(build_command(Path("/uv"), "vulkan", "1", Path("/p"), Path("/c/nvcc")))
    assert "GGML_VULKAN=ON" in plain and "CUDA" not in plain


def nothing(name: str) -> str | None:
    return None


def everything(name: str) -> str | None:
    return f"/bin/{name}"


def plenty(path: Path) -> int:
    return 10**12


@pytest.mark.skipif(sys.platform == "win32", reason="the compiler is looked for elsewhere there")
def test_each_missing_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "find_uv", lambda which: None)
    monkeypatch.setattr(build, "find_nvcc", lambda which, environ: None)

    def parts(backend: build.Backend, environ: Mapping[str, str] | None = None) -> str:
        found = missing_parts(
            backend, tmp_path / "a/b", which=nothing, environ=environ or {}, free_bytes=lambda p: 5
        )
        return "; ".join(found)

    assert "nvcc" in parts("cuda") and "uv" in parts("cuda") and "C++" in parts("cuda")
    assert "glslc" in parts("vulkan") and "nvcc" not in parts("vulkan")
    assert "6 GB of free disk" in parts("cpu")
    sdk = tmp_path / "sdk" / "include" / "vulkan"
    sdk.mkdir(parents=True)
    (sdk / "vulkan.h").write_text("")
    assert "headers" not in parts("vulkan", {"VULKAN_SDK": str(tmp_path / "sdk")})


def test_nothing_is_missing_where_all_is_there(tmp_path: Path) -> None:
    assert missing_parts("cpu", tmp_path, which=everything, free_bytes=plenty) == []
    assert missing_parts("cuda", tmp_path, which=everything, free_bytes=plenty) == []


def test_where_tools_are_looked_for(tmp_path: Path) -> None:
    assert build.find_uv(everything) == Path("/bin/uv")
    assert build.find_nvcc(everything, {}) == Path("/bin/nvcc")
    name = "nvcc.exe" if sys.platform == "win32" else "nvcc"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).write_text("")
    found = build.find_nvcc(nothing, {"CUDA_PATH": str(tmp_path)})
    assert found == tmp_path / "bin" / name


def test_ninjas_steps() -> None:
    assert parse_step(b"DEBUG [12/345] Building CXX object a.o") == (12, 345)
    assert parse_step(b"[0/0] x") is None
    assert parse_step(b"nothing [a/b]") is None


class Heard(NullReporter):
    def __init__(self, cancel: CancelToken | None = None) -> None:
        self.steps: list[Progress] = []
        self.lines: list[str] = []
        self._cancel = cancel

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)
        if self._cancel is not None and progress.total:
            self._cancel.cancel()

    def log(self, line: str) -> None:
        self.lines.append(line)


def fake_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """uv as a shell script: `$6` is the target folder of `build_command`."""
    script = tmp_path / "uv"
    script.write_text("#!/bin/sh\nset -e\n" + body)
    script.chmod(0o755)
    monkeypatch.setattr(build, "find_uv", lambda *which: script)
    monkeypatch.setattr(build, "missing_parts", lambda *a, **k: [])


@posix
def test_a_build_ends_in_its_place(
    home: Paths, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = f'cp -r "{runtime.bin_dir}" "$6/bin"; cp -r "{runtime.bin_dir}/../lib" "$6/lib"'
    steps = "echo '[1/2] a' >&2; echo '[2/2] b' >&2"
    fake_uv(tmp_path, monkeypatch, f'mkdir "$6/llama_cpp"; {steps}; {copy}')
    heard = Heard()
    made = build.build_runtime("mine", "cpu", home, heard, CancelToken())
    assert made.folder == home.runtimes / "mine"
    assert sorted(p.name for p in made.folder.iterdir()) == ["bin", "lib", "runtime.json"]
    assert [(s.done, s.total) for s in heard.steps] == [(0, None), (1, 2), (2, 2)]
    assert [p.name for p in home.runtimes.iterdir()] == ["mine"]
    store = RuntimeStore(home)
    assert store.get("mine").version == runtime.version
    assert "[2/2] b" in (home.logs / "engine-build-mine.log").read_text()
    with pytest.raises(AppError) as caught:
        build.build_runtime("mine", "cpu", home, heard, CancelToken())
    assert caught.value.code is ErrorCode.ENGINE_RUNTIME_EXISTS
    store.remove("mine")
    assert not list(home.runtimes.iterdir())


@posix
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo 'a.cpp:1: error: no such type' >&2; exit 2", "no such type (exit code 2)"),
        ("echo gone >&2; exit 1", "gone"),
        ("true", "without its tools"),
        ('mkdir "$6/bin" "$6/lib"', "llama-server"),
    ],
)
def test_a_build_that_fails_leaves_only_its_log(
    body: str, words: str, home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_uv(tmp_path, monkeypatch, body)
    with pytest.raises(AppError, match=None) as caught:
        build.build_runtime("mine", "cpu", home, NullReporter(), CancelToken())
    assert caught.value.code in (ErrorCode.ENGINE_BUILD_FAILED, ErrorCode.ENGINE_BAD_RUNTIME)
    assert words in caught.value.cause
    assert not list(home.runtimes.iterdir())
    assert (home.logs / "engine-build-mine.log").exists()


@posix
def test_a_gpu_build_without_its_backend_is_refused(
    home: Paths, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = f'cp -r "{runtime.bin_dir}" "$6/bin"; cp -r "{runtime.bin_dir}/../lib" "$6/lib"'
    fake_uv(tmp_path, monkeypatch, copy)
    with pytest.raises(AppError, match="without the cuda backend"):
        build.build_runtime("mine", "cuda", home, NullReporter(), CancelToken())
    assert not list(home.runtimes.iterdir())


@posix
def test_what_a_killed_build_left_is_swept_away(
    home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = home.runtimes / ".building-old", home.runtimes / ".building-young"
    for folder in (old, young):
        (folder / "lib").mkdir(parents=True)
    os.utime(old, (0, 0))
    fake_uv(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(AppError):
        build.build_runtime("mine", "cpu", home, NullReporter(), CancelToken())
    assert [folder.name for folder in home.runtimes.iterdir()] == [".building-young"]


@posix
def test_a_build_can_be_stopped(
    home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_uv(tmp_path, monkeypatch, "echo '[1/9] a'; sleep 600 & wait")
    cancel = CancelToken()
    with pytest.raises(AppError) as caught:
        build.build_runtime("mine", "cpu", home, Heard(cancel), cancel)
    assert caught.value.code is ErrorCode.CANCELLED
    assert not list(home.runtimes.iterdir())


def test_missing_parts_stop_a_build_before_it_begins(
    home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "missing_parts", lambda *a, **k: ["nvcc (the CUDA Toolkit)"])
    with pytest.raises(AppError) as caught:
        build.build_runtime("mine", "cuda", home, NullReporter(), CancelToken())
    assert caught.value.code is ErrorCode.ENGINE_BUILD_FAILED
    assert "nvcc (the CUDA Toolkit)" in caught.value.cause
