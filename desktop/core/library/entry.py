"""One model of the library, as it is shown, listed and chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from desktop.core.errors import AppError
from desktop.core.fit.quality import Loss
from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.cards import Card
from desktop.core.library.disk import DiskFile
from desktop.core.library.given import App, Given
from desktop.core.library.scan import Source
from desktop.core.library.variants import content_of

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
        given: what another program says of it; `app` is the one whose file it is.
        variant: its name where it is another model's file with settings of its own;
            `variant_of` is that model's id.
        files: what `shard_paths` are on their disk; `copy_files` the same of each copy.
        checked: what the last look at all of its bytes found (`library/verify.py`).
        card: what people say of it, then what the other program says.
        aliases: the further names it answers to.
        downloaded: Paddock fetched it, all of its files, and so may delete it.
        disk_bytes: what deleting it would free; of files that are not Paddock's what they take.
        added, last_used: when it came, and when it was last loaded; seconds since the epoch.
        acceptance: how the test on arrival went.
        upstream: {"newer", "checked"}: whether the hub has another state of it.
        tokens_per_second: of the latest real answer.
        loss: what it was measured to lose against the whole model.
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
    given: Given = field(default_factory=Given)
    variant: str | None = None
    variant_of: str | None = None
    files: tuple[DiskFile, ...] = ()
    copy_files: tuple[tuple[DiskFile, ...], ...] = ()
    checked: dict[str, Any] | None = field(default=None, hash=False)
    card: Card = field(default_factory=Card)
    aliases: tuple[str, ...] = ()
    downloaded: bool = False
    disk_bytes: int = 0
    added: float | None = None
    last_used: float | None = None
    acceptance: dict[str, Any] | None = field(default=None, hash=False)
    upstream: dict[str, Any] | None = field(default=None, hash=False)
    tokens_per_second: float | None = None
    loss: Loss | None = None

    @property
    def hidden(self) -> bool:
        return self.card.hidden

    @property
    def app(self) -> App | None:
        return self.given.app

    @property
    def content(self) -> str:
        """The fingerprint of its bytes: a variant has one of its own."""
        return content_of(self.fingerprint)

    @property
    def load_defaults(self) -> dict[str, Any]:
        """How it is loaded where nothing else is said, by the names of `LoadRequest`, as JSON."""
        adapters = [dict(each) for each in self.card.adapters]
        return {**self.given.defaults, **({"adapters": adapters} if adapters else {})}

    @property
    def bundled(self) -> bool:
        return self.source == "bundled" and self.variant is None

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
            "aliases": list(self.aliases),
            "tags": list(self.card.tags),
            "hidden": self.hidden,
            "downloaded": self.downloaded,
            "disk_bytes": self.disk_bytes,
            "app": self.app,
            "names": list(self.given.names),
            "load_defaults": self.load_defaults,
            "left_out": [each.to_dict() for each in self.given.left_out],
            "variant": self.variant,
            "variant_of": self.variant_of,
            "added": self.added,
            "last_used": self.last_used,
            "decode_tokens_per_second": _measured(self.tokens_per_second),
            "quality": None if self.loss is None else self.loss.to_dict(),
            "card": self.card.to_dict(),
            "checked": self.checked,
            "acceptance": self.acceptance,
            "upstream": self.upstream,
        }


def _measured(value: float | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"value": value, "low": value, "high": value, "source": "measured"}
