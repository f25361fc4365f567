"""The model a question is about, wherever it lies: a local file, the library, a server, the hub.

Of a model that is not here nothing but its header is read; what the engine plans with is then a
stub: that header and a hole of the file's size.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Notice, Reporter
from desktop.core.gguf.facts import ShapeFacts, merge_facts
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.remote import RemoteFile, RemoteReader, files_of_url
from desktop.core.gguf.split import part_names, parts_error
from desktop.core.gguf.stub import StubPart, sparse_model
from desktop.core.gguf.summary import ModelSummary, merge
from desktop.core.gguf.words import clean, shown
from desktop.core.hub.files import find_model
from desktop.core.hub.names import HubName, parse_name
from desktop.core.library.identity import fingerprint_of
from desktop.core.library.library import Library
from desktop.core.paths import Paths
from desktop.core.web import WebSettings, shown_url


@dataclass(frozen=True)
class Subject:
    """A model that can be priced.

    Attributes:
        path: a file the engine can plan with: the model's own, or a stub.
        source: "file", "library", "url" or "hub".
        fingerprint: its content's quick name, where all of it is here.
        load_defaults: how it is loaded where nothing else is said; see `ModelEntry`.
        fetched_bytes: how much was read from the network for it.
        notices: what the price leaves out.
    """

    name: str
    path: Path
    source: str
    size_bytes: int
    summary: ModelSummary
    facts: ShapeFacts
    mmproj: Path | None = None
    fingerprint: str | None = None
    load_defaults: Mapping[str, Any] = field(default_factory=dict)
    fetched_bytes: int = 0
    notices: tuple[Notice, ...] = ()


class Finder:
    """Finds what a name means, in this order: an address, a file, a model of the library, a model
    on the hub. For threads without an event loop.

    Args:
        library: gives the local models; asked only when the name could be one's.
    """

    def __init__(
        self,
        where: Paths,
        reader: HeaderReader,
        library: Callable[[], Library],
        settings: WebSettings,
    ) -> None:
        self._where = where
        self._reader = reader
        self._library = library
        self._settings = settings
        self._remote = RemoteReader(reader, where.cache / "remote-headers", settings)

    @contextlib.contextmanager
    def find(
        self, name: str, reporter: Reporter | None = None, cancel: CancelToken | None = None
    ) -> Iterator[Subject]:
        """The model; a stub made for it is removed when the block ends.

        Raises:
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_BROKEN; what `RemoteReader.read`,
                `find_model` and `sparse_model` raise; one of the GGUF_* codes.
        """
        hub = parse_name(name, self._settings.endpoint)
        if "://" in name and hub is None:
            with self._from_files(
                files_of_url(name), shown_url(name), "url", reporter=reporter, cancel=cancel
            ) as subject:
                yield subject
            return
        local = None if "://" in name else self._local(name, may_be_missing=hub is not None)
        if local is not None:
            yield local
            return
        assert hub is not None
        with self._from_hub(hub, reporter, cancel) as subject:
            yield subject

    # --- local ones

    def _local(self, name: str, may_be_missing: bool) -> Subject | None:
        path = Path(os.path.expanduser(name))  # noqa: PTH111 - never raises
        if "\0" not in name and path.is_file():
            return self._of_file(path.absolute())
        try:
            entry = self._library().resolve(name)
        except AppError as error:
            if error.code is ErrorCode.MODEL_NOT_FOUND and may_be_missing:
                return None
            raise
        if entry.error is not None:
            raise AppError(
                ErrorCode.MODEL_BROKEN, model=entry.id, reason=str(entry.error)
            ) from entry.error
        _only_models(entry.id, entry.kind)
        facts = merge_facts([self._reader.read_facts(each) for each in entry.shard_paths])
        assert entry.summary is not None  # or there would be an error
        return Subject(
            entry.id,
            entry.path,
            "library",
            entry.size_bytes,
            entry.summary,
            facts,
            mmproj=entry.mmproj,
            fingerprint=entry.fingerprint or None,
            load_defaults=entry.load_defaults,
        )

    def _of_file(self, path: Path) -> Subject:
        """A file that need not belong to the library, with the parts beside it."""
        paths = [path.with_name(name) for name in part_names(path.name)]
        missing = [each.name for each in paths if not each.is_file()]
        if missing:
            raise AppError(
                ErrorCode.GGUF_SHARD_MISSING,
                path=shown(path),
                count=len(paths),
                missing=clean(", ".join(missing), 200),
            )
        parts = [self._reader.read(each) for each in paths]
        problem = parts_error([shown(each) for each in paths], parts)
        if problem is not None:
            raise problem
        summary = merge(parts)
        _check(shown(path), summary)
        facts = merge_facts([self._reader.read_facts(each) for each in paths])
        return Subject(
            path.stem,
            paths[0],
            "file",
            summary.size_bytes,
            summary,
            facts,
            fingerprint=fingerprint_of(paths),
        )

    # --- remote ones

    @contextlib.contextmanager
    def _from_hub(
        self, hub: HubName, reporter: Reporter | None, cancel: CancelToken | None
    ) -> Iterator[Subject]:
        model = find_model(hub, self._settings, cancel)
        notices: tuple[Notice, ...] = ()
        if model.projectors:
            text = (
                "The model sees or hears through a projector "
                f"({clean(model.projectors[0].path, 80)}), which is not counted here."
            )
            notices = (Notice("projector_not_counted", text),)
        with self._from_files(
            model.files, model.name, "hub", reporter=reporter, cancel=cancel, notices=notices
        ) as subject:
            yield subject

    @contextlib.contextmanager
    def _from_files(
        self,
        files: tuple[RemoteFile, ...],
        name: str,
        source: str,
        *,
        reporter: Reporter | None,
        cancel: CancelToken | None,
        notices: tuple[Notice, ...] = (),
    ) -> Iterator[Subject]:
        model = self._remote.read(files, reporter=reporter, cancel=cancel)
        _check(name, model.summary)
        parts = [StubPart(header.head, header.size_bytes) for header in model.headers]
        with sparse_model(parts, self._where.cache / "stubs") as path:
            yield Subject(
                name,
                path,
                source,
                model.size_bytes,
                model.summary,
                model.facts,
                fetched_bytes=model.fetched_bytes,
                notices=notices,
            )


def _check(name: str, summary: ModelSummary) -> None:
    """Raises:
    AppError: BAD_REQUEST, when the file is not a model that can be loaded by itself.
    """
    kinds = {
        "projector": summary.is_projector,
        "adapter": summary.is_adapter,
        "vocab": summary.is_vocab_only,
        "imatrix": summary.general_type == "imatrix",
    }
    _only_models(name, next((kind for kind, true in kinds.items() if true), "model"))


def _only_models(name: str, kind: str) -> None:
    words = {
        "projector": "It is a projector: a part of a model that sees or hears.",
        "adapter": "It is an adapter, which is loaded on top of a model.",
        "vocab": "It holds a vocabulary and no weights.",
        "imatrix": "It holds an importance matrix and no model.",
        "other": "It is a file for the engine's tools and no model.",
    }
    if kind in words:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"{name} cannot be loaded. {words[kind]}")
