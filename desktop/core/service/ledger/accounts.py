"""What the service keeps of requests, put together: ledger, budgets, their warnings, repeats."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from desktop.core.db import Database
from desktop.core.paths import Paths
from desktop.core.service.exact_cache import ExactCache
from desktop.core.service.keys import KeyStore
from desktop.core.service.ledger.budgets import BudgetGate, Budgets
from desktop.core.service.ledger.ledger import Ledger
from desktop.core.service.ledger.routes import LedgerRoutes
from desktop.core.service.ledger.webhook import Webhook
from desktop.core.service.requests import RequestRecord
from desktop.core.settings import Settings


class Accounts:
    """Lives on the service's event loop.

    Attributes:
        gate: keeps out keys whose budget is used up.
    """

    def __init__(
        self,
        where: Paths,
        database: Database,
        keys: KeyStore,
        settings: Callable[[], Settings],
        publish: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._publish = publish
        self._keys = keys
        self.ledger = Ledger(where.database, settings, publish)
        self.budgets = Budgets(
            keys.policy,
            currency=lambda: settings().prices.currency,
            keep=self.ledger.keep_warning,
            tell=self._warn,
        )
        self.gate = BudgetGate(self.budgets)
        self.exact_cache = ExactCache(
            database, where.data / "exact_cache.key", lambda: settings().server
        )
        self._webhook = Webhook(lambda: settings().server.budget_webhook)

    def note(self, record: RequestRecord) -> None:
        """A request has ended."""
        self.ledger.note(record)
        self.budgets.note(record)

    def keep_texts(self) -> bool:
        """Whether what is asked and answered is to be kept."""
        return self._settings().ledger.store_prompts

    async def remember(self) -> None:
        """Read what was used before this run; keys with a budget wait for it."""
        self.budgets.remember(*await asyncio.to_thread(self.ledger.spent))

    def _warn(self, document: dict[str, Any]) -> None:
        self._publish("budget.warning", document)
        self._webhook.tell({"event": "budget.warning", "time": time.time(), **document})

    def routes(self, prefix: str) -> list[web.RouteDef]:
        parts = LedgerRoutes(self.ledger, self.budgets, self.exact_cache, self._key_names)
        return parts.routes(prefix)

    def _key_names(self) -> list[str]:
        return [key.name for key in self._keys.list()]

    async def close(self) -> None:
        """Store what waits and end."""
        await self._webhook.close()
        await self.exact_cache.close()
        await asyncio.to_thread(self.ledger.close)
