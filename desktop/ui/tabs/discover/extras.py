"""What comes with a model when it is downloaded: its projector, and a draft where one is known."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.fit.catalog import Catalog
from desktop.core.hub.drafts import suggested_draft
from desktop.ui.tabs.discover.cards import Card


@dataclass(frozen=True)
class Extras:
    """Attributes:
    projector_bytes: of the file through which it sees or hears; None where it has none.
    draft: the name of a small model that can propose tokens for it; empty where none is known.
    draft_bytes: of that one's smallest file, about.
    """

    projector_bytes: int | None = None
    draft: str = ""
    draft_bytes: int | None = None


def extras_of(card: Card, quant: str, catalog: Catalog) -> Extras:
    """For a card's file."""
    option = next((o for o in card.candidate.options if o.quant_type == quant), None)
    if option is None or "://" in card.repository:
        return Extras()
    found = suggested_draft(catalog, card.repository, option.size.value)
    if found is None:
        return Extras(_projector_bytes(card, quant))
    size = found.model.size(found.quant_types[0])
    return Extras(
        _projector_bytes(card, quant), found.model.name, None if size is None else size.value
    )


def _projector_bytes(card: Card, quant: str) -> int | None:
    if card.hub is None:
        row = card.candidate.row
        return None if row is None else row.mmproj_bytes
    from desktop.core.hub.wanted import projector_of  # the network's modules take their time

    for each in card.hub.quants:
        if each.label == quant:
            eyes = projector_of(card.hub.listing, each.files)
            return None if eyes is None else eyes.size_bytes
    return None
