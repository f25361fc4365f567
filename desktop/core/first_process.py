"""The first process of a container: it hands signals on, and reaps whoever lost its parent.

The system gives orphans to process 1, which has to take note of their end, and does not end process
1 by a signal that it does not handle. A service is no good at the first: it would take the ends of
its own children from those who wait for them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

_HANDED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


def is_first() -> bool:
    return sys.platform != "win32" and os.getpid() == 1


def run_below(work: Callable[[], int]) -> int:
    """Do `work` in a child and be its first process until it has ended.

    To be called before any thread is started.

    Returns: what the work returned, in the child, too; 128 + its number where a signal ended it.
    """
    if sys.platform == "win32":
        return work()
    numbers = [getattr(signal, name) for name in _HANDED_ON]
    # Until there is somebody to hand them on to, they wait: one that came before would be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        return work()

    def hand_on(number: int, frame: object) -> None:
        os.kill(child, number)

    for number in numbers:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
