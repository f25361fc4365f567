"""From a Modelfile's commands to a model's settings, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.library.adopt.parameters import left_out, take_over, to_parameters
from desktop.core.library.cards import STOP, Card
from desktop.core.library.entry import ModelEntry
from desktop.core.library.given import Given, LeftOut
from desktop.core.library.modelfile import Command, quoted

_NOT_OURS = {
    "renderer": "It is a part of Ollama itself.",
    "parser": "It is a part of Ollama itself.",
    "requires": "It names a version of Ollama.",
}


@dataclass(frozen=True)
class Recipe:
    """What a Modelfile says.

    Attributes:
        sources: the values of its FROM lines: the model, then a projector.
        adapters, draft: as they are written: paths, relative to the Modelfile.
        given: all the rest.
    """

    sources: tuple[str, ...]
    adapters: tuple[str, ...]
    draft: str | None
    given: Given


def recipe_of(commands: Iterable[Command]) -> Recipe:
    """The recipe of a parsed Modelfile. Of commands that can stand once the last one counts."""
    listed: dict[str, list[Command]] = {}
    for command in commands:
        listed.setdefault(command.word, []).append(command)

    def values(word: str) -> list[str]:
        return [command.value for command in listed.get(word, ())]

    parameters: dict[str, Any] = {}
    for command in listed.get("parameter", ()):
        if command.name == STOP:
            parameters.setdefault(STOP, []).append(command.value)
        else:
            parameters[command.name] = command.value
    taken = take_over(parameters)
    left = list(taken.left_out)
    card = Card()
    for name, value in (
        ("system", "".join(values("system")[-1:])),
        ("license", "\n\n".join(values("license"))),
        (
            "messages",
            [{"role": each.name, "content": each.value} for each in listed.get("message", ())],
        ),
        ("sampling", taken.sampling),
    ):
        try:
            card = card.changed({name: value or None})
        except AppError as error:
            left.append(left_out(name.upper(), value, error.cause))
    left += [
        left_out(word.upper(), value, reason)
        for word, reason in _NOT_OURS.items()
        for value in values(word)
    ]
    return Recipe(
        sources=tuple(values("from")),
        adapters=tuple(values("adapter")),
        draft=next(iter(values("draft")[-1:]), None),
        given=Given(
            card=card,
            defaults=taken.defaults,
            template="".join(values("template")[-1:]),
            left_out=tuple(left),
        ),
    )


def inherited(own: Given, base: ModelEntry) -> Given:
    """A variant's settings over those of what it is made from, as `ollama create` has it: what a
    person noted of the model for themselves stays behind."""
    theirs = base.card.changed({"notes": None, "tags": None, "hidden": None})
    return Given(
        names=own.names,
        card=own.card.over(theirs),
        defaults={**base.given.defaults, **own.defaults},
        template=own.template or base.given.template,
        left_out=own.left_out,
        mmproj=own.mmproj,
    )


# --- and back


@dataclass(frozen=True)
class Written:
    """A model as a Modelfile's commands.

    Attributes:
        left_out: what no Modelfile can say.
    """

    commands: tuple[Command, ...]
    left_out: tuple[LeftOut, ...]


def written(entry: ModelEntry, saved: Mapping[str, Any]) -> Written:
    """The commands that make the model, for Ollama or for another Paddock.

    Args:
        saved: what is saved for its loads, by the names of `LoadRequest`.
    """
    load = {**entry.load_defaults, **saved}
    found = [Command("from", str(entry.path))]
    left: list[LeftOut] = []
    projector = load.pop("mmproj", None) or entry.mmproj
    if projector not in (None, "none"):
        found.append(Command("from", str(projector)))
    for adapter in load.pop("adapters", ()):
        found.append(Command("adapter", str(adapter["path"])))
        if float(adapter.get("scale", 1.0)) != 1.0:
            left.append(left_out("adapter scale", adapter["scale"], "Ollama knows none."))
    draft = load.pop("draft", None)
    if draft not in (None, "none"):
        if Path(draft).is_absolute():
            found.append(Command("draft", draft))
        else:
            left.append(left_out("draft", draft, "It is named by an id, not by its file."))
    card, template = entry.card, entry.given.template
    if template:
        found.append(Command("template", template))
    if card.template:
        left.append(left_out("template", "…", "It is in Jinja; a Modelfile's is in Go."))
    if card.system:
        found.append(Command("system", card.system))
    found += [
        Command("parameter", value, name) for name, value in to_parameters(load, card.sampling)
    ]
    found += [Command("message", each["content"], each["role"]) for each in card.messages]
    if card.license:
        found.append(Command("license", card.license))
    left += [
        left_out(name, value, "A Modelfile has no such parameter.")
        for name, value in load.items()
        if name not in ("context_tokens", "gpu_layers")
    ]
    if len(entry.shard_paths) > 1:
        left.append(left_out("parts", len(entry.shard_paths), "FROM names the first of them."))
    writable, unwritable = [], []
    for command in found:
        try:
            quoted(command.value)
        except AppError as error:
            unwritable.append(left_out(command.word.upper(), "…", error.cause))
        else:
            writable.append(command)
    return Written(tuple(writable), (*left, *unwritable))
