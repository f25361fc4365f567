"""The job that gets a model from the hub, with what belongs to it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Progress
from desktop.core.hub.download.fetch import discard, fetch, partial_bytes
from desktop.core.hub.download.names import layout
from desktop.core.hub.download.order import Fetched, Limits, Order, StoredFile, WantedFile
from desktop.core.hub.download.retry import Patience
from desktop.core.hub.drafts import suggested_draft
from desktop.core.hub.names import HubName
from desktop.core.hub.wanted import Wanted, asked_name, find_wanted
from desktop.core.jobs.handlers.download_parts import Host, Json, Note, Watch
from desktop.core.jobs.kinds import JobContext
from desktop.core.library.entry import ModelEntry
from desktop.core.library.notes import DownloadedFile

NAME = "download"
RESOLVE, FETCH, REGISTER = "resolve", "fetch", "register"
# Parts of the step "fetch", each a whole one.
_MODEL, _DRAFT = "model", "draft"
_MIB = 1 << 20
# A download that has begun waits for a lost network through a night and more; one that nobody waits
# for any more asks the hub again for a while, since a machine starts before its network does.
_LOST_SECONDS = 24 * 3600.0
_FRESH_SECONDS = 60.0
_START_SECONDS = 1800.0
_ASK_AGAIN_SECONDS = 15.0
# Why the hub cannot be asked, where a model that is here already needs no asking.
_NO_HUB = frozenset({ErrorCode.REMOTE_UNREACHABLE, ErrorCode.HUB_OFFLINE})
# What a repository says that has no such file.
_NOT_THERE = frozenset(
    {ErrorCode.HUB_QUANT_UNKNOWN, ErrorCode.HUB_NO_GGUF, ErrorCode.MODEL_AMBIGUOUS}
)


class DownloadKind:
    """Parameters: `model` ("owner/name:QUANT" or "owner/name/file.gguf"), `projector` (true),
    `draft` (false), `limit_mib_per_second`. The result: {"model": id, "path", "size_bytes",
    "fetched_bytes", "seconds", "files": [{"path", "size_bytes", "sha256", "was_present"}],
    "projector": path, "draft": id, "notes": [{"code", "text", "params"}]}. Bytes and seconds are
    those of the transfer, with what came before an interruption, unless that was a kill.

    Args:
        patience: of one attempt at a transfer.
        lost_seconds: so long without a byte a download that has begun waits for the network,
            asking again every `ask_again_seconds`.
    """

    name = NAME
    needs = frozenset({"download"})
    gives_way = True

    def __init__(
        self,
        host: Host,
        *,
        patience: Patience | None = None,
        lost_seconds: float = _LOST_SECONDS,
        ask_again_seconds: float = _ASK_AGAIN_SECONDS,
    ) -> None:
        self._host = host
        self._patience = patience
        self._lost_seconds = lost_seconds
        self._ask_again_seconds = ask_again_seconds

    def plan(self, params: Json) -> list[str]:
        """Raises BAD_REQUEST for what is no name on the hub, or a parameter that makes no sense."""
        self._asked(params)
        for name in ("projector", "draft"):
            if not isinstance(params.get(name, False), bool):
                raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be true or false.")
        limit = params.get("limit_mib_per_second")
        number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if limit is not None and not (number and 0 < limit <= 1_000_000):
            reason = "“limit_mib_per_second” must be a number above 0."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        return [RESOLVE, FETCH, REGISTER]

    def key(self, params: Json) -> str:
        try:
            name = self._asked(params)
        except AppError:  # an older job's, by the address of another hub
            return repr(params.get("model"))
        what = [word and word.casefold() for word in (name.repo, name.quant, name.file)]
        with_it = [params.get("projector", True), params.get("draft", False)]
        return repr([*what, name.revision, *with_it])

    def run(self, context: JobContext) -> Json:
        context.step(RESOLVE, lambda: self._resolve(context))
        context.step(FETCH, lambda: self._fetch_all(context))
        result: Json = context.step(REGISTER, lambda: self._register(context))
        return result

    def _asked(self, params: Json) -> HubName:
        model = params.get("model")
        if not isinstance(model, str) or not model:
            raise AppError(ErrorCode.BAD_REQUEST, reason="“model” must be a model's name.")
        return asked_name(model, self._host.network())

    # --- which files ----------------------------------------------------------------------------

    def _resolve(self, context: JobContext) -> Json:
        """The orders, fixed to the commits of now, and what of them was here before."""
        name, params = self._asked(context.params), context.params
        context.reporter.progress(Progress("asking the hub", 0))
        try:
            wanted = self._find(context, name)
        except AppError as error:
            if error.code in _NO_HUB and (here := self._here(params["model"])) is not None:
                context.reporter.log(f"{error.title}. {here.id} is here already.")
                return {"here": str(here.path)}
            raise
        draft: Wanted | None = None
        notes: list[Note] = []
        if params.get("draft", False):
            draft, notes = self._resolve_draft(wanted, context)
        orders = [each.order for each in (wanted, draft) if each is not None]
        return {
            "model": wanted.to_dict(),
            "draft": None if draft is None else draft.to_dict(),
            "present": [each for order in orders for each in self._present(order)],
            "notes": [note.to_dict() for note in notes],
        }

    def _find(self, context: JobContext, name: HubName) -> Wanted:
        fresh = time.time() - context.job.created < _FRESH_SECONDS
        until = time.monotonic() + (0.0 if fresh else _START_SECONDS)
        while True:
            try:
                return find_wanted(
                    name,
                    self._host.network(),
                    projector=context.params.get("projector", True),
                    cancel=context.cancel,
                )
            except AppError as error:
                lost = error.code is ErrorCode.REMOTE_UNREACHABLE
                if not lost or time.monotonic() >= until or self._here(context.params["model"]):
                    raise
                context.reporter.progress(Progress("waiting for the network", 0))
                context.cancel.wait(self._ask_again_seconds)
                context.cancel.raise_if_cancelled()

    def _here(self, model: str) -> ModelEntry | None:
        try:
            entry = self._host.entry(model)
        except AppError:
            return None
        return None if entry.broken else entry

    def _resolve_draft(
        self, wanted: Wanted, context: JobContext
    ) -> tuple[Wanted | None, list[Note]]:
        repo = wanted.order.repo
        draft = suggested_draft(self._host.catalog(), repo, wanted.size_bytes)
        for quant in () if draft is None else draft.quant_types:
            assert draft is not None
            name = HubName(draft.repository, quant=quant)
            try:
                found = find_wanted(
                    name, self._host.network(), projector=False, cancel=context.cancel
                )
            except AppError as error:
                if error.code in _NOT_THERE:
                    continue
                return None, [_failed(f"{draft.repository}:{quant}", error)]
            return found, []
        text = f"No draft model is known for {wanted.name}."
        return None, [Note("draft_unknown", text, {"model": wanted.name})]

    def _present(self, order: Order) -> list[list[str]]:
        """Files of an order that are here already, as [repository, path]."""
        places = layout(self._host.cache(), order.repo, order.commit, order.revision)
        return [
            [order.repo, file.path]
            for file in order.files
            if os.path.lexists(places.pointer(file.path))
            or (file.etag is not None and os.path.lexists(places.blob(file.etag)))
        ]

    # --- the transfer ---------------------------------------------------------------------------

    def _fetch_all(self, context: JobContext) -> Json:
        plan = context.done[RESOLVE]
        if "here" in plan:
            return {"model": [], "draft": [], "fetched_bytes": 0, "seconds": 0.0, "notes": []}
        wanted = Wanted.from_dict(plan["model"])
        model = context.step(_MODEL, lambda: self._transfer(context, _MODEL, wanted.order))
        parts, notes = [model], list(plan["notes"])
        if plan["draft"] is not None:
            draft = Wanted.from_dict(plan["draft"])
            extra = context.step(_DRAFT, lambda: self._fetch_draft(context, draft))
            notes += extra.pop("notes")
            parts.append(extra)
        for note in notes:
            context.reporter.log(note["text"])
        return {
            "model": model["files"],
            "draft": parts[1]["files"] if len(parts) > 1 else [],
            "fetched_bytes": sum(part["fetched_bytes"] for part in parts),
            "seconds": sum(part["seconds"] for part in parts),
            "notes": notes,
        }

    def _transfer(self, context: JobContext, part: str, order: Order) -> Json:
        """Get the files of an order; what is here already is not fetched again."""
        cache, interrupted = self._host.cache(), f"{part}_so_far"
        before = context.done.get(interrupted, {"fetched_bytes": 0, "seconds": 0.0})
        watch = Watch(context.reporter, lambda path: self._keep_whole(order, cache, path))
        had = self._bytes_here(order, cache)
        begun = time.monotonic()

        def so_far(fetched_bytes: int) -> Json:
            return {
                "fetched_bytes": before["fetched_bytes"] + fetched_bytes,
                "seconds": round(before["seconds"] + time.monotonic() - begun, 3),
            }

        try:
            fetched = self._patiently(context, order, cache, watch)
        except AppError:
            watch.stand_still()
            context.keep(interrupted, so_far(max(0, round(watch.most_bytes) - had)))
            raise
        self._host.keep(
            [
                _row(
                    order,
                    file.path,
                    WantedFile(file.repo_file, file.size_bytes, file.sha256, file.etag),
                )
                for file in fetched.files
                if not file.was_present
            ]
        )
        files = [
            {
                "path": str(file.path),
                "repo_file": file.repo_file,
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
                "was_present": file.was_present,
            }
            for file in fetched.files
        ]
        return {"files": files, **so_far(fetched.fetched_bytes)}

    def _bytes_here(self, order: Order, cache: Path) -> int:
        here = {path for _, path in self._present(order)}
        whole = sum(file.size_bytes or 0 for file in order.files if file.path in here)
        return whole + partial_bytes(order, cache)

    def _patiently(self, context: JobContext, order: Order, cache: Path, watch: Watch) -> Fetched:
        """The transfer, begun again when the network was lost for long after something had come."""
        limits = Limits(
            self._host.settings().downloads.connections, lambda: self._bytes_per_second(context)
        )
        begun = partial_bytes(order, cache) > 0
        came_at = time.monotonic()
        while True:
            had = watch.most_bytes
            try:
                return fetch(
                    order,
                    cache,
                    self._host.network(),
                    limits,
                    watch,
                    context.cancel,
                    patience=self._patience,
                )
            except AppError as error:
                if watch.most_bytes > had:
                    begun, came_at = True, time.monotonic()
                lost = begun and error.code is ErrorCode.REMOTE_UNREACHABLE
                waited = time.monotonic() - came_at
                if not lost or waited >= self._lost_seconds or context.cancel.cancelled:
                    raise
                context.reporter.log(f"{error.title}. It is tried again.")
                context.cancel.wait(self._ask_again_seconds)

    def _bytes_per_second(self, context: JobContext) -> float | None:
        """The lower of the download's own limit and the one of the settings, as they are now."""
        own = context.params.get("limit_mib_per_second")
        limits = [
            each for each in (own, self._host.settings().downloads.limit_mib_per_second) if each
        ]
        return min(limits) * _MIB if limits else None

    def _keep_whole(self, order: Order, cache: Path, path: str) -> None:
        """A file is whole: it is ours from now on, whatever happens to the rest."""
        file = next((each for each in order.files if each.path == path), None)
        if file is None or file.etag is None or file.size_bytes is None:
            return  # then the end of the transfer tells
        place = layout(cache, order.repo, order.commit, order.revision).pointer(path)
        self._host.keep([_row(order, place, file)])

    def _fetch_draft(self, context: JobContext, draft: Wanted) -> Json:
        """Get the draft where it goes with the model; a failure costs no more than the draft."""
        model = [Path(file["path"]) for file in context.done[_MODEL]["files"]]
        nothing: Json = {"files": [], "fetched_bytes": 0, "seconds": 0.0}
        try:
            problem = self._host.draft_problem(model, draft.name, context.cancel)
            if problem is not None:
                text = f"{draft.name} is no draft for it: {problem}"
                note = Note("draft_refused", text, {"draft": draft.name, "reason": problem})
                return {**nothing, "notes": [note.to_dict()]}
            return {**self._transfer(context, _DRAFT, draft.order), "notes": []}
        except AppError as error:
            context.cancel.raise_if_cancelled()
            return {**nothing, "notes": [_failed(draft.name, error).to_dict()]}

    # --- the library ----------------------------------------------------------------------------

    def _register(self, context: JobContext) -> Json:
        plan, fetched = context.done[RESOLVE], context.done[FETCH]
        context.reporter.progress(Progress("adding it to the library", 0))
        self._host.scan()
        if "here" in plan:
            entry = self._host.entry(plan["here"])
            files = [{"path": str(path)} for path in entry.shard_paths]
            return _result(entry, files, fetched, None if not entry.mmproj else str(entry.mmproj))
        wanted = Wanted.from_dict(plan["model"])
        files = fetched["model"]
        paths = {file["repo_file"]: file["path"] for file in files}
        entry = self._host.entry(paths[wanted.model_files[0]])
        notes = list(fetched["notes"])
        draft = self._host.entry(fetched["draft"][0]["path"]) if fetched["draft"] else None
        if draft is not None and self._host.use_draft(entry, draft):
            text = f"{entry.id} is loaded with the draft model {draft.id} from now on."
            params = {"model": entry.id, "draft": draft.id}
            notes.append(Note("draft_used", text, params).to_dict())
        if entry.error is not None:
            why: Json = {"model": entry.id, "error": entry.error.to_dict()}
            notes.append(Note("broken", str(entry.error), why).to_dict())
        elif entry.kind == "model" and not all(file["was_present"] for file in files):
            self._host.test(entry)
        eyes = None if wanted.projector is None else paths[wanted.projector]
        files = [*files, *fetched["draft"]]
        return {
            **_result(entry, files, {**fetched, "notes": notes}, eyes),
            # The library may know the same content by another place.
            "path": paths[wanted.model_files[0]],
            "draft": None if draft is None else draft.id,
        }

    # --- cancelled ------------------------------------------------------------------------------

    def cancelled(self, params: Json, done: Json) -> None:
        """Remove what was fetched of a model that is not whole, unless another download needs it.

        What was here before this download stays, and so does what it brought that is whole.
        """
        plan = done.get(RESOLVE) or {}
        present = {(repo, path) for repo, path in plan.get("present") or ()}
        needed = self._needed_elsewhere(params)
        cache, removed = self._host.cache(), False
        for part in (_MODEL, _DRAFT):
            if plan.get(part) is None or part in done:
                continue
            order = Wanted.from_dict(plan[part]).order
            free = [each for each in order.files if (order.repo, each.path) not in needed]
            discard(replace(order, files=tuple(free)), cache)
            places = layout(cache, order.repo, order.commit, order.revision)
            rows = [
                self._host.kept(places.pointer(each.path))
                for each in free
                if (order.repo, each.path) not in present
            ]
            ours = [row for row in rows if row is not None]
            self._host.remove(ours)
            removed = removed or bool(ours)
        if removed:
            self._host.scan()

    def _needed_elsewhere(self, params: Json) -> set[tuple[str, str]]:
        """[repository, path] of the files that other downloads will fetch or have begun."""
        found: set[tuple[str, str]] = set()
        for job in self._host.unfinished():
            if self.key(job.params) == self.key(params):
                continue  # the one that is cancelled
            plan = job.done.get(RESOLVE) or {}
            for part in (_MODEL, _DRAFT):
                if plan.get(part) is not None:
                    order = plan[part]["order"]
                    found |= {(order["repo"], each["path"]) for each in order["files"]}
        return found


def _as_stored(file: StoredFile) -> WantedFile:
    return WantedFile(file.repo_file, file.size_bytes, file.sha256, file.etag)


def _row(order: Order, path: Path, file: WantedFile) -> DownloadedFile:
    """A file whose etag and size are known, as it lies at `path`."""
    assert file.etag is not None and file.size_bytes is not None
    return DownloadedFile(
        path=path,
        repo=order.repo,
        revision=order.revision,
        commit=order.commit,
        repo_file=file.path,
        etag=file.etag,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        downloaded=time.time(),
    )


def _failed(draft: str, error: AppError) -> Note:
    text = f"The draft model {draft} was not fetched. {error.title}."
    return Note("draft_failed", text, {"draft": draft, "error": error.to_dict()})


def _result(entry: ModelEntry, files: list[Json], fetched: Json, projector: str | None) -> Json:
    return {
        "model": entry.id,
        "path": str(entry.path),
        "size_bytes": entry.size_bytes,
        "fetched_bytes": fetched["fetched_bytes"],
        "seconds": fetched["seconds"],
        "files": files,
        "projector": projector,
        "draft": None,
        "notes": fetched["notes"],
    }
