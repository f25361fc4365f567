"""The job that installs or removes the conversion toolkit, and what installing it needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from desktop.core import web
from desktop.core.engine.build import find_uv
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths
from quantize import toolkit
from quantize.pins import ENGINE_VERSION

Tell = Callable[[int, int | None], None]
# Held by whoever uses the toolkit, so that it is not taken away meanwhile.
RESOURCE = "toolkit"


def fetch(url: str, target: Path, tell: Tell, cancel: CancelToken) -> None:
    """Get a file of the package index, through the user's proxy.

    Raises:
        AppError: REMOTE_*, DISK_FULL, CANCELLED.
    """
    try:
        with target.open("wb") as file:
            if url.startswith("file:"):
                with Path(url2pathname(unquote(urlsplit(url).path))).open("rb") as source:
                    shutil.copyfileobj(source, file)
                return
            settings = replace(web.WebSettings.from_environment(), token=None, total_seconds=None)
            web.run(lambda session: _copy(session, url, file, tell), settings, cancel)
    except OSError as error:
        reason = error.strerror or str(error)
        raise AppError(ErrorCode.DISK_FULL, path=str(target), reason=f"{reason}.") from error


async def _copy(session: web.Web, url: str, file: IO[bytes], tell: Tell) -> None:
    answer = await session.get(url)
    try:
        length = answer.header("Content-Length")
        total = int(length) if length.isdecimal() else None
        done = 0
        while piece := await web.next_piece(answer):
            file.write(piece)
            done += len(piece)
            tell(done, total)
    finally:
        answer.close()


def root_of(paths: Paths) -> Path:
    return paths.data / "toolkit"


def install(paths: Paths, context: JobContext) -> toolkit.Toolkit:
    """The toolkit, installed if need be.

    Raises:
        AppError: as `Installer.install`; TOOLKIT_FAILED where there is no uv.
    """
    there = toolkit.find(root_of(paths))
    if there is not None:
        return there
    # The one that came with Paddock before whatever is on PATH: its version is known.
    uv = find_uv(lambda name: None) or find_uv()
    if uv is None:
        raise AppError(ErrorCode.TOOLKIT_FAILED, reason="The program uv, which gets it, is gone.")
    installer = toolkit.Installer(uv, fetch, dict(os.environ))
    return installer.install(root_of(paths), context.reporter, context.cancel)


class ToolkitKind:
    """Parameters: `remove`: take it away instead of installing it.

    The result is {"installed", "engine", "folder", "size_bytes", "freed_bytes"}.
    """

    name = "toolkit"
    needs = frozenset({RESOURCE})

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def plan(self, params: dict[str, Any]) -> list[str]:
        return ["remove" if params.get("remove") else "install"]

    def key(self, params: dict[str, Any]) -> str:
        return str(bool(params.get("remove")))

    def run(self, context: JobContext) -> dict[str, Any]:
        result: dict[str, Any]
        if context.params.get("remove"):
            result = context.step("remove", self._remove)
        else:
            result = context.step("install", lambda: self._install(context))
        return result

    def _remove(self) -> dict[str, Any]:
        freed = toolkit.remove(root_of(self._paths))
        return self._state(None) | {"freed_bytes": freed}

    def _install(self, context: JobContext) -> dict[str, Any]:
        return self._state(install(self._paths, context))

    def _state(self, found: toolkit.Toolkit | None) -> dict[str, Any]:
        return {
            "installed": found is not None,
            "engine": ENGINE_VERSION,
            "folder": str(root_of(self._paths)),
            "size_bytes": 0 if found is None else found.size_bytes,
            "freed_bytes": 0,
        }
