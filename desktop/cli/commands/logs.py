"""`paddock logs`: the service's log, or a model's engine's; read as files, no service is needed."""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, UsageError, whole

_LOOK_SECONDS = 0.3
_STANDARD = ("time", "level", "logger", "message", "exception")


def register(commands: Commands) -> None:
    parser = commands.add("logs", run, "the service's log, or a model's")
    parser.add_argument("model", nargs="?", metavar="MODEL")
    parser.add_argument("-n", "--lines", type=whole(0, 1_000_000), default=50, metavar="LINES")
    parser.add_argument("-f", "--follow", action="store_true", help="wait for more until Ctrl-C")


def run(args: argparse.Namespace, out: Output) -> int:
    if args.follow and out.json:
        raise UsageError("--json prints one document, which --follow never ends", "")
    from desktop.core.paths import paths

    folder = paths().logs
    path = folder / "service.log" if args.model is None else _engine_log(folder, args.model, out)
    old = deque(_lines(path.with_name(path.name + ".1")), args.lines)
    stream = path.open("rb") if path.exists() else None
    try:
        if stream is not None:
            old.extend(line.rstrip(b"\r\n") for line in stream)
        texts = [line.decode("utf-8", "replace") for line in old]
        document = {"path": str(path), "lines": [_parsed(text) for text in texts]}
        out.result(document, lambda: _show(texts, out))
        if not texts and not args.follow:
            out.note(f"{path} is empty or not there yet.")
        if args.follow:
            _follow(path, stream, out)
    finally:
        if stream is not None:
            stream.close()
    return 0


def _show(texts: list[str], out: Output) -> None:
    for text in texts:
        out.line(shown(text))


def _engine_log(folder: Path, model: str, out: Output) -> Path:
    """The log of a model by its id; any other of its names is looked up where a service runs."""
    from desktop.core.engine.enginelog import log_name

    path = folder / log_name(model)
    if path.exists():
        return path
    from desktop.cli import session
    from desktop.core.errors import AppError, ErrorCode

    client = session.running(out)
    known = [] if client is None else [each["id"] for each in client.models()]
    if model not in known:
        raise AppError(ErrorCode.MODEL_NOT_FOUND, model=model)
    return path


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            for line in stream:
                yield line.rstrip(b"\r\n")
    except FileNotFoundError:
        return


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def shown(text: str) -> str:
    """A line of the service's log for people; others as they are."""
    line = _parsed(text)
    if not isinstance(line, dict) or "message" not in line:
        return text
    extra = "  ".join(f"{k}={v}" for k, v in line.items() if k not in _STANDARD)
    head = f"{line.get('time', '')} {line.get('level', ''):<7} {line['message']}"
    body = f"{head}  {extra}" if extra else head
    return f"{body}\n{line['exception']}" if "exception" in line else body


def _follow(path: Path, stream: IO[bytes] | None, out: Output) -> None:
    """Print what is added, also after the file was rotated away, until Ctrl-C."""
    out.flush()
    part = b""
    while True:
        stream = stream or (path.open("rb") if path.exists() else None)
        data = b"" if stream is None else stream.read()
        if data:
            *whole_lines, part = (part + data).split(b"\n")
            for line in whole_lines:
                out.line(shown(line.decode("utf-8", "replace").rstrip("\r")))
            out.flush()
            continue
        if stream is not None and _rotated(path, stream):
            stream.close()
            stream, part = None, b""
            continue
        time.sleep(_LOOK_SECONDS)


def _rotated(path: Path, stream: IO[bytes]) -> bool:
    import os

    try:
        return not os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return True
