"""`python -m quantize`: the package's work from a terminal, with no service and nothing kept.

Results go to stdout, progress and errors to stderr; it ends with 0 done, 1 failed, 2 wrong usage,
130 stopped by Ctrl-C. What it was about to write is not left behind half.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from quantize import commands, convert

DONE, FAILED, INTERRUPTED = 0, 1, 130
Json = dict[str, Any]


class _Errors:
    """Progress and log lines on stderr: a line when the work changes, then one for each tenth."""

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def progress(self, progress: Progress) -> None:
        tenth = int(10 * progress.done / progress.total) if progress.total else 0
        if (progress.what, tenth) != self._last:
            self._last = (progress.what, tenth)
            share = f": {10 * tenth} %" if progress.total else ""
            self.log(f"{progress.what}{share}")

    def log(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def main(words: list[str] | None = None) -> int:
    args = _parser().parse_args(words)
    cancel, reporter = CancelToken(), _Errors()
    stop = _cancel_on_signals(cancel)
    try:
        result: Json = args.run(args, reporter, cancel)
    except AppError as error:
        if cancel.cancelled:
            return INTERRUPTED
        _tell(error, args.json)
        return FAILED
    except OSError as error:
        path, reason = str(error.filename or ""), error.strerror or str(error)
        _tell(AppError(ErrorCode.PATH_UNREADABLE, path=path, reason=reason), args.json)
        return FAILED
    finally:
        stop()
    print(json.dumps(result, indent=None if args.json else 1))
    return DONE


def _tell(error: AppError, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": error.to_dict()}))
    else:
        print(f"{error.title}\n  {error.cause}\n  {error.remedy}", file=sys.stderr)


def _cancel_on_signals(cancel: CancelToken) -> Callable[[], None]:
    """Let Ctrl-C and a signal to end cancel the work; returns what undoes it."""

    def end(number: int, frame: object) -> None:
        # A callback of the token may wait for what this thread holds.
        threading.Thread(target=cancel.cancel, daemon=True).start()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [(number, signal.signal(number, end)) for number in numbers]

    def undo() -> None:
        for number, handler in before:
            signal.signal(number, handler)

    return undo


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m quantize",
        description="Makes quantized files of a model, without a service.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="one line of JSON, errors too")
    shared.add_argument(
        "--engine", type=_path, metavar="DIR", help="a folder with llama.cpp's tools"
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[..., Json], words: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=words, description=words, parents=[shared])
        added.set_defaults(run=run)
        return added

    making = add("plan", commands.plan, "what files would be and take; nothing is made")
    making.add_argument("--evaluate", type=_path, metavar="TEXT", help="count comparing on it, too")
    making.add_argument("--chunks", type=_number, metavar="N")
    _making(making)
    _making(add("quantize", commands.quantize, "make files of a model"))
    matrix = add("imatrix", commands.compute_imatrix, "compute an importance matrix of a text")
    matrix.add_argument("model", type=_path, metavar="GGUF")
    matrix.add_argument("text", type=_path, metavar="TEXT")
    matrix.add_argument("-o", "--output", type=_path, required=True, metavar="FILE")
    matrix.add_argument("--chunks", type=_number, metavar="N", help="of 512 tokens, at most")
    matrix.add_argument("--replace", action="store_true")
    compare = add("evaluate", commands.evaluate_files, "measure what files lost on a text")
    compare.add_argument("model", type=_path, metavar="GGUF", help="the whole model")
    compare.add_argument("files", type=_path, nargs="+", metavar="GGUF", help="made of it")
    compare.add_argument("--text", type=_path, required=True, metavar="TEXT")
    compare.add_argument("--chunks", type=_number, metavar="N", help="of 512 tokens, at most")
    compare.add_argument(
        "--scratch", type=_path, metavar="DIR", help="where the whole model's answers lie meanwhile"
    )
    whole = add("convert", commands.convert_checkpoint, "make a GGUF file of a checkpoint")
    whole.add_argument("checkpoint", type=_path, metavar="DIR")
    whole.add_argument("-o", "--output", type=_path, required=True, metavar="FILE")
    whole.add_argument("--type", choices=sorted(convert.TYPES), default="auto")
    whole.add_argument("--mmproj", action="store_true", help="make the projector instead")
    whole.add_argument("--allow-pickle", action="store_true")
    whole.add_argument("--toolkit", type=_path, metavar="DIR", help="default: Paddock's")
    whole.add_argument("--replace", action="store_true")
    return parser


def _making(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=_path, metavar="GGUF", help="best F16 or BF16")
    parser.add_argument("--types", required=True, metavar="T[,T…]")
    parser.add_argument("-o", "--output", type=_path, metavar="DIR", help="default: GGUF's folder")
    parser.add_argument("--imatrix", type=_path, metavar="MATRIX", help="as `imatrix` makes one")
    parser.add_argument("--output-type", metavar="T")
    parser.add_argument("--embedding-type", metavar="T")
    parser.add_argument("--tensor", action="append", default=[], metavar="PATTERN=T")
    parser.add_argument("--pure", action="store_true")
    parser.add_argument("--requantize", action="store_true")
    parser.add_argument("--replace", action="store_true")


def _path(text: str) -> Path:
    """Tools run in folders of their own: a path must not depend on where one is."""
    return Path(text).expanduser().absolute()


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
