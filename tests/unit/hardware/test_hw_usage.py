from __future__ import annotations

import threading
import time

from desktop.core.hardware.usage import CpuUse


def test_the_share_from_one_look_to_the_next() -> None:
    times = iter([(100.0, 1000.0), (101.0, 1010.0), (109.0, 1020.0), (109.0, 1020.0)])
    use = CpuUse(lambda: next(times))
    assert use.look() == 0.1
    assert use.look() == 0.8
    assert use.look() == 0.0  # no time has passed


def test_a_counter_that_goes_back_is_no_use() -> None:
    times = iter([(100.0, 1000.0), (99.0, 1010.0)])
    assert CpuUse(lambda: next(times)).look() == 0.0


def test_this_machine_is_seen_to_work() -> None:
    """One thread that counts is a share of the processor, however many CPUs there are."""
    use = CpuUse()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            pass

    worker = threading.Thread(target=work)
    worker.start()
    try:
        deadline = time.monotonic() + 20
        while use.look() == 0:
            assert time.monotonic() < deadline
    finally:
        done.set()
        worker.join()
