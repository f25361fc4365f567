"""`paddock rm`: delete a model that was downloaded, or hide one that was not."""

from __future__ import annotations

import argparse
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

Json = dict[str, Any]


def register(commands: Commands) -> None:
    parser = commands.add(
        "rm",
        run,
        "remove a model",
        "Delete the files that Paddock downloaded of a model, for good. Files that came another "
        "way stay: the model is only hidden.",
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("-y", "--yes", action="store_true", help="delete without asking")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument("--keep-file", action="store_true", help="only hide it")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.core.errors import AppError, ErrorCode

    client = session.started(out)
    plan = client.removal(args.model, keep_file=args.keep_file)
    if args.dry_run:
        out.result(plan, lambda: _show_plan(plan, out))
        return 0
    if plan["removed"] and not args.yes:
        _show_plan(plan, out)
        if not out.interactive:
            reason = "Nobody can be asked here: say --yes to delete it."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        out.note(f"Delete {plan['model']} for good? [y/N]")
        if (out.prompt() or "").strip().lower() not in ("y", "yes"):
            out.note("Nothing was deleted.")
            return 1
    done = client.remove_model(plan["model"], keep_file=args.keep_file)
    out.result(done, lambda: _show_done(done, out))
    return 0


def _show_plan(plan: Json, out: Output) -> None:
    from desktop.cli.units import size

    for file in plan["removed"]:
        linked = " (a hard link elsewhere keeps the content)" if file["linked"] else ""
        out.note(f"would go: {file['path']} ({size(file['size_bytes'])}){linked}")
    _show_kept(plan, out)
    if plan["removed"]:
        out.note(f"{size(plan['freed_bytes'])} would be free.")
    elif plan["hidden"]:
        out.note(f"No file would be deleted; {plan['model']} would only be hidden.")


def _show_kept(plan: Json, out: Output) -> None:
    for file in plan["kept"]:
        out.note(f"stays: {file['path']}. {file['reason']}")
    if plan["removed"] and plan["needed_by"]:
        out.note(f"! {', '.join(plan['needed_by'])}: cannot be loaded without it.")


def _show_done(done: Json, out: Output) -> None:
    from desktop.cli.units import size

    _show_kept(done, out)
    if done["hidden"]:
        out.line(
            f"{done['model']} is hidden; its file was not deleted. "
            f"`paddock models show {done['model']}` brings it back."
        )
        return
    out.line(f"{done['model']} was removed. {size(done['freed_bytes'])} are free again.")
    if done["removed"] and done["remains"]:
        out.note("It stays in the list: its content also lies in another place.")
