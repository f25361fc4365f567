"""`paddock status` and `paddock stop`: neither ever starts a service."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

ANSWER_SECONDS = 5.0


def register(commands: Commands) -> None:
    commands.add("status", run, "what is running")
    commands.add("stop", stop, "end the service and everything it runs")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    client = session.running(out)
    document = _stopped() if client is None else _document(client.state())
    out.result(document, lambda: _show(document, out))
    return 0


def _stopped() -> dict[str, Any]:
    nothing = dict.fromkeys(("url", "admin_url", "pid", "version"))
    return {"running": False, **nothing, "models": [], "jobs": [], "notices": []}


def _document(state: dict[str, Any]) -> dict[str, Any]:
    """The state with the keys that stay (DESIGN.md §6) in front."""
    return {"running": True, "url": (state.get("public") or {}).get("url"), **state}


def _show(document: dict[str, Any], out: Output) -> None:
    from desktop.cli.commands.load import describe
    from desktop.cli.transfers import KIND, job_line

    if not document["running"]:
        out.line("The service is not running.")
        return
    out.line(f"Service {document['version']} is running (process {document['pid']}).")
    url = document["url"]
    out.line(f"Server: on at {url}" if url else "Server: off (`paddock serve` switches it on)")
    public = document.get("public") or {}
    if public.get("ollama_url"):
        out.line(f"For Ollama's clients: {public['ollama_url']}")
    tls = public.get("tls")
    if tls:
        out.line(f"Certificate (SHA-256): {tls['fingerprint']}")
    for model in document["models"]:
        busy = f", {model['active_requests']} in progress" if model.get("active_requests") else ""
        stage = f" ({model['stage']})" if model["state"] == "loading" else ""
        out.line(f"Model: {describe(model)}{stage}{busy}")
    if not document["models"]:
        out.line("Model: none loaded")
    if document.get("waiting"):
        out.line(_waiting(document))
    for job in document["jobs"]:
        if job["kind"] == KIND:
            out.line(job_line(job))
            continue
        progress = job.get("progress") or {}
        what = f": {progress['what']}" if progress.get("what") else ""
        out.line(f"Job {job['id']}: {job['kind']}, {job['state']}{what}")


def _waiting(document: dict[str, Any]) -> str:
    """How many wait for which model, and the first for how long."""
    count, queue = document["waiting"], document.get("queue") or []
    models = Counter(each["model"] for each in queue)
    parts = ", ".join(f"{name}: {number}" for name, number in models.most_common())
    text = f"Waiting: {count} request{'s' if count != 1 else ''}"
    if queue:
        longest = max(each["waiting_seconds"] for each in queue)
        text += f" ({parts}), the first for {longest:.1f} s"
    return text


def stop(args: argparse.Namespace, out: Output) -> int:
    """Asks whatever service there is, also one of another version; one that does not answer is
    ended from outside."""
    from desktop.cli import session
    from desktop.core.client.client import Client
    from desktop.core.client.connect import read_endpoint
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.paths import paths

    where = paths()
    endpoint = read_endpoint(where)
    if endpoint is None or session.has_ended(endpoint.pid):
        out.result({"stopped": False, "pid": None}, lambda: out.line("The service is not running."))
        return 0
    try:
        Client(endpoint).call("POST", "/stop", {}, timeout_seconds=ANSWER_SECONDS)
    except AppError as error:
        if error.code is not ErrorCode.SERVICE_UNREACHABLE:
            raise
        # It may have ended by itself in this moment. If not, it hangs.
        if not session.has_ended(endpoint.pid) and not session.kill(endpoint.pid, where):
            raise
        out.note("The service did not answer; its process was ended.")
    session.wait_until_ended(endpoint.pid)
    out.result({"stopped": True, "pid": endpoint.pid}, lambda: out.line("The service has ended."))
    return 0
