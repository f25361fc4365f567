"""Names as Ollama spells them: `[host/][namespace/]model[:tag]`.

Source: `types/model/name.go` and `manifest/paths.go` of ollama/ollama (which characters a part may
have, what is filled in, which hosts mean its own registry).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

HOST = "registry.ollama.ai"
NAMESPACE = "library"
TAG = "latest"
_OWN_HOSTS = frozenset({HOST, "ollama.com"})
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_PARTS = (
    re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}"),  # the host; it may have a port
    re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}"),
    re.compile(_PART),
    re.compile(_PART),
)


@dataclass(frozen=True)
class OllamaName:
    """A name with all its parts."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def shown(self) -> str:
        """As `ollama list` shows it: without its own registry and library, with the tag."""
        parts = [self.host, self.namespace, self.model]
        if self.host == HOST:
            parts.pop(0)
            if self.namespace.lower() == NAMESPACE:
                parts.pop(0)
        return f"{'/'.join(parts)}:{self.tag}"

    @property
    def key(self) -> str:
        """The same for every spelling of the name."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}".lower()


def name_of_parts(parts: Sequence[str]) -> OllamaName | None:
    """The name of [host, namespace, model, tag], as manifests lie; None where it can be none."""
    valid = len(parts) == len(_PARTS) and all(
        pattern.fullmatch(part) for pattern, part in zip(_PARTS, parts, strict=True)
    )
    if not valid:
        return None
    host = HOST if parts[0].lower() in _OWN_HOSTS else parts[0]
    return OllamaName(host, *parts[1:])


def parse_name(text: str) -> OllamaName | None:
    """The name a person or a program means; None where it can be none of Ollama's."""
    rest = text.strip().removeprefix("https://").removeprefix("http://")
    rest, _, tag = rest.rpartition(":") if ":" in rest.rpartition("/")[2] else (rest, "", TAG)
    parts = rest.split("/")
    if len(parts) > 3:
        return None
    return name_of_parts([*(HOST, NAMESPACE)[: 3 - len(parts)], *parts, tag])


def name_key(text: str) -> str | None:
    """What two spellings of one name have in common."""
    name = parse_name(text)
    return None if name is None else name.key
