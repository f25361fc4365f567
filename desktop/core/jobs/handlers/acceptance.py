"""The job that tries a new model once, in an engine of its own, while nobody uses the machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from desktop.core.engine.enginelog import EngineLog
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.gguf.summary import ModelSummary
from desktop.core.gguf.words import clean
from desktop.core.jobs.handlers.acceptance_asking import Asking, Left, Listener
from desktop.core.jobs.idle import Idle
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job
from desktop.core.library.acceptance import CHECKS, Acceptance, Check, CheckName
from desktop.core.library.acceptance_checks import Subject, check_loaded, check_unloaded
from desktop.core.library.acceptance_engine import Pace
from desktop.core.library.acceptance_words import TITLES
from desktop.core.library.entry import ModelEntry

STEP = "try"
WAITING = "waiting for an idle machine"
PATIENCE_SECONDS = 1800.0
LOAD_SECONDS = 1800.0
_GRACE_SECONDS = 5.0
_REASON_LIMIT = 300
# llama-server's own account of a template (tools/server/server-context.cpp of llama.cpp 0c1e570)
_THINKING_LINE = "chat template, thinking = "
_TEMPLATE_LINE = "chat template parsing error: "


class Server(Listener, Protocol):
    """What is used of `EngineServer`."""

    log: EngineLog

    def start(self) -> None: ...

    def wait_ready(
        self, timeout_seconds: float | None = None, cancel: CancelToken | None = None
    ) -> None: ...

    def stop(self, grace_seconds: float = 5.0) -> None: ...


@dataclass(frozen=True)
class Prepared:
    """A load that fits beside what is loaded now.

    Attributes:
        build: the engine's version.
        dimension: how long the model's vectors are, where the file says so.
    """

    new_server: Callable[[], Server]
    pace: Pace
    build: str
    dimension: int | None = None


class Host(Protocol):
    """What the test needs of the service."""

    def prepare(self, entry: ModelEntry, projector: bool, cancel: CancelToken) -> Prepared:
        """Price a load of the model with a small context and one slot.

        Args:
            projector: with the one beside it, where there is one.

        Raises:
            AppError: LOAD_WONT_FIT; why it cannot be planned; CANCELLED.
        """

    def visit(self, leave: CancelToken) -> AbstractContextManager[None]:
        """While it lasts an engine may be here; `leave` is cancelled when a load needs the room."""

    def offers_projector(self, entry: ModelEntry) -> bool | None:
        """Whether the model's repository has a projector; None where nobody knows."""

    def keep(self, entry: ModelEntry, acceptance: Acceptance) -> None:
        """Store what it came to, and tell everyone."""


class AcceptanceKind:
    """Parameters: `model`, and `asked`: a person wants it now, and it waits for no more than the
    answers and loads in progress.

    The result: {"model", "outcome": "tested" or "skipped", "code": why it was skipped ("wont_fit",
    "busy") or null, "error": `AppError.to_dict()` or null, "acceptance": `Acceptance.to_dict()` or
    null, "seconds"}.

    Args:
        resolve: the model of a name; raises MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
        patience_seconds: how long it waits for its turn at most.
    """

    name = "acceptance"
    needs = frozenset({"cpu"})
    gives_way = True

    def __init__(
        self,
        *,
        resolve: Callable[[str], ModelEntry],
        idle: Idle,
        host: Host,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._resolve = resolve
        self._idle = idle
        self._host = host
        self._patience_seconds = patience_seconds

    def plan(self, params: dict[str, Any]) -> list[str]:
        """Raises MODEL_BROKEN, and BAD_REQUEST for what is loaded with other models only."""
        self._entry(params)
        return [STEP]

    def key(self, params: dict[str, Any]) -> str:
        """Of one model there is one test: asked for again, a waiting one begins."""
        return str(params.get("model"))

    def run(self, context: JobContext) -> dict[str, Any]:
        result: dict[str, Any] = context.step(STEP, lambda: self._run(context))
        return result

    def _entry(self, params: dict[str, Any]) -> ModelEntry:
        model = params.get("model")
        if not isinstance(model, str) or not model:
            raise AppError(ErrorCode.BAD_REQUEST, reason="“model” must be a model's name.")
        entry = self._resolve(model)
        if entry.error is not None:
            raise AppError(ErrorCode.MODEL_BROKEN, model=entry.id, reason=str(entry.error))
        if entry.kind != "model":
            reason = f"It is a part for other models ({entry.kind}) and does not run by itself."
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"{entry.id}: {reason}")
        return entry

    def _run(self, context: JobContext) -> dict[str, Any]:
        entry = self._entry(context.params)
        begun = time.monotonic()
        deadline = self._idle.clock() + self._patience_seconds
        result: dict[str, Any] = {"model": entry.id, "outcome": "skipped", "code": "busy"}
        acceptance: Acceptance | None = None
        while acceptance is None and self._wait(context, deadline):
            try:
                acceptance = self._try(context, entry)
            except Left:
                context.reporter.log("Somebody needs the machine: it is tried again later.")
            except AppError as error:
                if error.code is not ErrorCode.LOAD_WONT_FIT:
                    raise
                result |= {"code": "wont_fit", "error": error.to_dict()}
                break
        if acceptance is not None:
            self._host.keep(entry, acceptance)
            result |= {"outcome": "tested", "code": None}
        marks = None if acceptance is None else acceptance.to_dict()
        return {
            "error": None,
            **result,
            "acceptance": marks,
            "seconds": round(time.monotonic() - begun, 3),
        }

    def _wait(self, context: JobContext, deadline: float) -> bool:
        """Wait until the model may be tried; False when the patience is over."""
        looks = 0

        def each() -> None:
            nonlocal looks
            looks += 1
            context.stand_back(lambda job: _goes_first(job, context))
            if looks == 2:  # it really waits
                context.reporter.progress(Progress(WAITING, 0, len(CHECKS), "tests"))

        return self._idle.wait(
            context.cancel, deadline, hurried=lambda: _asked(context.params), each=each
        )

    # --- trying ---------------------------------------------------------------------------------

    def _try(self, context: JobContext, entry: ModelEntry) -> Acceptance:
        """Raises: Left, when somebody else needs the machine; AppError: LOAD_WONT_FIT."""
        leave = CancelToken()
        undo = context.cancel.on_cancel(leave.cancel)
        try:
            with self._idle.watched(leave), self._host.visit(leave):
                return self._marks(context, entry, leave)
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                context.cancel.raise_if_cancelled()
                raise Left from error
            raise
        except Left:
            context.cancel.raise_if_cancelled()
            raise
        finally:
            undo()

    def _marks(self, context: JobContext, entry: ModelEntry, leave: CancelToken) -> Acceptance:
        """The marks; with the projector first, without it where that does not work."""
        subject = self._subject(entry)
        vision: Check | None = None
        if subject.projector:
            try:
                with self._loaded(context, entry, leave, projector=True) as loaded:
                    return _acceptance(loaded, list(loaded.checks(context, subject)))
            except _NotLoaded as failed:
                vision = Check("vision", "failed", "vision_failed", _error(failed.error))
            except AppError as error:
                if error.code is not ErrorCode.LOAD_WONT_FIT:
                    raise
                vision = Check("vision", "skipped", "vision_no_room")
        alone = replace(subject, projector=False)
        try:
            with self._loaded(context, entry, leave, projector=False) as loaded:
                checks = list(loaded.checks(context, alone))
                if vision is not None:
                    checks[-1] = vision
                return _acceptance(loaded, checks)
        except _NotLoaded as failed:
            return Acceptance(time.time(), failed.build, _unloaded(failed, subject))

    def _subject(self, entry: ModelEntry) -> Subject:
        summary = entry.summary or ModelSummary()
        return Subject(
            architecture=summary.architecture,
            n_layers=summary.n_layers,
            embedding=summary.is_embedding,
            ranks=summary.pooling_type == "rank",
            has_template=summary.chat_template,
            projector=entry.mmproj is not None,
            offers_projector=self._host.offers_projector(entry),
        )

    @contextlib.contextmanager
    def _loaded(
        self, context: JobContext, entry: ModelEntry, leave: CancelToken, *, projector: bool
    ) -> Iterator[_Loaded]:
        """The model in an engine of its own, which is gone afterwards.

        Raises:
            _NotLoaded: why it does not load. AppError: LOAD_WONT_FIT, CANCELLED.
        """
        _tell(context, "loads")
        begun = time.monotonic()
        build = ""
        server: Server | None = None
        grace = 0.0
        try:
            try:
                prepared = self._host.prepare(entry, projector, leave)
                build = prepared.build
                server = prepared.new_server()
                server.start()
                server.wait_ready(LOAD_SECONDS, leave)
            except AppError as error:
                if error.code in (ErrorCode.CANCELLED, ErrorCode.LOAD_WONT_FIT):
                    raise
                lines = server.log.lines() if server is not None else []
                raise _NotLoaded(error, build, _after(lines, _TEMPLATE_LINE)) from error
            yield _Loaded(server, prepared, time.monotonic() - begun, leave)
            grace = _GRACE_SECONDS
        finally:
            if server is not None:
                server.stop(grace)


class _NotLoaded(Exception):
    """A model does not load.

    Attributes:
        template: what the engine said against its chat template, where that was the reason.
    """

    def __init__(self, error: AppError, build: str, template: str | None) -> None:
        self.error, self.build, self.template = error, build, template
        super().__init__(str(error))


@dataclass(frozen=True)
class _Loaded:
    server: Server
    prepared: Prepared
    seconds: float
    leave: CancelToken

    def checks(self, context: JobContext, subject: Subject) -> Iterator[Check]:
        """Raises: Left."""
        thinking = _after(self.server.log.lines(), _THINKING_LINE)
        thinks = None if thinking is None else thinking.startswith("1")
        known = replace(subject, dimension=self.prepared.dimension, thinks=thinks)
        yield Check("loads", "passed", "loads_ok", {"seconds": round(self.seconds, 1)})
        asking = Asking(self.server, self.leave)
        yield from check_loaded(
            known, asking, self.prepared.pace, lambda name: _tell(context, name)
        )


def _acceptance(loaded: _Loaded, checks: list[Check]) -> Acceptance:
    return Acceptance(time.time(), loaded.prepared.build, tuple(checks))


def _unloaded(failed: _NotLoaded, subject: Subject) -> tuple[Check, ...]:
    """The marks of a model that does not load."""
    checks = check_unloaded(subject)
    if failed.error.code is ErrorCode.TIMED_OUT:
        loads = Check("loads", "skipped", "timed_out", {"seconds": round(LOAD_SECONDS)})
    elif failed.template is not None:
        reason = {"reason": clean(failed.template, _REASON_LIMIT)}
        loads = Check("loads", "failed", "loads_template", reason)
        checks[0] = Check("template", "failed", "template_error", reason)
    else:
        loads = Check("loads", "failed", "loads_failed", _error(failed.error))
    return loads, *checks


def _error(error: AppError) -> dict[str, Any]:
    return {"error": error.to_dict()}


def _after(lines: list[str], mark: str) -> str | None:
    """What follows a mark in an engine's log."""
    return next((line.split(mark, 1)[1] for line in lines if mark in line), None)


def _tell(context: JobContext, name: CheckName) -> None:
    done, total = CHECKS.index(name), len(CHECKS)
    what = f"trying: {TITLES[name]}"
    context.reporter.progress(Progress(what, done, total, "tests", {"check": name}))


def _asked(params: dict[str, Any]) -> bool:
    return params.get("asked") is True


def _goes_first(job: Job, context: JobContext) -> bool:
    """Whether a job that waits for this one goes first: any other kind, and of this one what a
    person asked for."""
    if job.kind != AcceptanceKind.name:
        return True
    return _asked(job.params) and not _asked(context.params)
