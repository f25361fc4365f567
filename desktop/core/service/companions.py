"""What is loaded beside a model: found by name or path, and checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.engine.flags import Adapter
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.companions import Companion
from desktop.core.gguf.facts import merge_facts
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.words import shown
from desktop.core.library.entry import ModelEntry
from desktop.core.service.load_request import NONE, LoadRequest


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


class CompanionFinder:
    """Finds and checks what a request names.

    Args:
        resolve: the library's entry of a name.
        reader: looks into headers.
    """

    def __init__(self, resolve: Callable[[str], ModelEntry], reader: HeaderReader) -> None:
        self._resolve = resolve
        self._reader = reader

    def find(self, entry: ModelEntry, request: LoadRequest) -> Companions:
        """The files for this load of the model.

        Raises:
            AppError: LOAD_MISMATCH where one does not go with the model; MODEL_NOT_FOUND,
                MODEL_AMBIGUOUS, PATH_NOT_FOUND, GGUF_* where it cannot be found or read.
        """
        adapters = tuple(
            Adapter(str(self._checked("adapter", entry, each.path)[0]), each.scale)
            for each in request.adapters or ()
        )
        mmproj = entry.mmproj
        if request.mmproj == NONE:
            mmproj = None
        elif request.mmproj is not None:
            mmproj = self._checked("projector", entry, request.mmproj)[0]
        if request.draft in (None, NONE):
            return Companions(adapters, mmproj=mmproj)
        assert request.draft is not None
        files = self._checked("draft", entry, request.draft)
        shape = ModelShape.of(merge_facts([self._reader.read_facts(each) for each in files]))
        return Companions(adapters, str(files[0]), shape, mmproj)

    def _checked(self, kind: Companion, entry: ModelEntry, name: str) -> tuple[Path, ...]:
        """All files of what is called so, the one to load first."""
        files = self._files(name)
        problem = self._reader.problem_with(kind, entry.shard_paths, files[0])
        if problem is not None:
            raise AppError(
                ErrorCode.LOAD_MISMATCH, path=shown(files[0]), model=entry.id, reason=problem
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
