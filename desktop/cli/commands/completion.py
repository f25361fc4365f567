"""`paddock completion`: the shell's completion script."""

from __future__ import annotations

import argparse

from desktop.cli.output import Output
from desktop.cli.parser import Commands


def register(commands: Commands) -> None:
    parser = commands.add(
        "completion",
        run,
        "print the completion script of a shell",
        "Print a completion script, for instance: paddock completion bash "
        "> ~/.local/share/bash-completion/completions/paddock",
    )
    parser.add_argument("shell", choices=("bash", "zsh"))


def run(args: argparse.Namespace, out: Output) -> int:
    import shtab

    from desktop.cli.parser import build

    script = shtab.complete(build(), args.shell)
    out.result({"shell": args.shell, "script": script}, lambda: out.line(script))
    return 0
