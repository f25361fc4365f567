"""The conversion toolkit: llama.cpp's converter and an environment of its own for it to run in.

The converter belongs to the engine's source and is in its source package only, so it is taken from
exactly the pinned version, by its hash, without running that package's build. torch and what else
it imports are about 1 GB: they are installed when somebody converts, by uv, and never become part
of the app. uv reads the user's own settings of package indexes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.paths import resources
from desktop.core.procs import clean_environment
from quantize import tool
from quantize.make import UNFINISHED, check_room
from quantize.pins import (
    CONSTRAINTS,
    ENGINE_PACKAGE,
    ENGINE_VERSION,
    PYTHONS,
    REQUIREMENTS,
    SOURCE_SHA256,
    pins,
)
from quantize.source import CONVERTER, CONVERTERS, extract

# Measured on Linux with the CPU build of torch: 946 MB, and once more in uv's cache where that lies
# on another disk.
INSTALLED_BYTES = 950_000_000
# The CPU build's wheel, for indexes that do not say sizes.
_TORCH_BYTES = 192_000_000
_MARK = "toolkit.json"
_SOURCE = "llama.cpp"
_MODEL = re.compile(r"^\s+- (\w+)$")
_DOWNLOADING = re.compile(r"^\s*Downloading (\S+) \(([\d.]+)(B|KiB|MiB|GiB)\)")
_DOWNLOADED = re.compile(r"^\s*Downloaded (\S+)")
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

# Address, place, whom to tell the bytes that came and how many there are, when to stop.
Fetch = Callable[[str, Path, Callable[[int, int | None], None], CancelToken], None]


@dataclass(frozen=True)
class Toolkit:
    """An installed toolkit.

    Attributes:
        architectures: of checkpoints that it can convert; `projectors`: whose vision or audio part.
    """

    folder: Path
    architectures: frozenset[str]
    projectors: frozenset[str]

    def command(self, *arguments: str | Path, script: str = CONVERTER) -> list[str | Path]:
        """The command line of a converter; it runs no code of a checkpoint and no network."""
        source = self.folder / _SOURCE / script
        return [python_of(self.folder), "-I", _runner(), source, *arguments]

    @property
    def size_bytes(self) -> int:
        return sum(path.lstat().st_size for path in self.folder.rglob("*") if path.is_file())


def _runner() -> Path:
    return resources() / "toolkit" / "run_converter.py"


def python_of(folder: Path) -> Path:
    """The interpreter of a toolkit's environment."""
    if sys.platform == "win32":
        return folder / "env" / "Scripts" / "python.exe"
    return folder / "env" / "bin" / "python"


def find(root: Path) -> Toolkit | None:
    """The toolkit for this version of the engine; None where there is none that is whole.

    Args:
        root: the folder of toolkits, one below it for each version.
    """
    folder = root / ENGINE_VERSION
    try:
        mark = json.loads((folder / _MARK).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    whole = python_of(folder).exists() and _has_source(folder)
    if mark.get("pins") != pins() or not whole:
        return None
    models = mark["models"]
    return Toolkit(folder, frozenset(models["text"]), frozenset(models["projector"]))


def _has_source(folder: Path) -> bool:
    return all((folder / _SOURCE / name).is_file() for name in CONVERTERS)


def remove(root: Path) -> int:
    """Remove every toolkit, finished or not; returns how many bytes lay there."""
    if not root.is_dir():
        return 0
    freed = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file())
    with contextlib.suppress(FileNotFoundError):
        for mark in root.glob(f"*/{_MARK}"):
            mark.unlink()  # first, so that what is left of a broken removal is no toolkit
    shutil.rmtree(root, ignore_errors=True)
    if root.exists():
        raise AppError(
            ErrorCode.PATH_UNREADABLE, path=str(root), reason="It cannot be removed whole."
        )
    return freed


@dataclass(frozen=True)
class Installer:
    """What installing needs of others.

    Attributes:
        uv: the program.
        fetch: gets a file from an address that the index named.
        environ: the user's settings of indexes and proxies.
    """

    uv: Path
    fetch: Fetch
    environ: Mapping[str, str]

    def install(self, root: Path, reporter: Reporter, cancel: CancelToken) -> Toolkit:
        """The toolkit, installed if need be. What came before a break-off is not fetched again.

        Raises:
            AppError: TOOLKIT_FAILED, DISK_FULL, REMOTE_*, CANCELLED; no toolkit is there then.
        """
        there = find(root)
        if there is not None:
            return there
        folder = root / ENGINE_VERSION
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (folder / _MARK).unlink()
        check_room(folder, 2 * INSTALLED_BYTES)
        reporter.progress(Progress("looking up the packages", 0, None))
        url, source_bytes = self._source(folder, cancel)
        lock, package_bytes = self._lock(folder, reporter, cancel)
        reporter.log(
            f"The conversion toolkit: {(source_bytes + package_bytes) / 1e6:.0f} MB to get at "
            f"most, about {INSTALLED_BYTES / 1e9:.1f} GB on disk ({folder})."
        )
        self._get_source(folder, url, source_bytes, reporter, cancel)
        self._sync(folder, lock, package_bytes, reporter, cancel)
        return self._finish(root, folder, reporter, cancel)

    # --- its steps ----------------------------------------------------------------------------

    def _source(self, folder: Path, cancel: CancelToken) -> tuple[str, int]:
        """Where the index has the engine's source package, and its size."""
        pin = f"{ENGINE_PACKAGE}=={ENGINE_VERSION}\n"
        options = ("--no-deps", "--no-binary", ENGINE_PACKAGE)
        for package in self._resolved(folder, pin, "source", options, cancel)["packages"]:
            sdist = package.get("sdist") or {}
            if sdist.get("hashes", {}).get("sha256") == SOURCE_SHA256 and "url" in sdist:
                return str(sdist["url"]), int(sdist.get("size") or 0)
        reason = f"The package index has another source package of {pin.strip()} than ours."
        raise _failed(reason)

    def _lock(self, folder: Path, reporter: Reporter, cancel: CancelToken) -> tuple[Path, int]:
        """The packages as a lock file, and how many bytes they are at most."""
        if not python_of(folder).exists():
            reporter.progress(Progress("making an environment", 0, None))
            ours = sys.version_info[:2] in PYTHONS and not getattr(sys, "frozen", False)
            python = sys.executable if ours else "3.12"
            env = folder / "env"
            self._run(["venv", "--quiet", "--allow-existing", "--python", python, env], cancel)
        wanted = "\n".join((*REQUIREMENTS, ""))
        (folder / "constraints.txt").write_text("\n".join((*CONSTRAINTS, "")), "utf-8")
        options = ("--constraint", folder / "constraints.txt", "--python", python_of(folder))
        # Elsewhere the usual index has no other build than that for the CPU.
        backends: list[tuple[str, ...]] = [()]
        if sys.platform == "linux" and "UV_TORCH_BACKEND" not in self.environ:
            backends.insert(0, ("--torch-backend", "cpu"))
        for number, backend in enumerate(backends, 1):
            try:
                found = self._resolved(folder, wanted, "packages", (*options, *backend), cancel)
            except AppError as error:
                if error.code is not ErrorCode.TOOLKIT_FAILED or number == len(backends):
                    raise
                reporter.log("torch's CPU builds are out of reach; the usual index is asked.")
                continue
            return folder / "pylock.packages.toml", sum(map(_bytes, found["packages"]))
        raise AssertionError("one of them returns or raises")

    def _resolved(
        self,
        folder: Path,
        wanted: str,
        name: str,
        options: Sequence[str | Path],
        cancel: CancelToken,
    ) -> dict[str, Any]:
        """What uv finds for these requirements; it also lies in `pylock.NAME.toml`."""
        given, lock = folder / f"{name}.in", folder / f"pylock.{name}.toml"
        given.write_text(wanted, "utf-8")
        self._run(
            ["pip", "compile", "--quiet", "--format", "pylock.toml", *options, "-o", lock, given],
            cancel,
        )
        return tomllib.loads(lock.read_text("utf-8"))

    def _get_source(
        self, folder: Path, url: str, size: int, reporter: Reporter, cancel: CancelToken
    ) -> None:
        if _has_source(folder):
            return
        archive = folder / f"source.tar.gz{UNFINISHED}"

        def tell(done: int, total: int | None) -> None:
            what = "getting the converter"
            reporter.progress(Progress(what, done, total or size or None, "bytes"))

        try:
            self.fetch(url, archive, tell, cancel)
            with archive.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != SOURCE_SHA256:
                raise _failed(f"The source package's content is another one (sha256 {digest}).")
            extract(archive, folder / _SOURCE, cancel)
        finally:
            with contextlib.suppress(FileNotFoundError):
                archive.unlink()

    def _sync(
        self, folder: Path, lock: Path, size: int, reporter: Reporter, cancel: CancelToken
    ) -> None:
        coming: dict[str, float] = {}
        done = 0.0
        what = "installing torch and others"
        reporter.progress(Progress(what, 0, size, "bytes"))

        def on_line(line: str) -> None:
            nonlocal done
            if (found := _DOWNLOADING.match(line)) is not None:
                coming[found[1]] = float(found[2]) * _UNITS[found[3]]
            elif (found := _DOWNLOADED.match(line)) is not None:
                done += coming.pop(found[1], 0)
                reporter.progress(Progress(what, min(done, size), size, "bytes"))

        self._run(["pip", "sync", "--python", python_of(folder), lock], cancel, on_line)
        reporter.progress(Progress(what, size, size, "bytes"))

    def _finish(self, root: Path, folder: Path, reporter: Reporter, cancel: CancelToken) -> Toolkit:
        """Try the converter out, mark the toolkit as whole, and remove those of other versions."""
        reporter.progress(Progress("trying the converter", 0, None))
        toolkit = Toolkit(folder, frozenset(), frozenset())
        lines = tool.run(
            toolkit.command("--print-supported-models"),
            cancel,
            environment=environment(folder),
        )
        models = read_models(lines)
        if not models["text"]:
            raise _failed("The converter names no models that it could convert.")
        mark = folder / f"{_MARK}{UNFINISHED}"
        mark.write_text(json.dumps({"pins": pins(), "models": models}, indent=1), "utf-8")
        os.replace(mark, folder / _MARK)
        for other in root.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        found = find(root)
        if found is None:
            raise _failed("It is not whole.")
        return found

    def _run(
        self,
        arguments: Sequence[str | Path],
        cancel: CancelToken,
        on_line: tool.OnLine = lambda line: None,
    ) -> None:
        lines: list[str] = []

        def keep(line: str) -> None:
            lines.append(line.strip())
            on_line(line)

        try:
            tool.run(
                [self.uv, *arguments], cancel, keep, environment=index_environment(self.environ)
            )
        except AppError as error:
            if error.code is not ErrorCode.ENGINE_TOOL_FAILED:
                raise
            # uv's first line names what failed, those below it why.
            first = next((n for n, line in enumerate(lines) if line.startswith("error:")), None)
            said = " ".join(lines[first:]) if first is not None else str(error.params["reason"])
            raise _failed(said[:1000]) from error


def _failed(reason: str) -> AppError:
    return AppError(ErrorCode.TOOLKIT_FAILED, reason=reason)


def _bytes(package: dict[str, Any]) -> int:
    """The most bytes that have to be fetched for a package of a lock file."""
    files = [*package.get("wheels", ()), *([package["archive"]] if "archive" in package else ())]
    if all(str(each.get("url", "file:")).startswith("file:") for each in files):
        return 0
    unknown = _TORCH_BYTES if package.get("name") == "torch" else 0
    return max((int(each.get("size") or unknown) for each in files), default=0)


def index_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: the user's settings of indexes, also those meant for pip."""
    kept = clean_environment(environ=environ)
    # An index's password is a secret, and uv is whom it is for.
    kept.update({name: value for name, value in environ.items() if name.startswith("UV_")})
    for ours, theirs in (("UV_DEFAULT_INDEX", "PIP_INDEX_URL"), ("SSL_CERT_FILE", "PIP_CERT")):
        if theirs in environ:
            kept.setdefault(ours, environ[theirs])
    if "UV_INDEX_URL" in environ:  # uv's older name for it
        kept.pop("UV_DEFAULT_INDEX", None)
    if "PIP_FIND_LINKS" in environ:
        kept.setdefault("UV_FIND_LINKS", ",".join(environ["PIP_FIND_LINKS"].split()))
    kept.pop("VIRTUAL_ENV", None)
    return kept


def environment(home: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The whole environment of the converter: nothing that it could tell anybody."""
    names = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TEMP", "TMP", "TMPDIR")
    kept = {name: environ[name] for name in names if name in environ}
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONUTF8": "1"}
    return {**kept, **offline, "HOME": str(home), "HF_HOME": str(home / "hf")}


def read_models(lines: Sequence[str]) -> dict[str, list[str]]:
    """What `--print-supported-models` lists: architectures of models and of their projectors."""
    found: dict[str, list[str]] = {"text": [], "projector": []}
    into = found["text"]
    for line in lines:
        if "MMPROJ models" in line:
            into = found["projector"]
        elif (match := _MODEL.match(line.rpartition("hf-to-gguf:")[2])) is not None:
            into.append(match[1])
    return found
