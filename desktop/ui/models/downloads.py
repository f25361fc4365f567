"""The downloads as the window knows them: those under way in their order, and those that ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.errors import AppError

Json = dict[str, Any]
KIND = "download"
_FIGURES_MS = 200  # figures that change faster than that cannot be read
_MOST_ENDED = 50


@dataclass(frozen=True)
class FileProgress:
    """One file of a download.

    Attributes:
        state: "waiting", "present", "downloading", "checking" or "done".
    """

    path: str
    size_bytes: int | None
    done_bytes: int
    verified_bytes: int
    state: str


@dataclass(frozen=True)
class Note:
    """What was decided on the way, as a code and what fills its words."""

    code: str
    params: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Download:
    """One download, as its job stands.

    Attributes:
        model: "owner/name:QUANT" or "owner/name/file.gguf", as it was asked for.
        state: of the job: "queued", "running", "paused", "done", "failed", "cancelled".
        step: the step it is at: "resolve", "fetch", "register"; "" when all are done.
        total_bytes: None until the files are known.
        connections: how many are open now.
        verified_bytes: how much of it was checked against its hash.
        result: of one that is done: {"model", "size_bytes", "seconds", …}.
    """

    id: int
    model: str
    projector: bool
    draft: bool
    state: str
    step: str
    position: float
    created: float
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_second: float | None = None
    seconds_left: float | None = None
    connections: int = 0
    verified_bytes: int = 0
    files: tuple[FileProgress, ...] = ()
    notes: tuple[Note, ...] = ()
    error: AppError | None = None
    result: Json | None = None
    finished: float | None = None

    @property
    def key(self) -> str:
        return key_of(self.model)

    @property
    def share(self) -> float | None:
        """0..1, or None where nobody knows yet."""
        return self.done_bytes / self.total_bytes if self.total_bytes else None

    @property
    def stage(self) -> str:
        """What a person is told it does: "waiting", "paused", "resolving", "downloading",
        "checking", "adding", "done", "failed" or "cancelled"."""
        if self.state != "running":
            return "waiting" if self.state == "queued" else self.state
        if self.step == "register":
            return "adding"
        if self.step == "resolve":
            return "resolving"
        if self.files and all(each.state in ("done", "present") for each in self.files):
            return "adding"  # what is left of it takes a moment
        fetched = self.total_bytes is not None and self.done_bytes >= self.total_bytes
        return "checking" if fetched and self.files else "downloading"

    @property
    def ended(self) -> bool:
        return self.finished is not None

    @property
    def local_model(self) -> str | None:
        """The library's id of what was fetched."""
        found = (self.result or {}).get("model")
        return str(found) if found else None


def key_of(model: str) -> str:
    """The hub does not tell upper from lower case, nor do people."""
    return model.strip().casefold()


def _files(detail: Json) -> tuple[FileProgress, ...]:
    return tuple(
        FileProgress(
            str(each["path"]),
            each.get("size_bytes"),
            int(each.get("done_bytes") or 0),
            int(each.get("verified_bytes") or 0),
            str(each.get("state", "waiting")),
        )
        for each in detail.get("files") or ()
    )


def _notes(detail: Json) -> tuple[Note, ...]:
    return tuple(
        Note(str(each["code"]), tuple(sorted((each.get("params") or {}).items())))
        for each in detail.get("notes") or ()
    )


def _with_progress(download: Download, progress: Json) -> Download:
    """The figures of a `job.progress`; those of another step tell of no bytes."""
    if progress.get("unit") != "bytes":
        return download
    detail = progress.get("detail") or {}
    total = progress.get("total")
    running = download.state == "running"
    done, files = int(progress.get("done") or 0), _files(detail)
    if not done and all(each.state == "waiting" for each in files):
        # It goes on after a pause: what lies on the disk was not looked at yet.
        done, files = download.done_bytes, download.files or files
    return replace(
        download,
        done_bytes=done,
        total_bytes=None if total is None else int(total),
        bytes_per_second=detail.get("bytes_per_second") if running else None,
        seconds_left=detail.get("seconds_left") if running else None,
        connections=int(detail.get("connections") or 0) if running else 0,
        verified_bytes=int(detail.get("verified_bytes") or 0),
        files=files,
        notes=_notes(detail),
    )


def download_of(job: Json, before: Download | None = None) -> Download:
    """Args: before: what was known of it: a job that does not run tells no progress."""
    params = job.get("params") or {}
    done = set(job.get("steps_done") or ())
    position = job.get("position")
    error = job.get("error")
    found = Download(
        id=int(job["id"]),
        model=str(params.get("model", "")),
        projector=bool(params.get("projector", True)),
        draft=bool(params.get("draft", False)),
        state=str(job["state"]),
        step=next((step for step in job.get("steps") or () if step not in done), ""),
        position=float(job["id"] if position is None else position),
        created=float(job.get("created") or 0.0),
        error=None if error is None else AppError.from_dict(error),
        result=job.get("result"),
        finished=job.get("finished"),
    )
    if before is not None:
        found = replace(
            found,
            done_bytes=before.done_bytes,
            total_bytes=before.total_bytes,
            verified_bytes=before.verified_bytes,
            files=before.files,
            notes=before.notes,
        )
    progress = job.get("progress")
    return _with_progress(found, progress) if progress else found


@dataclass(frozen=True)
class Totals:
    """All that is under way, together.

    Attributes:
        count: downloads that have not ended; running: that run now.
        share: 0..1 of the bytes that are known of, or None.
        seconds_left: of what runs.
        going: whether anything is fetched, or will be without a person's doing.
    """

    count: int
    running: int
    paused: int
    share: float | None
    bytes_per_second: float | None
    seconds_left: float | None

    @property
    def going(self) -> bool:
        return self.count > self.paused


class Downloads(QObject):
    """Kept up to date by `ServiceState` from the service's events.

    Attributes:
        refused: why the service did not take a download that was asked for, by `key_of`.

    Signals:
        changed: which downloads there are, their order, or the state of one.
        progressed: the id of one whose figures changed, a few times a second at most.
        ended: a `Download` that is done or failed, as it happens.
    """

    changed = Signal()
    progressed = Signal(int)
    ended = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[int, Download] = {}
        self._ended: dict[int, Download] = {}
        self._asked: set[str] = set()
        self.refused: dict[str, AppError] = {}
        self._moved: set[int] = set()  # figures that nobody was told of yet
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_FIGURES_MS)
        self._pause.timeout.connect(self._on_pause_timeout)

    # --- what there is --------------------------------------------------------------------------

    @property
    def queue(self) -> list[Download]:
        """Those that have not ended, in their order."""
        return sorted(self._known.values(), key=lambda each: (each.position, each.id))

    @property
    def history(self) -> list[Download]:
        """Those that are done or failed, the newest first; of one model the newest only."""
        found: dict[str, Download] = {each.key: each for each in self._known.values()}
        shown = []
        for each in sorted(self._ended.values(), key=lambda e: e.id, reverse=True):
            newer = found.setdefault(each.key, each)
            if newer is each and each.state != "cancelled":
                shown.append(each)
        return sorted(shown, key=lambda each: (each.finished or 0.0, each.id), reverse=True)

    def get(self, number: int) -> Download | None:
        return self._known.get(number) or self._ended.get(number)

    def of(self, model: str) -> Download | None:
        """The download of this model: one under way, else the last that failed."""
        key = key_of(model)
        under_way = next((each for each in self._known.values() if each.key == key), None)
        if under_way is not None:
            return under_way
        last = next((each for each in self.history if each.key == key), None)
        return last if last is not None and last.state == "failed" else None

    def is_asked(self, model: str) -> bool:
        """Whether it was asked for and the service has not answered yet."""
        return key_of(model) in self._asked

    @property
    def totals(self) -> Totals:
        queue = list(self._known.values())
        sized = [each for each in queue if each.total_bytes]
        total = sum(each.total_bytes or 0 for each in sized)
        running = [each for each in queue if each.state == "running"]
        speeds = [e.bytes_per_second for e in running if e.bytes_per_second is not None]
        left = [each.seconds_left for each in running if each.seconds_left is not None]
        return Totals(
            count=len(queue),
            running=len(running),
            paused=sum(each.state == "paused" for each in queue),
            share=sum(each.done_bytes for each in sized) / total if total else None,
            bytes_per_second=sum(speeds) if speeds else None,
            seconds_left=max(left) if left else None,
        )

    # --- what the service tells -----------------------------------------------------------------

    def read(self, jobs: Iterable[Json]) -> None:
        """Take the unfinished jobs as the service describes them."""
        found = {}
        for job in jobs:
            if job.get("kind") == KIND:
                found[int(job["id"])] = download_of(job, self._known.get(int(job["id"])))
        self._known = found
        self._asked -= {each.key for each in found.values()}
        self.changed.emit()

    def read_history(self, jobs: Iterable[Json]) -> None:
        """Take the ended ones from a list of the latest jobs."""
        for job in jobs:
            known = int(job["id"]) in self._known
            if job.get("kind") == KIND and job.get("finished") is not None and not known:
                self._keep(download_of(job))
        self.changed.emit()

    def on_answer(self, job: Json) -> None:
        """The service took a download: what it says of one that is known is older than what its
        events said."""
        number = int(job["id"])
        if number in self._known or number in self._ended:
            self._asked.discard(download_of(job).key)
            self.changed.emit()
        else:
            self.on_job(job)

    def on_job(self, job: Json) -> None:
        """An event: a download's job is another than before."""
        number = int(job["id"])
        download = download_of(job, self._known.get(number) or self._ended.get(number))
        self._asked.discard(download.key)
        self.refused.pop(download.key, None)
        if not download.ended:
            self._ended.pop(number, None)  # one that failed is tried again
            self._known[number] = download
            self.changed.emit()
            return
        self._known.pop(number, None)
        new = number not in self._ended
        self._keep(download)
        self.changed.emit()
        if new and download.state in ("done", "failed"):
            self.ended.emit(download)

    def on_progress(self, number: int, progress: Json) -> None:
        download = self._known.get(number)
        if download is None:
            return
        fresh = _with_progress(download, progress)
        self._known[number] = fresh
        if fresh.stage != download.stage or fresh.notes != download.notes:
            self.changed.emit()
        self._moved.add(number)
        if not self._pause.isActive():
            self._tell_figures()

    def _tell_figures(self) -> None:
        moved, self._moved = self._moved, set()
        for number in moved:
            self.progressed.emit(number)
        if moved:
            self._pause.start()

    def _on_pause_timeout(self) -> None:
        self._tell_figures()

    def _keep(self, download: Download) -> None:
        self._ended[download.id] = download
        for number in sorted(self._ended)[:-_MOST_ENDED]:
            del self._ended[number]

    # --- what the window asks for ---------------------------------------------------------------

    def expect(self, model: str) -> None:
        """It was asked for: the service will answer in a moment."""
        self._asked.add(key_of(model))
        self.refused.pop(key_of(model), None)
        self.changed.emit()

    def refuse(self, model: str, error: AppError) -> None:
        """The service did not take it."""
        self._asked.discard(key_of(model))
        self.refused[key_of(model)] = error
        self.changed.emit()

    def forget(self, number: int) -> None:
        """Show an ended one no more."""
        if self._ended.pop(number, None) is not None:
            self.changed.emit()
