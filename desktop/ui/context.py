"""What every part of the window is given: built once, in `app.py`, handed on, never reached for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from desktop.core.paths import Paths

if TYPE_CHECKING:
    from desktop.core.client.client import Client
    from desktop.core.errors import AppError
    from desktop.ui.i18n import Language
    from desktop.ui.link import ServiceLink
    from desktop.ui.models.state import ServiceState
    from desktop.ui.tasks import Tasks
    from desktop.ui.theme.theme import Theme


T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    """The window's parts that pages use.

    Attributes:
        state: what the service is doing, kept up to date from its events.
        toast: shows a short message that something happened; with an action where one is given.
        show_error: shows an error: what happened, why, what to do.
        go_to: switches to the page called "chat", "discover", "library", "server", "bench",
            "quantize" or "machine"; with a model's id behind it, the library shows that model, the
            chat begins with it and files are made of it. "downloads" and "settings" are shown over
            the page; with the number of a download, it is asked there whether that is to be
            cancelled; with "token", the settings show where the hub's token is entered.
    """

    paths: Paths
    theme: Theme
    language: Language
    tasks: Tasks
    link: ServiceLink
    state: ServiceState
    toast: Callable[..., None]
    show_error: Callable[[AppError], None]
    go_to: Callable[..., None]

    def ask(
        self,
        use: Callable[[Client], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[AppError], None] | None = None,
    ) -> None:
        """Use the service's client in a thread: `context.ask(lambda client: client.stop())`.

        `done` and `failed` are called on the main thread; an error nobody takes is shown.
        """
        self.tasks.run(lambda: use(self.link.client), done, failed or self.show_error)
