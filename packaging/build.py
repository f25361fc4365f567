"""Build the folder that runs on a machine without Python.

    uv run python packaging/build.py                    dist/paddock
    uv run python packaging/build.py --output FOLDER    somewhere else
    uv run python packaging/build.py --engine FOLDER    with another build of the engine's tools

The engine of the environment is compiled for this machine's processor; a folder for others wants a
portable build of it (`--engine`). The libraries of the system are taken along, so build on the
oldest system that is to run it. Nothing is at the output before all of it is done.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import PyInstaller
from engine_files import EngineError, copy_engine
from licenses import copy_licenses

from desktop.core.engine.runtime import environment_folder
from desktop.core.errors import AppError
from desktop.core.paths import demo_model

ROOT = Path(__file__).resolve().parents[1]
INTERNAL = "_internal"
# What must never be in it: big, or of tests and tools, or not under a licence we can pass on.
UNWANTED = re.compile(
    r"/(torch|transformers|mypy|hypothesis|_?pytest|llama_cpp)(/|\.|-)"
    r"|Qt6?(Qml|Quick|WebEngine|3D|Charts|Graphs|DataVisualization|VirtualKeyboard|Test)"
    r"|/libg[td]k-|/libreadline|/tests/"
)


class BuildError(Exception):
    """Words for the person who builds."""


def say(text: str) -> None:
    print(f"build: {text}", flush=True)


def collect(work: Path) -> Path:
    """Let PyInstaller collect the program; returns the folder it made."""
    log = work / "pyinstaller.log"
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "INFO"]
    command += ["--distpath", str(work / "dist"), "--workpath", str(work / "work")]
    command.append(str(ROOT / "packaging" / "paddock.spec"))
    with log.open("wb") as sink:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**os.environ, "PYINSTALLER_CONFIG_DIR": str(work / "config")},
            check=False,
        )
    if ran.returncode != 0:
        tail = "\n    ".join(log.read_text("utf-8", "replace").splitlines()[-8:])
        raise BuildError(
            f"PyInstaller ended with {ran.returncode} (all of it in {log}):\n    {tail}"
        )
    return work / "dist" / "paddock"


def check_contents(folder: Path) -> None:
    """Whether the build has what it must have, and nothing it must not."""
    inside = [f"/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*")]
    unwanted = [name for name in inside if UNWANTED.search(name)]
    if unwanted:
        raise BuildError("this does not belong into a build: " + ", ".join(sorted(unwanted)[:5]))
    for what in (
        r"resources/demo/[\w.-]+\.gguf",
        r"resources/icons/paddock\.svg",
        r"resources/texts/importance\.txt",
        r"resources/toolkit/run_converter\.py",
        r"/uv(\.exe)?$",
        r"i18n/ja/\w+\.ts",
    ):
        if not any(re.search(what, name) for name in inside):
            raise BuildError(f"{what} is missing in {folder}")
    # The LGPL asks that whoever has the folder can put another Qt into it.
    if not any(re.search(r"Qt6?Core[^/]*\.(so|dll|dylib)|/QtCore$", name) for name in inside):
        raise BuildError("Qt is not in the build as shared libraries of its own")


def size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def mib(count: int) -> str:
    return f"{count / (1 << 20):.0f} MiB"


def place(made: Path, output: Path) -> None:
    """Put the finished build where it belongs, in place of an older one."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        if not (output / INTERNAL).is_dir():
            raise BuildError(f"{output} is there and is no build of Paddock: it is left alone")
        shutil.rmtree(output)
    shutil.move(made, output)


def build(output: Path, given: Path | None, work: Path) -> None:
    """Make `output`; `work` keeps what makes the next build faster.

    Raises:
        BuildError, EngineError, AppError: why it cannot be made.
    """
    engine = given or environment_folder()
    if engine is None:
        raise BuildError("the environment has no engine; run `make setup` first")
    if not demo_model().is_file():
        raise BuildError(f"the bundled model is missing: {demo_model()}")
    work.mkdir(parents=True, exist_ok=True)
    say(f"1/4 collecting the program with PyInstaller {PyInstaller.__version__}; half a minute")
    made = collect(work)
    say(f"2/4 adding the engine from {engine}")
    inside = made / INTERNAL
    of_system = copy_engine(engine, inside / "engine")
    if given is None:
        say("    it is compiled for processors like this one; for others give --engine")
    say("3/4 adding the licences")
    collected = [
        Path(source)
        for source in json.loads((work / "work" / "paddock" / "collected.json").read_text("utf-8"))
    ]
    pythons = (sys.prefix, sysconfig.get_path("stdlib"))
    of_system += [path for path in collected if not any(map(path.is_relative_to, pythons))]
    for name in copy_licenses(inside / "resources" / "licenses", ROOT, of_system):
        say(f"    {name} brings no licence text of its own")
    say("4/4 looking it through")
    check_contents(made)
    place(made, output)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "paddock")
    parser.add_argument("--engine", type=Path, help="a folder with llama.cpp's tools")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "pyinstaller")
    args = parser.parse_args()
    begun = time.monotonic()
    output = args.output.absolute()
    try:
        build(output, args.engine and args.engine.absolute(), args.work.absolute())
    except (BuildError, EngineError, OSError) as error:
        print(f"build: error: {error}", file=sys.stderr)
        return 1
    except AppError as error:
        print(f"build: error: {error} {error.cause}", file=sys.stderr)
        return 1
    engine_size, whole = size_bytes(output / INTERNAL / "engine"), size_bytes(output)
    say(f"{output}: {mib(whole)}, {mib(engine_size)} of it the engine")
    say(f"done in {time.monotonic() - begun:.0f} s; try it: {Path(__file__).parent / 'smoke.py'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
