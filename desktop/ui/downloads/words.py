"""What is said of a download: its name, its state in words, its figures, what was decided."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.names import parse_name
from desktop.ui import units
from desktop.ui.messages import Message, message
from desktop.ui.models.downloads import Download, FileProgress, Note, Totals

translate = QCoreApplication.translate

# Errors that end when a person agrees to something at the hub or gives a token.
_GATED = frozenset({ErrorCode.REMOTE_DENIED})


def title(model: str) -> tuple[str, str]:
    """What it is called, and the quant or file: ("Qwen3-8B-GGUF", "Q4_K_M")."""
    name = parse_name(model)
    if name is None:
        return model, ""
    return name.repo.rpartition("/")[2], name.quant or (name.file or "").rpartition("/")[2]


def owner(model: str) -> str:
    name = parse_name(model)
    return "" if name is None else name.repo.partition("/")[0]


def one_line(model: str) -> str:
    """ "Qwen3-8B-GGUF Q4_K_M"."""
    return " ".join(part for part in title(model) if part)


def breakable(text: str) -> str:
    """The same text, which may be broken where a name has its joints."""
    for joint in ("/", "-", "_", ":"):
        text = text.replace(joint, f"{joint}\u200b")
    return text


def stage(download: Download, place: int = 0) -> str:
    """The state in words.

    Args:
        place: where it stands among those that wait, from 1; 0: not told.
    """
    words = {
        "waiting": translate("Downloads", "Waiting for its turn"),
        "paused": translate("Downloads", "Paused"),
        "resolving": translate("Downloads", "Asking the hub for its files"),
        "downloading": translate("Downloads", "Downloading"),
        "checking": translate("Downloads", "Checking what arrived"),
        "adding": translate("Downloads", "Adding it to the library"),
        "done": translate("Downloads", "In your library"),
        "failed": translate("Downloads", "Failed"),
        "cancelled": translate("Downloads", "Cancelled"),
    }
    if download.stage == "waiting" and place == 1:
        return translate("Downloads", "Next in turn")
    return words[download.stage]


def amount(done_bytes: int, total_bytes: int | None) -> str:
    """ "1.9 GiB of 4.7 GiB"."""
    if total_bytes is None:
        return units.size(done_bytes) if done_bytes else ""
    text = translate("Downloads", "{done} of {total}")
    return text.format(done=units.size(done_bytes), total=units.size(total_bytes))


def left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return translate("Downloads", "{time} left").format(time=units.duration(seconds))


def _speed(download: Download) -> str:
    moving = download.stage == "downloading" and download.bytes_per_second is not None
    return units.rate(download.bytes_per_second) if moving else ""


def figures(download: Download) -> str:
    """ "1.9 GiB of 4.7 GiB · 12.4 MiB/s · 4 min left"."""
    parts = [amount(download.done_bytes, download.total_bytes), _speed(download)]
    if download.stage == "downloading":
        parts.append(left(download.seconds_left))
    return joined(parts)


def short_figures(download: Download) -> str:
    """ "40 % · 12.4 MiB/s · 4 min left": where there is little room."""
    share = download.share
    parts = ["" if share is None else percent(share), _speed(download)]
    if download.stage == "downloading":
        parts.append(left(download.seconds_left))
    return joined(parts)


def percent(share: float) -> str:
    """Never 100 before all is there."""
    return f"{min(99, int(share * 100)) if share < 1 else 100} %"


def detail(download: Download) -> str:
    """ "8 connections · checked 1.8 GiB"."""
    parts = []
    if download.stage == "downloading" and download.connections:
        one = translate("Downloads", "1 connection")
        many = translate("Downloads", "{count} connections")
        count = download.connections
        parts.append(one if count == 1 else many.format(count=units.count(count)))
    if download.verified_bytes and download.stage in ("downloading", "checking", "paused"):
        text = translate("Downloads", "checked {size}")
        parts.append(text.format(size=units.size(download.verified_bytes)))
    return joined(parts)


def joined(parts: list[str]) -> str:
    return " · ".join(part for part in parts if part)


def ended(download: Download) -> str:
    """ "4.7 GiB in 6 min", of one that is done."""
    result = download.result or {}
    size, seconds = result.get("size_bytes"), result.get("seconds")
    if size is None:
        return ""
    if not seconds:
        return units.size(size)
    text = translate("Downloads", "{size} in {time}")
    return text.format(size=units.size(size), time=units.duration(seconds))


def file_state(file: FileProgress) -> str:
    return {
        "waiting": translate("Downloads", "waits"),
        "present": translate("Downloads", "was here"),
        "downloading": translate("Downloads", "downloading"),
        "checking": translate("Downloads", "checking"),
        "done": translate("Downloads", "done and checked"),
    }.get(file.state, file.state)


def totals(all_of_it: Totals, *, short: bool = False) -> str:
    """What stands in the status bar: "2 · 43 % · 12.4 MiB/s"; `short`: without the speed."""
    if not all_of_it.count:
        return ""
    share = all_of_it.share
    parts = [units.count(all_of_it.count), "" if share is None else percent(share)]
    if not all_of_it.running and all_of_it.paused == all_of_it.count:
        parts.append(translate("Downloads", "Paused"))
    elif all_of_it.bytes_per_second is not None and not short:
        parts.append(units.rate(all_of_it.bytes_per_second))
    return joined(parts)


def counted(all_of_it: Totals) -> str:
    """ "2 downloads, 43 %"."""
    if all_of_it.count == 1:
        text = translate("Downloads", "1 download")
    else:
        text = translate("Downloads", "{count} downloads").format(count=all_of_it.count)
    return text if all_of_it.share is None else f"{text} · {percent(all_of_it.share)}"


_NOTES: dict[str, object] = {
    "resumed": QT_TRANSLATE_NOOP("Downloads", "{size} of {file} were here already."),
    "present": QT_TRANSLATE_NOOP("Downloads", "{file} was here already."),
    "file_changed": QT_TRANSLATE_NOOP(
        "Downloads", "{file} was replaced at the hub: it is fetched anew."
    ),
    "size_unknown": QT_TRANSLATE_NOOP("Downloads", "The server does not say how large {file} is."),
    "range_ignored": QT_TRANSLATE_NOOP(
        "Downloads", "The server sends {file} only as a whole: a pause would begin it anew."
    ),
    "hash_wrong": QT_TRANSLATE_NOOP(
        "Downloads", "{file} did not arrive as its hash says: it is fetched once more."
    ),
    "damaged": QT_TRANSLATE_NOOP(
        "Downloads", "{file} was here with another size: it is fetched anew."
    ),
    "unverified": QT_TRANSLATE_NOOP(
        "Downloads", "The hub gives no hash for {file}: it could not be checked."
    ),
    "waits_busy": QT_TRANSLATE_NOOP("Downloads", "The server asks to wait {time}."),
    "waits_network": QT_TRANSLATE_NOOP("Downloads", "Waiting for the network: {reason}"),
    "waits_other": QT_TRANSLATE_NOOP(
        "Downloads", "Another program is fetching {file}: waiting for it."
    ),
    "no_links": QT_TRANSLATE_NOOP(
        "Downloads", "Links cannot be made in that folder: {file} lies there itself."
    ),
}
_MOST_NOTES = 3


def notes(download: Download) -> list[str]:
    """What was decided on the way, the newest last. That it waits is told only while it does."""
    waits = not download.bytes_per_second and download.stage == "downloading"
    shown = []
    for number, told in enumerate(download.notes):
        last = number == len(download.notes) - 1
        if told.code.startswith("waits_") and not (last and waits):
            continue
        text = note(told)
        if text and text not in shown:
            shown.append(text)
    return shown[-_MOST_NOTES:]


def note(told: Note) -> str:
    """One of them; empty where this window has no words for it."""
    if told.code not in _NOTES:
        return ""
    params: dict[str, Any] = dict(told.params)
    if "seconds" in params:
        params["time"] = units.duration(float(params["seconds"]))
    if "bytes" in params:
        params["size"] = units.size(float(params["bytes"]))
    if "path" in params:
        params["file"] = str(params["path"]).rpartition("/")[2]
    try:
        return translate("Downloads", str(_NOTES[told.code])).format_map(params)
    except KeyError:
        return ""


def failure(error: AppError) -> Message:
    """Title, cause and remedy; a reason that the service gives in English is said anew where its
    figures are there."""
    needed, free = error.params.get("needed_bytes"), error.params.get("free_bytes")
    if error.code is ErrorCode.DISK_FULL and needed is not None and free is not None:
        text = translate("Downloads", "The download needs {needed} more, and {free} are free.")
        reason = text.format(needed=units.size(needed), free=units.size(free))
        error = AppError(error.code, **{**error.params, "reason": reason})
    return message(error)


def wants_consent(error: AppError | None) -> bool:
    """Whether the repository asks for an agreement, or for a token."""
    return error is not None and error.code in _GATED
