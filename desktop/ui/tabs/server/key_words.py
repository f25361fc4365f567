"""What a key may do, in words."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop.ui import units

Json = dict[str, Any]
translate = QCoreApplication.translate


def limits(policy: Json) -> list[str]:
    """Each limit of a key as a few words; empty where it may do everything."""
    get = policy.get
    found = []
    if get("models"):
        words = translate("KeyWords", "models: {names}")
        found.append(words.format(names=", ".join(get("models", ()))))
    if get("routes"):
        words = translate("KeyWords", "routes: {names}")
        found.append(words.format(names=", ".join(get("routes", ()))))
    for name, words in (
        (
            "requests_per_minute",
            translate("KeyWords", "{count} requests a minute"),
        ),
        ("tokens_per_minute", translate("KeyWords", "{count} tokens a minute")),
        ("tokens_per_day", translate("KeyWords", "{count} tokens a day")),
        ("concurrent", translate("KeyWords", "{count} at the same time")),
    ):
        if get(name):
            found.append(words.format(count=f"{get(name):,}"))
    if budget := get("budget"):
        periods = {
            "day": translate("KeyWords", "a day"),
            "month": translate("KeyWords", "a month"),
            "total": translate("KeyWords", "in all"),
        }
        unit = translate("KeyWords", "tokens") if budget["unit"] == "tokens" else ""
        words = translate("KeyWords", "budget {amount} {unit} {period}")
        amount = f"{budget['amount']:,.10g}"
        told = words.format(amount=amount, unit=unit, period=periods[budget["period"]])
        found.append(" ".join(told.split()))
    if get("private_cache"):
        found.append(translate("KeyWords", "private cache"))
    if get("exact_cache"):
        found.append(translate("KeyWords", "repeats from the table"))
    if get("overflow") == "drop_oldest":
        found.append(translate("KeyWords", "drops the oldest turns"))
    return found


def ends(policy: Json) -> str:
    """When a key ends; "" where it does not."""
    at = policy.get("expires")
    if at is None:
        return ""
    if at <= time.time():
        words = translate("KeyWords", "ended on {day}")
    else:
        words = translate("KeyWords", "until {day}")
    return words.format(day=units.day(at))


def used(key: Json) -> str:
    """What a key has used today, and when it was used last."""
    now, last = key.get("now") or {}, key.get("last_used")
    if last is None:
        return translate("KeyWords", "never used")
    parts = []
    if now.get("tokens_today"):
        words = translate("KeyWords", "{count} tokens today")
        parts.append(words.format(count=units.about(now["tokens_today"])))
    if now.get("concurrent"):
        words = translate("KeyWords", "{count} in progress")
        parts.append(words.format(count=now["concurrent"]))
    words = translate("KeyWords", "last used {day}")
    parts.append(words.format(day=units.day(last)))
    return " · ".join(parts)
