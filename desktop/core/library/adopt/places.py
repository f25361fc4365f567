"""Where other programs keep their models, on Linux, macOS and Windows.

Everything is decided by the environment and the platform given, so that it can be asked about any
machine; folders that are not there are left out.

Sources: Ollama: `envconfig/config.go` and `docs/faq.mdx` of ollama/ollama (the service's user on
Linux has its home in /usr/share/ollama), the packages of Arch and NixOS (/var/lib/ollama), the
snap (/var/snap/ollama/common). LM Studio: `src/modelsFolder.ts` of lmstudio-ai/lms and
`findLMStudioHome` of lmstudio.js. Jan: `src-tauri/src/core/app/{commands,paths,constants}.rs` of
janhq/jan; before 0.6 `~/jan` and Electron's folder. GPT4All: `src/{main,mysettings}.cpp` of
gpt4all-chat, with Qt's AppLocalDataLocation and its INI format. llama.cpp: `fs_get_cache_directory`
of `common/common.cpp`. Flatpaks keep all of it below ~/.var/app.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.library.adopt import gpt4all
from desktop.core.library.adopt.ollama import store_of
from desktop.core.library.adopt.smallfile import read_json, read_text
from desktop.core.library.given import App

_POINTER_BYTES = 16 << 10


@dataclass(frozen=True)
class AppPlace:
    """A folder in which a program keeps models.

    Attributes:
        home: the folder of its settings for them; None where there are none to be read.
    """

    app: App
    folder: Path
    home: Path | None = None


class Machine:
    """The folders of one machine's user.

    Args:
        environ: of the process; HOME or USERPROFILE must be in it, else nothing is found.
        platform: as `sys.platform`.
        root: in front of folders of the system (tests put a folder of their own there).
    """

    def __init__(self, environ: Mapping[str, str], platform: str, root: Path = Path("/")) -> None:
        self._environ = environ
        self._platform = platform
        self._root = root
        home = self._folder("USERPROFILE") if self.windows else None
        self.home = home or self._folder("HOME")

    @property
    def windows(self) -> bool:
        return self._platform == "win32"

    def _folder(self, name: str) -> Path | None:
        """The absolute folder a variable names; a relative one would be relative to nothing."""
        text = self._environ.get(name, "").strip("\"' ")
        if text.startswith("~/") and self._environ.get("HOME"):
            text = self._environ["HOME"] + text[1:]
        path = Path(text) if text and "\0" not in text else None
        return path if path is not None and path.is_absolute() else None

    def _or_home(self, variable: str, *parts: str) -> Path:
        assert self.home is not None
        return self._folder(variable) or self.home.joinpath(*parts)

    @property
    def _data(self) -> Path:
        """Where programs keep a user's data (`dirs::data_dir`)."""
        assert self.home is not None
        if self.windows:
            return self._or_home("APPDATA", "AppData", "Roaming")
        if self._platform == "darwin":
            return self.home / "Library" / "Application Support"
        return self._or_home("XDG_DATA_HOME", ".local", "share")

    @property
    def _local_data(self) -> Path:
        return self._or_home("LOCALAPPDATA", "AppData", "Local") if self.windows else self._data

    @property
    def _config(self) -> Path:
        if self.windows:
            return self._data
        return self._or_home("XDG_CONFIG_HOME", ".config")

    @property
    def _flatpaks(self) -> Path:
        assert self.home is not None
        return self.home / ".var" / "app"

    # --- all of them

    def places(self) -> list[AppPlace]:
        """The places that are there, each folder once."""
        if self.home is None:
            return []
        found: dict[str, AppPlace] = {}
        for finder in (self._ollama, self._lmstudio, self._jan, self._gpt4all, self._llama_cpp):
            for place in finder():
                if place.folder.is_dir():
                    found.setdefault(os.path.realpath(place.folder), place)
        return list(found.values())

    def _ollama(self) -> Iterator[AppPlace]:
        assert self.home is not None
        folders = [self._folder("OLLAMA_MODELS"), self.home / ".ollama" / "models"]
        if self._platform.startswith("linux"):
            folders += [
                self._root / "usr/share/ollama/.ollama/models",
                self._root / "var/lib/ollama",
                self._root / "var/lib/ollama/models",
                self._root / "var/snap/ollama/common/models",
                self._flatpaks / "com.jeffser.Alpaca/data/.ollama/models",
            ]
        for folder in folders:
            store = store_of(folder) if folder is not None else None
            if store is not None:
                yield AppPlace("ollama", store)

    def _lmstudio(self) -> Iterator[AppPlace]:
        assert self.home is not None
        homes = [self.home / ".cache" / "lm-studio", self.home / ".lmstudio"]
        try:
            pointer = read_text(self.home / ".lmstudio-home-pointer", _POINTER_BYTES).strip()
            if Path(pointer).is_absolute():
                homes.insert(0, Path(pointer))
        except (AppError, ValueError):
            pointer = ""  # there is none: the folders it would name are tried all the same
        for home in homes:
            chosen = _setting(home / "settings.json", "downloadsFolder")
            if chosen is not None:
                yield AppPlace("lmstudio", chosen, home)
            yield AppPlace("lmstudio", home / "models", home)

    def _jan(self) -> Iterator[AppPlace]:
        assert self.home is not None
        roots = [self._folder("JAN_DATA_ROOT") or self._data]
        if self._platform.startswith("linux"):
            roots.append(self._config)
            for name in ("ai.jan.Jan", "jan.ai.app"):
                roots += [self._flatpaks / name / "data", self._flatpaks / name / "config"]
        folders = [self._folder("JAN_DATA_FOLDER")]
        for root in roots:
            for name in ("Jan", "jan.ai.app"):
                folders.append(_setting(root / name / "settings.json", "data_folder"))
            folders.append(root / "Jan" / "data")
        folders.append(self.home / "jan")
        for folder in folders:
            if folder is not None:
                yield AppPlace("jan", folder / "llamacpp" / "models", folder)
                yield AppPlace("jan", folder / "models", folder)

    def _gpt4all(self) -> Iterator[AppPlace]:
        configs, datas = [self._config], [self._local_data]
        if self._platform.startswith("linux"):
            flatpak = self._flatpaks / "io.gpt4all.gpt4all"
            configs.append(flatpak / "config")
            datas.append(flatpak / "data")
        for config, data in zip(configs, datas, strict=True):
            settings = config / "nomic.ai" / "GPT4All.ini"
            chosen = gpt4all.models_folder(settings)
            if chosen is not None:
                yield AppPlace("gpt4all", chosen, settings.parent)
            yield AppPlace("gpt4all", data / "nomic.ai" / "GPT4All", settings.parent)

    def _llama_cpp(self) -> Iterator[AppPlace]:
        assert self.home is not None
        chosen = self._folder("LLAMA_CACHE")
        if chosen is not None:
            yield AppPlace("llama.cpp", chosen)
        if self.windows:
            cache = self._local_data
        elif self._platform == "darwin":
            cache = self.home / "Library" / "Caches"
        else:
            cache = self._or_home("XDG_CACHE_HOME", ".cache")
        yield AppPlace("llama.cpp", cache / "llama.cpp")


def _setting(file: Path, name: str) -> Path | None:
    """The absolute folder a program's settings name; None where they name none."""
    try:
        settings: Any = read_json(file)
    except AppError:
        return None
    value = settings.get(name) if isinstance(settings, dict) else None
    if not isinstance(value, str) or "\0" in value:
        return None
    path = Path(value)
    return path if path.is_absolute() else None
