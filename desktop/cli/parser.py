"""The whole command line as one argparse parser; nothing else is imported here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import IO, Any, NoReturn

Run = Callable[[argparse.Namespace, Any], int]


class UsageError(Exception):
    """The words make no sense; `usage` is the line of the command that was meant."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of leaving the program, and finishes words that are unique."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, self.format_usage())

    def print_help(self, file: IO[str] | None = None) -> None:  # type: ignore[override]
        (file or sys.stdout).write(self.format_help())  # argparse would swallow a broken pipe


class Commands:
    """What a command's module gets to register itself with.

    Every command takes `--json` and `--quiet`; those before the command count as well.
    """

    def __init__(self, subparsers: argparse._SubParsersAction[Parser]) -> None:
        self._subparsers = subparsers

    def add(self, name: str, run: Run | None, summary: str, text: str | None = None) -> Parser:
        """A command. `run` is None where it only holds further commands."""
        parser = self._subparsers.add_parser(
            name, help=summary, description=text or summary, allow_abbrev=False
        )
        add_modes(parser)
        if run is not None:
            parser.set_defaults(run=run)
        return parser

    def group(self, name: str, summary: str) -> Commands:
        """A command with commands of its own, such as `engine list`."""
        parser = self.add(name, None, summary)
        inner = parser.add_subparsers(
            dest=f"{name}_command", metavar="COMMAND", required=True, parser_class=Parser
        )
        return Commands(inner)


def add_modes(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: a subcommand's default must not undo what stood before it.
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print one JSON document and nothing else",
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print the bare result: no notes, no progress",
    )


def build() -> Parser:
    """The parser of every command."""
    from desktop.cli.commands import (
        adopt,
        bench,
        chat,
        completion,
        convert,
        doctor,
        engine,
        fit,
        hub_token,
        hw,
        info,
        keys,
        load,
        logs,
        merge,
        models,
        pull,
        quantize,
        recommend,
        results,
        rm,
        run,
        search,
        serve,
        split,
        status,
        tour,
        usage,
        verify,
    )

    parser = Parser(
        prog="paddock",
        description="Finds out what language models this machine can run, runs and measures them. "
        "Without a command: the window, or where there is no screen a short tour in the terminal.",
        epilog="`paddock COMMAND --help` tells more of each.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    add_modes(parser)
    parser.set_defaults(run=None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    commands = Commands(subparsers)
    for module in (
        run,
        chat,
        search,
        info,
        pull,
        models,
        adopt,
        rm,
        verify,
        load,
        serve,
        status,
        bench,
        results,
        convert,
        merge,
        split,
        quantize,
        hw,
        recommend,
        fit,
        doctor,
        engine,
        hub_token,
        keys,
        usage,
        logs,
        tour,
        completion,
    ):
        module.register(commands)
    return parser


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argument type: a whole number in a range."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not between {low} and {high}")
        return value

    return number


def decimal(low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number in a range."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not low <= value <= high:  # NaN is not either
            raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g}")
        return value

    return number


def whole_list(low: int, high: int) -> Callable[[str], list[int]]:
    """An argument type: whole numbers with commas between them."""
    one = whole(low, high)
    return lambda text: [one(part.strip()) for part in text.split(",")]


def shares(text: str) -> list[float]:
    """Parts for several devices, such as "3,1"; not all of them 0."""
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if not parts or not all(0 <= part < 1e6 for part in parts) or not any(parts):
        raise argparse.ArgumentTypeError(f"“{text}” is not of the form 3,1 (a share for each GPU)")
    return parts
