"""The stored runs: read, named, deleted and brought back, written to files and taken from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.bench.export import Format
from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.core.hardware.known import KnownSpeed
from desktop.ui.context import Context

Json = dict[str, Any]


class Stored(QObject):
    """Signals:
    changed: `documents` were read.
    failed: why they could not be.
    restored: runs that were deleted are here again, and will be read.

    Attributes:
        documents: by number, the newest first; None while they are read for the first time.
    """

    changed = Signal()
    failed = Signal(object)  # AppError
    restored = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.documents: dict[int, Json] | None = None
        context.state.online_changed.connect(self._on_online_changed)
        context.state.results_changed.connect(self.read)

    def read(self) -> None:
        """Read the stored results, all of them: they are small."""
        where = self._context.paths

        def work() -> list[Json]:
            from desktop.core.bench.results import read_results

            return read_results(where)

        self._context.tasks.run(work, self._on_read, self._on_failed)

    def _on_online_changed(self) -> None:
        if self._context.state.online:
            self.read()

    def _on_read(self, documents: list[Json]) -> None:
        self.documents = {document["id"]: document for document in documents}
        self.changed.emit()

    def _on_failed(self, error: AppError) -> None:
        if self.documents is None:
            self.documents = {}
            self.changed.emit()
        self.failed.emit(error)

    # --- names and deletion: the service says when they are done ------------------------------

    def rename(self, number: int, name: str) -> None:
        self._context.ask(lambda client: client.rename_result(number, name))

    def delete(self, numbers: Sequence[int]) -> None:
        """The toast that tells of it brings them back."""
        self._context.ask(lambda client: client.delete_results(numbers), self._on_deleted)

    def _on_deleted(self, gone: list[Json]) -> None:
        if len(gone) == 1:
            text = self.tr("“{name}” was deleted.").format(name=gone[0]["name"][:60])
        else:
            text = self.tr("{number} runs were deleted.").format(number=len(gone))
        numbers = [each["id"] for each in gone]

        def undo() -> None:
            self._context.ask(lambda client: client.restore_results(numbers), self._on_restored)

        self._context.toast(text, "info", (self.tr("Undo"), undo))

    def _on_restored(self, back: list[Json]) -> None:
        self.restored.emit()
        self.read()

    # --- files --------------------------------------------------------------------------------

    def export(
        self, documents: list[Json], published: Sequence[KnownSpeed], path: str, form: Format
    ) -> None:
        def work() -> str:
            from desktop.core.bench.export import save

            save(documents, Path(path), form, published)
            return path

        self._context.tasks.run(work, self._on_exported, self._context.show_error)

    def import_file(self, path: str) -> None:
        """Take the runs of an exported file over."""

        def use(client: Client) -> tuple[int, int]:
            from desktop.core.bench.export import read_file

            documents = read_file(Path(path))
            return len(documents), int(client.import_results(documents)["added"])

        self._context.ask(use, self._on_imported)

    def _on_exported(self, path: str) -> None:
        self._context.toast(self.tr("Written to {path}").format(path=path), "check")

    def _on_imported(self, found: tuple[int, int]) -> None:
        given, added = found
        text = self.tr("{number} runs added.").format(number=added)
        if added < given:
            also = self.tr("{number} were here already.").format(number=given - added)
            text = f"{text} {also}"
        self._context.toast(text, "check")
        self.read()
