"""How much memory a load will take, from the engine's own dry run on the file's header.

llama-server itself prints its plan for the very settings it is given before it reads any tensor
(`fit_memory_breakdown`, one row per device, whole MiB); it is ended as soon as that line is there.
Measured here: 50 to 100 ms, also on a sparse stub. llama-fit-params prints the same table but for
other settings than the server's: it takes no projector, and it plans logits for every token of a
micro-batch where the server plans one per slot (32,000 tokens of vocabulary, micro-batch 512:
63 MiB against 5). So it is only asked where a runtime's server prints no plan.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from desktop.core import procs
from desktop.core.engine.allocations import device_of
from desktop.core.engine.explain import explain
from desktop.core.engine.flags import LoadSettings, checked_extra, memory_arguments
from desktop.core.engine.loglines import Scrubber, parse_line
from desktop.core.engine.runtime import Runtime, start_failure
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.estimate import HOST, ZERO, Beside, DeviceNeed, Estimate, Figure
from desktop.core.fit.extras import adapters_figure, split_extra, with_draft
from desktop.core.fit.formula import HostTraits, estimate
from desktop.core.fit.overhead import ngram_bytes, overhead
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.cpu import probe_cpu

TIMEOUT_SECONDS = 60.0
FIT_PARAMS_TRIES = 5
MIB = 1 << 20


class _Running(TypedDict):
    cancel: CancelToken | None
    timeout_seconds: float
    work_root: Path | None


# Reading the plan.


def needs_from_rows(rows: Sequence[dict[str, Any]]) -> tuple[DeviceNeed, ...]:
    """Rows of a `fit_memory_breakdown` as needs; CPU_REPACK and other host buffers are the host's.

    The engine rounds every cell down to a MiB: the band is that MiB, the value its middle.
    """
    needs: dict[str, DeviceNeed] = {}
    for row in rows:
        name = device_of(str(row.get("name", HOST)))
        old = needs.get(name, DeviceNeed(name))
        needs[name] = DeviceNeed(
            name,
            old.weights_bytes + _cell(row.get("model")),
            old.kv_bytes + _cell(row.get("context")),
            old.compute_bytes + _cell(row.get("compute")),
            old.overhead_bytes,
        )
    return tuple(needs.values())


def _cell(mib: Any) -> Figure:
    if not isinstance(mib, int | float) or mib < 0:
        return ZERO
    low = int(mib) * MIB
    return Figure(low + MIB // 2 if low else 0, low, low + MIB)


def dry_run(
    runtime: Runtime,
    model_path: Path,
    settings: LoadSettings,
    *,
    model: str = "",
    vocab_size: int | None = None,
    shape: ModelShape | None = None,
    draft_shape: ModelShape | None = None,
    cancel: CancelToken | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    work_root: Path | None = None,
) -> Estimate:
    """Ask the engine what loading a file with these settings would take; no tensor is read.

    Args:
        model_path: the file, or the first of a split model's files (all beside it), or stubs.
        vocab_size: from the header; the tokens' tables are not in the engine's plan.
        shape: from the header; with it the engine's whole MiB become exact bytes, and what the
            process needs beside them is known better; `draft_shape` is that of the draft model.

    Raises:
        AppError: why the engine cannot plan it (ENGINE_CORRUPT_MODEL, …), CANCELLED, TIMED_OUT.
    """
    name = model or model_path.stem
    common = ["-m", str(model_path.absolute()), *memory_arguments(runtime, settings)]
    server = [str(runtime.tool("llama-server")), *common, "--host", "127.0.0.1", "--port", "0"]
    extras = split_extra(settings.extra)
    server += checked_extra(runtime, extras.rest)  # some of them change what is allocated
    server += ["-fit", "on", "-lv", "4", "--log-jsonl", "--cache-ram", "0"]
    server += [flag for flag in ("--offline", "--no-ui") if runtime.has(flag)]
    if settings.embedding:
        server.append("--embedding")
    running: _Running = {
        "cancel": cancel,
        "timeout_seconds": timeout_seconds,
        "work_root": work_root,
    }
    plan = _Plan()
    notes: list[str] = []
    tool = "llama-server"
    if runtime.has("-fit") and runtime.has("--log-jsonl"):
        plan = _ask(server, settings, name, **running)
        if not plan.rows and plan.error and plan.error.code is not ErrorCode.ENGINE_DIED:
            raise plan.error
    if not plan.rows:
        tool = "llama-fit-params"
        alone = replace(settings, mmproj=None, draft=None, ngram=None)
        rest = ["-m", str(model_path.absolute()), *memory_arguments(runtime, alone)]
        command = [str(runtime.tool(tool)), *rest, "-fitp", "on", "--log-jsonl"]
        # WORKAROUND(under load it can exit before its log thread has written the table, and its
        # plain totals lack CPU_REPACK, drop when it flushes)
        for _ in range(FIT_PARAMS_TRIES):
            plan = _ask(command, settings, name, **running)
            if plan.rows or (plan.error and plan.error.code is not ErrorCode.ENGINE_DIED):
                break
        if not plan.rows:
            raise plan.error or AppError(
                ErrorCode.ENGINE_TOOL_FAILED, tool=tool, reason="It printed no plan."
            )
        notes.append("logits are counted for a whole micro-batch: the true need is lower")
    if vocab_size is None and shape is not None:
        vocab_size = shape.vocab_size
    projector = _projector(settings, plan.projector_bytes)
    named = [Path(adapter.path) for adapter in settings.adapters]
    adapters = adapters_figure([*named, *extras.adapters])
    beside = projector + adapters
    outputs = _outputs(settings, vocab_size)
    needs = tuple(
        DeviceNeed(
            need.name,
            need.weights_bytes + (beside if _holds_projector(need, plan.rows) else ZERO),
            need.kv_bytes,
            need.compute_bytes + (outputs if need.name == HOST else ZERO),
            overhead(need.name, vocab_size, shape=shape, settings=settings),
        )
        for need in _exact(plan.rows, shape, settings)
    )
    draft = extras.draft if settings.draft is None else Path(settings.draft)
    drafts: tuple[DeviceNeed, ...] = ()
    if draft is not None and plan.draft_rows:
        drafts = _draft_needs(plan, settings.for_draft(), draft_shape, vocab_size)
    elif draft is not None:
        alone = settings.for_draft()
        drafts = dry_run(
            runtime, draft, alone, shape=draft_shape, vocab_size=vocab_size, **running
        ).devices
    return Estimate(
        name,
        settings,
        with_draft(needs, drafts),
        settings.cache_ram_bytes,
        tool,
        notes=tuple(notes),
        beside=Beside(
            adapters.value,
            projector.value,
            sum((need.own_bytes for need in drafts), ZERO).value,
            ngram_bytes(settings),
        ),
    )


def _draft_needs(
    plan: _Plan, settings: LoadSettings, shape: ModelShape | None, vocab_size: int | None
) -> tuple[DeviceNeed, ...]:
    """What the draft model needs by the same plan; its vocabulary is the model's."""
    outputs = _outputs(settings, vocab_size)
    return tuple(
        replace(need, compute_bytes=need.compute_bytes + outputs) if need.name == HOST else need
        for need in _exact(plan.draft_rows, shape, settings)
    )


def _exact(
    rows: Sequence[dict[str, Any]], shape: ModelShape | None, settings: LoadSettings
) -> tuple[DeviceNeed, ...]:
    """The plan's cells, whole MiB, in the bytes that the formula finds inside them.

    The formula gives every cell to the byte where it knows the model; where it lies outside the
    engine's cell it is wrong, and the cell stands. Only for the host: how the engine spreads a
    model over devices depends on what was free when it looked.
    """
    needs = needs_from_rows(rows)
    if shape is None or len(needs) != 1 or needs[0].name != HOST:
        return needs
    amx = any(row.get("name") == "AMX" for row in rows)
    host = HostTraits.of(probe_cpu().instruction_sets, amx=amx)
    found = estimate(shape, settings, host=host)
    if found is None:
        return needs
    (ours,), (theirs,) = found.devices, needs
    outputs = _outputs(settings, shape.vocab_size).value  # the last logits are not in the plan
    return (
        DeviceNeed(
            theirs.name,
            _inside(theirs.weights_bytes, ours.weights_bytes.value),
            _inside(theirs.kv_bytes, ours.kv_bytes.value),
            _inside(theirs.compute_bytes, ours.compute_bytes.value - outputs),
            theirs.overhead_bytes,
        ),
    )


def _inside(cell: Figure, value: int) -> Figure:
    return Figure(value, cell.low, cell.high) if cell.low <= value <= cell.high else cell


def _holds_projector(need: DeviceNeed, rows: Sequence[dict[str, Any]]) -> bool:
    """The projector goes to the first GPU, else to the host (--mmproj-offload is the default)."""
    gpus = [str(row.get("name")) for row in rows if row.get("kind") == "device"]
    return need.name == (device_of(gpus[0]) if gpus else HOST)


def _outputs(settings: LoadSettings, vocab_size: int | None) -> Figure:
    """The output buffer, which no plan contains: a row of float32 logits per slot (measured)."""
    size = (vocab_size or 0) * settings.slots * 4
    return Figure(size, size, size)


def _projector(settings: LoadSettings, planned_bytes: int | None) -> Figure:
    """The server's own worst case for a projector; else its file, and up to as much to work in."""
    if settings.mmproj is None:
        return ZERO
    if planned_bytes is not None:
        return Figure(planned_bytes, planned_bytes // 2, planned_bytes)
    try:
        size = Path(settings.mmproj).stat().st_size
    except OSError as error:
        raise AppError(
            ErrorCode.PATH_UNREADABLE, path=settings.mmproj, reason=error.strerror or str(error)
        ) from error
    return Figure(size + size // 4, size, 2 * size)


@dataclass(frozen=True)
class _Plan:
    rows: tuple[dict[str, Any], ...] = ()
    draft_rows: tuple[dict[str, Any], ...] = ()
    projector_bytes: int | None = None
    error: AppError | None = None


# tools/server/server-context.cpp, printed before the plan
_PLANNED = "fitting params to free memory took"  # common/fit.cpp: no further plan comes
_PROJECTOR = re.compile(r"worst-case memory usage of mmproj is ([\d.]+) MiB")


def _ask(
    command: list[str],
    settings: LoadSettings,
    model: str,
    *,
    cancel: CancelToken | None,
    timeout_seconds: float,
    work_root: Path | None,
) -> _Plan:
    """Run a tool until it prints its plan."""
    if cancel is not None:
        cancel.raise_if_cancelled()
    try:
        child = procs.start(command, stderr=subprocess.STDOUT, work_root=work_root)
    except OSError as error:
        reason = start_failure(Path(command[0]).name, error)
        raise AppError(ErrorCode.ENGINE_BAD_RUNTIME, path=command[0], reason=reason) from error
    assert child.stdout is not None
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        child.popen.kill()

    clock = threading.Timer(timeout_seconds, expire)
    clock.daemon = True
    clock.start()
    undo = cancel.on_cancel(child.popen.kill) if cancel else None
    scrubber, lines = Scrubber(""), list[str]()
    plans: list[tuple[dict[str, Any], ...]] = []  # of the model, then of its draft model
    wanted = 1 if settings.draft is None else 2
    projector: int | None = None
    try:
        with child.stdout as stream:
            for raw in stream:
                line = parse_line(raw)
                if line is None:
                    continue
                if line.kind == "breakdown":
                    found = line.data.get("rows")
                    plans.append(tuple(row for row in found or () if isinstance(row, dict)))
                if len(plans) >= wanted or (plans and _PLANNED in line.text):
                    break
                if match := _PROJECTOR.search(line.text):
                    projector = round(float(match[1]) * MIB)
                text = scrubber.text(line)
                if text is not None:
                    lines = [*lines[-200:], text]
            if plans:
                child.popen.kill()
        code = child.wait(10)
    finally:
        clock.cancel()
        if undo is not None:
            undo()
        child.kill()
    if plans and plans[0]:
        return _Plan(plans[0], plans[1] if len(plans) > 1 else (), projector)
    if cancel is not None:
        cancel.raise_if_cancelled()
    if expired.is_set():
        raise AppError(
            ErrorCode.TIMED_OUT, what=f"The memory plan of {model}", seconds=round(timeout_seconds)
        )
    return _Plan(error=explain(lines, code if code is not None else 1, settings, model))
