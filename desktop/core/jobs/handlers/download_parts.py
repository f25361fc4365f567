"""What a download's job works with: the service around it, what it notes, and how it is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.fit.catalog import Catalog
from desktop.core.jobs.table import Job
from desktop.core.library.entry import ModelEntry
from desktop.core.library.notes import DownloadedFile
from desktop.core.settings import Settings
from desktop.core.web import WebSettings

Json = dict[str, Any]


class Host(Protocol):
    """What downloads need of the service. Called from their worker threads."""

    def settings(self) -> Settings: ...

    def network(self) -> WebSettings:
        """How the hub is asked, with the token that is stored."""
        ...

    def cache(self) -> Path:
        """The folder that models go to, in the layout of the hub's cache."""
        ...

    def catalog(self) -> Catalog: ...

    def entry(self, name: str) -> ModelEntry:
        """The library's model of a name or path; one that was hidden is shown again.

        Raises:
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
        """
        ...

    def unfinished(self) -> Sequence[Job]:
        """All downloads that have not ended."""
        ...

    def keep(self, files: Iterable[DownloadedFile]) -> None:
        """Remember that these files are Paddock's own."""
        ...

    def kept(self, path: Path) -> DownloadedFile | None: ...

    def remove(self, files: Sequence[DownloadedFile]) -> None:
        """Take files of ours off the disk."""
        ...

    def scan(self) -> None:
        """Look through the models' folders, and tell everyone what changed."""
        ...

    def draft_problem(
        self, model_files: Sequence[Path], draft: str, cancel: CancelToken
    ) -> str | None:
        """Why a model on the hub cannot propose tokens for one that is here, by the headers."""
        ...

    def use_draft(self, model: ModelEntry, draft: ModelEntry) -> bool:
        """Load the draft with the model from now on; False where another one was chosen before."""
        ...

    def test(self, model: ModelEntry) -> None:
        """Have a new model tried, where the settings want it."""
        ...


@dataclass(frozen=True)
class Note:
    """Something that was decided on the way, for people."""

    code: str
    text: str
    params: Json

    def to_dict(self) -> Json:
        return {"code": self.code, "text": self.text, "params": self.params}


class Watch:
    """Passes on what a transfer reports, and remembers it.

    Args:
        whole: called once with each file that has been fetched and checked.

    Attributes:
        most_bytes: the most that was here at any moment.
    """

    def __init__(self, reporter: Reporter, whole: Callable[[str], None]) -> None:
        self._reporter = reporter
        self._whole = whole
        self._told: set[str] = set()
        self._last: Progress | None = None
        self.most_bytes = 0.0

    def progress(self, progress: Progress) -> None:
        files = (progress.detail or {}).get("files") or ()
        if progress.unit == "bytes":
            self._last = progress
            self.most_bytes = max(self.most_bytes, progress.done)
        for file in files:
            if file["state"] == "done" and file["path"] not in self._told:
                self._told.add(file["path"])
                self._whole(file["path"])
        self._reporter.progress(progress)

    def log(self, line: str) -> None:
        self._reporter.log(line)

    def stand_still(self) -> None:
        """Nothing comes any more: what is told last has no speed."""
        if self._last is not None and self._last.detail is not None:
            still = {"bytes_per_second": None, "seconds_left": None, "connections": 0}
            self._reporter.progress(replace(self._last, detail={**self._last.detail, **still}))
