"""What Discover says around its cards: why there are none, what to do first, what was counted."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from desktop.core.events import Progress
from desktop.ui import units
from desktop.ui.messages import message
from desktop.ui.tabs.discover.presenter import DiscoverPresenter


@dataclass(frozen=True)
class Notice:
    """Attributes:
    does: what its button does: "dismiss", "machine", "again", "clear", "widen", "hub" or "".
    """

    title: str
    text: str = ""
    action: str = ""
    kind: str = "info"
    does: str = ""


translate = QCoreApplication.translate


def banner(presenter: DiscoverPresenter) -> Notice | None:
    """What lasts and should be known first."""
    error, world = presenter.lookup.error, presenter.world
    if error is not None and presenter.lookup.repository is None and not presenter.search.active:
        words = message(error)
        close = translate("DiscoverPage", "Close")
        return Notice(words.title, words.text, close, "error", "dismiss")
    if world is not None and world.gpu_unused:
        return Notice(
            translate("DiscoverPage", "The engine in use cannot drive this machine's GPU"),
            translate("DiscoverPage", "The figures here are those with an engine that can."),
            translate("DiscoverPage", "Choose an engine"),
            "warning",
            "machine",
        )
    if world is not None and not world.speed_known:
        return Notice(
            translate("DiscoverPage", "How fast this machine computes is not known yet"),
            translate(
                "DiscoverPage", "A calibration takes less than a minute and downloads nothing."
            ),
            translate("DiscoverPage", "Calibrate"),
            "info",
            "machine",
        )
    return None


def nothing(presenter: DiscoverPresenter) -> Notice:
    """Why no card is shown."""
    if presenter.trouble is not None:
        again = translate("DiscoverPage", "Try again")
        return Notice(message(presenter.trouble).line, action=again, does="again")
    if not presenter.ranked:
        return Notice(translate("DiscoverPage", "Working out what runs on this machine…"))
    if presenter.filter.text:
        text = translate("DiscoverPage", "No model of the catalogue is called “{text}”.")
        return Notice(
            text.format(text=presenter.filter.text),
            action=translate("DiscoverPage", "Search Hugging Face"),
            does="hub",
        )
    if not any(card.choice for card in presenter.cards):
        return Notice(
            translate("DiscoverPage", "None of these models fits into this machine's memory."),
            action=translate("DiscoverPage", "Show them all"),
            does="widen",
        )
    runs = translate("DiscoverPage", "Show what runs here")
    if presenter.filter.fits == "gpu" and presenter.world and not presenter.world.place.gpus:
        text = translate("DiscoverPage", "This machine has no GPU that models could lie on.")
        return Notice(text, action=runs, does="widen")
    text = translate("DiscoverPage", "No model is like that on this machine.")
    return Notice(text, action=runs, does="widen")


def counted(presenter: DiscoverPresenter) -> str:
    """What is shown of how many, and how old that is."""
    world = presenter.world
    if world is None or not presenter.ranked:
        return ""
    catalog = world.shelf.catalog
    text = translate(
        "DiscoverPage",
        "{shown} of {all} models. Catalogue of {date}, its sizes of {sizes} and rounded. "
        "{unjudged} more cannot be judged before a file of theirs is read.",
    )
    return text.format(
        shown=units.count(len(presenter.shown)),
        all=units.count(len(presenter.cards)),
        date=catalog.collected.isoformat(),
        sizes=catalog.sizes_collected.isoformat(),
        unjudged=units.count(presenter.unjudged),
    )


def how_far(progress: Progress | None) -> tuple[float | None, str]:
    """How far a header was read: 0..1, and figures."""
    if progress is None or not progress.done:
        return None, ""
    if progress.total:
        figures = f"{units.size(progress.done)} / {units.size(progress.total)}"
        return progress.done / progress.total, figures
    return None, units.size(progress.done)
