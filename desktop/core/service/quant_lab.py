"""The private face's routes for quantizing: plans, the types there are, recipes under names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from desktop.core.db import Database
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError
from desktop.core.fit.devices import gpus_on
from desktop.core.fit.expected import speed_of_shape
from desktop.core.fit.formula import HostTraits, estimate
from desktop.core.fit.speed import SpeedFigure
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_predict import Predictor
from desktop.core.gguf.facts import merge_facts
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.split import part_names
from desktop.core.gguf.summary import ModelSummary
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.jobs.handlers.quantize_plan import QuantizePlans
from desktop.core.paths import Paths
from desktop.core.service.bodies import object_of, read_body
from desktop.core.service.quant_recipes import QuantRecipes

if TYPE_CHECKING:
    from desktop.core.service.service import Service

Json = dict[str, Any]
_KINDS = ("quantize", "target")
_CHUNK_TOKENS = 512


class QuantLab:
    """Also the `Host` of the plans: what they need to know of this machine.

    Args:
        predictor: what would be predicted with a runtime.
    """

    def __init__(
        self,
        service: Service,
        where: Paths,
        database: Database,
        reader: HeaderReader,
        predictor: Callable[[SpeedBook, Runtime], Predictor],
    ) -> None:
        self._service = service
        self._reader = reader
        self._predictor = predictor
        self._recipes = QuantRecipes(database)
        self._plans = QuantizePlans(where, self, service.downloads)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.post(f"{prefix}/quantize/plan", self._plan),
            web.get(f"{prefix}/quantize/types", self._types),
            web.get(f"{prefix}/quantize/recipes", self._list),
            web.put(f"{prefix}/quantize/recipes/{{name}}", self._save),
            web.delete(f"{prefix}/quantize/recipes/{{name}}", self._remove),
        ]

    async def _plan(self, request: web.Request) -> web.Response:
        """The parameters of a job "quantize"; what it would make and take."""
        params = await read_body(request)
        return web.json_response(await asyncio.to_thread(self._plans.plan, params))

    async def _types(self, request: web.Request) -> web.Response:
        return web.json_response({"types": await asyncio.to_thread(self._plans.types)})

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"recipes": await asyncio.to_thread(self._recipes.all)})

    async def _save(self, request: web.Request) -> web.Response:
        """{"recipe", "replace"?}; one of that name is replaced only where that is asked for."""
        body, name = await read_body(request), request.match_info["name"]
        recipe = await asyncio.to_thread(self._plans.recipe, name, object_of(body, "recipe"))
        replace = body.get("replace") is True
        await asyncio.to_thread(self._recipes.put, name, recipe, replace=replace)
        self._service.bus.publish("recipes.changed", {"name": name})
        return web.json_response({"name": name, "recipe": recipe})

    async def _remove(self, request: web.Request) -> web.Response:
        name = await asyncio.to_thread(self._recipes.remove, request.match_info["name"])
        self._service.bus.publish("recipes.changed", {"name": name})
        return web.json_response({"name": name})

    # --- what plans need ----------------------------------------------------------------------

    def current_runtime(self) -> Runtime:
        return self._service.runtimes.current()

    def read(self, path: Path) -> ModelSummary:
        return self._reader.read(path)

    def results(self) -> list[Json]:
        return self._service.jobs.results_of(_KINDS)

    def prefill(self, path: Path) -> SpeedFigure | None:
        """Of a text in chunks, with nothing else in the machine's memory."""
        runtime = self.current_runtime()
        try:
            files = [path.with_name(name) for name in part_names(path.name)]
            shape = ModelShape.of(merge_facts([self._reader.read_facts(each) for each in files]))
        except AppError:  # its layers are not known; what is wrong with the file is told elsewhere
            return None
        if shape is None:
            return None
        host = HostTraits.of(probe_cpu().instruction_sets)
        settings = LoadSettings(context_tokens=_CHUNK_TOKENS)
        priced = estimate(shape, settings, gpus_on(runtime.devices), host=host, model=path.name)
        if priced is None:
            return None
        predictor = self._predictor(self._service.speeds.book(), runtime)
        return speed_of_shape(shape, priced, predictor).prefill
