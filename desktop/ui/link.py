"""The window's tie to the service: state, events, and coming back after either of them died."""

from __future__ import annotations

import logging
import threading
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.client.connect import connect_or_start
from desktop.core.client.ending import has_ended
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.files import disk_full
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
        self._trouble = AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir=str(where.data))
        self._thread = threading.Thread(target=self._follow, name="service-link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._cancel.cancel()

    @property
    def client(self) -> Client:
        """The service's client, for use in tasks.

        Raises:
            AppError: why there is none at the moment.
        """
        client = self._client
        if client is None:
            raise self._trouble
        return client

    def _follow(self) -> None:
        while not self._cancel.cancelled:
            try:
                self._client = client = connect_or_start(self._paths)
                self._follow_one(client)
            except Exception as failure:
                trouble = self._trouble = self._why(failure)
                self._client = None
                if self._cancel.cancelled:
                    return
                log.info("no service", extra={"code": trouble.code.value})
                self._bridge.post(lambda trouble=trouble: self.lost.emit(trouble))  # type: ignore[misc]
                self._cancel.wait(_RETRY_SECONDS)

    def _why(self, failure: Exception) -> AppError:
        """What a person reads of it. Whatever happens, the service is looked for again."""
        if isinstance(failure, OSError) and (full := disk_full(failure, self._paths.data)):
            return full
        if not isinstance(failure, AppError):
            log.error("the tie to the service broke", exc_info=failure)
            return AppError(ErrorCode.INTERNAL, reason=f"{type(failure).__name__}: {failure}")
        client = self._client
        died = client is not None and has_ended(client.endpoint.pid)
        if died and failure.code is ErrorCode.SERVICE_UNREACHABLE:
            return AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir=str(self._paths.data))
        return failure

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
