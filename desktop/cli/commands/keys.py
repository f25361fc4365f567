"""`paddock keys`: who may use the public face from elsewhere."""

from __future__ import annotations

import argparse

from desktop.cli.output import Output
from desktop.cli.parser import Commands


def register(commands: Commands) -> None:
    group = commands.group("keys", "keys for programs on other machines")
    parser = group.add("create", create, "make a key; it is shown this once")
    parser.add_argument("name", metavar="NAME")
    group.add("list", list_keys, "list the keys")
    parser = group.add("revoke", revoke, "make a key worthless")
    parser.add_argument("name", metavar="NAME")


def create(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    made = session.started(out).create_key(args.name)

    def show() -> None:
        out.line(made["key"])
        out.note("This key is not shown again: keep it now. Send it as `Authorization: Bearer …`.")

    out.result(made, show)
    return 0


def list_keys(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    found = session.started(out).list_keys()

    def show() -> None:
        from desktop.cli.units import moment

        rows = [(key["name"], f"…{key['hint']}", moment(key["created"])) for key in found]
        if rows:
            out.table(("NAME", "ENDS IN", "CREATED"), rows)
        else:
            out.line("There are no keys.")

    out.result({"keys": found}, show)
    return 0


def revoke(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    done = session.started(out).revoke_key(args.name)
    out.result(done, lambda: out.line(f"The key “{done['name']}” is revoked."))
    return 0
