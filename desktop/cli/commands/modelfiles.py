"""`paddock models import` and `paddock models export`: Modelfiles."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from desktop.core.client.client import Client

Json = dict[str, Any]


def register(commands: Commands) -> None:
    parser = commands.add(
        "import",
        import_modelfile,
        "make a model out of a Modelfile",
        "The model it is made from stays as it is: the new one has its file under another name, "
        "with a system prompt, sampling and settings of its own.",
    )
    parser.add_argument("modelfile", metavar="MODELFILE", help="the file; - reads it from stdin")
    parser.add_argument(
        "--name", metavar="N", help="what to call it (after the file or its folder)"
    )
    parser = commands.add("export", export, "write a model as a Modelfile")
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there, not to stdout")


def import_modelfile(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.commands.adopt import tell_left_out
    from desktop.core.errors import AppError, ErrorCode

    folder, text = _read(args.modelfile)
    name = args.name or name_for(args.modelfile)
    if name is None:
        raise AppError(ErrorCode.BAD_REQUEST, reason="Say how it is to be called: --name N.")
    done = _import(session.started(out), text, name, folder, out)

    def show() -> None:
        out.line(f"{done['id']} is made of {done['variant_of']}.")
        for notice in done["notices"]:
            out.note(f"! {notice['text']}")
        tell_left_out(done["id"], done["left_out"], out)

    out.result(done, show)
    return 0


def _read(name: str) -> tuple[Path, str]:
    """The folder that paths are relative to, and the text."""
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.library.adopt.smallfile import read_small
    from desktop.core.library.modelfile import MAX_BYTES, decoded

    if name == "-":
        return Path.cwd(), sys.stdin.read()
    path = Path(name).expanduser().absolute()
    if path.is_dir():
        raise AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason="It is a folder.")
    return path.parent, decoded(read_small(path, MAX_BYTES))


def name_for(modelfile: str) -> str | None:
    """`assistant.modelfile` makes `assistant`, `mario/Modelfile` makes `mario`."""
    if modelfile == "-":
        return None
    path = Path(modelfile).expanduser().absolute()
    if path.name.lower() == "modelfile":
        return path.parent.name or None
    return path.stem if path.suffix.lower() in (".modelfile", ".txt") else path.name


def _import(client: Client, text: str, name: str, folder: Path, out: Output) -> Json:
    """Import it; a model of the hub that is not here yet is fetched first."""
    from desktop.cli.background import call
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.hub.names import PREFIX
    from desktop.core.library.modelfile import parse

    try:
        return call(lambda: client.import_modelfile(text, name, folder))
    except AppError as error:
        source = next(each.value for each in parse(text) if each.word == "from")
        if error.code is not ErrorCode.MODEL_NOT_FOUND or not PREFIX.match(source):
            raise
    from desktop.cli.pulling import pull

    out.note(f"{source} is not here yet.")
    pull(client, PREFIX.sub("", source), out)
    return call(lambda: client.import_modelfile(text, name, folder))


def export(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.background import call
    from desktop.core.gguf.local import path_error

    client = session.started(out)
    done = call(lambda: client.export_modelfile(args.model))
    if args.output is not None:
        path = Path(args.output).expanduser().absolute()
        try:
            with path.open("x", encoding="utf-8", newline="") as stream:
                stream.write(done["modelfile"])
        except FileExistsError:
            raise _exists(path) from None
        except OSError as error:
            raise path_error(error, path) from error
        done["path"] = str(path)
        out.result(done, lambda: out.line(f"{done['model']} is written to {path}."))
    else:
        out.result(done, lambda: out.write(done["modelfile"]))
    return 0


def _exists(path: Path) -> Exception:
    from desktop.core.errors import AppError, ErrorCode

    reason = f"{path} is there already; nothing is written over."
    return AppError(ErrorCode.BAD_REQUEST, reason=reason)
