"""The window's tie to the service: state, events, and coming back after either of them died."""

from __future__ import annotations

import logging
import threading
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.client.connect import connect_or_start
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.paths import Paths
from desktop.ui.bridge import Bridge

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class ServiceLink(QObject):
    """Follows the service from a thread of its own; all signals come on the main thread.

    Signals:
        connected: the state as the service describes it (`Client.state`); also after a resync.
        event_received: type and data of each event after that.
        lost: why there is no service at the moment; it is tried again by itself.
    """

    connected = Signal(dict)
    event_received = Signal(str, dict)
    lost = Signal(object)

    def __init__(self, where: Paths, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths = where
        self._bridge = bridge
        self._cancel = CancelToken()
        self._client: Client | None = None
        self._thread = threading.Thread(target=self._follow, name="service-link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._cancel.cancel()

    @property
    def client(self) -> Client:
        """The service's client, for use in tasks.

        Raises:
            AppError: SERVICE_NOT_RUNNING while there is none.
        """
        if self._client is None:
            raise AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir=str(self._paths.data))
        return self._client

    def _follow(self) -> None:
        while not self._cancel.cancelled:
            try:
                client = connect_or_start(self._paths)
                self._client = client
                self._follow_one(client)
            except AppError as error:
                self._client = None
                if self._cancel.cancelled:
                    return
                log.info("no service", extra={"code": error.code.value})
                self._bridge.post(lambda error=error: self.lost.emit(error))  # type: ignore[misc]
                self._cancel.wait(_RETRY_SECONDS)

    def _follow_one(self, client: Client) -> None:
        state = client.state()
        self._tell_state(state)
        for event in client.events(state["epoch"], state["seq"], self._cancel):
            if event["type"] == "resync":
                self._tell_state(client.state())
            else:
                self._tell_event(event["type"], event["data"])

    def _tell_state(self, state: dict[str, Any]) -> None:
        self._bridge.post(lambda: self.connected.emit(state))

    def _tell_event(self, kind: str, data: dict[str, Any]) -> None:
        self._bridge.post(lambda: self.event_received.emit(kind, data))
