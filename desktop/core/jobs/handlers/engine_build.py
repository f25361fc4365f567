"""The job that builds an engine for a GPU. It is one whole step: a restart builds again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop.core.engine.build import BACKEND_OPTIONS, Backend, build_runtime, missing_parts
from desktop.core.engine.runtime import Runtime
from desktop.core.engine.store import RuntimeStore, check_name
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Reporter
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths

STEP = "build"
Build = Callable[[str, Backend, Paths, Reporter, CancelToken], Runtime]


class EngineBuildKind:
    """Parameters: `backend` ("cuda", "vulkan", "cpu") and `name` (the backend's by default). The
    result is `Runtime.to_dict()`. `build` and `missing` are `engine.build`'s own."""

    name = "engine_build"
    needs = frozenset({"cpu", "network"})

    def __init__(
        self,
        paths: Paths,
        *,
        build: Build = build_runtime,
        missing: Callable[..., list[str]] = missing_parts,
    ) -> None:
        self._paths = paths
        self._build = build
        self._missing = missing

    def plan(self, params: dict[str, Any]) -> list[str]:
        """Raises SETTING_INVALID, BAD_REQUEST, ENGINE_RUNTIME_EXISTS, and ENGINE_BUILD_FAILED with
        what is missing: before the job waits for its turn, not after."""
        name, backend = _asked(params)
        check_name(name)
        RuntimeStore(self._paths).folder_for_new(name)
        if missing := self._missing(backend, self._paths.runtimes):
            raise AppError(
                ErrorCode.ENGINE_BUILD_FAILED,
                reason=f"Missing here: {'; '.join(missing)}.",
                log="(nothing was started)",
            )
        return [STEP]

    def run(self, context: JobContext) -> dict[str, Any]:
        name, backend = _asked(context.params)

        def build() -> dict[str, Any]:
            done = self._build(name, backend, self._paths, context.reporter, context.cancel)
            return done.to_dict()

        result: dict[str, Any] = context.step(STEP, build)
        return result


def _asked(params: dict[str, Any]) -> tuple[str, Backend]:
    for backend in BACKEND_OPTIONS:
        if params.get("backend") == backend:
            name = params.get("name") or backend
            if not isinstance(name, str):
                raise AppError(ErrorCode.BAD_REQUEST, reason="“name” must be a text.")
            return name, backend
    raise AppError(
        ErrorCode.SETTING_INVALID,
        name="backend",
        value=repr(params.get("backend"))[:80],
        reason=f"Known backends are {', '.join(BACKEND_OPTIONS)}.",
    )
