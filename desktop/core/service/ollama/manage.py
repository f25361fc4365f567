"""Routes that change what is on this machine: pull, delete, copy, create.

They are for its own window and commands; for others only where the setting `server.manage_models`
says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.hub.names import parse_name
from desktop.core.jobs.table import Job, JobTable
from desktop.core.library.entry import ModelEntry
from desktop.core.service import limits
from desktop.core.service.api_errors import ApiError, from_app_error
from desktop.core.service.bus import EventBus
from desktop.core.service.calls import Calls, caller_of
from desktop.core.service.early import stream_response
from desktop.core.service.error_shapes import ollama_line
from desktop.core.service.modelfiles import Modelfiles
from desktop.core.service.models import Models
from desktop.core.service.ollama.answers import line
from desktop.core.service.ollama.cards import meant_names
from desktop.core.service.ollama.finding import find, named
from desktop.core.service.ollama.modelfile import commands_of, text_of
from desktop.core.settings import Settings

Json = dict[str, Any]
Lines = AsyncGenerator[Json]

DOWNLOAD = "download"
NDJSON = "application/x-ndjson"
_DIGEST = re.compile(r"sha256[:-][0-9a-f]{64}")
_NOT_ALLOWED = (
    "This server does not let its clients change which models are on it. Switch the setting "
    "server.manage_models on if they may, or use `paddock` on the machine itself."
)
_STATUS = {
    ErrorCode.MODEL_IN_USE: 409,
    ErrorCode.JOB_NOT_FOUND: 404,
    ErrorCode.HUB_REPO_UNKNOWN: 404,
    ErrorCode.HUB_QUANT_UNKNOWN: 404,
    ErrorCode.HUB_NO_GGUF: 404,
    ErrorCode.REMOTE_NOT_FOUND: 404,
    ErrorCode.REMOTE_DENIED: 403,
    ErrorCode.REMOTE_UNREACHABLE: 502,
    ErrorCode.REMOTE_BUSY: 502,
    ErrorCode.REMOTE_FAILED: 502,
    ErrorCode.HUB_OFFLINE: 502,
    ErrorCode.DISK_FULL: 507,
    ErrorCode.CANCELLED: 499,
}
_ASKED_WRONGLY = frozenset(
    {
        *(ErrorCode.MODEL_BUNDLED, ErrorCode.MODEL_NAME_TAKEN, ErrorCode.MODELFILE_INVALID),
        *(ErrorCode.MODELFILE_UNUSABLE, ErrorCode.ALIAS_INVALID, ErrorCode.ALIAS_TAKEN),
        *(ErrorCode.SETTING_INVALID, ErrorCode.LOAD_MISMATCH),
    }
)


class Submitter(Protocol):
    """What is used of the scheduler of jobs."""

    async def submit(self, kind: str, params: dict[str, Any]) -> Job: ...

    def describe(self, job: Job) -> dict[str, Any]: ...


class Manager:
    """The routes, over the library and its jobs.

    Args:
        scheduler: which is made after this.
        bus: tells how downloads go on.
    """

    def __init__(
        self,
        calls: Calls,
        models: Models,
        modelfiles: Modelfiles,
        *,
        settings: Callable[[], Settings],
        jobs: JobTable,
        scheduler: Callable[[], Submitter],
        bus: EventBus,
    ) -> None:
        self._calls = calls
        self._models = models
        self._modelfiles = modelfiles
        self._settings = settings
        self._jobs = jobs
        self._scheduler = scheduler
        self._bus = bus

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/pull", self.pull),
            web.post("/api/push", self.push),
            web.post("/api/copy", self.copy),
            web.post("/api/create", self.create),
            web.delete("/api/delete", self.delete),
            web.head("/api/blobs/{digest}", self.has_blob),
            web.post("/api/blobs/{digest}", self.take_blob),
        ]

    def _check_allowed(self, request: web.Request) -> None:
        if not caller_of(request).inside and not self._settings().server.manage_models:
            raise ApiError(403, _NOT_ALLOWED, code="not_allowed")

    # --- pull ---------------------------------------------------------------------------------

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """Get a model from the hub; the download goes on when the client leaves."""
        self._check_allowed(request)
        body = await limits.read(request)
        name = named(body)
        if parse_name(name) is None:
            await self._check_here(request, name)
            return await self._told(request, body, _at_once())
        seq = self._bus.seq
        with _told_apart():
            job = await self._scheduler().submit(DOWNLOAD, {"model": name})
        return await self._told(request, body, self._progress(job, seq))

    async def _check_here(self, request: web.Request, name: str) -> None:
        """A name without an owner is one of Ollama's own registry, unless the model is here."""
        for meant in meant_names(name):
            with contextlib.suppress(AppError):
                await self._calls.find_for(request, meant)
                return
        shown = clean(name, 100)
        raise ApiError(
            400,
            f"“{shown}” is a name of Ollama's registry, from which Paddock gets nothing. Look for "
            f"it on the hub (`paddock search {shown.partition(':')[0]}`), and pull it by its name "
            "there, such as hf.co/OWNER/NAME:Q4_K_M.",
            param="model",
            code="model_not_found",
        )

    async def _progress(self, job: Job, seq: int) -> Lines:
        """What becomes of a download, up to its end.

        Raises:
            ApiError: it failed or was cancelled.
        """
        yield {"status": "pulling manifest"}
        told: dict[str, tuple[Any, ...]] = {}
        async with contextlib.aclosing(self._bus.follow(self._bus.epoch, seq)) as events:
            state = self._scheduler().describe(job)
            while state["finished"] is None:
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    raise from_app_error(AppError(ErrorCode.SERVICE_STOPPING)) from None
                about = event.data.get("id") == job.id
                if event.type == "resync" or (about and event.type == "job.changed"):
                    state = await self._state(job)
                if about and event.type == "job.progress":
                    for each in _files(event.data["progress"]):
                        figures = (each.get("completed"), each.get("total"))
                        if told.get(each["status"]) != figures:
                            told[each["status"]] = figures
                            yield each
        if state["state"] != "done":
            error = state["error"]
            failure = AppError.from_dict(error) if error else AppError(ErrorCode.CANCELLED)
            raise _api_error(failure) from failure
        for status in ("verifying sha256 digest", "writing manifest", "success"):
            yield {"status": status}

    async def _state(self, job: Job) -> Json:
        now = await asyncio.to_thread(self._jobs.get, job.id)
        return self._scheduler().describe(now)

    # --- the library --------------------------------------------------------------------------

    async def delete(self, request: web.Request) -> web.Response:
        self._check_allowed(request)
        name = named(await limits.read(request))
        entry = await find(self._calls, request, name)
        with _told_apart():
            alias = next((each for each in entry.aliases if _same(each, name)), None)
            if alias is not None:  # a second name goes, not the model
                left = [each for each in entry.aliases if each != alias]
                await self._models.change_card(entry, {"aliases": left})
            else:
                await self._models.remove(entry)
        return web.Response()

    async def copy(self, request: web.Request) -> web.Response:
        """A variant: the same file under a second name, with settings of its own from now on."""
        self._check_allowed(request)
        body = await limits.read(request)
        source = await find(self._calls, request, _name(body, "source"))
        with _told_apart():
            await self._make(source, [], _name(body, "destination"))
        return web.Response()

    async def create(self, request: web.Request) -> web.StreamResponse:
        self._check_allowed(request)
        body = await limits.read(request)
        name = named(body)
        with _told_apart():
            source, commands = commands_of(body)
            entry = await find(self._calls, request, source)
            made = await self._make(entry, commands, name)
        return await self._told(request, body, _made(made))

    async def _make(self, source: ModelEntry, commands: list[Any], name: str) -> Json:
        plain = meant_names(name)[-1]
        return await self._modelfiles.take_in(text_of(source, commands), plain, Path("/"))

    # --- what is not there --------------------------------------------------------------------

    async def push(self, request: web.Request) -> web.Response:
        raise ApiError(400, "Paddock publishes no models.", code="unsupported")

    async def has_blob(self, request: web.Request) -> web.Response:
        _check_digest(request)
        return web.Response(status=404)

    async def take_blob(self, request: web.Request) -> web.Response:
        self._check_allowed(request)
        _check_digest(request)
        raise ApiError(
            400,
            "Files are not taken in over this API. Put the file into a folder of models instead.",
            code="unsupported",
        )

    # --- answering ----------------------------------------------------------------------------

    async def _told(self, request: web.Request, body: Json, lines: Lines) -> web.StreamResponse:
        """The lines as they come, or the last one alone where the client wants no stream."""
        async with contextlib.aclosing(lines):
            if body.get("stream") is False:
                every = [each async for each in lines]
                return web.json_response(every[-1])
            response = stream_response(NDJSON)
            await response.prepare(request)
            try:
                async for each in lines:
                    await response.write(line(each))
            except ApiError as error:
                await response.write(ollama_line(error))
        await response.write_eof()
        return response


async def _made(made: Json) -> Lines:
    """What is told of a model that was made."""
    yield {"status": "reading model metadata"}
    for left in made["left_out"]:
        yield {"status": f"not taken along: {left['name']} ({left['reason']})"}
    for notice in made["notices"]:
        yield {"status": notice["text"]}
    for status in ("writing manifest", "success"):
        yield {"status": status}


async def _at_once() -> Lines:
    for status in ("pulling manifest", "success"):
        yield {"status": status}


def _files(progress: Json) -> list[Json]:
    """A download's progress, by file where it is told by file."""
    files = (progress.get("detail") or {}).get("files") or []
    if progress.get("unit") != "bytes":
        return [{"status": progress["what"]}]
    if not files:
        return [
            {
                "status": f"pulling {progress['what']}",
                "digest": progress["what"],
                "total": int(progress["total"] or 0),
                "completed": int(progress["done"]),
            }
        ]
    return [
        {
            "status": f"pulling {file['path']}",
            "digest": file["path"],
            "total": int(file.get("size_bytes") or 0),
            "completed": int(file.get("done_bytes") or 0),
        }
        for file in files
    ]


def _same(alias: str, name: str) -> bool:
    return alias.lower() in (each.lower() for each in meant_names(name))


def _name(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(400, f"“{name}” must name a model.", param=name)
    return value


def _check_digest(request: web.Request) -> None:
    if not _DIGEST.fullmatch(request.match_info["digest"]):
        raise ApiError(400, "invalid digest format", code="invalid_value")


@contextlib.contextmanager
def _told_apart() -> Any:
    """What goes wrong with the library has a status that says whose fault it is."""
    try:
        yield
    except AppError as error:
        raise _api_error(error) from error


def _api_error(error: AppError) -> ApiError:
    found = from_app_error(error)
    if found.status == 500:
        default = 400 if error.code in _ASKED_WRONGLY else 500
        found.status = _STATUS.get(error.code, default)
    return found
