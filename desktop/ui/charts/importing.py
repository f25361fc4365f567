"""Bringing in a chart: its library takes a third of a second, so it is imported in a task."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from PySide6 import QtCore, QtGui, QtWidgets

from desktop.core.errors import AppError
from desktop.ui.tasks import Tasks

T = TypeVar("T")


def import_chart(
    tasks: Tasks,
    load: Callable[[], T],
    done: Callable[[T], None],
    failed: Callable[[AppError], None],
) -> None:
    """Run `load`, which imports a chart, in a thread, and then one of the others on this one."""
    make_qt_classes()
    tasks.run(load, done, failed)


@cache
def make_qt_classes() -> None:
    """Have PySide make all classes of its modules, on the main thread.

    WORKAROUND(PySide makes a class when it is first asked for. pyqtgraph asks for all of them, and
    the process ends when the main thread asks for one, to paint, in the same moment; drop when
    that is safe.) It takes 50 ms, once.
    """
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)
