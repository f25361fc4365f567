"""The service: composes everything, owns all state, and ends in good order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets as random_secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from desktop.core.bench.results import ResultStore
from desktop.core.chat.store import ConversationStore
from desktop.core.db import Database
from desktop.core.engine.runtime import ENVIRONMENT_ID, Runtime
from desktop.core.engine.store import RuntimeStore
from desktop.core.errors import AppError
from desktop.core.events import Notice
from desktop.core.files import write_atomic
from desktop.core.fit.speed_book import SpeedBook, SpeedStore
from desktop.core.fit.speed_here import predictor_here
from desktop.core.fit.speed_predict import Predictor
from desktop.core.gguf.reader import HeaderReader
from desktop.core.jobs.handlers import all_kinds
from desktop.core.jobs.idle import Idle
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import JobTable
from desktop.core.library.entry import ModelEntry
from desktop.core.paths import Paths, models_folder, models_folder_fixed_by
from desktop.core.secrets import Secrets, choose_backend
from desktop.core.service import admin, faces, limits, request_ids
from desktop.core.service.adoption import Adoption
from desktop.core.service.anthropic.routes import Anthropic, by_header
from desktop.core.service.asking.asker import Asker
from desktop.core.service.bus import EventBus
from desktop.core.service.calls import Calls
from desktop.core.service.conversations import Conversations
from desktop.core.service.downloads import Downloads
from desktop.core.service.gateway import Gateway
from desktop.core.service.guest import Guest
from desktop.core.service.job_tools import job_tools
from desktop.core.service.key_gate import KeyGate
from desktop.core.service.key_routes import KeyRoutes
from desktop.core.service.keys import KeyStore
from desktop.core.service.learning import FLUSH_SECONDS, Learner
from desktop.core.service.ledger.accounts import Accounts
from desktop.core.service.loader import EngineLoader
from desktop.core.service.lock import HEARTBEAT_SECONDS, ServiceLock
from desktop.core.service.measuring import FirstMeasurement
from desktop.core.service.metrics import Metrics
from desktop.core.service.model_cards import ModelCards
from desktop.core.service.model_map import with_map
from desktop.core.service.model_routes import ModelRoutes
from desktop.core.service.model_speed import SpeedGuess
from desktop.core.service.models import Doing, Models
from desktop.core.service.ollama.api import OllamaApi
from desktop.core.service.openai.routes import OpenAi
from desktop.core.service.preload import Preload, Wanted
from desktop.core.service.public import PublicAt, PublicServer
from desktop.core.service.quant_lab import QuantLab
from desktop.core.service.removal import why_in_use
from desktop.core.service.requests import RequestLog, RequestRecord
from desktop.core.service.results import Results
from desktop.core.service.supervisor import Supervisor
from desktop.core.service.turns import Turns
from desktop.core.settings import Settings, SettingsFile
from desktop.core.version import VERSION

if TYPE_CHECKING:
    from desktop.core.hub.client import Hub

log = logging.getLogger(__name__)

OnReady = Callable[[dict[str, Any]], None]


class Service:
    """One running service. Made by `open`, run by `run`.

    Args:
        linger_seconds: end by itself this long after the last use; None: run until stopped.
    """

    def __init__(self, where: Paths, lock: ServiceLock, linger_seconds: float | None) -> None:
        self._paths = where
        self._lock = lock
        self._linger_seconds = linger_seconds
        self._started = time.time()
        self._last_use = time.monotonic()
        self._stop = asyncio.Event()
        self._private: faces.Face | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self.making_room = False

        self.bus = EventBus(asyncio.get_running_loop())
        self._settings_file = SettingsFile(where.settings_file)
        self._database = Database(where.database, where.backups)
        self.notices: list[Notice] = [*self._settings_file.notices, *self._database.notices]
        for notice in self.notices:
            log.warning(notice.text, extra={"code": notice.code})
        self.secrets = Secrets(lambda: choose_backend(where.secrets_file))
        self.keys = KeyStore(self._database)
        self._key_gate = KeyGate(self.keys, self._database)
        self._reader = HeaderReader(where.cache / "headers", work_root=where.work)
        self.models = Models(
            where,
            self._database,
            self._reader,
            settings=lambda: self.settings,
            change_settings=self.change_settings,
            publish=self.bus.publish,
            doing=Doing(self._why_in_use, self._hub),
        )
        self._adoption = Adoption(
            self.models,
            self._reader,
            settings=lambda: self.settings,
            change_settings=self.change_settings,
            scheduler=lambda: self.scheduler,
        )
        self.runtimes = RuntimeStore(where, self.settings.engine.runtime)
        self.results = ResultStore(self._database)
        self.speeds = SpeedStore(self._database)
        self.learner = Learner(
            self.speeds, facts=self._reader.read_facts, predictor=self._predictor
        )
        self._guest = Guest()
        self.loader = EngineLoader(
            where,
            self.runtimes,
            lambda: self.settings,
            self._database,
            self.models.store,
            reader=self._reader,
            saved=self.models.saved,
            resolve=self.models.library.resolve,
            alone=self._guest.away,
        )
        self.metrics = Metrics(
            lambda: self.supervisor,
            lambda: self.accounts,
            lambda: self.settings.server.metrics_with_keys,
        )
        self.supervisor = Supervisor(
            self.loader,
            self._tell_of_model,
            lambda: self.settings.server.queue_limit,
            self.settings.engine.grace_seconds,
            self._keep_seconds,
        )
        self.jobs = JobTable(self._database)
        self.downloads = Downloads(
            where,
            self._database,
            self.models,
            self._reader,
            secrets=self.secrets,
            settings=lambda: self.settings,
            jobs=self.jobs,
            scheduler=lambda: self.scheduler,
        )
        tools = job_tools(
            self,
            where=where,
            database=self._database,
            reader=self._reader,
            guest=self._guest,
            predictor=self._predictor,
            hub=self._hub,
        )
        self.scheduler = Scheduler(self.jobs, all_kinds(tools), self.bus.publish)
        self._measurement = FirstMeasurement(
            where, Idle(self._unused_seconds), self._guest, self.bus.publish
        )
        self.accounts = Accounts(
            where, self._database, self.keys, lambda: self.settings, self.bus.publish
        )
        self.requests = RequestLog(
            self.bus.publish,
            listeners=(
                self._learn,
                self._key_gate.finished,
                self.accounts.note,
                self.metrics.note,
            ),
            keep_texts=self.accounts.keep_texts,
        )
        self.calls = Calls(
            self.supervisor,
            self.requests,
            find=with_map(self.models.find, lambda: self.settings.server.model_map),
            list_models=self.models.all_models,
            gates=(self._key_gate, self.accounts.gate),
            cards=ModelCards(
                SpeedGuess(
                    self.speeds,
                    runtime=self.runtimes.current,
                    shape=self.loader.shape,
                    predictor=self._predictor,
                )
            ),
            asker=Asker(may_fetch=lambda: self.settings.server.fetch_images),
        )
        self.turns = Turns(
            ConversationStore(self._database),
            self.supervisor,
            self.requests,
            find=self.models.find,
            publish=self.bus.publish,
        )
        self._preload = Preload(
            self.supervisor,
            self.models.find,
            lambda: self.settings.server.preload,
            self.bus.publish,
        )
        self.openai = OpenAi(self.calls, lambda: bool(self.public.describe().get("key_required")))
        self._ollama = OllamaApi(
            self.calls,
            self.models,
            self._reader,
            settings=lambda: self.settings,
            jobs=self.jobs,
            scheduler=lambda: self.scheduler,
            bus=self.bus,
        )
        self.public = PublicServer(
            self._api_routes,
            self.keys,
            self._key_gate,
            lambda: self.settings.server,
            self._tell_of_server,
            requests=self.requests,
            folder=where.data / "tls",
        )

    @property
    def settings(self) -> Settings:
        return self._settings_file.settings

    # --- running ------------------------------------------------------------------------------

    async def run(
        self,
        on_ready: OnReady | None = None,
        public: PublicAt | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        """Serve until told to stop.

        Args:
            on_ready: called once when both faces answer.
            public: switch the public face on there.
            wanted: loaded before `on_ready`.

        Raises:
            AppError: why it could not start; nothing is left behind then.
        """
        try:
            await self.turns.tidy()
            token = random_secrets.token_urlsafe(32)
            self._private = faces.Face(self._private_app(token))
            await self._private.start("127.0.0.1", 0)
            self._spawn(self.accounts.remember())
            self._spawn(self._scan_first())
            self._spawn(self._heartbeat())
            self._spawn(self._keep_learning())
            self._measurement.start()
            if public is not None:
                await self.public.on(public.host, public.port, public.tls, public.ollama)
            self._write_endpoint(token)
            if wanted is not None:
                await self._preload.load_unless(self._stop, wanted)
            log.info("service ready", extra={"pid": os.getpid(), "version": VERSION})
            if on_ready is not None and not self._stop.is_set():
                on_ready(self.addresses())
            if self._linger_seconds is not None:
                self._spawn(self._end_when_unused(self._linger_seconds))
            await self._stop.wait()
        finally:
            await self._shut_down()

    def request_stop(self) -> None:
        self._stop.set()

    def make_room(self) -> None:
        """End when the jobs and answers in progress have; those that wait are the next one's."""
        if not self.making_room:
            self.making_room = True
            self.scheduler.hold()
            self.bus.publish("service.making_room", {})
            self._spawn(self._end_when_done())

    async def _end_when_done(self) -> None:
        while True:
            if not self.scheduler.running and not self.turns.busy:
                log.info("the service makes room for another one")
                self.request_stop()
                return
            await asyncio.sleep(0.1)

    def addresses(self) -> dict[str, Any]:
        return {
            "url": self.public.url,
            "admin_url": self._private.url if self._private else None,
            "pid": os.getpid(),
        }

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a background task failed", exc_info=task.exception())

    async def _scan_first(self) -> None:
        try:
            await self.models.scan_first()
        finally:
            self.scheduler.start()  # what an earlier run left needs the library
            self.models.scanned.set()

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await asyncio.to_thread(self._lock.renew)

    def _tell_of_server(self, kind: str, data: dict[str, Any]) -> None:
        self.bus.publish(kind, data)
        self._preload.switched(bool(data["on"]))

    def _tell_of_model(self, kind: str, data: dict[str, Any]) -> None:
        self.metrics.on_event(kind, data)
        self.bus.publish(kind, data)

    def _learn(self, record: RequestRecord) -> None:
        loaded = self.supervisor.loaded(record.model)
        others = self.supervisor.active - (loaded.active if loaded is not None else 0)
        busy = "cpu" in self.scheduler.running_needs() or others > 0
        self.learner.note(record, loaded, busy=busy)

    def _keep_seconds(self) -> float | None:
        minutes = self.settings.server.keep_minutes
        return None if minutes < 0 else minutes * 60

    def _predictor(self, book: SpeedBook, runtime: Runtime) -> Predictor:
        return predictor_here(book, runtime, self._paths.cache)

    async def _keep_learning(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush_learned()

    async def _flush_learned(self) -> None:
        if self.learner.waiting:
            try:
                await asyncio.to_thread(self.learner.flush)
            except AppError as error:  # a full disk: these figures are lost, nothing else is
                log.warning("speeds could not be stored", extra={"why": str(error)})
        try:
            await asyncio.to_thread(self.keys.flush)
        except AppError as error:
            log.warning("when keys were used could not be stored", extra={"why": str(error)})

    async def _end_when_unused(self, linger_seconds: float) -> None:
        while True:
            if self._in_use():
                self._last_use = time.monotonic()
            left = self._last_use + linger_seconds - time.monotonic()
            if left <= 0:
                log.info("nobody uses the service: it ends")
                self.request_stop()
                return
            await asyncio.sleep(min(left, 1.0) + 0.05)

    def _unused_seconds(self) -> float:
        """For how long there was no answer and no load; 0 while a job measures as well."""
        busy = "cpu" in self.scheduler.running_needs()
        return 0.0 if busy else self.supervisor.quiet_seconds

    def _in_use(self) -> bool:
        return bool(
            self.bus.followers
            or self.public.url
            or self.supervisor.models
            or self.supervisor.waiting
            or self.scheduler.busy
            or self.turns.busy
        )

    async def _shut_down(self) -> None:
        """In the order of who depends on whom; one failure does not keep the rest from it."""
        self.calls.stopping = True
        self.bus.publish("service.stopping", {"making_room": self.making_room})
        self.bus.close()
        steps: list[Callable[[], Awaitable[None]]] = [
            self.turns.close,
            self._preload.close,
            self.public.off,
        ]
        steps.append(partial(asyncio.to_thread, self._measurement.stop))
        steps += [self.scheduler.stop, self.supervisor.close]
        if self._private is not None:
            steps.append(self._private.stop)
        steps += [self._flush_learned, self.accounts.close]
        for step in steps:
            try:
                await step()
            except Exception:  # the others must end all the same
                log.exception("a part of the service did not end well")
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._paths.endpoint_file.unlink(missing_ok=True)
        self._reader.close()
        self._database.close()
        log.info("service ended")

    def _write_endpoint(self, token: str) -> None:
        assert self._private is not None
        content = {
            "host": self._private.host,
            "port": self._private.port,
            "token": token,
            "pid": os.getpid(),
            "version": VERSION,
        }
        write_atomic(self._paths.endpoint_file, json.dumps(content).encode(), mode=0o600)

    # --- the private face ---------------------------------------------------------------------

    def _private_app(self, token: str) -> web.Application:
        app = web.Application(
            middlewares=[
                faces.error_shape,
                self._note_use(),
                faces.private_guard(token),
                faces.json_only,
                admin.admin_errors,
            ],
            client_max_size=limits.BODY_BYTES,
        )
        app.add_routes(admin.Admin(self).routes())
        app.add_routes(Conversations(self.turns, self.models.find).routes(admin.PREFIX))
        app.add_routes(ModelRoutes(self.models).routes(admin.PREFIX))
        app.add_routes(self._adoption.routes(admin.PREFIX))
        app.add_routes(self.downloads.routes(admin.PREFIX))
        app.add_routes(Results(self.results, self.bus.publish).routes(admin.PREFIX))
        key_routes = KeyRoutes(self.keys, self._key_gate, self.bus.publish, self.public.key_revoked)
        app.add_routes(key_routes.routes(admin.PREFIX))
        app.add_routes(self.accounts.routes(admin.PREFIX))
        lab = QuantLab(self, self._paths, self._database, self._reader, self._predictor)
        app.add_routes(lab.routes(admin.PREFIX))
        app.add_routes(self._api_routes())
        app.on_response_prepare.append(request_ids.mark)
        return app

    def _api_routes(self) -> list[web.RouteDef]:
        """The APIs that both faces speak."""
        openai = Gateway(self.calls, self.accounts.exact_cache).routes()
        anthropic = Anthropic(self.calls)
        return [
            *anthropic.routes(),
            *by_header(anthropic.by_path(), openai),
            *self.openai.routes(),
            *self._ollama.routes(),
            *self.metrics.routes(),
        ]

    def _note_use(self) -> Any:
        @web.middleware
        async def note(request: web.Request, handler: faces.Handler) -> web.StreamResponse:
            self._last_use = time.monotonic()
            return await handler(request)

        return note

    # --- state --------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Everything a client needs to draw the present; events change it from `seq` on."""
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "epoch": self.bus.epoch,
            "seq": self.bus.seq,
            "started": self._started,
            "admin_url": self._private.url if self._private else None,
            "public": self.public.describe(),
            "models": self.supervisor.describe(),
            "returning": self.supervisor.returning,
            "waiting": self.supervisor.waiting,
            "queue": self.supervisor.line(),
            "served": self.supervisor.served,
            "jobs": [self.scheduler.describe(job) for job in self.jobs.unfinished()],
            "making_room": self.making_room,
            "ledger": self.accounts.ledger.describe(),
            "notices": [vars(each) for each in (*self.notices, *self.keys.notices())],
            "runtime": {"id": self.settings.engine.runtime},
            "data_dir": str(self._paths.data),
            "models_folder": str(models_folder(self.settings)),
            "models_folder_fixed_by": models_folder_fixed_by(),
        }

    async def _why_in_use(self, entry: ModelEntry, paths: Iterable[Path]) -> str | None:
        jobs = await asyncio.to_thread(self.jobs.unfinished)
        return why_in_use(entry, paths, self.supervisor, jobs, self.models.library.resolve)

    def _hub(self) -> Hub:
        from desktop.core.hub.access import web_settings
        from desktop.core.hub.client import Hub

        return Hub(web_settings(self._paths, secrets=self.secrets), self._paths.cache)

    async def change_settings(self, changes: dict[str, Any]) -> Settings:
        changed = await asyncio.to_thread(self._settings_file.change, changes)
        self.bus.publish("settings.changed", {"names": sorted(changes)})
        return changed

    def add_engine(self, name: str, folder: str) -> Runtime:
        return self.runtimes.add(name, Path(folder).expanduser().absolute())

    async def use_engine(self, name: str) -> Runtime:
        """Choose the engine for the next loads; a loaded model keeps the one it has."""
        runtime = await asyncio.to_thread(self.runtimes.get, name)
        chosen = None if name == ENVIRONMENT_ID else name
        await self.change_settings({"engine.runtime": chosen})
        self.runtimes.chosen = name
        return runtime
