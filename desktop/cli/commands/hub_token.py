"""`paddock hub-token`: the token that opens gated and private repositories."""

from __future__ import annotations

import argparse
import os
import sys

from desktop.cli.output import Output
from desktop.cli.parser import Commands


def register(commands: Commands) -> None:
    parser = commands.add(
        "hub-token",
        run,
        "store the hub's token, for gated and private repositories",
        "Reads the token from standard input, unseen, and keeps it in the system's keychain, or "
        "in a file that only you can read. Make one at huggingface.co/settings/tokens: the right "
        "to read is enough. HF_TOKEN goes before it.",
    )
    parser.add_argument("--remove", action="store_true", help="forget the stored token")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.hub.access import SECRET, is_token

    token = None
    if not args.remove:
        token = _read(out)
        if not is_token(token):
            reason = "A token is one word of letters and digits, such as hf_…"
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    done = session.started(out).set_secret(SECRET, token)
    where = "the system's keychain" if done["backend"] == "keychain" else "a file only you can read"

    def show() -> None:
        if token is None:
            out.line("The token is forgotten.")
        else:
            out.line(f"The token is stored in {where}.")

    if os.environ.get("HF_TOKEN", "").strip():
        out.once("HF_TOKEN is set and goes before the stored token.")
    out.result({"stored": token is not None, "backend": done["backend"]}, show)
    return 0


def _read(out: Output) -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        from getpass import getpass

        return getpass("Token (unseen): ", sys.stderr).strip()
    return (sys.stdin.readline(1000) if sys.stdin is not None else "").strip()
