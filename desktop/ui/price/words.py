"""A price in words: what binds, where figures come from, what the next choices would do."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from desktop.core.errors import AppError
from desktop.core.fit.estimate import HOST
from desktop.core.fit.quality import Loss
from desktop.core.fit.speed import SpeedFigure
from desktop.core.fit.trial import Price
from desktop.ui import units
from desktop.ui.messages import message
from desktop.ui.widgets.badge import badge_word

translate = QCoreApplication.translate


def device_name(name: str, description: str = "") -> str:
    """A device as people call it."""
    if name == HOST:
        return translate("Price", "Memory (RAM)")
    return description or name


def mark(figure: SpeedFigure) -> str:
    return "✓" if figure.source == "measured" else "~"


def band(figure: SpeedFigure) -> str:
    """ "34–43": whole numbers where that says enough."""
    digits = 1 if figure.low < 10 else 0
    return f"{figure.low:,.{digits}f}–{figure.high:,.{digits}f}"


def rate(figure: SpeedFigure) -> str:
    """ "~38 (34–43)"."""
    return f"{mark(figure)}{rate_value(figure)} ({band(figure)})"


def rate_value(figure: SpeedFigure) -> str:
    return f"{figure.value:,.{1 if figure.value < 10 else 0}f}"


def speed_source(figure: SpeedFigure) -> str:
    return {
        "measured": translate("Price", "Speed: measured here with this model."),
        "calibrated": translate("Price", "Speed: from this machine's calibration."),
        "seed_table": translate("Price", "Speed: from what others measured on such devices."),
    }[figure.source]


def memory_source(price: Price) -> str:
    if price.exact:
        return translate("Price", "Memory: the engine's own plan for this file.")
    if price.estimate is not None and price.estimate.notes:
        return translate("Price", "Memory: estimated from the catalogue's figures of this model.")
    return translate("Price", "Memory: estimated from the file's header.")


def size(price: Price, size_bytes: int) -> str:
    """With a tilde where it is the formula's."""
    text = units.size(size_bytes)
    return text if price.exact else f"~{text}"


def binding(price: Price) -> str:
    """What limits: the fullest device, with its figures."""
    lack = price.binding
    if lack is None:
        return translate("Price", "Only the engine can tell what this model takes.")
    text = (
        translate("Price", "{device} is too small: {need} needed, {room} can be used.")
        if lack.need_bytes > lack.room_bytes
        else translate("Price", "{device} sets the limit: {need} of {room} that can be used.")
    )
    return text.format(
        device=device_name(lack.name, lack.description),
        need=size(price, lack.need_bytes),
        room=units.size(lack.room_bytes),
    )


def missing(size_bytes: int) -> str:
    """By how much a device is too small."""
    return translate("Price", "{size} too little").format(size=units.size(size_bytes))


def settings_change(price: Price, other: Price) -> str:
    """What `other` does otherwise than `price`."""
    now, then = price.settings, other.settings
    found = []
    if then.slots != now.slots:
        many = translate("Price", "{count} slots").format(count=then.slots)
        found.append(translate("Price", "1 slot") if then.slots == 1 else many)
    if then.kv_type_k != now.kv_type_k:
        found.append(translate("Price", "KV cache in {type}").format(type=then.kv_type_k))
    if then.context_tokens != now.context_tokens:
        tokens = units.count(then.context_tokens)
        found.append(translate("Price", "{tokens} tokens of context").format(tokens=tokens))
    return " · ".join(found)


def outcome(price: Price, other: Price) -> str:
    """What `other` needs more or less, where it would lie, and how fast it would be."""
    more = other.total_bytes - price.total_bytes
    text = translate("Price", "{size} more") if more >= 0 else translate("Price", "{size} less")
    found = [text.format(size=f"~{units.size(abs(more))}"), badge_word(other.verdict or "")]
    if other.verdict != "wont_fit" and other.speed.decode is not None:
        found.append(translate("Price", "{rate} tok/s").format(rate=rate(other.speed.decode)))
    return translate("Price", ", ").join(part for part in found if part)


def next_choice(price: Price, other: Price, what: str = "") -> str:
    """ "16,384 tokens of context: ~0.6 GiB more, Full GPU, ~37 (33–41) tok/s"."""
    change = what or settings_change(price, other)
    text = translate("Price", "{change}: {outcome}")
    return text.format(change=change, outcome=outcome(price, other))


def problem_line(error: AppError) -> str:
    return message(error).line


# --- quality --------------------------------------------------------------------------------------


def loss_word(loss: Loss) -> str:
    return {
        "near_lossless": translate("Price", "next to nothing"),
        "good": translate("Price", "little"),
        "visible": translate("Price", "visible"),
        "strong": translate("Price", "much"),
        "broken": translate("Price", "too much"),
    }[loss.level]


def loss_figure(loss: Loss) -> str:
    """How often the most likely token stays the same, with the mark of its source."""
    sign = "✓" if loss.same_top_rate.source == "measured" else "~"
    return f"{sign}{100 * loss.same_top_rate.value:.0f} %"


def loss_source(loss: Loss) -> str:
    """The figure with its band, and where it comes from."""
    top = loss.same_top_rate
    text = (
        translate(
            "Price",
            "The most likely token is the original model's in {value} of all cases, measured here.",
        )
        if top.source == "measured"
        else translate(
            "Price",
            "The most likely token stays the original model's in {value} of all cases "
            "({low} to {high} %). Expected from published measurements of other models.",
        )
    )
    return text.format(
        value=loss_figure(loss), low=f"{100 * top.low:.0f}", high=f"{100 * top.high:.0f}"
    )
