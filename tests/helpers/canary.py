"""Whether this machine can run what the engine does by default."""

from __future__ import annotations

from pathlib import Path

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.engine.server import EngineServer
from desktop.core.errors import AppError
from tests.helpers.model_zoo import Spec, write_random

NO_REPACK = ("--no-repack",)


def storing_flags(runtime: Runtime, folder: Path) -> tuple[str, ...]:
    """What a load of quantized weights needs here: nothing, or --no-repack.

    A virtual machine can promise a matrix unit (AMX) that it does not give: the engine stores the
    weights for it and dies at the first product.
    """
    model = write_random(folder / "canary.gguf", Spec("llama", 1, 256, 4, 2, 64, 512, 1024))
    settings = LoadSettings(context_tokens=256, threads=1)
    server = EngineServer(runtime, model, "canary", settings)
    server.start()
    try:
        server.wait_ready(60)
        return ()
    except AppError:
        return NO_REPACK
    finally:
        server.stop(5)
        model.unlink()
