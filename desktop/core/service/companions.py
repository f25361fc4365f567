"""What is loaded beside a model: found by name or path, and checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.core.engine.flags import Adapter
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.pricing import Wishes
from desktop.core.gguf.companions import Companion
from desktop.core.gguf.facts import merge_facts
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.words import shown
from desktop.core.library.entry import ModelEntry
from desktop.core.service.load_request import NONE, LoadRequest
from desktop.core.settings import LoadDefaults


@dataclass(frozen=True)
class Companions:
    """The files a load takes beside the model.

    Attributes:
        draft_shape: the draft model's layers, which make its price exact.
    """

    adapters: tuple[Adapter, ...] = ()
    draft: str | None = None
    draft_shape: ModelShape | None = None
    mmproj: Path | None = None


def wishes_of(
    request: LoadRequest, beside: Companions, defaults: LoadDefaults, trained: int | None
) -> Wishes:
    """What a request asks for, then what the settings say.

    Args:
        trained: the context the model was trained for; the settings' one is no larger than it.
    """
    context = request.context_tokens
    if context is None and defaults.context_tokens is not None:
        context = min(defaults.context_tokens, trained or defaults.context_tokens)
    return Wishes(
        context_tokens=context,
        slots=request.slots or defaults.slots,
        kv_type=request.kv_type or defaults.kv_type,
        ubatch=request.ubatch,
        device=request.device,
        gpu_layers=request.gpu_layers,
        experts_on_cpu=request.experts_on_cpu,
        split_mode=request.split_mode,
        tensor_split=request.tensor_split or (),
        adapters=beside.adapters,
        draft=beside.draft,
        draft_gpu_layers=request.draft_gpu_layers if beside.draft else None,
        ngram=None if request.ngram == NONE else request.ngram,
    )


class CompanionFinder:
    """Finds and checks what a request names.

    Args:
        resolve: the library's entry of a name.
        reader: looks into headers.
    """

    def __init__(self, resolve: Callable[[str], ModelEntry], reader: HeaderReader) -> None:
        self._resolve = resolve
        self._reader = reader

    def find(
        self,
        model: str,
        paths: Sequence[Path],
        request: LoadRequest,
        *,
        mmproj: Path | None = None,
    ) -> Companions:
        """The files for this load of the model.

        Args:
            model: what errors call it.
            paths: all its files, or stubs of them.
            mmproj: the projector beside it, which is taken where the request names none.

        Raises:
            AppError: LOAD_MISMATCH where one does not go with the model; MODEL_NOT_FOUND,
                MODEL_AMBIGUOUS, PATH_NOT_FOUND, GGUF_* where it cannot be found or read.
        """
        adapters = tuple(
            Adapter(str(self._checked("adapter", model, paths, each.path)[0]), each.scale)
            for each in request.adapters or ()
        )
        if request.mmproj == NONE:
            mmproj = None
        elif request.mmproj is not None:
            mmproj = self._checked("projector", model, paths, request.mmproj)[0]
        if request.draft in (None, NONE):
            return Companions(adapters, mmproj=mmproj)
        assert request.draft is not None
        files = self._checked("draft", model, paths, request.draft)
        shape = ModelShape.of(merge_facts([self._reader.read_facts(each) for each in files]))
        return Companions(adapters, str(files[0]), shape, mmproj)

    def _checked(
        self, kind: Companion, model: str, paths: Sequence[Path], name: str
    ) -> tuple[Path, ...]:
        """All files of what is called so, the one to load first."""
        files = self._files(name)
        problem = self._reader.problem_with(kind, paths, files[0])
        if problem is not None:
            raise AppError(
                ErrorCode.LOAD_MISMATCH, path=shown(files[0]), model=model, reason=problem
            )
        return files

    def _files(self, name: str) -> tuple[Path, ...]:
        try:
            found = self._resolve(name)
        except AppError as error:
            path = Path(name).expanduser()
            if error.code is not ErrorCode.MODEL_NOT_FOUND or not path.is_absolute():
                raise
            return (path,)  # a file that is not in the library
        if found.error is not None:
            raise AppError(
                ErrorCode.MODEL_BROKEN, model=found.id, reason=str(found.error)
            ) from found.error
        return found.shard_paths
