"""Where everything lies on disk: the only place that decides it.

`PADDOCK_HOME` moves every folder (tests use it). Models stay in the Hugging Face cache, which
`HF_HOME` and `HF_HUB_CACHE` move. All functions read the environment when called, so that a test
or a child with another environment sees other folders.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.core.settings import Settings


EXE = ".exe" if sys.platform == "win32" else ""
SERVER = "llama-server"


@dataclass(frozen=True)
class Paths:
    """Paddock's folders. None of them need exist: `ensure` makes them."""

    config: Path
    data: Path
    cache: Path
    runtime: Path
    logs: Path

    @property
    def settings_file(self) -> Path:
        return self.config / "settings.toml"

    @property
    def database(self) -> Path:
        return self.data / "paddock.db"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    @property
    def lock_file(self) -> Path:
        """The service's lock. It lies with the data it guards, so that two machines that share a
        home folder see each other; port and token are this machine's own and lie in `runtime`."""
        return self.data / "service.lock"

    @property
    def endpoint_file(self) -> Path:
        """Port and token of the private face, mode 0600."""
        return self.runtime / "service.json"

    @property
    def secrets_file(self) -> Path:
        """Where secrets lie when the system has no keychain, mode 0600."""
        return self.data / "secrets.json"

    @property
    def runtimes(self) -> Path:
        return self.data / "runtimes"

    @property
    def work(self) -> Path:
        """Private empty working folders of child processes."""
        return self.runtime / "work"

    def ensure(self) -> Paths:
        for folder in (self.config, self.data, self.cache, self.logs, self.runtime):
            folder.mkdir(parents=True, exist_ok=True)
        if os.name == "posix":
            self.runtime.chmod(0o700)
            self.data.chmod(0o700)
        return self


def paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """Paddock's folders for this environment."""
    home = environ.get("PADDOCK_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Paths(
            root / "config", root / "data", root / "cache", root / "run", root / "data" / "logs"
        )
    import socket

    import platformdirs

    dirs = platformdirs.PlatformDirs("paddock", appauthor=False, roaming=False)
    data = Path(dirs.user_data_dir)
    if sys.platform == "linux" and not environ.get("XDG_RUNTIME_DIR"):
        # The usual stand-in is a folder in /tmp that anybody could make first.
        runtime = Path(dirs.user_cache_dir) / f"run-{socket.gethostname()}"
    else:
        runtime = Path(dirs.user_runtime_dir)
    return Paths(
        Path(dirs.user_config_dir),
        data,
        Path(dirs.user_cache_dir),
        runtime,
        data / "logs",
    )


def hf_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """The Hugging Face cache that holds `models--…` folders.

    Source of the order: huggingface_hub's documentation of its environment variables
    (HF_HUB_CACHE, then HF_HOME/hub, then XDG_CACHE_HOME/huggingface/hub).
    """
    if environ.get("HF_HUB_CACHE"):
        return Path(environ["HF_HUB_CACHE"]).expanduser()
    if environ.get("HF_HOME"):
        return Path(environ["HF_HOME"]).expanduser() / "hub"
    cache = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "huggingface" / "hub"


def models_folder(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """Where downloads go: as the environment says, else as the settings do, else the hub's own."""
    chosen = settings.library.models_folder
    if chosen and models_folder_fixed_by(environ) is None:
        return Path(chosen).expanduser().absolute()
    return hf_cache(environ).absolute()


def models_folder_fixed_by(environ: Mapping[str, str] = os.environ) -> str | None:
    """The variable that decides where models lie, whatever the settings say; None where none."""
    return next((name for name in ("HF_HUB_CACHE", "HF_HOME") if environ.get(name)), None)


def model_caches(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders in the layout of the hub's cache that hold models, that of downloads first."""
    folders = (models_folder(settings, environ), hf_cache(environ).absolute())
    return list(dict.fromkeys(folders))


def resources() -> Path:
    """The folder of files that ship with Paddock, in a frozen app, a wheel or a source tree."""
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen:
        return Path(frozen) / "resources"
    package = Path(__file__).resolve().parents[1]
    installed = package / "_resources"
    return installed if installed.is_dir() else package.parent / "resources"


def demo_model() -> Path:
    """The bundled model's GGUF file."""
    return resources() / "demo" / "paddock-guide-q8_0.gguf"


def engine_folder() -> Path | None:
    """The folder above the tools of this environment's own engine, or None."""
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen:
        folder = Path(frozen) / "engine"
        return folder if (folder / "bin").is_dir() else None
    from importlib.util import find_spec

    spec = find_spec("llama_cpp")  # found, never imported: its libraries stay out of this process
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent.parent
    return folder if (folder / "bin" / f"{SERVER}{EXE}").exists() else None


def engine_bin(folder: Path) -> Path | None:
    """Where an engine's tools are: `folder/bin`, `folder/build/bin` or `folder` itself."""
    places = (folder / "bin", folder / "build" / "bin", folder)
    return next((each for each in places if (each / f"{SERVER}{EXE}").exists()), None)


def own_command(*arguments: str) -> list[str]:
    """The command line that starts this same program again.

    A frozen app starts itself; otherwise the interpreter of this environment runs our entry module.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "desktop.cli", *arguments]
