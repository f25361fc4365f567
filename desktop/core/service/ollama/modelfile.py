"""What /api/create asks as a Modelfile, and a model as one for those who ask over the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.core.library.entry import ModelEntry
from desktop.core.library.modelfile import ROLES, Command, format_modelfile, parse
from desktop.core.library.recipe import written
from desktop.core.service.api_errors import ApiError

Json = dict[str, Any]

_BLOBS = (
    "Files are not taken in over this API. Put the file into a folder of models, or get it from "
    "the hub, and name the model in “from”."
)
_FILES = ("adapter", "draft")


def commands_of(body: Json) -> tuple[str, list[Command]]:
    """What a request asks to be made.

    Returns: the name of the model it is made from, and all the rest.

    Raises:
        ApiError: 400, also for what would need files of the client's.
        AppError: MODELFILE_INVALID.
    """
    if body.get("files") or body.get("adapters"):
        raise ApiError(400, _BLOBS, code="unsupported")
    if body.get("quantize") or body.get("quantization"):
        raise ApiError(400, "Models are not quantized over this API.", code="unsupported")
    if isinstance(body.get("modelfile"), str):
        found = list(parse(body["modelfile"]))
    else:
        found = [Command("from", _text(body, "from")), *_pieces(body)]
    sources = [command.value for command in found if command.word == "from"]
    if len(sources) != 1 or not sources[0] or any(each.word in _FILES for each in found):
        raise ApiError(
            400, "“from” must name one model of this server, and no files.", param="from"
        )
    return sources[0], [command for command in found if command.word != "from"]


def _pieces(body: Json) -> Iterable[Command]:
    for word in ("template", "system"):
        if text := _text(body, word):
            yield Command(word, text)
    licenses = body.get("license") or []
    for text in [licenses] if isinstance(licenses, str) else licenses:
        yield Command("license", str(text))
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ApiError(400, "“parameters” must be an object.", param="parameters")
    for name, value in parameters.items():
        for one in value if isinstance(value, list) else [value]:
            yield Command("parameter", str(one), str(name))
    messages = body.get("messages") or []
    if not isinstance(messages, list):
        raise ApiError(400, "“messages” must be a list.", param="messages")
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ROLES:
            raise ApiError(400, f"A message has a role: {', '.join(ROLES)}.", param="messages")
        yield Command("message", str(message.get("content") or ""), role)


def text_of(source: ModelEntry, commands: Iterable[Command]) -> str:
    """The Modelfile; its model is named by its id, so that no path of a client's is ever read.

    Raises:
        AppError: MODELFILE_UNUSABLE.
    """
    return format_modelfile([Command("from", source.id), *commands])


def shown_modelfile(entry: ModelEntry, saved: Mapping[str, Any], inside: bool) -> str:
    """A model as a Modelfile.

    Args:
        saved: what is saved for its loads.
        inside: for this machine; else no path of it is told.
    """
    commands = written(entry, saved).commands
    if not inside:
        commands = tuple(_without_path(each, entry) for each in commands)
    return format_modelfile(commands, [f"To make another one of it: FROM {entry.id}"])


def _without_path(command: Command, entry: ModelEntry) -> Command:
    if command.word not in ("from", *_FILES):
        return command
    is_model = command.word == "from" and command.value == str(entry.path)
    return replace(command, value=entry.id if is_model else Path(command.value).name)


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ApiError(400, f"“{name}” must be a text.", param=name)
    return value or ""
