"""The licence texts a build has to carry: of every package, of Python, and of system libraries."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

# Their texts lie in `resources/licenses`: the packages have none in a file of its own.
_TEXTS_ARE_OURS = {"nvidia-ml-py", "PySide6_Essentials", "shiboken6"}
_TEXTS = re.compile(r"(?i)(licen[cs]e|copying|notice|authors)[^/]*$")


def needed_packages(name: str = "paddock") -> list[Distribution]:
    """Everything installed that the package asks for on this system, itself left out, by name."""
    found: dict[str, Distribution] = {}
    waiting = list(distribution(name).requires or ())
    while waiting:
        wanted = Requirement(waiting.pop())
        if wanted.name.lower() in found or not (wanted.marker is None or wanted.marker.evaluate()):
            continue
        try:
            found[wanted.name.lower()] = package = distribution(wanted.name)
        except PackageNotFoundError:
            continue  # only an extra asks for it
        waiting += package.requires or ()
    return [found[key] for key in sorted(found)]


def copy_licenses(target: Path, root: Path, system_libraries: Iterable[Path]) -> list[str]:
    """Fill `target`, which holds the texts of `resources/licenses`; returns packages without any.

    Args:
        root: the source tree.
        system_libraries: libraries of this system that were copied into the build.
    """
    shutil.copyfile(root / "LICENSE", target / "paddock.txt")
    for name in ("LICENSE.txt", "LICENSE"):
        for folder in (sysconfig.get_path("stdlib"), sys.base_prefix):
            if (Path(folder) / name).is_file():
                shutil.copyfile(Path(folder) / name, target / "python.txt")
    without = []
    for package in needed_packages():
        texts = [path for path in package.files or () if _TEXTS.search(path.as_posix())]
        texts = [path for path in texts if ".dist-info/" in path.as_posix()]
        into = target / f"{package.name}-{package.version}"
        for path in texts:
            into.mkdir(exist_ok=True)
            shutil.copyfile(package.locate_file(path), into / path.name)  # type: ignore[arg-type]
        if not texts and package.name not in _TEXTS_ARE_OURS:
            without.append(package.name)
    _copy_of_debian(target / "system", system_libraries)
    return without


def _copy_of_debian(target: Path, libraries: Iterable[Path]) -> None:
    """The copyright files of the Debian packages these libraries are from."""
    paths = sorted({str(path.resolve()) for path in libraries})
    if not paths or shutil.which("dpkg") is None:
        return
    # Where / and /usr are one, dpkg may know a file by the other name.
    also = [path.removeprefix("/usr") for path in paths if path.startswith("/usr/")]
    ran = subprocess.run(["dpkg", "-S", *paths, *also], capture_output=True, text=True, check=False)
    target.mkdir(exist_ok=True)
    for package in {line.split(":")[0] for line in ran.stdout.splitlines()}:
        text = Path("/usr/share/doc") / package / "copyright"
        if text.is_file():
            shutil.copyfile(text, target / f"{package}.txt")
