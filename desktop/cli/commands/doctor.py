"""`paddock doctor`: everything that decides how well models run here; starts no service.

Its status is 0 whatever it finds: findings are its result, and only a doctor that could not look
has failed.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from desktop.core.engine.runtime import Runtime
    from desktop.core.hardware.facts import Finding, LearnedFacts, ServiceFacts

_MARKS = {"error": "✗", "warning": "!", "info": "i", "ok": "✓"}


def register(commands: Commands) -> None:
    commands.add("doctor", run, "what decides how well models run here, and what to do about it")


def run(args: argparse.Namespace, out: Output) -> int:
    from dataclasses import asdict

    from desktop.cli.machine import look
    from desktop.core.hardware import doctor_facts
    from desktop.core.hardware.doctor import examine
    from desktop.core.hardware.engine_devices import with_engine_devices
    from desktop.core.paths import paths

    service, state, models = _service(out)
    runtime = _runtime(state, out)
    library = doctor_facts.library_facts(models, state)
    hardware = with_engine_devices(look(out), () if runtime is None else runtime.devices)
    findings = examine(
        hardware,
        None if runtime is None else doctor_facts.runtime_facts(runtime),
        library,
        service,
        secrets_facts=doctor_facts.secrets_facts(paths()),
        learned_facts=_learned(out),
        runtime_known=True,
    )
    plain = [{**asdict(each), "params": dict(each.params)} for each in findings]
    counts = {word: sum(f.severity == word for f in findings) for word in _MARKS}
    out.result({"findings": plain, "counts": counts}, lambda: _show(findings, counts, out))
    return 0


def _show(findings: list[Finding], counts: dict[str, int], out: Output) -> None:
    for finding in findings:
        out.line(f"{_MARKS[finding.severity]} {finding.title}")
        if finding.detail:
            out.line(f"    {finding.detail}")
        if finding.remedy:
            out.line(f"    → {finding.remedy}")
    problems = f"{counts['error']} errors, {counts['warning']} warnings"
    out.note(f"\n{problems}, {counts['info']} notes, {counts['ok']} checks passed.")


def _service(out: Output) -> tuple[ServiceFacts, dict[str, Any], list[dict[str, Any]] | None]:
    """What is known of the service; its state; its models (None where it cannot be asked)."""
    from desktop.cli import session
    from desktop.core.errors import AppError
    from desktop.core.hardware import doctor_facts
    from desktop.core.paths import paths

    try:
        client = session.running(out)
        if client is None:
            return doctor_facts.stopped_service(paths()), {}, None
        state, models = client.state(), client.models()
    except AppError as error:
        return doctor_facts.failed_service(error), {}, None
    return doctor_facts.service_facts(state), state, models


def _learned(out: Output) -> LearnedFacts | None:
    """How far predictions were off so far; None where nobody can say."""
    from desktop.core.errors import AppError
    from desktop.core.fit.learned import learned_facts
    from desktop.core.paths import paths

    try:
        return learned_facts(paths())
    except AppError as error:
        out.note(f"{error} {error.remedy}")
        return None


def _runtime(state: dict[str, Any], out: Output) -> Runtime | None:
    from desktop.cli import engines
    from desktop.core.errors import AppError

    runtimes = engines.store(out, (state.get("runtime") or {}).get("id"))
    try:
        return runtimes.current()
    except AppError as error:
        out.note(f"{error} {error.remedy}")
        return None
