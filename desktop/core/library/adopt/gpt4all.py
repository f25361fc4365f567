"""GPT4All's settings: one INI file as Qt writes it, with a section for each model that was changed.

Source: `gpt4all-chat/src/mysettings.cpp` and `modellist.cpp` of nomic-ai/gpt4all: the section is
called "model-" and the model's id, which is its file name, or its name in the list of models beside
the settings; `filename` stands in it for models that are in no list. Format: Qt's documentation of
`QSettings::IniFormat`.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from desktop.core.errors import AppError
from desktop.core.library.adopt.collected import OWN_TEMPLATE, Collected
from desktop.core.library.adopt.smallfile import read_json, read_text
from desktop.core.library.given import Given

INCOMPLETE = "incomplete-"  # in front of the name of a file that is being downloaded
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,6}|.)", re.DOTALL)
_SAMPLING = {
    "temperature": "temperature",
    "topP": "top_p",
    "minP": "min_p",
    "topK": "top_k",
    "repeatPenalty": "repeat_penalty",
    "repeatPenaltyTokens": "repeat_last_n",
    "maxLength": "max_tokens",
}
_LOAD = {"contextLength": "context_tokens", "gpuLayers": "gpu_layers"}
_DESCRIBE = frozenset(
    {
        *("name", "filename", "description", "url", "quant", "type", "isClone", "isDiscovered"),
        *("likes", "downloads", "recency"),
    }
)
_TEMPLATES = frozenset({"promptTemplate", "chatTemplate"})

Sections = Mapping[str, Mapping[str, str]]


def read_settings(path: Path) -> Sections:
    """The sections of the settings; none where there are no settings that can be read."""
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=(";",), strict=False, empty_lines_in_values=False
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(read_text(path))
    except (AppError, configparser.Error):
        return {}
    return {
        unquote(section): {unquote(name): _plain(value) for name, value in parser[section].items()}
        for section in parser.sections()
    }


def _plain(value: str) -> str:
    """A value without Qt's quotes and escapes."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "x" and len(code) > 1:
            number = int(code[1:], 16)
            return chr(number) if number < 0x110000 else ""
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(one, value)


def models_folder(settings: Path) -> Path | None:
    """The folder chosen for models; None where none was."""
    text = read_settings(settings).get("General", {}).get("modelPath", "")
    path = Path(text) if text and "\0" not in text else None
    return path if path is not None and path.is_absolute() else None


def given_for(file: Path, folder: Path) -> Given:
    """What the settings in `folder` say of a model's file."""
    section = _section(read_settings(folder / "GPT4All.ini"), file.name, folder)
    collected = Collected()
    for name, text in section.items():
        value = _number(text)
        if name in _SAMPLING:
            collected.sample(name, _SAMPLING[name], value)
        elif name in _LOAD:
            collected.load(name, _LOAD[name], value)
        elif name == "systemMessage":
            collected.system(name, text)
        elif name == "systemPrompt":
            reason = "It is written in the marks of one model's template."
            collected.left(name, text, reason)
        elif name in _TEMPLATES:
            collected.left(name, text, OWN_TEMPLATE)
        elif name not in _DESCRIBE:
            collected.left(name, text)
    name = section.get("name") or file.stem
    return collected.given("gpt4all", (name,))


def _section(sections: Sections, filename: str, folder: Path) -> Mapping[str, str]:
    """The one section about a file; of several, copies of one model, none is meant."""
    ids = {filename, *_listed_names(folder / "models.json", filename)}
    found = [
        values
        for name, values in sections.items()
        if name.startswith("model-")
        and (name.removeprefix("model-") in ids or values.get("filename") == filename)
    ]
    own = [values for values in found if values.get("isClone") != "true"]
    return own[0] if len(own) == 1 else {}


def _listed_names(listing: Path, filename: str) -> list[str]:
    try:
        listed: Any = read_json(listing, 4 << 20)
    except AppError:
        return []
    return [
        str(each.get("name"))
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and each.get("filename") == filename
    ]


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
