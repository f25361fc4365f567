"""Build the texts that ship for making quantized files, resources/texts/*.txt.

Both are our own words: English and Japanese questions and answers, documents, comments and code of
this repository, mixed evenly, so that any stretch of a text holds something of each. No paragraph
is in both: a file is never judged by what it was tuned on.

    .venv/bin/python packaging/texts.py
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "texts"
# Of each kind, in each text.
CHARACTERS = {"english": 60_000, "japanese": 30_000, "code": 60_000}
_SHORTEST = 120


def english() -> Iterator[str]:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        yield from _paragraphs((ROOT / name).read_text("utf-8"))
    yield from _guide("guide_en.jsonl")
    for path in _sources():
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield from _paragraphs(ast.get_docstring(node) or "")


def japanese() -> Iterator[str]:
    yield from _guide("guide_ja.jsonl")
    for path in sorted((ROOT / "resources" / "i18n" / "ja").glob("*.ts")):
        texts = [each.text or "" for each in ElementTree.parse(path).iter("translation")]
        # Texts of the window are short: some together are a paragraph.
        for start in range(0, len(texts), 8):
            yield "\n".join(text for text in texts[start : start + 8] if text)


def code() -> Iterator[str]:
    for path in _sources():
        text = path.read_text("utf-8")
        for part in re.split(r"\n\n\n+", text):
            if len(part) >= _SHORTEST:
                yield part


def _sources() -> list[Path]:
    return sorted((ROOT / "desktop" / "core").rglob("*.py"))


def _paragraphs(text: str) -> Iterator[str]:
    for part in re.split(r"\n\s*\n", text):
        if len(part.strip()) >= _SHORTEST:
            yield part.strip()


def _guide(name: str) -> Iterator[str]:
    for line in (ROOT / "resources" / "demo" / "training" / name).read_text("utf-8").splitlines():
        found = json.loads(line)
        words = [value for value in found.values() if isinstance(value, str)]
        lists = [value for value in found.values() if isinstance(value, list)]
        words += [each for values in lists for each in values if isinstance(each, str)]
        yield "\n".join(words)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def build() -> dict[str, str]:
    """The texts by name; the same each time for the same repository."""
    kinds = {"english": english, "japanese": japanese, "code": code}
    chosen: dict[str, list[tuple[float, str]]] = {"importance": [], "evaluation": []}
    for kind, parts in kinds.items():
        shuffled = sorted({part for part in parts() if part.strip()}, key=_key)
        halves = {"importance": shuffled[::2], "evaluation": shuffled[1::2]}
        for name, half in halves.items():
            left, taken = CHARACTERS[kind], []
            for part in half:
                if left <= 0:
                    break
                taken.append(part)
                left -= len(part)
            chosen[name] += [((at + 0.5) / len(taken), part) for at, part in enumerate(taken)]
    return {
        name: "\n\n".join(part for _, part in sorted(parts)) + "\n"
        for name, parts in chosen.items()
    }


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in build().items():
        (TARGET / f"{name}.txt").write_text(text, encoding="utf-8")
        print(f"{name}.txt: {len(text.encode()) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
