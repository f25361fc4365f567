"""`paddock serve`: be the service, or switch the running one's public face on and follow it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, UsageError, whole

if TYPE_CHECKING:
    from desktop.core.client.client import Client


def register(commands: Commands) -> None:
    parser = commands.add(
        "serve",
        run,
        "run the server in this terminal",
        "Run the OpenAI-compatible server until Ctrl-C. Where the service runs already, its server "
        "is switched on, and off again with Ctrl-C.",
    )
    parser.add_argument("--host", metavar="H", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=whole(1, 65535), metavar="P", help="port (8484)")
    parser.add_argument(
        "--tls",
        choices=("off", "own", "self"),
        help="encrypt: with your own certificate, or with one that is made here",
    )
    parser.add_argument(
        "--tls-certificate", metavar="FILE", help="your own certificate (PEM); means --tls own"
    )
    parser.add_argument("--tls-key", metavar="FILE", help="its key, where it is another file")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="M",
        help="load this model at once; several times for several beside each other",
    )
    parser.add_argument(
        "--pin", action="store_true", help="these models never make room for others"
    )
    parser.add_argument(
        "--ollama",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="answer Ollama's clients on their own port (11434) too",
    )
    from desktop.cli.commands.serve_install import install_arguments

    install_arguments(parser)


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.core.first_process import is_first, run_below

    if args.install or args.uninstall:
        from desktop.cli.commands.serve_install import run as install

        return install(args, out)
    if is_first():
        return run_below(lambda: _serve(args, out))
    return _serve(args, out)


def _serve(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    client = session.running(out)
    return _become(args, out) if client is None else _attach(client, args, out)


def _become(args: argparse.Namespace, out: Output) -> int:
    import threading

    from desktop.core.client.client import Client
    from desktop.core.client.connect import read_endpoint
    from desktop.core.paths import paths
    from desktop.core.service.preload import Wanted
    from desktop.core.service.process import serve_foreground
    from desktop.core.service.public import PublicAt
    from desktop.core.service.tls import TlsChoice

    where = paths()

    def ready(addresses: dict[str, Any]) -> None:
        _tell_ready(addresses, out)
        endpoint = read_endpoint(where)
        if endpoint is not None:
            # The same lines as a service that is followed; its end ends the stream.
            log = threading.Thread(
                target=_follow_quietly, args=(Client(endpoint), out), name="log", daemon=True
            )
            log.start()

    tls = _tls(args)
    public = PublicAt(args.host, args.port, TlsChoice(**tls) if tls else None, args.ollama)
    return serve_foreground(where, public, Wanted(args.model, args.pin), ready)


def _tls(args: argparse.Namespace) -> dict[str, Any] | None:
    """What to encrypt with, as it was said here; None: as the settings say.

    Raises:
        UsageError: the options contradict each other.
    """
    certificate, key = args.tls_certificate, args.tls_key
    if certificate is None and key is None:
        return {"mode": args.tls} if args.tls else None
    if args.tls not in (None, "own") or certificate is None:
        raise UsageError("--tls-certificate and --tls-key belong to --tls own", "")
    files = {"certificate": certificate, "key": key}
    return {
        "mode": "own",
        **{name: str(Path(file).absolute()) for name, file in files.items() if file},
    }


def _follow_quietly(client: Client, out: Output) -> None:
    from desktop.cli.session import tell_notices
    from desktop.core.errors import AppError

    try:
        state = client.state()
        tell_notices(state, out)
        _tell_reach(state["public"], out)
        for event in client.events(state["epoch"], state["seq"]):
            _tell_event(event, out)
    except AppError:
        return  # the service ends, and says so itself


def _attach(client: Client, args: argparse.Namespace, out: Output) -> int:
    from desktop.cli.background import Background, call
    from desktop.cli.following import load
    from desktop.core.client.connect import read_endpoint
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.events import CancelToken
    from desktop.core.paths import paths

    before: dict[str, Any] = client.state()["public"]
    cancel, tls = CancelToken(), _tls(args)
    public = call(lambda: client.public_on(args.host, args.port, tls, args.ollama))
    try:
        for model in args.model:
            load(client, model, {"pinned": True} if args.pin else {}, out)
        state = client.state()
        addresses = {key: state.get(key) for key in ("admin_url", "pid")}
        _tell_ready({"url": public["url"], **addresses}, out)
        _tell_reach(public, out)

        def work(emit: Any) -> None:
            for event in client.events(state["epoch"], state["seq"], cancel):
                emit(event)

        for event in (follower := Background(work, "events")):
            _tell_event(event, out)
        _ = follower.result
    except KeyboardInterrupt:  # Ctrl-C or SIGTERM: the way to end it
        cancel.cancel()
        _as_before(client, before, out)
    except AppError as error:
        if error.code is ErrorCode.SERVICE_UNREACHABLE and read_endpoint(paths()) is None:
            out.note("The service has ended.")
            return 0
        if error.code is not ErrorCode.SERVICE_UNREACHABLE:
            _as_before(client, before, out)
        raise
    return 0


def _as_before(client: Client, before: dict[str, Any], out: Output) -> None:
    """Off again; a server that was on before this command came stays on, where it was."""
    from desktop.cli.background import call

    if before["on"]:
        ollama = before.get("ollama_url") is not None
        public = call(lambda: client.public_on(before["host"], before["port"], ollama=ollama))
        out.note(f"The server was on before and stays on at {public['url']}.")
    else:
        call(client.public_off)
        out.note("The server is off; the service goes on.")


def _tell_ready(addresses: dict[str, Any], out: Output) -> None:
    document = {key: addresses[key] for key in ("url", "admin_url", "pid")}
    out.result(document, lambda: _show_ready(document, out))
    out.flush()


def _show_ready(document: dict[str, Any], out: Output) -> None:
    out.line(f"The server is on at {document['url']} (OpenAI's API under /v1).")
    out.note("Ctrl-C switches it off.")


def _tell_reach(public: dict[str, Any], out: Output) -> None:
    """What listening beyond this machine opens, and to whom."""
    if public.get("ollama_url"):
        out.note(f"Ollama's clients find it at {public['ollama_url']}.")
    reached = public.get("lan_urls")
    if reached:
        out.note(f"Other machines reach it at {' or '.join(reached)}.")
        out.note("It is open to anyone with a key on your network; requests without one get none.")
    tls = public.get("tls")
    if tls:
        out.note(f"Certificate (SHA-256): {tls['fingerprint']}")
        if tls["mode"] == "self":
            out.note(f"It was made here: programs that check it must be given {tls['certificate']}")
    elif reached:
        out.note("What is sent is not encrypted: `--tls self` encrypts it.")


def _tell_event(event: dict[str, Any], out: Output) -> None:
    text = describe_event(event["type"], event["data"])
    if text:
        clock = time.strftime("%H:%M:%S", time.localtime(event["time"]))
        out.note(f"{clock} {text}")


def describe_event(kind: str, data: dict[str, Any]) -> str | None:
    """A line of log for people, or None for events that say nothing to them."""
    if kind == "request.finished":
        return _describe_request(data)
    if kind == "model.changed":
        stage = data.get("stage")
        if data["state"] == "loading":
            # Every step of the progress is an event; the stage is told where it begins.
            return f"{data['id']}: {stage}" if not data.get("progress") else None
        return f"{data['id']} is {data['state']}"
    if kind == "model.unloaded":
        return f"{data['id']} is unloaded"
    if kind in ("model.failed", "model.died"):
        error, seconds = data["error"], data.get("restart_seconds")
        again = "" if seconds is None else f" It is started again in {seconds:g} s."
        return f"{data['id']}: {error['title']}. {error['cause']}{again}"
    if kind == "public.changed":
        return f"server on at {data['url']}" if data["on"] else "server off"
    return None


def _describe_request(data: dict[str, Any]) -> str:
    from desktop.cli.units import figure

    parts = [str(data["status"]), data["route"], data.get("model") or "-"]
    if data.get("completion_tokens") is not None:
        parts.append(f"{data['completion_tokens']} tokens")
    if data.get("tokens_per_second"):
        parts.append(f"{figure(data['tokens_per_second'])} tok/s")
    if data.get("ttft_seconds") is not None:
        parts.append(f"first after {figure(data['ttft_seconds'], 2)} s")
    if data.get("wait_seconds") and data["wait_seconds"] >= 1:
        parts.append(f"waited {figure(data['wait_seconds'])} s")
    if data.get("key"):
        parts.append(f"key {data['key']}")
    if data.get("error"):
        parts.append(str(data["error"]))
    return "  ".join(parts)
