"""An engine that is here only while nobody else needs the machine."""

from __future__ import annotations

import threading

from desktop.core.events import CancelToken
from desktop.core.service.guest import Guest

SECONDS = 20.0


def test_a_guest_is_sent_away_and_waited_for() -> None:
    guest, leave = Guest(), CancelToken()
    order: list[str] = []
    here, gone = threading.Event(), threading.Event()

    def visit() -> None:
        with guest.visit(leave):
            here.set()
            told = threading.Event()
            leave.on_cancel(told.set)
            assert told.wait(SECONDS)
            order.append("left")

    def need() -> None:
        with guest.away():
            order.append("alone")
            gone.set()

    threads = [threading.Thread(target=visit)]
    threads[0].start()
    assert here.wait(SECONDS)
    threads.append(threading.Thread(target=need))
    threads[1].start()
    assert gone.wait(SECONDS)
    for thread in threads:
        thread.join()
    assert order == ["left", "alone"]


def test_nobody_comes_in_while_somebody_is_alone() -> None:
    guest, leave = Guest(), CancelToken()
    with guest.away(), guest.visit(leave):
        assert leave.cancelled
    later = CancelToken()
    with guest.visit(later):
        assert not later.cancelled


def test_without_a_guest_nobody_waits() -> None:
    guest = Guest()
    with guest.away(), guest.away():
        pass
    leave = CancelToken()
    with guest.visit(leave):
        assert not leave.cancelled
