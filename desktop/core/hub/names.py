"""How people name a model on the hub: `owner/name:QUANT`, `owner/name/file.gguf`, a page's address.

The library's own matching of names is in `library/resolve.py`; labels are matched the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = re.compile(r"^(?:https?://)?(?:www\.)?(?:hf\.co|huggingface\.co)/|^hf:", re.IGNORECASE)
# What the hub allows in both halves of a repository's name.
REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_VIEW = re.compile(r"/(?:resolve|blob|tree)/(?P<revision>[^/]+)(?:/|$)")


@dataclass(frozen=True)
class HubName:
    """A repository, and which of its models: by quant, by file, or whichever it has.

    Attributes:
        revision: a branch or commit; None for the main one.
    """

    repo: str
    quant: str | None = None
    file: str | None = None
    revision: str | None = None


def parse_name(text: str, endpoint: str = "") -> HubName | None:
    """What the name says, or None when it is no name on the hub."""
    plain = text.strip()
    if endpoint and plain.startswith(f"{endpoint}/"):
        plain = plain[len(endpoint) + 1 :]
    plain = PREFIX.sub("", plain).partition("?")[0].partition("#")[0]
    if "://" in plain or "\\" in plain:
        return None
    revision = None
    if view := _VIEW.search(plain):
        revision = view["revision"]
        plain = f"{plain[: view.start()]}/{plain[view.end() :]}".rstrip("/")
    path, colon, tag = plain.partition(":")
    repo, rest = "/".join(path.split("/")[:2]), "/".join(path.split("/")[2:])
    if not REPO.fullmatch(repo) or ".." in path or "//" in path or (colon and not tag):
        return None
    if rest:
        is_file = rest.lower().endswith(".gguf") and not tag
        return HubName(repo, file=rest, revision=revision) if is_file else None
    if repo.lower().endswith(".gguf"):
        return None  # a file in a folder
    return HubName(repo, quant=tag or None, revision=revision)


def label_patterns(label: str) -> tuple[re.Pattern[str], ...]:
    """Patterns for the label in a lower-case file name: exactly it first, then as a word of more.

    `Q4_K_M` is not `UD-Q4_K_M`, unless there is no other.
    """
    word = re.escape(label.lower())
    return (
        re.compile(rf"(?:^|(?<!ud)[-._/]){word}(?=$|[-._/])"),
        re.compile(rf"(?:^|[-._/]){word}(?=$|[-._/])"),
    )


def labelled(names: Iterable[str], label: str) -> list[str]:
    """Those of the names that carry the label."""
    word = label.lower()
    near = [(name, low) for name in names if word in (low := name.lower())]
    for pattern in label_patterns(label):
        if found := [name for name, low in near if pattern.search(low)]:
            return found
    return []
