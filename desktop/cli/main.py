"""The `paddock` command: hidden commands first, then everything people type.

Paddock starts itself again for its children (guard, readers, the service): those words are
dispatched before anything else is imported, since some of them start many times.
"""

from __future__ import annotations

import os
import sys


def _streams_to_nowhere() -> None:
    """Windows gives a program without a console no streams: what it prints must not end it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    _streams_to_nowhere()
    words = sys.argv[1:] if arguments is None else arguments
    first = words[0] if words else ""
    if first == "_guard":
        from desktop.core.guard import main as guard

        return guard(words[1:])
    if first == "_gguf_worker":
        from desktop.core.gguf.worker import main as gguf_worker

        return gguf_worker(words[1:])
    if first == "_bandwidth_worker":
        from desktop.core.hardware.bandwidth_worker import main as bandwidth_worker

        return bandwidth_worker(words[1:])
    if first == "_service":
        from desktop.core.service.process import main as service

        return service(words[1:])
    from desktop.cli.app import run

    return run(words, own_signals=arguments is None)
