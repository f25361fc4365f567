"""What another program says of a model of its own: read anew at each look, never stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from desktop.core.library.cards import Card

App = Literal["ollama", "lmstudio", "jan", "gpt4all", "llama.cpp"]
APPS: tuple[App, ...] = get_args(App)
TITLES: dict[App, str] = {
    "ollama": "Ollama",
    "lmstudio": "LM Studio",
    "jan": "Jan",
    "gpt4all": "GPT4All",
    "llama.cpp": "llama.cpp",
}


@dataclass(frozen=True)
class LeftOut:
    """A setting of the other program that has no counterpart here, and why."""

    name: str
    value: str
    reason: str

    def to_dict(self) -> dict[str, str]:
        return dict(vars(self))


@dataclass(frozen=True)
class Given:
    """What came along with a file.

    Attributes:
        app: whose file it is; None: nobody's we know.
        names: what the program calls the model, the name it shows first.
        card: its system prompt, sampling, messages, licence.
        defaults: how it loads it, by the names of `LoadRequest`, as JSON.
        template: Ollama's template, in the language of Go: kept for export, of no use here.
        left_out: what could not be taken over.
        mmproj: the projector it puts to the model.
    """

    app: App | None = None
    names: tuple[str, ...] = ()
    card: Card = field(default_factory=Card)
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)
    template: str = ""
    left_out: tuple[LeftOut, ...] = ()
    mmproj: Path | None = None

    def joined(self, other: Given) -> Given:
        """This one's word, then the other's: the same file was found in a second place."""
        names = dict.fromkeys((*self.names, *other.names))
        said = self if self.says_something else other
        return replace(said, app=self.app, names=tuple(names), mmproj=self.mmproj or other.mmproj)

    def fitted(self, trained: int | None, layers: int | None) -> Given:
        """Without what this model cannot be: it would be refused, or mean something else here.

        Args:
            trained: the context the model was trained for, in tokens; layers: how many it has.
        """
        defaults, left = dict(self.defaults), list(self.left_out)
        context, on_gpu = defaults.get("context_tokens"), defaults.get("gpu_layers")
        if trained is not None and isinstance(context, int) and context > trained:
            reason = f"The model was trained for {trained:,} tokens, which is used."
            left.append(LeftOut("context", f"{context:,}", reason))
            defaults["context_tokens"] = trained
        if layers is not None and isinstance(on_gpu, int) and on_gpu > layers:
            reason = "It means all of them: Paddock puts as many on the GPU as fit."
            left.append(LeftOut("GPU layers", str(on_gpu), reason))
            del defaults["gpu_layers"]
        return replace(self, defaults=defaults, left_out=tuple(left))

    @property
    def says_something(self) -> bool:
        return bool(self.card != Card() or self.defaults or self.template or self.left_out)
