"""The hub as commands ask it: in their own process, with what it could not say told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from desktop.cli.background import call
from desktop.cli.output import Output

if TYPE_CHECKING:
    from desktop.core.errors import AppError
    from desktop.core.events import CancelToken
    from desktop.core.hub.client import Hub

T = TypeVar("T")


def ask(work: Callable[[Hub, CancelToken], T]) -> T:
    """The hub's answer; Ctrl-C ends the question."""
    from desktop.core.events import CancelToken
    from desktop.core.hub.access import web_settings
    from desktop.core.hub.client import Hub
    from desktop.core.paths import paths

    where, cancel = paths(), CancelToken()
    hub = Hub(web_settings(where), where.cache)
    try:
        return call(lambda: work(hub, cancel), "hub")
    except KeyboardInterrupt:
        cancel.cancel()
        raise


def tell_age(problem: AppError | None, as_of: float, out: Output) -> None:
    """In every mode: that an answer is an earlier one, and why."""
    from desktop.cli.units import moment

    if problem is not None:
        why = f"{problem.title}. {problem.cause}".strip()
        out.once(f"{why} This is what the hub said on {moment(as_of)}.")
