"""One model of the library, as it is shown, listed and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desktop.core.errors import AppError
from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.scan import Source

Kind = Literal["model", "projector", "adapter", "vocab", "other"]


@dataclass(frozen=True)
class ModelEntry:
    """A model file, or all files of a split one.

    Attributes:
        id: readable, unique, stable.
        path: the file to load; of a split model the first part.
        shard_paths: all its files in order; of a whole model just `path`.
        size_bytes: of all its files.
        fingerprint: its content's quick name; empty when it cannot be read at all.
        summary: what its header says; None when that could not be read.
        error: why it cannot be loaded; None when nothing is known against it.
        kind: only a "model" can be loaded by itself; "other" is a file for the engine's tools.
        mmproj: the projector beside it that gives it eyes or ears.
        copies: other places where the same content lies.
    """

    id: str
    path: Path
    shard_paths: tuple[Path, ...]
    size_bytes: int
    fingerprint: str
    summary: ModelSummary | None
    error: AppError | None
    kind: Kind
    source: Source
    root: Path
    repo: str | None = None
    revision: str | None = None
    repo_file: str | None = None
    mmproj: Path | None = None
    copies: tuple[Path, ...] = ()

    @property
    def bundled(self) -> bool:
        return self.source == "bundled"

    @property
    def broken(self) -> bool:
        return self.error is not None

    def to_dict(self) -> dict[str, Any]:
        """As JSON; the first eight keys are promised (DESIGN.md §6)."""
        summary = self.summary or ModelSummary()
        return {
            "id": self.id,
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "architecture": summary.architecture,
            "quant_type": summary.quant_type,
            "context_tokens": summary.context_tokens,
            "bundled": self.bundled,
            "broken": self.broken,
            "error": None if self.error is None else self.error.to_dict(),
            "kind": self.kind,
            "source": self.source,
            "repo": self.repo,
            "revision": self.revision,
            "repo_file": self.repo_file,
            "name": summary.name,
            "parameters": summary.parameters if self.summary else None,
            "bits_per_weight": summary.bits_per_weight,
            "chat_template": summary.chat_template,
            "embedding": summary.is_embedding,
            "license": summary.license,
            "mmproj": None if self.mmproj is None else str(self.mmproj),
            "shard_paths": [str(path) for path in self.shard_paths],
            "copies": [str(path) for path in self.copies],
            "fingerprint": self.fingerprint,
        }
