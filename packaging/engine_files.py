"""The engine's tools and the libraries they load, copied so that they run from where they lie.

The tools look for their libraries beside themselves (`$ORIGIN/../lib`). What is copied is what the
tools ask for, and what a bare system may lack: OpenMP, OpenSSL.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from PyInstaller.depend.bindepend import get_imports
from PyInstaller.depend.dylib import include_library

from desktop.core.engine.runtime import REQUIRED, TOOLS, find_bin
from desktop.core.paths import EXE

_SHARED = re.compile(r"\.(so(\.\d+)*|dylib|dll)$")
# Every system has them, and an older copy would keep its graphics drivers from loading.
LEFT_TO_SYSTEM = ("libstdc++.so.", "libgcc_s.so.")


class EngineError(Exception):
    """Words for the person who builds."""


def copy_engine(source: Path, target: Path) -> list[Path]:
    """Copy a folder of tools to `target`/bin and their libraries to `target`/lib.

    Returns:
        The system's libraries among them, by where they came from.

    Raises:
        EngineError: a tool or a library is missing.
        AppError: ENGINE_BAD_RUNTIME, there is no llama-server in `source`.
    """
    bin_dir = find_bin(source)
    missing = [name for name in REQUIRED if not (bin_dir / f"{name}{EXE}").is_file()]
    if missing:
        raise EngineError(f"{', '.join(missing)} missing in {bin_dir}")
    (target / "bin").mkdir(parents=True)
    (target / "lib").mkdir()
    waiting = [path for name in TOOLS if (path := bin_dir / f"{name}{EXE}").is_file()]
    # Backends that are loaded when the engine runs; on Windows all of its libraries.
    waiting += [path for path in sorted(bin_dir.iterdir()) if _SHARED.search(path.name)]
    for path in waiting:
        shutil.copy2(path, target / "bin" / path.name)
    done, of_system = {path.name for path in waiting}, []
    while waiting:
        for name, library in _wanted(waiting.pop()):
            if name not in done:
                done.add(name)
                waiting.append(library)
                shutil.copy2(library.resolve(), target / "lib" / name)
                if not library.resolve().is_relative_to(source.resolve()):
                    of_system.append(library.resolve())
    check_engine(target)
    return of_system


def _wanted(file: Path) -> Iterator[tuple[str, Path]]:
    """The libraries a file loads, by the names it asks for; not those every system has."""
    for asked, found in get_imports(str(file)):
        name = Path(asked).name
        if not include_library(found or name) or name.startswith(LEFT_TO_SYSTEM):
            continue
        if found is None and sys.platform == "win32":
            continue  # the system's; its names are not looked up
        if found is None:
            raise EngineError(f"{file.name} needs {name}, which is not on this machine")
        yield name, Path(found)


def check_engine(folder: Path) -> None:
    """Whether everything the tools load comes from their own folder.

    Raises:
        EngineError: with the tool and the library that does not.
    """
    for file in sorted((folder / "bin").iterdir()):
        for name, library in _wanted(file):
            if not library.resolve().is_relative_to(folder.resolve()):
                raise EngineError(f"{file.name} takes {name} from {library}, not from {folder}")
