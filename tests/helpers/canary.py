"""How this machine's engine stores quantized weights, and whether it can use them so."""

from __future__ import annotations

from pathlib import Path

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.engine.server import EngineServer
from desktop.core.errors import AppError
from desktop.core.fit.formula import HostTraits
from desktop.core.hardware.cpu import probe_cpu
from tests.helpers.engine_plan import plan_rows
from tests.helpers.model_zoo import Spec, write_random, write_stub

NO_REPACK = ("--no-repack",)
_TINY = Spec("llama", 1, 256, 4, 2, 64, 512, 1024)
_SETTINGS = LoadSettings(context_tokens=256, threads=1)


def host_traits(runtime: Runtime, folder: Path) -> HostTraits:
    """This CPU's, and whether the engine was built with its code for the matrix unit."""
    stub = write_stub(folder / "canary.gguf", _TINY)
    rows = plan_rows(runtime, stub, _SETTINGS)
    stub.unlink()
    amx = any(row.get("name") == "AMX" for row in rows)
    return HostTraits.of(probe_cpu().instruction_sets, amx=amx)


def storing_flags(runtime: Runtime, folder: Path) -> tuple[str, ...]:
    """What a load of quantized weights needs here: nothing, or --no-repack.

    A virtual machine can promise a matrix unit (AMX) that it does not give: the engine stores the
    weights for it and dies at the first product.
    """
    model = write_random(folder / "canary.gguf", _TINY)
    server = EngineServer(runtime, model, "canary", _SETTINGS)
    server.start()
    try:
        server.wait_ready(60)
        return ()
    except AppError:
        return NO_REPACK
    finally:
        server.stop(5)
        model.unlink()
