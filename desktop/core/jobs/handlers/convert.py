"""The job that makes a GGUF file of a checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.summary import ModelSummary
from desktop.core.hub.download.order import Order
from desktop.core.hub.wanted import asked_name
from desktop.core.jobs.handlers import checkpoint_files
from desktop.core.jobs.handlers.toolkit import RESOURCE, install, root_of
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths
from quantize import checkpoint, convert, toolkit
from quantize.pins import ENGINE_VERSION

ReadSummary = Callable[[Path], ModelSummary]


class ConvertKind:
    """Parameters:

    - `path`: the checkpoint's folder, or `repo`: its name on the hub; `output`: the file to make.
    - `type`: "f16", "bf16", "q8_0" or "auto" (the default).
    - `projector`: make the part that sees or hears, instead of the model.
    - `allow_pickle`: also weights in pickles; `replace`: also where the file exists.

    The toolkit is installed where it is missing. The result is {"path", "type", "size_bytes",
    "seconds", "projector", "made_from", "own_code"}; `own_code`: the checkpoint brings code, which
    was not run.

    Args:
        read: a file's summary; raises what is wrong with it.
        downloads: how checkpoints come from the hub.
        install: the toolkit, installed if need be.
    """

    name = "convert"
    needs = frozenset({"cpu", RESOURCE})

    def __init__(
        self,
        paths: Paths,
        *,
        read: ReadSummary,
        downloads: checkpoint_files.Host,
        install: Callable[[Paths, JobContext], toolkit.Toolkit] = install,
    ) -> None:
        self._paths = paths
        self._read = read
        self._downloads = downloads
        self._install = install

    def plan(self, params: dict[str, Any]) -> list[str]:
        _, wanted = self._asked(params)
        if params.get("repo"):
            asked_name(_text(params, "repo"), self._downloads.network())
            return ["find", "download", "toolkit", "hash", "convert"]
        self._checkpoint(params, Path(_text(params, "path")), wanted)
        return ["toolkit", "hash", "convert"]

    def _asked(self, params: dict[str, Any]) -> tuple[Path, convert.Wanted]:
        """Raises:
        AppError: what is wrong with the output or its type.
        """
        wanted = convert.Wanted.of(params.get("type") or "auto", params.get("projector"))
        target = Path(_text(params, "output")).absolute()
        if target.is_dir():
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"{target} is a folder.")
        if target.exists() and not params.get("replace"):
            raise AppError(ErrorCode.OUTPUT_EXISTS, path=str(target))
        return target, wanted

    def _checkpoint(
        self, params: dict[str, Any], folder: Path, wanted: convert.Wanted
    ) -> checkpoint.Checkpoint:
        """Raises:
        AppError: what is wrong with the checkpoint, as far as can be told now.
        """
        found = checkpoint.read(folder, allow_pickle=bool(params.get("allow_pickle")))
        there = toolkit.find(root_of(self._paths))
        if there is not None:
            convert.check_known(found, there, wanted)
        return found

    def _folder(self, context: JobContext) -> Path:
        """Where the checkpoint lies, got from the hub if need be."""
        params = context.params
        if not params.get("repo"):
            return Path(_text(params, "path"))
        allow = bool(params.get("allow_pickle"))
        order = Order.from_dict(
            context.step(
                "find",
                lambda: checkpoint_files.find(
                    _text(params, "repo"), self._downloads, context.cancel, allow_pickle=allow
                ).to_dict(),
            )
        )
        context.done.pop("download", None)  # it may have been removed since
        return Path(
            context.step(
                "download", lambda: str(checkpoint_files.get(order, self._downloads, context))
            )
        )

    def run(self, context: JobContext) -> dict[str, Any]:
        params = context.params
        made_before = "convert" in context.done  # the file that is there is this job's
        target, wanted = self._asked({**params, "replace": params.get("replace") or made_before})
        found = self._checkpoint(params, self._folder(context), wanted)
        if found.own_code:
            context.reporter.log("The checkpoint brings code of its own, which is not run.")
        context.keep("output", str(target))
        context.done.pop("toolkit", None)  # it may have been removed since
        tools = self._install(self._paths, context)
        context.step("toolkit", lambda: ENGINE_VERSION)
        convert.check_known(found, tools, wanted)
        hashes = context.step(
            "hash", lambda: convert.hashes(found, context.reporter, context.cancel)
        )
        name = str(params.get("repo") or found.folder.resolve().name)

        def make() -> dict[str, Any]:
            return convert.convert(
                tools,
                found,
                target,
                wanted,
                name=name,
                source=hashes,
                check=self._check,
                work=self._paths.work,
                reporter=context.reporter,
                cancel=context.cancel,
            )

        made: dict[str, Any] = context.step("convert", make)
        return {**made, "own_code": found.own_code}

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        """What a killed converter left beside the target."""
        target = done.get("output")
        if isinstance(target, str):
            shutil.rmtree(convert.unfinished_of(Path(target)), ignore_errors=True)

    def _check(self, made: Path) -> None:
        self._read(made)


def _text(params: dict[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” is missing.")
    return value
