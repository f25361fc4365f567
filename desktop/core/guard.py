"""The guard: `_guard FD COMMAND…`, a tiny process that ends a tree when its owner is gone.

It runs COMMAND in its own process group and holds the read end of the owner's lifeline. When the
command ends, it ends with the same status; when the lifeline closes first, it kills the group.
Only the standard library is imported: it costs a few megabytes and 20 ms.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main(arguments: list[str]) -> int:
    lifeline, command = int(arguments[0]), arguments[1:]
    try:
        child = subprocess.Popen(command)  # inherits stdin, stdout, stderr and the group
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    # The owner signals the whole group: the child gets it too, and we report its status.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    status = child.wait()
    if status < 0:
        if -status != signal.SIGKILL:  # whose action cannot be set
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status
