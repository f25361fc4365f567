"""`paddock adopt`: models of other programs, and the same file twice."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, UsageError

Json = dict[str, Any]

APPS = ("ollama", "lmstudio", "jan", "gpt4all", "llama.cpp")


def register(commands: Commands) -> None:
    parser = commands.add(
        "adopt",
        run,
        "use models of other programs where they lie",
        "Without PATH and --app: what Ollama, LM Studio, Jan, GPT4All and llama.cpp have on this "
        "machine. What is adopted is read in place: nothing is copied, moved or changed, and what "
        "those programs add or remove is followed.",
    )
    parser.add_argument("path", metavar="PATH", nargs="?", help="a folder or file with models")
    parser.add_argument("--app", choices=APPS, help="adopt all that this program has")
    parser.add_argument("--list", action="store_true", help="only show what there is (the default)")
    parser.add_argument("--forget", action="store_true", help="look into PATH no more")
    parser.add_argument(
        "--duplicates", action="store_true", help="find files of the library with the same content"
    )
    parser.add_argument(
        "--link",
        action="store_true",
        help="with --duplicates: make them one by hard links, after both were read whole",
    )
    parser.add_argument("--yes", action="store_true", help="with --link: do not ask")


def run(args: argparse.Namespace, out: Output) -> int:
    _check(args)
    if args.duplicates:
        return _duplicates(args, out)
    if args.forget:
        return _forget(args, out)
    if (args.path or args.app) and not args.list:
        return _adopt(args, out)
    return _list(args, out)


def _check(args: argparse.Namespace) -> None:
    if args.path and args.app:
        raise UsageError("name either PATH or --app", "")
    if (args.link or args.yes) and not args.duplicates:
        raise UsageError("--link and --yes go with --duplicates", "")
    if args.duplicates and (args.path or args.app or args.forget or args.list):
        raise UsageError("--duplicates looks at the whole library", "")
    if args.forget and not args.path:
        raise UsageError("--forget needs PATH", "")
    if args.list and args.path:
        raise UsageError("--list shows other programs; PATH is adopted", "")


# --- what there is


def _list(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    document = call(session.started(out).adoptable)
    apps = [app for app in document["apps"] if args.app in (None, app["app"])]
    out.result({**document, "apps": apps}, lambda: _show_apps(apps, out))
    return 0


def _show_apps(apps: list[Json], out: Output) -> None:
    from desktop.cli.units import size

    rows = [
        (model["name"], app["title"], size(model["size_bytes"]), _remark(app, model))
        for app in apps
        for model in app["models"]
    ]
    if rows:
        out.table(("NAME", "PROGRAM", ">SIZE", "NOTE"), rows)
    else:
        out.note("No models of other programs were found. `paddock adopt PATH` adds any folder.")
    for app in apps:
        state = "adopted" if app["adopted"] else f"`paddock adopt --app {app['app']}` adopts it"
        out.note(f"{app['title']}: {app['folder']} ({size(app['size_bytes'])}); {state}")
        if app["error"]:
            out.note(f"! {app['error']['title']}. {app['error']['cause']}")
        for model in app["models"]:
            if model["problem"]:
                out.note(f"! {model['name']}: {_why(model['problem'])}")


def _remark(app: Json, model: Json) -> str:
    if model["problem"]:
        return "cannot be used"
    said = [name for name in ("system", "messages") if model["card"].get(name)]
    said += ["settings"] if model["card"].get("sampling") or model["load_defaults"] else []
    return ", ".join([*(["adopted"] if app["adopted"] else []), *said])


def _why(error: Json) -> str:
    return str(error["params"].get("reason") or f"{error['title']}. {error['cause']}")


# --- taking it in


def _adopt(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call
    from desktop.cli.commands.models import show

    client = session.started(out)
    # The service works in another folder: what is relative is so to ours.
    path = str(Path(args.path).expanduser().absolute()) if args.path else None
    done = call(lambda: client.adopt(args.app, path=path))
    found: list[Json] = done["models"]

    def tell() -> None:
        if not found:
            out.note(f"No model was found in {', '.join(done['folders'])}.")
            return
        show(found, out)
        for model in found:
            tell_left_out(model["id"], model.get("left_out") or (), out)

    out.result({**done, "path": path}, tell)
    return 0


def tell_left_out(model: str, left_out: Any, out: Output) -> None:
    """What could not be taken over, each with its reason."""
    for each in left_out:
        out.note(f"! {model}: {each['name']} {each['value']} was left out. {each['reason']}")


def _forget(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call

    client = session.started(out)
    path = str(Path(args.path).expanduser().absolute())
    done = call(lambda: client.forget_folder(path))
    count = len(done["removed"])
    gone = "1 model is" if count == 1 else f"{count} models are"
    words = f"{path} is no longer looked into; {gone} off the list. No file was touched."
    out.result(done, lambda: out.line(words))
    return 0


# --- the same file twice


def _duplicates(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.following import job

    client = session.started(out)
    found: Json = job(client, "duplicates", {}, out)["result"]
    groups = [group for group in found["groups"] if group["saved_bytes"]]
    if not args.link or not groups:
        out.result(found, lambda: _show_groups(found, out, hint=not args.link))
        return 0
    if not out.json:
        _show_groups(found, out, hint=False)
    if not args.yes and not _agreed(out):
        return 1
    params = {"groups": [[file["path"] for file in group["files"]] for group in groups]}
    linked: Json = job(client, "link", params, out)["result"]
    out.result({**found, "linked": linked}, lambda: _show_linked(linked, out))
    refused = any(disk["refused"] for disk in linked["disks"])
    return 1 if refused and not any(disk["linked"] for disk in linked["disks"]) else 0


def _agreed(out: Output) -> bool:
    from desktop.core.errors import AppError, ErrorCode

    if not out.interactive:
        reason = "Nobody can be asked here: say --yes to make the files one."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    out.note("A program that changes such a file in place then changes it for all. Link? [y/N]")
    if (out.prompt() or "").strip().lower() in ("y", "yes"):
        return True
    out.note("Nothing was changed.")
    return False


def _show_groups(found: Json, out: Output, *, hint: bool) -> None:
    from desktop.cli.units import size

    if not found["groups"]:
        out.line("No file lies on the disks twice.")
        return
    rows = [
        (file["path"], size(group["size_bytes"]), ", ".join(file["models"]), file["app"] or "")
        for group in found["groups"]
        for file in group["files"]
    ]
    out.table(("FILE", ">SIZE", "MODEL", "PROGRAM"), rows)
    out.note(f"{size(found['saved_bytes'])} could be saved.")
    if hint and found["saved_bytes"]:
        out.note("`paddock adopt --duplicates --link` makes them one, after reading each whole.")


def _show_linked(linked: Json, out: Output) -> None:
    from desktop.cli.units import size

    for disk in linked["disks"]:
        for path in disk["linked"]:
            out.line(f"{path} is now {disk['kept']}")
        for refused in disk["refused"]:
            out.note(f"! {refused['error']['title']}. {refused['error']['cause']}")
    out.line(f"{size(linked['freed_bytes'])} are free again.")
