"""One run of a command: parse, run, and end with the right words and status.

0 done, 1 failed with an error code and text, 2 wrong usage, 130 stopped by Ctrl-C (143 by
SIGTERM), 141 when whoever read our output has gone.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from desktop.cli.output import Mode, Output

if TYPE_CHECKING:
    import argparse

    from desktop.core.errors import AppError

DONE, FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: the same as Ctrl-C, but for the exit status."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def run(words: list[str], own_signals: bool = False) -> int:
    """Run one command line.

    Args:
        own_signals: let SIGTERM and SIGHUP unwind like Ctrl-C does (the main program only).
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            windows = {"encoding": "utf-8"} if os.name == "nt" else {}
            stream.reconfigure(errors="replace", **windows)
    if own_signals:
        _unwind_on_signals()
    out = Output(_mode(words))
    try:
        code = _run(words, out)
        out.flush()
    except BrokenPipeError:
        return _reader_gone()
    except Terminated as signal:
        return 128 + signal.number
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _mode(words: list[str]) -> Mode:
    """The mode before anything is parsed: wrong usage has to be told in it, too."""
    if "--json" in words:
        return Mode.JSON
    return Mode.QUIET if "-q" in words or "--quiet" in words else Mode.HUMAN


def _run(words: list[str], out: Output) -> int:
    from desktop.cli.parser import UsageError, build

    try:
        try:
            args = build().parse_args(words)
        except SystemExit:  # --help has been printed
            return DONE
        out.mode = _parsed_mode(args)
        if args.version:
            from desktop.core.version import VERSION

            out.result({"version": VERSION}, lambda: out.line(f"paddock {VERSION}"))
            return DONE
        if args.run is None:
            return _without_command(args, out)
        code: int = args.run(args, out)
        return code
    except UsageError as error:
        return _usage(error, out)
    except BrokenPipeError:
        raise
    except Exception as error:
        return _failed(error, out)


def _without_command(args: argparse.Namespace, out: Output) -> int:
    """The window where there is a screen, else the same job in the terminal."""
    from desktop.cli.commands.tour import run as tour
    from desktop.ui.display import NoWindow, has_display, open_window

    if out.mode is Mode.HUMAN and has_display():
        from desktop.cli.texts import tour_texts

        try:
            return open_window()
        except NoWindow as refusal:
            out.note(tour_texts()["no_window"].format(reason=refusal))
    return tour(args, out)


def _parsed_mode(args: argparse.Namespace) -> Mode:
    if getattr(args, "json", False):
        return Mode.JSON
    return Mode.QUIET if getattr(args, "quiet", False) else Mode.HUMAN


def _usage(error: Exception, out: Output) -> int:
    usage = getattr(error, "usage", "")
    print(f"{usage}paddock: {error}", file=sys.stderr)
    if out.mode is Mode.JSON:
        from desktop.core.errors import AppError, ErrorCode

        out.document({"error": AppError(ErrorCode.BAD_REQUEST, reason=str(error)).to_dict()})
        out.flush()
    return USAGE


def _failed(error: Exception, out: Output) -> int:
    from desktop.core.client.client import ChatFailed
    from desktop.core.errors import AppError

    if isinstance(error, AppError):
        out.error(error.to_dict())
    elif isinstance(error, ChatFailed):
        out.error(chat_error(error))
    else:
        out.error(_unexpected(error).to_dict())
    out.flush()
    return FAILED


def chat_error(error: Exception) -> dict[str, object]:
    """The gateway's answer in the shape of our own errors; its message is a whole text already."""
    body = getattr(error, "body", {})
    return {
        "code": str(body.get("code") or "upstream_failed"),
        "title": str(error),
        "cause": "",
        "remedy": "",
        "params": {},
    }


def _unexpected(error: Exception) -> AppError:
    """A fault of ours: one line for the person, the whole story for the log."""
    import traceback

    from desktop.core.errors import AppError, ErrorCode

    if os.environ.get("PADDOCK_DEBUG"):
        traceback.print_exception(error)
    reason = f"{type(error).__name__}: {error}"
    try:
        import logging

        from desktop.core.logs import set_up
        from desktop.core.paths import paths

        log = set_up(paths().logs, "command")
        logging.getLogger("desktop.cli").error("a command failed", exc_info=error)
        for handler in logging.getLogger().handlers:
            handler.close()
        reason = f"{reason} (details in {log})"
    except OSError as problem:
        reason = f"{reason} (and the log cannot be written: {problem})"
    return AppError(ErrorCode.INTERNAL, reason=reason)


def _reader_gone() -> int:
    """Whoever read our output has gone: what is still buffered must not complain at exit."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return BROKEN_PIPE


def _unwind_on_signals() -> None:
    import signal

    def unwind(number: int, frame: object) -> NoReturn:
        raise Terminated(number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Under `nohup` SIGHUP is ignored, and stays so.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, unwind)
