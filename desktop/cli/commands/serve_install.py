"""`paddock serve --install`: have the system start the server from now on."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Parser, UsageError


def install_arguments(parser: Parser) -> None:
    group = parser.add_argument_group("starting by itself")
    what = group.add_mutually_exclusive_group()
    what.add_argument(
        "--install",
        action="store_true",
        help="have systemd, launchd or Windows' task scheduler run it, with these options, from "
        "now on",
    )
    what.add_argument("--uninstall", action="store_true", help="undo that")
    whose = group.add_mutually_exclusive_group()
    whose.add_argument(
        "--user", action="store_true", help="with your own session (what happens anyway)"
    )
    whose.add_argument(
        "--system", action="store_true", help="with the machine; needs root, or an administrator"
    )
    group.add_argument("--as", dest="run_as", metavar="USER", help="on macOS: whose process it is")
    group.add_argument("--no-start", action="store_true", help="write the file, and no more")
    group.add_argument(
        "--print",
        dest="print_only",
        action="store_true",
        help="show the file and the commands, and change nothing",
    )


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.core.autostart.install import install, plan, uninstall
    from desktop.core.autostart.job import serve_words
    from desktop.core.paths import paths

    if args.run_as is not None and not args.system:
        raise UsageError("--as belongs to --system", "")
    tls = {name: getattr(args, name) for name in ("tls", "tls_certificate", "tls_key")}
    words = serve_words(host=args.host, port=args.port, models=args.model, pin=args.pin, tls=tls)
    made = plan(paths(), words, system=args.system, user=args.run_as)
    commands = made.stop if args.uninstall else made.start
    document: dict[str, Any] = {
        "kind": made.kind,
        "path": str(made.path),
        "content": made.content.decode("utf-16" if made.kind == "schtasks" else "utf-8"),
        "commands": [list(command) for command in commands],
        "hints": list(made.hints),
    }
    if args.uninstall:
        document["removed"] = False if args.print_only else uninstall(made)
        out.result(document, lambda: _show_removal(document, out, only=args.print_only))
        return 0
    start = not args.print_only and not args.no_start
    if not args.print_only:
        install(made, start=start)
    document |= {"written": not args.print_only, "started": start}
    out.result(document, lambda: _show(document, out))
    if args.host is not None:
        _tell_of_keys(args.host, out)
    return 0


def _show(document: dict[str, Any], out: Output) -> None:
    lines = document["content"].rstrip().splitlines()
    if document["written"]:
        out.line(f"Written: {document['path']}")
        for line in lines:
            out.note(f"    {line}")
        out.note("Done:" if document["started"] else "To start it, now and from now on:")
    else:
        out.line(f"# {document['path']}")
        for line in lines:
            out.line(line)
        out.note("Nothing was changed. The commands that would follow:")
    _show_commands(document, out)
    for hint in document["hints"]:
        out.note(hint)
    if document["started"]:
        out.line("The server is started, now and from now on.")


def _show_removal(document: dict[str, Any], out: Output, *, only: bool) -> None:
    path = document["path"]
    if only:
        out.note("Nothing was changed. What would be done:")
        _show_commands(document, out)
        out.line(f"remove {path}")
    elif document["removed"]:
        out.line("The server is stopped, and does not start by itself any more.")
        out.note(f"Removed: {path}")
    else:
        out.line(f"It was not installed: there is no {path}.")


def _show_commands(document: dict[str, Any], out: Output) -> None:
    for command in document["commands"]:
        out.note(f"    {shlex.join(command)}")


def _tell_of_keys(host: str, out: Output) -> None:
    """An address others can reach is served only where there is a key."""
    if host not in ("127.0.0.1", "::1", "localhost"):
        out.note(f"At {host} every request needs a key: `paddock keys create NAME` makes one.")
