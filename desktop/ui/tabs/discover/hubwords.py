"""What is said of a repository that the hub found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from desktop.ui import units

if TYPE_CHECKING:
    from desktop.core.hub.facts import FoundRepo

translate = QCoreApplication.translate


def name(found: FoundRepo) -> str:
    return found.repo.partition("/")[2]


def about(found: FoundRepo) -> list[str]:
    """Owner, size, licence."""
    size = units.parameters(found.parameters) if found.parameters else ""
    licence = found.license or translate("Discover", "licence not known")
    return [part for part in (found.author, size, licence) if part]


def figures(found: FoundRepo) -> list[str]:
    """Downloads and likes."""
    parts = []
    if found.downloads is not None:
        text = translate("Discover", "{count} downloads")
        parts.append(text.format(count=units.about(found.downloads)))
    if found.likes is not None:
        parts.append(translate("Discover", "{count} likes").format(count=units.about(found.likes)))
    return parts


def history(found: FoundRepo) -> list[str]:
    """When it was changed, and what it was made of."""
    parts = []
    if found.updated is not None:
        text = translate("Discover", "changed {date}")
        parts.append(text.format(date=day(found.updated)))
    return [part for part in (*parts, origin(found)) if part]


def origin(found: FoundRepo) -> str:
    """ "made of Qwen/Qwen3-8B"."""
    bases = [base for base in found.base_models if base.casefold() != found.repo.casefold()]
    if not bases:
        return ""
    return translate("Discover", "made of {model}").format(model=bases[0])


def chips(found: FoundRepo) -> list[str]:
    parts = ["GGUF" if found.is_gguf else translate("Discover", "Original weights")]
    tasks = {
        "image-text-to-text": translate("Discover", "Vision"),
        "feature-extraction": translate("Discover", "Embeddings"),
        "sentence-similarity": translate("Discover", "Embeddings"),
        "text-ranking": translate("Discover", "Reranking"),
        "translation": translate("Discover", "Translation"),
        "automatic-speech-recognition": translate("Discover", "Speech"),
    }
    if found.task in tasks:
        parts.append(tasks[found.task])
    if "ja" in found.languages:
        parts.append("日本語")
    if found.private:
        parts.append(translate("Discover", "Private"))
    return parts


def gated() -> str:
    return translate("Discover", "Asks for consent")


def day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
