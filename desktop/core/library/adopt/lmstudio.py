"""LM Studio's settings of a model: one JSON file for each, named after the model's place.

Source: "Per-model defaults" of LM Studio's documentation, and the names of the fields in
`lms-kv-config` of lmstudio-ai/lmstudio.js. The file lies at
HOME/.internal/user-concrete-model-default-config/PUBLISHER/REPOSITORY/FILE.gguf.json; a value that
can be switched off is {"checked", "value"}.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.library.adopt.collected import OWN_TEMPLATE, Collected
from desktop.core.library.adopt.smallfile import read_json
from desktop.core.library.given import Given

_FOLDER = Path(".internal") / "user-concrete-model-default-config"
_PREDICTION, _LOAD = "llm.prediction.", "llm.load."
_SAMPLING = {
    "temperature": "temperature",
    "topKSampling": "top_k",
    "topPSampling": "top_p",
    "minPSampling": "min_p",
    "repeatPenalty": "repeat_penalty",
    "maxPredictedTokens": "max_tokens",
    "stopStrings": "stop",
    "seed": "seed",
    "llama.frequencyPenalty": "frequency_penalty",
    "llama.presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
}
_NUMBERS = {"contextLength": "context_tokens", "numParallelSessions": "slots"}
_CACHE = ("llama.kCacheQuantizationType", "llama.vCacheQuantizationType")


def given_for(file: Path, models: Path, home: Path) -> Given:
    """What LM Studio says of a model's file.

    Args:
        models: the folder it is in; the file's place in it is the model's name.
        home: of LM Studio.
    """
    place = file.relative_to(models)
    name = place.as_posix()
    collected = Collected()
    try:
        settings = read_json(home / _FOLDER / place.with_name(f"{place.name}.json"))
    except AppError:
        return collected.given("lmstudio", (name,))
    kept: dict[str, Any] = {}
    for key, value in _fields(settings):
        if key.startswith(_PREDICTION):
            _prediction(key.removeprefix(_PREDICTION), value, collected)
        elif key.startswith(_LOAD):
            kept[key.removeprefix(_LOAD)] = value
        else:
            collected.left(key, value)
    for key, value in kept.items():
        if key in _NUMBERS:
            collected.load(key, _NUMBERS[key], value)
        elif key not in _CACHE:
            collected.left(key, value)
    collected.kv_type("KV cache", *(kept.get(name) for name in _CACHE))
    return collected.given("lmstudio", (name,))


def _fields(settings: Any) -> Iterator[tuple[str, Any]]:
    """Every field that is switched on."""
    for part in ("operation", "load"):
        section = settings.get(part) if isinstance(settings, dict) else None
        fields = section.get("fields") if isinstance(section, dict) else None
        for field in fields if isinstance(fields, list) else ():
            if not isinstance(field, dict) or not isinstance(field.get("key"), str):
                continue
            value = field.get("value")
            if isinstance(value, dict) and "checked" in value:
                if not value["checked"]:
                    continue
                value = value.get("value")
            if value not in (None, "", []):
                yield field["key"], value


def _prediction(key: str, value: Any, collected: Collected) -> None:
    if key in _SAMPLING:
        collected.sample(key, _SAMPLING[key], value)
    elif key == "systemPrompt":
        collected.system(key, value)
    elif key == "promptTemplate":
        collected.left(key, "…", OWN_TEMPLATE)
    else:
        collected.left(key, value)
