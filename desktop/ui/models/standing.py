"""What is said of models in the engines, wherever they are shown, and what is asked for them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop.core.client.client import Client
from desktop.ui import units

Json = dict[str, Any]


def memory_bytes(models: Iterable[Json]) -> int:
    """What they hold together, of all devices."""
    return sum(each.get("memory_bytes") or 0 for each in models)


def held(models: Iterable[Json]) -> dict[str, Json]:
    """What they hold together, by device: {"CPU": {"weights_bytes": …}, "CUDA0": …}."""
    found: dict[str, Json] = {}
    for model in models:
        for device in model.get("memory") or ():
            sums = found.setdefault(device["name"], {"name": device["name"]})
            for name, value in device.items():
                if name.endswith("_bytes"):
                    sums[name] = sums.get(name, 0) + (value or 0)
    return found


def leaves_at(model: Json) -> float | None:
    """When it leaves if nobody uses it until then, in seconds since 1970; None: it stays."""
    keep = model.get("keep_seconds")
    if model.get("pinned") or keep is None or model["state"] != "ready":
        return None
    return float(model.get("last_used") or time.time()) + float(keep)


def stay(model: Json) -> str:
    """How long a model that answers stays: "Stays until 14:05", "Kept loaded"."""
    if model["state"] != "ready":
        return ""
    if model.get("pinned"):
        return QCoreApplication.translate("Standing", "Kept loaded")
    at = leaves_at(model)
    if at is None:
        return QCoreApplication.translate("Standing", "Stays loaded")
    when = time.localtime(at)
    day = "" if when.tm_yday == time.localtime().tm_yday else units.day(at) + " "
    words = QCoreApplication.translate("Standing", "Stays until {time} if not used")
    return words.format(time=day + time.strftime("%H:%M", when))


def stay_tip(model: Json) -> str:
    """What that means, in a sentence."""
    if model.get("pinned"):
        return QCoreApplication.translate(
            "Standing", "It never makes room for another model and does not leave by itself."
        )
    if leaves_at(model) is None:
        return QCoreApplication.translate(
            "Standing", "It stays until it is unloaded or another model needs its room."
        )
    return QCoreApplication.translate(
        "Standing", "Each use begins its time anew. It leaves earlier if another model needs room."
    )


def left_words(model: Json, reason: str, guest: str) -> str:
    """Why a model left, where nobody asked for it; "" where there is nothing to say."""
    name, keep_seconds = str(model["id"]), model.get("keep_seconds")
    if reason == "room" and guest and guest != name:
        words = QCoreApplication.translate("Standing", "{model} made room for {guest}.")
        return words.format(model=name, guest=guest)
    if reason == "idle" and keep_seconds:
        words = QCoreApplication.translate(
            "Standing", "{model} was not used for {time} and was unloaded."
        )
        return words.format(model=name, time=units.duration(keep_seconds))
    return ""


def restart_words(model: str, seconds: float, why: str) -> str:
    words = QCoreApplication.translate(
        "Standing", "{model} ended by itself and is started again in {time}. {why}"
    )
    return words.format(model=model, time=units.duration(seconds), why=why)


def budget_words(budget: Json) -> str:
    """A warning that a key's budget runs out, or has."""
    if budget["level"] < 100:
        words = QCoreApplication.translate(
            "Standing", "The key “{key}” has used {percent} of its budget."
        )
    elif budget["stop"]:
        words = QCoreApplication.translate(
            "Standing", "The key “{key}” has used up its budget ({percent}) and is refused now."
        )
    else:
        words = QCoreApplication.translate(
            "Standing", "The key “{key}” has used up its budget ({percent})."
        )
    return words.format(key=budget["key"], percent=f"{budget['percent']:.0f} %")


def keep(client: Client, model: str, wanted: bool) -> None:
    """Keep a model loaded from now on, and after each later load; or no longer."""
    client.change_model_settings(model, {"pinned": True if wanted else None})
    client.load(model, pinned=wanted)
