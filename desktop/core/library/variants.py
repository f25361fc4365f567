"""Variants: one file under a second name, with settings of its own.

Ollama's Modelfiles make them: the same weights with another system prompt, other sampling, an
adapter. A variant is an entry of the library like any other; what is kept by fingerprint (its id,
card, saved settings) is its own, because its fingerprint names both the content and the variant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from desktop.core.library.cards import Card
from desktop.core.library.given import Given, LeftOut

if TYPE_CHECKING:
    from desktop.core.library.entry import ModelEntry

_MARK = "~"


@dataclass(frozen=True)
class Variant:
    """A variant that was made here, out of a Modelfile.

    Attributes:
        content: the fingerprint of the model it is one of.
    """

    name: str
    content: str
    given: Given

    def to_document(self) -> dict[str, Any]:
        """What is stored of its settings."""
        return {
            "card": self.given.card.to_document(),
            "defaults": dict(self.given.defaults),
            "template": self.given.template,
            "left_out": [each.to_dict() for each in self.given.left_out],
        }

    @classmethod
    def from_document(cls, name: str, content: str, document: Mapping[str, Any]) -> Variant:
        """The inverse; what another version stored and this one cannot use is left out."""
        card, defaults = document.get("card"), document.get("defaults")
        left = document.get("left_out")
        return cls(
            name,
            content,
            Given(
                names=(name,),
                card=Card.from_document(card if isinstance(card, dict) else {}),
                defaults=defaults if isinstance(defaults, dict) else {},
                template=str(document.get("template") or ""),
                left_out=tuple(
                    LeftOut(str(each.get("name")), str(each.get("value")), str(each.get("reason")))
                    for each in (left if isinstance(left, list) else ())
                    if isinstance(each, dict)
                ),
            ),
        )


def fingerprint_of_variant(content: str, name: str) -> str:
    """The fingerprint of a variant, from that of its content; empty where that is not known."""
    if not content:
        return ""
    return f"{content}{_MARK}{hashlib.sha256(name.lower().encode()).hexdigest()[:12]}"


def content_of(fingerprint: str) -> str:
    """The fingerprint of the bytes, also where it is a variant's."""
    return fingerprint.partition(_MARK)[0]


def with_variants(entries: Sequence[ModelEntry], variants: Iterable[Variant]) -> list[ModelEntry]:
    """The entries, and behind them the variants of those that are there."""
    models = {
        entry.fingerprint: entry
        for entry in entries
        if entry.variant is None and entry.kind == "model"
    }
    names = {entry.variant.lower() for entry in entries if entry.variant is not None}
    added = []
    for variant in variants:
        base = models.get(variant.content)
        if base is not None and variant.name.lower() not in names:
            added.append(variant_entry(base, variant.name, variant.given))
    return [*entries, *added]


def variant_entry(base: ModelEntry, name: str, given: Given) -> ModelEntry:
    """A model's entry as that of its variant: no repository's any more, and no copy's."""
    return replace(
        base,
        id="",
        fingerprint=fingerprint_of_variant(base.fingerprint, name),
        variant=name,
        given=replace(given, app=given.app or base.app),
        mmproj=given.mmproj or base.mmproj,
        repo=None,
        revision=None,
        repo_file=None,
        copies=(),
        copy_files=(),
    )


def linked(entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    """The entries, each variant with the id of the model it is one of."""
    ids = {entry.fingerprint: entry.id for entry in entries if entry.variant is None}
    return [
        entry
        if entry.variant is None
        else replace(entry, variant_of=ids.get(content_of(entry.fingerprint)))
        for entry in entries
    ]
