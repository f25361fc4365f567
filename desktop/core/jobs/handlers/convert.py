"""The job that makes a GGUF file of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from desktop.core.gguf.summary import ModelSummary
from desktop.core.hub.download.order import Order
from desktop.core.hub.wanted import asked_name
from desktop.core.jobs.handlers import checkpoint_files
from desktop.core.jobs.handlers.outputs import OUTPUT, output_of, remove_unfinished, text_of
from desktop.core.jobs.handlers.toolkit import RESOURCE, install, root_of
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths
from quantize import checkpoint, convert, toolkit
from quantize.pins import ENGINE_VERSION

ReadSummary = Callable[[Path], ModelSummary]

# What may come from the hub, and the steps that find and get it.
_FROM_HUB = {"repo": ("find", "download"), "base_repo": ("find base", "download base")}
# Kept when all of it is here.
_GOT = "got"


class ConvertKind:
    """Parameters:

    - `path`: the checkpoint's folder, or `repo`: its name on the hub; `output`: the file to make.
    - `base` or `base_repo`, of a LoRA adapter: the model that it changes, likewise.
    - `type`: "f32", "f16", "bf16", "q8_0" or "auto" (the default).
    - `projector`: make the part that sees or hears, instead of the model.
    - `allow_pickle`: also weights in pickles; `replace`: also where the file exists.

    The toolkit is installed where it is missing. The result is {"path", "type", "size_bytes",
    "seconds", "projector", "adapter", "fallbacks", "made_from", "own_code"}; `fallbacks`: tensors
    that are F16 instead; `own_code`: the checkpoint brings code, which was not run.

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
        output_of(params)
        wanted = _wanted(params)
        steps: list[str] = []
        for name, (find, get) in _FROM_HUB.items():
            if params.get(name):
                asked_name(text_of(params, name), self._downloads.network())
                steps += [find, get]
        if not steps:
            base = Path(text_of(params, "base")) if params.get("base") else None
            self._checkpoint(params, Path(text_of(params, "path")), base, wanted)
        return [*steps, "toolkit", "hash", "convert"]

    def needs_after(self, params: dict[str, Any], done: Collection[str]) -> frozenset[str]:
        """Getting a checkpoint and the toolkit may take hours in which others can compute."""
        if "toolkit" in done:
            return self.needs
        fetches = _GOT not in done and any(params.get(name) for name in _FROM_HUB)
        return frozenset() if fetches else frozenset({RESOURCE})

    def _checkpoint(
        self, params: dict[str, Any], folder: Path, base: Path | None, wanted: convert.Wanted
    ) -> checkpoint.Checkpoint:
        """Raises:
        AppError: what is wrong with the checkpoint, as far as can be told now.
        """
        allow = bool(params.get("allow_pickle"))
        found = checkpoint.read(folder, allow_pickle=allow, base=base)
        there = toolkit.find(root_of(self._paths))
        if there is not None:
            convert.check_known(found, there, wanted)
        return found

    def _folder(self, context: JobContext) -> Path:
        """Where the checkpoint lies, got from the hub if need be."""
        if not context.params.get("repo"):
            return Path(text_of(context.params, "path"))
        allow = bool(context.params.get("allow_pickle"))
        pick = partial(checkpoint_files.files_of, allow_pickle=allow)
        return self._from_hub(context, "repo", pick)

    def _base(self, context: JobContext) -> Path | None:
        """Where the model lies that an adapter changes; None where none is named."""
        if context.params.get("base_repo"):
            return self._from_hub(context, "base_repo", checkpoint_files.texts_of)
        return Path(text_of(context.params, "base")) if context.params.get("base") else None

    def _from_hub(self, context: JobContext, name: str, pick: checkpoint_files.Pick) -> Path:
        find, get = _FROM_HUB[name]
        text, hub = text_of(context.params, name), self._downloads
        order = Order.from_dict(
            context.step(
                find, lambda: checkpoint_files.find(text, hub, context.cancel, pick).to_dict()
            )
        )
        context.done.pop(get, None)  # it may have been removed since
        return Path(context.step(get, lambda: str(checkpoint_files.get(order, hub, context))))

    def run(self, context: JobContext) -> dict[str, Any]:
        params = context.params
        target, wanted = output_of(params, ours="convert" in context.done), _wanted(params)
        folder, base = self._folder(context), self._base(context)
        found = self._checkpoint(params, folder, base, wanted)
        if found.own_code and _GOT not in context.done:
            context.reporter.log("The checkpoint brings code of its own, which is not run.")
        context.keep(OUTPUT, str(target))
        context.keep(_GOT, True)
        context.prepared()
        context.done.pop("toolkit", None)  # it may have been removed since
        tools = self._install(self._paths, context)
        context.step("toolkit", lambda: ENGINE_VERSION)
        convert.check_known(found, tools, wanted)
        context.prepared()
        hashes = context.step(
            "hash", lambda: convert.hashes(found, context.reporter, context.cancel)
        )
        name = str(params.get("repo") or found.folder.resolve().name)

        def make() -> dict[str, Any]:
            made = convert.convert(
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
            if made["fallbacks"]:
                names = ", ".join(made["fallbacks"][:3]) + (" …" if made["fallbacks"][3:] else "")
                context.reporter.log(
                    f"{len(made['fallbacks'])} tensors are F16 instead of {made['type']}, because "
                    f"their rows do not divide into its blocks ({names})."
                )
            return made

        made: dict[str, Any] = context.step("convert", make)
        return {**made, "own_code": found.own_code}

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        """What a killed converter left beside the target."""
        remove_unfinished(done)

    def _check(self, made: Path) -> None:
        self._read(made)


def _wanted(params: dict[str, Any]) -> convert.Wanted:
    return convert.Wanted.of(params.get("type") or "auto", params.get("projector"))
